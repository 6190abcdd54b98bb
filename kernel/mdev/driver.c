// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vendor drivers on the mdev bus. Each has a mdev_driver of its own, so that its
 * module is the one that VFIO and the driver core hold while a device is in use.
 */

#include <linux/mdev.h>
#include <linux/module.h>

#include "private.h"

static int driver_probe(struct mdev_device *mdev)
{
	const struct mdevkit_type *type = mdevkit_type_entry(mdev->type)->type;
	bool software = type->dma == MDEVKIT_DMA_SOFTWARE;

	return mdevkit_device_probe(mdev, software ? &mdevkit_software_ops : &mdevkit_aux_ops);
}

/* The text of a type's sysfs file "description" */
static ssize_t type_description(struct mdev_type *mtype, char *buf)
{
	const struct mdevkit_type *type = mdevkit_type_entry(mtype)->type;

	return sysfs_emit(buf, "%s\n", type->description ?: type->pretty_name);
}

/**
 * __mdevkit_register_driver() - register a vendor driver on the mdev bus
 * @drv: the driver
 * @owner: its module; use mdevkit_register_driver()
 *
 * Return: see mdevkit_register_driver().
 */
int __mdevkit_register_driver(struct mdevkit_driver *drv, struct module *owner)
{
	if (!drv->ops || !drv->name || drv->device_size < sizeof(struct mdevkit_device))
		return -EINVAL;
	drv->mdev = (struct mdev_driver) {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.probe = driver_probe,
		.remove = mdevkit_device_remove,
		.get_available = mdevkit_type_available,
		.show_description = type_description,
		.driver = {
			.name = drv->name,
			.owner = owner,
			.mod_name = module_name(owner),
			.dev_groups = drv->dev_groups,
		},
	};
	return mdev_register_driver(&drv->mdev);
}
EXPORT_SYMBOL_GPL(__mdevkit_register_driver);

/**
 * mdevkit_unregister_driver() - undo of mdevkit_register_driver()
 * @drv: the driver; all its parents are unregistered
 */
void mdevkit_unregister_driver(struct mdevkit_driver *drv)
{
	mdev_unregister_driver(&drv->mdev);
}
EXPORT_SYMBOL_GPL(mdevkit_unregister_driver);

MODULE_DESCRIPTION("Kit for vendor drivers of mediated devices");
MODULE_LICENSE("GPL");
