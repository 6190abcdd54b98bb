// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() and write() on the device file: config space and BARs.
 *
 * The whole range is checked once, here, before anything is transferred; the
 * callbacks of drivers see only accesses that lie inside their BAR, naturally
 * aligned and of a size they declared. User memory is touched only while the
 * device's access lock is not held, because page faults on a mapping of the
 * device take that lock inside the mmap lock.
 */

#include <kunit/visibility.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "private.h"

#define WIDTHS_DEFAULT	(MDEVKIT_WIDTH_1 | MDEVKIT_WIDTH_2 | MDEVKIT_WIDTH_4)
#define WIDTHS_MSIX	(MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8)
/* What a CPU can do in a mapping of the page it can do here, too */
#define WIDTHS_PAGE	(MDEVKIT_WIDTH_1 | MDEVKIT_WIDTH_2 | MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8)

static u8 bar_widths(const struct mdevkit_device *kdev, unsigned int index, u64 offset)
{
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[index];

	if (mdevkit_msix_covers(kdev->type->pci, index, offset))
		return WIDTHS_MSIX;
	if (offset < bar->passthrough_size)
		return WIDTHS_PAGE;
	return bar->widths ?: WIDTHS_DEFAULT;
}

/**
 * mdevkit_access_width() - size of the next single access of a transfer
 * @widths: MDEVKIT_WIDTH_* that the registers accept
 * @offset: where the transfer stands
 * @count: bytes that remain
 *
 * Return: the largest accepted size that is naturally aligned at @offset and not
 * larger than @count, in bytes; 0 if there is none.
 */
unsigned int mdevkit_access_width(u8 widths, u64 offset, size_t count)
{
	unsigned int width;

	for (width = 8; width; width /= 2)
		/* MDEVKIT_WIDTH_n is n */
		if ((widths & width) && width <= count && IS_ALIGNED(offset, width))
			return width;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_access_width);

static bool bar_decoded(const struct mdevkit_device *kdev, const struct mdevkit_bar *bar)
{
	const struct mdevkit_device_private *priv = kdev->priv;

	if (mdevkit_device_gone(kdev) || priv->parent_reset)
		return false;
	return bar->flags & PCI_BASE_ADDRESS_SPACE_IO ? priv->io_enabled : priv->memory_enabled;
}

/* A page that is not there is as a bus where nobody answers: @value stays all-ones. */
static void page_access(struct mdevkit_device *kdev, const struct mdevkit_bar *bar, u64 offset,
			unsigned int width, u64 *value, bool write)
{
	struct mdevkit_io_page page;
	void __iomem *at;

	if (bar->page(kdev, offset >> PAGE_SHIFT, &page))
		return;
	at = page.virt + offset_in_page(offset);
	switch (width) {
	case 1:
		if (write)
			iowrite8(*value, at);
		else
			*value = ioread8(at);
		return;
	case 2:
		if (write)
			iowrite16(*value, at);
		else
			*value = ioread16(at);
		return;
	case 4:
		if (write)
			iowrite32(*value, at);
		else
			*value = ioread32(at);
		return;
	default:
		if (write)
			writeq(*value, at);
		else
			*value = readq(at);
		return;
	}
}

/**
 * mdevkit_bar_read() - one read of a tenant from a BAR
 * @kdev: the device; its access lock is held for reading
 * @index: the BAR
 * @offset: inside the BAR, naturally aligned
 * @width: a size that the registers there accept
 * @value: the result
 *
 * A BAR that is not decoded, or whose parent has gone, reads as all-ones, as on
 * a bus where nobody answers.
 *
 * The same goes for a pass-through page that the driver does not have, and where the driver
 * notices in its callback that the parent has gone.
 *
 * Return: 0, or -errno of the driver.
 */
