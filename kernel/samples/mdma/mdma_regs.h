/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers and memory formats of the mdma reference device (docs/mdma-device.md).
 *
 * One header for four readers: the QEMU device, the parent driver, the guest driver and the
 * tests. So: plain defines and plain structures, nothing but <linux/types.h>.
 */
#ifndef MDMA_REGS_H
#define MDMA_REGS_H

#include <linux/types.h>

/* PCI identity. The device number is outside the ranges that QEMU has handed out so far. */
#define MDMA_PCI_VENDOR			0x1b36
#define MDMA_PCI_DEVICE			0x0d0a
#define MDMA_PCI_REVISION		0x01

#define MDMA_ID				0x414d444d	/* "MDMA" in memory order */
#define MDMA_VERSION			0x00010000	/* major << 16 | minor */

#define MDMA_MAX_ADIS			128
#define MDMA_PAGE_SIZE			4096		/* of a register page */

/* BARs: all 64-bit, not prefetchable */
#define MDMA_BAR_HOST			0		/* global page, then a host page per ADI */
#define MDMA_BAR_TENANT			2		/* one tenant page per ADI */
#define MDMA_BAR_MSIX			4		/* MSI-X table, then PBA */
#define MDMA_HOST_PAGE(adi)		(MDMA_PAGE_SIZE * ((adi) + 1))
#define MDMA_TENANT_PAGE(adi)		(MDMA_PAGE_SIZE * (adi))
#define MDMA_MSIX_TABLE			0x0000
#define MDMA_MSIX_PBA			0x1000

/* MSI-X vectors */
#define MDMA_VECTOR_HOST		0
#define MDMA_VECTOR_ADI(adi)		((adi) + 1)

/* -------- Global page: BAR 0 at 0 -------- */

#define MDMA_G_ID			0x000	/* RO MDMA_ID */
#define MDMA_G_VERSION			0x004	/* RO MDMA_VERSION */
#define MDMA_G_ADIS			0x008	/* RO number of ADIs, 1..128 */
#define MDMA_G_CAPS			0x00c	/* RO */
#define  MDMA_G_CAPS_PASID		0x01u	/* has a PASID capability */
#define  MDMA_G_CAPS_STATE		0x02u	/* has state save and restore */
#define  MDMA_G_CAPS_DIRTY		0x04u	/* has a dirty log */
#define  MDMA_G_CAPS_PASID_BITS(caps)	(((caps) >> 8) & 0x1f)	/* width of a PASID */
#define MDMA_G_STATUS			0x010	/* RO */
#define  MDMA_G_STATUS_PASID		0x01u	/* PASID Enable is set in config space */
#define  MDMA_G_STATUS_MASTER		0x02u	/* Bus Master Enable is set */
#define MDMA_G_CTRL			0x014	/* WO, reads 0 */
#define  MDMA_G_CTRL_RESET		0x01u	/* reset every ADI, as by FLR */
#define MDMA_G_EVENTS(word)		(0x020 + 4 * (word))	/* RO, words 0..3 */

/* -------- Host page of an ADI: BAR 0 at MDMA_HOST_PAGE(adi) -------- */

#define MDMA_H_ID			0x000	/* RO MDMA_ID */
#define MDMA_H_ADI			0x004	/* RO number of this ADI */
#define MDMA_H_CTRL			0x010	/* RW */
#define  MDMA_H_CTRL_ENABLE		0x01u	/* 1 -> 0 resets the ADI */
#define  MDMA_H_CTRL_RID		0x02u	/* DMA without PASID, by requester ID */
#define MDMA_H_CMD			0x014	/* WO, reads 0 */
#define  MDMA_CMD_DRAIN			1	/* finish the descriptor in flight, then stop */
#define  MDMA_CMD_ABORT			2	/* give up the descriptor in flight, and stop */
#define  MDMA_CMD_RESET			3	/* tenant page to reset values, not stopped */
#define  MDMA_CMD_RESUME		4	/* end the stop */
#define MDMA_H_STATUS			0x018	/* RO */
#define  MDMA_H_STATUS_BUSY		0x01u	/* DRAIN is not done yet */
#define  MDMA_H_STATUS_ACTIVE		0x02u	/* a descriptor is in flight */
#define  MDMA_H_STATUS_STOPPED		0x04u	/* no DMA until RESUME or RESET */
#define  MDMA_H_STATUS_ERROR		0x08u	/* the tenant's engine halted on an error */
#define MDMA_H_RESULT			0x01c	/* RO outcome of the last command or write */
#define  MDMA_RESULT_OK			0
#define  MDMA_RESULT_BAD_CMD		1	/* no such command */
#define  MDMA_RESULT_BUSY		2	/* a DRAIN is under way */
#define  MDMA_RESULT_NOT_STOPPED	3	/* this needs ENABLE = 0 or STOPPED = 1 */
#define  MDMA_RESULT_BAD_VALUE		4	/* value out of range */
#define  MDMA_RESULT_DISABLED		5	/* this needs ENABLE = 1 */
#define MDMA_H_PASID			0x020	/* RW, guarded */
#define  MDMA_H_PASID_MASK		0x000fffffu
#define  MDMA_H_PASID_VALID		0x80000000u
#define MDMA_H_CAUSE			0x028	/* RW1C events for the host */
#define  MDMA_H_INT_DONE		0x01u	/* DRAIN has finished */
#define  MDMA_H_INT_ERROR		0x02u	/* the tenant's engine halted on an error */
#define MDMA_H_MASK			0x02c	/* RW 1 = masked; reset value all ones */
#define MDMA_H_ERRORS			0x030	/* RO errors since FLR, wraps */
#define MDMA_H_DONE			0x034	/* RO descriptors completed since FLR, wraps */

