/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tenant of the lab's DMA engine: an mdev of the mdma parent driver with an address space and
 * memory of its own, its tenant pages mapped, one queue on each.
 */
#ifndef _LAB_MDMA_H
#define _LAB_MDMA_H

#include "../../../kernel/samples/mdma/mdma_regs.h"
#include "../../../kernel/samples/mdma/slice.h"
#include "sysfs.h"
#include "vfio.h"

#define MDMA_BDF	"0000:00:03.0"
#define MDMA_WHOLE_BDF	"0000:00:04.0"
#define MDMA_PORT_BDF	"0000:00:05.0"
#define PCI_DEVICES	"/sys/bus/pci/devices/"
#define MDMA_PARENT	"/sys/bus/pci/devices/" MDMA_BDF

/* Every tenant's memory lies at the same address: what one reaches must be its own */
#define MDMA_IOVA	0x40000000ull
#define MDMA_AREA	8192u			/* of a queue: ring, then records */
#define MDMA_RECORDS	4096u
#define MDMA_DATA	(4 * MDMA_AREA)		/* behind the queues of 4 ADIs */
#define MDMA_RING	64u

struct mdma_tenant {
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
	volatile u8 *pages;
	unsigned int adis;
	int events[4];		/* eventfd of each ADI's MSI-X vector */
	u8 *mem;		/* at MDMA_IOVA */
	u64 size;
};

struct mdma_queue {
	struct mdma_tenant *t;
	unsigned int adi;	/* of the tenant */
	unsigned int tail;
};

/* Binds a function to the parent driver @driver, "mdma" or "mdma-whole". NULL, or why not */
const char *mdma_bind(const char *bdf, const char *driver);

/* Asks @parent for the mdev number @n, without opening it; fails the test otherwise */
void mdma_create(struct mdma_tenant *t, const char *parent, const char *type, unsigned int n);
/* Opens it with @size bytes of memory (@mem, or new memory when NULL), memory decode on */
void mdma_open(struct mdma_tenant *t, const struct vfio_mode *mode, void *mem, u64 size);
void mdma_close(struct mdma_tenant *t);
/* create and open, with new memory */
void mdma_start(struct mdma_tenant *t, const struct vfio_mode *mode, const char *parent,
		const char *type, unsigned int n, u64 size);
/* close and remove */
void mdma_end(struct mdma_tenant *t);

u32 mdma_get(struct mdma_tenant *t, unsigned int adi, unsigned int reg);
void mdma_put(struct mdma_tenant *t, unsigned int adi, unsigned int reg, u32 value);

/* Resets the ADI and gives it an empty ring and all its interrupts */
void mdma_queue_set_up(struct mdma_queue *q, struct mdma_tenant *t, unsigned int adi);
/* The same, and it runs */
void mdma_queue_start(struct mdma_queue *q, struct mdma_tenant *t, unsigned int adi);
/* A descriptor at the tail, with a record and an interrupt; addresses are IOVAs */
struct mdma_desc *mdma_add(struct mdma_queue *q, u32 op, u64 src, u64 dst, u32 len);
/* Rings the doorbell for all that were added */
void mdma_ring_bell(struct mdma_queue *q);
/* Waits by MSI-X until the ring is empty or halted on an error. Returns T_STATUS */
u32 mdma_wait(struct mdma_queue *q);
/* add, bell and wait for one descriptor that mdma_add() gave, and its record */
struct mdma_record *mdma_run(struct mdma_queue *q);
/* One COPY; returns MDMA_ERR_*, and starts the queue again after an error */
u32 mdma_copy(struct mdma_queue *q, u64 src, u64 dst, u32 len);

/* CRC-32C from its definition, bit by bit */
u32 mdma_reference_crc(const u8 *bytes, size_t size);

/* Bytes that are different for each seed */
void mdma_fill(void *memory, size_t size, u64 seed);
bool mdma_is_filled(const void *memory, size_t size, u64 seed);

#endif /* _LAB_MDMA_H */
