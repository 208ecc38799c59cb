#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --root, --rw, --user: the host's programs on the kernel under test, and the kernel's
# modules at hand.

load root

@test '--root: programs of the host run where the user stands, with the same bytes of output' {
	needs_9p
	local program here
	mkdir -p 'a place/b'
	cd 'a place/b'
	here=$PWD
	qemu_run --root / -- pwd
	assert_outcome 0 exit
	assert_output "$here"
	assert_equal "$(json .root)" /
	# shellcheck disable=SC2016 # the guest's to expand
	for program in 'bash -c "echo \$BASH_VERSION"' \
		'python3 -c "import json, hashlib; print(json.dumps({1: hashlib.md5(b\"x\").hexdigest()}))"' \
		'perl -e "print qq(\$^V\n)"' 'sha256sum /usr/bin/env' 'ls -ln /usr/bin/env' \
		'find /etc -maxdepth 1 -name passwd' 'sort -r /etc/passwd' 'getconf PAGE_SIZE' 'ldd /bin/ls'; do
		qemu_run --root / -- bash -c "$program"
		assert_equal "$status" 0
		if [[ $program == ldd* ]]; then
			assert_output --partial libc.so.6
		else
			assert_equal "$output" "$(LANG=C.UTF-8 bash -c "$program")"
		fi
	done
}

@test '--root: the statuses are exact: exit, signal, not found, deadline, panic, complaint' {
	needs_9p
	qemu_run --root / -- bash -c 'exit 200'
	assert_outcome 200 exit
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --root / -- bash -c 'kill -9 $$'
	assert_outcome 137 signal
	qemu_run --root / -- no-such-program
	assert_outcome 127 not-found
	qemu_run --root / --timeout 2 -- sleep 1000
	assert_outcome 124 deadline
	qemu_run --root / -- bash -c 'echo c >/proc/sysrq-trigger'
	assert_outcome 121 panic
	qemu_run --root / -m "$(module_file splat)" -- bash -c \
		'echo "INFO: task x:1 blocked for more than 120 seconds." >/sys/module/splat/parameters/say'
	assert_outcome 120 splat
}

@test '--root: what the command writes is gone with the machine, and nothing of it is here' {
	needs_9p
	mkdir tree
	echo before >tree/file
	ln -s file tree/link
	tree_state tree >before
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --root / -- bash -c 'echo after >tree/file && rm tree/link && echo new >tree/new &&
		chmod 777 tree && mknod tree/device c 1 3 && echo x >/etc/qemu-run-was-here &&
		cat tree/file tree/new && mkdir /opt/qemu-run-was-here'
	assert_outcome 0 exit
	assert_output $'after\nnew'
	tree_state tree >after
	diff before after
	[[ ! -e /etc/qemu-run-was-here && ! -e /opt/qemu-run-was-here ]]
	# And the next guest sees nothing of it either.
	qemu_run --root / -- cat tree/file
	assert_output before
}

@test '--root: /proc, /sys, /dev, /run and /tmp are the guest'\''s own' {
	needs_9p
	local mark=/tmp/qemu-run-mark.$$
	echo host >"$mark"
	qemu_run --root / -- bash -c "test ! -e $mark && uname -r && cat /proc/1/comm &&
		test -c /dev/pts/ptmx && test -d /dev/shm && echo x >/run/x && findmnt -no FSTYPE /"
	rm "$mark"
	assert_outcome 0 exit
	assert_output "$(<"$KERNEL_DIR/release")"$'\nqemu-run-init\noverlay'
}

@test '--root: the kernel finds its own modules, by modprobe and by itself' {
	needs_9p
	truncate -s 64M image
	qemu_run --root / --disk image -- bash -euc 'ip link add type veth; ip link show veth0 >/dev/null
		ip netns add n; ip link set veth1 netns n; ip netns exec n ip link show veth1 >/dev/null
		mkfs.ext4 -q /dev/vda; mkdir /mnt/x; mount /dev/vda /mnt/x; echo hi >/mnt/x/f
		umount /mnt/x; fsck.ext4 -fn /dev/vda >/dev/null 2>&1; modprobe dummy; lsmod'
	assert_outcome 0 exit
	assert_output --partial dummy
	assert_output --partial veth
	assert_output --partial ext4
}

