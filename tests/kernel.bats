#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Where the kernel comes from: the packages of a distribution, as its apt has them.

load helper
load qemu-run

# package NAME DEPENDS DIR: a package of that tree, in $repository.
package()
{
	local name=$1 depends=$2 tree=$3 file=$repository/$1.deb

	mkdir -p "$tree/DEBIAN"
	cat >"$tree/DEBIAN/control" <<-E
		Package: $name
		Version: 1
		Architecture: amd64
		Maintainer: nobody <nobody@example.org>
		Description: a part of a kernel${depends:+
		Depends: $depends}
	E
	dpkg-deb --root-owner-group -Znone -b "$tree" "$file" >/dev/null
	{
		dpkg-deb -f "$file"
		echo "Filename: ./${file##*/}"
		echo "Size: $(stat -c %s "$file")"
		echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
		echo
	} >>"$repository/Packages"
}

# apt_knows_only DIR: from here on apt's archive is that directory.
apt_knows_only()
{
	echo "deb [trusted=yes] file:$1 ./" >"$BATS_TEST_TMPDIR/sources.list"
	cat >"$BATS_TEST_TMPDIR/apt.conf" <<-E
		Dir::Etc::sourcelist "$BATS_TEST_TMPDIR/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::Lists "$BATS_TEST_TMPDIR/lists";
		Dir::Cache "$BATS_TEST_TMPDIR/apt-cache";
	E
	mkdir -p "$BATS_TEST_TMPDIR"/{lists,apt-cache/archives}/partial
	export APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf
}

# The kernel under test, packaged as Ubuntu does it: its image alone in linux-image,
# the modules in two packages, and headers that refer to each other by relative links.
# bats test_tags=slow
@test 'kernel: the modules are in packages of their own, the headers full of links, as on Ubuntu' {
	local root tree release repository=$BATS_TEST_TMPDIR/repository entry
	root=$(readlink -f "$KERNEL_DIR")/root release=$(<"$KERNEL_DIR/release")
	[[ -d $root/usr/src ]] || skip 'not a kernel of the distribution'
	tree=$BATS_TEST_TMPDIR/tree
	mkdir "$repository"

	mkdir -p "$tree"/{image/boot,modules/{boot,lib/modules},extra/lib/modules/"$release"/kernel,headers/usr/src,meta}
	cp -L "$KERNEL_DIR/vmlinuz" "$tree/image/boot/vmlinuz-$release"
	cp -L "$KERNEL_DIR/config" "$tree/modules/boot/config-$release"
	cp -a "$root/lib/modules/$release" "$tree/modules/lib/modules"
	rm -r "$tree/modules/lib/modules/$release"/{modules.dep,build,source,headers,config}
	mv "$tree/modules/lib/modules/$release/kernel/fs" "$tree/extra/lib/modules/$release/kernel"
	cp -a "$root/usr/src/linux-headers-$release" "$tree/headers/usr/src/linux-headers-$release"
	cd "$tree/headers/usr/src/linux-headers-$release"
	# What Debian has the compiler find by two paths is one tree here.
	for entry in "$root"/usr/src/linux-headers-*common*; do
		cp -a --no-clobber "$entry/." .
		mkdir ../linux-headers-common
		cp "$entry/Makefile" ../linux-headers-common
	done
	ln -sf ../linux-headers-common/Makefile Makefile
	cp -a "$root"/usr/lib/linux-kbuild-*/. "$tree/headers/kbuild"
	rm scripts tools
	cp -a "$tree/headers/kbuild/scripts" "$tree/headers/kbuild/tools" .
	rm -r "$tree/headers/kbuild"
	cd "$BATS_TEST_TMPDIR"

	package linux-image-generic "linux-image-$release" "$tree/meta"
	package "linux-image-$release" "linux-modules-$release" "$tree/image"
	package "linux-modules-$release" '' "$tree/modules"
	package "linux-modules-extra-$release" "linux-modules-$release" "$tree/extra"
	package "linux-headers-$release" '' "$tree/headers"
	apt_knows_only "$repository"

	export BUILD=$BATS_TEST_TMPDIR/build
	run --separate-stderr "$top/scripts/kernel"
	assert_success
	assert_equal "$output" "$BUILD/kernels/$release"
	KERNEL_DIR=$output
	cmp "$KERNEL_DIR/vmlinuz" "$root/../vmlinuz"
	grep -q '^kernel/fs/.*ext4' "$KERNEL_DIR/modules/modules.dep"
	grep -qx CONFIG_MODULES=y "$KERNEL_DIR/config"
	run "$top/scripts/module" -k "$KERNEL_DIR"
	assert_success
	MODULE_DIR=${lines[-1]}
	booted <<<'insmod qemu_poweroff.ko code=42; sleep 9'
	assert_code 42
}

