#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What a kernel of one's own needs, what is said where it lacks some of that, and what becomes
# of its faults.

load recipes

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# kernel_without OPTION: sets kernel to the one under test, with a configuration that has that off.
kernel_without()
{
	local file

	# By this name its driver is found, and not built.
	kernel=$PWD/$1/${KERNEL_DIR##*/}
	mkdir -p "$kernel"
	for file in "$(readlink -f "$KERNEL_DIR")"/*; do
		[[ $file == */config ]] || ln -s "$file" "$kernel"
	done
	grep -v "^CONFIG_$1=" "$KERNEL_DIR/config" >"$kernel/config"
}

@test 'what an option needs of the kernel is said in the terms of the command line' {
	local option line kernel

	truncate -s 1M disk
	while read -r option line; do
		kernel_without "$option"
		# shellcheck disable=SC2086 # words
		qemu_run -k "$kernel" $line -- true
		assert_outcome 125 cannot-run
		line=${line%% *}
		assert_equal "${stderr%;*}" "qemu-run: ${line:-qemu-run} needs CONFIG_$option, which kernel $(<"$KERNEL_DIR/release") lacks"
	done <<-'E'
		64BIT
		BLK_DEV_INITRD
		PROC_FS
		MODULES -m loop
		VIRTIO_BLK --disk disk
		VIRTIO_NET --net
		INET --net
		NET_9P_VIRTIO --rw .
		9P_FS --root /
		OVERLAY_FS --root /
	E
}

@test 'a kernel that takes fewer processors than --cpus has: one line says so' {
	qemu_run --cpus 2 --append nr_cpus=1 -- nproc
	assert_outcome 0 exit
	assert_output 1
	assert_equal "$stderr" "qemu-run: --cpus 2: kernel $(<"$KERNEL_DIR/release") takes 1: see its CONFIG_SMP and CONFIG_NR_CPUS"
}

# merged DIR [argument of merge_config.sh...]: what of --kconfig is not in the configuration made there.
merged()
{
	(cd "$LINUX" && scripts/kconfig/merge_config.sh -O "$1" "${@:2}" "$BATS_TEST_TMPDIR/fragment") >"$1/log" 2>&1 ||
		fail "$(<"$1/log")"
	comm -23 <(grep ^CONFIG_ fragment | sort) <(sort "$1/.config")
}

@test '--kconfig: a fragment with a comment on each part' {
	run -0 qemu-run --kconfig
	assert_line CONFIG_VIRTIO_CONSOLE=y
	assert_line --regexp '^# .*--root'
}

# bats test_tags=slow
@test '--kconfig: each option holds after merge_config.sh, with all else off and with defconfig' {
	LINUX=$("$top/scripts/own-kernel" -s ${OWN_VERSION:+"$OWN_VERSION"} 2>log) || fail "$(<log)"
	qemu-run --kconfig >fragment
	mkdir small large
	run -0 merged "$PWD/small" -n
	assert_output ''
	make -s -C "$LINUX" O="$PWD/large" defconfig
	run -0 merged "$PWD/large" "$PWD/large/.config"
	assert_output ''
}

# own_tree: has a small kernel, built once, be the one that runs.
own_tree()
{
	QEMU_RUN_KERNEL=$("$top/scripts/own-kernel" ${OWN_VERSION:+"$OWN_VERSION"} 2>log) || fail "$(<log)"
	export QEMU_RUN_KERNEL
	# What is built for it is no line of a test's.
	qemu-run -- true &>log || fail "$(<log)"
}

# own_copy: sets LINUX to a source of this test's own, with what was built in it. Its history
# is that of one file.
own_copy()
{
	own_tree
	export LINUX=$PWD/linux
	cp -al "${QEMU_RUN_KERNEL%/build}" linux
	rm -rf linux/build*
	# What is edited is no link.
	cp -p --remove-destination "${QEMU_RUN_KERNEL%/build}"/drivers/misc/own_*.c linux/drivers/misc
	cp -a "$QEMU_RUN_KERNEL" linux/build
	# objtool alone is built by whole names, and all is compiled again by another one.
	find linux/build/tools -name '.*.cmd' -exec sed -i "s|${QEMU_RUN_KERNEL%/build}/|$LINUX/|g" {} +
	export QEMU_RUN_KERNEL=$LINUX/build
	cd linux || return
	git init -q .
	git config user.name somebody
	git config user.email somebody@example.org
	git add -f drivers/misc/own_faults.c
	git commit -q -m 'commit 1'
	git tag v1
	cd .. || return
}

