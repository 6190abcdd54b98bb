// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "pci.h"
#include "sysfs.h"

bool is_pci_address(const char *name)
{
	size_t domain = 0;
	size_t i;

	for (i = 0; name[i]; i++)
		if (isupper((unsigned char)name[i]))
			return false;
	while (isxdigit((unsigned char)name[domain]))
		domain++;
	name += domain;
	return domain >= 4 && domain <= 8 && strlen(name) == 8 && name[0] == ':' &&
	       isxdigit((unsigned char)name[1]) && isxdigit((unsigned char)name[2]) &&
	       name[3] == ':' && isxdigit((unsigned char)name[4]) &&
	       isxdigit((unsigned char)name[5]) && name[6] == '.' && name[7] >= '0' &&
	       name[7] <= '7';
}

bool pci_read_config(const char *path, struct pci_config *config)
{
	__cleanup_free char *file = format("%s/config", path);
	ssize_t size = read_bytes(file, config->bytes, sizeof(config->bytes));

	config->size = size < 0 ? 0 : size;
	return config->size >= 64;
}

bool pci_has_extended(const struct pci_config *config)
{
	return config->size == sizeof(config->bytes);
}

/* 0 beyond the end, as for a capability that is not there */
static uint16_t word(const struct pci_config *config, size_t at)
{
	return at + 2 <= config->size ? config->bytes[at] | config->bytes[at + 1] << 8 : 0;
}

static uint32_t dword(const struct pci_config *config, size_t at)
{
	return word(config, at) | (uint32_t)word(config, at + 2) << 16;
}

static size_t find_capability(const struct pci_config *config, uint8_t id)
{
	size_t at = config->bytes[PCI_CAPABILITY_LIST] & ~3u;
	int left;

	/* There is room for 48: a list that is longer runs in a circle. */
	for (left = 48; left && at >= 0x40 && at + 2 <= config->size; left--) {
		if (config->bytes[at] == id)
			return at;
		at = config->bytes[at + 1] & ~3u;
	}
	return 0;
}

static size_t find_extended(const struct pci_config *config, uint16_t id)
{
	size_t at = PCI_CFG_SPACE_SIZE;
	int left;

	for (left = (4096 - 256) / 8; left && at >= PCI_CFG_SPACE_SIZE; left--) {
		uint32_t header = dword(config, at);

		if (!header || header == 0xffffffff)
			return 0;
		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

bool pci_has_pasid(const struct pci_config *config)
{
	return find_extended(config, PCI_EXT_CAP_ID_PASID);
}

bool pci_pasid_enabled(const struct pci_config *config)
{
	size_t at = find_extended(config, PCI_EXT_CAP_ID_PASID);

	return at && (word(config, at + PCI_PASID_CTRL) & PCI_PASID_CTRL_ENABLE);
}

/* What the kernel asks for before it enables PASID: requests go up to the root complex, always. */
static enum pci_acs check_control(const struct pci_config *config)
{
	uint16_t wanted = PCI_ACS_RR | PCI_ACS_UF;
	size_t at = find_extended(config, PCI_EXT_CAP_ID_ACS);

	if (!at)
		return ACS_MISSING;
	/* PCIe 6.12.1.1: what cannot be controlled is not needed, or always on. */
	wanted &= word(config, at + PCI_ACS_CAP);
	return (word(config, at + PCI_ACS_CTRL) & wanted) == wanted ? ACS_ISOLATES : ACS_OFF;
}

/* The kernel's rule for each kind of function; it knows some devices that isolate without ACS, too.
 */
enum pci_acs pci_check_acs(const struct pci_config *config)
{
	size_t express;

	if (!pci_has_extended(config))
		return config->size > 64 ? ACS_MISSING : ACS_UNKNOWN;
	express = find_capability(config, PCI_CAP_ID_EXP);
	if (!express)
		return ACS_MISSING;
	switch ((word(config, express + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4) {
	case PCI_EXP_TYPE_ROOT_PORT:
	case PCI_EXP_TYPE_DOWNSTREAM:
		return check_control(config);
	case PCI_EXP_TYPE_ENDPOINT:
	case PCI_EXP_TYPE_LEG_END:
	case PCI_EXP_TYPE_UPSTREAM:
	case PCI_EXP_TYPE_RC_END:
		if (config->bytes[PCI_HEADER_TYPE] & 0x80)
			return check_control(config);
		return ACS_ISOLATES;
	default:
		return ACS_MISSING;
	}
}
