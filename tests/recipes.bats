#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# docs/recipes.md: the commands that stand there, as they stand there.

load recipes

# bats file_tags=slow

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	export KDIR=$KERNEL_DIR/build
}

# needs TOOL...: skips where one is not installed.
needs()
{
	local tool

	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is missing: scripts/setup all"
	done
}

# needs_gcc_kernel: the recipes build modules as most people do, by make and gcc.
needs_gcc_kernel()
{
	[[ -e $KDIR/Makefile ]] || skip 'this kernel has no headers'
	! kernel_has CC_IS_CLANG || skip 'this kernel is built with LLVM'
}

# junit FILE: prints how many tests the report has, and how many of them failed.
junit()
{
	python3 - "$1" <<-'P'
		import sys, xml.etree.ElementTree as tree
		report = tree.parse(sys.argv[1])
		print(len(report.findall(".//testcase")), len(report.findall(".//testcase/failure")))
	P
}

@test 'every recipe has a test' {
	run -0 comm -3 <(sed -n 's/^## //p' "$top/docs/recipes.md" | sort) \
		<(sed -nE "s/^\trecipe (['\"])(.*)\1\$/\2/p" "$top"/tests/*.bats | sort -u)
	assert_output ''
}

@test 'prove: each file in a guest of its own, and a JUnit report' {
	needs prove
	perl -MTAP::Formatter::JUnit -e 1 2>/dev/null ||
		skip 'TAP::Formatter::JUnit is missing: scripts/setup all'
	recipe 'prove: a directory of tests'
	assert_equal "$status" 0
	assert_equal "$(grep -c '^Files=1, Tests=2, ' <<<"$output")" 1
	assert_line 'Result: PASS'
	assert_equal "$(junit junit.xml)" '2 0'
}

@test 'prove: a kernel that complains fails a file whose tests passed' {
	needs prove
	mkdir t
	printf 'echo 1..1\necho ok 1\necho 512 >/proc/sys/kernel/tainted\n' >t/warns.t
	run -1 prove --exec 'qemu-run --timeout 60 -f t -- sh' t
	assert_output --partial 'Dubious, test returned 120'
	assert_line 'Result: FAIL'
}

@test 'bats: a JUnit report' {
	recipe 'bats: a JUnit report'
	assert_equal "$status" 0
	assert_equal "$(junit junit.xml)" '1 0'
}

@test 'meson: a wrapper takes each program into a guest' {
	needs meson ninja gcc
	recipe 'meson: the programs that a project builds'
	assert_equal "$status" 0
	assert_output --regexp 'Ok: +1'
	grep -qF "runs on $(<"$KERNEL_DIR/release")" builddir/meson-logs/testlog-in-guest.txt
	assert_equal "$(junit builddir/meson-logs/testlog-in-guest.junit.xml)" '1 0'
}

# kernel_scripts: sets LINUX, for the recipe.
kernel_scripts()
{
	local status=0

	LINUX=$("$top/scripts/kernel-scripts" 2>said) || status=$?
	((status != 77)) || skip "$(tail -n 1 said)"
	((!status)) || fail "$(<said)"
	export LINUX
}

@test 'cargo and go: each test program in a guest, with the project around it' {
	needs cargo go
	recipe 'cargo and go: the tests of a project'
	assert_equal "$status" 0
	assert_equal "$(grep -cF "$(<"$KERNEL_DIR/release")" <<<"$output")" 2
	assert_line --partial 'test result: ok. 1 passed'
	assert_line --regexp '^ok.*example.org/demo'
}

@test 'kunit.py: KTAP from a guest' {
	kernel_scripts
	recipe 'kunit.py: results as KTAP'
	assert_equal "$status" 0
	assert_output --partial '[PASSED] mount'
	assert_output --partial 'Ran 2 tests: passed: 2'
	# It is not content with anything.
	sed 's/^ok 2/not &/' results >failed
	run -1 python3 "$LINUX/tools/testing/kunit/kunit.py" parse <failed
	assert_output --partial '[FAILED] umount'
}

@test 'kunit.py: a suite of KUnit' {
	local modules

	kernel_has KUNIT || skip 'this kernel has no KUnit: make test-debug'
	kernel_scripts
	modules=$("$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/kunit" 2>module.log) ||
		fail "$(<module.log)"
	cp "$modules/ioport_region_kunit.ko" .
	# What a suite is called is its author's affair.
	renamed=s/mine/ioport_region/
	recipe 'kunit.py: a suite of KUnit'
	assert_equal "$status" 0
	assert_output --partial '[PASSED] ioport_region'
	assert_output --partial '[PASSED] ownership_moved'
}

@test 'parallel: the log has the status of each run' {
	needs parallel
	recipe 'parallel: many runs, and what became of each'
	assert_equal "$status" 0
	assert_equal "$(tail -n +2 jobs | sort -n | cut -f 1,7 | paste -sd ' ')" $'1\t0 2\t3 3\t0'
	assert_line --regexp '^3 qemu-run .*exit'
}

# make_history BAD: a module in a repository, in ten commits: from that one on it warns.
make_history()
{
	local number

	git init -q .
	git config user.name somebody
	git config user.email somebody@example.org
	echo 'obj-m := mine.o' >Kbuild
	for number in {1..10}; do
		cat >mine.c <<-C
			#include <linux/bug.h>
			#include <linux/module.h>
			/* commit $number */
			static int __init mine_init(void)
			{
				WARN_ON($((number >= $1)));
				return 0;
			}
			module_init(mine_init);
			static void __exit mine_exit(void) { }
			module_exit(mine_exit);
			MODULE_LICENSE("GPL");
		C
		git add Kbuild mine.c
		git commit -q -m "commit $number"
		((number > 1)) || git tag v1
	done
}

@test 'git bisect: finds the commit from which on the kernel warns' {
	needs git gcc
	needs_gcc_kernel
	make_history 7
	recipe 'git bisect: the commit that broke a module'
	assert_equal "$status" 0
	assert_equal "$(git log -1 --format=%s refs/bisect/bad)" 'commit 7'
}

# make_module: one with a parameter to write to, and a call to stop in.
make_module()
{
	echo 'obj-m := mine.o' >Kbuild
	cat >mine.c <<-'C'
		#include <linux/module.h>
		#include <linux/moduleparam.h>

		static noinline void mine_apply(int value)
		{
			pr_info("value %d\n", value);
		}

		static noinline int mine_set(const char *text, const struct kernel_param *parameter)
		{
			int value;
			int err = kstrtoint(text, 0, &value);

			if (!err)
				mine_apply(value);
			return err;
		}

		static const struct kernel_param_ops mine_ops = { .set = mine_set };
		module_param_cb(value, &mine_ops, NULL, 0200);
		MODULE_PARM_DESC(value, "to be applied");
		MODULE_LICENSE("GPL");
	C
}

@test 'gdb: symbols, a backtrace and a value in a module' {
	needs gdb gcc
	needs_gcc_kernel
	make_module
	recipe 'gdb: in a module'
	assert_equal "$status" 0
	assert_line --regexp '^#0 +mine_apply \(value=(value@entry=)?42\) at .*mine\.c:'
	assert_line --regexp '^#1 .* mine_set \(.*'
	assert_line "\$1 = 42"
}

@test 'gdb: symbols and a backtrace in the kernel' {
	local vmlinux sections=''

	needs gdb
	for vmlinux in "${VMLINUX-}" "/usr/lib/debug/boot/vmlinux-$(<"$KERNEL_DIR/release")" "$KDIR/vmlinux"; do
		sections=$(readelf -SW "$vmlinux" 2>/dev/null) || true
		[[ $sections != *' .symtab '* ]] || break
	done
	[[ $sections == *' .symtab '* ]] ||
		skip "no vmlinux with the symbols of $(<"$KERNEL_DIR/release"): give VMLINUX=, or make test-debug"
	export VMLINUX=$vmlinux
	recipe 'gdb: in the kernel'
	assert_equal "$status" 0
	assert_line --regexp '^#0 .*version_proc_show \('
	assert_line --regexp '^#1 .* seq_read_iter \('
	if [[ $sections == *' .debug_info '* ]]; then
		assert_line --regexp '^#0 .* at .*fs/proc/version\.c:[0-9]+$'
		assert_line --regexp '^#[0-9]+ .*do_syscall_64 \('
	fi
	grep -q "^Linux version $(<"$KERNEL_DIR/release")" version
}

@test "a dead man's switch: the guest ends when a step does not report in time" {
	cp "$MODULE_DIR/qemu_poweroff.ko" .
	recipe "A dead man's switch in the guest"
	assert_equal "$(grep -cx 'in time: sleep 4' <<<"$output")" 3
	refute_line 'in time: sleep 1000'
	assert_line 'status 99'
}

@test "a dead man's switch: the guest ends when the host does not report in time" {
	cp "$MODULE_DIR/qemu_poweroff.ko" .
	recipe "A dead man's switch on the host"
	assert_line 'heard 5'
	assert_line 'status 98'
}

# make_root DIR: the smallest root, by the name of DIR.
make_root()
{
	mkdir -p "$1"/{bin,usr,etc,root,proc,sys,dev,run,tmp}
	cp "$(type -P busybox)" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	ln -s busybox "$1/bin/cat"
	echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
	echo "$1" >"$1/etc/hostname"
}

@test 'a root by mmdebstrap' {
	local release

	needs mmdebstrap tar2sqfs
	((!EUID)) || skip 'mmdebstrap as an ordinary user needs more of the host'
	# The one that the host's archive has.
	release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	renamed=s/trixie/$release/
	recipe 'A root by mmdebstrap'
	[[ $output != *'failed to download'* ]] || skip 'the archive is out of reach'
	assert_equal "$status" 0
	assert_line --regexp "^$(cut -d . -f 1 /etc/debian_version)"
}

@test 'a root out of a directory' {
	needs mkfs.erofs
	make_root root
	recipe 'A root out of a directory'
	assert_equal "$status" 0
	assert_line root
}

@test 'a root out of a container' {
	needs podman sqfstar
	# The user's own containers are left alone.
	export CONTAINERS_STORAGE_CONF=$PWD/storage.conf
	printf '%s\n' '[storage]' 'driver = "vfs"' "graphroot = \"$PWD/graph\"" "runroot = \"$PWD/run\"" >storage.conf
	make_root container
	tar -C container -c . | podman import -q -c 'CMD ["sh"]' - small
	renamed=s:docker.io/library/debian.trixie:localhost/small:
	recipe 'A root out of a container'
	assert_equal "$status" 0
	assert_line container
}

@test 'a root out of an OCI layout' {
	needs umoci mkfs.erofs
	((!EUID)) || skip 'umoci as an ordinary user maps owners'
	make_root layer
	umoci init --layout layout
	umoci new --image layout:latest
	umoci insert --image layout:latest layer /
	recipe 'A root out of an OCI layout'
	assert_equal "$status" 0
	assert_line layer
}

@test 'a root that a cloud boots' {
	needs qemu-img sfdisk
	make_root cloud
	# As Debian's have it: the root first, and before it in the file what the firmware needs.
	truncate -s 32M part
	mke2fs -q -t ext4 -d cloud part
	truncate -s 72M disk
	printf '%s\n' 'label: gpt' 'vda1: start=10240, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, size=32M' \
		'vda14: start=2048, size=3M, type=21686148-6449-6e6f-744e-656564454649' \
		'vda15: start=81920, type=U' | sfdisk -q disk
	dd if=part of=disk bs=512 seek=10240 conv=notrunc status=none
	qemu-img convert -O qcow2 disk debian-13-nocloud-amd64.qcow2
	recipe 'A root that a cloud boots'
	assert_equal "$status" 0
	assert_line cloud
}
