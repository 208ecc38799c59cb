#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What a kernel of one's own needs, and what is said where it lacks some of that.

load qemu-run

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
