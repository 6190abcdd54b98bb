// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: errors, faults, what is out of reach. See lib/engine.h. */
#include "lib/engine.h"

struct bad_desc {
	const char *what;
	uint32_t field;
	struct mdma_desc desc;	/* in the byte order of the CPU; RECORD and record are added */
};

#define D(a)	(MEM_IOVA + DATA + (a))
static const struct bad_desc bad_descs[] = {
	{ "opcode 5", MDMA_FIELD_OPCODE, { .opcode = 5 } },
	{ "opcode ~0", MDMA_FIELD_OPCODE, { .opcode = 0xffffffff } },
	{ "opcode 256", MDMA_FIELD_OPCODE, { .opcode = 256 } },
	{ "flag 2", MDMA_FIELD_FLAGS, { .flags = 4 } },
	{ "flag 31", MDMA_FIELD_FLAGS, { .flags = 0x80000000 } },
	{ "reserved", MDMA_FIELD_RESERVED, { .reserved = 1 } },
	{ "NOP with src", MDMA_FIELD_SRC, { .src = 1 } },
	{ "NOP with dst", MDMA_FIELD_DST, { .dst = 1 } },
	{ "NOP with len", MDMA_FIELD_LEN, { .len = 1 } },
	{ "NOP with seed", MDMA_FIELD_SEED, { .seed = 1 } },
	{ "NOP with pattern", MDMA_FIELD_PATTERN, { .pattern = 1 } },
	{ "COPY too long", MDMA_FIELD_LEN,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(8 * MIB), .len = MDMA_MAX_LEN + 1 } },
	{ "COPY of ~0 bytes", MDMA_FIELD_LEN,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(8 * MIB), .len = 0xffffffff } },
	{ "COPY from over the end", MDMA_FIELD_SRC,
	  { .opcode = MDMA_OP_COPY, .src = -8ull, .dst = D(0), .len = 9 } },
	{ "COPY to over the end", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = -4096ull, .len = 4097 } },
	{ "COPY onto itself", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(0), .len = 1 } },
	{ "COPY forward overlap", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(99), .len = 100 } },
	{ "COPY backward overlap", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_COPY, .src = D(99), .dst = D(0), .len = 100 } },
	{ "COPY with seed", MDMA_FIELD_SEED,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(200), .len = 8, .seed = 1 } },
	{ "COPY with pattern", MDMA_FIELD_PATTERN,
	  { .opcode = MDMA_OP_COPY, .src = D(0), .dst = D(200), .len = 8, .pattern = 1 } },
	{ "FILL with src", MDMA_FIELD_SRC,
	  { .opcode = MDMA_OP_FILL, .src = 1, .dst = D(0), .len = 8 } },
	{ "FILL over the end", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_FILL, .dst = -1ull, .len = 2 } },
	{ "CRC32C with dst", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_CRC32C, .src = D(0), .dst = D(0), .len = 8 } },
	{ "CRC32C with pattern", MDMA_FIELD_PATTERN,
	  { .opcode = MDMA_OP_CRC32C, .src = D(0), .len = 8, .pattern = 1ull << 63 } },
	{ "COMPARE over the end", MDMA_FIELD_DST,
	  { .opcode = MDMA_OP_COMPARE, .src = D(0), .dst = -1ull, .len = 2 } },
	{ "COMPARE with seed", MDMA_FIELD_SEED,
	  { .opcode = MDMA_OP_COMPARE, .src = D(0), .dst = D(0), .len = 2, .seed = 7 } },
};

TEST("a malformed descriptor: record and registers name the field, and nothing is moved")
{
	struct engine e;
	struct queue q;
	uint8_t *before;

	engine_open_queue(&e, &q, 8);
	scramble(e.mem + DATA, MIB, 4);
	before = pages_alloc(MIB);
	memcpy(before, e.mem + DATA, MIB);
	for (size_t i = 0; i < sizeof(bad_descs) / sizeof(bad_descs[0]); i++) {
		const struct bad_desc *bad = &bad_descs[i];
		struct mdma_desc *desc;

		/* A good one first: the bad one is at index 1 */
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
		queue_next(&q);
		desc = queue_new(&q, bad->desc.opcode, bad->desc.src, bad->desc.dst,
				 bad->desc.len);
		desc->flags |= htole32(bad->desc.flags);
		desc->seed = htole32(bad->desc.seed);
		desc->pattern = htole64(bad->desc.pattern);
		desc->reserved = htole64(bad->desc.reserved);
		check_error(&q, queue_run(&q), MDMA_ERR_DESC, bad->field, 0);
		CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_INDEX), 1, "%s", bad->what);
		CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), 1, "%s", bad->what);
		CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), 1, "%s", bad->what);
		if (ktap_failed())
			ktap_note("at: %s", bad->what);
		queue_restart(&q);
	}
	CHECK(!memcmp(before, e.mem + DATA, MIB));
}

