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

# as_nobody ARGUMENT...: runs qemu-run as that user, who may read where the test is.
as_nobody()
{
	((EUID == 0)) || skip 'not root: cannot become another user'
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" "$SUITE_DIR"
	# One for all files: the driver is built and a guest is booted once.
	local cache=$SUITE_DIR/nobody
	install -d -o nobody "$cache"
	run setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$cache" \
		XDG_CACHE_HOME="$cache" BUILD="$cache" QEMU_RUN_KERNEL="$KERNEL_DIR" \
		timeout 300 qemu-run "$@"
}
