/* SPDX-License-Identifier: GPL-2.0-only */
/* A host on which everything is fine, for tests to break in one place. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <linux/pci_regs.h>

#include "fake_modules.h"

#define RELEASE "6.12.95+deb13-amd64"
#define PORT "/sys/devices/pci0000:00/0000:00:1c.0"
#define DMA_PARENT PORT "/0000:01:00.0"
#define SOFT_PARENT "/sys/devices/virtual/mtty/mtty"
#define UUID_A "5f0a3a7e-0000-4000-8000-000000000001"
#define UUID_B "5f0a3a7e-0000-4000-8000-000000000002"
#define UUID_C "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"

static inline void put_word(uint8_t *config, size_t at, uint16_t value)
{
	config[at] = value & 0xff;
	config[at + 1] = value >> 8;
}

/*
 * A function of PCI Express, with room for one extended capability. acs or pasid: control register;
 * -1: none
 */
static inline void put_config(const char *folder, uint8_t express_type, int acs, int pasid)
{
	__cleanup_free char *path = format("%s/config", folder);
	uint8_t config[4096] = { [PCI_CAPABILITY_LIST] = 0x40, [0x40] = PCI_CAP_ID_EXP };

	put_word(config, 0x40 + PCI_EXP_FLAGS, express_type << 4 | 2);
	if (acs >= 0) {
		put_word(config, 0x100, PCI_EXT_CAP_ID_ACS);
		put_word(config, 0x102, 1);
		put_word(config, 0x100 + PCI_ACS_CAP,
			 PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF);
		put_word(config, 0x100 + PCI_ACS_CTRL, acs);
	}
	if (pasid >= 0) {
		put_word(config, 0x100, PCI_EXT_CAP_ID_PASID);
		put_word(config, 0x102, 1);
		put_word(config, 0x100 + PCI_PASID_CTRL, pasid);
	}
	put_bytes(path, config, sizeof(config));
}

static inline void put_in(const char *folder, const char *name, const char *text)
{
	__cleanup_free char *path = format("%s/%s", folder, name);

	put(path, text);
}

static inline void put_type(const char *parent, const char *id, const char *name,
			    const char *available)
{
	__cleanup_free char *folder = format("%s/mdev_supported_types/%s", parent, id);

	put_in(folder, "name", name);
	put_in(folder, "description", "for tests");
	put_in(folder, "device_api", "vfio-pci");
	put_in(folder, "available_instances", available);
}

static inline void put_parent(const char *path, const char *subsystem, const char *blocked)
{
	__cleanup_free char *entry = format("/sys/class/mdev_bus/%s", strrchr(path, '/') + 1);
	__cleanup_free char *link = format("%s/subsystem", path);

	put_folder(path);
	put_link(entry, path);
	put_link(link, subsystem);
	if (!blocked)
		return;
	put_in(path, "mdevkit/placement", "mdev");
	put_in(path, "mdevkit/peer_dma", "0");
	put_in(path, "mdevkit/pasid_blocked", blocked);
}

/* type NULL: an mdev that is half removed */
static inline void put_mdev(const char *uuid, const char *parent, const char *type,
			    const char *group)
{
	__cleanup_free char *path = format("%s/%s", parent, uuid);
	__cleanup_free char *entry = format("/sys/bus/mdev/devices/%s", uuid);
	__cleanup_free char *type_link = format("%s/mdev_type", path);
	__cleanup_free char *type_path = format("%s/mdev_supported_types/%s", parent, type ?: "");
	__cleanup_free char *group_link = format("%s/iommu_group", path);
	__cleanup_free char *group_path = format("/sys/kernel/iommu_groups/%s", group ?: "");
	__cleanup_free char *member = format("%s/devices/%s", group_path, uuid);
	__cleanup_free char *node = format("/dev/vfio/%s", group ?: "");

	put_folder(path);
	put_link(entry, path);
	if (type) {
		put_link(type_link, type_path);
		put_in(path, "remove", "");
	}
	if (!group)
		return;
	put_folder(group_path);
	put_link(group_link, group_path);
	put_link(member, path);
	put(node, "");
	put_mode(node, 0600);
}

static inline void put_process(const char *pid, const char *name, const char *fd,
			       const char *target, const char *fdinfo)
{
	__cleanup_free char *folder = format("/proc/%s", pid);
	__cleanup_free char *link = format("%s/fd/%s", folder, fd);
	__cleanup_free char *info = format("%s/fdinfo/%s", folder, fd);
	__cleanup_free char *stat =
		format("%s (%s) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1", pid, name);

	put_in(folder, "comm", name);
	put_in(folder, "stat", stat);
	put_raw_link(link, target);
	put(info, fdinfo);
}

