#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A guest that hibernates: its end, and the deadline after it has come back.

load helper

setup()
{
	kernel_has HIBERNATION || skip 'this kernel does not hibernate'
	swap=$BATS_TEST_TMPDIR/swap
	truncate -s 512M "$swap"
}

# with_swap: as booted, with a disk to hibernate to, /dev/vda.
with_swap()
{
	local bus=pci module script=$BATS_TEST_TMPDIR/with_swap modules=()

	[[ ${MACHINE:-pc} != microvm ]] || bus=device
	# What is not there is built in.
	for module in virtio_pci virtio_mmio virtio_blk; do
		[[ ! $(find -L "$KERNEL_DIR/modules/kernel" -name "$module.ko*" -print -quit) ]] ||
			modules+=(-m "$module")
	done
	{
		cat <<-'E'
			driver=/sys/module/qemu_poweroff/parameters
			modprobe -a virtio_pci virtio_mmio virtio_blk 2>/dev/null
			until [ -b /dev/vda ]; do usleep 50000; done
		E
		cat
	} >"$script"
	booted -c 2 -a no_console_suspend "${modules[@]}" -q -drive -q "if=none,id=swap,format=raw,file=$swap" \
		-q -device -q "virtio-blk-$bus,drive=swap" <"$script"
}

# hibernate HOW: with a deadline pending; what the guest does once it is back.
hibernate()
{
	with_swap <<-E
		mkswap /dev/vda >/dev/null
		swapon /dev/vda
		echo $1 >/sys/power/disk || echo "no $1: \$(cat /sys/power/disk)"
		insmod qemu_poweroff.ko delay=1000 code=42
		echo disk >/sys/power/state || sleep 60
		echo "back, remaining \$(cat \$driver/remaining)"
		echo 43 >\$driver/code
		echo 2 >\$driver/delay
		sleep 60
	E
}

resume()
{
	with_swap <<-'E'
		cat /sys/block/vda/dev >/sys/power/resume
		echo 'did not resume'
	E
}

# came_back: with its deadline still pending, and armed anew it holds.
came_back()
{
	refute_line 'did not resume'
	assert_line --regexp '^back, remaining [1-9]'
	assert_code 43
}

# bats test_tags=slow
@test 'hibernation: disk=shutdown ends with code, and the deadline is there after the resume' {
	hibernate shutdown
	assert_code 42
	resume
	came_back
}

# ACPI puts the machine into S4, and no driver is asked.
# bats test_tags=slow
@test 'hibernation: disk=platform ends without a code, and the deadline is there after the resume' {
	[[ ${MACHINE:-pc} != microvm ]] || skip 'a microvm has no S4'
	hibernate platform
	assert_power_off
	resume
	came_back
}
