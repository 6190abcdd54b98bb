// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents: the devices that are sliced, what they offer, and what is left of it.
 */

#include <kunit/visibility.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

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
		if (mdevkit_parent_blocked_reason(parent))
			return 0;
		pasids = iommu_aux_pasids_left(parent->dev);
	}
	guard(mutex)(&parent->capacity_lock);
	return min((parent->capacity - parent->used) / entry->type->cost, pasids);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_type_available);

/**
 * mdevkit_type_description() - text of a type's sysfs file "description"
 * @mtype: the type
 * @buf: the page of sysfs
 *
 * Return: bytes written.
 */
ssize_t mdevkit_type_description(struct mdev_type *mtype, char *buf)
{
	const struct mdevkit_type *type = mdevkit_type_entry(mtype)->type;

	return sysfs_emit(buf, "%s\n", type->description ?: type->pretty_name);
}

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
	scoped_guard(mutex, &placement_lock)
		parent->nr_devices++;
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
	scoped_guard(mutex, &placement_lock)
		parent->nr_devices--;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_capacity_give);

/* The attributes below belong to the parent's device, which others own: find ours. */
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

static struct attribute *parent_attrs[] = {
	&dev_attr_placement.attr,
	&dev_attr_peer_dma.attr,
	&dev_attr_pasid_blocked.attr,
	NULL
};

static const struct attribute_group parent_group = {
	.name = "mdevkit",
	.attrs = parent_attrs,
};

/* One line in the log says which part of the declaration is wrong. */
static int check_types(struct device *dev, const struct mdevkit_type *types, unsigned int nr_types,
		       const struct mdevkit_driver *drv)
{
	char why[MDEVKIT_WHY_SIZE];
	unsigned int i, other;

	if (!types || !nr_types) {
		dev_err(dev, "cannot be a parent of mdevs: no types\n");
		return -EINVAL;
	}
	for (i = 0; i < nr_types; i++) {
		if (mdevkit_type_check(&types[i], drv->ops, why)) {
			dev_err(dev, "cannot be a parent of mdevs: type %s: %s\n",
				types[i].sysfs_name ?: "without a name", why);
			return -EINVAL;
		}
		for (other = 0; other < i; other++) {
			if (strcmp(types[i].sysfs_name, types[other].sysfs_name))
				continue;
			dev_err(dev, "cannot be a parent of mdevs: type %s: there are two\n",
				types[i].sysfs_name);
			return -EINVAL;
		}
	}
	return 0;
}

/*
 * A type's kobject, which lies in the parent, lives as long as somebody holds a reference to
 * an mdev of it: longer than the mdev's time on the bus, and longer than the registration.
 * (Whoever writes to /sys/bus/mdev/drivers_probe holds one, for instance.) The mdev core's
 * release function does not tell us about the end of it, so ours calls it and follows.
 */
static struct kobj_type type_ktype;		/* guarded by parents_lock until it is filled in */
static void (*type_ktype_release)(struct kobject *kobj);

/* All that the mdev core still asks of a driver once its parents are unregistered */
static struct mdev_driver retired_driver = {
	.get_available = mdevkit_type_available,
};

/* mdevctl refuses a whole parent whose available_instances exceed INT_MAX */
static int check_capacity(struct device *dev, unsigned int capacity)
{
	if (capacity <= INT_MAX)
		return 0;
	dev_err(dev, "cannot be a parent of mdevs: capacity %u is more than %d\n", capacity,
		INT_MAX);
	return -EINVAL;
}

static void parent_free(struct mdevkit_parent *parent)
{
	kfree(parent->mdev_types);
	mutex_destroy(&parent->capacity_lock);
	kfree(parent);
}

static void parent_release(struct kref *ref)
{
	parent_free(container_of(ref, struct mdevkit_parent, ref));
	/* Pairs with the get in mdevkit_register_parent() */
	module_put(THIS_MODULE);
}

static void parent_put(struct mdevkit_parent *parent)
{
	kref_put(&parent->ref, parent_release);
}

static void type_release(struct kobject *kobj)
{
	struct mdev_type *mtype = container_of(kobj, struct mdev_type, kobj);
	struct mdevkit_parent *parent = mdevkit_type_entry(mtype)->parent;

	type_ktype_release(kobj);
	/* Pairs with the get in parent_follow_types() */
	parent_put(parent);
}

static void parent_follow_types(struct mdevkit_parent *parent)
{
	unsigned int i;

	guard(mutex)(&parents_lock);
	for (i = 0; i < parent->nr_types; i++) {
		struct kobject *kobj = &parent->types[i].mdev_type.kobj;

		if (!type_ktype_release) {
			type_ktype = *kobj->ktype;
			type_ktype_release = type_ktype.release;
			type_ktype.release = type_release;
		}
		kref_get(&parent->ref);
		WRITE_ONCE(kobj->ktype, &type_ktype);
	}
}

static struct mdevkit_parent *parent_alloc(struct device *dev, struct mdevkit_driver *drv,
					   const struct mdevkit_type *types, unsigned int nr_types)
{
	struct mdevkit_parent *parent;
	unsigned int i;

	parent = kzalloc(struct_size(parent, types, nr_types), GFP_KERNEL);
	if (!parent)
		return NULL;
	parent->nr_types = nr_types;
	kref_init(&parent->ref);
	mutex_init(&parent->capacity_lock);
	spin_lock_init(&parent->devices_lock);
	INIT_LIST_HEAD(&parent->devices);
	parent->mdev_types = kcalloc(nr_types, sizeof(*parent->mdev_types), GFP_KERNEL);
	if (!parent->mdev_types) {
		parent_free(parent);
		return NULL;
	}
	for (i = 0; i < nr_types; i++) {
		struct mdevkit_type_entry *entry = &parent->types[i];

		entry->mdev_type.sysfs_name = types[i].sysfs_name;
		entry->mdev_type.pretty_name = types[i].pretty_name;
		entry->type = &types[i];
		entry->parent = parent;
		parent->mdev_types[i] = &entry->mdev_type;
	}
	parent->dev = dev;
	parent->drv = drv;
	return parent;
}

