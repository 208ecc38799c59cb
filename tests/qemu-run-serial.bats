#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A kernel without virtio: no template, and a serial port to talk by. Here it is
# the kernel under test with its modules withheld, or where they are built in, kept
# from being initialised.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	bare=$PWD/bare
	mkdir -p "$bare/modules"
	ln -s "$(readlink -f "$KERNEL_DIR/release")" "$bare/release"
	local image
	for image in vmlinux vmlinuz; do
		[[ ! -e $KERNEL_DIR/$image ]] || ln -s "$(readlink -f "$KERNEL_DIR/$image")" "$bare/$image"
	done
	without=''
	if grep -q '^CONFIG_VIRTIO_PCI=y' "$KERNEL_DIR/config"; then
		without=initcall_blacklist=virtio_pci_driver_init
	fi
	kernel=(-k "$bare" --append "$without")
	own_cache
}

# boots: how many times QEMU was started, as the last qemu_run --verbose said.
boots()
{
	grep -c '^qemu-run: +' <<<"$stderr"
}

# bats test_tags=slow
@test 'serial: one boot tells that virtio is missing, and the next run knows' {
	qemu_run -v --bare "${kernel[@]}" -- sh -c 'uname -r; exit 42'
	assert_outcome 42 exit
	assert_output "$(cat "$KERNEL_DIR/release")"
	assert_stderr 'lacks virtio_pci (CONFIG_VIRTIO_PCI): no template, and a serial port to talk by'
	assert_stderr 'make kvm_guest.config'
	assert_equal "$(json .channel)" serial
	assert_equal "$(json .start)" cold
	assert_equal "$(boots)" 2
	qemu_run -v --bare "${kernel[@]}" -- sh -c 'exit 43'
	assert_outcome 43 exit
	assert_stderr 'lacks virtio_pci'
	assert_equal "$(boots)" 1
	assert_equal "$(find "$XDG_CACHE_HOME" -name memory -o -name '*.new' | wc -l)" 0
	qemu_run --clean
	qemu_run -v --cold --bare "${kernel[@]}" -- sh -c 'exit 44'
	assert_outcome 44 exit
	assert_equal "$(boots)" 2
}

@test 'serial: what is missing is what this machine would need' {
	[[ ! $without ]] || skip 'virtio is built into this kernel'
	qemu_run --machine microvm --bare "${kernel[@]}" -- sh -c 'exit 42'
	assert_outcome 42 exit
	assert_stderr 'lacks virtio_mmio (CONFIG_VIRTIO_MMIO)'
}

@test 'serial: a configuration tells it without a boot' {
	[[ ! $without ]] || skip 'the configuration of this kernel has virtio'
	ln -s "$(readlink -f "$KERNEL_DIR/config")" "$bare/config"
	qemu_run -v --bare "${kernel[@]}" -- sh -c 'exit 42'
	assert_outcome 42 exit
	assert_equal "$(boots)" 1
	grep -v CONFIG_VIRTIO_CONSOLE "$KERNEL_DIR/config" | sed 's/^CONFIG_VIRTIO_PCI=m/CONFIG_VIRTIO_PCI=y/' >other
	ln -sf "$PWD/other" "$bare/config"
	ln -s "$(readlink -f "$KERNEL_DIR/modules/modules.dep")" "$bare/modules/modules.dep"
	qemu_run --bare "${kernel[@]}" -- sh -c 'exit 42'
	assert_outcome 42 exit
	assert_stderr 'lacks virtio_console (CONFIG_VIRTIO_CONSOLE)'
}

# bats test_tags=slow
@test 'serial: streams, arguments, environment and status are exact' {
	head -c 1000000 /dev/urandom >in
	# shellcheck disable=SC2016 # the guest's to expand
	timeout 300 qemu-run --bare "${kernel[@]}" -e 'NAME=a b' -- \
		sh -c 'sleep 2; tee copy; sha256sum copy >&2; echo "<$1><$NAME>" >&2; exit 250' sh 'x  y' \
		<in >out 2>err || status=$?
	assert_equal "$status" 250
	cmp in out
	grep -qF "$(sha256sum in | cut -d ' ' -f 1)" err
	grep -qxF '<x  y><a b>' err
}

# bats test_tags=slow
@test 'serial: input that the command does not read keeps nothing waiting' {
	yes | timeout 120 qemu-run --bare "${kernel[@]}" -- true
	yes | timeout 120 qemu-run --bare "${kernel[@]}" -- sh -c 'head -n 1; exec 0<&-; sleep 1'
}

