# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# The kernel's own driver has the disk, and has to let go of it.
show 'ls -l /sys/bus/virtio/drivers/virtio_blk | grep -o "virtio[0-9]* .*"'
device=$(basename /sys/bus/virtio/drivers/virtio_blk/virtio[0-9]*)
show "echo $device >/sys/bus/virtio/drivers/virtio_blk/unbind"
show 'insmod virtio_block.ko selftest=1'
show 'ls -l /dev/vblk0'
show 'dd if=/dev/vblk0 bs=512 skip=1 count=1 status=none | hexdump -C'
show 'echo "a block of text" | dd of=/dev/vblk0 bs=512 seek=7 conv=sync,fsync'
show 'dd if=/dev/vblk0 bs=512 skip=7 count=1 status=none | head -n 1'
# Not a whole block; and there are 2048 of them.
refuse 'echo "half a block" >/dev/vblk0'
refuse 'dd if=/dev/vblk0 bs=512 skip=2048 count=1'
show 'rmmod virtio_block'
