#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Directories of the host in the guest: each name, kind of file and link that a file
# system takes, and a guest that tries to get out.

load root

# bats test_tags=slow
@test '--root: a tree of 50,000 files, walked' {
	needs_9p
	# shellcheck disable=SC2016 # the guest's to expand
	local walk='find tree -printf "%p %y %m %s %T@ %n\n" | LC_ALL=C sort >walked
		sha256sum <walked
		grep -c " f " walked'
	python3 - <<-'E'
		import os
		for outer in range(50):
		    for inner in range(10):
		        os.makedirs(f"tree/{outer}/{inner}")
		        for file in range(100):
		            open(f"tree/{outer}/{inner}/{file}", "w").close()
	E
	qemu_run --root / -- bash -c "$walk"
	assert_outcome 0 exit
	assert_equal "$output" "$(bash -c "$walk")"
	assert_line 50000
}

# bats test_tags=slow
@test '--root, --rw: names with every byte that a file system takes, each as long as can be' {
	needs_9p
	cat >names.py <<-'E'
		import os, sys
		def make(top):
		    os.mkdir(top)
		    for byte in range(1, 256):
		        if byte != ord("/"):
		            long = bytes([byte]) * 255
		            for name in long, b"-" + bytes([byte]):
		                with open(os.path.join(top, name), "wb") as file:
		                    file.write(bytes([byte]))
		            os.symlink(long, os.path.join(top, long[:-2]))
		def look(top):
		    for name in sorted(os.listdir(top)):
		        path = os.path.join(top, name)
		        target = os.readlink(path) if os.path.islink(path) else b""
		        print(name.hex(), target.hex(), open(path, "rb").read().hex())
		{"make": make, "look": look}[sys.argv[1]](os.fsencode(sys.argv[2]))
	E
	python3 names.py make here
	qemu_run --root / -- python3 names.py look here
	assert_outcome 0 exit
	assert_equal "$output" "$(python3 names.py look here)"
	assert_equal "${#lines[@]}" 762
	mkdir shared
	qemu_run --root / --rw shared -- python3 names.py make shared/there
	assert_outcome 0 exit
	assert_equal "$(python3 names.py look shared/there)" "$(python3 names.py look here)"
}

# bats test_tags=slow
@test '--root, --rw: names far below, and links behind links' {
	needs_9p
	# shellcheck disable=SC2016 # bash's to expand
	local look='find both/deep -type d | wc; for n in {1..45}; do cat "both/links/$n" 2>&1; done; true'
	mkdir -p both/{deep,links}
	# Further than a path can be long.
	(cd both/deep && for _ in {1..40}; do mkdir "$(printf %0200d 0)" && cd "$(printf %0200d 0)" || exit; done)
	echo text >both/links/0
	for n in {1..45}; do ln -s "$((n - 1))" "both/links/$n"; done
	qemu_run --root / -- bash -c "$look"
	assert_outcome 0 exit
	assert_equal "$output" "$(bash -c "$look")"
	assert_line --partial 'Too many levels of symbolic links'
	qemu_run --root / --rw both -- bash -c "$look"
	assert_equal "$output" "$(bash -c "$look")"
}

@test '--root DIR: a link out of it leads to what DIR itself has there' {
	needs_9p
	mkdir -p root/bin root/a/b root/outside outside
	echo inside | tee root/outside/file >root/a/file
	echo secret | tee outside/file >file
	cp "$(command -v busybox)" root/bin/busybox
	ln -s busybox root/bin/sh
	ln -s /outside root/a/b/absolute
	ln -s ../../../../../../../outside root/a/b/far
	ln -s "$PWD/outside" root/a/b/here
	ln -s ../../outside/none root/a/b/dangling
	qemu_run --root root -- sh -c 'cd /a/b; busybox cat absolute/file far/file ../../../../../file ../file
		busybox cat here/file; echo x >dangling && busybox cat /outside/none'
	assert_outcome 0 exit
	assert_output $'inside\ninside\ninside\nx'
	[[ ! -e root/outside/none && ! -e outside/none ]]
}

# hold DIR: holds the other ends of files in DIR, until let_go; reached is then what
# somebody has reached.
hold()
{
	mkdir "$1"
	coproc holder { exec python3 "$top/tests/root-ends.py" hold "$1"; }
	# A copy: bash closes its own when it sees the process end.
	exec {holder_out}<&"${holder[0]}"
	holder_in=${holder[1]}
	read -r <&"$holder_out"
}

let_go()
{
	exec {holder_in}>&-
	reached=$(cat <&"$holder_out")
	exec {holder_out}<&-
}

@test '--root, --rw: devices, sockets and FIFOs have nothing of the host at their other end' {
	needs_9p
	local options
	cp "$top/tests/root-ends.py" .
	# The host itself does reach them.
	hold ends
	run python3 root-ends.py reach ends
	assert_success
	let_go
	assert_equal "$reached" $'fifo\nsocket'
	for options in '' '--rw ends'; do
		rm -r ends
		hold ends
		((EUID)) || mknod ends/kmsg c 1 11
		# shellcheck disable=SC2086 # options are words
		qemu_run --root / $options -- python3 root-ends.py reach ends
		assert_outcome 0 exit
		let_go
		assert_line --index 1 "read fifo b''"
		assert_line --index 0 'write fifo ENXIO'
		assert_line --index 2 'socket ECONNREFUSED'
		assert_equal "$reached" ''
		# What reads all files of a tree does not hang in these.
		# shellcheck disable=SC2086
		qemu_run --root / $options -- bash -c 'find ends | LC_ALL=C sort; tar -cf - ends | wc -c; grep -rs x ends; ls -lR ends | wc -l'
		assert_outcome 0 exit
		assert_line ends/fifo
		((EUID)) || {
			# shellcheck disable=SC2086
			qemu_run --root / $options -- bash -c 'echo "logged by $$ of test" >ends/kmsg && dmesg | grep -o "logged by .* of test"'
			assert_outcome 0 exit
			run dmesg
			refute_output --partial 'logged by'
		}
	done
	# And in the guest they are good for what they are for.
	qemu_run --root / --rw ends -- bash -c '(echo through >ends/fifo) & cat ends/fifo'
	assert_output through
}

