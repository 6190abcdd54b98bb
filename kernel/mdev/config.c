// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI configuration space of a tenant's function, made from the declaration of
 * its type (struct mdevkit_pci_desc).
 *
 * Each byte has its value and a mask of the bits that the tenant may change
 * (PCI 3.0, 6.1: a write to a read-only bit is ignored). What a write means
 * beyond that, decode, INTx disable, power state and function level reset, is
 * applied after the bytes have changed. All of it under the device's access
 * lock: for reading in mdevkit_config_read(), for writing elsewhere.
 *
 * Open and reset leave what vfio-pci leaves, since that is what VFIO's users were
 * written for. At open memory and I/O decode are on (pci_enable_device()) and Bus
 * Master is off (pci_clear_master()). Around a reset the kernel saves and restores
 * (pci_save_state(), pci_restore_state()), so that a reset keeps
 *
 *   - of the header all that can be written: COMMAND, BARs, cache line size, latency
 *     timer, interrupt line;
 *   - of PCI Express Device Control and Link Control;
 *   - of MSI and MSI-X all: the user's addresses and data are vfio-pci's own copy, which
 *     no reset reaches, and the control registers are written back.
 *
 * The power state is D0 afterwards, for the kernel wakes the function before it saves.
 * Vendor specific bytes have their reset value: nobody saves what nobody knows.
 */

#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "private.h"

/* Lengths of the capabilities that are made here */
#define CAP_LEN_MSI	(PCI_MSI_DATA_64 + 2)	/* 64-bit address, no per-vector masking */
#define CAP_LEN_MSIX	PCI_CAP_MSIX_SIZEOF
#define CAP_LEN_PM	PCI_PM_SIZEOF
#define CAP_LEN_EXP	PCI_CAP_EXP_ENDPOINT_SIZEOF_V2

/* Device Control bits that an endpoint without ECRC, phantom functions or aux power has */
#define EXP_DEVCTL_WRITABLE						\
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | \
	 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | \
	 PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)

struct mdevkit_config {
	const struct mdevkit_pci_desc *desc;
	size_t size;
	u8 pm;			/* offsets of capabilities, 0 if absent */
	u8 express;
	u8 *value;
	u8 *initial;		/* value at open */
	u8 *writable;
	u8 *kept;		/* bits that a reset leaves alone */
};

/* While the space is being made: which bytes are taken, and where to link the next capability */
struct config_layout {
	DECLARE_BITMAP(taken, PCI_CFG_SPACE_SIZE);
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
		if (raw->cap_id) {
			config_link_cap(config, layout, raw->offset, raw->cap_id);
			put_unaligned_le16(0, config->writable + raw->offset);
		}
	}
	return 0;
}

