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

# bats test_tags=slow
@test 'init: Debian with systemd: services, journal, timers, logins; clones are quiet' {
	local release run

	needs mmdebstrap
	((!EUID)) || skip 'mmdebstrap as an ordinary user needs more of the host'
	release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	[[ $release ]] || skip 'a host that is no release of Debian'
	mmdebstrap --quiet --variant=minbase --include=systemd-sysv,dbus,udev,kmod,libpam-systemd "$release" system >/dev/null 2>&1 ||
		skip 'the archive is out of reach'
	mkfs.erofs system.erofs system >/dev/null 2>&1
	run=(--root "$PWD/system.erofs" --init)
	limit=600 qemu_run "${run[@]}" -- systemctl is-system-running
	assert_outcome 0 exit
	assert_equal "$output" running
	# The calendar's timers do not run, although the clock jumped; others do.
	qemu_run "${run[@]}" -- sh -c 'systemctl list-timers --no-legend | grep -c apt-daily
		systemd-run -q --on-active=0.2 touch /run/fired
		systemctl restart systemd-logind && systemctl is-active systemd-logind
		loginctl list-seats --no-legend
		until [ -e /run/fired ]; do sleep 0.1; done
		systemd-run -q --unit=fails false; until systemctl -q is-failed fails; do sleep 0.1; done
		journalctl -q -u fails -o cat --no-pager | grep -o "Failed with result.*"'
	assert_outcome 0 exit
	assert_equal "$output" $'0\nactive\nseat0\nFailed with result \'exit-code\'.'
	# Eight at once: each has its own time and random numbers.
	seq 8 | xargs -P 4 -I {} qemu-run "${run[@]}" -n -- sh -c 'date +%N; cat /proc/sys/kernel/random/uuid; systemctl is-system-running' >all
	assert_equal "$(grep -c running all)" 8
	assert_equal "$(sort -u all | grep -vc running)" 16
}
