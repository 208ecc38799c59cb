# SPDX-License-Identifier: GPL-2.0
# What every test file loads.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PATH=${BUILD:-$top/build}:$PATH

export QEMU_RUN_KERNEL=$KERNEL_DIR
# The user's templates are not the tests' to fill or to clean.
export XDG_CACHE_HOME=${BUILD:-$top/build}/test-cache
mkdir -p "$XDG_CACHE_HOME"

# guest [option of qemu-run...]: runs the script on standard input in a fresh
# guest, with the driver's file at hand and not loaded. Sets status to QEMU's, and
# output to what the script said, and after that what the console did: they come
# by ways of their own, and their order is not known. What the script said in the
# very moment in which the machine ended may be lost.
guest()
{
	local script=$BATS_TEST_TMPDIR/script json=$BATS_TEST_TMPDIR/json own

	cat >"$script"
	# Not by run, which warns of a status of 126 or 127: here they are codes.
	status=0
	output=$(qemu-run --bare --verbose --timeout 120 --json "$json" \
		--file "$MODULE_DIR/qemu_poweroff.ko" --file "$script" "$@" \
		-- sh script 2>"$BATS_TEST_TMPDIR/console") || status=$?
	# The console's lines end with CR LF and are marked.
	output+=$'\n'$(sed -E 's/^\| //; s/\r//g' "$BATS_TEST_TMPDIR/console")
	mapfile -t lines <<<"$output"
	# The outcome is qemu-run's business; these tests are about the port.
	own=$(jq '.qemu_status // empty' "$json")
	[[ ! $own ]] || status=$own
}

# vm [option of scripts/vm...]: boots a fresh guest that runs the script on
# standard input, with the driver at hand. Sets status to QEMU's, and output to
# the console's lines.
vm()
{
	local script=$BATS_TEST_TMPDIR/script

	cat >"$script"
	run "$top/scripts/vm" -k "$KERNEL_DIR" -m "$MODULE_DIR/qemu_poweroff.ko" "$@" "$script"
	# A kernel now and then dies while it boots under a loaded emulator, before
	# there is a driver to speak of. Once is bad luck, and is said; twice counts.
	if [[ $output != *'init: ready'* ]]; then
		echo "# booting again: the guest ended with status $status before init" >&3
		run "$top/scripts/vm" -k "$KERNEL_DIR" -m "$MODULE_DIR/qemu_poweroff.ko" "$@" "$script"
	fi
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

# assert_outlived: the script came to its end, with status 0, in a guest that
# nothing had ended before.
assert_outlived()
{
	assert_equal "$(jq -r '.outcome, .exit_status' "$BATS_TEST_TMPDIR/json" | paste -sd ' ')" 'exit 0'
}
