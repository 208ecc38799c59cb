# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
show 'insmod registration.ko whom=students'
show 'cat /dev/hello /dev/goodbye'
# An open device holds its module.
refuse 'rmmod registration </dev/hello'
show 'rmmod registration'

# The second registration fails: its number is taken. The first one is taken back.
taken=$(awk '$1 < 255 { print $1; exit }' /proc/misc)
refuse "insmod registration.ko minor=$taken"
refuse 'ls /dev/hello'
