// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: all ADIs at once, random input. See lib/engine.h. */
#include "lib/engine.h"
#include "lib/mdma.h"

TEST_LONG("all ADIs run at the same time, and none waits for another to end", 300)
{
	/* Far more than is done while they are started one after the other, even on a busy host */
	const unsigned int count = 511;
	uint64_t end = now_ms() + 240000;
	uint32_t before[MDMA_MAX_ADIS];
	struct queue q[MDMA_MAX_ADIS];
	unsigned int last;
	struct engine e;

	engine_open(&e);
	last = e.adis - 1;
	scramble(e.mem + DATA, MIB, 7);
	for (unsigned int i = 0; i < e.adis; i++) {
		queue_open(&q[i], &e, i, count + 1);
		engine_drain(&e, i);
		for (unsigned int n = 0; n < count; n++) {
			queue_new(&q[i], MDMA_OP_CRC32C, MEM_IOVA + DATA + i, 0, MIB / 2);
			queue_next(&q[i]);
		}
		queue_bell(&q[i]);
	}
	for (unsigned int i = 0; i < e.adis; i++)
		engine_command(&e, i, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	for (unsigned int i = 0; i < e.adis; i++)
		before[i] = tenant_get(&e, i, MDMA_T_DONE);
	/* While one does four descriptors each other does two, and has more to do */
	while (tenant_get(&e, last, MDMA_T_DONE) < before[last] + 4)
		REQUIRE(now_ms() < end, "the last ADI does nothing");
	for (unsigned int i = 0; i < e.adis; i++) {
		uint32_t done = tenant_get(&e, i, MDMA_T_DONE);

		CHECK(done < count, "ADI %u has done all", i);
		CHECK(done - before[i] >= 2, "ADI %u did %u", i, done - before[i]);
		check_record(queue_record(&q[i], 0), MDMA_ERR_OK, MIB / 2,
			     i % 16 ? le32toh(queue_record(&q[i], 1)->result) :
			     mdma_reference_crc(e.mem + DATA + i, MIB / 2));
	}
}

TEST("a storm of doorbells on a ring that never ends leaves the machine and others alone")
{
	uint64_t start, longest = 0, bells = 0;
	struct queue hostile, good;
	struct engine e;

	engine_open(&e);
	queue_open(&hostile, &e, 0, 512);
	queue_open(&good, &e, 1, 8);
	for (unsigned int i = 0; i < 512; i++) {
		queue_new(&hostile, MDMA_OP_NOP, 0, 0, 0);
		queue_next(&hostile);
	}
	start = now_ms();
	while (now_ms() - start < 3000) {
		uint64_t before = now_ms();

		/* Always one behind HEAD: the ring is full again and again */
		for (int i = 0; i < 50; i++, bells++)
			tenant_put(&e, 0, MDMA_T_RING_TAIL,
				   (tenant_get(&e, 0, MDMA_T_RING_HEAD) + 511) % 512);
		queue_new(&good, MDMA_OP_FILL, 0, MEM_IOVA + DATA, 4096);
		check_record(queue_run(&good), MDMA_ERR_OK, 4096, 0);
		if (now_ms() - before > longest)
			longest = now_ms() - before;
	}
	ktap_note("%llu doorbells, %u descriptors", (unsigned long long)bells,
		  tenant_get(&e, 0, MDMA_T_DONE));
	ktap_note("50 doorbells and a 4 KiB FILL beside them took at most %llu ms",
		  (unsigned long long)longest);
	CHECK(tenant_get(&e, 0, MDMA_T_DONE) > 512);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), 0);
	CHECK(longest < 5000, "%llu ms", (unsigned long long)longest);
}

#define BEYOND		(HOLE_IOVA + 64 * MIB)

/* A random descriptor, mostly good enough to get past some of the checks */
static void make_hostile(struct mdma_desc *desc, uint64_t seed)
{
	uint32_t op;

	scramble((uint8_t *)desc, sizeof(*desc), seed);
	op = le32toh(desc->opcode) & (seed % 64 ? 3 : ~0u);
	desc->opcode = htole32(op);
	desc->flags &= htole32(seed % 32 ? 1 : ~2u);
	desc->len &= htole32(seed % 16 ? 0x3fff : ~0u);
	desc->src = htole64(BEYOND + le64toh(desc->src) % MIB);
	desc->dst = htole64(BEYOND + le64toh(desc->dst) % MIB);
	desc->record = 0;
	desc->reserved = 0;
	if (op == MDMA_OP_NOP)
		desc->len = 0;
	if (op == MDMA_OP_NOP || op == MDMA_OP_FILL)
		desc->src = 0;
	if (op == MDMA_OP_NOP || op == MDMA_OP_CRC32C)
		desc->dst = 0;
	if (op != MDMA_OP_CRC32C)
		desc->seed = 0;
	if (op != MDMA_OP_FILL)
		desc->pattern = 0;
}

TEST_LONG("random descriptors, registers and doorbells never disturb another ADI", 300)
{
	uint64_t seed = 1, start = now_ms();
	unsigned int rounds = 0, errors, codes[16] = { };
	struct queue hostile, good;
	struct engine e;
	uint8_t *beyond;

	engine_open(&e);
	queue_open(&hostile, &e, 0, 64);
	queue_open(&good, &e, 1, 8);
	/* What the hostile ADI may hit lies far from the rest, with nothing mapped around */
	beyond = pages_alloc(MIB);
	REQUIRE_OK(vfio_map(&e.space, beyond, BEYOND, MIB));
	while (now_ms() - start < 20000) {
		struct mdma_desc *desc = queue_desc(&hostile, 0);
		unsigned int reg;

		for (int i = 0; i < 64; i++)
			make_hostile(desc + i, ++seed);
		reg = 0x40 + seed % 24 * 4;
		if (reg != MDMA_T_RING_BASE_LO && reg != MDMA_T_RING_BASE_HI)
			tenant_put(&e, 0, reg, seed >> 8);
		queue_start(&hostile);
		/* Start anywhere, and stop at the first bad one, or at a bad doorbell */
		tenant_put(&e, 0, MDMA_T_RING_TAIL, 63);
		if (rounds % 2)
			tenant_put(&e, 0, MDMA_T_RING_TAIL, seed);

		scramble(e.mem + DATA, 5000, seed);
		queue_new(&good, MDMA_OP_COPY, MEM_IOVA + DATA, MEM_IOVA + DATA + MIB + 1, 5000);
		check_record(queue_run(&good), MDMA_ERR_OK, 5000, 0);
		REQUIRE(!memcmp(e.mem + DATA, e.mem + DATA + MIB + 1, 5000));
		codes[tenant_get(&e, 0, MDMA_T_ERR_CODE) & 15]++;
		tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
		rounds++;
	}
	errors = host_get(&e, 0, MDMA_H_ERRORS);
	ktap_note("%u rounds, %u hostile descriptors completed", rounds,
		  host_get(&e, 0, MDMA_H_DONE));
	ktap_note("%u errors: %u descriptors, %u rings, %u faults", errors, codes[MDMA_ERR_DESC],
		  codes[MDMA_ERR_RING], codes[MDMA_ERR_READ] + codes[MDMA_ERR_WRITE]);
	CHECK(host_get(&e, 0, MDMA_H_DONE) > 100);
	CHECK(codes[MDMA_ERR_DESC] && codes[MDMA_ERR_RING]);
	CHECK(codes[MDMA_ERR_READ] + codes[MDMA_ERR_WRITE]);
	CHECK_EQ(host_get(&e, 1, MDMA_H_ERRORS), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_DONE), rounds);
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
