// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "model.h"
#include "pci.h"
#include "sysfs.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

/* A name that no driver has: a device with this override stays without one. */
#define NO_DRIVER "none"

char *device_driver(const char *address)
{
	__cleanup_free char *path = format(DEVICES "/%s/driver", address);

	return read_link_name(path);
}

/* sysfs says "(null)" for none. */
static char *current_override(const char *address)
{
	__cleanup_free char *path = format(DEVICES "/%s/driver_override", address);
	__cleanup_free char *text = read_file(path);

	return text && *text && strcmp(text, "(null)") ? duplicate(text) : NULL;
}

static int set_override(const char *address, const char *driver)
{
	__cleanup_free char *path = format(DEVICES "/%s/driver_override", address);
	__cleanup_free char *line = format("%s\n", driver ?: "");

	return write_file(path, line);
}

/* ENODEV: it has lost its driver by itself, which is what is wanted */
static int take_driver_off(const char *address, const char *driver)
{
	__cleanup_free char *path = NULL;

	if (!driver)
		return 0;
	path = format(DRIVERS "/%s/unbind", driver);
	return write_file(path, address) && errno != ENODEV ? -1 : 0;
}

/* The kernel lets the driver probe it before this returns; what came of it is asked afterwards. */
static void look_for_driver(const char *address)
{
	write_file("/sys/bus/pci/drivers_probe", address);
}

static int record(const char *address, struct binding *before, char **error)
{
	__cleanup_free char *path = format(DEVICES "/%s", address);

	*before = (struct binding){};
	if (!is_pci_address(address) || !path_exists(path)) {
		*error = format("%s: there is no such PCI device", path);
		return -1;
	}
	before->address = duplicate(address);
	before->driver = device_driver(address);
	before->override = current_override(address);
	return 0;
}

int bind_undo(const struct binding *before, char **error)
{
	__cleanup_free char *now = device_driver(before->address);
	__cleanup_free char *after = NULL;

	set_override(before->address, before->driver ?: before->override);
	if (now && (!before->driver || strcmp(now, before->driver)))
		take_driver_off(before->address, now);
	if (before->driver)
		look_for_driver(before->address);
	set_override(before->address, before->override);
	after = device_driver(before->address);
	if (before->driver ? after && !strcmp(after, before->driver) : !after)
		return 0;
	*error = format("%s is left with driver %s, and had %s", before->address, after ?: "none",
			before->driver ?: "none");
	return -1;
}

/* Undoes, and adds what the undo has to say */
static int fail_undone(const struct binding *before, char *reason, char **error)
{
	char *more = NULL;

	if (bind_undo(before, &more))
		*error = format("%s; and %s", reason, more);
	else
		*error = duplicate(reason);
	free(reason);
	free(more);
	return -1;
}

static int give_up_driver(const struct binding *before, char **error)
{
	if (!take_driver_off(before->address, before->driver))
		return 0;
	return fail_undone(before,
			   format("%s: driver %s cannot be taken off: %s", before->address,
				  before->driver, strerror(errno)),
			   error);
}

int bind_device(const char *address, const char *driver, struct binding *before, char **error)
{
	__cleanup_free char *folder = format(DRIVERS "/%s", driver);
	__cleanup_free char *after = NULL;

	if (record(address, before, error))
		return -1;
	if (!is_file_name(driver) || !path_exists(folder)) {
		*error = format("%s: there is no such PCI driver: modprobe %s", folder, driver);
		return -1;
	}
	if (before->driver && !strcmp(before->driver, driver) && before->override &&
	    !strcmp(before->override, driver))
		return 0;
	if (set_override(address, driver)) {
		*error = format(DEVICES "/%s/driver_override: %s", address, strerror(errno));
		return -1;
	}
	if (before->driver && !strcmp(before->driver, driver))
		return 0;
	if (give_up_driver(before, error))
		return -1;
	look_for_driver(address);
	after = device_driver(address);
	if (after && !strcmp(after, driver))
		return 0;
	return fail_undone(before,
			   format("%s: driver %s does not take it; the kernel log may say why",
				  address, driver),
			   error);
}

int unbind_device(const char *address, struct binding *before, char **error)
{
	if (record(address, before, error))
		return -1;
	if (set_override(address, NO_DRIVER)) {
		*error = format(DEVICES "/%s/driver_override: %s", address, strerror(errno));
		return -1;
	}
	if (give_up_driver(before, error))
		return -1;
	return 0;
}

int bind_to_host(const char *address, struct binding *before, char **error)
{
	if (record(address, before, error))
		return -1;
	if (set_override(address, NULL)) {
		*error = format(DEVICES "/%s/driver_override: %s", address, strerror(errno));
		return -1;
	}
	/* A driver that no override has brought is the host's. */
	if (!before->override)
		return 0;
	if (give_up_driver(before, error))
		return -1;
	look_for_driver(address);
	return 0;
}

void binding_free(struct binding *before)
{
	free(before->address);
	free(before->driver);
	free(before->override);
}
