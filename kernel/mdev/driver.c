// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vendor drivers on the mdev bus. Each has a mdev_driver of its own, so that its
 * module is the one that VFIO and the driver core hold while a device is in use.
 */

#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "private.h"

static int driver_probe(struct mdev_device *mdev)
{
	const struct mdevkit_type_entry *entry = mdevkit_type_entry(mdev->type);

	if (entry->type->dma != MDEVKIT_DMA_SOFTWARE)
		return mdevkit_device_probe(mdev, &mdevkit_aux_ops);
	if (entry->parent->drv->ops->dma_unmap)
		return mdevkit_device_probe(mdev, &mdevkit_pinning_ops);
	return mdevkit_device_probe(mdev, &mdevkit_software_ops);
}

/* The text of a type's sysfs file "description" */
static ssize_t type_description(struct mdev_type *mtype, char *buf)
{
	const struct mdevkit_type *type = mdevkit_type_entry(mtype)->type;

	return sysfs_emit(buf, "%s\n", type->description ?: type->pretty_name);
}

static int driver_add_software_parent(struct mdevkit_driver *drv)
{
	struct mdevkit_parent *parent;
	struct device *dev;

	if (!drv->software_parent)
		return 0;
	dev = mdevkit_create_software_device(drv->software_parent);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	parent = mdevkit_register_parent(dev, drv, drv->types, drv->nr_types, drv->capacity,
					 NULL);
	if (IS_ERR(parent)) {
		mdevkit_destroy_software_device(dev);
		return PTR_ERR(parent);
	}
	dev_set_drvdata(dev, parent);
	drv->software_dev = dev;
	return 0;
}

static void driver_remove_software_parent(struct mdevkit_driver *drv)
{
	if (!drv->software_dev)
		return;
	mdevkit_unregister_parent(dev_get_drvdata(drv->software_dev));
	mdevkit_destroy_software_device(drv->software_dev);
	drv->software_dev = NULL;
}

int __mdevkit_register_driver(struct mdevkit_driver *drv, struct module *owner,
			      const char *mod_name, unsigned long interface)
{
	int ret;

	/* First of all: nothing in @drv is where it is looked for */
	if (interface != MDEVKIT_INTERFACE) {
		pr_err("mdevkit: %s was compiled for another version of mdevkit\n", mod_name);
		return -ENOEXEC;
	}
	if (!drv->ops || !drv->name || drv->device_size < sizeof(struct mdevkit_device))
		return -EINVAL;
	ret = mdevkit_attributes_check(drv);
	if (ret)
		return ret;
	drv->mdev = (struct mdev_driver) {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.probe = driver_probe,
		.remove = mdevkit_device_remove,
		.get_available = mdevkit_type_available,
		.show_description = type_description,
		.driver = {
			.name = drv->name,
			.owner = owner,
			.mod_name = mod_name,
			.dev_groups = drv->dev_groups,
		},
	};
	ret = mdev_register_driver(&drv->mdev);
	if (ret)
		return ret;
	ret = driver_add_software_parent(drv);
	if (ret)
		goto out_driver;
	if (drv->pci_driver)
		ret = __pci_register_driver(drv->pci_driver, owner, mod_name);
	if (ret)
		goto out_parent;
	return 0;

out_parent:
	driver_remove_software_parent(drv);
out_driver:
	mdev_unregister_driver(&drv->mdev);
	return ret;
}
EXPORT_SYMBOL_GPL(__mdevkit_register_driver);

void mdevkit_unregister_driver(struct mdevkit_driver *drv)
{
	if (drv->pci_driver)
		pci_unregister_driver(drv->pci_driver);
	driver_remove_software_parent(drv);
	mdev_unregister_driver(&drv->mdev);
}
EXPORT_SYMBOL_GPL(mdevkit_unregister_driver);

static int __init mdevkit_init(void)
{
	int ret = mdevkit_pins_start();

	if (!ret)
		mdevkit_counters_init();
	return ret;
}

static void __exit mdevkit_exit(void)
{
	mdevkit_counters_exit();
	mdevkit_pins_stop();
}

module_init(mdevkit_init);
module_exit(mdevkit_exit);

MODULE_DESCRIPTION("Kit for vendor drivers of mediated devices");
MODULE_LICENSE("GPL");