# bats test_tags=slow
@test 'own kernel: what a run can bring works with what --kconfig prints' {
	local machine

	own_tree
	truncate -s 1M disk
	echo 'from the host' >file
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --cpus 2 --disk disk --net -m own_module,edit=7 --root / --rw "$PWD" -- sh -ec '
		cat "$0/file" /sys/module/own_module/parameters/edit
		nproc
		cat /sys/block/vda/size
		cat /sys/class/net/eth0/operstate
		modprobe -n own_module' "$PWD"
	assert_outcome 0 exit
	assert_output $'from the host\n7\n2\n2048\nup'
	assert_equal "$stderr" ''
	assert_equal "$(json .start)" restored
	for machine in q35 microvm; do
		qemu_run --machine "$machine" -m own_module -- true
		assert_outcome 0 exit
		assert_equal "$stderr" ''
		assert_equal "$(json .start)" restored
	done
}

# bats test_tags=slow
@test 'own kernel: an image as its root' {
	local option

	own_tree
	mkdir -p root/bin root/proc root/sys root/dev root/run root/tmp
	cp "$(command -v busybox)" root/bin/sh
	for option in gzip xz zstd; do
		mksquashfs root image -comp $option -noappend -quiet -no-progress
		qemu_run --root image -- /bin/sh -c 'echo from the image'
		assert_outcome 0 exit
		assert_output 'from the image'
		assert_equal "$stderr" ''
	done
}

# bats test_tags=slow
@test 'own kernel: a fault in a system call: 120 and 121, with its file and line' {
	own_tree
	local place='drivers/misc/own_faults\.c:[0-9]+'
	qemu_run -- sh -c 'echo warn >/proc/fault'
	assert_outcome 120 splat
	[[ $stderr =~ WARNING:.*$place ]]
	qemu_run -- sh -c 'echo bug >/proc/fault'
	assert_outcome 120 splat
	[[ $stderr =~ kernel\ BUG\ at\ $place ]]
	qemu_run -- sh -c 'echo 1 >/proc/sys/kernel/panic_on_oops; echo bug >/proc/fault'
	assert_outcome 121 panic
	[[ $stderr =~ kernel\ BUG\ at\ $place ]]
	qemu_run -- sh -c 'echo oops >/proc/fault'
	assert_outcome 120 splat
	assert_stderr fault_happen
	qemu_run -- sh -c 'echo panic >/proc/fault'
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing: a panic that was asked for'
}

# bats test_tags=slow
@test 'own kernel: a deadlock is 124, and names the lock and the system call' {
	own_tree
	qemu_run --timeout 1 -- sh -c 'echo lock >/proc/fault'
	assert_outcome 124 deadline
	assert_stderr mutex_lock
	assert_stderr fault_write
	assert_stderr sys_write
}

# bats test_tags=slow
@test 'own kernel: a loop with interrupts off is 123, with a trace' {
	own_tree
	qemu_run --timeout 1 -- sh -c 'echo irqs >/proc/fault'
	assert_outcome 123 hung
	assert_stderr fault_happen
	assert_stderr sys_write
}

# bats test_tags=slow
@test 'own kernel: a panic, an oops and a BUG of an initcall are 121, with their text' {
	own_tree
	local fault

	for fault in panic oops bug; do
		qemu_run --append "fault=$fault" -- true
		assert_outcome 121 panic
		assert_stderr fault_init
	done
}

# bats test_tags=slow
@test 'own kernel: a warning of an initcall is no success, for git bisect either' {
	own_tree
	local cold

	for cold in '' --cold; do
		# shellcheck disable=SC2086 # a word, or none
		qemu_run $cold --append fault=warn -- true
		assert_outcome 120 splat
		[[ $stderr =~ WARNING:.*drivers/misc/own_faults\.c:[0-9]+ ]]
		# shellcheck disable=SC2086
		qemu_run $cold --bisect --append fault=warn -- true
		assert_equal "$status" 1
	done
}

