// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices a member holds, and that nobody else holds them in a way that does not go
 * with it.
 *
 * A member holds the device that was named when it joined, and the one that a lookup function
 * named last if that is another one. A device that is attached plainly is claimed as well: then
 * it is blocked while the member is not armed, and no driver of the host does DMA with it.
 */
#include "private.h"

/*
 * A device that is attached plainly has one domain, so members in two groups would see each
 * other's memory, and its owner could forge the PASIDs of slices beside it.
 */
static bool aux_hold_clashes(struct aux_member *m, const struct aux_hold *other,
			     struct iommu_aux_group *group, struct device *dev, bool plain)
{
	if (other->dev != dev)
		return false;
	return other->plain != plain || (plain && group != m->group);
}

/* Under aux_spinlock */
static bool aux_hold_taken(struct aux_member *m, struct device *dev, bool plain)
{
	struct iommu_aux_group *group;
	struct aux_member *other;

	list_for_each_entry(group, &aux_groups, node)
		list_for_each_entry(other, &group->members, node)
			if (other != m &&
			    (aux_hold_clashes(m, &other->joined, group, dev, plain) ||
			     aux_hold_clashes(m, &other->named, group, dev, plain)))
				return true;
	return false;
}

/*
 * Own the DMA of a device. The core refuses when the device's driver does DMA of its own, or
 * somebody else owns it, or firmware wants it to reach memory at all times.
 */
static int aux_hold_claim(struct aux_member *m, struct aux_hold *h, const char **reason)
{
	int ret = iommu_device_claim_dma_owner(h->dev, m->group);

	switch (ret) {
	case 0:
		h->claimed = true;
		return 0;
	case -EPERM:
	case -EBUSY:
		*reason = "the host uses it: its driver has to set driver_managed_dma";
		return -EBUSY;
	case -EINVAL:
		*reason = "firmware wants it to reach memory at all times";
		return -EOPNOTSUPP;
	default:
		*reason = "its DMA cannot be claimed";
		return ret;
	}
}

static void aux_hold_unclaim(struct aux_hold *h)
{
	/* A device that has left its IOMMU has left its owner, too */
	if (h->claimed && h->dev->iommu_group)
		iommu_device_release_dma_owner(h->dev);
	h->claimed = false;
}

/*
 * Hold @dev from now on. @list: put @m in its group's list in the same step, so that of two
 * members that do not go together only one comes in. Under arm_lock.
 */
int aux_hold_take(struct aux_member *m, struct aux_hold *h, struct device *dev, bool plain,
		  bool list, const char **reason)
{
	int ret;

	lockdep_assert_held(&m->group->arm_lock);
	scoped_guard(spinlock, &aux_spinlock) {
		if (aux_hold_taken(m, dev, plain)) {
			*reason = "it is handed out already, as a whole or in slices";
			return -EOPNOTSUPP;
		}
		h->dev = get_device(dev);
		h->plain = plain;
		if (list)
			list_add_tail(&m->node, &m->group->members);
	}
	if (!plain)
		return 0;

	ret = aux_hold_claim(m, h, reason);
	if (ret) {
		if (list)
			aux_list_del(m);
		aux_hold_drop(h);
	}
	return ret;
}

/* Undo of aux_hold_take(), except for the list. Nothing is armed on the device any more */
void aux_hold_drop(struct aux_hold *h)
{
	struct device *dev = h->dev;

	if (!dev)
		return;
	aux_hold_unclaim(h);
	spin_lock(&aux_spinlock);
	h->dev = NULL;
	spin_unlock(&aux_spinlock);
	h->fresh = false;
	put_device(dev);
}

/* @dev goes away. The entry of join stays, for people and for the order of leaving */
void aux_hold_gone(struct aux_member *m, struct device *dev)
{
	lockdep_assert_held(&m->group->arm_lock);
	if (m->joined.dev == dev)
		aux_hold_unclaim(&m->joined);
	if (m->named.dev == dev)
		aux_hold_drop(&m->named);
}
