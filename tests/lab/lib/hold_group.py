# SPDX-License-Identifier: GPL-2.0-only
"""hold_group.py GROUP [UUID] – uses a VFIO group as QEMU does, until standard input ends; says "held" when it is so.

With UUID it opens that mdev, too, and for each line that it is given prints the vendor's ID from the mdev's config space.
"""
import fcntl
import os
import sys

SET_CONTAINER, SET_IOMMU, GET_DEVICE_FD = 0x3b68, 0x3b66, 0x3b6a
TYPE1v2 = 3
CONFIG_SPACE = 7 << 40

container = os.open("/dev/vfio/vfio", os.O_RDWR)
group = os.open("/dev/vfio/" + sys.argv[1], os.O_RDWR)
fcntl.ioctl(group, SET_CONTAINER, container.to_bytes(4, "little"))
fcntl.ioctl(container, SET_IOMMU, TYPE1v2)
if len(sys.argv) > 2:
    device = fcntl.ioctl(group, GET_DEVICE_FD, bytearray(sys.argv[2].encode() + b"\0"))
print("held", flush=True)
for line in sys.stdin:
    print(os.pread(device, 2, CONFIG_SPACE)[::-1].hex(), flush=True)
