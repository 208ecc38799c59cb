# SPDX-License-Identifier: GPL-2.0
# What the scripts share that build a kernel from the distribution's source. LLVM is used
# if $llvm is set.

# newest_source: the newest version of the kernel whose source the distribution has.
newest_source()
{
	apt-cache pkgnames linux-source- 2>/dev/null |
		sed -nE 's/^linux-source-([0-9]+\.[0-9]+)$/\1/p' | sort -V | tail -n 1
}

# find_source: sets version, if it is not set, and source to its unpacked source.
find_source()
{
	local lock

	version=${version:-$(newest_source)}
	[[ $version ]] || die 'apt knows no linux-source: run apt-get update'
	[[ $version =~ ^[0-9]+\.[0-9]+$ ]] || die "$version: give a version such as 6.12"
	mkdir -p -- "$build/cache"
	source=$(readlink -f -- "$build/cache")/linux-source-$version
	exec {lock}>"$build/cache/.source.lock"
	flock "$lock"
	[[ -e $source/Makefile ]] || unpack_source "$version" "$source"
	exec {lock}>&-
}

# unpack_source VERSION DIR: the kernel's source in DIR, with the version of its
# package in DIR.version.
unpack_source()
{
	local version=$1 directory=$2 work=$build/cache/.source

	say "fetching linux-source-$version"
	rm -rf -- "$work"
	mkdir -p -- "$work/tree"
	fetch_package "linux-source-$version" "$work"
	dpkg-deb --fsys-tarfile "$work"/*.deb | tar -xO --wildcards '*.tar.xz' |
		tar -xJ -C "$work/tree" --strip-components=1
	dpkg-deb -f "$work"/*.deb Version >"$directory.version"
	mv -T -- "$work/tree" "$directory"
	rm -r -- "$work"
}

# missing_options FRAGMENT CONFIG: the lines of the one that are not in the other.
missing_options()
{
	local fragment=$1 config=$2 line option

	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF -- "$line" "$config" || printf '%s\n' "$line" ;;
		'# CONFIG_'*' is not set')
			option=${line#\# }
			! grep -q -- "^${option% is not set}=" "$config" || printf '%s\n' "$line"
			;;
		esac
	done <"$fragment"
}

# into_file FILE COMMAND...: what COMMAND says goes into FILE.
into_file()
{
	"${@:2}" >"$1" 2>&1
}

# make_kernel SOURCE DIR TARGET...: quietly; all that was said, if it fails.
make_kernel()
{
	local source=$1 directory=$2
	shift 2

	with_progress into_file "$directory.log" \
		make -s -C "$source" O="$directory" ${llvm:+LLVM=1} -j "$(nproc)" "$@" || {
		tail -n 30 -- "$directory.log" >&2
		die "the kernel does not build: see $directory.log"
	}
}

# configure_kernel SOURCE DIR FRAGMENT [WHOLE]: by WHOLE, or else FRAGMENT; all that it does
# not name is off. Each line of FRAGMENT is found again in the configuration.
configure_kernel()
{
	local source=$1 directory=$2 fragment=$3 missing

	# Not tinyconfig and olddefconfig: that would turn on what is on by default
	# in each menu that the fragment opens.
	make_kernel "$source" "$directory" KCONFIG_ALLCONFIG="${4:-$fragment}" allnoconfig
	missing=$(missing_options "$fragment" "$directory/.config")
	[[ ! $missing ]] ||
		die "${fragment##*/}: this kernel does not take, for want of what they depend on:"$'\n'"$missing"
}
