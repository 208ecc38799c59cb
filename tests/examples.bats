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
	output=$(qemu-run --timeout 300 --json "$BATS_TEST_TMPDIR/json" \
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

@test 'chardev: reads and writes at an offset, and ends where the buffer does' {
	example chardev <<-'E'
		insmod chardev.ko size=10
		./call 'open /dev/chardev rw' 'pwrite abcdefgh 0' 'pread 4 2' 'pread 0 2' 'pread 8 6' \
			'pread 1 10' 'pread 1 11' 'pwrite xyz 8' 'pread 10 0' 'pwrite x 10' 'pwrite x 4000000000000' \
			'write 0123' 'write 456789' 'write x' 'read 1'
		# A write of nothing has room anywhere.
		: >/dev/chardev
		printf '' | dd of=/dev/chardev bs=1 seek=10 2>&1 | head -n 1
		cat /dev/chardev | wc -c
	E
	assert_output - <<-'E'
		open /dev/chardev rw = 0
		pwrite abcdefgh 0 = 8
		pread 4 2 = 4 cdef
		pread 0 2 = 0
		pread 8 6 = 4 gh..
		pread 1 10 = 0
		pread 1 11 = 0
		pwrite xyz 8 = 2
		pread 10 0 = 10 abcdefghxy
		pwrite x 10 = ENOSPC
		pwrite x 4000000000000 = ENOSPC
		write 0123 = 4
		write 456789 = 6
		write x = ENOSPC
		read 1 = 0
		0+0 records in
		10
	E
}

@test 'chardev: each open file has its own position, all share the buffer' {
	example chardev <<-'E'
		insmod chardev.ko size=10
		./call 'open /dev/chardev rw' 'open /dev/chardev rw' 'write abc' 'use 0' 'read 3' 'use 1' \
			'seek -2 cur' 'read 2' 'seek -4 end' 'write WXYZ' 'seek 6 set' 'read 9' \
			'seek 0 end' 'seek 11 set' 'seek -1 set' 'seek -11 end' 'seek 0 cur'
	E
	assert_output - <<-'E'
		open /dev/chardev rw = 0
		open /dev/chardev rw = 1
		write abc = 3
		use 0 = 0
		read 3 = 3 abc
		use 1 = 1
		seek -2 cur = 1
		read 2 = 2 bc
		seek -4 end = 6
		write WXYZ = 4
		seek 6 set = 6
		read 9 = 4 WXYZ
		seek 0 end = 10
		seek 11 set = EINVAL
		seek -1 set = EINVAL
		seek -11 end = EINVAL
		seek 0 cur = 10
	E
}

@test 'chardev: bad memory is EFAULT and changes nothing, a part of it is a part' {
	example chardev <<-'E'
		insmod chardev.ko size=16
		./call 'open /dev/chardev rw' 'write abcdefghijklmnop' 'seek 0 set' \
			'read-bad 8' 'write-bad 8' 'pread 16 0' 'read 2' \
			'write-part XY 8' 'pread 16 0' 'read-part 3 8' 'read 9'
	E
	assert_output - <<-'E'
		open /dev/chardev rw = 0
		write abcdefghijklmnop = 16
		seek 0 set = 0
		read-bad 8 = EFAULT
		write-bad 8 = EFAULT
		pread 16 0 = 16 abcdefghijklmnop
		read 2 = 2 ab
		write-part XY 8 = 2
		pread 16 0 = 16 abXYefghijklmnop
		read-part 3 8 = 3 efg
		read 9 = 9 hijklmnop
	E
}

@test 'chardev: two devices have a buffer each, and nodes by hand lead to the same' {
	example chardev <<-'E'
		insmod chardev.ko count=2
		echo one >/dev/chardev
		echo two >/dev/chardev1
		major=$(awk '$2 == "chardev" { print $1 }' /proc/devices)
		mknod first c $major 0
		mknod second c $major 1
		mknod third c $major 2
		head -n 1 first; head -n 1 second; head -n 1 third
		ls /sys/class/chardev
		rmmod chardev
		head -n 1 first; ls /dev/chardev /dev/chardev1 || true
	E
	assert_output - <<-'E'
		one
		two
		head: third: No such device or address
		chardev
		chardev1
		head: first: No such device or address
		ls: /dev/chardev: No such file or directory
		ls: /dev/chardev1: No such file or directory
	E
}

@test 'chardev: no read sees half of a write' {
	example chardev --cpus 2 <<-'E'
		insmod chardev.ko size=65536
		for letter in a b; do
			( set --; for i in $(seq 300); do set -- "$@" "pfill $letter 65536 0"; done
			./call 'open /dev/chardev w' "$@" >/dev/null ) &
		done
		set --; for i in $(seq 300); do set -- "$@" "uniform 65536"; done
		./call 'open /dev/chardev r' "$@" | sort | uniq -c
		wait
	E
	assert_line --regexp '^ *300 uniform 65536 = 1$'
	refute_line --regexp 'uniform 65536 = 0$'
}

@test 'chardev: a number or size out of range is refused and says what to give' {
	example chardev <<-'E'
		for bad in count=0 count=17 size=0 size=16777217; do
			insmod chardev.ko $bad && echo "$bad: loaded"
			dmesg | tail -n 1
		done
		insmod chardev.ko count=16 size=1 && ls /sys/class/chardev | wc -l
		rmmod chardev
		insmod chardev.ko size=16777216 && cat /dev/chardev | wc -c
	E
	refute_line --partial ': loaded'
	assert_equal "$(grep -c 'Numerical result out of range' <<<"$output")" 4
	assert_equal "$(grep -c 'chardev: count=.*: out of range: give 1 to 16$' <<<"$output")" 2
	assert_equal "$(grep -c 'chardev: size=.*: out of range: give 1 to 16777216$' <<<"$output")" 2
	assert_line 16
	assert_line 16777216
}

@test 'chardev: an open device holds the module' {
	example chardev <<-'E'
		insmod chardev.ko
		exec 3</dev/chardev
		rmmod chardev
		exec 3<&-
		rmmod chardev && echo unloaded
	E
	assert_line "rmmod: can't unload module 'chardev': Resource temporarily unavailable"
	assert_line unloaded
}

@test 'chardev: a hundred loads leave nothing' {
	loads chardev <<-'E'
		use()
		{
			echo text >/dev/chardev
		}
	E
}

@test 'completion: a read sleeps until a write wakes it, and the log says who' {
	example completion <<-'E'
		insmod completion.ko
		cat /dev/completion & reader=$!
		logged "completion: cat ($reader) goes to sleep"
		[ -d /proc/$reader ] && echo 'still asleep'
		echo text >/dev/completion
		wait $reader && echo 'end of file'
		logged "completion: sh ($$) wakes a reader"
		logged "completion: cat ($reader) was woken by $$"
	E
	assert_output $'still asleep\nend of file'
}

@test 'completion: one write wakes one reader' {
	example completion --cpus 2 <<-'E'
		insmod completion.ko
		for i in 1 2 3 4; do cat /dev/completion & done
		until_true '[ $(dmesg | grep -c "goes to sleep") = 4 ]'
		for woken in 1 2 3; do
			echo >/dev/completion
			until_true "[ \$(dmesg | grep -c 'was woken by') = $woken ]"
			sleep 0.2
			echo "$(dmesg | grep -c 'was woken by') woken, $(pidof cat | wc -w) asleep"
		done
		echo >/dev/completion
		wait
	E
	assert_output $'1 woken, 3 asleep\n2 woken, 2 asleep\n3 woken, 1 asleep'
}

@test 'completion: a write that nobody waits for is kept, and O_NONBLOCK does not wait' {
	example completion <<-'E'
		insmod completion.ko
		./call 'open /dev/completion rwn' 'read 1' 'write one' 'write two' 'read 1' 'read 1' 'read 1' \
			'pread 1 0' 'open /dev/completion rw' 'write three' 'read 1'
		dmesg | grep -c 'need not wait'
	E
	assert_output - <<-'E'
		open /dev/completion rwn = 0
		read 1 = EAGAIN
		write one = 3
		write two = 3
		read 1 = 0
		read 1 = 0
		read 1 = EAGAIN
		pread 1 0 = ESPIPE
		open /dev/completion rw = 1
		write three = 5
		read 1 = 0
		3
	E
}

@test 'completion: a sleeper is interrupted, goes on after SA_RESTART, and can be killed' {
	example completion <<-'E'
		insmod completion.ko
		./call 'open /dev/completion r' 'alarm 200' 'read 1'
		./call 'open /dev/completion r' 'alarm-restart 200' 'read 1' >restarted & restarted=$!
		# Once for the first program, and once for the signal of the second.
		until_true '[ $(dmesg | grep -c "call .* was interrupted") = 2 ]'
		until_true '[ $(dmesg | grep -c "call .* goes to sleep") = 3 ]'
		cat restarted
		echo >/dev/completion
		wait $restarted; tail -n 1 restarted
		cat /dev/completion & sleeper=$!
		logged "cat ($sleeper) goes to sleep"
		kill -KILL $sleeper
		wait $sleeper; echo "status $?"
		# What was interrupted has used nothing up.
		echo >/dev/completion
		cat /dev/completion && rmmod completion && echo unloaded
	E
	assert_output --partial - <<-'E'
		open /dev/completion r = 0
		alarm 200 = 0
		read 1 = EINTR
		open /dev/completion r = 0
		alarm-restart 200 = 0
		read 1 = 0
	E
	assert_line 'status 137'
	assert_line 'unloaded'
}

@test 'completion: poll sees what can be read, and is woken' {
	example completion <<-'E'
		insmod completion.ko
		./call 'open /dev/completion rwn' 'poll r 0' 'poll w 0' 'write x' 'poll r 0' 'read 1' 'poll r 0'
		./call 'open /dev/completion r' 'poll r 60000' 'read 1' >polled & poller=$!
		until_true 'grep -q poll /proc/$poller/wchan || grep -q "S (sleeping)" /proc/$poller/status'
		echo >/dev/completion
		wait $poller; cat polled
	E
	assert_output - <<-'E'
		open /dev/completion rwn = 0
		poll r 0 = 0
		poll w 0 = 1
		write x = 1
		poll r 0 = 1
		read 1 = 0
		poll r 0 = 0
		open /dev/completion r = 0
		poll r 60000 = 1
		read 1 = 0
	E
}

@test 'completion: no unload with a sleeper inside, and nothing left without' {
	example completion <<-'E'
		holdings >before
		insmod completion.ko
		cat /dev/completion & reader=$!
		logged "goes to sleep"
		rmmod completion
		echo >/dev/completion
		wait $reader && rmmod completion && echo unloaded
		holdings >after
		diff before after && echo 'nothing left'
	E
	assert_line "rmmod: can't unload module 'completion': Resource temporarily unavailable"
	assert_line 'unloaded'
	assert_line 'nothing left'
}

@test 'completion: a hundred loads leave nothing' {
	loads completion <<-'E'
		use()
		{
			cat /dev/completion & echo >/dev/completion; wait
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
