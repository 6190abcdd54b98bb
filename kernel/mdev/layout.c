// SPDX-License-Identifier: GPL-2.0-only
/*
 * The config space of a function, made of what its type declares: header, capabilities,
 * and the driver's own bytes.
 */

#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include <mdevkit/pci.h>

#include "config.h"

/* Lengths of the capabilities that are made here */
#define CAP_LEN_MSI	(PCI_MSI_DATA_64 + 2)	/* 64-bit address */
#define CAP_LEN_MSI_MASK (PCI_MSI_PENDING_64 + 4)
#define CAP_LEN_MSIX	PCI_CAP_MSIX_SIZEOF
#define CAP_LEN_PM	PCI_PM_SIZEOF
#define CAP_LEN_EXP	PCI_CAP_EXP_ENDPOINT_SIZEOF_V2

/* Device Control bits that an endpoint without ECRC, phantom functions or aux power has */
#define EXP_DEVCTL_WRITABLE						\
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
	 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | \
	 PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)

/* While the space is being made: which bytes are taken, and where to link the next capability */
struct config_layout {
	DECLARE_BITMAP(taken, PCI_CFG_SPACE_EXP_SIZE);
	u8 link;
};

static void config_set16(struct mdevkit_config *config, unsigned int offset, u16 value,
			 u16 writable)
{
	put_unaligned_le16(value, config->initial + offset);
	put_unaligned_le16(writable, config->writable + offset);
}

static void config_set32(struct mdevkit_config *config, unsigned int offset, u32 value,
			 u32 writable)
{
	put_unaligned_le32(value, config->initial + offset);
	put_unaligned_le32(writable, config->writable + offset);
}

/* What a tenant has written to these bytes survives a reset. */
static void config_keep(struct mdevkit_config *config, unsigned int offset, unsigned int len)
{
	memcpy(config->kept + offset, config->writable + offset, len);
}

/* Links a capability at @offset to the end of the list (PCI 3.0, 6.7). */
static void config_link_cap(struct mdevkit_config *config, struct config_layout *layout,
			    unsigned int offset, u8 cap_id)
{
	config->initial[layout->link] = offset;
	config->initial[offset + PCI_CAP_LIST_ID] = cap_id;
	config->initial[offset + PCI_CAP_LIST_NEXT] = 0;
	layout->link = offset + PCI_CAP_LIST_NEXT;
	put_unaligned_le16(get_unaligned_le16(config->initial + PCI_STATUS) | PCI_STATUS_CAP_LIST,
			   config->initial + PCI_STATUS);
}

/* Finds room for a capability and links it. Returns its offset, or 0 if there is no room. */
static unsigned int config_place_cap(struct mdevkit_config *config, struct config_layout *layout,
				     unsigned int len, u8 cap_id)
{
	unsigned long offset;

	/* capabilities are DWORD aligned */
	offset = bitmap_find_next_zero_area(layout->taken, PCI_CFG_SPACE_SIZE, 0, len, 3);
	if (offset + len > PCI_CFG_SPACE_SIZE)
		return 0;
	bitmap_set(layout->taken, offset, len);
	config_link_cap(config, layout, offset, cap_id);
	return offset;
}

/* The next extended capability behind @offset in config space, or 0 */
static unsigned int config_next_ext_cap(const struct mdevkit_pci_desc *desc, unsigned int offset)
{
	unsigned int next = 0, i;

	for (i = 0; i < desc->nr_bytes; i++) {
		const struct mdevkit_pci_bytes *raw = &desc->bytes[i];

		if (raw->ext_cap_id && raw->offset > offset && (!next || raw->offset < next))
			next = raw->offset;
	}
	return next;
}

/* In order of their offsets, whatever the order of the declaration (PCIe 7.6.3) */
static void config_link_ext_cap(struct mdevkit_config *config, const struct mdevkit_pci_bytes *raw)
{
	u32 next = config_next_ext_cap(config->desc, raw->offset);

	config_set32(config, raw->offset,
		     raw->ext_cap_id | (raw->ext_cap_version ?: 1) << 16 | next << 20, 0);
}