TEST("a malformed record address is named in the registers")
{
	struct mdma_desc *desc;
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	desc = queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	desc->record = htole64(le64toh(desc->record) + 16);
	CHECK_EQ(queue_run(&q)->status, 0);
	check_error(&q, NULL, MDMA_ERR_DESC, MDMA_FIELD_RECORD, 0);

	queue_restart(&q);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0)->flags = 0;
	CHECK_EQ(queue_run(&q)->status, 0);
	check_error(&q, NULL, MDMA_ERR_DESC, MDMA_FIELD_RECORD, 0);
}

TEST("malformed ring registers name the register")
{
	static const struct {
		uint64_t base;
		uint32_t size, field;
	} rings[] = {
		{ MEM_IOVA, 0, MDMA_FIELD_RING_SIZE },
		{ MEM_IOVA, 1, MDMA_FIELD_RING_SIZE },
		{ MEM_IOVA, 3, MDMA_FIELD_RING_SIZE },
		{ MEM_IOVA, 8192, MDMA_FIELD_RING_SIZE },
		{ MEM_IOVA, 0x80000000, MDMA_FIELD_RING_SIZE },
		{ MEM_IOVA + 32, 16, MDMA_FIELD_RING_BASE },
		{ MEM_IOVA + 1, 16, MDMA_FIELD_RING_BASE },
		{ -1024ull + 64, 16, MDMA_FIELD_RING_BASE },
	};
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
		tenant_put(&e, 0, MDMA_T_RING_BASE_LO, rings[i].base);
		tenant_put(&e, 0, MDMA_T_RING_BASE_HI, rings[i].base >> 32);
		tenant_put(&e, 0, MDMA_T_RING_SIZE, rings[i].size);
		tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
		check_error(&q, NULL, MDMA_ERR_RING, rings[i].field, 0);
	}
	/* The last byte of the address space may belong to a ring */
	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	*(volatile uint64_t *)(e.tenant + MDMA_T_RING_BASE_LO) = htole64(-1024ull);
	tenant_put(&e, 0, MDMA_T_RING_SIZE, 16);
	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), MDMA_ERR_NONE);

	for (uint32_t tail = 8; tail; tail <<= 7) {
		queue_restart(&q);
		tenant_put(&e, 0, MDMA_T_RING_TAIL, tail);
		check_error(&q, NULL, MDMA_ERR_RING, MDMA_FIELD_RING_TAIL, 0);
	}
	/* Halted: neither doorbell nor ENABLE helps, the tenant's reset does */
	tenant_put(&e, 0, MDMA_T_RING_TAIL, 1);
	tenant_put(&e, 0, MDMA_T_CTRL, 0);
	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	CHECK(!(tenant_get(&e, 0, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING));
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), MDMA_ERR_RING);
	queue_restart(&q);
	check_queue_works(&q);
}

TEST("an enabled ring keeps its base and size")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	tenant_put(&e, 0, MDMA_T_RING_BASE_LO, 0x1000);
	tenant_put(&e, 0, MDMA_T_RING_SIZE, 16);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), (uint32_t)ring_iova(0));
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_SIZE), 8);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	queue_run(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), 1);
	/* Disabled and enabled again it goes on at HEAD; a new size starts at 0 */
	tenant_put(&e, 0, MDMA_T_CTRL, 0);
	tenant_put(&e, 0, MDMA_T_RING_TAIL, 3);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_TAIL), 1, "a doorbell while disabled");
	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), 1);
	tenant_put(&e, 0, MDMA_T_CTRL, 0);
	tenant_put(&e, 0, MDMA_T_RING_SIZE, 4);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), 0);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_TAIL), 0);
}

struct fault {
	const char *what;
	uint32_t op;
	uint64_t src, dst;
	uint32_t len;
	uint32_t code;
	uint64_t addr;
	uint32_t bytes;
};

