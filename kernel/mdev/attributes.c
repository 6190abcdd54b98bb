// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be written to the attributes of a driver's mdevs, for tools that check a definition
 * before its mdev exists.
 */

#include <kunit/visibility.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "private.h"

/* Of groups with a name the attributes lie in a folder, where mdevctl does not reach them. */
static bool group_is_open(const struct attribute_group *group)
{
	return !group->name && group->attrs;
}

static bool is_writable(const struct attribute *attr)
{
	return attr->mode & 0222;
}

static bool has_attribute(const struct mdevkit_driver *drv, const char *name)
{
	const struct attribute_group **group;
	struct attribute **attr;

	for (group = drv->dev_groups; group && *group; group++)
		for (attr = (*group)->attrs; group_is_open(*group) && *attr; attr++)
			if (is_writable(*attr) && !strcmp((*attr)->name, name))
				return true;
	return false;
}

static bool is_one_word(const char *text)
{
	return text && *text && !strpbrk(text, " \t\n");
}

static const char *values_of(const struct mdevkit_driver *drv, const char *name)
{
	const struct mdevkit_attr_values *entry;

	for (entry = drv->attr_values; entry && entry->name; entry++)
		if (!strcmp(entry->name, name))
			return entry->values;
	return "any";
}

/**
 * mdevkit_attributes_check() - is what a driver says of its attributes possible?
 * @drv: the driver
 *
 * Return: 0; or -EINVAL, and the log names the attribute.
 */
int mdevkit_attributes_check(const struct mdevkit_driver *drv)
{
	const struct mdevkit_attr_values *entry;

	for (entry = drv->attr_values; entry && entry->name; entry++) {
		if (has_attribute(drv, entry->name) && is_one_word(entry->values))
			continue;
		pr_err("mdevkit: %s: attr_values: %s is no writable attribute, or its values are not one word\n",
		       drv->name, entry->name);
		return -EINVAL;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_attributes_check);

/**
 * mdevkit_attributes_emit() - list the attributes that can be written, and with what
 * @drv: the driver
 * @buf: a page of sysfs
 *
 * Return: the length of the text.
 */
int mdevkit_attributes_emit(const struct mdevkit_driver *drv, char *buf)
{
	const struct attribute_group **group;
	struct attribute **attr;
	int len = 0;

	for (group = drv->dev_groups; group && *group; group++)
		for (attr = (*group)->attrs; group_is_open(*group) && *attr; attr++)
			if (is_writable(*attr))
				len += sysfs_emit_at(buf, len, "%s %s\n", (*attr)->name,
						     values_of(drv, (*attr)->name));
	return len;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_attributes_emit);
