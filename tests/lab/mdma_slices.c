// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slices of the lab's DMA engine through stock VFIO: every mdev's DMA carries a PASID of its own,
 * and reaches what its tenant mapped and nothing else. The engine itself is tested by the programs
 * engine_*; here the kit, the parent driver and the kernel's intel-iommu are.
 */
#include <endian.h>
#include <linux/pci_regs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpus.h"
#include "dmesg.h"
#include "mdma.h"

#define KIB		1024u
#define MIB		(1024u * KIB)
#define PAGE		4096u
#define SMALL		(64 * KIB)

static const char *parent_ready(void)
{
	return mdma_bind(MDMA_BDF, "mdma");
}

static const char *restore(void)
{
	const char *left = mdev_remove_all();

	if (path_exists(PCI_DEVICES MDMA_WHOLE_BDF))
		mdma_bind(MDMA_WHOLE_BDF, "mdma");
	return left;
}

static u64 at(u64 offset)
{
	return MDMA_IOVA + offset;
}

static void check_record(const struct mdma_record *record, u32 status, u32 field, u32 bytes,
			 u32 result, u64 addr)
{
	CHECK_EQ(le32toh(record->status), status);
	CHECK_EQ(le32toh(record->field), field);
	CHECK_EQ(le32toh(record->bytes), bytes);
	CHECK_EQ(le32toh(record->result), result);
	CHECK_EQ(le64toh(record->addr), addr);
}

/* ---- what a tenant gets ---- */

TEST("the types share the parent's ADIs")
{
	struct mdma_tenant one, four;
	long all = mdev_available(MDMA_PARENT, "mdma-1");

	CHECK_EQ(all, 127, "128 ADIs, one of which stays with the host");
	CHECK_EQ(mdev_available(MDMA_PARENT, "mdma-2"), all / 2);
	CHECK_EQ(mdev_available(MDMA_PARENT, "mdma-4"), all / 4);
	mdma_create(&four, MDMA_PARENT, "mdma-4", 0);
	mdma_create(&one, MDMA_PARENT, "mdma-1", 1);
	CHECK_EQ(mdev_available(MDMA_PARENT, "mdma-1"), all - 5);
	CHECK(mdev_group(four.uuid) >= 0);
	CHECK(mdev_group(four.uuid) != mdev_group(one.uuid));
	CHECK_ERR(mdev_remove(four.uuid), 0);
	CHECK_ERR(mdev_remove(one.uuid), 0);
	CHECK_EQ(mdev_available(MDMA_PARENT, "mdma-1"), all);
}

TEST_ALL_MODES("a tenant of four ADIs has four pages and four vectors, each its own")
{
	struct mdma_tenant t;
	struct mdma_queue q[4];

	mdma_start(&t, mode, MDMA_PARENT, "mdma-4", 0, SMALL);
	CHECK_EQ(config_get(&t.client, PCI_VENDOR_ID, 2), MDMA_PCI_VENDOR);
	CHECK_EQ(config_get(&t.client, PCI_DEVICE_ID, 2), MDMA_SLICE_DEVICE);
	REQUIRE_EQ(t.adis, 4);
	for (unsigned int i = 0; i < 4; i++)
		mdma_queue_start(&q[i], &t, i);
	for (unsigned int i = 0; i < 4; i++) {
		mdma_fill(t.mem + MDMA_DATA, 3000, i);
		mdma_add(&q[i], MDMA_OP_COPY, at(MDMA_DATA), at(MDMA_DATA + 8192 + i), 3000);
		check_record(mdma_run(&q[i]), MDMA_ERR_OK, 0, 3000, 0, 0);
		CHECK(mdma_is_filled(t.mem + MDMA_DATA + 8192 + i, 3000, i));
		for (unsigned int k = 0; k < 4; k++)
			CHECK_EQ(eventfd_take(t.events[k]), 0, "ADI %u, vector %u", i, k);
	}
	mdma_end(&t);
}

TEST_ALL_MODES("trapped accesses reach the same registers as the mapped page")
{
	struct mdma_tenant t;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-2", 0, SMALL);
	for (unsigned int adi = 0; adi < 2; adi++) {
		u64 page = MDMA_TENANT_PAGE(adi);

		CHECK_EQ(vfio_get(&t.client, 0, page + MDMA_T_ID, 4), MDMA_ID);
		vfio_put(&t.client, 0, page + MDMA_T_RING_BASE_LO, 4, 0x12340000 + adi);
		CHECK_EQ(mdma_get(&t, adi, MDMA_T_RING_BASE_LO), 0x12340000 + adi);
	}
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_RING_BASE_LO), 0x12340000);
	mdma_end(&t);
}

/* ---- every opcode against a reference ---- */

static const u32 sizes[] = { 0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * MIB };

#define SRC		MDMA_DATA
#define DST		(MDMA_DATA + 3 * MIB)
#define OPS_SIZE	(MDMA_DATA + 6 * MIB)