/* Dirty log: one bit per page that the ADI wrote to, held in the device */
#define MDMA_H_LOG_CTRL			0x080	/* RW */
#define  MDMA_H_LOG_ENABLE		0x01u	/* 0 -> 1 clears the log and starts it */
#define MDMA_H_LOG_STATUS		0x084	/* RO */
#define  MDMA_H_LOG_OUTSIDE		0x01u	/* a write fell outside the range */
#define MDMA_H_LOG_BASE_LO		0x088	/* RW first IOVA, while LOG_ENABLE = 0 */
#define MDMA_H_LOG_BASE_HI		0x08c
#define MDMA_H_LOG_PAGES		0x090	/* RW number of pages, while LOG_ENABLE = 0 */
#define MDMA_H_LOG_SHIFT		0x094	/* RW log2 of the page size, while LOG_ENABLE = 0 */
#define  MDMA_LOG_SHIFT_MIN		12
#define  MDMA_LOG_SHIFT_MAX		21
#define  MDMA_LOG_PAGES_MAX		0x00100000u
#define MDMA_H_LOG_INDEX		0x098	/* RW word of the log that LOG_DATA reads next */
#define MDMA_H_LOG_DATA			0x09c	/* RO reads the word, clears it, moves on by one */
#define MDMA_H_LOG_NEXT			0x0a0	/* RO moves to the next word that is not 0 */
#define  MDMA_LOG_END			0xffffffffu	/* LOG_NEXT: there is none */

/* State window: struct mdma_state; writable while STOPPED */
#define MDMA_H_STATE			0x400
#define MDMA_H_STATE_SIZE		0x0f0	/* RO sizeof(struct mdma_state) */

/* -------- Tenant page of an ADI: BAR 2 at MDMA_TENANT_PAGE(adi) -------- */

#define MDMA_T_ID			0x000	/* RO MDMA_ID */
#define MDMA_T_VERSION			0x004	/* RO MDMA_VERSION */
#define MDMA_T_OPS			0x008	/* RO bit n: opcode n is implemented */
#define MDMA_T_MAX_LEN			0x00c	/* RO longest descriptor, bytes */
#define MDMA_T_MAX_RING			0x010	/* RO longest ring, descriptors */
#define MDMA_T_CTRL			0x040	/* RW */
#define  MDMA_T_CTRL_ENABLE		0x01u
#define  MDMA_T_CTRL_RESET		0x02u	/* write 1; reads 0 */
#define MDMA_T_STATUS			0x044	/* RO */
#define  MDMA_T_STATUS_RUNNING		0x01u	/* the engine fetches descriptors */
#define  MDMA_T_STATUS_BUSY		0x02u	/* a descriptor is in flight */
#define  MDMA_T_STATUS_EMPTY		0x04u	/* HEAD = TAIL */
#define  MDMA_T_STATUS_ERROR		0x08u	/* halted until RESET, see T_ERR_* */
#define  MDMA_T_STATUS_STOPPED		0x10u	/* the host has stopped the engine */
#define  MDMA_T_STATUS_HOST_ON		0x20u	/* the host has enabled this ADI */
#define MDMA_T_RING_BASE_LO		0x048	/* RW IOVA of the ring, 64-byte aligned */
#define MDMA_T_RING_BASE_HI		0x04c
#define MDMA_T_RING_SIZE		0x050	/* RW descriptors, power of two, 2..4096 */
#define MDMA_T_RING_TAIL		0x054	/* RW doorbell: index after the last descriptor */
#define MDMA_T_RING_HEAD		0x058	/* RO index of the next descriptor to complete */
#define MDMA_T_DONE			0x05c	/* RO descriptors completed since reset, wraps */
#define MDMA_T_ERR_CODE			0x060	/* RO MDMA_ERR_* */
#define MDMA_T_ERR_FIELD		0x064	/* RO MDMA_FIELD_* */
#define MDMA_T_ERR_ADDR_LO		0x068	/* RO IOVA that faulted */
#define MDMA_T_ERR_ADDR_HI		0x06c
#define MDMA_T_ERR_INDEX		0x070	/* RO ring index of the descriptor */
#define MDMA_T_INT_CAUSE		0x080	/* RW1C */
#define MDMA_T_INT_MASK			0x084	/* RW 1 = masked; reset value all ones */
#define  MDMA_T_INT_COMPLETE		0x01u	/* a descriptor with MDMA_DESC_IRQ is done */
#define  MDMA_T_INT_ERROR		0x02u	/* the engine halted on an error */
#define  MDMA_T_INT_ALL			(MDMA_T_INT_COMPLETE | MDMA_T_INT_ERROR)

