// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which iommu group an mdev goes into: one of its own, one with its parent's other mdevs, or
 * one with those of all functions of a PCI slot.
 */

#include <kunit/visibility.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <mdevkit/iommu_aux.h>

#include "group.h"
#include "private.h"

/* Guards all_groups; outside a group's lock */
static DEFINE_MUTEX(groups_lock);
static LIST_HEAD(all_groups);

/* Decided once per mdev, since the parent's policy is fixed while it has one */
static struct mdevkit_group_key group_key(const struct mdevkit_parent *parent)
{
	struct mdevkit_group_key key = {};

	if (parent->placement == MDEVKIT_PLACE_SLOT)
		key.owner = mdevkit_parent_slot(parent, &key.slot);
	if (!key.owner && parent->placement != MDEVKIT_PLACE_MDEV)
		key.owner = parent;
	return key;
}

static struct mdevkit_group *group_find(const struct mdevkit_group_key *key)
{
	struct mdevkit_group *group;

	lockdep_assert_held(&groups_lock);
	if (!key->owner)
		return NULL;
	list_for_each_entry(group, &all_groups, entry)
		if (group->key.owner == key->owner && group->key.slot == key->slot)
			return group;
	return NULL;
}

static struct mdevkit_group *group_create(const struct mdevkit_group_key *key, const char *name)
{
	struct mdevkit_group *group;
	int ret;

	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);
	mutex_init(&group->lock);
	INIT_LIST_HEAD(&group->members);
	group->key = *key;
	group->aux = iommu_aux_group_create(name);
	if (IS_ERR(group->aux)) {
		ret = PTR_ERR(group->aux);
		mutex_destroy(&group->lock);
		kfree(group);
		return ERR_PTR(ret);
	}
	list_add_tail(&group->entry, &all_groups);
	return group;
}

static void group_free_if_empty(struct mdevkit_group *group)
{
	lockdep_assert_held(&groups_lock);
	if (!list_empty(&group->members))
		return;
	list_del(&group->entry);
	iommu_aux_group_put(group->aux);
	mutex_destroy(&group->lock);
	kfree(group);
}

static int group_add_member(struct mdevkit_group *group, struct mdevkit_device *kdev)
{
	struct device *dma_dev = kdev->parent->dev;
	unsigned int flags = 0;
	int ret;

	if (kdev->type->dma == MDEVKIT_DMA_LOOKUP) {
		dma_dev = kdev->ops->dma_dev(kdev);
		flags = IOMMU_AUX_WHOLE_DEVICE;
	}
	guard(mutex)(&group->lock);
	ret = iommu_aux_group_join(group->aux, &kdev->mdev->dev, dma_dev, flags);
	if (ret)
		return ret;
	list_add_tail(&kdev->priv->group_entry, &group->members);
	kdev->priv->group = group;
	return 0;
}

/**
 * mdevkit_group_join() - put an mdev into the iommu group that its parent's placement says
 * @kdev: the device, of kind pasid or lookup
 *
 * Return: 0, or what iommu_aux_group_create() or iommu_aux_group_join() returned.
 */
int mdevkit_group_join(struct mdevkit_device *kdev)
{
	struct mdevkit_group_key key = group_key(kdev->parent);
	struct mdevkit_group *group;
	int ret;

	guard(mutex)(&groups_lock);
	group = group_find(&key) ?:
		group_create(&key, dev_name(key.owner ? kdev->parent->dev : &kdev->mdev->dev));
	if (IS_ERR(group))
		return PTR_ERR(group);
	ret = group_add_member(group, kdev);
	if (ret)
		group_free_if_empty(group);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_join);

/**
 * mdevkit_group_leave() - undo of mdevkit_group_join()
 * @kdev: the device; closed; nothing happens if it is in no group
 */
void mdevkit_group_leave(struct mdevkit_device *kdev)
{
	struct mdevkit_group *group = kdev->priv->group;

	if (!group)
		return;
	guard(mutex)(&groups_lock);
	scoped_guard(mutex, &group->lock) {
		list_del_init(&kdev->priv->group_entry);
		kdev->priv->group = NULL;
		iommu_aux_group_leave(&kdev->mdev->dev);
	}
	group_free_if_empty(group);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_leave);
