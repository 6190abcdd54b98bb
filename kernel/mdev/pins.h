/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device has pinned of its tenant's memory. */
#ifndef _MDEVKIT_PINS_H
#define _MDEVKIT_PINS_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct mdevkit_device;
struct page;

/**
 * struct mdevkit_pins - all pins of a device
 * @kdev: the device
 * @lock: guards tree and lists, and the state of what is in them; innermost, process context
 * @tree: pins that VFIO holds pages for, or is asked to, by the pages that they have
 * @gone: those that have none any more, until the driver gives them back
 * @unmaps: a container's tenant's threads that are unmapping: nothing is pinned there
 * @use: held for reading while the CPU uses pinned memory. Inside everything but @lock
 * @changed: a pin has left @tree
 * @take_work: takes back what is in @unmaps
 */
struct mdevkit_pins {
	struct mdevkit_device *kdev;
	spinlock_t lock;		/* tree, lists and states */
	struct rb_root_cached tree;
	struct list_head gone;
	struct list_head unmaps;
	struct rw_semaphore use;
	wait_queue_head_t changed;
	struct work_struct take_work;
};

#if IS_ENABLED(CONFIG_KUNIT)
int mdevkit_pin_get(struct mdevkit_device *kdev, u64 iova, int nr, bool write,
		    struct page **pages);
void mdevkit_pin_put(struct mdevkit_device *kdev, u64 iova, int nr);
#endif

#endif /* _MDEVKIT_PINS_H */
