/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of the tenant's memory that a driver of kind software uses for longer than one copy:
 * rings, shadow page tables, buffers that hardware reads.
 *
 * The memory stays the tenant's. Whenever the tenant unmaps it, and whenever the device may
 * do no DMA any more (Bus Master Enable cleared, a reset, the last close), the kit takes it
 * back: the driver's dma_unmap() is called, and when that has returned the page is unpinned.
 * A driver that pins has to have that callback.
 */
#ifndef _MDEVKIT_PIN_H
#define _MDEVKIT_PIN_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/rbtree.h>
#include <linux/scatterlist.h>

#include <mdevkit/mdevkit.h>

/* The most that can be pinned at a time; a driver that needs more pins several times */
#define MDEVKIT_PIN_MAX_PAGES	BIT(18)

/**
 * struct mdevkit_pin - memory of the tenant that is pinned
 * @kdev: the device that it is pinned for
 * @iova: its address as the tenant's device sees it
 * @size: bytes
 * @write: the device writes to it
 * @drvdata: the driver's, as it gave it to mdevkit_dma_pin()
 * @nr_pages: entries of @pages
 * @pages: the pages; the memory begins at offset_in_page(@iova) of the first one
 */
struct mdevkit_pin {
	struct mdevkit_device *kdev;
	u64 iova;
	size_t size;
	bool write;
	void *drvdata;

	/* private: */
	struct kref ref;		/* one for the driver, one for who takes it back */
	struct rb_node node;		/* this and the next five are guarded by the pins' lock */
	u64 subtree_last;
	struct list_head entry;
	unsigned int state;
	struct task_struct *taker;	/* who calls dma_unmap() */
	bool given_back;		/* by dma_unmap() */

	/* public: */
	unsigned int nr_pages;
	struct page *pages[] __counted_by(nr_pages);
};

/**
 * mdevkit_dma_pin() - pin memory of the tenant
 * @kdev: the device; of kind software, its driver has dma_unmap()
 * @iova: address as the tenant's device sees it
 * @size: bytes; they span at most MDEVKIT_PIN_MAX_PAGES pages
 * @write: the device is going to write to it: the pages become dirty
 * @drvdata: for the driver, in the pin
 *
 * dma_unmap() may be called for the pin even before this returns. If that gives it back by
 * itself, only IS_ERR() is to be asked of what this returns.
 *
 * As many pins as wanted can have the same page. Counted as VFIO counts what is pinned
 * for DMA: against the locked memory that the tenant's process may have.
 *
 * As mdevkit_dma_rw(), it takes as long as the tenant likes: do not let others wait for it.
 *
 * Context: may sleep; BAR callbacks may call it, and threads, timers' work and the like
 * of the driver; struct mdevkit_bar's page, and dma_unmap(), may not.
 * Return: the pin, to be given back by mdevkit_dma_unpin(), or an ERR_PTR: -EINVAL: the kind
 * of DMA, no dma_unmap(), no bytes, or the range is not mapped (with iommufd: -ENOENT);
 * -E2BIG: too many pages; -EAGAIN: the tenant is unmapping it just now; -EPERM: mapped without
 * that permission, or DMA is not allowed, as with mdevkit_dma_rw(); -ENODEV: the parent has
 * gone; -ENOMEM: no memory, or the tenant's limit; -EINTR: the task is being killed; -EFAULT.
 */
struct mdevkit_pin *mdevkit_dma_pin(struct mdevkit_device *kdev, u64 iova, size_t size,
				    bool write, void *drvdata);

/**
 * mdevkit_dma_unpin() - give a pin back, whether the kit has taken its memory back or not
 * @pin: the pin; NULL: nothing happens
 *
 * When it returns, dma_unmap() is not running for @pin, and will not be called; unless that
 * is what calls it. At the latest the driver's destroy callback calls it.
 *
 * Context: may sleep. Not under a lock that dma_unmap() takes, unless that calls it.
 */
void mdevkit_dma_unpin(struct mdevkit_pin *pin);

/**
 * mdevkit_pin_begin() - use the memory of a pin by the CPU
 * @pin: the pin
 *
 * For a short while: a tenant that unmaps the memory waits for mdevkit_pin_end(). dma_unmap()
 * may run meanwhile, and may not wait for it.
 *
 * Context: may sleep. No mdevkit_pin_begin(), mdevkit_dma_pin() or mdevkit_dma_unpin() of the
 * same device in between.
 * Return: true: @pin's pages are the tenant's memory until mdevkit_pin_end() is called; false:
 * it was taken back, mdevkit_pin_end() is not to be called.
 */
bool mdevkit_pin_begin(struct mdevkit_pin *pin);

/**
 * mdevkit_pin_end() - undo of mdevkit_pin_begin()
 * @pin: the pin
 *
 * Context: the task that has called mdevkit_pin_begin().
 */
void mdevkit_pin_end(struct mdevkit_pin *pin);

/**
 * mdevkit_pin_rw() - copy from or to the memory of a pin
 * @pin: the pin
 * @offset: where, from the pin's iova on
 * @data: the host's copy
 * @len: bytes
 * @write: true: from @data to the tenant; false: to @data
 *
 * It neither faults nor waits for the tenant.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL: the range is not inside the pin; -EPERM: it is pinned for reading;
 * -ENODEV: its memory was taken back.
 */
int mdevkit_pin_rw(struct mdevkit_pin *pin, size_t offset, void *data, size_t len, bool write);

/**
 * mdevkit_pin_sg() - make a scatter list of a pin
 * @pin: the pin
 * @sgt: the list, to be freed by sg_free_table(). It holds no pages: when the memory was
 *	taken back, nobody may use it any more
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int mdevkit_pin_sg(struct mdevkit_pin *pin, struct sg_table *sgt);

#endif /* _MDEVKIT_PIN_H */