@test '--root: the configuration and the headers of the kernel under test, at any root' {
	needs_9p
	local root
	mkdir -p small/bin
	cp "$(command -v busybox)" small/bin/sh
	for root in / small; do
		# shellcheck disable=SC2016 # the guest's to expand
		qemu_run --root "$root" -- sh -c 'release=$(uname -r)
			while read -r line; do [ "$line" = CONFIG_MODULES=y ] && echo "$line"; done <"/boot/config-$release"
			test -e "/lib/modules/$release/build/Makefile" && test -d "/lib/modules/$release/build/scripts/basic"'
		assert_outcome 0 exit
		assert_output CONFIG_MODULES=y
	done
	# One that has the modules of this kernel has its files, too.
	mkdir -p small/boot "small/lib/modules/$(<"$KERNEL_DIR/release")"
	touch "small/lib/modules/$(<"$KERNEL_DIR/release")/modules.dep"
	echo mine >"small/boot/config-$(<"$KERNEL_DIR/release")"
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --root small -- sh -c 'read -r line <"/boot/config-$(uname -r)"; echo "$line"'
	assert_output mine
}

@test '--root: user namespaces can be made: the root is no chroot' {
	needs_9p
	qemu_run --root / -- unshare -Ur id -u
	assert_outcome 0 exit
	assert_output 0
}

@test '--root: a C program is compiled inside and run' {
	needs_9p
	printf '#include <stdio.h>\nint main(void) { return puts("compiled") < 0; }\n' >program.c
	qemu_run --root / --memory 1024 -- bash -c 'cc -o program program.c && ./program'
	assert_outcome 0 exit
	assert_output compiled
	[[ ! -e program ]]
}

@test '--root: a directory with a small Linux in it' {
	needs_9p
	mkdir -p small/bin small/etc
	cp "$(command -v busybox)" small/bin/busybox
	ln -s busybox small/bin/sh
	echo 'me:x:1234:1234::/home/me:/bin/sh' >small/etc/passwd
	printf 'more:x:77:me\nothers:x:78:you\n' >small/etc/group
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --root small --user me -- sh -c 'echo $HOME; busybox id; busybox ls /'
	assert_outcome 0 exit
	assert_line /home/me
	assert_line --partial 'uid=1234'
	assert_line --partial 'groups=77(more)'
	refute_line --partial others
	refute_line usr
	qemu_run --root small --user nobody -- true
	assert_outcome 125 cannot-run
	assert_stderr 'not in etc/passwd'
	# Not below it, although its path begins so.
	mkdir smaller
	cd smaller
	qemu_run --root ../small -- busybox pwd
	assert_outcome 0 exit
	assert_output /
}

@test '--user: by number, without a root of the host'\''s' {
	qemu_run --user 1234 -- id -u
	assert_outcome 0 exit
	assert_output 1234
	qemu_run --user name -- id -u
	assert_outcome 125 cannot-run
	assert_stderr 'give a number, or --root'
}

@test '--root: an etc/passwd or etc/group that is a FIFO is not waited for' {
	needs_9p
	mkdir -p small/etc
	mkfifo small/etc/passwd small/etc/group
	limit=60 qemu_run --root small --user me -- true
	assert_outcome 125 cannot-run
	assert_stderr 'not in etc/passwd'
}

@test '--rw: the root itself is refused' {
	local root
	mkdir -p small/below
	for root in '--rw /' '--rw /..' '--root small --rw small' '--root small --rw small/below/..'; do
		# shellcheck disable=SC2086 # options are words
		qemu_run $root -- true
		assert_outcome 125 cannot-run
		assert_stderr "is the guest's root: give a directory below it"
	done
}

@test '--root: neither a directory nor an image is 125' {
	qemu_run --root no/such -- true
	assert_equal "$status" 125
	assert_stderr 'No such file'
	qemu_run --root /dev/null -- true
	assert_equal "$status" 125
	assert_stderr 'neither a directory nor an image'
}

