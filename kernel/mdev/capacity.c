// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of a parent: units of its capacity, and PASIDs.
 */

#include <kunit/visibility.h>
#include <linux/mdev.h>
#include <linux/mutex.h>

#include <mdevkit/iommu_aux.h>

#include "private.h"

/**
 * mdevkit_type_available() - how many mdevs of a type can still be created
 * @mtype: the type
 *
 * Return: the number, as far as capacity and, for a type that needs them, PASIDs reach.
 */
unsigned int mdevkit_type_available(struct mdev_type *mtype)
{
	struct mdevkit_type_entry *entry = mdevkit_type_entry(mtype);
	struct mdevkit_parent *parent = entry->parent;
	unsigned int pasids = UINT_MAX;

	if (entry->type->dma == MDEVKIT_DMA_PASID) {
		if (iommu_aux_check_device(parent->dev, 0, NULL))
			return 0;
		pasids = iommu_aux_pasids_left(parent->dev);
	}
	guard(mutex)(&parent->capacity_lock);
	return min((parent->capacity - parent->used) / entry->type->cost, pasids);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_type_available);

/**
 * mdevkit_capacity_take() - reserve what an mdev of a type costs
 * @parent: the parent
 * @type: the type
 *
 * Return: 0; -ENOSPC when it is used up; -EOPNOTSUPP when the parent cannot isolate;
 * -ENOMEM when that cannot be told now.
 */
int mdevkit_capacity_take(struct mdevkit_parent *parent, const struct mdevkit_type *type)
{
	const char *reason;
	int ret = 0;

	if (type->dma == MDEVKIT_DMA_PASID)
		ret = iommu_aux_check_device(parent->dev, 0, &reason);
	if (ret) {
		dev_notice_ratelimited(parent->dev, "no mdev of type %s: %s\n", type->sysfs_name,
				       reason);
		return ret == -ENOMEM ? ret : -EOPNOTSUPP;
	}
	guard(mutex)(&parent->capacity_lock);
	if (parent->capacity - parent->used < type->cost) {
		dev_notice_ratelimited(parent->dev,
				       "no mdev of type %s: %u of %u units are in use\n",
				       type->sysfs_name, parent->used, parent->capacity);
		return -ENOSPC;
	}
	parent->used += type->cost;
	mdevkit_policy_pin(parent);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_capacity_take);

/**
 * mdevkit_capacity_give() - undo of mdevkit_capacity_take()
 * @parent: the parent
 * @type: the type
 */
void mdevkit_capacity_give(struct mdevkit_parent *parent, const struct mdevkit_type *type)
{
	guard(mutex)(&parent->capacity_lock);
	parent->used -= type->cost;
	mdevkit_policy_unpin(parent);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_capacity_give);
