// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: what descriptors do. See lib/engine.h. */
#include "lib/engine.h"
#include "lib/mdma.h"

/*
 * Sizes and alignments at which a page-wise engine goes wrong. The space before and behind the
 * destination must stay as it is.
 */
static const uint32_t sizes[] = { 0, 1, 7, 8, 4095, 4096, 4097, 8191, 2 * MIB, MDMA_MAX_LEN };
static const uint32_t shifts[] = { 0, 1, 4093 };

struct shape {
	uint32_t len;
	uint32_t s, d;		/* offsets of source and destination in their pages */
	unsigned int next;
};

/* Every size at every pair of alignments; the long ones at some */
static bool next_shape(struct shape *shape)
{
	while (shape->next < 9 * sizeof(sizes) / sizeof(sizes[0])) {
		unsigned int n = shape->next++;

		shape->len = sizes[n / 9];
		shape->s = shifts[n / 3 % 3];
		shape->d = shifts[n % 3];
		if (shape->len < MIB || shape->s == shape->d || !shape->d)
			return true;
	}
	return false;
}

#define SRC_AT		DATA			/* room for 4 MiB + 2 pages each */
#define DST_AT		(DATA + 6 * MIB)
#define SIDE		64u

TEST_LONG("COPY moves exactly the bytes asked for, at every size and alignment", 300)
{
	struct shape at = { };
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	scramble(e.mem + SRC_AT, 5 * MIB, 1);
	while (next_shape(&at)) {
		uint8_t *dst = e.mem + DST_AT + SIDE + at.d;

		memset(dst - SIDE, 0xa5, at.len + 2 * SIDE);
		queue_new(&q, MDMA_OP_COPY, MEM_IOVA + SRC_AT + at.s,
			  MEM_IOVA + DST_AT + SIDE + at.d, at.len);
		check_record(queue_run(&q), MDMA_ERR_OK, at.len, 0);
		CHECK(!memcmp(dst, e.mem + SRC_AT + at.s, at.len), "%u bytes, %u to %u", at.len,
		      at.s, at.d);
		for (uint32_t i = 0; i < SIDE; i++)
			REQUIRE(dst[-1 - (int)i] == 0xa5 && dst[at.len + i] == 0xa5,
				"%u bytes, %u to %u: a byte beside", at.len, at.s, at.d);
	}
}

TEST_LONG("FILL repeats its pattern from the first byte on, at every size and alignment", 300)
{
	static const uint8_t pattern[8] = { 1, 2, 3, 4, 5, 6, 7, 0x88 };
	struct shape at = { };
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	while (next_shape(&at)) {
		uint8_t *dst = e.mem + DST_AT + SIDE + at.d;
		struct mdma_desc *desc;
		uint32_t wrong = 0;

		if (at.s)
			continue;
		memset(dst - SIDE, 0xa5, at.len + 2 * SIDE);
		desc = queue_new(&q, MDMA_OP_FILL, 0, MEM_IOVA + DST_AT + SIDE + at.d, at.len);
		memcpy(&desc->pattern, pattern, 8);
		check_record(queue_run(&q), MDMA_ERR_OK, at.len, 0);
		for (uint32_t i = 0; i < at.len; i++)
			wrong += dst[i] != pattern[i % 8];
		for (uint32_t i = 0; i < SIDE; i++)
			wrong += dst[-1 - (int)i] != 0xa5 || dst[at.len + i] != 0xa5;
		CHECK_EQ(wrong, 0, "%u bytes to %u", at.len, at.d);
	}
}

