# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
show 'insmod hello.ko whom=students'
show 'cat /sys/module/hello/parameters/whom'
show 'rmmod hello'
# A parameter that it does not have is no error.
show 'insmod hello.ko who=students'
