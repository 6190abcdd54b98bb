/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of the pinner, in BAR 0. Shared by the module and the tests. */
#ifndef PINNER_REGS_H
#define PINNER_REGS_H

#define PINNER_BAR_SIZE		64
#define PINNER_CAPACITY		16	/* mdevs of its parent */
#define PINNER_SLOTS		64	/* pins that it can name */

#define PINNER_IOVA		0x00	/* rw, 64 bits: the tenant's memory */
#define PINNER_LENGTH		0x08	/* rw: bytes */
#define PINNER_SLOT		0x0c	/* rw: which pin the commands mean */
#define PINNER_COMMAND		0x10	/* wo: one of the commands below, done on return */
#define PINNER_STATUS		0x14	/* ro: 0, or the errno of the last command */
#define PINNER_VALUE		0x18	/* rw: for STORE, and of LOAD */
#define PINNER_OFFSET		0x1c	/* rw: where LOAD and STORE do that in the pin */
#define PINNER_UNMAPS		0x20	/* ro: times that pins were taken back */
#define PINNER_GRAB		0x28	/* wo, 64 bits: pins that page until it is taken back */

#define PINNER_PIN		1	/* the slot becomes LENGTH bytes at IOVA */
#define PINNER_PIN_READ		2	/* the same, for reading */
#define PINNER_UNPIN		3
#define PINNER_LOAD		4	/* VALUE from the pinned memory */
#define PINNER_STORE		5	/* VALUE to it */

#endif /* PINNER_REGS_H */
