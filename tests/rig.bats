#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The rig: what its scripts make, and what they say when they cannot.

load helper

# rewrap LEVEL-0-COMMAND... : the kernel under test as a bzImage whose payload that
# command packed, with its size behind it unless it is gzip's.
rewrap()
{
	local image=$BATS_TEST_TMPDIR/bzImage vmlinux=$BATS_TEST_TMPDIR/vmlinux
	local sects offset payload=$BATS_TEST_TMPDIR/payload

	"$top/scripts/unpack-vmlinux" "$KERNEL_DIR/vmlinuz" "$vmlinux"
	"$@" <"$vmlinux" >"$payload"
	[[ $1 == gzip ]] || head -c 4 /dev/urandom >>"$payload"
	sects=$(od -An -t u1 -j $((0x1f1)) -N 1 "$KERNEL_DIR/vmlinuz")
	offset=$(((sects + 1) * 512 + $(od -An -t u4 -j $((0x248)) -N 4 "$KERNEL_DIR/vmlinuz")))
	head -c "$offset" "$KERNEL_DIR/vmlinuz" >"$image"
	cat "$payload" >>"$image"
	printf '%08x' "$(stat -c %s "$payload")" | sed -E 's/(..)(..)(..)(..)/\\x\4\\x\3\\x\2\\x\1/' |
		xargs -0 printf '%b' | dd of="$image" bs=1 seek=$((0x24c)) conv=notrunc status=none
	head -c 1000 /dev/urandom >>"$image"
	run "$top/scripts/unpack-vmlinux" "$image" "$vmlinux.again"
	assert_success
	cmp "$vmlinux" "$vmlinux.again"
}

@test 'unpack-vmlinux: gzip' { rewrap gzip -1; }
# bats test_tags=slow
@test 'unpack-vmlinux: xz' { rewrap xz -0 --check=crc32; }
@test 'unpack-vmlinux: LZ4' { rewrap lz4 -l -1; }
@test 'unpack-vmlinux: zstd' { rewrap zstd -1; }

@test 'unpack-vmlinux: a file that is no bzImage is refused' {
	run "$top/scripts/unpack-vmlinux" /bin/sh "$BATS_TEST_TMPDIR/vmlinux"
	assert_failure
	assert_output --partial '/bin/sh: not a bzImage'
	[[ ! -e $BATS_TEST_TMPDIR/vmlinux ]]
}

@test 'unpack-vmlinux: a cut-off bzImage is refused and leaves nothing' {
	head -c 2000000 "$KERNEL_DIR/vmlinuz" >"$BATS_TEST_TMPDIR/short"
	run "$top/scripts/unpack-vmlinux" "$BATS_TEST_TMPDIR/short" "$BATS_TEST_TMPDIR/vmlinux"
	assert_failure
	assert_output --partial 'does not unpack'
	run ls "$BATS_TEST_TMPDIR"
	assert_output short
}

