/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives one PCI device to one driver by driver_override, which keeps all others off it: nothing
 * else can take it between its old driver and the new one.
 */
#ifndef MDEVKIT_TOOLS_BIND_H
#define MDEVKIT_TOOLS_BIND_H

#include <stdbool.h>

/* What a device had before, for bind_undo(); NULL: none */
struct binding {
	char *address;
	char *driver;
	char *override;
};

/*
 * 0, or -1 and *error says in one sentence why; then the device is as it was. *before is to be
 * freed by binding_free() in either case.
 */
int bind_device(const char *address, const char *driver, struct binding *before, char **error);
/* Takes its driver off, and leaves it without, for all drivers to come */
int unbind_device(const char *address, struct binding *before, char **error);
/* To the driver that the host would choose; without one is fine, too */
int bind_to_host(const char *address, struct binding *before, char **error);
/* The driver that it has, or NULL */
char *device_driver(const char *address);
/* 0, or -1 and *error says what the device is left with */
int bind_undo(const struct binding *before, char **error);
void binding_free(struct binding *before);

#endif
