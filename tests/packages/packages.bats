#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The Debian packages, on a fresh machine that has never seen a checkout:
# scripts/test-packages makes it, and the packages in /mnt/packages. Each test goes on
# where the one before it ended.

bats_require_minimum_version 1.5.0
version=$(dpkg-deb -f /mnt/packages/qemu-run_*.deb Version)

# The newest that is installed: a fresh machine has one.
kernel()
{
	basename -a /lib/modules/* | sort -V | tail -n 1
}

install()
{
	apt-get -qq -y --no-install-recommends "$@"
}

# as_user TEXT: a login of an ordinary user's types that.
as_user()
{
	su --login user --command "$1"
}

# what_is_there: every file, but for what apt, dpkg and the tests themselves note.
what_is_there()
{
	find / -xdev \( -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /home \
		-o -path /tmp -o -path '/var/lib/dpkg/*-old' \) -prune -o -print | LC_ALL=C sort
}

setup_file()
{
	useradd --create-home --shell /bin/bash user
}

# Before there is anything that the other package needs: a compiler, a kernel, headers.
@test 'qemu-run installs, with what it names and no more' {
	install install /mnt/packages/qemu-run_*.deb
	install satisfy "$(dpkg-deb -f /mnt/packages/qemu-run_*.deb Recommends)"
}

@test 'qemu-run has its version, a manual page and a completion' {
	[[ $(as_user 'qemu-run --version') == "qemu-run $version" ]]
	zcat /usr/share/man/man1/qemu-run.1.gz | grep -q "^\.TH .*\"qemu_poweroff $version\""
	bash -n /usr/share/bash-completion/completions/qemu-run
}

@test 'an ordinary user runs a command, and gets its status and output' {
	run -7 as_user "qemu-run -- sh -c 'uname -r; exit 7'"
	echo "$output"
	grep -qx "$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-//p')" <<<"$output"
	# With the driver: it has been built, too.
	[[ $output != *'going without the driver'* ]]
}

@test 'and again, from the template' {
	run -7 as_user "qemu-run --json json -- sh -c 'exit 7'"
	as_user 'cat json'
	grep -q '"start": *"restored"' /home/user/json
}

@test 'qemu-poweroff-dkms installs, where there is a kernel' {
	# What a machine has that is not a guest of ours.
	install install linux-image-amd64 linux-headers-amd64
	install satisfy "$(dpkg-deb -f /mnt/packages/qemu-poweroff-dkms_*.deb Depends)"
	install remove qemu-run
	what_is_there >"$BATS_FILE_TMPDIR/before"
	install install /mnt/packages/qemu-run_*.deb /mnt/packages/qemu-poweroff-dkms_*.deb
}

@test 'DKMS has built and installed the module for the kernel' {
	run -0 dkms status
	echo "$output"
	grep -q "^qemu_poweroff/$version, $(kernel), x86_64: installed" <<<"$output"
	[[ $(modinfo -k "$(kernel)" -F version qemu_poweroff) == "$version" ]]
}

@test 'the module that DKMS has built ends a machine' {
	local file

	file=$(modinfo -k "$(kernel)" -F filename qemu_poweroff)
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -dc "$file" ;;
	*) cat "$file" ;;
	esac >/home/user/qemu_poweroff.ko
	run -42 as_user "qemu-run --bare -f qemu_poweroff.ko -- insmod qemu_poweroff.ko code=42"
}

@test 'removed, the packages leave nothing' {
	install remove qemu-run qemu-poweroff-dkms
	what_is_there >"$BATS_FILE_TMPDIR/removed"
	diff "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/removed"
}

@test 'installed again and purged, they leave nothing' {
	install install /mnt/packages/qemu-run_*.deb /mnt/packages/qemu-poweroff-dkms_*.deb
	install purge qemu-run qemu-poweroff-dkms
	what_is_there >"$BATS_FILE_TMPDIR/purged"
	diff "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/purged"
}