/* Limits */
#define MDMA_MAX_LEN			(4u << 20)
#define MDMA_MAX_RING			4096
#define MDMA_MIN_RING			2

/* Addresses that the device refuses: the interrupt window of x86 */
#define MDMA_INT_WINDOW			0xfee00000ull
#define MDMA_INT_WINDOW_END		0xfeefffffull

/* Codes of T_ERR_CODE and of a completion record's status */
#define MDMA_ERR_NONE			0	/* no error; a record that is not written yet */
#define MDMA_ERR_OK			1	/* in records only: completed */
#define MDMA_ERR_DESC			2	/* malformed descriptor, FIELD says where */
#define MDMA_ERR_RING			3	/* malformed ring registers, FIELD says where */
#define MDMA_ERR_FETCH			4	/* DMA read of the descriptor failed at ADDR */
#define MDMA_ERR_READ			5	/* DMA read of data failed at ADDR */
#define MDMA_ERR_WRITE			6	/* DMA write of data failed at ADDR */
#define MDMA_ERR_RECORD			7	/* DMA write of the record failed at ADDR */
#define MDMA_ERR_PASID			8	/* no valid PASID, or PASIDs are not enabled */
#define MDMA_ERR_MASTER			9	/* Bus Master Enable is off */
#define MDMA_ERR_WINDOW			10	/* ADDR lies in the interrupt window */
#define MDMA_ERR_ABORTED		11	/* ended by the host's ABORT */

/* What MDMA_ERR_DESC and MDMA_ERR_RING blame */
#define MDMA_FIELD_NONE			0
#define MDMA_FIELD_OPCODE		1
#define MDMA_FIELD_FLAGS		2
#define MDMA_FIELD_SRC			3
#define MDMA_FIELD_DST			4
#define MDMA_FIELD_LEN			5
#define MDMA_FIELD_SEED			6
#define MDMA_FIELD_PATTERN		7
#define MDMA_FIELD_RECORD		8
#define MDMA_FIELD_RESERVED		9
#define MDMA_FIELD_RING_BASE		32
#define MDMA_FIELD_RING_SIZE		33
#define MDMA_FIELD_RING_TAIL		34
#define MDMA_FIELD_RING_HEAD		35

#define MDMA_OP_NOP			0
#define MDMA_OP_COPY			1
#define MDMA_OP_FILL			2
#define MDMA_OP_CRC32C			3
#define MDMA_OP_COMPARE			4
#define MDMA_OPS_ALL			0x1fu

#define MDMA_DESC_IRQ			0x01u	/* set INT_COMPLETE when done */
#define MDMA_DESC_RECORD		0x02u	/* write a completion record */
#define MDMA_DESC_FLAGS			(MDMA_DESC_IRQ | MDMA_DESC_RECORD)

/* A descriptor: 64 bytes, 64-byte aligned. A field that its opcode does not use is 0. */
struct mdma_desc {
	__le32 opcode;
	__le32 flags;
	__le64 src;		/* COPY, CRC32C, COMPARE */
	__le64 dst;		/* COPY, FILL; COMPARE: the second source */
	__le32 len;		/* bytes, 0..MDMA_MAX_LEN */
	__le32 seed;		/* CRC32C: result of the preceding part, 0 at the start */
	__le64 pattern;		/* FILL: byte i of dst becomes byte i % 8 of this */
	__le64 record;		/* with MDMA_DESC_RECORD: IOVA of the record, 32-byte aligned */
	__le64 cookie;		/* any value, copied to the record */
	__le64 reserved;
};

/* A completion record: 32 bytes, 32-byte aligned. status is written last and is never 0. */
struct mdma_record {
	__le32 status;		/* MDMA_ERR_* */
	__le32 field;		/* MDMA_FIELD_* */
	__le32 bytes;		/* bytes processed */
	__le32 result;		/* CRC32C: the CRC. COMPARE: 0 equal, 1 different */
	__le64 addr;		/* IOVA that faulted, or 0 */
	__le64 cookie;
};

/*
 * Everything a tenant can see of its ADI, as the state window at MDMA_H_STATE lays it out.
 * Words in device order (little-endian); 64-bit values as two words, low one first.
 */
struct mdma_state {
	__le32 version;		/* MDMA_VERSION; writes are ignored */
	__le32 ctrl;		/* T_CTRL */
	__le32 ring_base_lo;
	__le32 ring_base_hi;
	__le32 ring_size;
	__le32 ring_tail;
	__le32 ring_head;
	__le32 done;
	__le32 err_code;	/* not 0: T_STATUS.ERROR is set */
	__le32 err_field;
	__le32 err_addr_lo;
	__le32 err_addr_hi;
	__le32 err_index;
	__le32 int_cause;
	__le32 int_mask;
	__le32 reserved;	/* 0 */
};

#endif /* MDMA_REGS_H */