TEST_ALL_MODES_LONG("each opcode does what a reference in C does, at each size", 300)
{
	const u64 pattern = 0x8877665544332211ull;
	struct mdma_tenant t;
	struct mdma_queue q;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, OPS_SIZE);
	mdma_queue_start(&q, &t, 0);
	mdma_fill(t.mem + SRC, 2 * MIB, 7);
	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		u32 len = sizes[n], wrong = 0;
		struct mdma_desc *desc;

		memset(t.mem + DST, 0xa5, len + 16);
		mdma_add(&q, MDMA_OP_COPY, at(SRC), at(DST + 8), len);
		check_record(mdma_run(&q), MDMA_ERR_OK, 0, len, 0, 0);
		CHECK(!memcmp(t.mem + SRC, t.mem + DST + 8, len), "COPY of %u", len);
		for (int i = 0; i < 8; i++)
			wrong += t.mem[DST + i] != 0xa5 || t.mem[DST + 8 + len + i] != 0xa5;
		CHECK_EQ(wrong, 0, "bytes beside a COPY of %u", len);

		mdma_add(&q, MDMA_OP_COMPARE, at(SRC), at(DST + 8), len);
		check_record(mdma_run(&q), MDMA_ERR_OK, 0, len, 0, 0);
		if (len) {
			t.mem[DST + 8 + len - 1] ^= 1;
			mdma_add(&q, MDMA_OP_COMPARE, at(SRC), at(DST + 8), len);
			check_record(mdma_run(&q), MDMA_ERR_OK, 0, len - 1, 1, 0);
		}

		mdma_add(&q, MDMA_OP_CRC32C, at(SRC), 0, len);
		check_record(mdma_run(&q), MDMA_ERR_OK, 0, len,
			     mdma_reference_crc(t.mem + SRC, len), 0);

		desc = mdma_add(&q, MDMA_OP_FILL, 0, at(DST), len);
		desc->pattern = htole64(pattern);
		check_record(mdma_run(&q), MDMA_ERR_OK, 0, len, 0, 0);
		for (u32 i = 0; i < len; i++)
			wrong += t.mem[DST + i] != (u8)(pattern >> i % 8 * 8);
		CHECK_EQ(wrong, 0, "FILL of %u", len);

		mdma_add(&q, MDMA_OP_NOP, 0, 0, 0);
		check_record(mdma_run(&q), MDMA_ERR_OK, 0, 0, 0, 0);
	}
	mdma_end(&t);
}

TEST("a ring wraps, and runs in order")
{
	struct mdma_tenant t;
	struct mdma_queue q;
	u32 bytes = 0;

	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_queue_start(&q, &t, 0);
	for (unsigned int round = 0; round < 5; round++) {
		/* Each FILL overwrites what the one before wrote, but for its first byte */
		for (unsigned int i = 0; i < MDMA_RING - 1; i++) {
			struct mdma_desc *desc = mdma_add(&q, MDMA_OP_FILL, 0,
							  at(MDMA_DATA + i), MDMA_RING - i);

			desc->pattern = htole64(0x0101010101010101ull * (round + i));
		}
		mdma_ring_bell(&q);
		mdma_wait(&q);
		for (unsigned int i = 0; i < MDMA_RING - 1; i++)
			bytes += t.mem[MDMA_DATA + i] == (u8)(round + i);
	}
	CHECK_EQ(bytes, 5 * (MDMA_RING - 1));
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_DONE), 5 * (MDMA_RING - 1));
	mdma_end(&t);
}

static const struct {
	u32 field;
	struct mdma_desc desc;
} malformed[] = {
	{ MDMA_FIELD_OPCODE, { .opcode = 5 } },
	{ MDMA_FIELD_FLAGS, { .flags = 0x80 } },
	{ MDMA_FIELD_LEN, { .opcode = MDMA_OP_FILL, .dst = MDMA_IOVA, .len = MDMA_MAX_LEN + 1 } },
	{ MDMA_FIELD_SRC, { .opcode = MDMA_OP_CRC32C, .src = ~0ull, .len = 16 } },
	{ MDMA_FIELD_DST, { .opcode = MDMA_OP_FILL, .dst = ~0ull, .len = 16 } },
	{ MDMA_FIELD_DST, { .opcode = MDMA_OP_COPY, .src = MDMA_IOVA, .dst = MDMA_IOVA + 8,
			    .len = 16 } },
	{ MDMA_FIELD_SEED, { .opcode = MDMA_OP_NOP, .seed = 1 } },
	{ MDMA_FIELD_PATTERN, { .opcode = MDMA_OP_NOP, .pattern = 1 } },
	{ MDMA_FIELD_RESERVED, { .opcode = MDMA_OP_NOP, .reserved = 1 } },
};