#define MEM_END		(MEM_IOVA + MEM_SIZE)
static const struct fault faults[] = {
	{ "COPY from a hole", MDMA_OP_COPY, HOLE_IOVA + 5, D(0), 64,
	  MDMA_ERR_READ, HOLE_IOVA + 5, 0 },
	{ "COPY to a hole", MDMA_OP_COPY, D(0), HOLE_IOVA, 64, MDMA_ERR_WRITE, HOLE_IOVA, 0 },
	{ "COPY to read-only memory", MDMA_OP_COPY, D(0), RO_IOVA + 8, 64,
	  MDMA_ERR_WRITE, RO_IOVA + 8, 0 },
	{ "COPY from read-only memory off its end", MDMA_OP_COPY, RO_IOVA + 4000, D(0), 4096,
	  MDMA_ERR_READ, HOLE_IOVA, 96 },
	{ "COPY into read-only memory", MDMA_OP_COPY, D(0), MEM_END - 10000, 20000,
	  MDMA_ERR_WRITE, RO_IOVA, 10000 },
	{ "FILL of a hole", MDMA_OP_FILL, 0, HOLE_IOVA + 1, 1,
	  MDMA_ERR_WRITE, HOLE_IOVA + 1, 0 },
	{ "FILL into read-only memory", MDMA_OP_FILL, 0, MEM_END - 4, 8,
	  MDMA_ERR_WRITE, RO_IOVA, 4 },
	{ "CRC32C of a hole", MDMA_OP_CRC32C, HOLE_IOVA, 0, 4 * MIB,
	  MDMA_ERR_READ, HOLE_IOVA, 0 },
	{ "CRC32C off the end", MDMA_OP_CRC32C, MEM_END - MIB, 0, 2 * MIB,
	  MDMA_ERR_READ, HOLE_IOVA, MIB + 4096 },
	{ "COMPARE with a hole first", MDMA_OP_COMPARE, HOLE_IOVA, D(0), 8,
	  MDMA_ERR_READ, HOLE_IOVA, 0 },
	{ "COMPARE with a hole second", MDMA_OP_COMPARE, D(0), HOLE_IOVA + 7, 8,
	  MDMA_ERR_READ, HOLE_IOVA + 7, 0 },
	{ "an address that no IOMMU can have", MDMA_OP_COPY, 0xfff0000000000000, D(0), 8,
	  MDMA_ERR_READ, 0xfff0000000000000, 0 },
	{ "COPY to the interrupt window", MDMA_OP_COPY, D(0), 0xfee00000, 4,
	  MDMA_ERR_WINDOW, 0xfee00000, 0 },
	{ "COPY to the interrupt window's end", MDMA_OP_COPY, D(0), 0xfeeffffc, 4,
	  MDMA_ERR_WINDOW, 0xfeeffffc, 0 },
	{ "COPY from the interrupt window", MDMA_OP_COPY, 0xfee01000, D(0), 4,
	  MDMA_ERR_WINDOW, 0xfee01000, 0 },
};

TEST("a fault names its address and how far the transfer came")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	memset(e.mem + DATA, 0, 8 * MIB);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		struct mdma_record *record;

		queue_new(&q, f->op, f->src, f->dst, f->len);
		record = queue_run(&q);
		check_error(&q, record, f->code, 0, f->addr);
		CHECK_EQ(le32toh(record->bytes), f->bytes, "%s", f->what);
		CHECK_EQ(host_get(&e, 0, MDMA_H_ERRORS), i + 1);
		if (ktap_failed())
			ktap_note("at: %s", f->what);
		queue_restart(&q);
	}
}

TEST("a ring or a record that cannot be reached is named")
{
	struct mdma_desc *desc;
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	desc = queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	desc->record = htole64(RO_IOVA + 64);
	queue_run(&q);
	check_error(&q, NULL, MDMA_ERR_RECORD, 0, RO_IOVA + 64);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), 0);
	queue_restart(&q);
	desc = queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	desc->record = htole64(0xfee00020);
	queue_run(&q);
	check_error(&q, NULL, MDMA_ERR_WINDOW, 0, 0xfee00020);

	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	tenant_put(&e, 0, MDMA_T_RING_BASE_LO, HOLE_IOVA);
	tenant_put(&e, 0, MDMA_T_RING_SIZE, 8);
	tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	q.tail = 1;
	queue_bell(&q);
	queue_wait(&q);
	check_error(&q, NULL, MDMA_ERR_FETCH, 0, HOLE_IOVA);
}

TEST("memory that was unmapped is out of reach at once")
{
	struct engine e;
	struct queue q;
	void *extra;

	engine_open_queue(&e, &q, 8);
	extra = pages_alloc(MIB);
	memset(extra, 0x3c, MIB);
	for (int i = 0; i < 20; i++) {
		REQUIRE_OK(vfio_map(&e.space, extra, HOLE_IOVA, MIB));
		queue_new(&q, MDMA_OP_COPY, HOLE_IOVA, MEM_IOVA + DATA, MIB);
		check_record(queue_run(&q), MDMA_ERR_OK, MIB, 0);
		REQUIRE_OK(vfio_unmap(&e.space, HOLE_IOVA, MIB, NULL));
		queue_new(&q, MDMA_OP_COPY, HOLE_IOVA + MIB - 64, MEM_IOVA + DATA, 64);
		check_error(&q, queue_run(&q), MDMA_ERR_READ, 0, HOLE_IOVA + MIB - 64);
		queue_restart(&q);
	}
	CHECK(!memcmp(e.mem + DATA, extra, MIB));
}