@test 'initramfs: the same input gives the same bytes, whatever the umask' {
	umask 022
	"$top/scripts/initramfs" -k "$KERNEL_DIR" -o "$BATS_TEST_TMPDIR/a" -m virtio_blk
	sleep 1
	umask 077
	"$top/scripts/initramfs" -k "$KERNEL_DIR" -o "$BATS_TEST_TMPDIR/b" -m virtio_blk
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test 'initramfs: a module comes with what it depends on, and loads' {
	booted -m 8021q <<-'E'
		modprobe 8021q && cut -d ' ' -f 1 /proc/modules
	E
	assert_power_off
	assert_line 8021q
	assert_line garp
	assert_line mrp
}

@test 'initramfs: a module that the kernel does not have is named' {
	run "$top/scripts/initramfs" -k "$KERNEL_DIR" -o "$BATS_TEST_TMPDIR/a" -m no_such_thing
	assert_failure
	assert_output --partial 'no_such_thing: no such module in kernel'
	[[ ! -e $BATS_TEST_TMPDIR/a ]]
}

@test 'initramfs: a module for another kernel is refused, with both versions' {
	sed "s/$(<"$KERNEL_DIR/release")/$(tr 0-9 9 <"$KERNEL_DIR/release")/g" \
		"$MODULE_DIR/qemu_poweroff.ko" >"$BATS_TEST_TMPDIR/other.ko"
	run "$top/scripts/initramfs" -k "$KERNEL_DIR" -o "$BATS_TEST_TMPDIR/a" -m "$BATS_TEST_TMPDIR/other.ko"
	assert_failure
	assert_output --partial "built for kernel $(tr 0-9 9 <"$KERNEL_DIR/release")"
	assert_output --partial "and this is $(<"$KERNEL_DIR/release")"
}

@test 'vm: a guest that does not end is killed, and that is said' {
	booted -t 5 <<<'sleep 1000'
	assert_equal "$status" 124
	assert_output --partial 'did not end within 5 s'
}

@test 'vm: a code whose status looks like a signal is not taken for one' {
	booted <<<'insmod qemu_poweroff.ko code=68'
	assert_equal "$status" 137
	refute_line --partial 'was killed'
}

@test 'vm: a machine whose only timer is the PIT boots, beside other work, too' {
	local others=() i

	for ((i = 0; i < $(nproc); i++)); do
		timeout 150 sh -c 'while :; do :; done' 3>&- &
		others+=($!)
	done
	booted -t 60 -c 2 -q -machine -q microvm <<-'E'
		cat /sys/devices/system/clocksource/clocksource0/current_clocksource
	E
	kill "${others[@]}" || true
	assert_power_off
	assert_line --regexp '^(tsc|tsc-early|kvm-clock)$'
}

# TCG: without lpj= a second processor has measured 0.06 beside other work, and 4200 is right.
@test 'vm: the delays of each processor are those of the first' {
	local processors

	booted -c 4 <<<'grep bogomips /proc/cpuinfo'
	assert_power_off
	processors=$(grep -c '^bogomips' <<<"$output")
	assert_equal "$processors" 4
	assert_equal "$(grep '^bogomips' <<<"$output" | tr -d '\r' | sort -u | wc -l)" 1
}

@test 'vm: an installed copy boots a guest, too' {
	local copy=$BATS_TEST_TMPDIR/usr/local/share/qemu-poweroff

	make -s -C "$top/tools/qemu-run" install DESTDIR="$BATS_TEST_TMPDIR"
	BUILD=$BATS_TEST_TMPDIR/build run "$copy/scripts/vm" -k "$KERNEL_DIR" - <<<'echo from a copy'
	assert_power_off
	assert_output --partial 'from a copy'
}

@test 'vm: the kernel is entered as a bzImage, too' {
	local kernel=$BATS_TEST_TMPDIR/kernel

	mkdir "$kernel"
	ln -s "$(readlink -f "$KERNEL_DIR")"/{release,vmlinuz,modules} "$kernel"
	run "$top/scripts/vm" -k "$kernel" -m "$MODULE_DIR/qemu_poweroff.ko" - \
		<<<'insmod qemu_poweroff.ko code=3; sleep 9'
	assert_code 3
}

@test 'vm: a QEMU that does not start is 125, not the status of a guest with code 0' {
	run "$top/scripts/vm" -k "$KERNEL_DIR" -q -no-such-option - <<<'true'
	assert_equal "$status" 125
	assert_output --partial 'did not start'
	booted <<<'insmod qemu_poweroff.ko code=0; sleep 9'
	assert_code 0
}

# types LINE: at the prompt of the shell in the guest.
types()
{
	local said

	IFS= read -r -d '#' -t 120 -u "$guest" said || fail "no prompt: $said"
	printf '%s\n' "$1" >&"$keyboard"
}

# shell_in_guest LINE...: make shell, where somebody types that. Sets status to make's, and
# output to what is printed after the last line.
shell_in_guest()
{
	local guest keyboard line pid

	# KVER= may have been given to the make that runs this.
	coproc MAKE { exec make -C "$top" shell SETUP=: KVER= KDIR="$KERNEL_DIR/build" \
		KERNEL="$KERNEL_DIR/vmlinux" 2>&1 3>&-; }
	pid=$MAKE_PID
	exec {guest}<&"${MAKE[0]}" {keyboard}>&"${MAKE[1]}"
	for line; do types "$line"; done
	output=$(cat <&"$guest")
	status=0
	wait "$pid" || status=$?
	exec {guest}<&- {keyboard}>&-
}

# bats test_tags=slow
@test 'make shell: left by exit, it is no error, with the driver loaded or without' {
	local -x BUILD=$BATS_TEST_TMPDIR/build
	shell_in_guest exit
	assert_equal "$status" 0
	refute_output --partial 'the driver ended the machine'
	shell_in_guest 'insmod qemu_poweroff.ko delay=-1 code=42' exit
	assert_equal "$status" 0
	assert_output --partial 'QEMU status 85: the driver ended the machine with code 42'
	shell_in_guest 'insmod qemu_poweroff.ko'
	assert_equal "$status" 0
	assert_output --partial 'the driver ended the machine with code 0'
}

@test 'make shell: a guest that cannot be started is an error' {
	local -x BUILD=$BATS_TEST_TMPDIR/build
	QEMU=no-such-qemu run make -C "$top" shell SETUP=: KVER= KDIR="$KERNEL_DIR/build" \
		KERNEL="$KERNEL_DIR/vmlinux"
	assert_failure
	assert_output --partial 'no-such-qemu is missing'
}

@test 'with_progress: says that a command goes on, and returns its status' {
	cat >"$BATS_TEST_TMPDIR/program" <<-E
		source "$top/scripts/lib.bash"
		progress_s=0.1
		with_progress sh -c 'sleep 1; exit 3' || echo "status \$?"
	E
	run --separate-stderr bash "$BATS_TEST_TMPDIR/program"
	assert_output 'status 3'
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *'program: still at it after '*' s'* ]]
	run script -qec "bash '$BATS_TEST_TMPDIR/program'" /dev/null
	assert_output --regexp '^\.+'
	assert_output --partial 'status 3'
}