TEST("a malformed descriptor: the record names the field, the ADI halts, its neighbour goes on")
{
	struct mdma_queue bad, good;
	struct mdma_tenant t;

	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-2", 0, SMALL);
	mdma_queue_start(&good, &t, 1);
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct mdma_desc *desc, want = malformed[i].desc;

		mdma_queue_start(&bad, &t, 0);
		desc = mdma_add(&bad, MDMA_OP_NOP, 0, 0, 0);
		want.record = desc->record;
		want.flags |= desc->flags;
		*desc = want;
		check_record(mdma_run(&bad), MDMA_ERR_DESC, malformed[i].field, 0, 0, 0);
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_FIELD), malformed[i].field);
		mdma_add(&bad, MDMA_OP_NOP, 0, 0, 0);
		mdma_ring_bell(&bad);
		CHECK_EQ(mdma_copy(&good, at(MDMA_DATA), at(MDMA_DATA + PAGE), 100), MDMA_ERR_OK);
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_DONE), 0, "it goes on without a reset");
	}
	mdma_put(&t, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	mdma_put(&t, 0, MDMA_T_RING_SIZE, 3);
	mdma_put(&t, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_CODE), MDMA_ERR_RING);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_FIELD), MDMA_FIELD_RING_SIZE);
	mdma_end(&t);
}

/* ---- faults ---- */

TEST_ALL_MODES("a fault names its address, and how far the transfer came")
{
	const u64 end = at(SMALL), ro = at(16 * MIB), hole = at(32 * MIB);
	struct mdma_tenant t;
	struct mdma_queue q;
	void *page;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, SMALL);
	page = pages_alloc(PAGE);
	REQUIRE_OK(vfio_map_prot(&t.space, page, ro, PAGE, VFIO_DMA_MAP_FLAG_READ));

	mdma_queue_start(&q, &t, 0);
	mdma_add(&q, MDMA_OP_COPY, hole, at(MDMA_DATA), 64);
	check_record(mdma_run(&q), MDMA_ERR_READ, 0, 0, 0, hole);
	mdma_queue_start(&q, &t, 0);
	mdma_add(&q, MDMA_OP_FILL, 0, hole, 64);
	check_record(mdma_run(&q), MDMA_ERR_WRITE, 0, 0, 0, hole);
	mdma_queue_start(&q, &t, 0);
	mdma_add(&q, MDMA_OP_FILL, 0, ro, 64);
	check_record(mdma_run(&q), MDMA_ERR_WRITE, 0, 0, 0, ro);
	CHECK_EQ(*(u64 *)page, 0);
	mdma_queue_start(&q, &t, 0);
	CHECK_EQ(mdma_copy(&q, ro, at(MDMA_DATA), PAGE), MDMA_ERR_OK);
	mdma_add(&q, MDMA_OP_CRC32C, end - 100, 0, 200);
	check_record(mdma_run(&q), MDMA_ERR_READ, 0, 100, 0, end);
	mdma_queue_start(&q, &t, 0);
	mdma_add(&q, MDMA_OP_FILL, 0, MDMA_INT_WINDOW, 4);
	check_record(mdma_run(&q), MDMA_ERR_WINDOW, 0, 0, 0, MDMA_INT_WINDOW);
	CHECK_ERR(vfio_map(&t.space, page, MDMA_INT_WINDOW, PAGE), EINVAL,
		  "the interrupt window can be mapped");

	/* A ring that cannot be read */
	mdma_put(&t, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	mdma_put(&t, 0, MDMA_T_RING_BASE_LO, hole);
	mdma_put(&t, 0, MDMA_T_RING_BASE_HI, hole >> 32);
	mdma_put(&t, 0, MDMA_T_RING_SIZE, 2);
	mdma_put(&t, 0, MDMA_T_INT_MASK, 0);
	mdma_put(&t, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	mdma_put(&t, 0, MDMA_T_RING_TAIL, 1);
	mdma_wait(&q);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_CODE), MDMA_ERR_FETCH);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_ADDR_LO), (u32)hole);
	mdma_end(&t);
}

TEST("a tenant whose every access faults does not flood the host's log")
{
	struct mdma_tenant t;
	struct mdma_queue q;
	struct dmesg log;
	double begin = ktap_clock();
	unsigned int lines, spans;

	REQUIRE_OK(dmesg_mark(&log, "mdma_slices"));
	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_queue_start(&q, &t, 0);
	for (int i = 0; i < 500; i++)
		REQUIRE_EQ(mdma_copy(&q, at(MIB + i * PAGE), at(MDMA_DATA), 64), MDMA_ERR_READ);
	mdma_end(&t);
	lines = dmesg_count(&log, "");
	/* The kernel's limit is so many in each 5 s */
	spans = 1 + (ktap_clock() - begin) / 5;
	ktap_note("%u lines in the log for 500 faults, in %u times 5 s", lines, spans);
	CHECK(lines < 100 * spans);
}

TEST_ALL_MODES("memory that was unmapped is out of reach at once")
{
	struct mdma_tenant t;
	struct mdma_queue q;
	u64 unmapped;
	void *more;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_queue_start(&q, &t, 0);
	more = pages_alloc(PAGE);
	for (int round = 0; round < 20; round++) {
		REQUIRE_OK(vfio_map(&t.space, more, at(MIB), PAGE));
		REQUIRE_EQ(mdma_copy(&q, at(MIB), at(MDMA_DATA), PAGE), MDMA_ERR_OK);
		REQUIRE_OK(vfio_unmap(&t.space, at(MIB), PAGE, &unmapped));
		REQUIRE_EQ(mdma_copy(&q, at(MIB), at(MDMA_DATA), PAGE), MDMA_ERR_READ);
	}
	mdma_end(&t);
}

