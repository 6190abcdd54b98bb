// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is what a driver declares possible? Checked once, when a parent is registered, so that the
 * rest of the kit can rely on it. What is refused is named: type, BAR and field.
 */

#include <kunit/visibility.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "private.h"

#define BAR_FLAGS							\
	(PCI_BASE_ADDRESS_SPACE_IO | PCI_BASE_ADDRESS_MEM_TYPE_64 |	\
	 PCI_BASE_ADDRESS_MEM_PREFETCH)
#define BAR_WIDTHS							\
	(MDEVKIT_WIDTH_1 | MDEVKIT_WIDTH_2 | MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8)

static __printf(2, 3) int refuse(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, MDEVKIT_WHY_SIZE, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int check_bar_size(const struct mdevkit_pci_desc *desc, unsigned int i, char *why)
{
	const struct mdevkit_bar *bar = &desc->bars[i];
	bool io = bar->flags & PCI_BASE_ADDRESS_SPACE_IO;
	bool wide = bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
	unsigned int least = io ? 4 : 16;

	if (!is_power_of_2(bar->size))
		return refuse(why, "BAR %u: size %#llx is not a power of two", i, bar->size);
	if (bar->size < least)
		return refuse(why, "BAR %u: size %#llx is less than %u", i, bar->size, least);
	if (bar->size > MDEVKIT_OFFSET_MASK)
		return refuse(why, "BAR %u: size %#llx is too large", i, bar->size);
	if (!wide && bar->size > SZ_2G)
		return refuse(why, "BAR %u: size %#llx needs PCI_BASE_ADDRESS_MEM_TYPE_64", i,
			      bar->size);
	return 0;
}

static int check_bar_flags(const struct mdevkit_pci_desc *desc, unsigned int i, char *why)
{
	const struct mdevkit_bar *bar = &desc->bars[i];

	if (bar->flags & ~BAR_FLAGS)
		return refuse(why, "BAR %u: flags %#x: unknown ones", i, bar->flags);
	if ((bar->flags & PCI_BASE_ADDRESS_SPACE_IO) && bar->flags != PCI_BASE_ADDRESS_SPACE_IO)
		return refuse(why, "BAR %u: flags %#x: I/O goes with no other", i, bar->flags);
	if (bar->widths & ~BAR_WIDTHS)
		return refuse(why, "BAR %u: widths %#x: unknown ones", i, bar->widths);
	/* the upper half takes the next slot */
	if (!(bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64))
		return 0;
	if (i + 1 == PCI_STD_NUM_BARS)
		return refuse(why, "BAR %u: flags: no next BAR for the upper half of 64 bits", i);
	if (desc->bars[i + 1].size)
		return refuse(why, "BAR %u: size is set, but it is the upper half of BAR %u",
			      i + 1, i);
	return 0;
}

static int check_bar_passthrough(const struct mdevkit_bar *bar, unsigned int i, char *why)
{
	if (!bar->passthrough_size)
		return 0;
	if (bar->flags & PCI_BASE_ADDRESS_SPACE_IO)
		return refuse(why, "BAR %u: passthrough_size: not in an I/O BAR", i);
	if (bar->passthrough_size > bar->size)
		return refuse(why, "BAR %u: passthrough_size %#llx is more than size %#llx", i,
			      bar->passthrough_size, bar->size);
	if (!PAGE_ALIGNED(bar->passthrough_size))
		return refuse(why, "BAR %u: passthrough_size %#llx is not in whole pages", i,
			      bar->passthrough_size);
	if (!bar->page)
		return refuse(why, "BAR %u: passthrough_size without a page callback", i);
	return 0;
}

static int check_bars(const struct mdevkit_pci_desc *desc, char *why)
{
	unsigned int i;
	int ret;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!desc->bars[i].size)
			continue;
		ret = check_bar_flags(desc, i, why) ?:
		      check_bar_size(desc, i, why) ?:
		      check_bar_passthrough(&desc->bars[i], i, why);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_msix(const struct mdevkit_pci_desc *desc, char *why)
{
	u64 table_end = (u64)desc->msix_table + desc->msix_vectors * PCI_MSIX_ENTRY_SIZE;
	u64 pba_end = (u64)desc->msix_pba + DIV_ROUND_UP(desc->msix_vectors, 64) * 8;
	const struct mdevkit_bar *bar;

	if (!desc->msix_vectors)
		return 0;
	if (desc->msix_vectors > PCI_MSIX_FLAGS_QSIZE + 1)
		return refuse(why, "msix_vectors %u is more than 2048", desc->msix_vectors);
	if (desc->msix_bar >= PCI_STD_NUM_BARS)
		return refuse(why, "msix_bar %u: there is no such BAR", desc->msix_bar);
	bar = &desc->bars[desc->msix_bar];
	if (bar->flags & PCI_BASE_ADDRESS_SPACE_IO)
		return refuse(why, "msix_bar %u is an I/O BAR", desc->msix_bar);
	if (!IS_ALIGNED(desc->msix_table, 8))
		return refuse(why, "msix_table %#x is not 8-byte aligned", desc->msix_table);
	if (!IS_ALIGNED(desc->msix_pba, 8))
		return refuse(why, "msix_pba %#x is not 8-byte aligned", desc->msix_pba);
	if (table_end > bar->size)
		return refuse(why, "msix_table ends at %#llx, BAR %u at %#llx", table_end,
			      desc->msix_bar, bar->size);
	if (pba_end > bar->size)
		return refuse(why, "msix_pba ends at %#llx, BAR %u at %#llx", pba_end,
			      desc->msix_bar, bar->size);
	if (desc->msix_table < pba_end && desc->msix_pba < table_end)
		return refuse(why, "msix_table and msix_pba overlap");
	if (bar->registers_end > bar->size)
		return refuse(why, "BAR %u: registers_end %#llx is more than size %#llx",
			      desc->msix_bar, bar->registers_end, bar->size);
	if (min(desc->msix_table, desc->msix_pba) < bar->registers_end)
		return refuse(why, "msix_table or msix_pba lies over the registers of BAR %u",
			      desc->msix_bar);
	/* A tenant must never map the pages in which its table is emulated */
	if (min(desc->msix_table, desc->msix_pba) < bar->passthrough_size)
		return refuse(why, "msix_table or msix_pba is in the pass-through part of BAR %u",
			      desc->msix_bar);
	return 0;
}

static int check_bytes_place(const struct mdevkit_pci_desc *desc, unsigned int i, char *why)
{
	const struct mdevkit_pci_bytes *raw = &desc->bytes[i];
	bool extended = raw->offset >= PCI_CFG_SPACE_SIZE;
	unsigned int end = extended ? PCI_CFG_SPACE_EXP_SIZE : PCI_CFG_SPACE_SIZE;

	if (raw->offset < PCI_STD_HEADER_SIZEOF)
		return refuse(why, "bytes[%u]: offset %#x is in the header", i, raw->offset);
	if (extended && !desc->express)
		return refuse(why, "bytes[%u]: offset %#x is only there with express", i,
			      raw->offset);
	if (!raw->len || !raw->bytes)
		return refuse(why, "bytes[%u]: no len, or no bytes", i);
	if (raw->offset + raw->len > end)
		return refuse(why, "bytes[%u]: offset %#x and len %#x end behind %#x", i,
			      raw->offset, raw->len, end);
	return 0;
}

static int check_bytes_cap(const struct mdevkit_pci_desc *desc, unsigned int i, char *why)
{
	const struct mdevkit_pci_bytes *raw = &desc->bytes[i];
	bool extended = raw->offset >= PCI_CFG_SPACE_SIZE;
	unsigned int head = extended ? sizeof(u32) : PCI_CAP_LIST_NEXT + 1;

	if (!raw->cap_id && !raw->ext_cap_id)
		return 0;
	if (extended ? raw->cap_id : raw->ext_cap_id)
		return refuse(why, "bytes[%u]: %s at offset %#x", i,
			      extended ? "cap_id" : "ext_cap_id", raw->offset);
	if (raw->len < head)
		return refuse(why, "bytes[%u]: len %u is too small for a capability", i, raw->len);
	if (!IS_ALIGNED(raw->offset, 4))
		return refuse(why, "bytes[%u]: offset %#x of a capability is not aligned", i,
			      raw->offset);
	if (raw->ext_cap_version > 15)
		return refuse(why, "bytes[%u]: ext_cap_version %u is more than 15", i,
			      raw->ext_cap_version);
	return 0;
}

static int check_bytes_masks(const struct mdevkit_pci_bytes *raw, unsigned int i, char *why)
{
	unsigned int at;

	for (at = 0; raw->writable && raw->clears && at < raw->len; at++)
		if (raw->writable[at] & raw->clears[at])
			return refuse(why, "bytes[%u]: bits of byte %#x are writable and clears",
				      i, at);
	return 0;
}

static int check_bytes(const struct mdevkit_pci_desc *desc, char *why)
{
	bool extended = false, first = false;
	unsigned int i;
	int ret;

	for (i = 0; i < desc->nr_bytes; i++) {
		ret = check_bytes_place(desc, i, why) ?: check_bytes_cap(desc, i, why) ?:
		      check_bytes_masks(&desc->bytes[i], i, why);
		if (ret)
			return ret;
		extended |= desc->bytes[i].ext_cap_id;
		first |= desc->bytes[i].ext_cap_id && desc->bytes[i].offset == PCI_CFG_SPACE_SIZE;
	}
	if (extended && !first)
		return refuse(why, "bytes: no extended capability at 0x100, where the list begins");
	return 0;
}

/**
 * mdevkit_config_check() - is a declared PCI personality possible?
 * @desc: the personality
 * @why: MDEVKIT_WHY_SIZE bytes for what is wrong with it
 *
 * Return: 0, or -EINVAL.
 */
int mdevkit_config_check(const struct mdevkit_pci_desc *desc, char *why)
{
	if (desc->intx_pin > 4)
		return refuse(why, "intx_pin %u is more than 4", desc->intx_pin);
	if (desc->class & ~0xffffff)
		return refuse(why, "class %#x has more than 24 bits", desc->class);
	if (desc->msi_masking && !desc->msi_vectors)
		return refuse(why, "msi_masking without msi_vectors");
	if (desc->msi_vectors && (!is_power_of_2(desc->msi_vectors) || desc->msi_vectors > 32))
		return refuse(why, "msi_vectors %u is not a power of two up to 32",
			      desc->msi_vectors);
	return check_bytes(desc, why) ?: check_bars(desc, why) ?: check_msix(desc, why);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_config_check);

/**
 * mdevkit_type_check() - is a declared type possible?
 * @type: the type
 * @ops: the callbacks of its driver
 * @why: MDEVKIT_WHY_SIZE bytes for what is wrong with it
 *
 * Return: 0, or -EINVAL.
 */
int mdevkit_type_check(const struct mdevkit_type *type, const struct mdevkit_device_ops *ops,
		       char *why)
{
	if (!type->sysfs_name || !*type->sysfs_name || strchr(type->sysfs_name, '/'))
		return refuse(why, "sysfs_name: none, or with a slash");
	if (!type->cost)
		return refuse(why, "cost is 0");
	if (type->dma > MDEVKIT_DMA_LOOKUP)
		return refuse(why, "dma %d: there is no such kind", type->dma);
	/* What cannot be stopped must not be started: its PASID will be another tenant's */
	if (type->dma != MDEVKIT_DMA_SOFTWARE && (!ops->start_dma || !ops->drain))
		return refuse(why, "dma: the driver has no start_dma, or no drain");
	if (type->dma == MDEVKIT_DMA_LOOKUP && !ops->dma_dev)
		return refuse(why, "dma: the driver has no dma_dev");
	if (!type->pci)
		return refuse(why, "pci: none");
	return mdevkit_config_check(type->pci, why);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_type_check);