# bats test_tags=slow
@test 'own kernel: a panic before panic= is read is 121' {
	own_tree
	# Of the command line, what comes first is read first.
	qemu_run --append early_fault=panic -- true
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing: a panic that was asked for'
}

# bats test_tags=slow
@test 'own kernel: a hang while it boots ends at --boot-timeout, with what it hangs in' {
	own_tree
	local seconds fault text

	qemu_run --cold -- true
	seconds=$(json '.phases_ms | add * 3 / 1000 + 2 | ceil')
	# So early a kernel answers no interrupt.
	while read -r fault text; do
		qemu_run --boot-timeout "$seconds" --append "$fault" -- true
		assert_outcome 123 hung
		assert_stderr "did not reach init in $seconds s"
		assert_stderr "$text"
	done <<-'E'
		fault=hang fault_happen
		fault=print still at it
		early_fault=hang Linux version
	E
}

# bats test_tags=slow
@test 'own kernel: configured by the recipe, built, run; a module of the tree, edited and run, ten times' {
	local edit

	own_copy
	renamed='s/mine/own_module/g; s/value/edit/'
	recipe 'Your own kernel'
	assert_equal "$status" 0
	assert_line --regexp '^Linux version 6\.'
	for edit in {1..10}; do
		sed -i "s/edit = .*;/edit = $edit;/" linux/drivers/misc/own_module.c
		make -s -C linux O=build modules
		qemu_run -m own_module -- cat /sys/module/own_module/parameters/edit
		assert_output "$edit"
	done
}

# bats test_tags=slow
@test 'own kernel: linked again, it runs with the driver that is there, unless a header has changed' {
	local before directory

	own_copy
	# With a history its release has a "+".
	make -s -C linux O=build bzImage modules
	qemu_run --cold -- uname -v
	before=$output
	echo 'static const int own_edit __used = 1;' >>linux/drivers/misc/own_faults.c
	make -s -C linux O=build bzImage
	qemu_run --cold -- uname -v
	refute_output "$before"
	assert_equal "$stderr" ''
	# make was not even asked.
	directory=$("$top/scripts/kernel" -k "$LINUX/build")
	[[ ! ${BUILD:-$top/build}/modules/${directory##*/}/.made -nt linux/build/vmlinux ]]
	sed -i "\$a/* edited */" linux/include/linux/reboot.h
	touch linux/build/vmlinux
	qemu_run --cold -- true
	assert_outcome 0 exit
	assert_stderr qemu_poweroff.ko
}

# bats test_tags=slow
@test 'own kernel: gdb stops in it, by the symbols of its tree' {
	command -v gdb >/dev/null || skip 'gdb is missing: scripts/setup all'
	own_tree
	export VMLINUX=$QEMU_RUN_KERNEL/vmlinux
	recipe 'gdb: in the kernel'
	assert_equal "$status" 0
	assert_line --regexp '^#0 .*version_proc_show \(.* at .*fs/proc/version\.c:[0-9]+$'
	assert_line --regexp '^#[0-9]+ .*do_syscall_64 \('
}

# bats test_tags=slow
@test 'git bisect: finds the commit from which on the kernel warns, past one that does not compile and one that hangs' {
	local number

	own_copy
	cd linux
	for number in {2..10}; do
		case $number in
		5) sed -i 's/fault_happen(fault);/fault_happens(fault);/' drivers/misc/own_faults.c ;;
		6) sed -i 's/fault_happens(fault);/fault_happen(fault);/' drivers/misc/own_faults.c ;;
		7) sed -i 's/fault_happen(fault);/fault_happen("warn");/' drivers/misc/own_faults.c ;;
		8) sed -i 's/fault_happen("warn");/fault_happen("hang");/' drivers/misc/own_faults.c ;;
		9) sed -i 's/fault_happen("hang");/fault_happen("warn");/' drivers/misc/own_faults.c ;;
		esac
		echo "/* commit $number */" >>drivers/misc/own_faults.c
		git commit -q -a -m "commit $number"
	done
	recipe 'git bisect: the commit that broke the kernel'
	assert_equal "$status" 0
	assert_equal "$(git log -1 --format=%s refs/bisect/bad)" 'commit 7'
	# It has met both.
	run -0 git bisect log
	assert_line --regexp '^# skip: .* commit 5$'
	assert_line --regexp '^# bad: .* commit 8$'
}
