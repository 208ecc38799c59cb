#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# docs/tutorial.md, as its readers work through it: what it says that a guest prints is
# compared with what a guest prints, up to what may differ.

load helper
load examples

setup_file()
{
	build_examples e1000
}

setup()
{
	# The page shows a pc. The demonstrations have to work on each machine.
	[[ $QEMU_RUN_MACHINE == pc || $BATS_TEST_DESCRIPTION == demonstration:* ]] || skip 'the page shows a pc'
	[[ $QEMU_RUN_MACHINE != microvm || $BATS_TEST_DESCRIPTION != *e1000 ]] || skip 'a microvm has no PCI for the card'
	cd "$BATS_TEST_TMPDIR" || return
}

# page SECTION PROMPT [TEXT]: compares its blocks with $output.
page()
{
	python3 "$top/tests/tutorial.py" compare "$@" <<<"$output"
}

# typed SECTION [TEXT]: a script that types what the page does. What the kernel logs comes to
# a terminal before what the command says; it shows as many of these lines as the page.
typed()
{
	echo "exec 3<<'COMMANDS'"
	python3 "$top/tests/tutorial.py" commands "$@"
	cat <<-'E'
		COMMANDS
		dmesg -n 1
		new()
		{
			dmesg | tail -n +$((seen + 1)) | grep -v 'taints kernel\|tainting kernel'
		}
		while IFS='	' read -r logged command <&3; do
			seen=$(dmesg | wc -l)
			echo "# $command"
			eval "$command" >said 2>&1
			shown=0 tries=0
			while [ $shown -lt $logged ] && [ $tries -lt 600 ]; do
				there=$(new | wc -l)
				[ $there -le $logged ] || there=$logged
				new | sed -n "$((shown + 1)),${there}p"
				[ $there -gt $shown ] || sleep 0.1
				shown=$there tries=$((tries + 1))
			done
			cat said
		done
	E
}

# demonstration NAME: make run EXAMPLE=NAME.
demonstration()
{
	run "$top/scripts/example" -k "$KERNEL_DIR" "$1"
	assert_success
	assert_line --regexp '^status 0: '
	# What the card's shows, the page has typed.
	[[ $QEMU_RUN_MACHINE != pc || $1 == e1000 ]] || page "$1" 'guest# '
}

# type_e1000 [TEXT]: what the page types about the card, in a guest with $module.
type_e1000()
{
	typed e1000 "$@" >commands
	qemu_run --nic e1000 -f "$module" -f commands --allow-splat='NETDEV WATCHDOG' -- sh commands
}

# broken FILE SED: a copy of the tree with that change to that file of examples/, in $tree;
# what is built of it does not touch what was built of the tree.
broken()
{
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/build"
	tar -C "$top" --exclude-vcs --exclude=./build -c . | tar -C "$tree" -x
	cp -a "${BUILD:-$top/build}"/{kernels,obj,qemu-run,qemu-run-init,tsc-khz} "$tree/build"
	sed -i "$2" "$tree/examples/$1"
	! cmp -s "$top/examples/$1" "$tree/examples/$1" || fail "$1 has nothing that '$2' changes"
}

# broken_demonstration NAME STATUS: make run EXAMPLE=NAME in that tree.
broken_demonstration()
{
	run env BUILD="$tree/build" "$tree/scripts/example" -k "$KERNEL_DIR" "$1"
	assert_failure "$2"
}

# broken_test NAME: a test of the examples in that tree.
broken_test()
{
	run env -u SUITE_DIR BUILD="$tree/build" "$tree/scripts/run-tests" -f "$1" "$tree/tests/examples.bats"
	assert_failure 1
	# run-tests names the file.
	output=$(sed -E 's/^# examples: /# /' <<<"$output")
}

# broken_e1000 FILE SED: the driver of the card with that change, in $module.
broken_e1000()
{
	broken "e1000/$1" "$2"
	module=$(BUILD=$tree/build "$top/scripts/module" -k "$KERNEL_DIR" -s "$tree/examples/e1000" 2>log)/e1000.ko || { cat log; return 1; }
}

@test 'demonstration: hello' { demonstration hello; }
@test 'demonstration: registration' { demonstration registration; }
@test 'demonstration: chardev' { demonstration chardev; }
@test 'demonstration: completion' { demonstration completion; }
@test 'demonstration: virtio_block' { demonstration virtio_block; }
@test 'demonstration: e1000' { demonstration e1000; }

