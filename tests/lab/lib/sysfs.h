/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mdev bus as an administrator sees it: sysfs and modules.
 *
 * All functions return a negative errno on failure unless they say otherwise.
 */
#ifndef _LAB_SYSFS_H
#define _LAB_SYSFS_H

#include "types.h"

#define MDEV_DEVICES	"/sys/bus/mdev/devices"
#define MDEV_DRIVERS	"/sys/bus/mdev/drivers"
#define MTTY_PARENT	"/sys/devices/virtual/mtty/mtty"
#define MTTYPCI_BDF	"0000:00:02.0"
#define MTTYPCI_PARENT	"/sys/bus/pci/devices/" MTTYPCI_BDF
#define UUID_SIZE	37

/* Reads a file into @buf as a string without its last newline. 0 or -errno */
int sysfs_read(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* A file's decimal number; a file that holds anything else gives -EINVAL */
long sysfs_read_long(const char *fmt, ...) __printf(1, 2);

/* Writes @value with one write(). 0 or the errno that the write gave */
int sysfs_write(const char *value, const char *fmt, ...) __printf(2, 3);

bool path_exists(const char *fmt, ...) __printf(1, 2);

/* Number of entries of the folder @path; 0 when there is none */
int dir_count(const char *path);

/* The last part of what the link points to. 0 or -errno */
int link_basename(char *buf, size_t size, const char *fmt, ...)
	__printf(3, 4);

/* A UUID that is the same in every run, one for each @n */
void mdev_uuid(unsigned int n, char uuid[UUID_SIZE]);

/* Asks the type of @parent to create the mdev. 0 or the kernel's errno */
int mdev_create(const char *parent, const char *type, const char *uuid);

/*
 * Removes the mdev; returns when it has gone, which may be when its last user lets
 * go. 0 or the kernel's errno.
 */
int mdev_remove(const char *uuid);

bool mdev_exists(const char *uuid);

/* How many mdevs of the type the parent can still make, by the sysfs file */
long mdev_available(const char *parent, const char *type);

/* Number of mdevs on the bus */
int mdev_count(void);

/* The iommu group of the mdev, or of the PCI function of that name */
int mdev_group(const char *uuid);

/*
 * Removes every mdev. Returns NULL when there was none, else their UUIDs (static
 * storage), for struct ktap_hooks.after_each.
 */
const char *mdev_remove_all(void);

/* modprobe @name with the parameters @args (may be NULL). 0 or -1 */
int module_load(const char *name, const char *args);

/* delete_module(): 0, -EWOULDBLOCK when the module is in use, -EBUSY, -ENOENT */
int module_unload(const char *name);

bool module_loaded(const char *name);

/* Milliseconds of a clock that nobody sets */
u64 now_ms(void);

/* Sleeps through signals */
void sleep_ms(unsigned int ms);

#endif /* _LAB_SYSFS_H */