@test 'serial: input that somebody else takes is no success' {
	status=0
	yes | timeout 120 qemu-run --bare "${kernel[@]}" -- \
		sh -c 'mknod port c 4 65; (dd if=port bs=1000 count=20 >/dev/null 2>&1 &); head -c 500000 >/dev/null; exit 0' \
		2>err || status=$?
	cat err
	((status == 125 || status == 122))
	grep -q 'input was lost\|no word about the command' err
}

# once_robbed SECONDS: what comes in, so long after the guest began to be robbed.
once_robbed()
{
	wait_for grep -q robbed err
	sleep "$1"
	cat
}

# robbed BYTES SCRIPT: of input that comes when the guest's init is stuck with output
# that has no reader, somebody else takes so much; then there is a reader, and SCRIPT
# runs. That is no success, nor does it wait for ever.
robbed()
{
	# shellcheck disable=SC2016 # the guest's to expand
	local thief='mknod port c 4 65; (dd if=port bs=1 count=$1 >/dev/null 2>&1 &)
		echo robbed >&2; head -c 1000000 /dev/zero; eval "$2"'

	: >err
	once_robbed 2 |
		timeout 120 qemu-run --bare "${kernel[@]}" -- sh -c "$thief" sh "$@" 2>err |
		once_robbed 5 >/dev/null
	status=${PIPESTATUS[1]}
	cat err
	assert_equal "$status" 125
	grep -q 'input was lost' err
}

# Init has nothing to say then: it is for the host to ask.
# bats test_tags=slow
@test 'serial: input that somebody else takes altogether keeps nothing waiting' {
	robbed 16384 'head -c 500000 >/dev/null' < <(yes)
}

# bats test_tags=slow
@test 'serial: input that somebody else takes from a command that does not read it' {
	# That and the end of the input, and the head of each.
	robbed 26 'exit 0' <<<'all of it'
}

# bats test_tags=slow
@test 'serial: files, modules and results' {
	local module
	module=$(echo "$KERNEL_DIR"/modules/kernel/drivers/block/loop.ko*)
	mkdir -p suite/sub
	# shellcheck disable=SC2016 # the guest's to expand
	printf '#!/bin/sh\ncat "${0%%/*}/sub/data"; exit 7\n' >suite/run.sh
	chmod 750 suite/run.sh
	head -c 2000000 /dev/urandom >suite/sub/data
	ln -s sub/data suite/link
	qemu_run --bare "${kernel[@]}" -f suite -m "$module,max_loop=3" --get suite/run.sh:back --get report:. -- \
		sh -c 'cmp suite/link suite/sub/data && stat -c %a suite/run.sh >report
			cat /sys/module/loop/parameters/max_loop >>report; sha256sum suite/sub/data; ls / | grep job; exit 7'
	assert_outcome 7 exit
	assert_output "$(sha256sum suite/sub/data)"
	cmp back suite/run.sh
	assert_equal "$(cat report)" $'750\n3'
	qemu_run --bare "${kernel[@]}" -m "$module,max_part=text" -- true
	assert_outcome 125 cannot-run
	assert_stderr 'Invalid argument'
}

# bats test_tags=slow
@test 'serial: deadline, panic, a silent end and a terminal, without a driver' {
	qemu_run "${kernel[@]}" --timeout 1 -- sleep 100
	assert_outcome 124 deadline
	assert_stderr 'no headers to build it with: going without the driver'
	assert_stderr 'sysrq: Show Blocked State'
	# The port is the command's, and its code says nothing of a deadline.
	qemu_run --bare "${kernel[@]}" --timeout 1 -- sleep 100
	assert_outcome 124 deadline
	qemu_run "${kernel[@]}" -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing'
	qemu_run "${kernel[@]}" -- sh -c 'echo b >/proc/sysrq-trigger; sleep 100'
	assert_outcome 122 silent
	qemu_run "${kernel[@]}" --tty -- sh -c 'tty; exit 9'
	assert_outcome 9 exit
	assert_output --partial /dev/pts/0
}

@test 'serial: with the driver, where there is one' {
	# The driver goes by the name of the kernel's directory.
	mv "$bare" "${KERNEL_DIR##*/}"
	qemu_run -k "./${KERNEL_DIR##*/}" --append "$without" -- sh -c 'cat /sys/module/qemu_poweroff/parameters/panic_code; echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	assert_output 121
	assert_equal "$(json .code)" 121
}

@test 'serial: a kernel with neither virtio nor a second port says both' {
	qemu_run --bare "${kernel[@]}" --append "8250.nr_uarts=1 $without" -- true
	assert_outcome 125 cannot-run
	assert_stderr 'lacks virtio_pci'
	assert_stderr 'lacks a second serial port'
}
