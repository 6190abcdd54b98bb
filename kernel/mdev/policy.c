// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator decides for a parent, and reads of it: the files in PARENT/mdevkit/.
 */

#include <kunit/visibility.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <mdevkit/iommu_aux.h>

#include "private.h"

/* Guards all_parents; outside every other lock of the kit, never held around a callback */
static DEFINE_MUTEX(parents_lock);
static LIST_HEAD(all_parents);

/*
 * Guards placement and nr_devices of all parents, since "slot" is a policy of several.
 * Innermost lock.
 */
static DEFINE_MUTEX(placement_lock);

static const char * const placement_names[] = {
	[MDEVKIT_PLACE_MDEV] = "mdev",
	[MDEVKIT_PLACE_PARENT] = "parent",
	[MDEVKIT_PLACE_SLOT] = "slot",
};

/**
 * mdevkit_parent_blocked_reason() - why can the parent not isolate by PASID?
 * @parent: the parent
 *
 * Return: a text for the administrator, or NULL if it can.
 */
const char *mdevkit_parent_blocked_reason(struct mdevkit_parent *parent)
{
	const char *reason;

	return iommu_aux_check_device(parent->dev, 0, &reason) ? reason : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_parent_blocked_reason);

/* The attributes below belong to the parent's device, which others own: find ours */
static struct mdevkit_parent *parent_of_dev(struct device *dev)
{
	struct mdevkit_parent *parent;

	lockdep_assert_held(&parents_lock);
	list_for_each_entry(parent, &all_parents, entry)
		if (parent->dev == dev)
			return parent;
	return NULL;
}

/**
 * mdevkit_parent_slot() - the PCI slot that a parent is a function of
 * @parent: the parent
 * @slot: where to put the slot's number
 *
 * With ARI, all functions of a bus are those of one device, and have no slot number.
 *
 * Return: the bus, or NULL for a parent that is no PCI device.
 */
struct pci_bus *mdevkit_parent_slot(const struct mdevkit_parent *parent, unsigned int *slot)
{
	struct pci_dev *pdev;

	*slot = 0;
	if (!dev_is_pci(parent->dev))
		return NULL;
	pdev = to_pci_dev(parent->dev);
	if (!pci_ari_enabled(pdev->bus))
		*slot = PCI_SLOT(pdev->devfn);
	return pdev->bus;
}

static bool parents_share_slot(const struct mdevkit_parent *a, const struct mdevkit_parent *b)
{
	unsigned int slot_a, slot_b;
	struct pci_bus *bus = mdevkit_parent_slot(a, &slot_a);

	return bus && bus == mdevkit_parent_slot(b, &slot_b) && slot_a == slot_b;
}

/* A function that comes later is trusted no more than those that are there. */
static void parent_inherit_placement(struct mdevkit_parent *parent)
{
	struct mdevkit_parent *other;

	lockdep_assert_held(&parents_lock);
	guard(mutex)(&placement_lock);
	list_for_each_entry(other, &all_parents, entry)
		if (other->placement == MDEVKIT_PLACE_SLOT && parents_share_slot(parent, other))
			parent->placement = MDEVKIT_PLACE_SLOT;
}

/**
 * mdevkit_parent_list() - enter a parent into the list of all parents
 * @parent: the parent
 *
 * If another function of its slot has the placement "slot", it gets it, too.
 *
 * Return: 0; -EEXIST: its device is a parent already.
 */
int mdevkit_parent_list(struct mdevkit_parent *parent)
{
	guard(mutex)(&parents_lock);
	if (parent_of_dev(parent->dev))
		return -EEXIST;
	parent_inherit_placement(parent);
	list_add_tail(&parent->entry, &all_parents);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_parent_list);

/**
 * mdevkit_parent_unlist() - undo of mdevkit_parent_list()
 * @parent: the parent
 */
void mdevkit_parent_unlist(struct mdevkit_parent *parent)
{
	guard(mutex)(&parents_lock);
	list_del(&parent->entry);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_parent_unlist);

/* "slot" is a policy of the slot: set, and taken off, for all its functions at once. */
static bool placement_concerns(const struct mdevkit_parent *parent,
			       enum mdevkit_placement placement,
			       const struct mdevkit_parent *other)
{
	if (other == parent)
		return true;
	return (placement == MDEVKIT_PLACE_SLOT || parent->placement == MDEVKIT_PLACE_SLOT) &&
	       parents_share_slot(parent, other);
}

