// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs: who has which, and how many are left.
 */
#include <linux/cleanup.h>
#include <linux/mutex.h>

#include "private.h"

/*
 * Guards m->pasid, and keeps a join from meeting the PASID that iommu_aux_pasids_left()
 * holds for a moment. Innermost but for aux_spinlock.
 */
static DEFINE_MUTEX(aux_pasid_lock);

/* PASIDs are global: two devices never use the same one, which makes logs readable */
int aux_pasid_alloc(struct aux_member *m, struct device *dma_dev)
{
	ioasid_t pasid;

	guard(mutex)(&aux_pasid_lock);
	pasid = iommu_alloc_global_pasid(dma_dev);
	if (pasid == IOMMU_PASID_INVALID) {
		dev_err_ratelimited(m->dev,
				    "no PASID is left on %s, which has %u: remove devices that are not in use\n",
				    dev_name(dma_dev), dma_dev->iommu->max_pasids - 1);
		return -ENOSPC;
	}
	m->pasid = pasid;
	return 0;
}

void aux_pasid_free(struct aux_member *m)
{
	guard(mutex)(&aux_pasid_lock);
	if (m->pasid != IOMMU_PASID_INVALID)
		iommu_free_global_pasid(m->pasid);
	m->pasid = IOMMU_PASID_INVALID;
}

/* PASIDs of members in the range @first to @last. Under aux_pasid_lock */
static unsigned int aux_pasids_used(ioasid_t first, ioasid_t last)
{
	struct iommu_aux_group *group;
	struct aux_member *m;
	unsigned int used = 0;

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry(group, &aux_groups, node)
		list_for_each_entry(m, &group->members, node)
			if (m->pasid >= first && m->pasid <= last)
				used++;
	return used;
}

unsigned int iommu_aux_pasids_left(struct device *dma_dev)
{
	ioasid_t lowest, last;

	if (!aux_has_pasids(dma_dev))
		return 0;

	/*
	 * The core hands out the lowest PASID that is free and does not say how many are. So all
	 * below that one are in use, by whomever, and above it those of the members.
	 */
	guard(mutex)(&aux_pasid_lock);
	lowest = iommu_alloc_global_pasid(dma_dev);
	if (lowest == IOMMU_PASID_INVALID)
		return 0;
	iommu_free_global_pasid(lowest);
	last = dma_dev->iommu->max_pasids - 1;
	return last - lowest + 1 - aux_pasids_used(lowest, last);
}
EXPORT_SYMBOL_GPL(iommu_aux_pasids_left);

ioasid_t iommu_aux_member_pasid(struct device *member)
{
	struct aux_member *m = aux_member_of(member);

	return m ? m->pasid : IOMMU_PASID_INVALID;
}
EXPORT_SYMBOL_GPL(iommu_aux_member_pasid);
