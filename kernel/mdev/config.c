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
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "config.h"
#include "private.h"

static bool config_has_clears(const struct mdevkit_pci_desc *desc)
{
	unsigned int i;

	for (i = 0; i < desc->nr_bytes; i++)
		if (desc->bytes[i].clears)
			return true;
	return false;
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
	bool clears = config_has_clears(desc);
	struct mdevkit_config *config;
	int ret;

	config = kzalloc(sizeof(*config), GFP_KERNEL_ACCOUNT);
	if (!config)
		return -ENOMEM;
	config->value = kvcalloc(clears ? 5 : 4, size, GFP_KERNEL_ACCOUNT);
	if (!config->value) {
		kfree(config);
		return -ENOMEM;
	}
	config->initial = config->value + size;
	config->writable = config->initial + size;
	config->kept = config->writable + size;
	config->clears = clears ? config->kept + size : NULL;
	config->size = size;
	config->desc = desc;
	kdev->priv->config = config;

	ret = mdevkit_layout(config);
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
	if (config->msi_mask)
		mdevkit_irq_set_msi_mask(kdev,
					 get_unaligned_le32(config->value + config->msi_mask));
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

static bool ranges_meet(u64 offset, size_t count, u64 other, size_t other_count)
{
	return offset < other + other_count && other < offset + count;
}

/* MSI's pending bits, where a read of @count bytes at @offset covers them */
static void config_read_pending(struct mdevkit_device *kdev, u64 offset, u8 *buf, size_t count)
{
	u64 at = kdev->priv->config->msi_mask + PCI_MSI_PENDING_64 - PCI_MSI_MASK_64;
	__le32 pending = cpu_to_le32(mdevkit_irq_msi_pending(kdev));
	unsigned int i;

	for (i = 0; i < sizeof(pending); i++)
		if (at + i >= offset && at + i < offset + count)
			buf[at + i - offset] = ((u8 *)&pending)[i];
}

/* The part of a driver's bytes that is touched. Return: how many bytes, from *@first on */
static unsigned int config_touched(const struct mdevkit_pci_bytes *raw, u64 offset, size_t count,
				   unsigned int *first)
{
	if (!ranges_meet(offset, count, raw->offset, raw->len))
		return 0;
	*first = max_t(u64, offset, raw->offset) - raw->offset;
	return min_t(u64, offset + count, raw->offset + raw->len) - raw->offset - *first;
}

static void config_read_computed(struct mdevkit_device *kdev, u64 offset, u8 *buf, size_t count)
{
	const struct mdevkit_config *config = kdev->priv->config;
	unsigned int i, first, len;

	if (config->msi_mask)
		config_read_pending(kdev, offset, buf, count);
	for (i = 0; i < config->desc->nr_bytes; i++) {
		const struct mdevkit_pci_bytes *raw = &config->desc->bytes[i];

		len = raw->read ? config_touched(raw, offset, count, &first) : 0;
		if (len)
			raw->read(kdev, first, len, buf + raw->offset + first - offset);
	}
}

static void config_tell_written(struct mdevkit_device *kdev, u64 offset, size_t count)
{
	const struct mdevkit_config *config = kdev->priv->config;
	unsigned int i, first, len;

	for (i = 0; i < config->desc->nr_bytes; i++) {
		const struct mdevkit_pci_bytes *raw = &config->desc->bytes[i];

		len = raw->written ? config_touched(raw, offset, count, &first) : 0;
		if (len)
			raw->written(kdev, first, len, config->value + raw->offset);
	}
}

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
	if (config->computed)
		config_read_computed(kdev, offset, buf, count);
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

/* Can a write there change anything beside the bytes themselves? */
static bool config_write_has_effects(const struct mdevkit_config *config, u64 offset,
				     size_t count)
{
	return ranges_meet(offset, count, PCI_COMMAND, 2) ||
	       (config->pm && ranges_meet(offset, count, config->pm + PCI_PM_CTRL, 2)) ||
	       (config->msi_mask && ranges_meet(offset, count, config->msi_mask, 4));
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
		if (config->clears)
			*value &= ~(buf[i] & config->clears[offset + i]);
	}
	if (config->pm)
		config_fix_power_state(config, power);
	if (config_write_has_flr(config, offset, buf, count))
		*flr = true;
	else if (config_write_has_effects(config, offset, count))
		config_apply(kdev);
	if (config->hooked)
		config_tell_written(kdev, offset, count);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_write);