static int config_add_bytes(struct mdevkit_config *config, struct config_layout *layout)
{
	const struct mdevkit_pci_desc *desc = config->desc;
	unsigned int i;

	for (i = 0; i < desc->nr_bytes; i++) {
		const struct mdevkit_pci_bytes *raw = &desc->bytes[i];

		if (find_next_bit(layout->taken, raw->offset + raw->len, raw->offset) <
		    raw->offset + raw->len)
			return -EINVAL;
		bitmap_set(layout->taken, raw->offset, raw->len);
		memcpy(config->initial + raw->offset, raw->bytes, raw->len);
		if (raw->writable)
			memcpy(config->writable + raw->offset, raw->writable, raw->len);
		if (raw->clears)
			memcpy(config->clears + raw->offset, raw->clears, raw->len);
		if (raw->cap_id) {
			config_link_cap(config, layout, raw->offset, raw->cap_id);
			put_unaligned_le16(0, config->writable + raw->offset);
		}
		if (raw->ext_cap_id)
			config_link_ext_cap(config, raw);
		config->computed |= !!raw->read;
		config->hooked |= !!raw->written;
	}
	return 0;
}

static int config_add_msi(struct mdevkit_config *config, struct config_layout *layout)
{
	unsigned int nr = config->desc->msi_vectors;
	bool masking = config->desc->msi_masking;
	unsigned int len = masking ? CAP_LEN_MSI_MASK : CAP_LEN_MSI;
	unsigned int offset;

	if (!nr)
		return 0;
	offset = config_place_cap(config, layout, len, PCI_CAP_ID_MSI);
	if (!offset)
		return -EINVAL;
	config_set16(config, offset + PCI_MSI_FLAGS, PCI_MSI_FLAGS_64BIT | ilog2(nr) << 1,
		     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	config_set32(config, offset + PCI_MSI_ADDRESS_LO, 0, ~3U);
	config_set32(config, offset + PCI_MSI_ADDRESS_HI, 0, ~0U);
	config_set16(config, offset + PCI_MSI_DATA_64, 0, 0xffff);
	if (masking) {
		config->initial[offset + PCI_MSI_FLAGS + 1] |= PCI_MSI_FLAGS_MASKBIT >> 8;
		config_set32(config, offset + PCI_MSI_MASK_64, 0, GENMASK(nr - 1, 0));
		config->msi_mask = offset + PCI_MSI_MASK_64;
		config->computed = true;
	}
	config_keep(config, offset, len);
	return 0;
}

static int config_add_msix(struct mdevkit_config *config, struct config_layout *layout)
{
	const struct mdevkit_pci_desc *desc = config->desc;
	unsigned int offset;

	if (!desc->msix_vectors)
		return 0;
	offset = config_place_cap(config, layout, CAP_LEN_MSIX, PCI_CAP_ID_MSIX);
	if (!offset)
		return -EINVAL;
	config_set16(config, offset + PCI_MSIX_FLAGS, desc->msix_vectors - 1,
		     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	config_set32(config, offset + PCI_MSIX_TABLE, desc->msix_table | desc->msix_bar, 0);
	config_set32(config, offset + PCI_MSIX_PBA, desc->msix_pba | desc->msix_bar, 0);
	config_keep(config, offset, CAP_LEN_MSIX);
	return 0;
}

static int config_add_pm(struct mdevkit_config *config, struct config_layout *layout)
{
	unsigned int offset;

	if (!config->desc->pm)
		return 0;
	offset = config_place_cap(config, layout, CAP_LEN_PM, PCI_CAP_ID_PM);
	if (!offset)
		return -EINVAL;
	config->pm = offset;
	/* PCI PM 1.2: version 3, D0 and D3hot only, no PME */
	config_set16(config, offset + PCI_PM_PMC, 3, 0);
	config_set16(config, offset + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET,
		     PCI_PM_CTRL_STATE_MASK);
	return 0;
}

static int config_add_express(struct mdevkit_config *config, struct config_layout *layout)
{
	unsigned int offset;

	if (!config->desc->express)
		return 0;
	offset = config_place_cap(config, layout, CAP_LEN_EXP, PCI_CAP_ID_EXP);
	if (!offset)
		return -EINVAL;
	config->express = offset;
	config_set16(config, offset + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0);
	config_set32(config, offset + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0);
	config_set16(config, offset + PCI_EXP_DEVCTL,
		     PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
		     PCI_EXP_DEVCTL_READRQ_512B,
		     EXP_DEVCTL_WRITABLE);
	/* a link that is up at 2.5 GT/s, one lane */
	config_set32(config, offset + PCI_EXP_LNKCAP,
		     PCI_EXP_LNKCAP_SLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 0);
	config_set16(config, offset + PCI_EXP_LNKCTL, 0,
		     PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC);
	config_set16(config, offset + PCI_EXP_LNKSTA,
		     PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 0);
	config_keep(config, offset, CAP_LEN_EXP);
	return 0;
}

/* Returns in @decode the command bits of the kinds of BARs that there are. */
static void config_set_bars(struct mdevkit_config *config, u16 *decode)
{
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		const struct mdevkit_bar *bar = &config->desc->bars[i];
		unsigned int offset = PCI_BASE_ADDRESS_0 + 4 * i;
		u64 writable = ~(bar->size - 1);

		if (!bar->size)
			continue;
		config_set32(config, offset, bar->flags, lower_32_bits(writable));
		if (bar->flags & PCI_BASE_ADDRESS_SPACE_IO)
			*decode |= PCI_COMMAND_IO;
		else
			*decode |= PCI_COMMAND_MEMORY;
		if (bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
			config_set32(config, offset + 4, 0, upper_32_bits(writable));
	}
}

static void config_set_header(struct mdevkit_config *config)
{
	const struct mdevkit_pci_desc *desc = config->desc;
	u16 decode = 0, command = PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR;
	bool own_subsystem = desc->subsystem_vendor || desc->subsystem_device;

	config_set_bars(config, &decode);
	command |= decode;
	if (desc->intx_pin)
		command |= PCI_COMMAND_INTX_DISABLE;
	config_set16(config, PCI_VENDOR_ID, desc->vendor, 0);
	config_set16(config, PCI_DEVICE_ID, desc->device, 0);
	config_set16(config, PCI_COMMAND, decode, command);
	/* PCIe 7.5.1.1.4: DEVSEL timing is hardwired to 0 */
	config_set16(config, PCI_STATUS, desc->express ? 0 : PCI_STATUS_DEVSEL_MEDIUM, 0);
	config_set32(config, PCI_CLASS_REVISION, desc->class << 8 | desc->revision, 0);
	config->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	config->writable[PCI_LATENCY_TIMER] = desc->express ? 0 : 0xf8;
	config_set16(config, PCI_SUBSYSTEM_VENDOR_ID,
		     own_subsystem ? desc->subsystem_vendor : desc->vendor, 0);
	config_set16(config, PCI_SUBSYSTEM_ID,
		     own_subsystem ? desc->subsystem_device : desc->device, 0);
	config->writable[PCI_INTERRUPT_LINE] = 0xff;
	config->initial[PCI_INTERRUPT_PIN] = desc->intx_pin;
	config_keep(config, 0, PCI_STD_HEADER_SIZEOF);
}

/**
 * mdevkit_layout() - make a config space as its type declares it
 * @config: its declaration and size are set, all bytes are 0
 *
 * Return: 0; -EINVAL when the declared bytes overlap or the capabilities do not fit.
 */
int mdevkit_layout(struct mdevkit_config *config)
{
	struct config_layout layout = { .link = PCI_CAPABILITY_LIST };

	config_set_header(config);
	bitmap_set(layout.taken, 0, PCI_STD_HEADER_SIZEOF);
	return config_add_bytes(config, &layout) ?:
	       config_add_msi(config, &layout) ?:
	       config_add_msix(config, &layout) ?:
	       config_add_pm(config, &layout) ?:
	       config_add_express(config, &layout);
}