/* ---- interrupts of the hardware ---- */

/* How many interrupts the host has taken for the mdev, on all CPUs */
static u64 host_interrupts(const char *uuid)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned int lines = 0;
	char line[4096];
	u64 sum = 0;

	REQUIRE(file);
	while (fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(line, uuid))
			continue;
		lines++;
		for (at++;; at = end) {
			u64 count = strtoull(at, &end, 10);

			if (end == at || (*end != ' ' && *end != '\t'))
				break;
			sum += count;
		}
	}
	fclose(file);
	CHECK(lines > 0, "no line for %s", uuid);
	return sum;
}

/* Runs @count descriptors that ask for an interrupt, and looks for their end by polling */
static void run_polled(struct mdma_queue *q, unsigned int count)
{
	u64 end = now_ms() + 30000;

	while (count--) {
		u32 done = mdma_get(q->t, q->adi, MDMA_T_DONE);

		mdma_add(q, MDMA_OP_NOP, 0, 0, 0);
		mdma_ring_bell(q);
		while (mdma_get(q->t, q->adi, MDMA_T_DONE) == done)
			REQUIRE(now_ms() < end);
		mdma_put(q->t, q->adi, MDMA_T_INT_CAUSE, MDMA_T_INT_ALL);
	}
}

TEST_ALL_MODES("who has asked for no interrupts raises none on the host, and gets one when he asks")
{
	struct mdma_tenant t;
	struct mdma_queue q;
	int none = -1;
	u64 before;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_queue_start(&q, &t, 0);
	for (int round = 0; round < 3; round++) {
		if (round % 2)
			REQUIRE_OK(vfio_irq_connect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
						    &none));
		else
			REQUIRE_OK(vfio_irq_disconnect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX));
		eventfd_take(t.events[0]);
		before = host_interrupts(t.uuid);
		run_polled(&q, 100);
		sleep_ms(20);
		CHECK_EQ(host_interrupts(t.uuid), before, "round %d", round);
		CHECK_EQ(eventfd_take(t.events[0]), 0);
		/* The hardware has kept one */
		REQUIRE_OK(vfio_irq_connect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, t.events));
		CHECK_EQ(eventfd_take_within(t.events[0], 5000), 1, "round %d", round);
		CHECK_EQ(host_interrupts(t.uuid), before + 1, "round %d", round);
		REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(MDMA_DATA + PAGE), 64), MDMA_ERR_OK);
	}
	mdma_end(&t);
}

TEST("a message that one tenant leaves behind never reaches the next one, nor the next mdev")
{
	struct mdma_tenant t;
	struct mdma_queue q;

	mdma_create(&t, MDMA_PARENT, "mdma-1", 0);
	for (int round = 0; round < 12; round++) {
		mdma_open(&t, vfio_type1v2, NULL, SMALL);
		CHECK_EQ(eventfd_take_within(t.events[0], 100), 0, "round %d", round);
		mdma_queue_start(&q, &t, 0);
		REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(MDMA_DATA + PAGE), 64), MDMA_ERR_OK);
		/* Pending in the hardware, or on its way when it is switched off */
		if (round % 2)
			REQUIRE_OK(vfio_irq_disconnect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX));
		run_polled(&q, 1);
		mdma_close(&t);
		if (round % 4 < 2)
			continue;
		/* The next mdev has the same ADI */
		REQUIRE_OK(mdev_remove(t.uuid));
		REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", t.uuid));
	}
	REQUIRE_OK(mdev_remove(t.uuid));
}

TEST("a reset drops the message that the hardware has kept")
{
	struct mdma_tenant t;
	struct mdma_queue q;

	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_queue_start(&q, &t, 0);
	REQUIRE_OK(vfio_irq_disconnect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX));
	run_polled(&q, 1);
	REQUIRE_OK(vfio_reset(&t.client));
	REQUIRE_OK(vfio_irq_connect(&t.client, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, t.events));
	CHECK_EQ(eventfd_take_within(t.events[0], 300), 0);
	config_set_master(&t.client, true);
	mdma_queue_start(&q, &t, 0);
	REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(MDMA_DATA + PAGE), 64), MDMA_ERR_OK);
	mdma_end(&t);
}

/* ---- isolation ---- */

#define CROWD		64
#define WORKERS		4
#define ROUND_LEN	(8 * KIB)
#define CROWD_MS	30000

