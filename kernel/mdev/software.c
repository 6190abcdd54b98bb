// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents without hardware: a driver whose device is all software needs a struct
 * device to register as the parent of its mdevs. It gets a class of its own with
 * one device in it, since the class's name is the prefix of its types' names.
 */

#include <linux/device.h>
#include <linux/device/class.h>

#include "private.h"

/**
 * mdevkit_create_software_device() - make a parent that has no hardware
 * @name: its name, and the name of its class: the device is /sys/devices/virtual/NAME/NAME
 *	and its types are called NAME-TYPE. Must stay valid as long as the device
 *
 * The device does not do anything by itself; give it to mdevkit_register_parent().
 *
 * Context: process context, may sleep.
 * Return: the device, to be given back by mdevkit_destroy_software_device(), or an
 * ERR_PTR: -EEXIST: there is a class of that name; -ENOMEM.
 */
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

/**
 * mdevkit_destroy_software_device() - undo of mdevkit_create_software_device()
 * @dev: the device; no longer a parent
 *
 * Context: process context, may sleep.
 */
void mdevkit_destroy_software_device(struct device *dev)
{
	const struct class *class = dev->class;

	device_unregister(dev);
	class_destroy(class);
}
EXPORT_SYMBOL_GPL(mdevkit_destroy_software_device);
