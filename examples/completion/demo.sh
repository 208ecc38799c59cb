# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
show 'insmod completion.ko'
show 'cat /dev/completion & sleep 1'
# The sleeper is in the module's code, which has to stay.
refuse 'rmmod completion'
show 'echo done >/dev/completion; wait'
# A write that nobody waits for is not lost.
show 'echo done >/dev/completion'
show 'cat /dev/completion'
# A sleeper can be killed.
show 'cat /dev/completion & sleep 1; kill $!; wait $! || true'
show 'rmmod completion'
