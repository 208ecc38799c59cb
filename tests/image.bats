#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --root IMAGE: a block image as the root, mounted before the template is saved.

# shellcheck disable=SC2016 # what stands in single quotes is for the guest's shell

load root

# The same small root for all: a shell, what it needs, and a user.
setup_file()
{
	local program library

	cd "$BATS_FILE_TMPDIR" || return
	mkdir -p root/{bin,usr/bin,etc,root,home/eve,proc,sys,dev,run,tmp}
	chmod 1777 root/tmp
	for program in sh true cat ls id touch stat cp mount umount; do
		cp "$(type -P "$program")" root/bin
		while read -r library; do
			mkdir -p "root${library%/*}"
			cp -n "$library" "root$library"
		done < <(ldd "$(type -P "$program")" | grep -oE '/[^ ]+')
	done
	printf '%s\n' root:x:0:0::/root:/bin/sh eve:x:1000:1000::/home/eve:/bin/sh >root/etc/passwd
	printf '%s\n' root:x:0: eve:x:1000: disk:x:6:eve >root/etc/group
	chown 1000:1000 root/home/eve
	# Not small: to be seen in how much of a cut image is missing.
	head -c 6M /dev/urandom >root/usr/bin/large
	mkfs.erofs root.erofs root >/dev/null 2>&1
	truncate -s 64M root.ext4
	mke2fs -q -t ext4 -d root root.ext4
}

# the_same_as_root IMAGE: its files are those of the root, and it is not written to.
the_same_as_root()
{
	local before

	before=$(sha256sum "$1")
	qemu_run --root "$1" -- sh -c 'set -e; cat /etc/passwd; echo lost >/etc/passwd; : >/usr/new; ls /usr; id -u'
	assert_outcome 0 exit
	assert_equal "$output" "$(<"$BATS_FILE_TMPDIR/root/etc/passwd")"$'\nbin\nnew\n0'
	# A second run is another clone, which knows nothing of the first.
	qemu_run --root "$1" -- sh -c 'cat /etc/passwd; ls /usr'
	assert_outcome 0 exit
	assert_equal "$output" "$(<"$BATS_FILE_TMPDIR/root/etc/passwd")"$'\nbin'
	assert_equal "$(json .root)" "$(realpath "$1")"
	assert_equal "$(sha256sum "$1")" "$before"
}

@test 'image: erofs: its programs run, what they write is gone, and the file is as it was' {
	the_same_as_root "$BATS_FILE_TMPDIR/root.erofs"
}

@test 'image: qcow2 with a partition table: the partition that holds a root, and not its /boot' {
	needs qemu-img sfdisk
	mkdir boot && touch boot/vmlinuz
	truncate -s 16M boot.ext4 && mke2fs -q -t ext4 -d boot boot.ext4
	truncate -s 96M disk
	printf '%s\n' 'label: gpt' 'start=2048, size=16M' 'start=40960, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709' |
		sfdisk -q disk
	dd if=boot.ext4 of=disk bs=512 seek=2048 conv=notrunc status=none
	dd if="$BATS_FILE_TMPDIR/root.ext4" of=disk bs=512 seek=40960 conv=notrunc status=none
	qemu-img convert -O qcow2 disk disk.image
	the_same_as_root disk.image
}

# bats test_tags=slow
@test 'image: squashfs, xfs and btrfs' {
	needs mksquashfs mkfs.xfs mkfs.btrfs
	mksquashfs "$BATS_FILE_TMPDIR/root" root.squashfs -quiet -no-progress
	the_same_as_root root.squashfs
	truncate -s 200M root.btrfs
	mkfs.btrfs -q -r "$BATS_FILE_TMPDIR/root" root.btrfs >/dev/null 2>&1
	the_same_as_root root.btrfs
	# Made by a guest, since mkfs.xfs takes no directory.
	truncate -s 400M root.xfs
	mkfs.xfs -q root.xfs
	qemu_run --disk root.xfs,rw -m xfs -f "$BATS_FILE_TMPDIR/root" -- sh -c 'mkdir /mnt && mount -t xfs /dev/vda /mnt && cp -a root/. /mnt'
	assert_outcome 0 exit
	the_same_as_root root.xfs
}

@test 'image: --user, -C, -f, --get, --disk and modules work as with a directory' {
	local root=$BATS_FILE_TMPDIR/root.erofs

	needs_9p
	echo hello >input
	qemu_run --root "$root" --user eve -- sh -c 'id; pwd; echo "$HOME $USER $SHELL $PATH"'
	assert_outcome 0 exit
	assert_equal "$output" 'uid=1000(eve) gid=1000(eve) groups=1000(eve),6(disk)
/home/eve
/home/eve eve /bin/sh /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
	qemu_run --root "$root" --user mallory -- true
	assert_outcome 125 cannot-run
	assert_stderr '--user mallory: not in etc/passwd of the root'
	truncate -s 8M disk && mke2fs -q disk
	mkdir -p shared/a
	qemu_run --root "$root" --ro shared:/mnt/x --rw "$PWD/shared/a" -- \
		sh -c 'ls /mnt/x; echo x >"$1/shared/a/b"; ls -d /boot/config-*; cd -P /lib/modules/*/build; ! touch /mnt/x/c' sh "$PWD"
	assert_outcome 0 exit
	assert_equal "$output $(<shared/a/b)" $'a\n'"/boot/config-$(<"$KERNEL_DIR/release") x"
	qemu_run --root "$root" --disk disk -f input -C /usr -m ext4 --get /usr/out:out -- \
		sh -c 'cat /root/input >out; mount -t ext4 /dev/vda /tmp && ls /tmp; cat /sys/block/vda/serial'
	assert_outcome 0 exit
	assert_equal "$output" $'lost+found\ndisk'
	assert_equal "$(<out)" hello
}

