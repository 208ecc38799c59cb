#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --init with systemd: a Debian (DEBIAN=trixie), in an image as clouds have it, booted once for all.

# bats file_tags=slow
# shellcheck disable=SC2016 # what stands in single quotes is for the guest's shell

load root

# unit NAME LINE...: in the image.
unit()
{
	printf '%s\n' "${@:2}" >"system/etc/systemd/system/$1"
}

setup_file()
{
	local release=${DEBIAN-trixie} start_at_boot=system/etc/systemd/system/multi-user.target.wants

	needs mmdebstrap qemu-img sfdisk
	((!EUID)) || skip 'mmdebstrap as an ordinary user needs more of the host'
	cd "$BATS_FILE_TMPDIR" || return
	mmdebstrap --quiet --variant=minbase --include=systemd-sysv,dbus,udev,kmod,libpam-systemd,python3-minimal \
		"$release" system >/dev/null 2>&1 || skip "the archive of $release is out of reach"
	unit works.service '[Service]' Type=oneshot RemainAfterExit=yes 'ExecStart=echo works'
	unit fails.service '[Service]' 'ExecStart=sh -c "echo why; exit 3"'
	unit answer.socket '[Socket]' ListenStream=127.0.0.1:7 Accept=yes
	unit answer@.service '[Service]' ExecStart=cat StandardInput=socket
	unit ticks.timer '[Timer]' 'OnCalendar=*:*:0/4' AccuracySec=100ms
	unit ticks.service '[Service]' 'ExecStart=sh -c "echo >>/run/ticks"'
	mkdir -p "$start_at_boot"
	ln -s ../fails.service ../answer.socket ../ticks.timer "$start_at_boot"
	truncate -s 500M root.ext4
	mke2fs -q -t ext4 -d system root.ext4
	truncate -s 510M disk
	printf '%s\n' 'label: gpt' 'start=8192, size=500M, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709' \
		'start=2048, size=3M, type=21686148-6449-6e6f-744e-656564454649' | sfdisk -q disk
	dd if=root.ext4 of=disk bs=512 seek=8192 conv=notrunc,sparse status=none
	qemu-img convert -O qcow2 disk system.qcow2
	rm -r system root.ext4 disk
	# Its boot.
	timeout 600 qemu-run --root system.qcow2 --init -- true 2>said
}

# in_system ARGUMENT...: a run in a clone of it.
in_system()
{
	qemu_run --root "$BATS_FILE_TMPDIR/system.qcow2" --init "$@"
}

@test 'systemd: the units that failed are named once, when the template is made' {
	assert_equal "$(<"$BATS_FILE_TMPDIR/said")" 'qemu-run: --init: units that failed while it booted: fails.service'
	in_system -- systemctl is-system-running
	assert_outcome 1 exit
	assert_equal "$output" degraded
	assert_equal "$stderr" ''
}

@test 'systemd: services, journal, logins, sockets and timers work in a clone' {
	# systemd 252, Debian 12's, takes the number of the boot for its status from the journal's file.
	in_system -- sh -c 'set -e
		systemctl start works; systemctl is-active works
		systemctl stop works; ! systemctl is-active works
		systemctl start works; systemctl restart works; systemctl is-active works
		systemctl reset-failed; systemctl is-system-running
		systemctl start fails; until systemctl -q is-failed fails; do sleep 0.1; done
		journalctl --sync
		journalctl -q -b -o cat --no-pager -u works -u fails | grep -E "^(works|why)$|code=exited"
		systemctl status --no-pager fails | grep -o ": why$" ||
			{ grep "^12" /etc/debian_version >/dev/null && echo ": why"; }
		systemctl restart systemd-logind; loginctl list-seats --no-legend
		bash -c "exec 3<>/dev/tcp/127.0.0.1/7; echo hello >&3; read line <&3; echo \$line"
		systemd-run -q --on-active=0.2 touch /run/fired
		until [ -e /run/fired ]; do sleep 0.1; done'
	assert_outcome 0 exit
	assert_equal "$output" 'active
inactive
active
running
works
works
works
why
fails.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED
: why
seat0
hello'
}

@test 'systemd: clones are quiet: nothing is begun, and a clock that jumps sets no timer off' {
	in_system -- sh -c 'processes() { for process in /proc/[0-9]*/exe; do readlink $process; done | grep systemd; }
		touch /run/ticks; processes >before; wc -c </run/ticks >ticks
		date -s "+1 hour" >/dev/null
		systemd-run -q --on-active=1 touch /run/fired
		until [ -e /run/fired ]; do sleep 0.1; done
		wc -c </run/ticks | cmp ticks && processes | cmp before && echo quiet
		systemctl is-active ticks.timer; grep -c udev before'
	assert_outcome 1 exit
	assert_equal "$output" $'quiet\ninactive\n0'
}

@test 'systemd: clones at once have their own time, random numbers, boot_id and journal' {
	local run
	export run="qemu-run --root $BATS_FILE_TMPDIR/system.qcow2 --init -n --"

	seq "${CLONES-12}" | xargs -P 4 -I {} sh -c 'before=$(date +%s%N)
		set -- $($run sh -c "date +%s%N; cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id
			logger {}; journalctl --sync; journalctl -q -b -o cat -t root --no-pager")
		after=$(date +%s%N)
		[ "$before" -lt "$1" ] && [ "$1" -lt "$after" ] && [ "$4" = {} ] && printf "%s\n" "$2" "$3"' >all
	assert_equal "$(sort -u all | wc -l)" "$((2 * ${CLONES-12}))"
	# The boot itself is the one before. Not for systemd 252, as above.
	[[ ${DEBIAN-trixie} != bookworm ]] || return 0
	in_system -- sh -c 'logger now; journalctl --sync; journalctl -q -b -1 --no-pager | grep -c "Started fails.service"'
	assert_outcome 0 exit
	assert_equal "$output" 1
}
