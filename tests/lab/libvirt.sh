#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kit's mdevs by way of libvirt alone: nodedev, domains that are started again, hot plug, QEMU as a user without rights.
# Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

image=/usr/lib/mdevkit/guest
export LIBVIRT_DEFAULT_URI=qemu:///system
serial_parent=pci_0000_00_02_0
dma_parent=pci_0000_00_03_0
serial=6d646576-6b69-4701-8000-0000000000b1
dma=6d646576-6b69-4701-8000-0000000000b2
work=$(mktemp -d)
# QEMU runs as libvirt's user and writes its console there
chmod 711 "$work"

cleanup() {
	local domain
	for domain in serial dma hotplug; do
		virsh destroy "$domain" >/dev/null 2>&1 || true
	done
	echo 1 | tee "/sys/bus/mdev/devices/$serial/remove" "/sys/bus/mdev/devices/$dma/remove" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT

# nodedev_xml PARENT TYPE UUID
nodedev_xml() {
	cat <<-XML
		<device>
		  <parent>$1</parent>
		  <capability type='mdev'>
		    <type id='$2'/>
		    <uuid>$3</uuid>
		  </capability>
		</device>
	XML
}

hostdev_xml() {
	cat <<-XML
		<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>
		  <source><address uuid='$1'/></source>
		</hostdev>
	XML
}

# domain_xml NAME PARAMETERS [UUID]
domain_xml() {
	cat <<-XML
		<domain type='kvm'>
		  <name>$1</name>
		  <memory unit='MiB'>128</memory>
		  <vcpu cpuset='0'>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='q35'>hvm</type>
		    <kernel>$image/vmlinuz</kernel>
		    <initrd>$image/initramfs</initrd>
		    <cmdline>console=ttyS0 earlyprintk=ttyS0,115200 quiet panic=-1 tsc=reliable mitigations=off mdevkit.bytes=512 mdevkit.transfers=100 $2</cmdline>
		  </os>
		  <features><acpi/></features>
		  <cpu mode='host-passthrough'/>
		  <on_reboot>destroy</on_reboot>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/>
		    <controller type='pci' model='pcie-root'/>
		    <controller type='pci' model='pcie-root-port'/>
		    <controller type='pci' model='pcie-root-port'/>
		    <memballoon model='none'/>
		    <serial type='file'><source path='$work/$1.console' append='on'/></serial>
		    $([[ -z ${3:-} ]] || hostdev_xml "$3")
		  </devices>
		</domain>
	XML
}

# says PATTERN NAME SECONDS: the guest's console comes to have the line
says() {
	local end=$((SECONDS + $3))
	until grep -aqE "^guest: $1" "$work/$2.console"; do
		if ((SECONDS > end)) || grep -aq '^guest: FAIL' "$work/$2.console"; then
			note "$(tail -n 30 "$work/$2.console" | tr -d '\r')"
			return 1
		fi
		sleep 0.5
	done
}

# runs NAME ANSWER: the domain is started, the guest gives the answer and powers off
runs() {
	local end
	: >"$work/$1.console"
	chmod 666 "$work/$1.console"
	virsh start "$1" >/dev/null || return 1
	says "$2" "$1" 180 || return 1
	end=$((SECONDS + 60))
	while [[ $(virsh domstate "$1") == running ]]; do
		((SECONDS < end)) || return 1
		sleep 0.5
	done
}

lists() {
	[[ " $(virsh nodedev-list --cap "$1" "${@:3}" | xargs) " == *" $2 "* ]]
}

# Who runs QEMU of the domain
user_of() {
	stat -c %U "/proc/$(pgrep -f "guest=$1," | head -n 1)"
}

state_of() {
	virsh nodedev-info "mdev_${1//-/_}_0000_00_0$2_0" 2>/dev/null | awk -F': *' -v key="$3" '$1 == key { print $2 }'
}

lab_plan 32
modprobe -a mtty mdma || bail_out "the samples cannot be loaded"
cat >/etc/libvirt/qemu.conf <<-'CONF'
	security_driver = "none"
	cgroup_controllers = []
	namespaces = []
CONF
lab-libvirtd || bail_out "libvirtd does not start"
# The guests of the lab run on one CPU (see lab-guest)
[[ -e /dev/kvm ]] || modprobe -q kvm_amd || true

expect "the serial card's parent is listed" lists mdev_types "$serial_parent"
expect "the DMA engine is listed" lists mdev_types "$dma_parent"
virsh nodedev-dumpxml "$dma_parent" >"$work/parent.xml"
expect "its types are those of sysfs" grep -q "<type id='mdma-1'>" "$work/parent.xml"
expect "with what is left of them" grep -q '<availableInstances>127</availableInstances>' "$work/parent.xml"

serial_node=mdev_${serial//-/_}_0000_00_02_0
dma_node=mdev_${dma//-/_}_0000_00_03_0
nodedev_xml "$serial_parent" mttypci-2 $serial >"$work/serial.xml"
nodedev_xml "$dma_parent" mdma-1 $dma >"$work/dma.xml"
expect "nodedev-define of a serial card" virsh nodedev-define "$work/serial.xml"
expect "nodedev-define of a slice" virsh nodedev-define "$work/dma.xml"
expect "both are known and inactive" lists mdev "$serial_node" --inactive
expect "nodedev-autostart" virsh nodedev-autostart "$serial_node"
same "it is seen" "$(state_of $serial 2 Autostart)" yes
expect "nodedev-start of the card" virsh nodedev-start "$serial_node"
expect "nodedev-start of the slice" virsh nodedev-start "$dma_node"
same "the mdev is there" "$(cat /sys/bus/mdev/devices/$dma/mdev_type/name)" "mdma 1 channel"

domain_xml serial mdevkit.ports=2 $serial >"$work/serial-domain.xml"
domain_xml dma "mdevkit.ports=0 mdevkit.channels=1" $dma >"$work/dma-domain.xml"
domain_xml hotplug mdevkit.plugged=2 >"$work/hotplug-domain.xml"
mdevkit export --libvirt $serial >"$work/hostdev.xml" || bail_out "mdevkit export fails"
for name in serial dma hotplug; do
	virsh define --validate "$work/$name-domain.xml" >/dev/null || bail_out "libvirt does not take the domain $name"
done
expect "a domain boots with the serial card and uses it" runs serial "PASS 2 ports, 0 DMA channels"
expect "it starts again" runs serial "PASS 2 ports, 0 DMA channels"
expect "a domain boots with the slice and does DMA" runs dma "PASS 0 ports, 1 DMA channels"
expect "it starts again" runs dma "PASS 0 ports, 1 DMA channels"

: >"$work/hotplug.console"
chmod 666 "$work/hotplug.console"
expect "a domain without the card starts" virsh start hotplug
same "QEMU has no rights of its own" "$(user_of hotplug)" libvirt-qemu
expect "its guest waits" says "waits for a card" hotplug 120
expect "attach-device" virsh attach-device hotplug "$work/hostdev.xml" --live
same "the group's file is QEMU's user's" \
	"$(stat -c %U "/dev/vfio/$(basename "$(readlink -f /sys/bus/mdev/devices/$serial/iommu_group)")")" libvirt-qemu
expect "the guest uses the card" says "the card works" hotplug 120
refuse "an mdev in use is not stopped" "in use" timeout 5 virsh nodedev-destroy "$serial_node"
expect "detach-device" virsh detach-device hotplug "$work/hostdev.xml" --live
expect "the card leaves the guest" says "PASS a card with 2 ports came and went" hotplug 120
virsh destroy hotplug >/dev/null 2>&1 || true

mdevkit export --libvirt mdma-2 >"$work/created.xml"
expect "nodedev-create of what mdevkit exports" virsh nodedev-create --validate "$work/created.xml"
created=$(virsh nodedev-list --cap mdev | grep -v -e "$serial_node" -e "$dma_node" | xargs)
expect "it has the type" grep -qx "mdma 2 channels" "/sys/bus/mdev/devices/$(sed 's/^mdev_//; s/_0000_.*//; s/_/-/g' <<<"$created")/mdev_type/name"
expect "and is destroyed" virsh nodedev-destroy "$created"
for node in "$serial_node" $dma_node; do
	virsh nodedev-destroy "$node" >/dev/null 2>&1 || true
done
same "nodedev-destroy takes both away" "$(ls /sys/bus/mdev/devices)" ""
expect "nodedev-undefine of the card" virsh nodedev-undefine "$serial_node"
expect "nodedev-undefine of the slice" virsh nodedev-undefine "$dma_node"
same "no definition is left" "$(mdevctl list --defined)" ""
virsh undefine serial >/dev/null
virsh undefine dma >/dev/null
virsh undefine hotplug >/dev/null
lab_finish
