// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X table and pending bit array in a BAR, as memory of the tenant's own.
 *
 * VFIO's user connects vectors to eventfds by VFIO_DEVICE_SET_IRQS and emulates
 * masking itself, so that nothing follows from what a tenant writes here; it
 * reads back what a table has to (PCI 3.0, 6.8.2). In particular the mask bits of the
 * entries and the function mask do not mask: a vector is masked by taking its eventfd
 * away. (QEMU emulates table and PBA for its guest and never writes here, vfio-pci drops
 * what its users write.) The PBA shows the messages that wait for an eventfd. The table is
 * guarded by the device's access lock held for reading, plus single copies of its DWORDs.
 */

#include <kunit/visibility.h>
#include <linux/pci.h>

#include "irqs.h"
#include "private.h"

/* The pending bits at @offset of the PBA */
static u64 msix_pba_bits(const struct mdevkit_device *kdev, u64 offset, unsigned int width)
{
	unsigned int first = offset * BITS_PER_BYTE, i;
	u64 bits = 0;

	for (i = 0; i < width * BITS_PER_BYTE; i++)
		if (first + i < kdev->type->pci->msix_vectors &&
		    READ_ONCE(kdev->priv->irqs->vectors[first + i].pending))
			bits |= BIT_ULL(i);
	return bits;
}

/**
 * mdevkit_msix_next_edge() - where the MSI-X table or PBA begins or ends next
 * @desc: the personality
 * @bar: the BAR
 * @offset: offset in it
 *
 * Return: the first such offset behind @offset, a multiple of 8; U64_MAX if there is none.
 */
u64 mdevkit_msix_next_edge(const struct mdevkit_pci_desc *desc, unsigned int bar, u64 offset)
{
	const u64 edges[] = { desc->msix_table, mdevkit_msix_table_end(desc),
			      desc->msix_pba, mdevkit_msix_pba_end(desc) };
	u64 next = U64_MAX;
	unsigned int i;

	if (!desc->msix_vectors || bar != desc->msix_bar)
		return U64_MAX;
	for (i = 0; i < ARRAY_SIZE(edges); i++)
		if (edges[i] > offset)
			next = min(next, edges[i]);
	return next;
}

/**
 * mdevkit_msix_read() - read the table or PBA
 * @kdev: the device
 * @offset: offset in the BAR, mdevkit_msix_covers() it
 * @width: bytes
 * @value: the result
 *
 * Return: 0; -EINVAL for a size other than a DWORD or QWORD.
 */
int mdevkit_msix_read(struct mdevkit_device *kdev, u64 offset, unsigned int width, u64 *value)
{
	const struct mdevkit_pci_desc *desc = kdev->type->pci;
	u32 *entry;

	if (width < 4)
		return -EINVAL;
	if (offset < desc->msix_table || offset >= mdevkit_msix_table_end(desc)) {
		*value = msix_pba_bits(kdev, offset - desc->msix_pba, width);
		return 0;
	}
	entry = &kdev->priv->irqs->msix_table[(offset - desc->msix_table) / 4];
	*value = READ_ONCE(entry[0]);
	if (width == 8)
		*value |= (u64)READ_ONCE(entry[1]) << 32;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_msix_read);

/**
 * mdevkit_msix_write() - write the table; the PBA is read-only
 * @kdev: the device
 * @offset: offset in the BAR, mdevkit_msix_covers() it
 * @width: bytes
 * @value: the value
 *
 * Return: 0; -EINVAL for a size other than a DWORD or QWORD.
 */
int mdevkit_msix_write(struct mdevkit_device *kdev, u64 offset, unsigned int width, u64 value)
{
	const struct mdevkit_pci_desc *desc = kdev->type->pci;
	u32 *entry;

	if (width < 4)
		return -EINVAL;
	if (offset < desc->msix_table || offset >= mdevkit_msix_table_end(desc))
		return 0;
	entry = &kdev->priv->irqs->msix_table[(offset - desc->msix_table) / 4];
	WRITE_ONCE(entry[0], lower_32_bits(value));
	if (width == 8)
		WRITE_ONCE(entry[1], upper_32_bits(value));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_msix_write);
