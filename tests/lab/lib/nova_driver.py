# SPDX-License-Identifier: GPL-2.0-only
"""Nova's own driver for libvirt, in place of nova-compute: it lists, allocates and gives back the lab's mdevs.

nova_driver.py CONF PARENT=TYPE…, run by nova.sh in Nova's root. CONF is what "mdevkit export --nova" printed. Prints the results of a subtest.
"""
import os
import sys
import time
import traceback

import nova.cmd  # noqa: F401 (what every service of Nova begins with)
from nova import config, exception
from nova.compute import provider_tree
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import driver as libvirt_driver

HOST = "lab"
ROOT_UUID = "6d646576-6b69-4701-8000-0000000000d0"
MDEVS = "/sys/bus/mdev/devices"
count = 0
bad = 0


def result(good, title, diagnostics=""):
    global count, bad
    count += 1
    bad += not good
    if not good:
        print("".join(f"# {line}\n" for line in str(diagnostics).splitlines()), end="")
    print(f"{'ok' if good else 'not ok'} {count} {title}", flush=True)


def same(title, got, want):
    result(got == want, title, f"got: {got!r}\nexpected: {want!r}")


def refused(title, text, call, *args):
    """ok when CALL raises one of Nova's exceptions with TEXT in it"""
    try:
        result(False, title, f"it returned {call(*args)!r}")
    except exception.NovaException as error:
        result(text in str(error), title, f"{type(error).__name__}: {error}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def libvirt_name(parent):
    return "pci_" + parent.replace(":", "_").replace(".", "_")


def configure(path):
    """A driver as nova-compute with this nova.conf makes it"""
    config.parse_args(["nova-compute", "--config-file", path], configure_db=False, init_rpc=False)
    return libvirt_driver.LibvirtDriver(None)


def with_text(path, text):
    """The same with another nova.conf. What parse_args() does before it reads, can be done once only."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    config.CONF(["--config-file", path], project="nova")
    return libvirt_driver.LibvirtDriver(None)


def available(parent, mdev_type):
    return int(read(f"/sys/bus/pci/devices/{parent}/mdev_supported_types/{mdev_type}/available_instances"))


def guest_xml(nova, mdevs):
    """A guest with these mdevs, in Nova's words"""
    guest = vconfig.LibvirtConfigGuest()
    guest.virt_type = "qemu"
    guest.name = "instance-00000001"
    guest.uuid = "6d646576-6b69-4701-8000-0000000000d1"
    guest.memory = 128 * 1024
    guest.vcpus = 1
    guest.os_type = "hvm"
    guest.os_mach_type = "q35"
    nova._guest_add_mdevs(guest, mdevs)
    return guest.to_xml()


def parent_tests(nova, tree, parent, mdev_type):
    device = libvirt_name(parent)
    types = f"/sys/bus/pci/devices/{parent}/mdev_supported_types/{mdev_type}"
    capable = {dev["dev_id"]: dev["types"] for dev in nova._get_mdev_capable_devices(nova.supported_vgpu_types)}
    free = available(parent, mdev_type)
    same(f"{mdev_type}: the type is listed as sysfs has it", capable.get(device, {}).get(mdev_type),
         {"availableInstances": free, "name": read(f"{types}/name"), "deviceAPI": read(f"{types}/device_api")})
    inventory = tree.data(f"{HOST}_{device}").inventory
    same(f"{mdev_type}: the inventory has what is left", inventory.get("VGPU", {}).get("total"), free)

    provider = tree.data(f"{HOST}_{device}").uuid
    wanted = {provider: {"resources": {"VGPU": 1}}}
    mine = nova._allocate_mdevs(wanted)
    uuid = mine[0]
    same(f"{mdev_type}: an allocation makes an mdev of the type", read(f"{MDEVS}/{uuid}/mdev_type/name"), read(f"{types}/name"))
    same(f"{mdev_type}: below the parent", os.path.realpath(f"{MDEVS}/{uuid}"), os.path.realpath(f"/sys/bus/pci/devices/{parent}/{uuid}"))
    same(f"{mdev_type}: one less is available", available(parent, mdev_type), free - 1)
    group = os.path.basename(os.path.realpath(f"{MDEVS}/{uuid}/iommu_group"))
    same(f"{mdev_type}: Nova finds it, and its group", [(dev["uuid"], dev["parent"], dev["type"], int(dev["iommu_group"]))
         for dev in nova._get_mediated_devices([mdev_type])], [(uuid, device, mdev_type, int(group))])
    node = nova._host.device_lookup_by_name(f"mdev_{uuid.replace('-', '_')}_{device[4:]}")
    same(f"{mdev_type}: it will be there after a reboot", (node.isPersistent(), node.autostart()), (1, 1))
    same(f"{mdev_type}: the inventory stays what it was", nova._get_gpu_inventories()[device]["total"], free)
    same(f"{mdev_type}: nobody has it yet", nova._get_existing_mdevs_not_assigned(device, [mdev_type]), {uuid})

    domain = nova._host.get_connection().defineXML(guest_xml(nova, mine))
    same(f"{mdev_type}: a guest of Nova's has it", nova._get_all_assigned_mediated_devices(), {uuid: domain.UUIDString()})
    same(f"{mdev_type}: so it is not to be had", nova._get_existing_mdevs_not_assigned(device, [mdev_type]), set())
    domain.undefine()
    same(f"{mdev_type}: without the guest it is", nova._get_existing_mdevs_not_assigned(device, [mdev_type]), {uuid})
    same(f"{mdev_type}: the next allocation takes it again", nova._allocate_mdevs(wanted), mine)

    # As after a reboot that has not started it
    node.destroy()
    same(f"{mdev_type}: libvirt takes it away", (os.path.exists(f"{MDEVS}/{uuid}"), available(parent, mdev_type)), (False, free))
    nova._start_inactive_mediated_devices()
    # libvirt sees it when udev has told it
    end = time.monotonic() + 60
    while not node.isActive() and time.monotonic() < end:
        time.sleep(0.2)
    same(f"{mdev_type}: Nova starts what is defined", (os.path.exists(f"{MDEVS}/{uuid}"), node.isActive()), (True, 1))
    node.destroy()
    node.undefine()


def main(path, pairs):
    pairs = dict(pair.split("=", 1) for pair in pairs)
    nova = configure(path)
    same("nova.conf enables the types", list(config.CONF.devices.enabled_mdev_types), list(pairs.values()))
    same("Nova's driver takes them all", nova._get_supported_vgpu_types.__self__.supported_vgpu_types, list(pairs.values()))
    same("each for its parent", dict(nova.pgpu_type_mapping), pairs)
    tree = provider_tree.ProviderTree()
    tree.new_root(HOST, ROOT_UUID)
    nova._update_provider_tree_for_vgpu(tree, HOST)
    nova.provider_tree = tree
    same("the parents become resource providers", sorted(tree.data(uuid).name for uuid in tree.get_provider_uuids(HOST)),
         sorted([HOST] + [f"{HOST}_{libvirt_name(parent)}" for parent in pairs]))
    for parent, mdev_type in pairs.items():
        parent_tests(nova, tree, parent, mdev_type)

    parent = next(iter(pairs))
    nova = with_text(path, "[devices]\nenabled_mdev_types = nothing\n")
    same("a type that no parent has is no inventory", nova._get_gpu_inventories(), {})
    nova.provider_tree = tree
    refused("nor can it be allocated", "mdev-capable resource is not available",
            nova._allocate_mdevs, {ROOT_UUID: {"resources": {"VGPU": 1}}})
    refused("two types of one parent are refused", f"duplicate types for PCI ID {parent}", with_text, path,
            f"[devices]\nenabled_mdev_types = one, two\n[mdev_one]\ndevice_addresses = {parent}\n"
            f"[mdev_two]\ndevice_addresses = {parent}\n")
    refused("a parent that is no PCI device is refused", "incorrect PCI address: mtty", with_text, path,
            "[devices]\nenabled_mdev_types = mtty-1\n[mdev_mtty-1]\ndevice_addresses = mtty\n")


# The plan comes first: the kernel's parser would look for one behind it for ever.
print(f"1..{8 + 15 * len(sys.argv[2:])}", flush=True)
try:
    main(sys.argv[1], sys.argv[2:])
except Exception:
    result(False, "Nova's code runs", traceback.format_exc())
sys.exit(bad > 0)
