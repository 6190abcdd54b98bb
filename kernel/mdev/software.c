// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents without hardware: a driver whose device is all software needs a struct
 * device to register as the parent of its mdevs. It gets a class of its own with
 * one device in it, since the class's name is the prefix of its types' names.
 */

#include <linux/device.h>
#include <linux/device/class.h>

#include "private.h"

struct device *mdevkit_create_software_device(const char *name)
{
	struct class *class;
	struct device *dev;

	class = class_create(name);
	if (IS_ERR(class))
		return ERR_CAST(class);

	dev = device_create(class, NULL, MKDEV(0, 0), NULL, "%s", name);
	if (IS_ERR(dev))
		class_destroy(class);
	return dev;
}
EXPORT_SYMBOL_GPL(mdevkit_create_software_device);

void mdevkit_destroy_software_device(struct device *dev)
{
	const struct class *class = dev->class;

	device_unregister(dev);
	class_destroy(class);
}
EXPORT_SYMBOL_GPL(mdevkit_destroy_software_device);