/* One worker's tenants, all at once in the device */
static void crowd_work(struct mdma_tenant *t, unsigned int first, int go, struct overlap *overlap)
{
	struct mdma_queue q[CROWD / WORKERS];
	unsigned int rounds = 0;
	u64 end;
	char c;

	pin_self(first / (CROWD / WORKERS));
	for (unsigned int i = 0; i < CROWD / WORKERS; i++) {
		mdma_open(&t[i], vfio_type1v2, NULL, SMALL);
		mdma_queue_start(&q[i], &t[i], 0);
	}
	/* The write end is closed when all workers are ready */
	REQUIRE_EQ(read(go, &c, 1), 1);
	end = now_ms() + CROWD_MS;
	do {
		for (unsigned int i = 0; i < CROWD / WORKERS; i++) {
			mdma_fill(t[i].mem + MDMA_DATA, ROUND_LEN,
				  (first + i) * 1000003ull + rounds);
			mdma_add(&q[i], MDMA_OP_COPY, at(MDMA_DATA), at(MDMA_DATA + ROUND_LEN),
				 ROUND_LEN);
			mdma_add(&q[i], MDMA_OP_COMPARE, at(MDMA_DATA),
				 at(MDMA_DATA + ROUND_LEN), ROUND_LEN);
			mdma_ring_bell(&q[i]);
		}
		for (unsigned int i = 0; i < CROWD / WORKERS; i++) {
			REQUIRE(!(mdma_wait(&q[i]) & MDMA_T_STATUS_ERROR), "tenant %u", first + i);
			REQUIRE(mdma_is_filled(t[i].mem + MDMA_DATA + ROUND_LEN, ROUND_LEN,
					       (first + i) * 1000003ull + rounds),
				"tenant %u, round %u: not its own data", first + i, rounds);
		}
		rounds++;
		overlap_step(overlap, first);
	} while (now_ms() < end);
	ktap_note("tenants %u to %u: %u rounds", first, first + CROWD / WORKERS - 1, rounds);
	CHECK(rounds > 2);
	exit(ktap_failed());
}

TEST_LONG("64 tenants at the same addresses, all at once for 30 s, see only their own memory", 400)
{
	struct overlap *overlap = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mdma_tenant *t = pages_alloc(CROWD * sizeof(*t));
	int status, go[2];

	REQUIRE(overlap != MAP_FAILED);
	REQUIRE_EQ(pipe(go), 0);
	for (unsigned int i = 0; i < CROWD; i++)
		mdma_create(&t[i], MDMA_PARENT, "mdma-1", i);
	for (unsigned int i = 0; i < CROWD; i += CROWD / WORKERS)
		if (!fork())
			crowd_work(t + i, i, go[0], overlap);
	REQUIRE_EQ(write(go[1], "0123", WORKERS), WORKERS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		REQUIRE(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	/* A round of a worker takes long; that they take turns at all is what is asked for */
	check_overlap(overlap, 4);
	for (unsigned int i = 0; i < CROWD; i++)
		CHECK_ERR(mdev_remove(t[i].uuid), 0);
}

static sigjmp_buf bus_error;

/* A BAR that does not decode, after a random write to config space */
static void on_bus_error(int signal)
{
	siglongjmp(bus_error, 1);
}

/* Random descriptors that are good enough to get past the first checks, in a ring that runs */
static void hostile_ring(struct mdma_tenant *t, unsigned int adi, u64 seed)
{
	struct mdma_desc *desc = (struct mdma_desc *)(t->mem + adi * MDMA_AREA);
	u64 ring = MDMA_IOVA + adi * MDMA_AREA;

	for (unsigned int i = 0; i < MDMA_RING; i++, desc++) {
		desc->opcode &= htole32(3);
		desc->flags &= htole32(MDMA_DESC_FLAGS);
		desc->len &= htole32(0xffff);
		desc->reserved = 0;
		/* half of them where the neighbours have their data */
		if (i & 1) {
			desc->src = htole64(at(le64toh(desc->src) % SMALL));
			desc->dst = htole64(at(le64toh(desc->dst) % SMALL));
		}
	}
	mdma_put(t, adi, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	mdma_put(t, adi, MDMA_T_RING_BASE_LO, ring);
	mdma_put(t, adi, MDMA_T_RING_BASE_HI, ring >> 32);
	mdma_put(t, adi, MDMA_T_RING_SIZE, MDMA_RING);
	mdma_put(t, adi, MDMA_T_INT_MASK, 0);
	mdma_put(t, adi, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	mdma_put(t, adi, MDMA_T_RING_TAIL, seed % MDMA_RING);
}

/* Random descriptors, rings, doorbells, registers and config space until it is killed */
static void be_hostile(struct mdma_tenant *t, struct overlap *overlap)
{
	static u64 seed;

	pin_self(0);
	mdma_open(t, vfio_type1v2, NULL, SMALL);
	signal(SIGBUS, on_bus_error);
	for (;;) {
		unsigned int adi;

		if (sigsetjmp(bus_error, 1))
			vfio_reset(&t->client);
		vfio_write(&t->client, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
			   &(u16) { PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER }, 2);
		mdma_fill(t->mem, SMALL, ++seed);
		adi = seed >> 1 & 1;
		if (seed & 1)
			hostile_ring(t, adi, seed);
		for (unsigned int i = 0; i < 16; i++) {
			u64 word = *(u64 *)(t->mem + MDMA_DATA + 8 * i);

			mdma_put(t, adi, (word >> 40) % MDMA_PAGE_SIZE & ~3u, word);
			mdma_put(t, adi, MDMA_T_RING_TAIL, word >> 16);
			vfio_write(&t->client, MDMA_SLICE_BAR_MSIX, word % 8192, &word, 4);
		}
		for (unsigned int i = 0; i < 16; i++) {
			u64 word = *(u64 *)(t->mem + MDMA_DATA + 8 * i);

			vfio_write(&t->client, VFIO_PCI_CONFIG_REGION_INDEX, (word >> 32) % 4096,
				   &word, 4);
		}
		if (!(seed % 64))
			vfio_reset(&t->client);
		overlap_step(overlap, 0);
	}
}

TEST_LONG("a hostile tenant is neither seen nor felt by a correct one", 200)
{
	struct overlap *overlap = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mdma_tenant good, bad;
	struct mdma_queue q;
	unsigned int rounds = 0;
	int status;
	pid_t pid;
	u64 end;

	REQUIRE(overlap != MAP_FAILED);
	mdma_create(&bad, MDMA_PARENT, "mdma-2", 0);
	pid = fork();
	if (!pid)
		be_hostile(&bad, overlap);
	pin_self(1);
	mdma_start(&good, vfio_type1v2, MDMA_PARENT, "mdma-1", 1, SMALL);
	mdma_queue_start(&q, &good, 0);
	end = now_ms() + 15000;
	do {
		mdma_fill(good.mem + MDMA_DATA, 16 * KIB, ++rounds);
		REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(MDMA_DATA + 16 * KIB), 16 * KIB),
			   MDMA_ERR_OK);
		REQUIRE(mdma_is_filled(good.mem + MDMA_DATA, 16 * KIB, rounds));
		REQUIRE(mdma_is_filled(good.mem + MDMA_DATA + 16 * KIB, 16 * KIB, rounds));
		REQUIRE_EQ(waitpid(pid, &status, WNOHANG), 0, "the hostile tenant died");
		overlap_step(overlap, 1);
	} while (now_ms() < end);
	check_overlap(overlap, 20);
	ktap_note("%u rounds beside the hostile tenant", rounds);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	mdma_end(&good);
	CHECK_ERR(mdev_remove(bad.uuid), 0);
}

/* ---- nothing stays behind ---- */

#define CANARY		0xcafe0000ull

/* Is there nothing of a former tenant within reach of this one, which has mapped SMALL only? */
static void check_no_canary(struct mdma_tenant *t, u64 former_size)
{
	struct mdma_queue q;

	CHECK_EQ(mdma_get(t, 0, MDMA_T_RING_BASE_LO), 0);
	CHECK_EQ(mdma_get(t, 0, MDMA_T_RING_SIZE), 0);
	CHECK_EQ(mdma_get(t, 0, MDMA_T_DONE), 0);
	CHECK_EQ(mdma_get(t, 0, MDMA_T_CTRL), 0);
	CHECK_EQ(mdma_get(t, 0, MDMA_T_INT_MASK), MDMA_T_INT_ALL);
	for (u64 i = 0; i < SMALL; i++)
		REQUIRE_EQ(t->mem[i], 0);
	mdma_queue_start(&q, t, 0);
	for (u64 page = SMALL; page < former_size; page += PAGE) {
		REQUIRE_EQ(mdma_copy(&q, at(page), at(MDMA_DATA), PAGE), MDMA_ERR_READ);
		REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(page), PAGE), MDMA_ERR_WRITE);
	}
}