static inline void put_kernel(void)
{
	static const char *const modules[] = { "iommu_aux", "mdev", "mdevkit", "vfio",
					       "vfio_iommu_type1" };
	static const uint8_t secure_boot[] = { 6, 0, 0, 0, 1 };
	size_t i;

	put("/proc/sys/kernel/osrelease", RELEASE);
	put("/proc/sys/kernel/hostname", "node1");
	put("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet");
	put("/proc/uptime", "1000.50 1900.00");
	put_module_index(RELEASE, modules, 5);
	for (i = 0; i < 5; i++) {
		__cleanup_free char *state = format("/sys/module/%s/initstate", modules[i]);

		put_module(RELEASE, modules[i], true);
		if (strcmp(modules[i], "iommu_aux"))
			put(state, "live");
	}
	put_bytes("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		  secure_boot, 5);
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality");
	put("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N");
}

static inline void put_machine(void)
{
	put_folder("/sys/class/iommu/iommu_aux");
	put("/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c222f0686");
	put("/sys/class/iommu/dmar0/intel-iommu/ecap", "c99800f0105a");
	put("/proc/interrupts",
	    "           CPU0       CPU1\n"
	    "  4:          0        713  IR-IO-APIC    4-edge      ttyS0\n"
	    " 24:          1          0  DMAR-MSI    0-edge      dmar0\n"
	    " 25:          0          9  IR-PCI-MSIX-0000:01:00.0    0-edge      mdma");
	put("/proc/self/limits",
	    "Limit                     Soft Limit           Hard Limit           Units\n"
	    "Max locked memory         8388608              8388608              bytes");
	put("/proc/self/status", "Name:\tmdevkit\nCapEff:\t000001ffffffffff");
	put("/dev/vfio/vfio", "");
	put_mode("/dev/vfio/vfio", 0666);
	put("/usr/bin/mdevctl", "");
	put("/usr/lib/mdevctl/scripts.d/callouts/mdevkit", "");
}

static inline void put_parents(void)
{
	put_folder("/sys/bus/pci/devices");
	put_folder("/sys/bus/pci/drivers/mdma");
	put_folder("/sys/class/mtty");
	put_config(PORT, PCI_EXP_TYPE_ROOT_PORT, PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF,
		   -1);
	put_config(DMA_PARENT, PCI_EXP_TYPE_ENDPOINT, -1, PCI_PASID_CTRL_ENABLE);
	put_parent(DMA_PARENT, "/sys/bus/pci", "");
	put_link(DMA_PARENT "/driver", "/sys/bus/pci/drivers/mdma");
	put_type(DMA_PARENT, "mdma-1", "One channel", "125");
	put_type(DMA_PARENT, "mdma-4", "Four channels", "31");
	put_parent(SOFT_PARENT, "/sys/class/mtty",
		   "no IOMMU behind this device: switch it on in firmware and kernel");
	put_type(SOFT_PARENT, "mtty-1", "Single port serial", "22");
}

static inline void put_mdevs(void)
{
	put_mdev(UUID_A, DMA_PARENT, "mdma-1", "12");
	put_mdev(UUID_B, DMA_PARENT, "mdma-1", "13");
	put_mdev(UUID_C, SOFT_PARENT, "mtty-1", "14");
	put("/sys/kernel/debug/iommu_aux/groups",
	    "group 12 name mdevkit:0000:01:00.0 members 1 armed domain 3\n"
	    "  member " UUID_A " dma_dev 0000:01:00.0 pasid 5 armed\n"
	    "group 13 name mdevkit:0000:01:00.0 members 1 idle domain none\n"
	    "  member " UUID_B " dma_dev 0000:01:00.0 pasid 6 blocked");
	put("/sys/kernel/debug/iommu_aux/domains",
	    "domain 3 iommu dmar0 page_sizes 0x40201000 aperture 0-0x7fffffffffff armed_groups 12");
	put_process("4711", "qemu-system-x86", "21", "/dev/vfio/12", "pos:\t0");
	put_process("4712", "a user", "9", "anon_inode:[vfio-device]",
		    "pos:\t0\nvfio-device-syspath: " SOFT_PARENT "/" UUID_C);
}

static inline void put_fine_host(void)
{
	put_kernel();
	put_machine();
	put_parents();
	put_mdevs();
}

static inline int fine_setup(void **state)
{
	fake_open();
	put_fine_host();
	return 0;
}

static inline int fine_teardown(void **state)
{
	fake_close();
	return 0;
}

#endif
