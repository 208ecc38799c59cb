#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The three places that name qemu-run's options: --help, the manual page, the
# completion.

load qemu-run

# options_in: the long options that standard input names, each once.
options_in()
{
	grep -oE -- '(^|[^[:alnum:]-])--[a-z]+(-[a-z]+)*' | grep -oE -- '--.*' | LC_ALL=C sort -u
}

options_of_help()
{
	qemu-run --help | options_in
}

# The entries of the section, not what the text mentions.
options_of_manual()
{
	sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' "$top/docs/qemu-run.1" |
		sed -n '/^\.TP/{n;p}' | sed -E 's/\\-/-/g; s/\\f[A-Z]//g; s/"//g' | options_in
}

# What Tab offers after "qemu-run --".
options_of_completion()
{
	(
		# shellcheck source=/dev/null
		source "$top/tools/qemu-run/qemu-run.bash-completion"
		COMP_WORDS=(qemu-run --) COMP_CWORD=1 COMPREPLY=()
		_qemu_run
		printf '%s\n' "${COMPREPLY[@]}"
	) | options_in
}

# outcomes_of_manual: "STATUS NAME" of each outcome that has a status of its own.
outcomes_of_manual()
{
	sed -n '/^\.SH EXIT STATUS/,/^\.SH REPORT/s/^\.BR \([0-9]*\) " (\(.*\))"$/\1 \2/p' "$top/docs/qemu-run.1" |
		sed 's|\\||g'
}

@test '--help: all of it is seen on 24 lines of 80, the next prompt included' {
	run --keep-empty-lines -- qemu-run --help
	assert_success
	local line
	# The last line's end makes one more, an empty one: the prompt's.
	((${#lines[@]} >= 20 && ${#lines[@]} <= 24))
	for line in "${lines[@]}"; do
		((${#line} < 80)) || fail "${#line} columns: $line"
		[[ $line != *$'\t'* ]] || fail "a tab: $line"
	done
}

@test '--help: every exit status is there' {
	local status
	run -- qemu-run --help
	for status in 120 121 122 123 124 125 126 127; do
		assert_output --regexp "(^|[^0-9])$status([^0-9]|$)"
	done
}

@test '--help: every option that it names is one' {
	local option
	for option in $(options_of_help); do
		# The first -h is its value, if it takes one.
		run qemu-run "$option" -h -h
		refute_output --partial 'unrecognized option'
	done
	run qemu-run --no-such-option
	assert_output --partial 'unrecognized option'
}

@test 'the manual page has the options of --help, no more, no less' {
	(($(options_of_help | wc -l) >= 20))
	diff <(options_of_help) <(options_of_manual)
}

@test 'the completion has the options of --help, no more, no less' {
	diff <(options_of_help) <(options_of_completion)
}

@test 'the outcome is what the table of cases says, and the manual page has each of them' {
	local name
	run make -s -C "$top/tools/qemu-run" test-unit
	assert_success
	refute_line --partial 'not ok'
	assert_equal "$(grep -c '^ok ' <<<"$output")" "$(awk -F '\\.\\.' '/^1\.\./ { all += $2 } END { print all }' <<<"$output")"
	assert_line --partial ' - 0 exit -- returned status:0 port:0'
	# What came of each case: those with a status of their own, and the others.
	(($(outcomes_of_manual | wc -l) == 8))
	diff <(outcomes_of_manual) <(sed -n 's/^# \([0-9]* [a-z-]*\)\( template\)\?$/\1/p' <<<"$output" |
		grep -vE ' (exit|signal|port|interrupted)$' | sort -u)
	for name in exit signal port interrupted; do
		grep -q "($name)" "$top/docs/qemu-run.1"
	done
}
