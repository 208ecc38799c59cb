# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
show 'insmod chardev.ko count=2 size=32'
show 'ls -l /dev/chardev*'
show 'echo "hello, device" >/dev/chardev'
show 'hexdump -C /dev/chardev'

# The node in /dev is a name for a number, which anybody may give.
major=$(awk '$2 == "chardev" { print $1 }' /proc/devices)
show 'grep chardev /proc/devices'
show "mknod mine c $major 0"
show 'head -n 1 mine'

# Past the end there is no room. The second device has a buffer of its own.
refuse 'echo "much more than these devices have room for" >/dev/chardev'
show 'head -c 32 /dev/chardev; echo'
show 'hexdump -C /dev/chardev1'
show 'rmmod chardev'
refuse 'head -n 1 mine'