/* A ring that never ends: each descriptor overwrites the canary at the far end of the memory */
static void run_for_ever(struct mdma_tenant *t, struct mdma_queue *q)
{
	for (unsigned int i = 0; i < MDMA_RING - 1; i++) {
		struct mdma_desc *desc = mdma_add(q, MDMA_OP_FILL, 0, at(t->size / 2),
						  t->size / 2);

		desc->flags = htole32(MDMA_DESC_RECORD);
		desc->pattern = htole64(~0ull);
	}
	mdma_ring_bell(q);
}

/* Does not return: whenever half of the ring is done, it gets new work */
static void keep_running(struct mdma_queue *q)
{
	for (;;) {
		u32 head = mdma_get(q->t, q->adi, MDMA_T_RING_HEAD);
		struct mdma_desc *desc;

		if ((q->tail + MDMA_RING - head) % MDMA_RING > MDMA_RING / 2)
			continue;
		desc = mdma_add(q, MDMA_OP_FILL, 0, at(q->t->size / 2), q->t->size / 2);
		desc->flags = htole32(MDMA_DESC_RECORD);
		desc->pattern = htole64(~0ull);
		mdma_ring_bell(q);
	}
}

/* The sum of the cookies and states of all records: it changes while the engine runs */
static u64 records_seen(const u8 *memory)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < MDMA_AREA - MDMA_RECORDS; i += 8) {
		u64 word;

		memcpy(&word, memory + MDMA_RECORDS + i, sizeof(word));
		sum = sum * 31 + word;
	}
	return sum;
}

enum parting { PART_UNMAP, PART_CLOSE, PART_KILL, PART_REMOVE };

