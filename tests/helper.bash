# SPDX-License-Identifier: GPL-2.0
# What every test file loads.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

# vm [option of scripts/vm...]: boots a fresh guest that runs the script on
# standard input, with the driver at hand. Sets status to QEMU's, and output to
# the console's lines.
vm()
{
	local script=$BATS_TEST_TMPDIR/script

	cat >"$script"
	run "$top/scripts/vm" -k "$KERNEL_DIR" -m "$MODULE_DIR/qemu_poweroff.ko" "$@" "$script"
	# The console ends its lines with CR LF.
	output=${output//$'\r'/}
	mapfile -t lines <<<"$output"
}

# assert_code CODE: QEMU ended as the guest's driver told it to.
assert_code()
{
	assert_equal "$status" "$((($1 << 1) | 1))"
}

# assert_power_off: the guest ended by itself, without a code.
assert_power_off()
{
	assert_equal "$status" 0
}
