/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mtty card as its user sees it: an mdev of its own for each test, and its UARTs.
 */
#ifndef _LAB_MTTY_H
#define _LAB_MTTY_H

#include <linux/pci_regs.h>
#include <linux/serial_reg.h>

#include "sysfs.h"
#include "vfio.h"

#define MTTY_PORTS	24
#define MTTY_UART_SIZE	8

/* An mdev with a client; made by mtty_open(), undone by mtty_close() */
struct mtty {
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
};

/* For struct ktap_hooks.before_all: loads the module. NULL, or why it cannot */
const char *mtty_load(void);

/* Creates an mdev of @type ("mtty-1", "mtty-2") and opens it, or ends the test */
void mtty_open(struct mtty *mtty, const struct vfio_mode *mode, const char *type);
/* Closes and removes it */
void mtty_close(struct mtty *mtty);

/* UART registers by the names of <linux/serial_reg.h>; @port is the BAR */
u8 uart_get(struct mtty *mtty, unsigned int port, unsigned int reg);
void uart_put(struct mtty *mtty, unsigned int port, unsigned int reg, u8 value);
/* Switches FIFOs on, empties them and sets the receiver's trigger level to 1 */
void uart_fifos_on(struct mtty *mtty, unsigned int port);

#endif /* _LAB_MTTY_H */