# bats test_tags=slow
@test '--root: what the kernel lacks is named, and what works without it' {
	needs_9p
	local release missing initcall option
	release=$(<"$KERNEL_DIR/release")
	# A kernel whose modules are known.
	mkdir -p tree/lib/modules "$(basename "$KERNEL_DIR")"
	mkdir "tree/lib/modules/$release"
	touch "tree/lib/modules/$release"/modules.{order,builtin}
	/sbin/depmod -b tree "$release"
	ln -s "$PWD/tree/lib/modules/$release" "$(basename "$KERNEL_DIR")/modules"
	for file in "$(readlink -f "$KERNEL_DIR")"/*; do
		[[ $file == */modules ]] || ln -s "$file" "$(basename "$KERNEL_DIR")"
	done
	qemu_run -k "$PWD/$(basename "$KERNEL_DIR")" --root / -- true
	assert_outcome 125 cannot-run
	assert_equal "$stderr" "qemu-run: --root needs CONFIG_NET_9P_VIRTIO with its module, which kernel $release lacks; -f and --get do without"
	# One that turns out to lack them.
	for missing in init_v9fs:9P_FS p9_virtio_init:NET_9P_VIRTIO ovl_init:OVERLAY_FS; do
		initcall=${missing%:*} option=${missing#*:}
		qemu_run --append "initcall_blacklist=$initcall" --root / -- true
		assert_outcome 125 cannot-run
		assert_equal "$stderr" "qemu-run: the guest cannot run the command: --root: this kernel lacks CONFIG_$option; -f and --get do work with it"
	done
	mkdir shared
	qemu_run --append initcall_blacklist=init_v9fs --rw shared -- true
	assert_outcome 125 cannot-run
	assert_stderr 'shared: this kernel lacks CONFIG_9P_FS'
}

@test '--rw: what the guest writes is here when qemu-run returns, with --root or without' {
	needs_9p
	mkdir shared
	qemu_run --rw shared -- sh -c "head -c 3000000 /dev/urandom >'$PWD/shared/data'; sha256sum <'$PWD/shared/data'"
	assert_outcome 0 exit
	assert_equal "$output" "$(sha256sum <shared/data)"
	qemu_run --root / --rw shared -- bash -c 'cd shared && mkdir -p a/b && echo x >a/b/c && ln -s c a/b/d && mv data moved'
	assert_outcome 0 exit
	assert_equal "$(<shared/a/b/d)" x
	[[ -e shared/moved && ! -e shared/data ]]
}

@test '--ro, --rw: at another path, whatever its name, and read-only is the host'\''s word' {
	needs_9p
	local root name=$'a:/b,c\\d\ne:'
	mkdir -p "$name/out" out 'pair:/x'
	echo text >"$name/file"
	echo whole >pair:/x/file
	# shellcheck disable=SC2016 # the guest's to expand
	for root in '' '--root /'; do
		# The one that lies inside of the other is named first.
		# shellcheck disable=SC2086 # options are words
		qemu_run $root --rw "out:/mnt/b:/out" --ro "$name:/mnt/b:/" --ro "$name" --ro pair:/x -- sh -c '
			cd "$1"; cat file /mnt/b:/file "$2/file"; echo written >/mnt/b:/out/file
			for dir in . /mnt/b:; do
				mount -o remount,rw "$dir" || mount -o remount,rw "$(readlink -f "$dir")"
				! echo x >"$dir/file" && ! rm "$dir/file" && ! mkdir "$dir/new" && ! chmod 777 "$dir/file" || exit
			done' sh "$PWD/$name" "$PWD/pair:/x"
		assert_outcome 0 exit
		assert_output $'text\ntext\nwhole'
		assert_equal "$(grep -c 'Read-only file system' <<<"$stderr")" 8
		assert_equal "$(<out/file)" written
		rm out/file
	done
	# By its place in that root, and not by its path here, it is the outer one.
	touch out/file
	mkdir -p root/{bin,aa/in}
	cp "$(type -P busybox)" root/bin
	qemu_run --root root --ro out:/aa/in/b --rw root/aa -- busybox ls -d /aa/in/b/file
	assert_outcome 0 exit
	qemu_run --root / --ro out:/tmp/a/b -- sh -c 'ls -d /tmp/a/b; ! touch /tmp/a/b/file'
	assert_outcome 0 exit
	assert_output /tmp/a/b
	for root in out:/ out:/a/../b; do
		qemu_run --ro "$root" -- true
		assert_equal "$status" 125
		assert_stderr "--ro $root: give PATH from the guest's root, below it"
	done
}