static const struct ktap_variant partings[] = {
	{ .name = "unmap", .data = (const int []) { PART_UNMAP } },
	{ .name = "close", .data = (const int []) { PART_CLOSE } },
	{ .name = "kill -9", .data = (const int []) { PART_KILL } },
	{ .name = "remove", .data = (const int []) { PART_REMOVE } },
	{ }
};

#define FORMER		(4 * MIB)

KTAP_TEST("a tenant's memory is out of reach of the next one, and of its own engine, after", 120,
	  partings, const int *, how)
{
	struct mdma_tenant former, next;
	u8 *shared, *copy;
	int ready[2];
	pid_t pid;
	char c;

	REQUIRE_EQ(pipe(ready), 0);
	shared = mmap(NULL, FORMER, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);
	mdma_create(&former, MDMA_PARENT, "mdma-1", 0);
	pid = fork();
	if (!pid) {
		struct mdma_queue q;

		mdma_open(&former, vfio_type1v2, shared, FORMER);
		mdma_queue_start(&q, &former, 0);
		run_for_ever(&former, &q);
		REQUIRE_EQ(write(ready[1], "r", 1), 1);
		if (*how == PART_KILL)
			keep_running(&q);
		if (*how == PART_UNMAP)
			REQUIRE_OK(vfio_unmap(&former.space, MDMA_IOVA, FORMER, NULL));
		if (*how == PART_CLOSE || *how == PART_REMOVE)
			vfio_client_close(&former.client);
		REQUIRE_EQ(write(ready[1], "d", 1), 1);
		pause();
	}
	REQUIRE_EQ(read(ready[0], &c, 1), 1);
	if (*how == PART_KILL) {
		/* Its engine is seen to run, and the tenant dies at once */
		u64 end = now_ms() + 10000, records = records_seen(shared);

		while (records_seen(shared) == records)
			REQUIRE(now_ms() < end, "the engine does not run");
		kill(pid, SIGKILL);
		REQUIRE(waitpid(pid, NULL, 0) == pid);
	} else {
		REQUIRE_EQ(read(ready[0], &c, 1), 1);
	}

	/* From here on nobody's engine writes what was the tenant's memory */
	mdma_fill(shared, FORMER, CANARY);
	copy = pages_alloc(FORMER);
	memcpy(copy, shared, FORMER);
	sleep_ms(500);
	CHECK(!memcmp(copy, shared, FORMER), "the former tenant's engine is still writing");

	if (*how != PART_KILL) {
		kill(pid, SIGKILL);
		REQUIRE(waitpid(pid, NULL, 0) == pid);
	}
	if (*how == PART_REMOVE) {
		REQUIRE_OK(mdev_remove(former.uuid));
		REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", former.uuid));
	}
	memcpy(next.uuid, former.uuid, UUID_SIZE);
	mdma_open(&next, vfio_type1v2, NULL, SMALL);
	check_no_canary(&next, MIB);
	CHECK(!memcmp(copy, shared, FORMER), "the next tenant wrote into the former's memory");
	mdma_end(&next);
}

TEST_ALL_MODES("a reset ends all DMA, and the tenant can start afresh")
{
	struct mdma_tenant t;
	struct mdma_queue q;
	u8 *copy;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, FORMER);
	copy = pages_alloc(FORMER);
	for (int round = 0; round < 5; round++) {
		mdma_queue_start(&q, &t, 0);
		run_for_ever(&t, &q);
		REQUIRE_OK(vfio_reset(&t.client));
		mdma_fill(t.mem, FORMER, round);
		memcpy(copy, t.mem, FORMER);
		sleep_ms(100);
		REQUIRE(!memcmp(copy, t.mem, FORMER), "DMA after the reset");
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_CTRL), 0);
		mdma_queue_start(&q, &t, 0);
		REQUIRE_EQ(mdma_copy(&q, at(MDMA_DATA), at(MDMA_DATA + PAGE), 64), MDMA_ERR_OK);
	}
	mdma_end(&t);
}

TEST_ALL_MODES("no DMA without Bus Master Enable; what was set up or under way waits for it")
{
	u32 want = htole32(MDMA_ERR_OK);
	u64 end = now_ms() + 60000;
	struct mdma_record *record;
	struct mdma_tenant t;
	struct mdma_queue q;
	u32 done;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, FORMER);
	config_set_master(&t.client, false);
	mdma_queue_set_up(&q, &t, 0);
	record = (struct mdma_record *)(t.mem + MDMA_RECORDS);
	mdma_add(&q, MDMA_OP_COPY, at(MDMA_DATA), at(MDMA_DATA + PAGE), 64);
	memcpy(&record->status, &(u32) { ~0u }, 4);
	mdma_ring_bell(&q);
	sleep_ms(100);
	CHECK_EQ(record->status, ~0u);
	CHECK(!(mdma_get(&t, 0, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING));
	config_set_master(&t.client, true);
	mdma_wait(&q);
	CHECK_EQ(record->status, want);

	run_for_ever(&t, &q);
	for (int round = 0; round < 8; round++) {
		config_set_master(&t.client, false);
		done = mdma_get(&t, 0, MDMA_T_DONE);
		memset(t.mem + FORMER / 2, 0, FORMER / 2);
		sleep_ms(5);
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_DONE), done);
		for (size_t i = FORMER / 2; i < FORMER; i += PAGE)
			CHECK_EQ(t.mem[i], 0, "round %d", round);
		config_set_master(&t.client, true);
	}
	/* All of it is done in the end, and nothing twice */
	while (!(mdma_get(&t, 0, MDMA_T_STATUS) & MDMA_T_STATUS_EMPTY))
		REQUIRE(now_ms() < end, "status 0x%x", mdma_get(&t, 0, MDMA_T_STATUS));
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_DONE), 1 + MDMA_RING - 1);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ERR_CODE), MDMA_ERR_NONE);
	mdma_end(&t);
}