@test 'kernel: the default is what the archive says, and so is a flavour' {
	local repository=$BATS_TEST_TMPDIR/repository flavour

	mkdir -p "$repository"
	for flavour in amd64 rt-amd64; do
		package "linux-image-$flavour" "linux-image-9.8.7-6-$flavour" "$BATS_TEST_TMPDIR/$flavour"
		package "linux-image-9.8.7-6-$flavour" '' "$BATS_TEST_TMPDIR/of-$flavour"
	done
	apt_knows_only "$repository"

	export BUILD=$BATS_TEST_TMPDIR/build
	run "$top/scripts/kernel"
	assert_failure
	assert_output --partial 'no kernel image in linux-image-9.8.7-6-amd64'
	run "$top/scripts/kernel" rt
	assert_failure
	assert_output --partial 'no kernel image in linux-image-9.8.7-6-rt-amd64'
	run find "$BUILD/kernels" -mindepth 1 ! -name .lock
	assert_output ''
}

# packed_tree DIR: a build tree whose make modules_install packs: garp.ko with gzip, mrp.ko
# with xz, all else with zstd.
packed_tree()
{
	local tree=$1 release
	release=$(<"$KERNEL_DIR/release")

	mkdir -p "$tree"/{include/generated,arch/x86/boot}
	echo "#define UTS_RELEASE \"$release\"" >"$tree/include/generated/utsrelease.h"
	ln -s "$(readlink -f "$KERNEL_DIR/vmlinuz")" "$tree/arch/x86/boot/bzImage"
	touch "$tree/modules.order"
	# Else a tree's modules are taken where they lie, and a tree does not pack them.
	{ cat "$KERNEL_DIR/config"; echo CONFIG_MODULE_SIG_FORCE=y; } >"$tree/.config"
	modprobe -d "$(readlink -f "$KERNEL_DIR")/root" -S "$release" -a --show-depends virtio_pci \
		virtio_console 9pnet_virtio 9p autofs4 8021q dummy | sed -n 's/^insmod \([^ ]*\).*/\1/p' |
		sort -u >"$tree/list"
	cat >"$tree/Makefile" <<-'E'
		to = $(INSTALL_MOD_PATH)/lib/modules/$(shell cut -d '"' -f 2 include/generated/utsrelease.h)/kernel
		modules_install: ; mkdir -p $(to) && cp $$(cat list) $(to) && (cd $(to) && \
			(xz -dqf *.xz || :) && \
			gzip garp.ko && xz --check=crc32 mrp.ko && zstd -q --rm *.ko)
	E
}

# bats test_tags=slow
@test 'kernel: modules packed with zstd, gzip and xz are found and loaded in the guest of BusyBox' {
	local tree=$BATS_TEST_TMPDIR/tree

	packed_tree "$tree"
	export BUILD=$BATS_TEST_TMPDIR/build XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir "$BUILD"
	ln -s "$top"/build/qemu-run* "$BUILD"
	run --separate-stderr timeout 120 qemu-run -k "$tree" -m dummy -- sh -c 'modprobe 8021q; cut -d " " -f 1 /proc/modules'
	echo "$stderr"
	assert_success
	assert_line dummy
	assert_line garp
	assert_line mrp
	assert_line 8021q
}

@test '-m: a FILE.ko that gzip or zstd packed, with what it needs' {
	local file

	file=$(modinfo -k "$(<"$KERNEL_DIR/release")" -b "$(readlink -f "$KERNEL_DIR")/root" -F filename 8021q)
	cp "$file" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	[[ $file != *.xz ]] || xz -d 8021q.ko.xz
	gzip -k 8021q.ko
	zstd -q 8021q.ko
	for file in ./8021q.ko.gz ./8021q.ko.zst; do
		run qemu-run -m "$file" -- grep -c 8021q /proc/modules
		assert_success
	done
	head -c 100 /dev/urandom >noise.ko.gz
	run qemu-run -m ./noise.ko.gz -- true
	assert_failure 125
	assert_output --partial './noise.ko.gz: cannot be read'
}

