#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the guest has written to its disks is there after its end: on ext4, on a raw
# image and on qcow2. Of QEMU up to 9.0 the write to the port is a plain exit(): it
# loses what it has not written of its own, such as the tables of qcow2.

load helper

setup_file()
{
	WITNESS_KO=$(module_file witness)
	export WITNESS_KO
}

setup()
{
	kernel_has EXT4_FS || skip 'this kernel has no ext4'
	PATH=$PATH:/sbin:/usr/sbin
	witness=$BATS_TEST_TMPDIR/witness
	raw=$BATS_TEST_TMPDIR/raw
	qcow2=$BATS_TEST_TMPDIR/qcow2
	make_images
	# What ext4 asks the kernel for by itself, where it is a module.
	ext4=(--module ext4)
	! has_module crc32c_generic || ext4+=(--module crc32c_generic)
}

make_images()
{
	rm -f -- "$raw" "$qcow2"
	truncate -s 64M "$raw"
	mkfs.ext4 -q "$raw"
	qemu-img convert -O qcow2 "$raw" "$qcow2"
}

# has_module NAME: what the kernel does not have is built in.
has_module()
{
	[[ $(find -L "$KERNEL_DIR/modules/kernel" -name "$1.ko*" -print -quit) ]]
}

# bus: what virtio is on.
bus()
{
	[[ ${MACHINE:-pc} == microvm ]] && echo device || echo pci
}

# with_disks: as booted, with a file system from each image
# mounted and written to. $witness gets what the kernel logs. A machine that is too
# busy to write that little in the second that there is for it tries again.
with_disks()
{
	local bus module try script=$BATS_TEST_TMPDIR/with_disks modules=()

	bus=$(bus)
	for module in virtio_pci virtio_mmio virtio_blk ext4 crc32c_generic; do
		! has_module "$module" || modules+=(-m "$module")
	done
	{
		cat <<-'E'
			modprobe -a virtio_pci virtio_mmio virtio_blk ext4 crc32c_generic 2>/dev/null
			insmod witness.ko
			for disk in vda vdb; do
				until [ -b /dev/$disk ]; do usleep 50000; done
				mkdir $disk
				mount -t ext4 /dev/$disk $disk
				seq 1 10000 >$disk/numbers
				mkdir $disk/many
				for i in $(seq 1 10); do echo $i >$disk/many/$i; done
			done
		E
		cat
	} >"$script"
	for try in 1 2 3; do
		booted "${modules[@]}" -m "$WITNESS_KO" \
			-q -chardev -q "file,id=witness,path=$witness" \
			-q -device -q isa-debugcon,chardev=witness \
			-q -drive -q "if=none,id=raw,format=raw,file=$raw" -q -device -q "virtio-blk-$bus,drive=raw" \
			-q -drive -q "if=none,id=qcow2,format=qcow2,file=$qcow2${throttle-}" \
			-q -device -q "virtio-blk-$bus,drive=qcow2" <"$script"
		if [[ ${throttle-} ]] || ! grep -q 'still being written' "$witness"; then
			break
		fi
		printf '# too slow, try %d\n' "$try" >&3
		make_images
	done
}

# unpack: the images as they are after the guest, each as a raw one, in ${images[@]}.
unpack()
{
	qemu-img check -q "$qcow2"
	qemu-img convert -O raw "$qcow2" "$qcow2.raw"
	images=("$raw" "$qcow2.raw")
}

# written IMAGE: all of what with_disks wrote is in the image.
written()
{
	local i

	[[ $(debugfs -R 'cat numbers' "$1" 2>/dev/null) == "$(seq 1 10000)" ]] || return
	for i in {1..10}; do
		[[ $(debugfs -R "cat many/$i" "$1" 2>/dev/null) == "$i" ]] || return
	done
}

# all_there: in both images all is written, and the file system is whole.
all_there()
{
	local image images

	unpack
	for image in "${images[@]}"; do
		run -0 e2fsck -fn "$image"
		written "$image"
	done
}

# none_there: the guest has not written its files to either image.
none_there()
{
	local image images

	unpack
	for image in "${images[@]}"; do
		! written "$image" || fail "$image: all is there"
	done
}

# logged TEXT: the kernel did.
logged()
{
	grep -qF -- "$1" "$witness" || fail "the kernel did not log: $1: $(tail -n 20 "$witness")"
}

@test 'deadline: what was written is there' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	assert_code 42
	logged 'Filesystems sync'
	all_there
}

@test 'delay=0: what was written is there' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 0 >/sys/module/qemu_poweroff/parameters/delay
		sleep 60
	E
	assert_code 42
	all_there
}

# Without the sync of BusyBox's halt.
@test 'halt: what was written is there' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		halt -n -f
	E
	assert_code 42
	logged 'halt: ending the machine with code 42 (process)'
	all_there
}

@test 'sync=0: nothing is written at the end' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=0 code=42 sync=0
		sleep 60
	E
	assert_code 42
	none_there
}

@test 'sync: can be turned on and off while loaded' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42 sync=0
		echo 1 >/sys/module/qemu_poweroff/parameters/sync
		echo 0 >/sys/module/qemu_poweroff/parameters/delay
		sleep 60
	E
	assert_code 42
	all_there
}