TEST("iommufd: an IOAS is replaced under a running engine, which goes on in the new one")
{
	const struct vfio_mode *mode = vfio_modes[2].data;
	struct mdma_tenant t;
	struct mdma_queue q;
	u32 ioas[2];
	u8 *other;

	if (vfio_modes[2].absent(&vfio_modes[2]))
		SKIP("%s", vfio_modes[2].absent(&vfio_modes[2]));
	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, SMALL);
	ioas[0] = t.space.ioas_id;
	REQUIRE_OK(vfio_ioas_alloc(&t.space, &ioas[1]));
	/* The second has the same ring, and other memory behind it */
	other = pages_alloc(SMALL);
	t.space.ioas_id = ioas[1];
	REQUIRE_OK(vfio_map(&t.space, t.mem, MDMA_IOVA, MDMA_DATA));
	REQUIRE_OK(vfio_map(&t.space, other, at(MDMA_DATA), SMALL - MDMA_DATA));
	mdma_queue_start(&q, &t, 0);
	for (int round = 0; round < 10; round++) {
		u8 *data = round % 2 ? other : t.mem + MDMA_DATA;
		struct mdma_desc *desc;

		desc = mdma_add(&q, MDMA_OP_FILL, 0, at(MDMA_DATA), 4096);
		desc->pattern = htole64(0x0101010101010101ull * (round + 1));
		CHECK_EQ(le32toh(mdma_run(&q)->status), MDMA_ERR_OK);
		CHECK_EQ(data[0], round + 1);
		CHECK_EQ((round % 2 ? t.mem + MDMA_DATA : other)[0], round);
		REQUIRE_OK(vfio_client_attach(&t.client, ioas[(round + 1) % 2]));
	}
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_DONE), 10, "the ring was lost on the way");
	mdma_end(&t);
}

/* ---- a whole function as one mdev ---- */

TEST_ALL_MODES("a whole function is one mdev, translated without a PASID")
{
	const char *why = mdma_bind(MDMA_WHOLE_BDF, "mdma-whole");
	const char *parent = PCI_DEVICES MDMA_WHOLE_BDF;
	struct mdma_tenant whole, slice;
	struct mdma_queue w, s;

	REQUIRE(!why, "%s: %s", MDMA_WHOLE_BDF, why);
	CHECK_EQ(mdev_available(parent, "mdma-whole-1"), 1);
	mdma_start(&whole, mode, parent, "mdma-whole-1", 0, SMALL);
	CHECK_EQ(mdev_available(parent, "mdma-whole-1"), 0);
	CHECK_EQ(whole.adis, 4);
	mdma_start(&slice, mode, MDMA_PARENT, "mdma-1", 1, SMALL);
	mdma_queue_start(&w, &whole, 3);
	mdma_queue_start(&s, &slice, 0);
	for (int round = 0; round < 20; round++) {
		mdma_fill(whole.mem + MDMA_DATA, PAGE, 2 * round);
		mdma_fill(slice.mem + MDMA_DATA, PAGE, 2 * round + 1);
		REQUIRE_EQ(mdma_copy(&w, at(MDMA_DATA), at(MDMA_DATA + PAGE), PAGE), MDMA_ERR_OK);
		REQUIRE_EQ(mdma_copy(&s, at(MDMA_DATA), at(MDMA_DATA + PAGE), PAGE), MDMA_ERR_OK);
		REQUIRE(mdma_is_filled(whole.mem + MDMA_DATA + PAGE, PAGE, 2 * round));
		REQUIRE(mdma_is_filled(slice.mem + MDMA_DATA + PAGE, PAGE, 2 * round + 1));
	}
	CHECK_EQ(mdma_copy(&w, at(SMALL), at(MDMA_DATA), PAGE), MDMA_ERR_READ);
	mdma_end(&slice);
	mdma_end(&whole);
	CHECK_EQ(mdev_available(parent, "mdma-whole-1"), 1);
}

TEST("the modules can be unloaded and loaded again when all is done")
{
	CHECK_ERR(module_unload("mdma"), 0);
	CHECK_ERR(module_unload("mdma_dma"), 0);
	CHECK(!path_exists(MDMA_PARENT "/mdev_supported_types"));
	CHECK_EQ(module_load("mdma", NULL), 0);
	CHECK_EQ(mdev_available(MDMA_PARENT, "mdma-1"), 127);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = parent_ready,
		.after_each = restore,
	});
}
