/* SPDX-License-Identifier: GPL-2.0-only */
/* PCI config space as sysfs shows it: 4096 bytes to root, 64 to others. */
#ifndef MDEVKIT_TOOLS_PCI_H
#define MDEVKIT_TOOLS_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pci_config {
	uint8_t bytes[4096];
	size_t size;
};

enum pci_acs {
	ACS_ISOLATES,
	ACS_MISSING,
	ACS_OFF,
	ACS_UNKNOWN,
};

/* DDDD:BB:SS.F, in lower case as the kernel writes it */
bool is_pci_address(const char *name);
/* path: the device's folder in sysfs */
bool pci_read_config(const char *path, struct pci_config *config);
/*
 * Only the first 64 bytes could be read, or it is no device of PCI Express: capabilities are
 * unknown
 */
bool pci_has_extended(const struct pci_config *config);
bool pci_has_pasid(const struct pci_config *config);
bool pci_pasid_enabled(const struct pci_config *config);
/* Does the function keep what is below or beside it from being reached past the IOMMU? */
enum pci_acs pci_check_acs(const struct pci_config *config);

#endif
