#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --init: the image's own init is PID 1, and its system is in the template.

# shellcheck disable=SC2016 # what stands in single quotes is for the guest's shell

load root

# BusyBox's init, with a service.
setup_file()
{
	local busybox

	cd "$BATS_FILE_TMPDIR" || return
	mkdir -p small/{bin,sbin,etc,root,proc,sys,dev,run,tmp,usr}
	busybox=$(type -P busybox)
	cp "$busybox" small/bin/busybox
	ln -s busybox small/bin/sh
	ln -s ../bin/busybox small/sbin/init
	echo root:x:0:0::/root:/bin/sh >small/etc/passwd
	printf '%s\n' '::sysinit:/bin/busybox --install -s /bin' '::once:/bin/sh /etc/service' >small/etc/inittab
	printf '%s\n' 'sleep 1; cat /proc/sys/kernel/random/uuid >/run/service; exec sleep 100000' >small/etc/service
	printf '%s\n' '#!/bin/sh' 'exit 0' >small/sbin/ends
	chmod +x small/sbin/ends
	mkfs.erofs small.erofs small >/dev/null 2>&1
}

@test 'init: BusyBox is PID 1, its service runs on in each clone, and the status is the truth' {
	local first run=(--root "$BATS_FILE_TMPDIR/small.erofs" --init --ready 'test -s /run/service')

	qemu_run "${run[@]}" -- sh -c 'readlink /proc/1/exe; pidof sleep | wc -w; cat /run/service; exit 42'
	assert_outcome 42 exit
	assert_equal "${lines[0]} ${lines[1]}" '/bin/busybox 1'
	first=${lines[2]}
	# Another clone of the same system, which is not booted again.
	qemu_run "${run[@]}" -- sh -c 'cat /run/service; kill $(pidof sleep)'
	assert_outcome 0 exit
	assert_equal "$output" "$first"
	mkdir shared
	qemu_run "${run[@]}" --rw shared:/mnt --ro shared:/srv -- sh -c 'echo x >/mnt/file; cat /srv/file; ! touch /srv/x'
	assert_outcome 0 exit
	assert_equal "$output $(<shared/file)" 'x x'
	# What the command leaves behind is reaped, and a signal is told.
	qemu_run "${run[@]}" -- sh -c '(sleep 0.1 &); sleep 1; ! grep -l "^State:.Z" /proc/[0-9]*/status && kill -9 $$'
	assert_outcome 137 signal
	qemu_run "${run[@]}" -t 1 -- sleep 1000
	assert_outcome 124 deadline
	qemu_run "${run[@]}" -- sh -c 'echo c >/proc/sysrq-trigger'
	assert_outcome 121 panic
}

@test 'init: what cannot become a system is said, and nothing is kept' {
	local root=$BATS_FILE_TMPDIR/small.erofs

	qemu_run --root "$root" --init -- true
	assert_outcome 125 cannot-run
	assert_stderr '--init: it is not systemd: give --ready COMMAND'
	qemu_run --root "$root" --init=/sbin/nothing -- true
	assert_outcome 125 cannot-run
	assert_stderr '--init: No such file or directory'
	qemu_run --root "$root" --init=/sbin/ends --ready true -- true
	assert_outcome 121 panic
	qemu_run --root "$root" --init --ready false --boot-timeout 5 -- true
	assert_outcome 123 hung
	assert_stderr 'did not get its system ready in 5 s'
	qemu_run --root / --init -- true
	assert_equal "$status" 125
	assert_stderr '--init needs an image'
	qemu_run --root "$root" --init=init -- true
	assert_equal "$status" 125
	assert_stderr 'give an absolute path'
}
