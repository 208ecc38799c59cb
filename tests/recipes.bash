# SPDX-License-Identifier: GPL-2.0
# What the tests of docs/recipes.md load.

# shellcheck source=tests/qemu-run.bash
source "${BASH_SOURCE[0]%/*}/qemu-run.bash"

# commands_of TITLE: the indented lines of the section with that title, and the empty ones.
commands_of()
{
	sed -nE "/^## $1\$/,/^## /{ s/^    //p; /^\$/p }" "$top/docs/recipes.md"
}

# recipe TITLE: runs the commands of that section, changed as $renamed has it. Sets status to that of the last one,
# output to what they print, and lines.
recipe()
{
	commands_of "$1" | sed "${renamed-}" >commands
	grep -q . commands || fail "docs/recipes.md has no commands under '$1'"
	# As in a shell that somebody types at: a command that fails does not end it.
	status=0
	output=$(timeout 500 bash commands 2>&1 </dev/null 3>&-) || status=$?
	mapfile -t lines <<<"$output"
	echo "status $status"
	echo "$output"
}