@test '--rw: what mmap(2) wrote and the host has no room for is no success' {
	needs_9p
	((EUID == 0)) || skip 'not root: cannot mount'
	mkdir shared
	cat >write.py <<-'E'
		import mmap
		with open("shared/file", "w+b") as file:
		    file.truncate(12 << 20)
		    with mmap.mmap(file.fileno(), 12 << 20) as memory:
		        memory[:] = b"x" * (12 << 20)
	E
	export -f qemu_run
	run unshare -m bash -c 'mount -t tmpfs -o size=6m none shared && qemu_run --root / --rw shared -- python3 write.py'
	assert_line 'status 120'
	assert_output --partial "init: $PWD/shared cannot be written or unmounted: No space left on device; : data may be lost"
}

@test '--rw: nothing outside of it is reached, by links, "..", or names' {
	needs_9p
	mkdir -p outside shared
	echo secret >outside/file
	ln -s ../outside shared/out
	ln -s ../outside/file shared/outfile
	tree_state outside >before
	# The guest's own root is BusyBox in memory: a link out of the directory leads there.
	qemu_run --rw shared -- sh -c "cd '$PWD/shared'
		cat out/file outfile; echo x >out/file; echo x >outfile; rm -f out/file
		echo x >../outside/file; mkdir -p ../outside; echo x >../outside/file
		ln outfile hard; echo x >hard
		ln -s / slash; ls slash/outside; rm -rf slash/outside; true"
	assert_outcome 0 exit
	refute_output --partial secret
	tree_state outside >after
	diff before after
}

@test 'modules: the kernel loads what it needs by itself in the BusyBox guest, too' {
	needs_9p
	truncate -s 32M image
	mke2fs -q -t ext4 image
	qemu_run --disk image,rw -- sh -ec 'mkdir /mnt; mount -t ext4 /dev/vda /mnt; echo hi >/mnt/f
		ip link add type veth; lsmod'
	assert_outcome 0 exit
	assert_output --partial veth
	e2fsck -fn image
}

@test 'modules: modprobe in the BusyBox guest: from PATH, in its shell, by a user, twice at once' {
	needs_9p
	qemu_run -- modprobe ext4
	assert_outcome 0 exit
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --cpus 2 -- sh -c 'modprobe ext4 & modprobe xfs; status=$?; wait $! || exit; lsmod; exit $status'
	assert_outcome 0 exit
	assert_output --partial ext4
	assert_output --partial xfs
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --user 1234 -- sh -c 'cat /lib/modules/$(uname -r)/modules.dep'
	assert_outcome 0 exit
	assert_equal "$output" "$(<"$KERNEL_DIR/modules/modules.dep")"
	# The kernel's other files lie beside them.
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -- sh -c 'cat /boot/config-$(uname -r); ls -L /lib/modules/$(uname -r)/build/Makefile >&2'
	assert_outcome 0 exit
	assert_equal "$output" "$(<"$KERNEL_DIR/config")"
	qemu_run -- sh -c 'modprobe no-such-module; echo $?; modprobe dummy && grep -c "^dummy " /proc/modules'
	assert_outcome 0 exit
	assert_output $'1\n1'
}

# bats test_tags=slow
@test 'modules: a kernel without autofs, or without 9p, has those of its initramfs' {
	needs_9p
	local missing
	for missing in init_autofs_fs init_v9fs p9_virtio_init; do
		# shellcheck disable=SC2016 # the guest's to expand
		qemu_run --append "initcall_blacklist=$missing" -- sh -c 'modprobe ext4 || ls /lib/modules/$(uname -r)/kernel/fs'
		assert_outcome 0 exit
		assert_line 9p
		refute_line ext4
	done
}

@test '--root: twenty at once' {
	needs_9p
	# shellcheck disable=SC2016 # the script's to expand
	printf '#!/bin/sh\nexec timeout 300 qemu-run --root / -- bash -c "echo $1" </dev/null\n' >one
	chmod +x one
	run bash -c 'seq 20 | xargs -P 8 -n 1 ./one | sort -n'
	assert_success
	assert_output "$(seq 20)"
}

@test '--root: the guest of an ordinary user reads what that user may read, and no more' {
	needs_9p
	as_nobody --root / -- bash -c 'id -u; cat /etc/shadow'
	assert_failure 1
	assert_line 0
	assert_output --partial 'Permission denied'
}

@test '--root: the guest of an ordinary user has a home for root, and -f goes there' {
	needs_9p
	echo text >file
	# shellcheck disable=SC2016 # the guest's to expand
	as_nobody --root / -f file -- bash -c 'cat /root/file && cd && echo x >new && echo $SUDO_UID && ls'
	assert_success
	assert_line text
	assert_line "$(id -u nobody)"
	assert_line new
}

