# SPDX-License-Identifier: GPL-2.0
# What the tests of examples/ load: guests that have an example at hand.

# shellcheck source=tests/qemu-run.bash
source "${BASH_SOURCE[0]%/*}/qemu-run.bash"

# build_program NAME: once a file: that program of tests/guest, for the guest.
build_program()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static "$top/tests/guest/$1.c" \
		-o "$BATS_FILE_TMPDIR/$1"
}

# build_examples NAME...: once a file: each of them, and what fails its load.
build_examples()
{
	local sources

	for sources in "${@/#/$top/examples/}" "$top/tests/modules/fail_load"; do
		"$top/scripts/module" -k "$KERNEL_DIR" -s "$sources" >"$BATS_FILE_TMPDIR/directory" \
			2>"$BATS_FILE_TMPDIR/log" || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
		ln -s "$(<"$BATS_FILE_TMPDIR/directory")/${sources##*/}.ko" "$BATS_FILE_TMPDIR"
	done
}

# What each script in a guest has: to wait, and to see what is there.
# shellcheck disable=SC2016 # the guest's to expand
readonly prelude='
	# until_true COMMAND: for two minutes at most.
	until_true()
	{
		local tries=0
		until eval "$1"; do
			tries=$((tries + 1))
			[ $tries -lt 2400 ] || { echo "waited in vain: $1"; exit 1; }
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
	# The objects in the caches of kmalloc() and of the nodes of sysfs; three times,
	# because the kernel frees some a while later. Those of inodes and the like go up and
	# down by hundreds, by the counting alone. (To append takes no object; to truncate a
	# file of sysfs does.)
	objects()
	{
		local cache
		for i in 1 2 3; do
			sleep 1
			for cache in /sys/kernel/slab/kmalloc-* /sys/kernel/slab/kernfs_node_cache; do
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

# read_output: what the guest of this test has said, in $output and $lines.
read_output()
{
	output=$(<"$BATS_TEST_TMPDIR/output")
	mapfile -t lines <<<"$output"
}

# example NAME [option of qemu-run...]: runs the script on standard input in a fresh
# guest, with NAME.ko at hand and not loaded. It has to end with 0 and without a
# complaint of the kernel.
example()
{
	local name=$1 status=0 limit=300
	shift

	# A guest that hangs is to be seen, not a slow one on a busy machine.
	! is_watched || limit=1800
	# Two streams have no order between them: the script writes to one.
	{ printf '%s\n' 'exec 2>&1' "$prelude"; cat; } >"$BATS_TEST_TMPDIR/script"
	qemu-run --timeout $limit --json "$BATS_TEST_TMPDIR/json" \
		-f "$BATS_FILE_TMPDIR/$name.ko" -f "$BATS_FILE_TMPDIR/call" \
		-f "$BATS_TEST_TMPDIR/script" "$@" -- sh script \
		>"$BATS_TEST_TMPDIR/output" 2>&1 </dev/null || status=$?
	read_output
	echo "$output"
	assert_equal "$status" 0
}

# A raw image of 2048 sectors, each filled with a letter: $disk.
make_disk()
{
	local i letters=abcdefghijklmnopqrstuvwxyz

	disk=$BATS_TEST_TMPDIR/disk
	for ((i = 0; i < 26; i++)); do
		printf "%512s" '' | tr ' ' "${letters:i:1}"
	done >"$disk"
	truncate -s 1M "$disk"
}

# sector NUMBER: the first bytes of a sector of $disk.
sector()
{
	dd if="$disk" bs=512 skip="$1" count=1 status=none | head -c "${2:-4}"
}

# with_disk [option of qemu-run...]: as example virtio_block, with $disk, which the
# function take gives to the example, loaded with its parameters. What qemu-run --disk
# plugs in is with the kernel's own driver before.
with_disk()
{
	make_disk
	example virtio_block --disk "$disk,rw" "$@" < <(
		cat <<-'E'
		blk=/sys/bus/virtio/drivers/virtio_blk
		take()
		{
			local had
			for had in $blk/virtio[0-9]*; do
				[ ! -e $had ] || echo ${had##*/} >$blk/unbind
			done
			insmod virtio_block.ko "$@"
		}
		E
		cat
	)
}

# device NAME DRIVE [PROPERTIES]: adds to $devices, options of qemu-run, a virtio block
# device of the machine, with more properties of the drive and of the device (",x=y").
device()
{
	local bus=pci

	[[ $QEMU_RUN_MACHINE != microvm ]] || bus=device
	devices+=(--qemu -drive --qemu "if=none,id=$1,$2"
		--qemu -device --qemu "virtio-blk-$bus,id=$1-device,drive=$1${3-}")
}

# custom DRIVE PROPERTIES [option of qemu-run...]: as with_disk with such a device named
# disk, and $port plugged in before. The kernel's own driver is not loaded.
custom()
{
	local devices=(${port:+--qemu -device --qemu "$port"})

	make_disk
	device disk "$1" "$2"
	example virtio_block --cold "${devices[@]}" "${@:3}"
}

# monitor SOCKET COMMAND...: gives QEMU's monitor these commands of QMP, and prints what
# each returned.
monitor()
{
	python3 - "$@" <<-'E'
		import json, socket, sys
		monitor = socket.socket(socket.AF_UNIX)
		monitor.connect(sys.argv[1])
		lines = monitor.makefile("rw")
		lines.readline()
		for command in '{"execute": "qmp_capabilities"}', *sys.argv[2:]:
		    lines.write(command + "\n")
		    lines.flush()
		    while "return" not in (answer := json.loads(lines.readline())):
		        assert "error" not in answer, answer
		    print(json.dumps(answer["return"]))
	E
}

# await_line LINE: until the guest of this test, in the background as $guest, has said it.
await_line()
{
	until grep -qsx "$1" "$BATS_TEST_TMPDIR/output"; do
		kill -0 "$guest" || { cat "$BATS_TEST_TMPDIR/output"; return 1; }
		sleep 0.1
	done
}
