/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of the copier, in BAR 0. Shared by the module and tests/bench. */
#ifndef COPIER_REGS_H
#define COPIER_REGS_H

#define COPIER_BAR_SIZE		32
#define COPIER_CAPACITY		1100	/* mdevs of its parent */

#define COPIER_IOVA		0x00	/* rw, 64 bits: the tenant's memory */
#define COPIER_LENGTH		0x08	/* rw: bytes, at most COPIER_MAX_LENGTH */
#define COPIER_TIMES		0x0c	/* rw: how often */
#define COPIER_COMMAND		0x10	/* wo: COPIER_READ, done on return */
#define COPIER_STATUS		0x14	/* ro: 0, or the errno of the last command */

#define COPIER_MAX_LENGTH	0x100000

#define COPIER_READ		1	/* from the tenant's memory */
#define COPIER_VFIO		0x10	/* with READ: by vfio_dma_rw(), past the kit */

#endif /* COPIER_REGS_H */