@test 'panic: nothing is written at the end' {
	with_disks <<-'E'
		insmod qemu_poweroff.ko delay=-1
		echo c >/proc/sysrq-trigger
	E
	assert_code 121
	none_there
}

# The files take minutes to write at that rate.
@test 'deadline: a disk that is too slow does not hold it up, and the log says so' {
	throttle=,throttling.bps-write=8192 with_disks <<-'E'
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	assert_code 42
	logged 'deadline: ending the machine with code 42 (process)'
	logged 'deadline: file data is still being written to disk, some of it may be lost'
}

@test 'halt: a disk that is too slow does not hold it up, and the log says so' {
	throttle=,throttling.bps-write=8192 with_disks <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		halt -n -f
	E
	assert_code 42
	logged 'halt: file data is still being written to disk, some of it may be lost'
}

# --- The end of a command, by qemu-run's init --------------------------------

# What the command writes, on a disk that is mounted as m.
# shellcheck disable=SC2016 # the guest's to expand
readonly write='
	mkdir m && mount -t ext4 /dev/vda m && seq 1 10000 >m/numbers && mkdir m/many &&
	for i in $(seq 1 10); do echo $i >m/many/$i; done'

# clean IMAGE: all is written, and the file system was unmounted.
clean()
{
	run -0 e2fsck -fn "$1"
	refute_output --partial 'skipping journal recovery'
	refute_output --partial 'wrong'
	written "$1"
}

# on_qcow2 COMMAND [option of qemu-run...]: runs it with the qcow2 image as /dev/vda.
on_qcow2()
{
	run --separate-stderr qemu-run --cold --module virtio_blk "${ext4[@]}" \
		--qemu -drive --qemu "if=none,id=qcow2,format=qcow2,file=$qcow2${throttle-}" \
		--qemu -device --qemu "virtio-blk-$(bus),drive=qcow2" "${@:2}" -- sh -c "$1"
}

@test 'command: what it wrote is there after its end, and unmounted' {
	run qemu-run --disk "$raw,rw" "${ext4[@]}" -- sh -c "$write; exit 7"
	assert_equal "$status" 7
	clean "$raw"
}

# bats test_tags=slow
@test 'command: the same on qcow2' {
	on_qcow2 "$write; exit 7"
	assert_equal "$status" 7
	unpack
	clean "$qcow2.raw"
}

@test 'command: what it left running does not keep the disk' {
	run qemu-run --disk "$raw,rw" "${ext4[@]}" -- \
		sh -c "$write; (cd m; exec sleep 1000 >log) & exit 7"
	assert_equal "$status" 7
	clean "$raw"
}

# ends STATUS COMMAND [option of qemu-run...]: with a fresh raw image as /dev/vda.
ends()
{
	make_images
	run qemu-run --disk "$raw,rw" "${ext4[@]}" "${@:3}" -- sh -c "$2"
	assert_equal "$status" "$1"
}

@test 'command: what it wrote where init does not look is there, and unmounted' {
	# A mount namespace of its own, and a process in it.
	ends 7 "unshare -m sh -c '${write//\'/}; echo >done; sleep 1000' &
		until [ -e done ]; do usleep 50000; done; exit 7"
	clean "$raw"
	# The kernel's own file systems are gone.
	ends 7 "$write; umount -l /proc; umount -l /sys; umount -l /dev; exit 7"
	clean "$raw"
	# Detached, and in use.
	ends 7 "$write; (cd m; exec sleep 1000 >log) & usleep 200000; umount -l m; exit 7"
	clean "$raw"
	# A loop device holds a file on the disk, and has data for it. Swap is on another.
	! has_module loop || ext4+=(--module loop)
	ends 7 "$write; truncate -s 8M m/file; losetup /dev/loop0 m/file; echo hello >/dev/loop0
		dd if=/dev/zero of=m/swap bs=1M count=8; mkswap m/swap; swapon m/swap; exit 7"
	clean "$raw"
	assert_equal "$(debugfs -R 'cat file' "$raw" 2>/dev/null | head -c 6)" hello
}

@test 'command: what it wrote to the disk itself is there, and nobody has closed it' {
	ends 7 'exec 5<>/dev/vda; seq 1 100000 >&5; sleep 1000 & exit 7'
	cmp -n "$(seq 1 100000 | wc -c)" "$raw" <(seq 1 100000)
}

@test 'command: a power-off that it asks init for unmounts its disks' {
	ends 122 "$write; echo said; poweroff; sleep 1000"
	assert_line said
	clean "$raw"
}

@test 'command: what it wrote before its deadline is there, and unmounted' {
	run qemu-run --timeout 5 --disk "$raw,rw" "${ext4[@]}" -- sh -c "$write; sleep 1000"
	assert_equal "$status" 124
	clean "$raw"
}

# bats test_tags=slow
@test 'command: a disk that is too slow does not hold up the end, and is no success' {
	throttle=,throttling.bps-write=8192 on_qcow2 "$write" --timeout 5
	assert_equal "$status" 120
	[[ $stderr == *'init: file data is still being written to disk after '*': data may be lost'* ]]
}
