// SPDX-License-Identifier: GPL-2.0-only
/* A tenant of the lab's DMA engine, see mdma.h. */
#include <endian.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mdma.h"

#define WAIT_MS		30000

const char *mdma_bind(const char *bdf, const char *driver)
{
	char bound[64];

	if (!path_exists(PCI_DEVICES "%s", bdf))
		return "this machine has no such mdma device";
	if (module_load("mdma", NULL))
		return "module mdma cannot be loaded";
	if (!link_basename(bound, sizeof(bound), PCI_DEVICES "%s/driver", bdf)) {
		if (!strcmp(bound, driver))
			return NULL;
		sysfs_write(bdf, PCI_DEVICES "%s/driver/unbind", bdf);
	}
	if (sysfs_write(driver, PCI_DEVICES "%s/driver_override", bdf) ||
	    sysfs_write(bdf, "/sys/bus/pci/drivers_probe"))
		return "the driver cannot be bound";
	if (link_basename(bound, sizeof(bound), PCI_DEVICES "%s/driver", bdf) ||
	    strcmp(bound, driver))
		return "the driver does not take the device";
	return NULL;
}

void mdma_create(struct mdma_tenant *t, const char *parent, const char *type, unsigned int n)
{
	memset(t, 0, sizeof(*t));
	mdev_uuid(0x2000 + n, t->uuid);
	REQUIRE_OK(mdev_create(parent, type, t->uuid), "%s %u", type, n);
}

void mdma_open(struct mdma_tenant *t, const struct vfio_mode *mode, void *mem, u64 size)
{
	t->mem = mem ?: pages_alloc(size);
	t->size = size;
	REQUIRE_OK(vfio_space_open(&t->space, mode));
	REQUIRE_OK(vfio_join_group(&t->space, t->uuid));
	REQUIRE_OK(vfio_map(&t->space, t->mem, MDMA_IOVA, size));
	REQUIRE_OK(vfio_client_open(&t->client, &t->space, t->uuid));
	config_set_master(&t->client, true);
	t->adis = t->client.bars[MDMA_SLICE_BAR_TENANT].size / MDMA_PAGE_SIZE;
	REQUIRE(t->adis >= 1 && t->adis <= ARRAY_SIZE(t->events), "%u ADIs", t->adis);
	t->pages = vfio_mmap(&t->client, MDMA_SLICE_BAR_TENANT, t->adis * MDMA_PAGE_SIZE);
	for (unsigned int i = 0; i < t->adis; i++)
		t->events[i] = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&t->client, VFIO_PCI_MSIX_IRQ_INDEX, 0, t->adis, t->events));
}

void mdma_close(struct mdma_tenant *t)
{
	vfio_munmap(t->pages, t->adis * MDMA_PAGE_SIZE);
	vfio_client_close(&t->client);
	vfio_leave_group(&t->space, t->uuid);
	vfio_space_close(&t->space);
	munmap(t->mem, t->size);
	for (unsigned int i = 0; i < t->adis; i++)
		close(t->events[i]);
}

void mdma_start(struct mdma_tenant *t, const struct vfio_mode *mode, const char *parent,
		const char *type, unsigned int n, u64 size)
{
	mdma_create(t, parent, type, n);
	mdma_open(t, mode, NULL, size);
}

void mdma_end(struct mdma_tenant *t)
{
	mdma_close(t);
	REQUIRE_OK(mdev_remove(t->uuid));
}

static volatile u32 *tenant_register(struct mdma_tenant *t, unsigned int adi, unsigned int reg)
{
	return (volatile u32 *)(t->pages + MDMA_TENANT_PAGE(adi) + reg);
}

u32 mdma_get(struct mdma_tenant *t, unsigned int adi, unsigned int reg)
{
	return le32toh(*tenant_register(t, adi, reg));
}

void mdma_put(struct mdma_tenant *t, unsigned int adi, unsigned int reg, u32 value)
{
	__sync_synchronize();
	*tenant_register(t, adi, reg) = htole32(value);
}

static u64 queue_iova(struct mdma_queue *q)
{
	return MDMA_IOVA + q->adi * MDMA_AREA;
}

static struct mdma_record *record_at(struct mdma_queue *q, unsigned int index)
{
	return (struct mdma_record *)(q->t->mem + q->adi * MDMA_AREA + MDMA_RECORDS) + index;
}