# tree DIR: a build tree as make leaves it, of the kernel under test with a few modules, and with
# one that tells its edition.
tree()
{
	local name path

	mkdir -p "$1"/{include/generated,arch/x86/boot,lib}
	touch "$1/Makefile"
	printf '#define UTS_RELEASE "%s"\n' "$(<"$KERNEL_DIR/release")" >"$1/include/generated/utsrelease.h"
	ln -s "$(readlink -f "$KERNEL_DIR/vmlinuz")" "$1/arch/x86/boot/bzImage"
	[[ ! -e $KERNEL_DIR/vmlinux ]] || ln -s "$(readlink -f "$KERNEL_DIR/vmlinux")" "$1/vmlinux"
	cp -L "$KERNEL_DIR/config" "$1/.config"
	cp -L "$KERNEL_DIR"/modules/modules.builtin* "$1"
	while read -r path; do
		path=${path#kernel/} name=${path%%.ko*}
		mkdir -p "$1/${path%/*}"
		case $path in
		*.xz) xz -dc "$KERNEL_DIR/modules/kernel/$path" ;;
		*) cat "$KERNEL_DIR/modules/kernel/$path" ;;
		esac >"$1/$name.ko"
		echo "$name.o" >>"$1/modules.order"
	done < <(grep -E '/(virtio_pci|virtio_console|9p|9pnet_virtio|overlay|autofs4|loop)\.ko' \
		"$KERNEL_DIR/modules/modules.dep" | tr -d : | tr ' ' '\n' | sort -u)
	cp "$(module_file edition)" "$1/lib/edition.ko"
	echo lib/edition.o >>"$1/modules.order"
}

# edit TREE EDITION [NAME]: that module is built anew, and by chance of the same size and time.
edit()
{
	local file=$1/lib/${3-edition}.ko

	sed "s/edition 0/edition $2/" "$(module_file edition)" >"$file.new"
	touch -r "$(module_file edition)" "$file.new"
	cat "$file.new" >"$file"
	touch -r "$file.new" "$file"
	rm "$file.new"
}

@test 'own tree: what make has built last runs, without modules_install' {
	local edition tree=$BATS_TEST_TMPDIR/linux
	export BUILD=$BATS_TEST_TMPDIR/build XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir "$BUILD" "$XDG_CACHE_HOME"
	tree "$tree"
	for edition in 1 2; do
		edit "$tree" "$edition"
		qemu_run --bare -k "$tree" -m edition -- cat /sys/module/edition/version
		assert_output "edition $edition"
		# The template has nothing of what was built.
		assert_equal "$(json .start)" restored
		# shellcheck disable=SC2016 # the guest's to expand
		qemu_run --bare -k "$tree" -- sh -c 'modprobe edition && cat /sys/module/edition/version
			readlink /lib/modules/$(uname -r)/build; grep -x CONFIG_MODULES=y /boot/config-$(uname -r)'
		assert_output "edition $edition"$'\n'"$tree"$'\nCONFIG_MODULES=y'
	done
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1
	# One that was not there before.
	edit "$tree" 3 later
	echo lib/later.o >>"$tree/modules.order"
	qemu_run --bare -k "$tree" -m later -- cat /sys/module/edition/version
	assert_output 'edition 3'
	for edition in 5 6; do
		edit "$tree" "$edition"
		qemu_run --bare --preload -k "$tree" -m edition -- cat /sys/module/edition/version
		assert_output "edition $edition"
	done
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1 -maxdepth 1 -type d | wc -l)" 2
}

@test 'own tree: headers are no kernel, and a tree without one says what to make; in the words of who asks' {
	local tree=$BATS_TEST_TMPDIR/headers
	mkdir -p "$tree/include/generated"
	run "$top/scripts/kernel" -k "$tree"
	assert_failure
	assert_output --partial "-k $tree: neither a kernel's build tree nor its headers"
	touch "$tree/Makefile"
	run "$top/scripts/kernel" -k "$tree"
	assert_output --partial "-k $tree: not built yet: run make there"
	echo '#define UTS_RELEASE "9.8.7"' >"$tree/include/generated/utsrelease.h"
	# As in Debian's: type information, and no kernel.
	objcopy --only-section=.BTF "$KERNEL_DIR/vmlinux" "$tree/vmlinux" 2>/dev/null || cp /bin/true "$tree/vmlinux"
	run "$top/scripts/kernel" -k "$tree"
	assert_failure
	assert_output "kernel: -k $tree: no kernel in it (run make bzImage there), and no readable one of 9.8.7 in /boot or /lib/modules: name it with -k FILE"
	run "$top/scripts/kernel" --build "$tree"
	assert_output "kernel: KDIR=$tree: no kernel in it (run make bzImage there), and no readable one of 9.8.7 in /boot or /lib/modules: name it with KERNEL=FILE"
	run "$top/scripts/kernel" -k "$tree/vmlinux"
	assert_output "kernel: -k $tree/vmlinux: neither a bzImage nor a vmlinux with a kernel in it"
	run "$top/scripts/kernel" -k "$tree/none"
	assert_output "kernel: -k $tree/none: no such file"
}