# make_prey: shared, with outside beside it, as root-hostile.py has them.
make_prey()
{
	rm -rf shared outside
	mkdir -p {shared/dir,outside}/empty
	touch shared/own {shared/dir,outside}/{victim,a}
	echo precious >outside/victim
}

# reaches_outside ARGUMENT...: whether root-hostile.py, on this host, has changed outside.
reaches_outside()
{
	python3 root-hostile.py "$@"
	tree_state outside >after
	! cmp -s before after
}

# assert_written: root-hostile.py's guest did change what it shares. Which of its changes fall
# between two swaps is a matter of luck, and the directory may be parked.
assert_written()
{
	compgen -G 'shared/*/*[0-9]' >/dev/null || compgen -G 'shared/*[0-9]' >/dev/null
}

@test '--rw: a guest that swaps links under its own writes changes nothing outside of it' {
	needs_9p
	cp "$top/tests/root-hostile.py" .
	make_prey
	tree_state outside >before
	# On the host the same does reach outside.
	wait_for reaches_outside both 300
	make_prey
	tree_state outside >before
	qemu_run --root / --rw shared --cpus 2 -- python3 root-hostile.py both 60
	assert_outcome 0 exit
	tree_state outside >after
	diff before after
	assert_written
}

@test '--rw: nor does one under whose writes the host swaps links' {
	needs_9p
	local swapper
	cp "$top/tests/root-hostile.py" .
	make_prey
	tree_state outside >before
	python3 root-hostile.py swap 2 &
	swapper=$!
	wait_for reaches_outside write 100
	kill "$swapper"
	wait "$swapper" || true
	make_prey
	tree_state outside >before
	python3 root-hostile.py swap 2 &
	swapper=$!
	qemu_run --root / --rw shared -- python3 root-hostile.py write 100
	kill "$swapper"
	wait "$swapper" || true
	assert_outcome 0 exit
	tree_state outside >after
	diff before after
	assert_written
}

@test '--rw: nor does one that tries parents, hard links, handles, /proc, other mounts' {
	needs_9p
	make_prey
	tree_state outside >before
	cat >ways.py <<-'E'
		import ctypes, os, struct
		libc = ctypes.CDLL(None)
		handle = ctypes.create_string_buffer(struct.pack("II", 64, 0), 72)
		assert libc.name_to_handle_at(-100, b"shared/own", handle, ctypes.byref(ctypes.c_int()), 0) < 0
		# One of two numbers: an inode's and its generation.
		handle = ctypes.create_string_buffer(struct.pack("IiII", 8, 1, os.stat("outside/victim").st_ino & 0xffffffff, 0))
		assert libc.open_by_handle_at(os.open("shared", os.O_RDONLY), handle, os.O_WRONLY) < 0
		directory = os.open("shared", os.O_RDONLY)
		for path in "../outside/victim", "dir/../../outside/victim":
		    try:
		        os.write(os.open(path, os.O_WRONLY, dir_fd=directory), b"hostile")
		    except OSError as error:
		        print(error)
	E
	cat >ways.sh <<-'E'
		python3 ways.py || exit 49
		echo hostile >shared/../outside/victim
		ln outside/victim shared/hard && echo hostile >shared/hard
		ln shared/own outside/hard
		mv shared/own outside/victim
		for root in /proc/1/root /proc/self/cwd/.. /proc/self/root; do
			echo hostile >"$root/$PWD/outside/victim"
		done
		mount --bind outside shared/dir && echo hostile >shared/dir/victim
		mount -o remount,rw / && echo hostile >outside/victim
		# The device of the modules has no writing. The root's: see root-reach.bats.
		mkdir /mnt/modules /mnt/share
		nine=trans=virtio,version=9p2000.L,access=any,msize=131072
		# It is mounted where the root has no link to them: of a checkout below /tmp.
		modules=$(realpath "/lib/modules/$(uname -r)")
		if ! mount -t 9p -o "rw,$nine" modules /mnt/modules; then
			mount -o remount,rw "$modules"
			mount --bind "$modules" /mnt/modules || exit 50
		fi
		[ -e /mnt/modules/modules.dep ] || exit 54
		# Over those that are mounted lies what the guest writes.
		[ "$(stat -f -c %T /mnt/modules)" != v9fs ] || ! touch /mnt/modules/hostile || exit 51
		# A directory of the host by other names than its own.
		umount shared/dir shared || exit 52
		for aname in .. /.. "$PWD/outside" ../outside; do
			mount -t 9p -o "$nine,aname=$aname" share0 /mnt/share || continue
			[ -e /mnt/share/dir ] || exit 53
			rm -rf /mnt/share/../outside "/mnt/share/$PWD/outside"
			echo hostile >/mnt/share/victim
			umount /mnt/share
		done
		exit 0
	E
	qemu_run --root / --rw shared -- bash ways.sh
	assert_outcome 0 exit
	tree_state outside >after
	diff before after
	[[ ! -e $KERNEL_DIR/modules/hostile ]]
	# The attempts with a name were made in the share.
	assert_equal "$(<shared/victim)" hostile
}
