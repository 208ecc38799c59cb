# SPDX-License-Identifier: GPL-2.0
# What the tests of qemu-run load. KERNEL_DIR comes from setup_suite.

# shellcheck source=tests/common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# own_cache: gives this test a cache of its own, with nothing in it.
own_cache()
{
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$XDG_CACHE_HOME"
}

# qemu_run [argument...]: runs qemu-run, $limit seconds at most; status, output and stderr are what it gave.
qemu_run()
{
	# Not by run, which warns of a status of 126 or 127: here they are outcomes.
	status=0
	output=$(timeout -k 10 "${limit:-120}" qemu-run --json "$BATS_TEST_TMPDIR/json" "$@" \
		</dev/null 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/stderr")
	mapfile -t lines <<<"$output"
	echo "status $status"
	echo "stdout: $output"
	echo "stderr: $stderr"
}

# seconds_for [argument...]: a --timeout for what this run does before it hangs: by the
# guest's clock, on a machine that has as much to do as now.
seconds_for()
{
	qemu_run "$@" >&2
	json '.run_ms * 3 / 1000 + 2 | ceil'
}

# json FILTER: what jq makes of the outcome of the last qemu_run.
json()
{
	jq -r "$1" "$BATS_TEST_TMPDIR/json"
}

# assert_outcome STATUS NAME: the exit status and the outcome's name.
assert_outcome()
{
	assert_equal "$status" "$1"
	assert_equal "$(json .outcome)" "$2"
	assert_equal "$(json .exit_status)" "$1"
}

# assert_stderr TEXT: stderr has that text.
assert_stderr()
{
	[[ $stderr == *"$1"* ]] || fail "stderr lacks '$1': $stderr"
}

# needs_9p: skips where the kernel under test has no 9p.
needs_9p()
{
	compgen -G "$KERNEL_DIR/modules/kernel/net/9p/9pnet_virtio.ko*" >/dev/null ||
		skip 'a kernel without 9p'
}

# qemus_of PID: the QEMU processes below a qemu-run.
qemus_of()
{
	pgrep -P "$1" -f -- '-name qemu-run' || true
}

# wait_for COMMAND...: until it succeeds, for two minutes at most: it may be two boots
# away, on a machine that has other things to do.
wait_for()
{
	local deadline=$((SECONDS + 120))

	until "$@"; do
		((SECONDS < deadline)) || fail "waited in vain: $*"
		sleep 0.05
	done
}
