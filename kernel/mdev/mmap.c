// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the parent's MMIO in a tenant's address space, and taking them back.
 *
 * A mapping starts empty; each page is put in when it is touched. The fault
 * holds the device's mapping lock for reading, revocation holds it for writing:
 * afterwards no page is left, and every new touch sees the state that made the
 * kit revoke them. It is a lock of its own because faults come with the mmap lock
 * held, which BAR callbacks may take inside the access lock (mdevkit_dma_rw()).
 *
 * For the same reason it is not held around the driver's life cycle callbacks.
 * Those run while the mappings are blocked: a fault then waits, without the mmap
 * lock, so that a callback may take it, and may wait for whoever holds it.
 */

#include <kunit/visibility.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "private.h"

/* Blocked while the driver resets, starts or drains; a device that is gone is not */
static bool mappings_blocked(const struct mdevkit_device *kdev)
{
	return READ_ONCE(kdev->priv->blocked) && !mdevkit_device_gone(kdev);
}

static vm_fault_t wait_unblocked(struct vm_fault *vmf, struct mdevkit_device *kdev)
{
	struct file *file;

	/*
	 * A worker that copies to the tenant's memory may hold a lock that the callback
	 * waits for, and cannot be killed: its copy fails.
	 */
	if (current->flags & PF_KTHREAD)
		return VM_FAULT_SIGBUS;
	if (!fault_flag_allow_retry_first(vmf->flags)) {
		/* The mmap lock stays with the caller: not for long, and touch it again */
		wait_event_killable_timeout(kdev->priv->unblocked, !mappings_blocked(kdev), 1);
		return VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	/* Without the lock the mapping may go; the open file keeps the device */
	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	wait_event_killable(kdev->priv->unblocked, !mappings_blocked(kdev));
	fput(file);
	return VM_FAULT_RETRY;
}

/* The page to be shown at @pgoff of the BAR: the parent's, or one that stands for nothing */
static unsigned long page_frame(struct mdevkit_device *kdev, const struct mdevkit_bar *bar,
				pgoff_t pgoff)
{
	struct mdevkit_io_page page;

	if (mdevkit_device_gone(kdev) || bar->page(kdev, pgoff, &page))
		return page_to_pfn(kdev->priv->dead_page);
	return PHYS_PFN(page.phys);
}

static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mdevkit_device *kdev = vma->vm_private_data;
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	const struct mdevkit_bar *bar = &kdev->type->pci->bars[MDEVKIT_OFFSET_INDEX(pos)];
	pgoff_t pgoff = ((pos & MDEVKIT_OFFSET_MASK) >> PAGE_SHIFT) +
			((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	unsigned long pfn;
	vm_fault_t ret;

	down_read(&kdev->priv->mapping);
	if (mappings_blocked(kdev)) {
		up_read(&kdev->priv->mapping);
		return wait_unblocked(vmf, kdev);
	}
	if (!mdevkit_device_gone(kdev) && !kdev->priv->memory_enabled) {
		ret = VM_FAULT_SIGBUS;
	} else {
		this_cpu_inc(kdev->priv->counters->faults);
		pfn = page_frame(kdev, bar, pgoff);
		if (vma->vm_flags & VM_PFNMAP)
			ret = vmf_insert_pfn(vma, vmf->address, pfn);
		else
			ret = vmf_insert_mixed(vma, vmf->address, MDEVKIT_PFN(pfn));
	}
	up_read(&kdev->priv->mapping);
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
	/*
	 * Whoever pins memory for DMA refuses VM_IO. VFIO's type 1 then takes the page frames
	 * of VM_PFNMAP, and keeps them in its IOMMU when the page has long been taken back and
	 * lent to somebody else. It does not do that with VM_MIXEDMAP, and KVM maps both.
	 */
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
			  (READ_ONCE(kdev->parent->peer_dma) ? VM_PFNMAP : VM_MIXEDMAP));
	vma->vm_ops = &region_vm_ops;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_region_mmap);

static void unmap_all(struct mdevkit_device *kdev)
{
	lockdep_assert_held_write(&kdev->priv->mapping);
	unmap_mapping_range(kdev->vdev.inode->i_mapping, 0, 0, true);
}

static bool has_passthrough(const struct mdevkit_pci_desc *desc)
{
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (desc->bars[i].passthrough_size)
			return true;
	return false;
}

/**
 * mdevkit_mmap_open() - a user opens the device: get what its mappings may need
 * @kdev: the device; its access lock is held for writing
 *
 * That is the page that is shown where there is nothing. The user can write to it, so
 * each has its own, and nobody finds what another wrote.
 *
 * Return: 0 or -ENOMEM.
 */
int mdevkit_mmap_open(struct mdevkit_device *kdev)
{
	if (!has_passthrough(kdev->type->pci))
		return 0;
	kdev->priv->dead_page = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!kdev->priv->dead_page)
		return -ENOMEM;
	memset(page_address(kdev->priv->dead_page), 0xff, PAGE_SIZE);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_mmap_open);

/**
 * mdevkit_mmap_close() - the user has closed the device: undo of mdevkit_mmap_open()
 * @kdev: the device; its access lock is held for writing
 */
void mdevkit_mmap_close(struct mdevkit_device *kdev)
{
	mdevkit_mmap_revoke(kdev);
	if (kdev->priv->dead_page)
		__free_page(kdev->priv->dead_page);
	kdev->priv->dead_page = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_mmap_close);

/**
 * mdevkit_mmap_block() - the driver's page callback must not run for now
 * @kdev: the device; its access lock is held for writing
 *
 * When it returns, that callback is not running. A page that is in a mapping stays
 * there; a touch of another one waits for mdevkit_mmap_unblock(). Nests.
 */
void mdevkit_mmap_block(struct mdevkit_device *kdev)
{
	lockdep_assert_held_write(&kdev->priv->access);
	guard(rwsem_write)(&kdev->priv->mapping);
	WRITE_ONCE(kdev->priv->blocked, kdev->priv->blocked + 1);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_mmap_block);

/**
 * mdevkit_mmap_unblock() - undo of mdevkit_mmap_block()
 * @kdev: the device; its access lock is held for writing
 */
void mdevkit_mmap_unblock(struct mdevkit_device *kdev)
{
	scoped_guard(rwsem_write, &kdev->priv->mapping)
		WRITE_ONCE(kdev->priv->blocked, kdev->priv->blocked - 1);
	wake_up_all(&kdev->priv->unblocked);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_mmap_unblock);

/**
 * mdevkit_mmap_revoke() - take all mapped pages back from the tenant
 * @kdev: the device; its access lock is held for writing, or its parent has gone
 *
 * A page that is touched again is put in again, when the mappings are not blocked.
 */
void mdevkit_mmap_revoke(struct mdevkit_device *kdev)
{
	scoped_guard(rwsem_write, &kdev->priv->mapping)
		unmap_all(kdev);
	if (mdevkit_device_gone(kdev))
		wake_up_all(&kdev->priv->unblocked);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_mmap_revoke);

/**
 * mdevkit_mmap_set_memory() - memory decode was switched on or off
 * @kdev: the device; its access lock is held for writing
 * @enabled: whether memory BARs answer
 */
void mdevkit_mmap_set_memory(struct mdevkit_device *kdev, bool enabled)
{
	guard(rwsem_write)(&kdev->priv->mapping);
	if (kdev->priv->memory_enabled && !enabled)
		unmap_all(kdev);
	kdev->priv->memory_enabled = enabled;
}