@test 'kernel: a name that apt does not know is refused' {
	run "$top/scripts/kernel" 1.2.3-none
	assert_failure
	assert_output --partial "apt knows no kernel '1.2.3-none'"
}

@test 'kernel: KVER and KDIR do not go together' {
	run "$top/scripts/kernel" --build "$KERNEL_DIR/build" 6.1
	assert_failure
	assert_output --partial 'give one or the other'
}

@test 'kernel: an image and headers of your own' {
	BUILD=$BATS_TEST_TMPDIR run "$top/scripts/kernel" --image "$KERNEL_DIR/vmlinuz" \
		--build "$KERNEL_DIR/build"
	assert_success
	assert_equal "$(<"$output/release")" "$(<"$KERNEL_DIR/release")"
	cmp "$output/vmlinux" "$KERNEL_DIR/vmlinux"
	[[ -e $output/build/Makefile ]]
}

@test 'kernel: an image of your own boots, whatever the tree beside it has built' {
	local tree=$BATS_TEST_TMPDIR/tree

	mkdir -p "$tree/include/generated" "$tree/arch/x86/boot"
	touch "$tree"/{Makefile,vmlinux,arch/x86/boot/bzImage}
	printf '#define UTS_RELEASE "%s"\n' "$(<"$KERNEL_DIR/release")" \
		>"$tree/include/generated/utsrelease.h"
	BUILD=$BATS_TEST_TMPDIR run "$top/scripts/kernel" --image "$KERNEL_DIR/vmlinuz" \
		--build "$tree"
	assert_success
	"$top/scripts/unpack-vmlinux" "$KERNEL_DIR/vmlinuz" "$BATS_TEST_TMPDIR/unpacked"
	cmp "$output/vmlinux" "$BATS_TEST_TMPDIR/unpacked"
}

