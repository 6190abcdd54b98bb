// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents: the devices that are sliced, from their registration to its end.
 */

#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "private.h"

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
static DEFINE_MUTEX(type_ktype_lock);
static struct kobj_type type_ktype;		/* filled in once, under type_ktype_lock */
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

	guard(mutex)(&type_ktype_lock);
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
	init_rwsem(&parent->life);
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
	ret = sysfs_create_group(&dev->kobj, &mdevkit_policy_group);
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
	sysfs_remove_group(&dev->kobj, &mdevkit_policy_group);
out_unlist:
	mdevkit_parent_unlist(parent);
out_free:
	parent_free(parent);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mdevkit_register_parent);

void mdevkit_unregister_parent(struct mdevkit_parent *parent)
{
	struct mdevkit_device_private *priv;

	/* all at once; the mdev core removes, and waits for, one after the other */
	scoped_guard(spinlock_irqsave, &parent->devices_lock)
		list_for_each_entry(priv, &parent->devices, parent_entry)
			mdevkit_device_ask(priv->kdev);
	mdev_unregister_parent(&parent->mdev_parent);
	/* The driver's module may go now; who still holds an mdev looks here when he lets go */
	WRITE_ONCE(parent->mdev_parent.mdev_driver, &retired_driver);
	sysfs_remove_group(&parent->dev->kobj, &mdevkit_policy_group);
	mdevkit_parent_unlist(parent);
	parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdevkit_unregister_parent);

static void parent_unregister_action(void *parent)
{
	mdevkit_unregister_parent(parent);
}

struct mdevkit_parent *devm_mdevkit_register_parent(struct device *dev,
						    struct mdevkit_driver *drv, void *drvdata)
{
	struct mdevkit_parent *parent;
	int ret;

	parent = mdevkit_register_parent(dev, drv, drv->types, drv->nr_types, drv->capacity,
					 drvdata);
	if (IS_ERR(parent))
		return parent;
	ret = devm_add_action_or_reset(dev, parent_unregister_action, parent);
	return ret ? ERR_PTR(ret) : parent;
}
EXPORT_SYMBOL_GPL(devm_mdevkit_register_parent);

void mdevkit_parent_set_gone(struct mdevkit_parent *parent)
{
	struct mdevkit_device_private *priv;

	guard(spinlock_irqsave)(&parent->devices_lock);
	parent->gone = true;
	list_for_each_entry(priv, &parent->devices, parent_entry)
		mdevkit_device_set_gone(priv->kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_parent_set_gone);

static void parent_set_resetting(struct mdevkit_parent *parent, bool resetting)
{
	guard(spinlock_irqsave)(&parent->devices_lock);
	parent->resetting = resetting;
}

void mdevkit_parent_reset_prepare(struct mdevkit_parent *parent)
{
	struct mdevkit_device_private *priv;

	parent_set_resetting(parent, true);
	guard(rwsem_read)(&parent->life);
	list_for_each_entry(priv, &parent->devices, parent_entry)
		mdevkit_device_reset_prepare(priv->kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_parent_reset_prepare);

void mdevkit_parent_reset_done(struct mdevkit_parent *parent)
{
	struct mdevkit_device_private *priv;

	scoped_guard(rwsem_read, &parent->life)
		list_for_each_entry(priv, &parent->devices, parent_entry)
			mdevkit_device_reset_done(priv->kdev);
	parent_set_resetting(parent, false);
}
EXPORT_SYMBOL_GPL(mdevkit_parent_reset_done);

void *mdevkit_parent_drvdata(struct mdevkit_parent *parent)
{
	return parent->drvdata;
}
EXPORT_SYMBOL_GPL(mdevkit_parent_drvdata);

struct device *mdevkit_parent_dev(struct mdevkit_parent *parent)
{
	return parent->dev;
}
EXPORT_SYMBOL_GPL(mdevkit_parent_dev);

