/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of the softdma test device, in BAR 0. Shared by the module and the tests.
 */
#ifndef SOFTDMA_REGS_H
#define SOFTDMA_REGS_H

#define SOFTDMA_CAPACITY	240	/* mdevs of each parent, of 255 PASIDs */

#define SOFTDMA_BAR_SIZE	4096
#define SOFTDMA_VECTORS		4	/* MSI; the device itself raises the first */
#define SOFTDMA_MSIX_VECTORS	2048	/* or these */
#define SOFTDMA_MSIX_BAR	4	/* table at 0 */
#define SOFTDMA_MSIX_PBA	0x8000

#define SOFTDMA_STATUS		0x00	/* ro: 0, or the errno of the last DMA */
#define SOFTDMA_IOVA		0x08	/* rw, 64 bits: where the DMA goes */
#define SOFTDMA_LENGTH		0x10	/* rw: bytes, at most SOFTDMA_BUFFER_SIZE */
#define SOFTDMA_COMMAND		0x14	/* wo: one of the commands below; MSI when it is done */
#define SOFTDMA_PASID		0x18	/* ro: PASID that the device was given, ~0: none */
#define SOFTDMA_RAW_PASID	0x1c	/* rw: for SOFTDMA_RAW */
#define SOFTDMA_ROUNDS		0x20	/* ro: DMAs that SOFTDMA_STREAM has made so far */
#define SOFTDMA_GONE_AT		0x24	/* rw: SOFTDMA_AT_*: when the parent is found gone */
#define SOFTDMA_FAIL		0x28	/* wo: this device fails, its parent does not */
#define SOFTDMA_BUFFER		0x800	/* rw: the device's own memory */
#define SOFTDMA_BUFFER_SIZE	0x800

/* BAR 2 of the type "pages": RAM, lent as MMIO is. A BAR is a power of two, what is in it not */
#define SOFTDMA_BAR_PAGES	2
#define SOFTDMA_NR_PAGES	3

/* In config space: a serial number, and a mailbox that gives back what it is sent, plus one */
#define SOFTDMA_SERIAL		0x100	/* extended capability; 0x8877665544332211 */
#define SOFTDMA_MAILBOX		0x80	/* vendor specific */
#define SOFTDMA_MAILBOX_QUESTION (SOFTDMA_MAILBOX + 4)	/* rw, 32 bits; a write asks */
#define SOFTDMA_MAILBOX_ANSWER	(SOFTDMA_MAILBOX + 8)	/* ro, 32 bits */

#define SOFTDMA_READ		1	/* memory to buffer */
#define SOFTDMA_WRITE		2	/* buffer to memory */
#define SOFTDMA_STREAM		3	/* the round's number to IOVA, for ever */
#define SOFTDMA_STOP		4	/* end of SOFTDMA_STREAM */
#define SOFTDMA_HANG		5	/* do not return while the parameter "hang" is set */
#define SOFTDMA_RAW		0x10	/* with READ, WRITE: as a broken device, uses RAW_PASID */

#define SOFTDMA_AT_WRITE	1	/* at once */
#define SOFTDMA_AT_RESET	2
#define SOFTDMA_AT_START	4
#define SOFTDMA_AT_DRAIN	8

#endif /* SOFTDMA_REGS_H */