@test 'kernel: an image that does not unpack is refused and leaves nothing' {
	local size

	size=$(stat -L -c %s "$KERNEL_DIR/vmlinuz")
	head -c $((size / 2)) "$KERNEL_DIR/vmlinuz" >"$BATS_TEST_TMPDIR/cut"
	BUILD=$BATS_TEST_TMPDIR run "$top/scripts/kernel" --image "$BATS_TEST_TMPDIR/cut" \
		--build "$KERNEL_DIR/build"
	assert_failure
	assert_output --partial 'does not unpack'
	run find "$BATS_TEST_TMPDIR/kernels" -mindepth 1 ! -name .lock
	assert_output ''
}

@test 'kernel: an ordinary user has no depmod in PATH, and needs none' {
	PATH=/usr/bin:/bin BUILD=$BATS_TEST_TMPDIR run "$top/scripts/kernel" \
		--image "$KERNEL_DIR/vmlinuz" --build "$KERNEL_DIR/build"
	assert_success
	[[ -e $output/modules/modules.dep ]]
}

@test 'kernel: a tool that is missing is named' {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -sf /usr/bin/* "$BATS_TEST_TMPDIR/bin"
	rm "$BATS_TEST_TMPDIR/bin/readelf"
	PATH=$BATS_TEST_TMPDIR/bin BUILD=$BATS_TEST_TMPDIR run "$top/scripts/kernel" \
		--image "$KERNEL_DIR/vmlinuz" --build "$KERNEL_DIR/build"
	assert_failure
	assert_output --partial 'readelf is missing: run scripts/setup'
}

@test 'accel: ACCEL settles it, and nonsense is refused' {
	ACCEL=tcg run "$top/scripts/accel" -k "$KERNEL_DIR"
	assert_success
	assert_line tcg
	ACCEL=warp run "$top/scripts/accel" -k "$KERNEL_DIR"
	assert_failure 2
	assert_output --partial 'give kvm or tcg'
}

@test 'demo: a code that the status cannot carry is refused before anything boots' {
	run "$top/scripts/demo" -k "$KERNEL_DIR" -c 128
	assert_failure 2
	assert_output --partial 'CODE=128: give 0 to 127'
}

@test 'module: modules_install honours INSTALL_MOD_PATH' {
	INSTALL_MOD_PATH=$BATS_TEST_TMPDIR run "$top/scripts/module" -k "$KERNEL_DIR" modules_install
	assert_success
	run find "$BATS_TEST_TMPDIR/lib/modules/$(<"$KERNEL_DIR/release")" -name 'qemu_poweroff.ko*'
	assert_output --partial qemu_poweroff.ko
}

@test 'module: make modules_install takes INSTALL_MOD_PATH from where it is typed' {
	# KVER= may have been given to the make that runs this.
	BUILD=$BATS_TEST_TMPDIR/build run make -C "$top" modules_install KVER= \
		KDIR="$KERNEL_DIR/build" KERNEL="$KERNEL_DIR/vmlinux" \
		INSTALL_MOD_PATH="$(realpath --relative-to="$top" "$BATS_TEST_TMPDIR")"
	assert_success
	# Headers come without the kernel's key.
	refute_output --partial sign
	run find "$BATS_TEST_TMPDIR/lib/modules/$(<"$KERNEL_DIR/release")" -name 'qemu_poweroff.ko*'
	assert_output --partial qemu_poweroff.ko
}

@test 'module: of somebody else, with a Makefile for kbuild, or with nothing' {
	local mine=$BATS_TEST_TMPDIR/mine
	mkdir "$mine"
	cat >"$mine/mine.c" <<-'C'
		#include <linux/module.h>
		MODULE_LICENSE("GPL");
	C
	local -x BUILD=$BATS_TEST_TMPDIR/build
	run "$top/scripts/module" -k "$KERNEL_DIR" -s "$mine"
	assert_failure
	assert_output --partial 'no Kbuild there that says what to build'
	echo 'obj-m := mine.o' >"$mine/Makefile"
	run "$top/scripts/module" -k "$KERNEL_DIR" -s "$mine"
	assert_success
	[[ -e ${lines[-1]}/mine.ko ]]
}

@test 'module: nothing is written where the sources are, whatever a build there has left' {
	local mine=$BATS_TEST_TMPDIR/mine file
	local -x BUILD=$BATS_TEST_TMPDIR/build
	mkdir "$mine"
	echo 'obj-m := mine.o' >"$mine/Kbuild"
	printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >"$mine/mine.c"
	for file in mine.mod.c mine.mod mine.o mine.ko .mine.o.cmd Module.symvers modules.order; do
		echo "left in $file" >"$mine/$file"
	done
	find "$mine" -type f -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/before"
	run "$top/scripts/module" -k "$KERNEL_DIR" -s "$mine"
	assert_success
	[[ -e ${lines[-1]}/mine.ko ]]
	find "$mine" -type f -exec sha256sum {} + | sort | diff "$BATS_TEST_TMPDIR/before" -
}

@test 'module: what a package of an older date brings is compiled anew' {
	local mine=$BATS_TEST_TMPDIR/mine
	local -x BUILD=$BATS_TEST_TMPDIR/build
	mkdir "$mine"
	echo 'obj-m := mine.o' >"$mine/Kbuild"
	printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_VERSION("%s");\n' 1 >"$mine/mine.c"
	run "$top/scripts/module" -k "$KERNEL_DIR" -s "$mine"
	assert_success
	sed -i 's/"1"/"2"/' "$mine/mine.c"
	touch -d 2020-01-01 "$mine/mine.c"
	run "$top/scripts/module" -k "$KERNEL_DIR" -s "$mine"
	assert_success
	assert_equal "$(modinfo -F version "${lines[-1]}/mine.ko")" 2
}

@test 'one version: of the module, qemu-run, DKMS and the manual pages' {
	local version

	version=$(modinfo -F version "$MODULE_DIR/qemu_poweroff.ko")
	[[ $version =~ ^[0-9]+\.[0-9]+ ]]
	assert_equal "$(qemu-run --version)" "qemu-run $version"
	# shellcheck source=/dev/null
	assert_equal "$(source "$top/dkms.conf" && echo "$PACKAGE_VERSION")" "$version"
	make -s -C "$top/tools/qemu-run" install DESTDIR="$BATS_TEST_TMPDIR"
	run grep -h '^\.TH' "$BATS_TEST_TMPDIR"/usr/local/share/man/man?/*
	assert_line --index 0 --partial " \"qemu_poweroff $version\" "
	assert_line --index 1 --partial " \"qemu_poweroff $version\" "
}

@test 'dkms.conf: leaves out the kernels without <linux/cleanup.h>' {
	local release

	# shellcheck source=/dev/null
	source "$top/dkms.conf"
	for release in 5.15.0-1-amd64 6.0.0 6.2.0-39-generic 6.3.1 6.4.0-4-amd64; do
		[[ ! $release =~ $BUILD_EXCLUSIVE_KERNEL ]] || fail "$release"
	done
	for release in 6.1.0-56-amd64 6.1.192 6.5.0-5-amd64 6.12.117+deb12-amd64 7.2.13+deb14-amd64 10.0.1; do
		[[ $release =~ $BUILD_EXCLUSIVE_KERNEL ]] || fail "$release"
	done
}

# bats test_tags=slow
@test 'install: PREFIX, DATADIR and LIBEXECDIR are where qemu-run looks' {
	local -x BUILD=$BATS_TEST_TMPDIR/build
	local dir=$BATS_TEST_TMPDIR/root

	# The umask is the installer's, and nobody else's.
	(umask 077 && make -s -C "$top/tools/qemu-run" install PREFIX="$dir/one" \
		DATADIR="$dir/data" LIBEXECDIR="$dir/libexec")
	assert_equal "$(find "$dir" ! -perm -a=r -printf '%P\n')" ''
	mkdir "$dir/bin"
	mv "$dir/one/bin/qemu-run" "$dir/bin"
	run "$dir/bin/qemu-run" -- echo installed
	assert_success
	assert_line installed
	# The same build, for another place.
	make -s -C "$top/tools/qemu-run" install DESTDIR="$dir/two" PREFIX=/usr
	assert_equal "$(strings "$dir/two/usr/bin/qemu-run" | grep -x '/usr/share/qemu-poweroff')" /usr/share/qemu-poweroff
}

@test 'setup: an unknown group is refused' {
	run "$top/scripts/setup" everything
	assert_failure
	assert_output --partial "unknown group 'everything'"
}

@test 'setup: --check installs nothing, and is what plain make and make install ask' {
	local target

	for target in all module qemu-run install modules_install; do
		run make -s -C "$top" -n "$target"
		assert_line 'scripts/setup --check run'
		refute_line 'scripts/setup run'
	done
	for target in run shell test check bench; do
		run make -s -C "$top" -n "$target"
		assert_line 'scripts/setup run'
	done
	# Who builds a package knows that all is there: debian/rules says so.
	SETUP=: run make -s -C "$top" -n qemu-run
	refute_line --partial scripts/setup
	# What builds the packages tests nothing.
	run make -s -C "$top" -n deb
	assert_line 'scripts/setup --check deb'
}

@test 'setup: what builds the packages has what their control file asks for, and a compiler' {
	local needed

	needed=$(sed -n 's/^Build-Depends: //p' "$top/debian/control" | sed 's/debhelper-compat ([^)]*)/debhelper/; s/,//g')
	run sed -n "s/.*\[apt:deb\]='\(.*\)'/\1/p" "$top/scripts/setup"
	assert_output "build-essential $needed"
}

@test 'every script has --help, and says what it does' {
	local script

	for script in "$top"/scripts/* "$top"/bench/{deadline,e1000,qemu-run,root}; do
		[[ $script != *.* ]] || continue
		run "$script" --help
		assert_success
		assert_output --regexp "^usage: ${script##*/}"
	done
}