static int config_add_msi(struct mdevkit_config *config, struct config_layout *layout)
{
	unsigned int nr = config->desc->msi_vectors;
	unsigned int offset;

	if (!nr)
		return 0;
	offset = config_place_cap(config, layout, CAP_LEN_MSI, PCI_CAP_ID_MSI);
	if (!offset)
		return -EINVAL;
	config_set16(config, offset + PCI_MSI_FLAGS, PCI_MSI_FLAGS_64BIT | ilog2(nr) << 1,
		     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	config_set32(config, offset + PCI_MSI_ADDRESS_LO, 0, ~3U);
	config_set32(config, offset + PCI_MSI_ADDRESS_HI, 0, ~0U);
	config_set16(config, offset + PCI_MSI_DATA_64, 0, 0xffff);
	config_keep(config, offset, CAP_LEN_MSI);
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
 * mdevkit_config_init() - make the config space of a device
 * @kdev: the device; its type is set
 *
 * Return: 0; -ENOMEM; -EINVAL when the declared bytes overlap or the
 * capabilities do not fit.
 */
int mdevkit_config_init(struct mdevkit_device *kdev)
{
	const struct mdevkit_pci_desc *desc = kdev->type->pci;
	size_t size = desc->express ? PCI_CFG_SPACE_EXP_SIZE : PCI_CFG_SPACE_SIZE;
	struct config_layout layout = { .link = PCI_CAPABILITY_LIST };
	struct mdevkit_config *config;
	int ret;

	config = kzalloc(sizeof(*config), GFP_KERNEL_ACCOUNT);
	if (!config)
		return -ENOMEM;
	config->value = kvcalloc(4, size, GFP_KERNEL_ACCOUNT);
	if (!config->value) {
		kfree(config);
		return -ENOMEM;
	}
	config->initial = config->value + size;
	config->writable = config->initial + size;
	config->kept = config->writable + size;
	config->size = size;
	config->desc = desc;
	kdev->priv->config = config;

	config_set_header(config);
	bitmap_set(layout.taken, 0, PCI_STD_HEADER_SIZEOF);
	ret = config_add_bytes(config, &layout) ?:
	      config_add_msi(config, &layout) ?:
	      config_add_msix(config, &layout) ?:
	      config_add_pm(config, &layout) ?:
	      config_add_express(config, &layout);
	if (ret) {
		dev_err(&kdev->mdev->dev, "type %s: overlapping or too many capabilities\n",
			kdev->type->sysfs_name);
		mdevkit_config_free(kdev);
		return ret;
	}
	mdevkit_config_open(kdev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_init);

/**
 * mdevkit_config_free() - undo of mdevkit_config_init()
 * @kdev: the device
 */
void mdevkit_config_free(struct mdevkit_device *kdev)
{
	if (!kdev->priv->config)
		return;
	kvfree(kdev->priv->config->value);
	kfree(kdev->priv->config);
	kdev->priv->config = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_free);

/* Lets the rest of the kit follow what the registers say now. */
static void config_apply(struct mdevkit_device *kdev)
{
	struct mdevkit_config *config = kdev->priv->config;
	u16 command = get_unaligned_le16(config->value + PCI_COMMAND);
	bool powered = !config->pm ||
		       (config->value[config->pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) == 0;
	bool memory = powered && (command & PCI_COMMAND_MEMORY);

	kdev->priv->io_enabled = powered && (command & PCI_COMMAND_IO);
	mdevkit_mmap_set_memory(kdev, memory);
	mdevkit_dma_set_bus_master(kdev, powered && (command & PCI_COMMAND_MASTER));
	mdevkit_irq_set_intx_disable(kdev, command & PCI_COMMAND_INTX_DISABLE);
}

/**
 * mdevkit_config_open() - bring config space to its state for a new user
 * @kdev: the device; its access lock is held for writing, or it has no user yet
 */
void mdevkit_config_open(struct mdevkit_device *kdev)
{
	memcpy(kdev->priv->config->value, kdev->priv->config->initial, kdev->priv->config->size);
	config_apply(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_open);

/**
 * mdevkit_config_reset() - bring config space to its state after a reset
 * @kdev: the device; its access lock is held for writing
 */
void mdevkit_config_reset(struct mdevkit_device *kdev)
{
	struct mdevkit_config *config = kdev->priv->config;
	const u64 *initial = (const u64 *)config->initial;
	const u64 *kept = (const u64 *)config->kept;
	u64 *value = (u64 *)config->value;
	size_t i;

	for (i = 0; i < config->size / sizeof(*value); i++)
		value[i] = (initial[i] & ~kept[i]) | (value[i] & kept[i]);
	config_apply(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_reset);

/**
 * mdevkit_config_size() - size of a device's config space
 * @kdev: the device
 *
 * Return: 256 or 4096 bytes.
 */
size_t mdevkit_config_size(const struct mdevkit_device *kdev)
{
	return kdev->priv->config->size;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_size);

/**
 * mdevkit_config_read() - read config space
 * @kdev: the device; its access lock is held
 * @offset: first byte
 * @buf: where to
 * @count: how many bytes; any number at any alignment
 *
 * All-ones when the parent has gone.
 *
 * Return: 0; -EINVAL when the range is not inside config space.
 */
int mdevkit_config_read(struct mdevkit_device *kdev, u64 offset, u8 *buf, size_t count)
{
	struct mdevkit_config *config = kdev->priv->config;

	if (offset > config->size || count > config->size - offset)
		return -EINVAL;
	if (mdevkit_device_gone(kdev)) {
		memset(buf, 0xff, count);
		return 0;
	}
	memcpy(buf, config->value + offset, count);
	if (offset <= PCI_STATUS && offset + count > PCI_STATUS && mdevkit_irq_intx_status(kdev))
		buf[PCI_STATUS - offset] |= PCI_STATUS_INTERRUPT;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_read);

/* D1 and D2 are not supported: such a write is discarded (PCI PM 1.2, 3.2.4). */
static void config_fix_power_state(struct mdevkit_config *config, u8 before)
{
	u8 *ctrl = config->value + config->pm + PCI_PM_CTRL;
	u8 state = *ctrl & PCI_PM_CTRL_STATE_MASK;

	if (state == 1 || state == 2)
		*ctrl = (*ctrl & ~PCI_PM_CTRL_STATE_MASK) | (before & PCI_PM_CTRL_STATE_MASK);
}

static bool ranges_meet(u64 offset, size_t count, u64 other, size_t other_count)
{
	return offset < other + other_count && other < offset + count;
}

/* Can a write there change anything beside the bytes themselves? */
static bool config_write_has_effects(const struct mdevkit_config *config, u64 offset,
				     size_t count)
{
	return ranges_meet(offset, count, PCI_COMMAND, 2) ||
	       (config->pm && ranges_meet(offset, count, config->pm + PCI_PM_CTRL, 2));
}

static bool config_write_has_flr(struct mdevkit_config *config, u64 offset, const u8 *buf,
				 size_t count)
{
	/* Initiate Function Level Reset is bit 15 of Device Control and reads as zero */
	u64 at = config->express + PCI_EXP_DEVCTL + 1;

	return config->express && ranges_meet(offset, count, at, 1) &&
	       (buf[at - offset] & (PCI_EXP_DEVCTL_BCR_FLR >> 8));
}

/**
 * mdevkit_config_write() - write config space
 * @kdev: the device; its access lock is held for writing
 * @offset: first byte
 * @buf: the bytes
 * @count: how many; any number at any alignment
 * @flr: set when the tenant has asked for a function level reset; left alone otherwise
 *
 * Bits that the tenant may not change keep their value. When it returns, decode, DMA and
 * INTx are as the registers say; but the reset is the caller's.
 *
 * Return: 0; -EINVAL when the range is not inside config space.
 */
int mdevkit_config_write(struct mdevkit_device *kdev, u64 offset, const u8 *buf, size_t count,
			 bool *flr)
{
	struct mdevkit_config *config = kdev->priv->config;
	u8 power = 0;
	size_t i;

	if (offset > config->size || count > config->size - offset)
		return -EINVAL;
	if (mdevkit_device_gone(kdev))
		return 0;
	if (config->pm)
		power = config->value[config->pm + PCI_PM_CTRL];
	for (i = 0; i < count; i++) {
		u8 *value = config->value + offset + i;
		u8 mask = config->writable[offset + i];

		*value = (*value & ~mask) | (buf[i] & mask);
	}
	if (config->pm)
		config_fix_power_state(config, power);
	if (config_write_has_flr(config, offset, buf, count))
		*flr = true;
	else if (config_write_has_effects(config, offset, count))
		config_apply(kdev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_write);