TEST_LONG("CRC32C equals the definition, and goes on from a seed", 300)
{
	struct mdma_desc *desc;
	struct shape at = { };
	uint32_t half;
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	memcpy(e.mem + SRC_AT, "123456789", 9);
	queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT, 0, 9);
	check_record(queue_run(&q), MDMA_ERR_OK, 9, 0xe3069283);

	scramble(e.mem + SRC_AT, 5 * MIB, 2);
	while (next_shape(&at)) {
		if (at.d)
			continue;
		queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT + at.s, 0, at.len);
		check_record(queue_run(&q), MDMA_ERR_OK, at.len,
			     mdma_reference_crc(e.mem + SRC_AT + at.s, at.len));
	}
	queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT, 0, 5000);
	half = le32toh(queue_run(&q)->result);
	desc = queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT + 5000, 0, 3333);
	desc->seed = htole32(half);
	check_record(queue_run(&q), MDMA_ERR_OK, 3333, mdma_reference_crc(e.mem + SRC_AT, 8333));
}

TEST_LONG("COMPARE finds the first byte that differs, or none", 300)
{
	struct shape at = { };
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	scramble(e.mem + SRC_AT, 5 * MIB, 3);
	while (next_shape(&at)) {
		uint8_t *two = e.mem + DST_AT + at.d;
		uint64_t src = MEM_IOVA + SRC_AT + at.s, dst = MEM_IOVA + DST_AT + at.d;
		const uint32_t places[] = { 0, at.len / 2, at.len - 1 };

		memcpy(two, e.mem + SRC_AT + at.s, at.len);
		queue_new(&q, MDMA_OP_COMPARE, src, dst, at.len);
		check_record(queue_run(&q), MDMA_ERR_OK, at.len, 0);
		for (int i = 0; at.len && i < 3; i++) {
			two[places[i]] ^= 0x10;
			two[at.len - 1] ^= 0x01;
			queue_new(&q, MDMA_OP_COMPARE, src, dst, at.len);
			check_record(queue_run(&q), MDMA_ERR_OK, places[i], 1);
			two[places[i]] ^= 0x10;
			two[at.len - 1] ^= 0x01;
		}
	}
	/* It only reads: the read-only page may be its second operand */
	memset(e.mem + SRC_AT, 0, 4096);
	queue_new(&q, MDMA_OP_COMPARE, MEM_IOVA + SRC_AT, RO_IOVA, 4096);
	check_record(queue_run(&q), MDMA_ERR_OK, 4096, 0);
}

TEST("NOP completes in order, with its cookie")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 2, 16);
	for (int i = 0; i < 10; i++) {
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
		queue_next(&q);
	}
	queue_bell(&q);
	queue_wait(&q);
	for (int i = 0; i < 10; i++) {
		check_record(queue_record(&q, i), MDMA_ERR_OK, 0, 0);
		CHECK_EQ(le64toh(queue_record(&q, i)->cookie), 0xc0c0000000000000ull | i);
	}
	CHECK_EQ(tenant_get(&e, 2, MDMA_T_RING_HEAD), 10);
	CHECK_EQ(tenant_get(&e, 2, MDMA_T_DONE), 10);
	CHECK_EQ(host_get(&e, 2, MDMA_H_DONE), 10);
	CHECK_EQ(host_get(&e, 2, MDMA_H_ERRORS), 0);
}

TEST("a ring wraps, holds one less than its size, and runs in order")
{
	static const unsigned int ring_sizes[] = { 2, 4, 512 };
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, ring_sizes[0]);
	for (int s = 0; s < 3; s++) {
		unsigned int n = 3 * ring_sizes[s] + 1, submitted = 0;
		uint64_t at = MEM_IOVA + DATA;

		q.size = ring_sizes[s];
		queue_restart(&q);
		/* Each copies what the one before it wrote, one place on */
		memset(e.mem + DATA, 0, 16 * (n + 1));
		memcpy(e.mem + DATA, "0123456789abcdef", 16);
		while (submitted < n) {
			for (unsigned int i = 0; i < q.size - 1 && submitted < n; i++) {
				queue_new(&q, MDMA_OP_COPY, at, at + 16, 16);
				queue_next(&q);
				at += 16;
				submitted++;
			}
			queue_bell(&q);
			queue_wait(&q);
			CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), submitted % q.size);
			CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), submitted);
		}
		CHECK(!memcmp(e.mem + DATA + 16 * n, "0123456789abcdef", 16), "ring of %u",
		      q.size);
	}
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
