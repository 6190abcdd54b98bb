// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the parent's MMIO in a tenant's address space, and taking them back.
 *
 * A mapping starts empty; each page is put in when it is touched. The fault
 * holds the device's mapping lock for reading, revocation holds it for writing:
 * afterwards no page is left, and every new touch sees the state that made the
 * kit revoke them. It is a lock of its own because faults come with the mmap lock
 * held, which BAR callbacks may take inside the access lock (mdevkit_dma_rw()).
 */

#include <linux/mm.h>

#include "private.h"

static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mdevkit_device *kdev = vma->vm_private_data;
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[MDEVKIT_OFFSET_INDEX(pos)];
	pgoff_t pgoff = ((pos & MDEVKIT_OFFSET_MASK) >> PAGE_SHIFT) +
			((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	unsigned long pfn = page_to_pfn(kdev->dead_page);
	struct mdevkit_io_page page;
	vm_fault_t ret;

	down_read(&kdev->mapping);
	if (mdevkit_device_gone(kdev)) {
		ret = vmf_insert_pfn(vma, vmf->address, pfn);
	} else if (!kdev->memory_enabled) {
		ret = VM_FAULT_SIGBUS;
	} else {
		if (!bar->page(kdev, pgoff, &page))
			pfn = PHYS_PFN(page.phys);
		ret = vmf_insert_pfn(vma, vmf->address, pfn);
	}
	up_read(&kdev->mapping);
	return ret;
}

static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
};

/**
 * mdevkit_region_mmap() - mmap() of the device file
 * @kdev: the device
 * @vma: the mapping
 *
 * Return: 0; -EINVAL when the range is not inside the pass-through part of a BAR
 * or the mapping is private.
 */
int mdevkit_region_mmap(struct mdevkit_device *kdev, struct vm_area_struct *vma)
{
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 offset = pos & MDEVKIT_OFFSET_MASK;
	u64 index = MDEVKIT_OFFSET_INDEX(pos);
	u64 len = vma->vm_end - vma->vm_start;
	u64 size;

	if (index >= PCI_STD_NUM_BARS || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	size = kdev->type->pci->bars[index].passthrough_size;
	if (offset >= size || len > size - offset)
		return -EINVAL;

	vma->vm_private_data = kdev;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &region_vm_ops;
	return 0;
}

static void unmap_all(struct mdevkit_device *kdev)
{
	lockdep_assert_held_write(&kdev->mapping);
	/* Without access: a page that is mapped was put in while the device was open */
	if (READ_ONCE(kdev->opened))
		unmap_mapping_range(kdev->vdev.inode->i_mapping, 0, 0, true);
}

/**
 * mdevkit_mmap_revoke() - take all mapped pages back from the tenant
 * @kdev: the device; its access lock is held for writing, or its parent has gone
 *
 * A page that is touched again is put in again.
 */
void mdevkit_mmap_revoke(struct mdevkit_device *kdev)
{
	guard(rwsem_write)(&kdev->mapping);
	unmap_all(kdev);
}

/**
 * mdevkit_mmap_set_memory() - memory decode was switched on or off
 * @kdev: the device; its access lock is held for writing
 * @enabled: whether memory BARs answer
 */
void mdevkit_mmap_set_memory(struct mdevkit_device *kdev, bool enabled)
{
	guard(rwsem_write)(&kdev->mapping);
	if (kdev->memory_enabled && !enabled)
		unmap_all(kdev);
	kdev->memory_enabled = enabled;
}