@test 'a root as NixOS has it, a directory or an image: programs of a store, and links' {
	local busybox root

	needs_9p
	busybox=$(type -P busybox)
	mkdir -p nixos/{nix/store/b-busybox/bin,nix/store/s-system/sw,nix/var/nix/profiles,bin,usr/bin,etc,run,proc,sys,dev,tmp}
	cp "$busybox" nixos/nix/store/b-busybox/bin/busybox
	for program in sh env ls cat id grep modprobe; do
		ln -s busybox nixos/nix/store/b-busybox/bin/$program
	done
	ln -s /nix/store/b-busybox/bin nixos/nix/store/s-system/sw/bin
	ln -s /nix/store/s-system nixos/nix/var/nix/profiles/system-1-link
	ln -s system-1-link nixos/nix/var/nix/profiles/system
	ln -s /nix/store/b-busybox/bin/sh nixos/bin/sh
	ln -s /nix/store/b-busybox/bin/env nixos/usr/bin/env
	# The shell of its users.
	echo root:x:0:0::/root:/run/current-system/sw/bin/sh >nixos/etc/passwd
	# An image of one that never ran has no link in /run.
	mkfs.erofs nixos.erofs nixos >/dev/null 2>&1
	ln -s /nix/store/s-system nixos/run/current-system
	for root in nixos nixos.erofs nixos; do
		qemu_run --root "$root" -- env sh -c 'ls -d /run/current-system/sw; $SHELL -c id; ls /usr/bin /bin; echo "${PATH##*:}"
			cat /proc/sys/kernel/modprobe; modprobe dummy && grep -o "^dummy" /proc/modules'
		assert_outcome 0 exit
		assert_output $'/run/current-system/sw\nuid=0(root) gid=0\n/bin:\nsh\n\n/usr/bin:\nenv\n/run/current-system/sw/bin\n/run/current-system/sw/bin/modprobe\ndummy'
		# Nor has a directory, the second time; and nothing is made there.
		rm -f nixos/run/current-system
	done
	assert_equal "$(ls -A nixos/run)" ''
}

# one_line TEXT: qemu-run said that and nothing else, and the run did not begin.
one_line()
{
	assert_outcome 125 cannot-run
	assert_equal "$stderr" "qemu-run: $1"
}

@test 'image: what cannot be a root is one clear line' {
	needs qemu-img sfdisk
	truncate -s 8M empty
	qemu_run --root empty -- true
	one_line '--root: no file system, and no partition with one, that can be a root (squashfs, erofs, ext4, xfs, btrfs)'
	head -c 2M "$BATS_FILE_TMPDIR/root.erofs" >short
	qemu_run --root short -- true
	one_line '--root: its erofs is cut short: the file has less than its file system'
	{ printf 'LUKS\xba\xbe'; head -c 1M /dev/zero; } >luks
	qemu_run --root luks -- true
	one_line '--root: it is encrypted (LUKS): give an image that is not'
	# In a partition, too.
	truncate -s 4M disk
	echo 'start=2048, size=2M' | sfdisk -q disk
	dd if=luks of=disk bs=512 seek=2048 conv=notrunc status=none
	qemu_run --root disk -- true
	one_line '--root: it is encrypted (LUKS): give an image that is not'
	# Of these the host knows.
	qemu-img convert -O qcow2 "$BATS_FILE_TMPDIR/root.erofs" whole
	head -c 2M whole >short
	qemu_run --root short -- true
	one_line "--root $PWD/short: its qcow2 is cut short, or was not closed: see qemu-img check"
}

# bats test_tags=slow
@test 'image: a file system that was not unmounted, or is cut, is one clear line' {
	cp "$BATS_FILE_TMPDIR/root.ext4" dirty
	# A guest that is reset while it writes.
	qemu_run --disk dirty,rw -m ext4 -- sh -c 'mkdir /mnt && mount -t ext4 /dev/vda /mnt && echo x >/mnt/x && sync && echo b >/proc/sysrq-trigger; sleep 60'
	assert_outcome 122 silent
	qemu_run --root dirty -- true
	one_line '--root: its ext4 was not unmounted: let fsck, or a mount for writing, replay its journal'
	head -c 20M "$BATS_FILE_TMPDIR/root.ext4" >short
	qemu_run --root short -- true
	one_line '--root: its ext4 cannot be mounted: Invalid argument: damaged, cut short, or compressed as this kernel cannot read it?'
}

@test 'image: root of the guest cannot write to it, and an image that changes is taken anew' {
	local before

	cp "$BATS_FILE_TMPDIR/root.erofs" image
	before=$(sha256sum image)
	qemu_run --root image -- sh -c 'cat /sys/block/vda/ro; echo >/dev/vda; mount -t erofs -o rw /dev/vda /tmp && echo >/tmp/etc/passwd; umount -l /; cat /usr/bin/large >/dev/vda'
	assert_line -n 0 1
	assert_equal "$(sha256sum image)" "$before"
	cp -r "$BATS_FILE_TMPDIR/root" other
	echo other >other/etc/hostname
	mkfs.erofs image other >/dev/null 2>&1
	qemu_run --root image -- cat /etc/hostname
	assert_outcome 0 exit
	assert_equal "$output" other
}
