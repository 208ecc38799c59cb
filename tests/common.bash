# SPDX-License-Identifier: GPL-2.0
# What every test file has, by its helper: bats' assertions, and where things are.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

top=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
PATH=${BUILD:-$top/build}:$PATH

# MACHINE= is one of QEMU's, for those that do not mean a certain one.
export QEMU_RUN_KERNEL=$KERNEL_DIR QEMU_RUN_MACHINE=${MACHINE:-pc}
# The user's templates are not the tests' to fill or to clean.
export XDG_CACHE_HOME=${BUILD:-$top/build}/test-cache
mkdir -p "$XDG_CACHE_HOME"

# kernel_has OPTION: whether the kernel under test was configured with it.
kernel_has()
{
	grep -qE "^CONFIG_$1=[ym]\$" "$KERNEL_DIR/config" 2>/dev/null
}

# is_watched: whether the kernel watches its own memory or its races, and is several
# times slower for it.
is_watched()
{
	kernel_has KASAN || kernel_has KCSAN
}

# module_file NAME: prints the file of that module of tests/modules/, built once a run.
module_file()
{
	local stamp=$SUITE_DIR/$1 directory lock

	exec {lock}>"$stamp.lock"
	flock "$lock"
	if [[ ! -s $stamp ]]; then
		directory=$("$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/$1" 2>"$stamp.log") ||
			{ cat "$stamp.log" >&2; return 1; }
		printf '%s\n' "$directory"/*.ko >"$stamp"
	fi
	cat "$stamp"
	exec {lock}<&-
}
