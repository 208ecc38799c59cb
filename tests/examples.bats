#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The drivers of examples/, each as its users meet it.

load examples

setup_file()
{
	build_program call
	build_examples hello registration chardev completion virtio_block e1000
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

@test 'hello: greets whom it is told to, and says goodbye' {
	example hello <<-'E'
		insmod hello.ko whom=students
		logged 'hello: hello, students'
		cat /sys/module/hello/parameters/whom
		rmmod hello
		logged 'hello: goodbye, students'
		insmod hello.ko who=students
		logged "hello: unknown parameter 'who' ignored"
		logged 'hello: hello, world'
		ls /sys/module/hello/parameters
	E
	assert_output $'students\nwhom'
}

# For one that reads its first driver.
@test 'hello: is short, and each example says who wrote it and under which license' {
	local module field

	(($(wc -l <"$top/examples/hello/hello.c") <= 30))
	for module in "$BATS_FILE_TMPDIR"/{hello,registration,chardev,completion,virtio_block,e1000}.ko; do
		for field in description author license; do
			[[ $(modinfo -F $field "$module") ]] || fail "${module##*/}: no $field"
		done
	done
}

@test 'registration: greets whom it is told to, in the log and in its devices' {
	example registration <<-'E'
		insmod registration.ko whom=students
		logged 'registration: hello, students'
		cat /dev/hello /dev/goodbye /sys/module/registration/parameters/whom
		dd if=/dev/hello bs=3 count=2 2>/dev/null; echo
		rmmod registration
		logged 'registration: goodbye, students'
		ls /dev/hello /dev/goodbye
		insmod registration.ko
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

@test 'registration: where the second registration fails, the first is taken back' {
	example registration <<-'E'
		holdings >before
		# Newer kernels give numbers past a byte to who asks for any.
		insmod registration.ko minor=$(awk '$1 < 255 { print $1; exit }' /proc/misc)
		logged 'registration: cannot register /dev/goodbye: error -16'
		holdings >after
		diff before after && echo 'nothing left'
		insmod registration.ko && cat /dev/hello
	E
	assert_line "insmod: can't insert 'registration.ko': Device or resource busy"
	assert_line 'nothing left'
	assert_line 'hello, world'
}

@test 'registration: a minor number that is free is taken, what is none is refused' {
	example registration <<-'E'
		insmod registration.ko minor=250 && stat -c '%t %T' /dev/goodbye && rmmod registration
		insmod registration.ko minor=256
		insmod registration.ko minor=-1
		insmod registration.ko minor=many
		ls -d /sys/module/registration || true
	E
	assert_line 'a fa'
	assert_equal "$(grep -c "^insmod: can't insert 'registration.ko': " <<<"$output")" 3
	assert_line 'ls: /sys/module/registration: No such file or directory'
}

@test 'registration: a device that is open holds the module' {
	example registration <<-'E'
		insmod registration.ko
		exec 3</dev/goodbye
		rmmod registration
		cat <&3
		exec 3<&-
		rmmod registration && echo unloaded
	E
	assert_line "rmmod: can't unload module 'registration': Resource temporarily unavailable"
	assert_line 'goodbye, world'
	assert_line unloaded
}

# bats test_tags=slow
@test 'registration: a hundred loads leave nothing' {
	loads registration <<-'E'
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

# bats test_tags=slow
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

# bats test_tags=slow
@test 'completion: a hundred loads leave nothing' {
	loads completion <<-'E'
		use()
		{
			cat /dev/completion & echo >/dev/completion; wait
		}
	E
}

@test 'virtio_block: takes a disk from the driver of the kernel, and gives it back' {
	with_disk <<-'E'
		device=$(basename $blk/virtio[0-9]*)
		ls /dev/vda
		take
		logged "virtio_block $device: vblk0: 2048 blocks of 512 bytes"
		ls /dev/vda /dev/vblk0
		rmmod virtio_block
		ls /dev/vblk0
		echo $device >$blk/bind
		head -c 4 /dev/vda; echo
	E
	assert_output - <<-'E'
		/dev/vda
		ls: /dev/vda: No such file or directory
		/dev/vblk0
		ls: /dev/vblk0: No such file or directory
		aaaa
	E
}

@test 'virtio_block: does not touch what the driver of the kernel has' {
	with_disk <<-'E'
		insmod virtio_block.ko
		ls /dev/vda /dev/vblk0 || true
	E
	assert_output $'ls: /dev/vblk0: No such file or directory\n/dev/vda'
}

@test 'virtio_block: whole blocks are read and written, and all else is refused' {
	with_disk <<-'E'
		take
		./call 'open /dev/vblk0 rw' 'pread 512 512' 'pfill X 1024 1024' 'pread 2048 512' fsync \
			'pread 100 0' 'pread 512 100' 'pwrite text 0' 'pfill Y 512 1' 'pread 0 0' \
			'pread 512 1048576' 'pfill Y 512 1048576' 'pread 512 4000000000000' 'pread 1024 1048064' \
			'seek 0 end' 'read 512' 'seek -512 cur' 'read 512' 'seek 0 set' 'read 512' 'read 512' \
			'read-bad 512' 'write-bad 512' 'read-part 512 1024' 'seek 1 end'
	E
	assert_output - <<-'E'
		open /dev/vblk0 rw = 0
		pread 512 512 = 512 bbbbbbbbbbbbbbbb...b
		pfill X 1024 1024 = 1024
		pread 2048 512 = 2048 bbbbbbbbbbbbbbbb...e
		fsync = 0
		pread 100 0 = EINVAL
		pread 512 100 = EINVAL
		pwrite text 0 = EINVAL
		pfill Y 512 1 = EINVAL
		pread 0 0 = 0
		pread 512 1048576 = ENXIO
		pfill Y 512 1048576 = ENXIO
		pread 512 4000000000000 = ENXIO
		pread 1024 1048064 = 512 ....................
		seek 0 end = 1048576
		read 512 = ENXIO
		seek -512 cur = 1048064
		read 512 = 512 ....................
		seek 0 set = 0
		read 512 = 512 aaaaaaaaaaaaaaaa...a
		read 512 = 512 bbbbbbbbbbbbbbbb...b
		read-bad 512 = EFAULT
		write-bad 512 = EFAULT
		read-part 512 1024 = 512 XXXXXXXXXXXXXXXX...X
		seek 1 end = EINVAL
	E
	assert_equal "$(sector 0)$(sector 1)$(sector 2)$(sector 3)$(sector 4)" aaaabbbbXXXXXXXXeeee
}

@test 'virtio_block: selftest=1 writes to block 1 and finds it again' {
	with_disk <<-'E'
		take selftest=1
		logged 'virtio_block: selftest: vblk0: virtio-blk, 2048 blocks of 512 bytes'
		logged 'virtio_block: selftest: block 1 begins with 0123 and is as it was written'
		ls /dev/vblk0
	E
	assert_line /dev/vblk0
	assert_equal "$(sector 0)$(sector 1 8)$(sector 2)" aaaa0123bbbbcccc
}

@test 'virtio_block: the device is told of a request with interrupts on' {
	kernel_has DYNAMIC_FTRACE || skip 'this kernel cannot be asked'
	with_disk <<-'E'
		take
		mount -t tracefs none /sys/kernel/tracing 2>/dev/null
		echo 'v[pm]_notify*' >/sys/kernel/tracing/set_ftrace_filter
		echo function >/sys/kernel/tracing/current_tracer
		./call 'open /dev/vblk0 rw' 'pread 512 512' 'pfill X 1024 1024' fsync >/dev/null
		# d: interrupts are off.
		awk '$1 ~ /^call-/ && /_notify/ { print substr($3, 1, 1) }' /sys/kernel/tracing/trace
	E
	assert_output $'.\n.\n.\n.'
}

# What devices that differ do, in one guest: what it has said of NAME, and what the host's
# end has counted, is in $output and $lines. In a guest a device is told from the others
# by its number of blocks.
devices_differ()
{
	local i=0 devices=() guest name file=$BATS_FILE_TMPDIR/devices qmp=$BATS_TEST_TMPDIR/qmp

	if [[ ! -L $file ]]; then
		ln -s "$BATS_TEST_TMPDIR/output" "$file"
		make_disk
		for name in plain readonly large read write flush huge; do
			cp "$disk" "$BATS_FILE_TMPDIR/$name"
			truncate -s $((1048576 + 4096 * i++)) "$BATS_FILE_TMPDIR/$name"
		done
		device plain "format=raw,file=$BATS_FILE_TMPDIR/plain"
		device readonly "format=raw,readonly=on,file=$BATS_FILE_TMPDIR/readonly"
		device large "format=raw,file=$BATS_FILE_TMPDIR/large" ,logical_block_size=4096,physical_block_size=4096
		for name in read write flush; do
			device $name "driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename=$BATS_FILE_TMPDIR/$name,file.inject-error.0.event=none,file.inject-error.0.iotype=$name,file.inject-error.0.errno=5"
		done
		device none 'driver=null-co,read-zeroes=off,size=1081344'
		device huge "format=raw,file=$BATS_FILE_TMPDIR/huge" ,logical_block_size=8192,physical_block_size=8192
		# What the kernel allocates is filled with Z, and not with zeroes.
		example virtio_block --cold --append 'slub_debug=P,kmalloc-*' "${devices[@]}" \
			--qemu -qmp --qemu "unix:$qmp,server=on,wait=off" <<-'E' >"$BATS_TEST_TMPDIR/assertions" 2>&1 &
			drivers=/sys/bus/virtio/drivers
			# of NAME BLOCKS [SIZE]: what follows is said of it, $node in /dev.
			of()
			{
				echo "== $1"
				logged "vblk[0-9]: $2 blocks of ${3:-512} bytes"
				node=$(dmesg | sed -n "s/.*: \(vblk[0-9]*\): $2 blocks .*/\/dev\/\1/p")
			}
			insmod virtio_block.ko
			of readonly 2056
			dmesg | grep -o "${node#/dev/}: .*"
			./call "open $node rw" 'pfill X 512 512' 'pread 512 512' fsync
			of large 258 4096
			./call "open $node rw" 'pread 4096 4096' 'pread 512 0' 'pfill Z 4096 8192' 'pread 4096 8192' \
				'pread 4096 1056768'
			of read 2072
			./call "open $node rw" 'pread 512 512' 'pfill X 512 512' fsync
			of write 2080
			./call "open $node rw" 'pread 512 512' 'pfill X 512 512' fsync
			of flush 2088
			./call "open $node rw" 'pread 512 512' 'pfill X 512 512' fsync "open $node rwd" 'pfill X 512 512'
			of none 2112
			./call "open $node rw" 'pread 1024 512'
			echo '== huge'
			logged 'blocks of 8192 bytes: not supported'
			ls /dev/vblk7
			of plain 2048
			device=$(dmesg | sed -n "s/.*virtio_block \(virtio[0-9]*\): ${node#/dev/}: .*/\1/p")
			set --
			for i in $(seq 20); do set -- "$@" 'pfill X 512 512'; done
			./call "open $node rw" "$@" "open $node rws" "$@" "open $node rwd" "$@" | sort | uniq -c
			echo written
			until_true './call "open $node r" "seek 0 end" | grep -q " = 2097152"'
			logged "vblk0: resized from 2048 to 4096 blocks"
			./call "open $node rw" 'pread 512 2096640' 'pread 512 2097152' 'seek 0 end'
			# The kernel's own driver, to compare with.
			echo $device >$drivers/virtio_block/unbind
			modprobe virtio_blk
			[ -e $drivers/virtio_blk/$device ] || echo $device >$drivers/virtio_blk/bind
			disk=$(ls /sys/bus/virtio/devices/$device/block)
			./call "open /dev/$disk rw" "$@" "open /dev/$disk rws" "$@" "open /dev/$disk rwd" "$@" >/dev/null
			echo 'written by virtio_blk'
			until_true "[ \$(cat /sys/block/$disk/size) = 6144 ]"
			rmmod virtio_blk
			rmmod virtio_block
			dmesg -c >/dev/null
			echo '== selftest'
			insmod virtio_block.ko selftest=1
			dmesg | grep -o 'selftest: cannot.*\|selftest: block.*'
			rmmod virtio_block && echo unloaded
		E
		guest=$!
		await_line written
		monitor "$qmp" '{"execute": "query-blockstats"}' >"$BATS_TEST_TMPDIR/ours"
		monitor "$qmp" '{"execute": "block_resize", "arguments": {"device": "plain", "size": 2097152}}'
		await_line 'written by virtio_blk'
		monitor "$qmp" '{"execute": "query-blockstats"}' >"$BATS_TEST_TMPDIR/both"
		monitor "$qmp" '{"execute": "block_resize", "arguments": {"device": "plain", "size": 3145728}}'
		wait "$guest" || { cat "$BATS_TEST_TMPDIR/assertions"; return 1; }
		jq -n --slurpfile ours "$BATS_TEST_TMPDIR/ours" --slurpfile both "$BATS_TEST_TMPDIR/both" -r '
			def flushes: .[-1][] | select(.device == "plain") | .stats.flush_operations;
			"== flushes", ($ours | flushes), ($both | flushes) - ($ours | flushes), "== end"' >>"$file"
	fi
	output=$(sed -n "/^== $1\$/,/^== /p" "$file" | sed '1d;$d')
	mapfile -t lines <<<"$output"
	echo "$output"
}

@test 'virtio_block: a read-only device is read, not written, and has no self-test' {
	devices_differ readonly
	assert_line --regexp '^vblk[0-9]: 2056 blocks of 512 bytes, read-only$'
	assert_line 'pfill X 512 512 = EROFS'
	assert_line 'pread 512 512 = 512 bbbbbbbbbbbbbbbb...b'
	assert_line 'fsync = 0'
	devices_differ selftest
	assert_line 'selftest: cannot write block 1: error -30'
}

@test 'virtio_block: a device with blocks of 4096 bytes' {
	local disk=$BATS_FILE_TMPDIR/large
	devices_differ large
	assert_line 'pread 4096 4096 = 4096 iiiiiiiiiiiiiiii...p'
	assert_line 'pread 512 0 = EINVAL'
	assert_line 'pfill Z 4096 8192 = 4096'
	assert_line 'pread 4096 8192 = 4096 ZZZZZZZZZZZZZZZZ...Z'
	assert_line 'pread 4096 1056768 = ENXIO'
	assert_equal "$(sector 15)$(sector 16)$(sector 23)$(sector 24)" ppppZZZZZZZZyyyy
}

@test 'virtio_block: a device with blocks that no page holds is refused' {
	devices_differ huge
	assert_line 'ls: /dev/vblk7: No such file or directory'
}

@test 'virtio_block: a device that fails to read' {
	devices_differ read
	assert_line 'pread 512 512 = EIO'
	assert_line 'pfill X 512 512 = 512'
	assert_line 'fsync = 0'
	devices_differ selftest
	assert_line 'selftest: cannot read block 1: error -5'
	assert_line unloaded
}

@test 'virtio_block: a device that fails to write' {
	devices_differ write
	assert_line 'pread 512 512 = 512 bbbbbbbbbbbbbbbb...b'
	assert_line 'pfill X 512 512 = EIO'
	devices_differ selftest
	assert_line 'selftest: cannot write block 1: error -5'
}

@test 'virtio_block: a device that fails to flush' {
	devices_differ flush
	assert_line 'pread 512 512 = 512 bbbbbbbbbbbbbbbb...b'
	assert_line 'pfill X 512 512 = 512'
	assert_line 'fsync = EIO'
	# The data may be lost with the power: a write that promises more has failed.
	assert_line 'pfill X 512 512 = EIO'
	devices_differ selftest
	assert_line 'selftest: cannot flush block 1: error -5'
}

@test 'virtio_block: a device that answers without writing shows no memory of the kernel' {
	devices_differ none
	assert_line 'pread 1024 512 = 1024 ....................'
}

@test 'virtio_block: writes with O_SYNC and O_DSYNC are flushed, each as by the driver of the kernel' {
	devices_differ plain
	assert_line --regexp '^ *60 pfill X 512 512 = 512$'
	devices_differ flushes
	assert_output $'40\n40'
}

@test 'virtio_block: a device that is resized has another end at once' {
	devices_differ plain
	assert_line 'pread 512 2096640 = 512 ....................'
	assert_line 'pread 512 2097152 = ENXIO'
	assert_line 'seek 0 end = 2097152'
}

# bats test_tags=slow
@test 'virtio_block: each layout of the queue, and memory by the DMA API' {
	local device devices=(',packed=on' ',event_idx=off,indirect_desc=off')

	if [[ $QEMU_RUN_MACHINE != microvm ]]; then
		devices+=(',disable-legacy=on,iommu_platform=on')
		! kernel_has VIRTIO_PCI_LEGACY || devices+=(',disable-modern=on')
	fi
	for device in "${devices[@]}"; do
		custom "format=raw,file=$BATS_TEST_TMPDIR/disk" "$device" <<-'E'
			insmod virtio_block.ko selftest=1
			./call 'open /dev/vblk0 rw' 'pfill X 10240 512' 'pread 10240 512' fsync
			rmmod virtio_block
		E
		assert_line 'pread 10240 512 = 10240 XXXXXXXXXXXXXXXX...X'
		assert_line 'fsync = 0'
		assert_equal "$(sector 0)$(sector 20)$(sector 21)" aaaaXXXXvvvv
	done
}

# What a guest does to have a request under way and another one waiting behind it, with
# a drive that holds them: it lets one byte pass a second, and before that one request.
readonly slow=throttling.bps-total=1
# shellcheck disable=SC2016 # the guest's to expand
readonly hold='
	# To wait for so long is what is meant here.
	[ ! -e /proc/sys/kernel/hung_task_timeout_secs ] || echo 0 >/proc/sys/kernel/hung_task_timeout_secs
	insmod virtio_block.ko
	device=$(basename /sys/bus/virtio/drivers/virtio_block/virtio[0-9]*)
	# sleeps PID: where no signal wakes it, and a second later as well.
	sleeps()
	{
		until_true "grep -q \"^State:.D\" /proc/$1/status"
		sleep 1
		grep "^State:.D" /proc/$1/status >/dev/null || echo "$1 has gone on"
	}
	./call "open /dev/vblk0 rw" "pread 5120 512" "pread 512 0" fsync "seek 0 end" >held &
	holder=$!
	sleeps $holder
	./call "open /dev/vblk0 r" "pread 512 1024" >waiting &
	waiter=$!
	sleeps $waiter
'
# ... and what has to come of it when the device has gone.
# shellcheck disable=SC2016 # the guest's to expand
readonly ended='
	until_true "[ ! -e /dev/vblk0 ]"
	wait $holder; cat held
	wait $waiter; cat waiting
	rmmod virtio_block && echo unloaded
	leaks
'

# The request was done, or not: the device decides as it is reset. All later ones
# find it gone.
assert_ended()
{
	refute_line --partial 'has gone on'
	assert_line --regexp '^pread 5120 512 = (512 bbbbbbbbbbbbbbbb...b|1024 bbbbbbbbbbbbbbbb...c|ENODEV)$'
	assert_line 'pread 512 0 = ENODEV'
	assert_line 'fsync = ENODEV'
	assert_line 'seek 0 end = 1048576'
	assert_line 'pread 512 1024 = ENODEV'
	assert_line unloaded
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
}

@test 'virtio_block: unbound while a request is under way and a file open' {
	custom "format=raw,$slow,file=$BATS_TEST_TMPDIR/disk" '' --append kmemleak=on <<-E
		$hold
		rmmod virtio_block
		# Who waits for the device's turn can be killed.
		./call 'open /dev/vblk0 r' 'pread 512 0' & killed=\$!
		sleeps \$killed
		kill -KILL \$killed
		wait \$killed; echo "killed: status \$?"
		echo \$device >/sys/bus/virtio/drivers/virtio_block/unbind
		$ended
	E
	assert_line "rmmod: can't unload module 'virtio_block': Resource temporarily unavailable"
	assert_line 'killed: status 137'
	assert_ended
}

@test 'virtio_block: plugged out while a request is under way and a file open' {
	local device='' port='' guest

	[[ $QEMU_RUN_MACHINE != microvm ]] || skip 'a microvm has nothing that can be plugged out'
	kernel_has HOTPLUG_PCI_ACPI || skip 'this kernel does not hear of it'
	# On a q35 only what is behind a port can.
	if [[ $QEMU_RUN_MACHINE == q35 ]]; then
		port=pcie-root-port,id=hotplug0,chassis=1
		device=,bus=hotplug0
	fi
	custom "format=raw,$slow,file=$BATS_TEST_TMPDIR/disk" "$device" --append kmemleak=on \
		--qemu -qmp --qemu "unix:$BATS_TEST_TMPDIR/qmp,server=on,wait=off" \
		>"$BATS_TEST_TMPDIR/assertions" 2>&1 <<-E &
		$hold
		echo held
		$ended
	E
	guest=$!
	await_line held
	# The guest is asked for the device, and gives it.
	monitor "$BATS_TEST_TMPDIR/qmp" '{"execute": "device_del", "arguments": {"id": "disk-device"}}'
	wait "$guest" || { cat "$BATS_TEST_TMPDIR/assertions"; false; }
	read_output
	assert_ended
}

@test 'virtio_block: two devices, by their numbers' {
	make_disk
	head -c 65536 /dev/urandom >"$BATS_TEST_TMPDIR/other"
	with_disk --disk "$BATS_TEST_TMPDIR/other" <<-'E'
		take
		./call 'open /dev/vblk0 rw' 'open /dev/vblk1 rw' 'seek 0 end' 'use 0' 'seek 0 end' 'pread 512 0'
		cd /sys/bus/virtio/drivers/virtio_block
		set -- virtio[0-9]*
		echo $1 >unbind
		ls /dev/vblk*
		echo $1 >bind
		ls /dev/vblk*
	E
	assert_output - <<-'E'
		open /dev/vblk0 rw = 0
		open /dev/vblk1 rw = 1
		seek 0 end = 65536
		use 0 = 0
		seek 0 end = 1048576
		pread 512 0 = 512 aaaaaaaaaaaaaaaa...a
		/dev/vblk1
		/dev/vblk0
		/dev/vblk1
	E
}

@test 'virtio_block: works as before after a suspend' {
	kernel_has PM_DEBUG || skip 'the suspend of this kernel does not end by itself'
	with_disk <<-'E'
		take
		exec 3</dev/vblk0
		echo devices >/sys/power/pm_test
		echo 1 >/sys/module/suspend/parameters/pm_test_delay
		echo freeze >/sys/power/state && echo awake
		logged 'PM: suspend exit'
		./call 'open /dev/vblk0 rw' 'pread 512 512' 'pfill X 512 512' fsync 'pread 512 512'
	E
	assert_line awake
	assert_line 'pread 512 512 = 512 bbbbbbbbbbbbbbbb...b'
	assert_line 'pread 512 512 = 512 XXXXXXXXXXXXXXXX...X'
}

# bats test_tags=slow
@test 'virtio_block: a hundred loads leave nothing' {
	make_disk
	loads virtio_block --disk "$disk" <<-'E'
		[ ! -e /sys/module/virtio_blk ] || rmmod virtio_blk
		driver=/sys/bus/virtio/drivers/virtio_block
		use()
		{
			device=$(basename $driver/virtio[0-9]*)
			dd if=/dev/vblk0 of=/dev/null bs=512 count=4 2>/dev/null || return
			echo $device >$driver/unbind && echo $device >$driver/bind &&
				printf '%512s' '' | dd of=/dev/vblk0 bs=512 2>/dev/null
		}
	E
}

# steps_fail NAME PARAMETERS STEP...: a step is a function of the kernel (of several names,
# the one that this kernel has) and what it returns. With it, a load of NAME leaves
# nothing, and without it the next load is good. What the loads said is in $output.
steps_fail()
{
	local name=$1 parameters=$2 disk=() functions step steps=''
	shift 2

	if [[ $name == virtio_block ]]; then
		make_disk
		disk=(--disk "$BATS_TEST_TMPDIR/disk")
	fi
	functions=$(printf '|%s' "${@% *}")
	for step; do
		steps+="step '${step% *}' ${step##* }"$'\n'
	done
	example "$name" -f "$BATS_FILE_TMPDIR/fail_load.ko" "${disk[@]}" <<-E
		[ ! -e /sys/module/virtio_blk ] || rmmod virtio_blk
		# All at once: the kernel takes a second to print its table of symbols.
		grep -oE ' [tT] (${functions#|})([[:space:]]|\$)' /proc/kallsyms | awk '{ print \$2 }' >symbols
		step()
		{
			dmesg -c >/dev/null
			insmod fail_load.ko victim=$name function=\$(grep -m 1 -xE "\$1" symbols) retval=\$2 || exit
			holdings >before
			for round in 1 2 3; do
				if insmod $name.ko $parameters; then
					ls /dev/vblk0
					rmmod $name || exit
				fi
				echo "injected \$(cat /sys/module/fail_load/parameters/injected)"
			done
			holdings >after
			diff before after || exit
			dmesg | grep -oE '(] | )${name}[: ].*error.*' | sort -u
			rmmod fail_load
			insmod $name.ko $parameters && ls -d /sys/module/$name && ls /dev | grep -E 'hello|chardev|completion|vblk' && rmmod $name || exit
		}
		$steps
	E
	assert_equal "$(grep -cx 'injected 1' <<<"$output")" $((3 * $#))
	assert_equal "$(grep -cx "/sys/module/$name" <<<"$output")" $#
}

@test 'registration: no device can be registered' {
	steps_fail registration '' 'misc_register -12'
	assert_line "insmod: can't insert 'registration.ko': Cannot allocate memory"
	assert_line --partial 'registration: cannot register /dev/hello: error -12'
}

@test 'chardev: each step of its load fails in turn, and leaves nothing' {
	steps_fail chardev count=2 'alloc_chrdev_region -16' '__class_register|class_register -12' \
		'kvmalloc_node|__kvmalloc_node_noprof 0' 'cdev_add -12' 'device_create -13'
	assert_line "insmod: can't insert 'chardev.ko': Device or resource busy"
	assert_line --partial 'chardev: cannot get a device number: error -16'
	assert_line --partial 'chardev: cannot register the class: error -12'
	assert_line "insmod: can't insert 'chardev.ko': Cannot allocate memory"
	assert_line --partial 'chardev: cannot make device 0: error -12'
	assert_line --partial 'chardev: cannot add the devices: error -12'
	assert_line --partial 'chardev: cannot make device 0: error -13'
}

@test 'completion: no device can be registered' {
	steps_fail completion '' 'misc_register -12'
	assert_line "insmod: can't insert 'completion.ko': Cannot allocate memory"
}

# The driver cannot be registered; probe gets no number, no queue, no node. With the last
# three the driver is loaded, and the device has none.
@test 'virtio_block: each step of its load and probe fails in turn, and leaves nothing' {
	local transport=vp

	# A kernel may have both.
	[[ $QEMU_RUN_MACHINE != microvm ]] || transport=vm
	steps_fail virtio_block selftest=1 'register_virtio_driver|__register_virtio_driver -12' \
		'ida_alloc_range -12' "${transport}_find_vqs -2" 'misc_register -13'
	assert_line "insmod: can't insert 'virtio_block.ko': Cannot allocate memory"
	assert_equal "$(grep -cx 'ls: /dev/vblk0: No such file or directory' <<<"$output")" 9
	assert_line --partial 'failed with error -12'
	assert_line --partial 'failed with error -2'
	assert_line --partial 'failed with error -13'
}
