#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The drivers of examples/, each as its users meet it.

load qemu-run

setup_file()
{
	local example

	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static "$top/tests/guest/call.c" \
		-o "$BATS_FILE_TMPDIR/call"
	for example in "$top"/examples/*/Kbuild; do
		example=${example%/Kbuild}
		"$top/scripts/module" -k "$KERNEL_DIR" -s "$example" >"$BATS_FILE_TMPDIR/directory" \
			2>"$BATS_FILE_TMPDIR/log" || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
		ln -s "$(<"$BATS_FILE_TMPDIR/directory")/${example##*/}.ko" "$BATS_FILE_TMPDIR"
	done
}

# What each script in a guest has: to wait, and to see what is there.
# shellcheck disable=SC2016 # the guest's to expand
readonly prelude='
	# until_true COMMAND: for a minute at most.
	until_true()
	{
		local tries=0
		until eval "$1"; do
			tries=$((tries + 1))
			[ $tries -lt 1200 ] || { echo "waited in vain: $1"; exit 1; }
			sleep 0.05
		done
	}
	# logged PATTERN: that line in the log of the kernel, now or soon.
	logged()
	{
		until_true "dmesg | grep -q \"$1\""
	}
	# What a module may leave behind.
	holdings()
	{
		cat /proc/devices /proc/misc
		ls /dev /sys/module /sys/class /sys/bus/virtio/drivers
	}
	# The objects in each slab cache, but for those of what counts them; three times,
	# because the kernel frees some a while later. (To append takes no object; to
	# truncate a file of sysfs does.)
	objects()
	{
		local cache
		for i in 1 2 3; do
			echo 3 >/proc/sys/vm/drop_caches
			sleep 1
			for cache in /sys/kernel/slab/*; do
				case $cache in
				*kmemleak* | *debug_objects*) continue ;;
				esac
				[ ! -L $cache ] || continue
				echo 1 >>$cache/shrink
				echo "$cache $(cut -d " " -f 1 $cache/objects)"
			done
		done
	}
	# Memory that nothing points to any more and that nobody freed. An object has
	# to be five seconds old.
	leaks()
	{
		[ -e /sys/kernel/debug/kmemleak ] || return 0
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
		echo scan >/sys/kernel/debug/kmemleak
		cat /sys/kernel/debug/kmemleak
		echo "leaks looked for"
	}
'

# example NAME [option of qemu-run...]: runs the script on standard input in a fresh
# guest, with NAME.ko at hand and not loaded. It has to end with 0 and without a
# complaint of the kernel.
example()
{
	local name=$1 status=0
	shift

	{ printf '%s\n' "$prelude"; cat; } >"$BATS_TEST_TMPDIR/script"
	output=$(qemu-run --timeout 900 --json "$BATS_TEST_TMPDIR/json" \
		-f "$BATS_FILE_TMPDIR/$name.ko" -f "$BATS_FILE_TMPDIR/call" \
		-f "$BATS_TEST_TMPDIR/script" "$@" -- sh script 2>&1 </dev/null) || status=$?
	mapfile -t lines <<<"$output"
	echo "$output"
	assert_equal "$status" 0
}

# loads NAME [option of qemu-run...]: two hundred loads and unloads leave nothing, with
# the function use of the script on standard input between the two. A cache that grows
# by an object for each load, in the first hundred and in the second, has lost them:
# the kernel's own come and go.
loads()
{
	example "$1" --append kmemleak=on "${@:2}" < <(
		cat
		cat <<-E
			cycle()
			{
				for i in \$(seq \$1); do
					insmod $1.ko || exit
					use || exit
					rmmod $1 || exit
				done
			}
			cycle 20
			holdings >before
			objects >objects.0
			cycle 100
			objects >objects.1
			cycle 100
			objects >objects.2
			holdings >after
			diff before after || exit
			awk '
				{ key = FILENAME " " \$1; caches[\$1] }
				!(key in least) || least[key] > \$2 { least[key] = \$2 }
				END {
					for (name in caches) {
						first = least["objects.1 " name] - least["objects.0 " name]
						second = least["objects.2 " name] - least["objects.1 " name]
						if (first >= 100 && second >= 100)
							print "grew: " name, first, second
						count++
					}
					print count " caches counted"
				}' objects.0 objects.1 objects.2
			leaks
		E
	)
	refute_line --regexp '^grew: '
	assert_line --regexp '^[1-9][0-9]+ caches counted$'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
	refute_line --partial 'unreferenced object'
}

@test 'hello: greets whom it is told to, in the log and in its devices' {
	example hello <<-'E'
		insmod hello.ko whom=students
		logged 'hello: hello, students'
		cat /dev/hello /dev/goodbye /sys/module/hello/parameters/whom
		dd if=/dev/hello bs=3 count=2 2>/dev/null; echo
		rmmod hello
		logged 'hello: goodbye, students'
		ls /dev/hello /dev/goodbye
		insmod hello.ko
		cat /dev/hello
	E
	assert_line 'hello, students'
	assert_line 'goodbye, students'
	assert_line 'students'
	assert_line 'hello,'
	assert_line 'ls: /dev/hello: No such file or directory'
	assert_line 'ls: /dev/goodbye: No such file or directory'
	assert_line 'hello, world'
}

@test 'hello: where the second registration fails, the first is taken back' {
	example hello <<-'E'
		holdings >before
		set -- $(tail -n 1 /proc/misc)
		insmod hello.ko minor=$1
		logged 'hello: cannot register /dev/goodbye: error -16'
		holdings >after
		diff before after && echo 'nothing left'
		insmod hello.ko && cat /dev/hello
	E
	assert_line "insmod: can't insert 'hello.ko': Device or resource busy"
	assert_line 'nothing left'
	assert_line 'hello, world'
}

@test 'hello: a minor number that is free is taken, what is none is refused' {
	example hello <<-'E'
		insmod hello.ko minor=250 && stat -c '%t %T' /dev/goodbye && rmmod hello
		insmod hello.ko minor=256
		insmod hello.ko minor=-1
		insmod hello.ko minor=many
		ls -d /sys/module/hello || true
	E
	assert_line 'a fa'
	assert_equal "$(grep -c "^insmod: can't insert 'hello.ko': " <<<"$output")" 3
	assert_line 'ls: /sys/module/hello: No such file or directory'
}

@test 'hello: a device that is open holds the module' {
	example hello <<-'E'
		insmod hello.ko
		exec 3</dev/goodbye
		rmmod hello
		cat <&3
		exec 3<&-
		rmmod hello && echo unloaded
	E
	assert_line "rmmod: can't unload module 'hello': Resource temporarily unavailable"
	assert_line 'goodbye, world'
	assert_line unloaded
}

@test 'hello: a hundred loads leave nothing' {
	loads hello <<-'E'
		use()
		{
			cat /dev/hello >/dev/null
		}
	E
}

@test 'make run EXAMPLE=: each demonstration comes to its end' {
	local demo

	for demo in "$top"/examples/*/demo.sh; do
		run "$top/scripts/example" -k "$KERNEL_DIR" "$(basename "${demo%/demo.sh}")"
		assert_success
		assert_line --regexp '^status 0: '
	done
	run "$top/scripts/example" -k "$KERNEL_DIR" nothing
	assert_failure 125
	assert_line --partial "no example 'nothing': there are "
}