TEST("DMA cannot reach the device's own registers, nor another device's")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	/* VFIO lets a process map a BAR for peer-to-peer DMA */
	if (vfio_map(&e.space, (void *)e.tenant, HOLE_IOVA, MDMA_PAGE_SIZE))
		SKIP("VFIO does not map this BAR for DMA");
	queue_new(&q, MDMA_OP_FILL, 0, HOLE_IOVA + MDMA_T_CTRL, 4);
	check_error(&q, queue_run(&q), MDMA_ERR_WRITE, 0, HOLE_IOVA + MDMA_T_CTRL);
	queue_restart(&q);
	queue_new(&q, MDMA_OP_COPY, HOLE_IOVA, MEM_IOVA + DATA, 4);
	check_error(&q, queue_run(&q), MDMA_ERR_READ, 0, HOLE_IOVA);
}

TEST("without a PASID and without RID mode there is no DMA")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	host_put(&e, 0, MDMA_H_CTRL, 0);
	host_put(&e, 0, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
	CHECK_EQ(host_get(&e, 0, MDMA_H_CTRL), MDMA_H_CTRL_ENABLE);
	queue_start(&q);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	CHECK_EQ(queue_run(&q)->status, 0);
	check_error(&q, NULL, MDMA_ERR_PASID, 0, ring_iova(0));
}

TEST("a PASID that nobody has attached reaches nothing, RID mode or not")
{
	struct engine e;
	struct queue q;
	bool enabled;

	engine_open(&e);
	REQUIRE(get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_PASID);
	/* The IOMMU driver has PASIDs enabled, where the IOMMU knows them */
	enabled = get32(e.host + MDMA_G_STATUS) & MDMA_G_STATUS_PASID;
	ktap_note("PASIDs are %s", enabled ? "enabled" : "not enabled");
	for (unsigned int pasid = 200; pasid < 204; pasid++) {
		host_put(&e, 0, MDMA_H_PASID, MDMA_H_PASID_VALID | pasid);
		CHECK_EQ(host_get(&e, 0, MDMA_H_PASID), MDMA_H_PASID_VALID | pasid);
		queue_open(&q, &e, 0, 8);
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
		CHECK_EQ(queue_run(&q)->status, 0);
		check_error(&q, NULL, enabled ? MDMA_ERR_FETCH : MDMA_ERR_PASID, 0, ring_iova(0));
		engine_drain(&e, 0);
		/* The same ADI without it is a plain PCI function again */
		host_put(&e, 0, MDMA_H_PASID, 0);
		engine_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
		queue_start(&q);
		check_queue_works(&q);
		host_put(&e, 0, MDMA_H_CTRL, 0);
	}
}

TEST("without Bus Master Enable there is no DMA")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	config_set_master(&e.client, false);
	CHECK(!(get32(e.host + MDMA_G_STATUS) & MDMA_G_STATUS_MASTER));
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	CHECK_EQ(queue_run(&q)->status, 0);
	check_error(&q, NULL, MDMA_ERR_MASTER, 0, ring_iova(0));
	config_set_master(&e.client, true);
	queue_restart(&q);
	check_queue_works(&q);
}

TEST("an error halts its own ADI only")
{
	struct queue q[4];
	struct engine e;

	engine_open(&e);
	for (int i = 0; i < 4; i++)
		queue_open(&q[i], &e, i, 8);
	queue_new(&q[1], MDMA_OP_FILL, 0, HOLE_IOVA, 8);
	check_error(&q[1], queue_run(&q[1]), MDMA_ERR_WRITE, 0, HOLE_IOVA);
	for (int i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		CHECK(tenant_get(&e, i, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING);
		CHECK_EQ(tenant_get(&e, i, MDMA_T_INT_CAUSE), 0);
		CHECK_EQ(tenant_get(&e, i, MDMA_T_ERR_CODE), 0);
		CHECK_EQ(host_get(&e, i, MDMA_H_CAUSE), 0);
		check_queue_works(&q[i]);
	}
	CHECK_EQ(host_get(&e, 1, MDMA_H_CAUSE), MDMA_H_INT_ERROR);
	CHECK_EQ(host_get(&e, 1, MDMA_H_STATUS), MDMA_H_STATUS_ERROR);
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