static int parent_set_placement_locked(struct mdevkit_parent *parent,
				       enum mdevkit_placement placement)
{
	enum mdevkit_placement before = parent->placement;
	struct mdevkit_parent *other;

	lockdep_assert_held(&parents_lock);
	guard(mutex)(&placement_lock);
	list_for_each_entry(other, &all_parents, entry) {
		if (!placement_concerns(parent, placement, other) ||
		    other->placement == placement || !other->nr_devices)
			continue;
		dev_notice_ratelimited(parent->dev,
				       "placement stays %s: remove the mdevs of %s first\n",
				       placement_names[before], dev_name(other->dev));
		return -EBUSY;
	}
	list_for_each_entry(other, &all_parents, entry)
		if (other != parent && placement_concerns(parent, placement, other))
			other->placement = placement;
	parent->placement = placement;
	return 0;
}

/**
 * mdevkit_parent_set_placement() - choose the groups that a parent's mdevs go into
 * @parent: the parent, in the list
 * @placement: the policy
 *
 * Return: 0; -EBUSY: it, or another function of its slot that it concerns, has mdevs.
 */
int mdevkit_parent_set_placement(struct mdevkit_parent *parent, enum mdevkit_placement placement)
{
	guard(mutex)(&parents_lock);
	return parent_set_placement_locked(parent, placement);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_parent_set_placement);

static ssize_t placement_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevkit_parent *parent;

	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	guard(mutex)(&placement_lock);
	return sysfs_emit(buf, "%s\n", placement_names[parent->placement]);
}

static ssize_t placement_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct mdevkit_parent *parent;
	int placement;

	placement = sysfs_match_string(placement_names, buf);
	if (placement < 0)
		return placement;
	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	return parent_set_placement_locked(parent, placement) ?: count;
}
static DEVICE_ATTR_RW(placement);

static ssize_t peer_dma_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevkit_parent *parent;

	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	return sysfs_emit(buf, "%d\n", READ_ONCE(parent->peer_dma));
}

static ssize_t peer_dma_store(struct device *dev, struct device_attribute *attr, const char *buf,
			      size_t count)
{
	struct mdevkit_parent *parent;
	bool allow;
	int ret;

	ret = kstrtobool(buf, &allow);
	if (ret)
		return ret;
	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	guard(mutex)(&placement_lock);
	/* So that no mapping was made by the other rule */
	if (parent->nr_devices)
		return -EBUSY;
	WRITE_ONCE(parent->peer_dma, allow);
	return count;
}
static DEVICE_ATTR_RW(peer_dma);

static ssize_t pasid_blocked_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevkit_parent *parent;

	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	return sysfs_emit(buf, "%s\n", mdevkit_parent_blocked_reason(parent) ?: "");
}
static DEVICE_ATTR_RO(pasid_blocked);

static ssize_t attributes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevkit_parent *parent;

	guard(mutex)(&parents_lock);
	parent = parent_of_dev(dev);
	if (!parent)
		return -ENODEV;
	return mdevkit_attributes_emit(parent->drv, buf);
}
static DEVICE_ATTR_RO(attributes);

static struct attribute *parent_attrs[] = {
	&dev_attr_placement.attr,
	&dev_attr_peer_dma.attr,
	&dev_attr_pasid_blocked.attr,
	&dev_attr_attributes.attr,
	NULL
};

const struct attribute_group mdevkit_policy_group = {
	.name = "mdevkit",
	.attrs = parent_attrs,
};

/**
 * mdevkit_policy_pin() - a parent has one mdev more: its placement must not change
 * @parent: the parent
 */
void mdevkit_policy_pin(struct mdevkit_parent *parent)
{
	guard(mutex)(&placement_lock);
	parent->nr_devices++;
}

/**
 * mdevkit_policy_unpin() - undo of mdevkit_policy_pin()
 * @parent: the parent
 */
void mdevkit_policy_unpin(struct mdevkit_parent *parent)
{
	guard(mutex)(&placement_lock);
	parent->nr_devices--;
}
