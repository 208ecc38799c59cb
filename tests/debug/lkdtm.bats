#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Every way to crash that the kernel's own LKDTM offers, a fresh guest each, through
# qemu-run: docs/lkdtm.md says what comes of it. LKDTM=FILE keeps the rows.

load ../qemu-run

readonly table=$top/docs/lkdtm.md

# The bound is the deadline, and what qemu-run gives a guest that is past it; to
# this comes the host's own time to start and to end.
readonly timeout=20 bound=100

# crash TYPE: prints the type, the exit status and the outcome of a guest that did it.
# The command returns 0 only where the kernel was tainted by it: that is for
# qemu-run to see. Where nothing came of it that a taint tells, it returns 7.
crash()
{
	local report=$BATS_TEST_TMPDIR/$1.json status=0

	timeout "$bound" qemu-run --timeout "$timeout" --module lkdtm --json "$report" -- sh -c "
		before=\$(cat /proc/sys/kernel/tainted)
		(echo $1 >/sys/kernel/debug/provoke-crash/DIRECT)
		[ \$(cat /proc/sys/kernel/tainted) != \$before ] || exit 7
	" </dev/null >"$BATS_TEST_TMPDIR/$1.log" 2>&1 || status=$?
	printf '%s %s %s\n' "$1" "$status" "$(jq -r .outcome "$report")"
}

# promised: the rows of the table, as crash prints them.
promised()
{
	# shellcheck disable=SC2016 # Markdown's quotes
	sed -nE 's/^\| `([A-Z_]+)` \| ([0-9, ]+) \| ([a-z, ]+) \|.*/\1 \2 \3/p' "$table"
}

@test 'lkdtm: the table knows every type that the kernel has' {
	qemu_run --module lkdtm -- sed 1d /sys/kernel/debug/provoke-crash/DIRECT
	assert_outcome 0 exit
	assert_line PANIC
	# Types that a kernel of another version has are no loss.
	assert_equal "$(comm -13 <(promised | cut -d ' ' -f 1 | sort) <(sort <<<"$output"))" ''
}

@test 'lkdtm: every type ends in time, with a status that is true, and never with 0' {
	local types row type status outcome wrong=()

	qemu_run --module lkdtm -- sed 1d /sys/kernel/debug/provoke-crash/DIRECT
	types=$output
	export -f crash
	export timeout bound
	xargs -P "$(nproc)" -I% bash -c 'crash %' <<<"$types" >"$BATS_TEST_TMPDIR/rows"
	[[ ! ${LKDTM-} ]] || sort "$BATS_TEST_TMPDIR/rows" >"$LKDTM"
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/rows")" "$(wc -l <<<"$types")"
	while read -r type status outcome; do
		[[ "$status $outcome" =~ ^(7 exit|120 splat|121 panic|123 hung|124 deadline)$ ]] ||
			wrong+=("$type ended with $status ($outcome)")
		# Much of the table is KASAN's doing: without it memory is spoilt unseen,
		# or the spoilt stack is what ends the guest.
		kernel_has KASAN || continue
		row=$(promised | grep "^$type ") || true
		# One of several, where the row gives several.
		[[ " ${row//,/ } " == *" $status "* && " ${row//,/ } " == *" $outcome "* ]] ||
			wrong+=("$type ended with $status ($outcome), promised: $row")
	done <"$BATS_TEST_TMPDIR/rows"
	((${#wrong[@]} == 0)) || fail "$(printf '%s\n' "${wrong[@]}")"
}