int mdevkit_bar_read(struct mdevkit_device *kdev, unsigned int index, u64 offset,
		     unsigned int width, u64 *value)
{
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[index];
	int ret;

	*value = ~0ULL;
	if (!bar_decoded(kdev, bar))
		return 0;
	if (mdevkit_msix_covers(kdev->type->pci, index, offset))
		return mdevkit_msix_read(kdev, offset, width, value);
	if (offset < bar->passthrough_size) {
		page_access(kdev, bar, offset, width, value, false);
		return 0;
	}
	*value = 0;
	ret = bar->read ? bar->read(kdev, index, offset, width, value) : 0;
	if (ret && mdevkit_device_gone(kdev)) {
		*value = ~0ULL;
		return 0;
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_bar_read);

/**
 * mdevkit_bar_write() - one write of a tenant to a BAR
 * @kdev: the device; its access lock is held for reading
 * @index: the BAR
 * @offset: inside the BAR, naturally aligned
 * @width: a size that the registers there accept
 * @value: the value
 *
 * A write to a BAR that is not decoded, or whose parent has gone, is dropped.
 *
 * Return: 0, or -errno of the driver.
 */
int mdevkit_bar_write(struct mdevkit_device *kdev, unsigned int index, u64 offset,
		      unsigned int width, u64 value)
{
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[index];
	int ret;

	if (!bar_decoded(kdev, bar))
		return 0;
	if (mdevkit_msix_covers(kdev->type->pci, index, offset))
		return mdevkit_msix_write(kdev, offset, width, value);
	if (offset < bar->passthrough_size) {
		page_access(kdev, bar, offset, width, &value, true);
		return 0;
	}
	ret = bar->write ? bar->write(kdev, index, offset, width, value) : 0;
	return mdevkit_device_gone(kdev) ? 0 : ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_bar_write);

/**
 * mdevkit_region_write_config() - a tenant's write to config space
 * @kdev: the device; its access lock is held for writing
 * @offset: first byte
 * @buf: the bytes
 * @count: how many; any number at any alignment
 *
 * A function level reset is done when this returns. If it fails, the log tells and the DMA
 * stays off; the write has succeeded nevertheless, as with vfio-pci.
 *
 * Return: 0, or -EINVAL when the range is not inside config space.
 */
int mdevkit_region_write_config(struct mdevkit_device *kdev, u64 offset, const u8 *buf,
				size_t count)
{
	bool flr = false;
	int ret;

	ret = mdevkit_config_write(kdev, offset, buf, count, &flr);
	if (!ret && flr)
		mdevkit_device_reset_locked(kdev);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_region_write_config);

static unsigned int bar_access_width(const struct mdevkit_device *kdev, unsigned int index,
				     u64 offset, size_t count)
{
	return mdevkit_access_width(bar_widths(kdev, index, offset), offset, count);
}

/* How far the registers behind @offset are of one kind, at most @count bytes */
static u64 bar_uniform(const struct mdevkit_device *kdev, unsigned int index, u64 offset,
		       u64 count)
{
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[index];
	u64 end = mdevkit_msix_next_edge(kdev->type->pci, index, offset);

	if (offset < bar->passthrough_size)
		end = min(end, bar->passthrough_size);
	return min(end - offset, count);
}

/**
 * mdevkit_bar_transfer_fits() - can a transfer be made of accesses that the registers accept?
 * @kdev: the device
 * @index: the BAR
 * @offset: first byte
 * @count: bytes; the range is inside the BAR
 *
 * The kinds of registers of a BAR meet at multiples of 8 bytes. So whole QWORDs of one kind are
 * all alike, and what is left to look at one by one is less than a QWORD at either end.
 *
 * Return: whether it can; nothing is transferred of what cannot be transferred as a whole.
 */
bool mdevkit_bar_transfer_fits(const struct mdevkit_device *kdev, unsigned int index, u64 offset,
			       size_t count)
{
	/* Whatever the range of one QWORD is, bytes can make it up */
	if (offset % 8 + count <= 8 && (bar_widths(kdev, index, offset) & MDEVKIT_WIDTH_1))
		return true;
	while (count) {
		u64 step = bar_access_width(kdev, index, offset, count);

		if (!step)
			return false;
		if (IS_ALIGNED(offset, 8) && count >= 8)
			step = bar_uniform(kdev, index, offset, round_down(count, 8));
		offset += step;
		count -= step;
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_bar_transfer_fits);

/* The @count bytes at @buf, at most 8, as a number */
static int get_user_bytes(u64 *value, const char __user *buf, size_t count)
{
	u8 byte;
	__le16 word;
	__le32 dword;
	__le64 qword = 0;
	int ret;

	switch (count) {
	case 1:
		ret = get_user(byte, (const u8 __user *)buf);
		*value = byte;
		return ret;
	case 2:
		ret = get_user(word, (const __le16 __user *)buf);
		*value = le16_to_cpu(word);
		return ret;
	case 4:
		ret = get_user(dword, (const __le32 __user *)buf);
		*value = le32_to_cpu(dword);
		return ret;
	default:
		ret = copy_from_user(&qword, buf, count) ? -EFAULT : 0;
		*value = le64_to_cpu(qword);
		return ret;
	}
}

static int put_user_bytes(u64 value, char __user *buf, size_t count)
{
	__le64 qword = cpu_to_le64(value);

	switch (count) {
	case 1:
		return put_user((u8)value, (u8 __user *)buf);
	case 2:
		return put_user(cpu_to_le16(value), (__le16 __user *)buf);
	case 4:
		return put_user(cpu_to_le32(value), (__le32 __user *)buf);
	default:
		return copy_to_user(buf, &qword, count) ? -EFAULT : 0;
	}
}

static int config_access(struct mdevkit_device *kdev, u64 offset, u8 *bytes, size_t count,
			 bool write)
{
	int ret;

	if (write) {
		down_write(&kdev->priv->access);
		ret = mdevkit_region_write_config(kdev, offset, bytes, count);
		up_write(&kdev->priv->access);
	} else {
		down_read(&kdev->priv->access);
		ret = mdevkit_config_read(kdev, offset, bytes, count);
		up_read(&kdev->priv->access);
	}
	return ret;
}

/* Whole parts of config space, as whoever saves it reads them */
static noinline_for_stack ssize_t config_rw_many(struct mdevkit_device *kdev, char __user *buf,
						 size_t count, u64 offset, bool write)
{
	size_t done = 0;
	u8 bytes[64];
	int ret;

	while (done < count) {
		size_t chunk = min(count - done, sizeof(bytes));

		if (write && copy_from_user(bytes, buf + done, chunk))
			return -EFAULT;
		ret = config_access(kdev, offset + done, bytes, chunk, write);
		if (ret)
			return ret;
		if (!write && copy_to_user(buf + done, bytes, chunk))
			return -EFAULT;
		done += chunk;
	}
	return done;
}

static ssize_t config_rw(struct mdevkit_device *kdev, char __user *buf, size_t count, u64 offset,
			 bool write)
{
	u64 value = 0;
	__le64 bytes;
	int ret;

	if (count > sizeof(bytes))
		return config_rw_many(kdev, buf, count, offset, write);
	if (write && get_user_bytes(&value, buf, count))
		return -EFAULT;
	bytes = cpu_to_le64(value);
	ret = config_access(kdev, offset, (u8 *)&bytes, count, write);
	if (ret)
		return ret;
	if (!write && put_user_bytes(le64_to_cpu(bytes), buf, count))
		return -EFAULT;
	return count;
}

/* Does the register at @offset take all @count bytes at a time? MDEVKIT_WIDTH_n is n. */
static bool is_one_access(u8 widths, u64 offset, size_t count)
{
	return count <= 8 && is_power_of_2(count) && (widths & count) && IS_ALIGNED(offset, count);
}

/**
 * mdevkit_bar_takes() - is this one access to a register of a BAR?
 * @kdev: the device
 * @index: the BAR
 * @offset: where
 * @count: bytes
 *
 * Return: true if it lies in the BAR, and what is there takes it at a time.
 */
bool mdevkit_bar_takes(const struct mdevkit_device *kdev, unsigned int index, u64 offset,
		       size_t count)
{
	u64 size = kdev->type->pci->bars[index].size;

	return offset < size && count <= size - offset &&
	       is_one_access(bar_widths(kdev, index, offset), offset, count);
}

/* What drivers do. Return: @width, or -errno */
static ssize_t bar_access(struct mdevkit_device *kdev, unsigned int index, char __user *buf,
			  unsigned int width, u64 offset, bool write)
{
	u64 value;
	int ret;

	if (write && get_user_bytes(&value, buf, width))
		return -EFAULT;
	down_read(&kdev->priv->access);
	if (write)
		ret = mdevkit_bar_write(kdev, index, offset, width, value);
	else
		ret = mdevkit_bar_read(kdev, index, offset, width, &value);
	up_read(&kdev->priv->access);
	if (ret)
		return ret;
	if (!write && put_user_bytes(value, buf, width))
		return -EFAULT;
	return width;
}

/* What is transferred of one QWORD, whose registers are of one kind. Return: bytes, or -errno */
static ssize_t qword_rw(struct mdevkit_device *kdev, unsigned int index, char __user *buf,
			size_t count, u64 offset, u8 widths, bool write)
{
	size_t done = 0;
	u64 bytes = 0;
	int ret;

	if (write && get_user_bytes(&bytes, buf, count))
		return -EFAULT;
	down_read(&kdev->priv->access);
	do {
		u64 at = offset + done, mask, value;
		unsigned int width = mdevkit_access_width(widths, at, count - done);

		mask = GENMASK_ULL(width * BITS_PER_BYTE - 1, 0);
		if (write) {
			value = bytes >> (done * BITS_PER_BYTE) & mask;
			ret = mdevkit_bar_write(kdev, index, at, width, value);
		} else {
			ret = mdevkit_bar_read(kdev, index, at, width, &value);
			bytes |= (value & mask) << (done * BITS_PER_BYTE);
		}
		if (ret)
			break;
		done += width;
	} while (done < count);
	up_read(&kdev->priv->access);
	if (!write && done && put_user_bytes(bytes, buf, done))
		return -EFAULT;
	return done ?: ret;
}

static ssize_t bar_rw(struct mdevkit_device *kdev, unsigned int index, char __user *buf,
		      size_t count, u64 offset, bool write)
{
	u8 widths = bar_widths(kdev, index, offset);
	size_t done = 0;

	if (is_one_access(widths, offset, count))
		return bar_access(kdev, index, buf, count, offset, write);
	if (!mdevkit_bar_transfer_fits(kdev, index, offset, count))
		return -EINVAL;
	while (done < count) {
		u64 at = offset + done;
		size_t chunk = min_t(u64, count - done, 8 - at % 8);
		ssize_t ret;

		if (fatal_signal_pending(current))
			return done ?: -EINTR;
		cond_resched();
		ret = qword_rw(kdev, index, buf + done, chunk, at,
			       bar_widths(kdev, index, at), write);
		if (ret < 0)
			return done ?: ret;
		done += ret;
		if (ret < chunk)
			return done;
	}
	return done;
}

/**
 * mdevkit_region_rw() - read() or write() of the device file
 * @kdev: the device
 * @buf: the user's buffer (only read if @write)
 * @count: bytes
 * @ppos: region and offset; advanced by what was transferred
 * @write: direction
 *
 * Return: bytes transferred; -EINVAL when the range is not inside a region, or
 * does not fit the registers there; -EFAULT; or what the driver returned.
 */
ssize_t mdevkit_region_rw(struct mdevkit_device *kdev, char __user *buf, size_t count,
			  loff_t *ppos, bool write)
{
	u64 index, offset, size;
	ssize_t ret;

	if (*ppos < 0)
		return -EINVAL;
	index = MDEVKIT_OFFSET_INDEX((u64)*ppos);
	offset = *ppos & MDEVKIT_OFFSET_MASK;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		size = mdevkit_config_size(kdev);
	else if (index < PCI_STD_NUM_BARS)
		size = kdev->type->pci->bars[index].size;
	else
		return -EINVAL;
	if (offset >= size || count > size - offset)
		return -EINVAL;

	if (write)
		this_cpu_inc(kdev->priv->counters->writes);
	else
		this_cpu_inc(kdev->priv->counters->reads);
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		ret = config_rw(kdev, buf, count, offset, write);
	else
		ret = bar_rw(kdev, index, buf, count, offset, write);
	if (ret > 0)
		*ppos += ret;
	return ret;
}
