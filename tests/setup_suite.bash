# SPDX-License-Identifier: GPL-2.0
# Once a run: the kernel under test, and what is built against it. scripts/run-tests
# has each file of tests run by a bats of its own, and calls this before them all.

setup_suite()
{
	local tree log=$BATS_SUITE_TMPDIR/build.log

	[[ ! ${SUITE_DIR-} ]] || return 0
	tree=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
	: "${KERNEL_DIR:=$("$tree/scripts/kernel" "${KVER-}")}"
	if ! MODULE_DIR=$("$tree/scripts/module" -k "$KERNEL_DIR" 2>"$log") ||
		! make -s -C "$tree/tools/qemu-run" >"$log" 2>&1 ||
		# Settled once, before the tests run in parallel.
		! ACCEL=$("$tree/scripts/accel" -k "$KERNEL_DIR" 2>"$log"); then
		cat "$log" >&2
		return 1
	fi
	SUITE_DIR=$BATS_SUITE_TMPDIR
	export SUITE_DIR KERNEL_DIR MODULE_DIR ACCEL
}