/**
 * mdevkit_register_parent() - offer slices of a device
 * @dev: the device; stays until mdevkit_unregister_parent()
 * @drv: the driver, registered before
 * @types: what can be created of it; stays as long as @dev
 * @nr_types: entries of @types
 * @capacity: units that all mdevs of the parent share; at most INT_MAX
 * @drvdata: for the driver, see mdevkit_parent_drvdata()
 *
 * From the return on, and even before it, mdevs can be created and the
 * driver's callbacks called.
 *
 * Context: process context, may sleep. Not under a lock that the driver's callbacks take.
 * Return: the parent, or an ERR_PTR: -EINVAL: a declaration that is not possible, the log
 * says which; -EEXIST: @dev is a parent already; -ENOMEM.
 */
struct mdevkit_parent *mdevkit_register_parent(struct device *dev, struct mdevkit_driver *drv,
					       const struct mdevkit_type *types,
					       unsigned int nr_types, unsigned int capacity,
					       void *drvdata)
{
	struct mdevkit_parent *parent;
	int ret;

	ret = check_types(dev, types, nr_types, drv) ?: check_capacity(dev, capacity);
	if (ret)
		return ERR_PTR(ret);
	parent = parent_alloc(dev, drv, types, nr_types);
	if (!parent)
		return ERR_PTR(-ENOMEM);
	parent->capacity = capacity;
	parent->drvdata = drvdata;

	ret = mdevkit_parent_list(parent);
	if (ret)
		goto out_free;
	ret = sysfs_create_group(&dev->kobj, &parent_group);
	if (ret)
		goto out_unlist;
	ret = mdev_register_parent(&parent->mdev_parent, dev, &drv->mdev, parent->mdev_types,
				   nr_types);
	if (ret)
		goto out_group;
	/* The last reference may outlive the driver's, which hold our module so far */
	__module_get(THIS_MODULE);
	parent_follow_types(parent);
	return parent;

out_group:
	sysfs_remove_group(&dev->kobj, &parent_group);
out_unlist:
	mdevkit_parent_unlist(parent);
out_free:
	parent_free(parent);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mdevkit_register_parent);

/**
 * mdevkit_unregister_parent() - take a device's slices back
 * @parent: the parent
 *
 * Removes all its mdevs. Those in use are waited for, their users asked to let go; a
 * driver whose hardware is gone already calls mdevkit_parent_set_gone() first.
 *
 * Context: process context, may sleep for as long as a user keeps a device open.
 */
void mdevkit_unregister_parent(struct mdevkit_parent *parent)
{
	struct mdevkit_device *kdev;

	/* all at once; the mdev core removes, and waits for, one after the other */
	scoped_guard(spinlock_irqsave, &parent->devices_lock)
		list_for_each_entry(kdev, &parent->devices, parent_entry)
			mdevkit_device_ask(kdev);
	mdev_unregister_parent(&parent->mdev_parent);
	/* The driver's module may go now; who still holds an mdev looks here when he lets go */
	WRITE_ONCE(parent->mdev_parent.mdev_driver, &retired_driver);
	sysfs_remove_group(&parent->dev->kobj, &parent_group);
	mdevkit_parent_unlist(parent);
	parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdevkit_unregister_parent);

/**
 * mdevkit_parent_set_gone() - the parent's hardware does not answer any more
 * @parent: the parent
 *
 * To be called on surprise removal or a fatal error, before
 * mdevkit_unregister_parent(); for instance by a callback of a device that finds out. When it
 * returns, mdevkit_device_gone() is true for all devices: their tenants read all-ones,
 * their writes are dropped, and their DMA is not started any more. Soon after, the same
 * holds for mapped pages, and the tenants are asked to let go.
 *
 * It does not wait, neither for callbacks that are running, on other CPUs or further up
 * the stack, nor for page faults. What these use of the parent has to stay until
 * mdevkit_unregister_parent() has returned.
 *
 * Context: any.
 */
void mdevkit_parent_set_gone(struct mdevkit_parent *parent)
{
	struct mdevkit_device *kdev;

	guard(spinlock_irqsave)(&parent->devices_lock);
	parent->gone = true;
	list_for_each_entry(kdev, &parent->devices, parent_entry)
		mdevkit_device_set_gone(kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_parent_set_gone);

/**
 * mdevkit_parent_drvdata() - what the driver gave to mdevkit_register_parent()
 * @parent: the parent
 *
 * Return: that pointer.
 */
void *mdevkit_parent_drvdata(struct mdevkit_parent *parent)
{
	return parent->drvdata;
}
EXPORT_SYMBOL_GPL(mdevkit_parent_drvdata);

/**
 * mdevkit_parent_dev() - the device that is sliced
 * @parent: the parent
 *
 * Return: the device.
 */
struct device *mdevkit_parent_dev(struct mdevkit_parent *parent)
{
	return parent->dev;
}
EXPORT_SYMBOL_GPL(mdevkit_parent_dev);