void mdma_queue_set_up(struct mdma_queue *q, struct mdma_tenant *t, unsigned int adi)
{
	*q = (struct mdma_queue) { .t = t, .adi = adi };
	mdma_put(t, adi, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	mdma_put(t, adi, MDMA_T_RING_BASE_LO, queue_iova(q));
	mdma_put(t, adi, MDMA_T_RING_BASE_HI, queue_iova(q) >> 32);
	mdma_put(t, adi, MDMA_T_RING_SIZE, MDMA_RING);
	mdma_put(t, adi, MDMA_T_INT_MASK, 0);
	mdma_put(t, adi, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
}

void mdma_queue_start(struct mdma_queue *q, struct mdma_tenant *t, unsigned int adi)
{
	mdma_queue_set_up(q, t, adi);
	REQUIRE(mdma_get(t, adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING, "status 0x%x",
		mdma_get(t, adi, MDMA_T_STATUS));
}

struct mdma_desc *mdma_add(struct mdma_queue *q, u32 op, u64 src, u64 dst, u32 len)
{
	struct mdma_desc *desc = (struct mdma_desc *)(q->t->mem + q->adi * MDMA_AREA) + q->tail;

	memset(record_at(q, q->tail), 0, sizeof(struct mdma_record));
	*desc = (struct mdma_desc) {
		.opcode = htole32(op),
		.flags = htole32(MDMA_DESC_RECORD | MDMA_DESC_IRQ),
		.src = htole64(src),
		.dst = htole64(dst),
		.len = htole32(len),
		.record = htole64(queue_iova(q) + MDMA_RECORDS +
				  q->tail * sizeof(struct mdma_record)),
		.cookie = htole64(0xc0c0000000000000ull | q->tail),
	};
	q->tail = (q->tail + 1) % MDMA_RING;
	return desc;
}

void mdma_ring_bell(struct mdma_queue *q)
{
	mdma_put(q->t, q->adi, MDMA_T_RING_TAIL, q->tail);
}

u32 mdma_wait(struct mdma_queue *q)
{
	u64 end = now_ms() + WAIT_MS;
	u32 status;

	for (;;) {
		REQUIRE(eventfd_take_within(q->t->events[q->adi], end - now_ms()) && now_ms() < end,
			"no interrupt; status 0x%x", mdma_get(q->t, q->adi, MDMA_T_STATUS));
		/* Cleared before the look, so that what completes after it interrupts again */
		mdma_put(q->t, q->adi, MDMA_T_INT_CAUSE, MDMA_T_INT_ALL);
		status = mdma_get(q->t, q->adi, MDMA_T_STATUS);
		if (status & MDMA_T_STATUS_ERROR)
			return status;
		if ((status & MDMA_T_STATUS_EMPTY) && !(status & MDMA_T_STATUS_BUSY))
			return status;
	}
}

struct mdma_record *mdma_run(struct mdma_queue *q)
{
	struct mdma_record *record = record_at(q, (q->tail + MDMA_RING - 1) % MDMA_RING);

	mdma_ring_bell(q);
	mdma_wait(q);
	return record;
}

u32 mdma_copy(struct mdma_queue *q, u64 src, u64 dst, u32 len)
{
	u32 status;

	mdma_add(q, MDMA_OP_COPY, src, dst, len);
	status = le32toh(mdma_run(q)->status);
	if (status != MDMA_ERR_OK)
		mdma_queue_start(q, q->t, q->adi);
	return status;
}

static u64 next_word(u64 word)
{
	return word * 6364136223846793005ull + 1442695040888963407ull;
}

void mdma_fill(void *memory, size_t size, u64 seed)
{
	u64 word = next_word(seed + 1);

	for (size_t i = 0; i < size; i += 8) {
		memcpy((u8 *)memory + i, &word, size - i < 8 ? size - i : 8);
		word = next_word(word);
	}
}

bool mdma_is_filled(const void *memory, size_t size, u64 seed)
{
	u64 word = next_word(seed + 1);

	for (size_t i = 0; i < size; i += 8) {
		if (memcmp((const u8 *)memory + i, &word, size - i < 8 ? size - i : 8))
			return false;
		word = next_word(word);
	}
	return true;
}

u32 mdma_reference_crc(const u8 *bytes, size_t size)
{
	u32 crc = ~0u;

	while (size--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}
