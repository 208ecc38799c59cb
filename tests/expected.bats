#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What programs expect to find in a machine: device nodes, the kernel's file systems, names.

# shellcheck disable=SC2016 # what stands in single quotes is for the guest's shell

load root

# devname: "loop-control c 10 237", a line for each node that the kernel's modules have.
devname()
{
	sed -nE 's/^[^#][^ ]* ([^ ]+) ([bc])([0-9]+):([0-9]+)$/\1 \2 \3 \4/p' "$KERNEL_DIR/modules/modules.devname"
}

@test 'expected: each node of modules.devname is there, and those for all users have their mode' {
	devname >nodes
	[[ -s nodes ]] || skip 'a kernel without modules that have nodes'
	qemu_run -f nodes -- sh -c '
		while read -r name kind major minor; do
			[ -$kind "/dev/$name" ] || echo "no /dev/$name"
			[ "$(stat -c "%t %T" "/dev/$name")" = "$(printf "%x %x" $major $minor)" ] || echo "other numbers: /dev/$name"
		done <nodes
		stat -c "%n %a" /dev/fuse /dev/net/tun /dev/loop-control'
	assert_outcome 0 exit
	assert_equal "$output" $'/dev/fuse 666\n/dev/net/tun 666\n/dev/loop-control 600'
}

@test 'expected: opening a node has the kernel load its module: loop devices, tun, fuse, device mapper' {
	needs_9p
	needs losetup mke2fs ip
	qemu_run --root / -- sh -ec '
		truncate -s 16M /root/img; mke2fs -q /root/img
		mount -o loop /root/img /mnt; losetup -f
		ip tuntap add dev tap0 mode tap; ip link show tap0 | grep -o tap0:
		for node in fuse mapper/control btrfs-control; do (: <>/dev/$node) && echo "$node opens"; done'
	assert_outcome 0 exit
	assert_equal "$output" "$(printf '%s\n' /dev/loop1 tap0: 'fuse opens' 'mapper/control opens' 'btrfs-control opens')"
}

@test 'expected: cgroup2, bpf and the others are where systemd has them' {
	qemu_run -- sh -c 'cd /sys/fs/cgroup && echo +pids >cgroup.subtree_control && mkdir a && cat a/pids.current
		stat -f -c %T /sys/fs/cgroup /sys/fs/bpf /sys/kernel/security /dev/mqueue /dev/hugepages | tr "\n" " "
		grep -cE "^(mqueue|hugetlbfs|securityfs|bpf|cgroup2) " /proc/mounts'
	assert_outcome 0 exit
	assert_line -n 0 0
	assert_equal "${lines[-1]##* }" 5
}

@test "expected: the guest's own name and localhost resolve, with BusyBox and with --root" {
	qemu_run -- sh -c 'ping -c 1 -w 2 localhost && ping -c 1 -w 2 "$(hostname)"'
	assert_outcome 0 exit
	needs_9p
	needs getent
	# What this host's own file says stays. It is a copy: the clone may write to it.
	qemu_run --root / -- sh -ec 'getent hosts "$(hostname)"; getent hosts localhost | wc -l
		tail -n +2 /etc/hosts; echo >>/etc/hosts; stat -c "%a %U" /etc/hosts /etc' </dev/null
	assert_outcome 0 exit
	assert_line -n 0 -e '^127\.0\.1\.1 +guest$'
	assert_equal "${lines[1]}" 1
	assert_equal "$(printf '%s\n' "${lines[@]:2:${#lines[@]}-4}")" "$(</etc/hosts)"
	assert_equal "${lines[-2]} ${lines[-1]}" "644 root $(stat -c '%a %U' /etc)"
}