@test '--rw: what the guest writes belongs to the user who runs it, and is never set-user-ID' {
	needs_9p
	install -d -o nobody mine
	install -d -o nobody -g nogroup -m 2775 mine/group
	cat >write.py <<-'E'
		import os, sys
		os.chdir(sys.argv[1])
		os.umask(0)
		open("file", "w").close()
		os.mkdir("a")
		file = os.open("file", os.O_RDONLY)
		for way in (lambda: os.chmod("file", 0o4755), lambda: os.chmod("file", 0o6755), lambda: os.fchmod(file, 0o4711),
			    lambda: os.open("new", os.O_CREAT | os.O_WRONLY, 0o4755), lambda: os.mknod("node", 0o104755),
			    lambda: os.chmod("a", 0o4777),
			    lambda: os.chown("file", 7, 7)):
		    try:
		        print("done", way())
		    except OSError as error:
		        print(error.strerror)
		# What people need stays.
		os.chmod("file", 0o751)
		os.chmod("a", 0o1777)
		os.mkdir("group/below")
	E
	as_nobody --root / --rw mine -- python3 write.py "$PWD/mine"
	assert_success
	assert_equal "$(grep -v '^  ' <<<"$output" | uniq -c | sed 's/^ *//')" '7 Operation not permitted'
	assert_equal "$(find mine -perm /4000)" ''
	assert_equal "$(stat -c '%U %a' mine/{file,a,group/below})" $'nobody 751\nnobody 1777\nnobody 2777'
}

@test '--root: below /tmp and /run: the program, where it starts, and what lies around them; no more' {
	needs_9p
	((EUID == 0)) || skip 'not root: cannot write to /run'
	local tree run other
	tree=$(mktemp -d /tmp/tree.XXXXXX)
	run=$(mktemp -d /run/tree.XXXXXX)
	other=$(mktemp -d /tmp/other.XXXXXX)
	mkdir -p "$tree/target/debug" "$tree/a:b,c\\d" "$run/a"
	# shellcheck disable=SC2016 # the guest's to expand
	printf '#!/bin/sh\necho "$0 in $PWD"; cat ../beside; ls -d /tmp/*; exit 42\n' >"$tree/target/debug/program"
	chmod +x "$tree/target/debug/program"
	cp "$tree/target/debug/program" "$run/a"
	cp "$tree/target/debug/program" "$tree.alone"
	ln -s "$tree" "$tree.link"
	echo beside >"$tree/beside"
	(
		# As cargo has it: a member of a workspace, and its program in the directory above.
		cd "$tree/a:b,c\\d"
		qemu_run --root / -- ../target/debug/program
		assert_outcome 42 exit
		assert_output "../target/debug/program in $PWD"$'\nbeside\n'"$tree"
		(cd .. && qemu_run --root / -C target/debug -- ./program && assert_line "./program in $tree/target/debug")
		# As go has it: the program in one directory, the package in another.
		qemu_run --root / -C "$tree/target" -- "$run/a/program"
		assert_outcome 42 exit
		assert_output "$run/a/program in $tree/target"$'\nbeside\n'"$tree"
		# By a link, and a program that is in /tmp itself.
		qemu_run --root / -C "$tree.link/target" -- debug/program
		assert_outcome 42 exit
		assert_line beside
		qemu_run --root / -C /tmp -- "./${tree##*/}.alone"
		assert_outcome 42 exit
		assert_line "$tree.alone"
		refute_line "$tree"
		# What the guest writes there is gone.
		qemu_run --root / -- sh -c 'echo x >../beside && mkdir new && rm -r ../target && ls ..'
		assert_outcome 0 exit
		assert_output $'a:b,c\\d\nbeside'
		[[ ! -e new && -e ../target/debug/program ]]
	)
	as_nobody --root / -C /tmp -- "$tree.alone"
	assert_failure 42
	rm -r "$tree" "$tree.alone" "$tree.link" "$run" "$other"
}

@test '--root: the directory where the user stands has its own owner and mode, below /tmp too' {
	needs_9p
	((EUID == 0)) || skip 'not root: cannot give a directory away'
	mkdir mine
	chown 1234:77 mine
	chmod 1750 mine
	cd mine
	qemu_run --root / -- stat -c '%u %g %a' .
	assert_outcome 0 exit
	assert_output '1234 77 1750'
}
