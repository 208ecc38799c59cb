# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
show 'insmod e1000.ko'
show 'ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0'
show 'ping -c 3 10.0.2.2'
show 'ping -c 3 -s 1400 10.0.2.2'
show 'cat /sys/class/net/eth0/speed /sys/class/net/eth0/duplex'
show 'grep eth0 /proc/interrupts'

# The homework of the course: what probe and open took, all of it is given back.
show 'rmmod e1000'
refuse 'grep -wE "e1000|eth0" /proc/interrupts /proc/iomem'
show 'insmod e1000.ko'
show 'ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0'
show 'ping -c 3 10.0.2.2'
show 'rmmod e1000'
