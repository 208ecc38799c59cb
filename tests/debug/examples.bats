#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Each allocation of an example's load fails, one at a time: the load says so, and
# leaves nothing behind. The steps that fail by what the kernel says are in
# tests/examples.bats.

load ../examples

setup_file()
{
	build_program call
	build_examples hello registration chardev completion virtio_block
}

# allocations_fail NAME LEAST [PARAMETER...]: loads of NAME, of which the first lacks its
# first allocation, the second its second, and so on until one lacks none. That many
# fail at the least. Of a driver without its device, that is a failure, too.
allocations_fail()
{
	local name=$1 least=$2 parameters=${*:3} disk=() failed spare=

	if [[ $name == virtio_block ]]; then
		make_disk
		disk=(--disk "$BATS_TEST_TMPDIR/disk")
		# The files below /proc/irq: the kernel does not look whether it could make
		# them, and complains when it removes one that is not there.
		spare=spare=register_irq_proc
	fi
	example "$name" --append kmemleak=on -f "$BATS_FILE_TMPDIR/fail_load.ko" "${disk[@]}" <<-E
		[ ! -e /sys/module/virtio_blk ] || rmmod virtio_blk
		leaks >/dev/null
		echo clear >/sys/kernel/debug/kmemleak
		for attribute in failslab fail_page_alloc; do
			echo N >/sys/kernel/debug/\$attribute/ignore-gfp-wait
			# A trace of each on the console takes most of the time.
			echo 0 >/sys/kernel/debug/\$attribute/verbose
		done
		echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
		echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
		insmod fail_load.ko victim=$name $spare
		# One that works, to see what there is to compare with.
		insmod $name.ko $parameters && rmmod $name || exit
		holdings >before
		nth=0 failed=0 spared=0
		while [ \$nth -lt 1000 ]; do
			nth=\$((nth + 1))
			echo \$nth >/sys/module/fail_load/parameters/nth
			if insmod $name.ko $parameters >/tmp/said 2>&1; then
				[ \$(cat /sys/module/fail_load/parameters/injected) = 1 ] || break
				[ $name != virtio_block ] || [ -e /dev/vblk0 ] && spared=\$((spared + 1)) ||
					failed=\$((failed + 1))
				rmmod $name || echo "\$nth: cannot be unloaded"
			else
				[ -s /tmp/said ] || echo "\$nth: said nothing"
				failed=\$((failed + 1))
			fi
			holdings >after
			cmp -s before after || echo "\$nth: has left something"
		done
		rmmod $name
		rmmod fail_load
		leaks
		echo "of \$nth loads \$failed failed and \$spared did without"
	E
	echo "# $name: $(grep '^of ' <<<"$output")" >&3
	refute_line --regexp '^[0-9]+: '
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
	failed=$(sed -nE 's/^of .* loads ([0-9]+) failed .*/\1/p' <<<"$output")
	((failed >= least))
}

@test 'hello: at each allocation of its load in turn' {
	allocations_fail hello 1
}

@test 'registration: at each allocation of its load in turn' {
	allocations_fail registration 4
}

@test 'chardev: at each allocation of its load in turn' {
	allocations_fail chardev 6 count=3
}

@test 'completion: at each allocation of its load in turn' {
	allocations_fail completion 2
}

@test 'virtio_block: at each allocation of its load and probe in turn' {
	allocations_fail virtio_block 4 selftest=1
}
