# SPDX-License-Identifier: GPL-2.0
# Once a suite: the kernel under test, and the modules built against it.

setup_suite()
{
	local top

	set -e
	top=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
	: "${KERNEL_DIR:=$("$top/scripts/kernel" "${KVER-}")}"
	MODULE_DIR=$("$top/scripts/module" -k "$KERNEL_DIR" 2>"$BATS_SUITE_TMPDIR/build.log") ||
		{ cat "$BATS_SUITE_TMPDIR/build.log" >&2; return 1; }
	TWIN_DIR=$("$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/twin" \
		2>"$BATS_SUITE_TMPDIR/build.log") ||
		{ cat "$BATS_SUITE_TMPDIR/build.log" >&2; return 1; }
	export KERNEL_DIR MODULE_DIR TWIN_DIR
	make -s -C "$top/tools/qemu-run" >"$BATS_SUITE_TMPDIR/build.log" 2>&1 ||
		{ cat "$BATS_SUITE_TMPDIR/build.log" >&2; return 1; }
	# Settled once, before the tests run in parallel.
	"$top/scripts/accel" -k "$KERNEL_DIR" >"$BATS_SUITE_TMPDIR/accel" 2>/dev/null
	ACCEL=$(<"$BATS_SUITE_TMPDIR/accel")
	export ACCEL
}
