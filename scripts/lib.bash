# SPDX-License-Identifier: GPL-2.0
# What the scripts share. A script sources it by its own place, and has a function usage
# that prints the text of --help.

program=${0##*/}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
qemu=${QEMU:-qemu-system-x86_64}
# What scripts/chroot exits with when an archive cannot be reached.
unreachable=77
# shellcheck disable=SC2034 # for those who source this
readonly program top build qemu unreachable

say()
{
	printf '%s: %s\n' "$program" "$*" >&2
}

# die TEXT...: exits with $die_status, or 1.
die()
{
	say "$*"
	exit "${die_status:-1}"
}

# wrong_usage TEXT...
wrong_usage()
{
	die "$*: see $program --help"
}

# print_help: for -h and --help.
print_help()
{
	usage
	exit 0
}

# other_option OPTION: what getopts found that is not an option of the script's own: help,
# or a mistake. The script's string of options begins with a colon and ends with 'h-:'.
other_option()
{
	case $1 in
	h) print_help ;;
	-)
		[[ $OPTARG == help ]] || wrong_usage "unknown option --$OPTARG"
		print_help
		;;
	:) wrong_usage "-$OPTARG takes a value" ;;
	*) wrong_usage "unknown option -$OPTARG" ;;
	esac
}

# require_kernel DIR: DIR was given by -k, and scripts/kernel made it.
require_kernel()
{
	[[ -e $1/release ]] || die "-k '$1': not a directory that scripts/kernel made"
}

# require_tools GROUP TOOL...: each tool is installed. GROUP is one of scripts/setup.
require_tools()
{
	local tool

	for tool in "${@:2}"; do
		command -v "$tool" >/dev/null || die "$tool is missing: run scripts/setup $1"
	done
}

# make_work: sets work to a new directory, removed on exit.
make_work()
{
	work=$(mktemp -d)
	trap 'rm -rf -- "$work"' EXIT
}

# remove_abandoned argument of find...: locks $work, and removes the directories that find
# names and that nobody has locked: their owner was killed. One that is less than a
# minute old may have an owner that has not locked it yet.
remove_abandoned()
{
	local own other directory

	exec {own}<"$work"
	flock "$own"
	while read -r directory; do
		exec {other}<"$directory" || continue
		! flock -n "$other" || rm -rf -- "$directory"
		exec {other}<&-
	done < <(find "$1" -maxdepth 1 "${@:2}" -type d -mmin +1 2>/dev/null)
}

# show_progress SECONDS: until it is killed, or this script has ended: a dot that often on a
# terminal, elsewhere a line.
show_progress()
{
	local never since=$SECONDS

	# To sleep without a process that would outlive this one.
	exec {never}<> <(:)
	while read -r -t "$1" -u "$never" || kill -0 $$ 2>/dev/null; do
		if [[ -t 2 ]]; then
			printf . >&2
		else
			say "still at it after $((SECONDS - since)) s"
		fi
	done
}

# with_progress COMMAND...: shows that COMMAND goes on, every five seconds on a terminal,
# elsewhere every minute, or every $progress_s. Returns the status of COMMAND, which is in
# the foreground: Ctrl-C ends it.
with_progress()
{
	local interval=60 watcher status=0

	[[ ! -t 2 ]] || interval=5
	show_progress "${progress_s:-$interval}" >&2 &
	watcher=$!
	"$@" || status=$?
	kill "$watcher"
	wait "$watcher" 2>/dev/null || true
	[[ ! -t 2 ]] || echo >&2
	return "$status"
}

# Options that have apt use package lists of our own: none until refresh_lists.
apt_lists=()

# apt_get ARGUMENT...: quietly. apt needs no root to download; as root it would warn that
# the user _apt cannot write.
apt_get()
{
	apt-get -qq -o APT::Sandbox::User="$(id -un)" "${apt_lists[@]}" "$@"
}

# refresh_lists: makes package lists of our own, without root and without a change to the
# host's, which may be empty or older than the archive.
refresh_lists()
{
	local lists=$build/cache/apt

	say 'refreshing the package lists'
	mkdir -p -- "$lists/lists/partial" "$lists/archives/partial"
	apt_lists=(-o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists"
		-o "Dir::Cache::archives=$lists/archives")
	apt_get update >&2 || die 'apt-get update failed: is the archive within reach?'
}

# fetch_package PACKAGE DIR: that package of the distribution, into DIR.
fetch_package()
{
	command -v apt-get >/dev/null || die "$1 is fetched by apt, which is not here"
	(cd "$2" && apt_get download "$1" 2>/dev/null) && return
	refresh_lists
	(cd "$2" && apt_get download "$1") || die "$1 cannot be fetched: see the lines above"
}
