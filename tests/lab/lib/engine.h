/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab's DMA engine against its data sheet (docs/mdma-device.md): the whole PCI function in
 * one process through the kernel's vfio-pci, its ADIs in requester ID mode. No part of the kit
 * is involved; what the kit adds, DMA with PASIDs, is tested with the parent driver.
 *
 * Every test opens the device anew, so every test starts after a function level reset.
 */
#ifndef _LAB_ENGINE_H
#define _LAB_ENGINE_H

#include <endian.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <string.h>

#include "../../../kernel/samples/mdma/mdma_regs.h"
#include "ktap.h"
#include "sysfs.h"
#include "vfio.h"

/*
 * The memory that the device reaches, and where. Each ADI in use has a ring and records of its
 * own; the rest is data. A page behind it can be read only, and then nothing is mapped.
 */
#define MEM_IOVA	0x40000000ull
#define MEM_SIZE	(32u << 20)
#define RING_AREA	0x10000u	/* per ADI: 512 descriptors, then 1024 records */
#define RECORDS		0x8000u
#define DATA		(8u << 20)	/* offset of the data, behind 128 ring areas */
#define RO_IOVA		(MEM_IOVA + MEM_SIZE)
#define HOLE_IOVA	(RO_IOVA + 4096)

#define MIB		(1u << 20)
#define WAIT_MS		60000

struct engine {
	struct vfio_space space;
	struct vfio_client client;
	volatile uint8_t *host;		/* BAR 0 */
	volatile uint8_t *tenant;	/* BAR 2 */
	uint8_t *mem;			/* at MEM_IOVA */
	unsigned int adis;
};

/* A tenant's view of its queue */
struct queue {
	struct engine *e;
	unsigned int adi;
	unsigned int size;
	unsigned int tail;
};

static inline uint32_t get32(volatile uint8_t *at)
{
	return le32toh(*(volatile uint32_t *)at);
}

static inline void put32(volatile uint8_t *at, uint32_t val)
{
	__sync_synchronize();
	*(volatile uint32_t *)at = htole32(val);
}

static inline uint32_t host_get(struct engine *e, unsigned int adi, unsigned int reg)
{
	return get32(e->host + MDMA_HOST_PAGE(adi) + reg);
}

static inline void host_put(struct engine *e, unsigned int adi, unsigned int reg, uint32_t val)
{
	put32(e->host + MDMA_HOST_PAGE(adi) + reg, val);
}

static inline uint32_t tenant_get(struct engine *e, unsigned int adi, unsigned int reg)
{
	return get32(e->tenant + MDMA_TENANT_PAGE(adi) + reg);
}

static inline void tenant_put(struct engine *e, unsigned int adi, unsigned int reg, uint32_t val)
{
	put32(e->tenant + MDMA_TENANT_PAGE(adi) + reg, val);
}

#define BACKLOG_RING	512
#define BACKLOG		(BACKLOG_RING - 1)
#define BACKLOG_AT	(DATA + 12 * MIB)

/* vfio-pci in place of whatever driver the function has. Returns why it cannot be, or NULL */
const char *engine_take(void);
void engine_give_back(void);
/* The lib opens mdevs; a PCI function is opened by its group and address */
void engine_open(struct engine *e);
void engine_enable_adi(struct engine *e, unsigned int adi);
uint64_t ring_iova(unsigned int adi);
void queue_start(struct queue *q);
void queue_open(struct queue *q, struct engine *e, unsigned int adi, unsigned int size);
/* The engine, and a queue on its ADI 0 */
void engine_open_queue(struct engine *e, struct queue *q, unsigned int size);
struct mdma_desc *queue_desc(struct queue *q, unsigned int index);
struct mdma_record *queue_record(struct queue *q, unsigned int index);
/* A descriptor of the ring with its record, to be filled in; its index is q->tail */
struct mdma_desc *queue_new(struct queue *q, uint32_t op, uint64_t src, uint64_t dst, uint32_t len);
void queue_next(struct queue *q);
void queue_bell(struct queue *q);
/* Waits until the engine has nothing to do or has halted. Returns T_STATUS */
uint32_t queue_wait(struct queue *q);
/* Runs the descriptor at q->tail and returns its record */
struct mdma_record *queue_run(struct queue *q);
/* After an error: the tenant's own reset, and a new start */
void queue_restart(struct queue *q);
void check_record(struct mdma_record *record, uint32_t status, uint32_t bytes, uint32_t result);
/* A NOP runs and says so */
void check_queue_works(struct queue *q);
/* The error in the registers and, if there is one, in the record */
void check_error(struct queue *q, struct mdma_record *record, uint32_t code, uint32_t field,
		 uint64_t addr);
/* An eventfd for each vector: the host's, then one for each ADI */
void connect_vectors(struct engine *e, int *fds);
void engine_command(struct engine *e, unsigned int adi, uint32_t cmd, uint32_t result);
void engine_drain(struct engine *e, unsigned int adi);
/* Bytes that look random and are the same in each run */
void scramble(uint8_t *at, size_t size, uint64_t seed);
/*
 * Work for a second or more, so that something is in flight when the host steps in, however
 * late it is scheduled: as many FILLs as the ring holds, each with a pattern of its own.
 */
uint64_t backlog_pattern(unsigned int index);
void queue_backlog(struct queue *q);
/* After the FILL @index was ended at @bytes: before that its pattern, behind that the last one's */
void check_backlog(struct engine *e, unsigned int index, uint32_t bytes);
void wait_in_flight(struct engine *e, unsigned int adi);
void wait_done(struct engine *e, unsigned int adi, uint32_t count);

int engine_main(int argc, char **argv);

#endif /* _LAB_ENGINE_H */