# Each directory has one of the above.
@test 'demonstration: of each example, and of no other' {
	assert_equal "$(sed -nE "s/^@test 'demonstration: ([a-z0-9_]+)' .*/\1/p" "$BATS_TEST_FILENAME" | sort)" \
		"$(cd "$top/examples" && printf '%s\n' * | sort)"
	run "$top/scripts/example" -k "$KERNEL_DIR" nothing
	assert_failure 125
	assert_line --partial "no example 'nothing': there are "
}

@test 'each test that the page names is there' {
	local name named

	# shellcheck disable=SC2016 # Markdown's quotes
	named=$(sed -nE 's/.*`((hello|registration|chardev|completion|virtio_block): [^`]+)`.*/\1/p' "$top/docs/tutorial.md")
	(($(wc -l <<<"$named") >= 20))
	while read -r name; do
		grep -qF "@test '$name'" "$top/tests/examples.bats" || fail "there is no test '$name'"
	done <<<"$named"
}

@test 'power-off: the seven exercises' {
	typed 'The power-off driver' >commands
	restored <commands
	assert_code 42
	page 'The power-off driver' '# '
}

@test 'e1000: the card found, opened, stalled, and given back' {
	module=$BATS_FILE_TMPDIR/e1000.ko
	type_e1000
	assert_outcome 0 exit
	page e1000 '# '
}

# bats test_tags=slow
@test 'break: registration, without kfree()' {
	broken registration/registration.c '/registration_release(struct/,/^}/s/	kfree(greeter);//'
	broken_test 'registration: a hundred loads leave nothing'
	page registration '# grew' 'kfree(greeter)'
}

# bats test_tags=slow
@test 'break: chardev, without its lock' {
	broken chardev/chardev.c '/mutex_lock_interruptible/,+1d; /mutex_unlock/d'
	broken_test 'chardev: no read sees half of a write'
	page chardev '#  ' 'leave the mutex out'
}

# bats test_tags=slow
@test 'break: chardev, without cdev_del()' {
	broken chardev/chardev.c '/	cdev_del(/d'
	broken_demonstration chardev 120
	page chardev 'qemu-run: ' 'cdev_del()'
}

# bats test_tags=slow
@test 'break: completion, without an owner' {
	broken completion/completion.c '/\.owner/d'
	broken_demonstration completion 1
	page completion 'guest# ' '.owner'
}

# bats test_tags=slow
@test 'break: virtio_block, without the reset' {
	broken virtio_block/vblk.c '/virtio_reset_device/d'
	broken_demonstration virtio_block 120
	page virtio_block 'qemu-run: ' 'virtio_reset_device()'
}

# bats test_tags=slow
@test 'break: e1000, with a tail that does not move' {
	broken_e1000 rx.c 's/^	if (done)$/	if (0)/'
	type_e1000 'if (done)'
	assert_outcome 0 exit
	page e1000 '# ' 'if (done)'
}

# bats test_tags=slow
@test 'break: e1000, without the interrupts that a poll turns on again' {
	broken_e1000 main.c 's/e1000_write(nic, E1000_IMS, E1000_INT_RINGS);/;/'
	type_e1000 'E1000_IMS'
	assert_outcome 0 exit
	page e1000 '# ' 'E1000_IMS'
}

# bats test_tags=slow
@test 'break: e1000, with an interrupt that is not given back' {
	kernel_has DEVMEM || skip 'this kernel has no /dev/mem to reach the card by'
	# The commands do no harm to the driver as it is.
	module=$BATS_FILE_TMPDIR/e1000.ko
	type_e1000 'free_irq()'
	assert_outcome 0 exit
	refute_output --partial eth0$'\n#'
	broken_e1000 main.c '/free_irq(/d'
	type_e1000 'free_irq()'
	assert_outcome 121 panic
	page e1000 '# ' 'free_irq()'
	# Where nobody shares the line, the unload frees it, and finds the handler.
	qemu_run --machine q35 --nic e1000 -f "$module" -f commands -- sh commands
	assert_outcome 120 splat
	assert_stderr "leaking at least 'eth0'"
}

@test 'break: e1000, with a buffer that is not unmapped, on a kernel that watches DMA' {
	kernel_has DMA_API_DEBUG || skip 'this kernel does not watch DMA'
	broken_e1000 rx.c 's/^	dma_unmap_single(.*/	(void)buffer;/'
	qemu_run --nic e1000 --append acpi=noirq -f "$module" -- sh -c \
		'insmod e1000.ko; ip link set eth0 up; ip link set eth0 down; rmmod e1000'
	assert_outcome 120 splat
	assert_stderr 'dma_debug_device_change'
}
