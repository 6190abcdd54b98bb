#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two virtual machines with one slice of the DMA engine each, whose kernels run dmatest on it at the same time, while
# the host runs dmatest on the channel that it has kept.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

parent=/sys/bus/pci/devices/0000:00:03.0
one=6d646d61-0000-0000-0000-000000000001
two=6d646d61-0000-0000-0000-000000000002
logs=$(mktemp -d)

lab_plan 6
modprobe mdma || bail_out "module mdma cannot be loaded"
echo $one >$parent/mdev_supported_types/mdma-1/create || bail_out "no mdev below $parent"
echo $two >$parent/mdev_supported_types/mdma-2/create || bail_out "no mdev below $parent"

guest() {
	local log=$1
	shift
	lab-guest --timeout $((240 * ${MDEVKIT_SLOWNESS:-1})) --transfers $((300 / ${MDEVKIT_SLOWNESS:-1})) --log "$logs/$log" "$@" >"$logs/$log.out" 2>&1
}

# Where the kernel has iommufd, the second one gets open files of it and of its slice, and no name, as from libvirt.
by="a container"
files=()
[[ ! -e /sys/class/misc/iommu ]] || by=iommufd files=(--fd)

guest one $one &
first=$!
guest two "${files[@]}" $two &
second=$!

# The host's own channel, while both guests boot and run. dmatest.ko is of the guest's kernel; the debug kernel has its own.
name="the host's own channel passes dmatest while slices are out"
if modprobe -q dmatest 2>/dev/null || insmod /usr/lib/mdevkit/guest/dmatest.ko 2>/dev/null; then
	echo 500 >/sys/module/dmatest/parameters/iterations
	echo 20000 >/sys/module/dmatest/parameters/timeout
	channel=$(basename "$(readlink -f "$parent"/dma/dma*chan0)")
	echo "$channel" >/sys/module/dmatest/parameters/channel
	echo 1 >/sys/module/dmatest/parameters/run
	cat /sys/module/dmatest/parameters/wait >/dev/null
	summary=$(dmesg | grep "dmatest: $channel.*summary" | tail -n 1)
	expect "$name" grep -q "summary 500 tests, 0 failures" <<<"$summary"
	note "${summary#*] }"
	rmmod dmatest
else
	skip "$name" "no dmatest for Linux $(uname -r)"
fi

status=0
wait $first || status=$?
note "$(<"$logs/one.out")"
same "dmatest passes in a guest with one channel" $status 0
status=0
wait $second || status=$?
note "$(<"$logs/two.out")"
same "dmatest passes in another guest with two channels, at the same time" $status 0
note "the second guest has its slice by $by"
same "QEMU has no complaint" "$(cat "$logs/one/qemu" "$logs/two/qemu")" ""

same "the IOMMU saw no stray access" "$(log_since_plan | grep -c 'DMAR: .*fault')" 0
expect "the mdevs can be removed right after the guests have gone" \
	timeout 10 sh -c "echo 1 >/sys/bus/mdev/devices/$one/remove && echo 1 >/sys/bus/mdev/devices/$two/remove"
rm -rf "$logs"
lab_finish