@test 'run-tests: one stream of TAP, a line as each test ends, and what failed is told' {
	local -x SUITE_DIR=$BATS_TEST_TMPDIR BUILD=$BATS_TEST_TMPDIR
	cd "$BATS_TEST_TMPDIR"
	# Not as they stand: bats would take them for tests of this file.
	printf "@%s\n" "test 'waits' { until [[ -e go ]]; do sleep 0.1; done; }" >slow.bats
	printf "@%s\n" "test 'fails' { echo 'this is why'; false; }" "test 'passes' { :; }" >quick.bats
	printf "# bats test_tags=other\n@%s\n" "test 'is left out' { :; }" >>quick.bats
	# The first file waits until a line of the second has come out.
	# shellcheck disable=SC2016 # the inner shell's to expand
	run timeout 60 bash -c '"$1"/scripts/run-tests -j 2 -t "!other" slow.bats quick.bats |
		while read -r line; do echo "$line"; [[ $line != *passes* ]] || : >go; done
		exit "${PIPESTATUS[0]}"' bash "$top"
	assert_failure 1
	assert_line --index 0 1..3
	assert_line --partial 'not ok 1 quick: fails'
	assert_line '# quick: this is why'
	assert_line --partial 'ok 2 quick: passes'
	assert_line --partial 'ok 3 slow: waits'
	refute_line --partial 'left out'
}
