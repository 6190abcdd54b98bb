// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold: keeps a reference to an mdev of the parent softdma-a, as anybody in the kernel may who
 * has found it on its bus: write its UUID to /sys/module/hold/parameters/mdev, and anything
 * else to let go. So the mdev outlives its parent's driver.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/string.h>

static struct device *held;	/* guarded by the kernel's lock of parameters */

static int hold_set(const char *text, const struct kernel_param *kp)
{
	struct device *parent, *dev = NULL;
	char name[40];

	strscpy(name, text);
	parent = bus_find_device_by_name(&platform_bus_type, NULL, "softdma-a");
	if (parent)
		dev = device_find_child_by_name(parent, strim(name));
	put_device(parent);
	put_device(held);
	held = dev;
	return 0;
}

static int hold_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", held ? dev_name(held) : "");
}

static const struct kernel_param_ops hold_ops = { .set = hold_set, .get = hold_get };

module_param_cb(mdev, &hold_ops, NULL, 0600);
MODULE_PARM_DESC(mdev, "UUID of the mdev to hold a reference to");

static int __init hold_init(void)
{
	return 0;
}

static void __exit hold_exit(void)
{
	put_device(held);
}

module_init(hold_init);
module_exit(hold_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the lab: holds a reference to an mdev");
