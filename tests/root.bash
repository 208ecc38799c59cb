# SPDX-License-Identifier: GPL-2.0
# What the tests of --root and --rw load.

# shellcheck source=tests/qemu-run.bash
source "${BASH_SOURCE[0]%/*}/qemu-run.bash"

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# needs TOOL...: skips where this machine lacks one of them.
needs()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not on this machine"
	done
}

# tree_state DIR: all that a guest could have changed below it.
tree_state()
{
	find "$1" -printf '%p %y %m %U:%G %s %T@ %l\n' | LC_ALL=C sort
	find "$1" -type f -exec sha256sum {} + | LC_ALL=C sort
}
