#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the options take and what they refuse: decided here, before there is a guest.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# refused TEXT ARGUMENT...: 125, with that text, and without a machine.
refused()
{
	qemu_run "${@:2}" -- true
	assert_equal "$status" 125
	assert_stderr "$1"
	[[ $stderr != *$'\n'*$'\n'* ]] || fail "more than two lines: $stderr"
}

@test 'values that an option does not take are refused in a line that names them' {
	local value

	for value in nothing :here /etc/passwd:; do
		refused "--get $value: give GUESTPATH:HOSTPATH" --get "$value"
	done
	for value in 127 -512 x '' 1048577; do
		refused "--memory $value: give MiB, 128 or more" --memory "$value"
	done
	for value in 0 65 -1 two; do
		refused "--cpus $value: give 1 to 64" --cpus "$value"
	done
	refused '--accel none: give kvm, tcg or auto' --accel none
	refused '--machine isapc: give pc, q35 or microvm' --machine isapc
	refused '--append TEXT: longer than 1024 bytes' --append "$(printf '%1025s' x)"
	refused '--root no: No such file or directory' --root no
	: >file
	refused '--rw file: not a directory' --rw file
	refused "unrecognized option '--no-such-option'" --no-such-option
}

@test 'files that are not there, or are none, are refused before a guest is made' {
	mkfifo fifo.ko
	refused '-m ./fifo.ko: not a regular file' -m ./fifo.ko
	refused '-m ./no.ko: No such file' -m ./no.ko
	refused '-f no: No such file' -f no
	refused '--disk no: No such file' --disk no
	refused '-k ./no: No such file' -k ./no
	refused '--console no/such/log: No such file' --console no/such/log
}

# A path that exists as it stands is no pair, whatever colons it has.
@test '-f: a file with a colon in its name goes by that name' {
	echo content >a:b
	qemu_run -f a:b -f a:b:c -- sh -c 'cat a:b c'
	assert_outcome 0 exit
	assert_output $'content\ncontent'
}
