#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --disk: what it is, in the guest and on the host. How its data is written at the end of a
# run is in orderly-end.bats.

# shellcheck disable=SC2016 # what stands in single quotes is for the guest's shell

load root

@test 'disks: size, order, name, read-only, and partitions, as if the guest had booted with them' {
	needs qemu-img sfdisk
	truncate -s 8M first
	truncate -s 24M part
	printf '%s\n' 'label: dos' 'start=2048, size=8M' 'start=20480' | sfdisk -q part
	qemu-img convert -O qcow2 part second.img
	qemu_run --disk first --disk second.img,ro --disk part,rw -- sh -c '
		for disk in vda vdb vdc; do
			cd /sys/block/$disk && echo "$disk $(cat serial) $(cat size) $(cat ro)" $(ls -d $disk?)
		done
		for disk in vda vdb vdc; do echo "written to $disk" >/dev/$disk; done'
	assert_outcome 0 exit
	assert_equal "$output" "vda first 16384 0
vdb second.img 49152 1 vdb1 vdb2
vdc part 49152 0 vdc1 vdc2"
	assert_equal "$(head -n 1 part)" 'written to vdc'
	assert_equal "$(head -c 16 first | tr -d '\0')" ''
}

# backing FILE: the header of a qcow2 that has FILE as its backing file.
backing()
{
	qemu-img create -q -f qcow2 -F raw -b "$1" forged 1M
	cat forged
}

@test 'disks: a raw disk that a guest wrote is never taken for a qcow2' {
	needs qemu-img
	echo 'of the host alone' >secret
	truncate -s 1M secret disk
	backing "$PWD/secret" >header
	qemu_run --disk disk,rw -f header -- sh -c 'cat header >/dev/vda'
	assert_outcome 0 exit
	qemu_run --disk disk -- sh -c 'head -c 4 /dev/vda; ! grep -q "of the host" /dev/vda'
	assert_outcome 0 exit
	assert_equal "$output" $'QFI\xfb'
	# A copy has lost the mark: it is refused.
	cp --no-preserve=all disk copy
	qemu_run --disk copy -- true
	assert_outcome 125 cannot-run
	assert_stderr '--disk copy: a qcow2 that needs another file: make one by qemu-img convert -O qcow2'
	qemu_run --root copy -- true
	assert_outcome 125 cannot-run
	qemu_run --disk copy,raw -- sh -c 'head -c 4 /dev/vda'
	assert_outcome 0 exit
	assert_equal "$output" $'QFI\xfb'
	qemu_run --disk copy,rw,ro -- true
	assert_equal "$status" 125
	assert_stderr '--disk copy,rw,ro: ro or rw?'
}
