// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: save, restore and the dirty log. See lib/engine.h. */
#include "lib/engine.h"

TEST("the state of an ADI moves to another one, which goes on where the first was stopped")
{
	const unsigned int from = 0, to = 3;
	uint32_t state[sizeof(struct mdma_state) / 4], head;
	uint64_t base = ring_iova(from);
	int fds[MDMA_MAX_ADIS + 1];
	struct queue q, moved;
	struct engine e;

	engine_open(&e);
	connect_vectors(&e, fds);
	queue_open(&q, &e, from, BACKLOG_RING);
	queue_backlog(&q);
	wait_done(&e, from, 1);
	engine_drain(&e, from);
	for (size_t i = 0; i < sizeof(state) / 4; i++)
		state[i] = host_get(&e, from, MDMA_H_STATE + 4 * i);
	head = tenant_get(&e, from, MDMA_T_RING_HEAD);
	REQUIRE(head >= 1 && head < BACKLOG, "head %u", head);
	CHECK_EQ(((struct mdma_state *)state)->version, MDMA_VERSION);
	host_put(&e, from, MDMA_H_CTRL, 0);

	engine_enable_adi(&e, to);
	engine_drain(&e, to);
	/* Nothing is lost of any bit pattern: all words at once, unmasked */
	((struct mdma_state *)state)->int_mask = 0;
	((struct mdma_state *)state)->int_cause = MDMA_T_INT_COMPLETE;
	for (size_t i = sizeof(state) / 4; i--;)
		host_put(&e, to, MDMA_H_STATE + 4 * i, state[i]);
	CHECK_EQ(host_get(&e, to, MDMA_H_RESULT), MDMA_RESULT_OK);
	for (size_t i = 0; i < sizeof(state) / 4; i++)
		CHECK_EQ(host_get(&e, to, MDMA_H_STATE + 4 * i), state[i], "word %zu", i);
	CHECK_EQ(tenant_get(&e, to, MDMA_T_RING_BASE_LO), (uint32_t)base);
	CHECK_EQ(tenant_get(&e, to, MDMA_T_RING_HEAD), head);
	CHECK_EQ(tenant_get(&e, to, MDMA_T_RING_TAIL), BACKLOG);
	CHECK_EQ(eventfd_take_within(fds[MDMA_VECTOR_ADI(to)], 50), 0);
	engine_command(&e, to, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	CHECK_EQ(eventfd_take_within(fds[MDMA_VECTOR_ADI(to)], 5000), 1,
		 "the pending interrupt");
	moved = q;
	moved.adi = to;
	queue_wait(&moved);
	CHECK_EQ(tenant_get(&e, to, MDMA_T_DONE), BACKLOG);
	for (unsigned int i = 0; i < BACKLOG; i++)
		CHECK_EQ(le32toh(queue_record(&q, i)->status), MDMA_ERR_OK, "record %u", i);
	check_backlog(&e, BACKLOG - 1, MDMA_MAX_LEN);
}

TEST("a saved error stays an error, and a state that lies is refused at RESUME")
{
	static const struct {
		size_t word;
		uint32_t val, field;
	} lies[] = {
		{ offsetof(struct mdma_state, ring_head), 8, MDMA_FIELD_RING_HEAD },
		{ offsetof(struct mdma_state, ring_tail), 0xffffffff, MDMA_FIELD_RING_TAIL },
		{ offsetof(struct mdma_state, ring_size), 0, MDMA_FIELD_RING_SIZE },
		{ offsetof(struct mdma_state, ring_size), 0x80000000, MDMA_FIELD_RING_SIZE },
		{ offsetof(struct mdma_state, ring_base_lo), 0xffffffff, MDMA_FIELD_RING_BASE },
	};
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		queue_restart(&q);
		engine_drain(&e, 0);
		host_put(&e, 0, MDMA_H_STATE + lies[i].word, lies[i].val);
		CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), 0);
		engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
		check_error(&q, NULL, MDMA_ERR_RING, lies[i].field, 0);
	}
	queue_restart(&q);
	engine_drain(&e, 0);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, err_code), MDMA_ERR_READ);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, ctrl), 0xffffffff);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, int_cause), 0xffffffff);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_CTRL), MDMA_T_CTRL_ENABLE);
	engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	check_error(&q, NULL, MDMA_ERR_READ, 0, 0);
}

TEST("the dirty log has the pages that were written, each once, and no other")
{
	const uint64_t base = MEM_IOVA + DATA;
	uint32_t index, pages = 0, word;
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 64);
	host_put(&e, 0, MDMA_H_LOG_BASE_LO, base);
	host_put(&e, 0, MDMA_H_LOG_BASE_HI, base >> 32);
	host_put(&e, 0, MDMA_H_LOG_PAGES, 4096);
	host_put(&e, 0, MDMA_H_LOG_CTRL, MDMA_H_LOG_ENABLE);
	host_put(&e, 0, MDMA_H_LOG_PAGES, 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_PAGES), 4096);

	/* Reads leave no trace; the records are outside the range */
	queue_new(&q, MDMA_OP_CRC32C, base, 0, MIB);
	queue_run(&q);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), MDMA_LOG_END);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_STATUS), MDMA_H_LOG_OUTSIDE);
	host_put(&e, 0, MDMA_H_LOG_INDEX, 0);

	/* Pages 3 and 4 by 2 bytes, 32 to 63 whole, 4095 the last one */
	queue_new(&q, MDMA_OP_FILL, 0, base + 4 * 4096 - 1, 2);
	queue_run(&q);
	queue_new(&q, MDMA_OP_COPY, base, base + 32 * 4096, 32 * 4096);
	queue_run(&q);
	queue_new(&q, MDMA_OP_FILL, 0, base + 4095 * 4096, 1);
	queue_run(&q);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), 0);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 0x18);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 0xffffffff);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), 127);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 0x80000000);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), MDMA_LOG_END);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 0);
	host_put(&e, 0, MDMA_H_LOG_INDEX, 0);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), MDMA_LOG_END, "reading has cleared it");

	/* Stopped, it keeps what it has and takes no more */
	queue_new(&q, MDMA_OP_FILL, 0, base, 1);
	queue_run(&q);
	host_put(&e, 0, MDMA_H_LOG_CTRL, 0);
	queue_new(&q, MDMA_OP_FILL, 0, base + 4096, 1);
	queue_run(&q);
	host_put(&e, 0, MDMA_H_LOG_INDEX, 0);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 1);

	/* Coarser pages; the base is rounded down; another ADI's writes are not in it */
	host_put(&e, 0, MDMA_H_LOG_SHIFT, 11);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_BAD_VALUE);
	host_put(&e, 0, MDMA_H_LOG_SHIFT, 22);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_BAD_VALUE);
	host_put(&e, 0, MDMA_H_LOG_PAGES, MDMA_LOG_PAGES_MAX + 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_BAD_VALUE);
	host_put(&e, 0, MDMA_H_LOG_SHIFT, 21);
	host_put(&e, 0, MDMA_H_LOG_BASE_LO, base + 4096);
	host_put(&e, 0, MDMA_H_LOG_PAGES, MDMA_LOG_PAGES_MAX);
	host_put(&e, 0, MDMA_H_LOG_CTRL, MDMA_H_LOG_ENABLE);
	queue_new(&q, MDMA_OP_FILL, 0, base + 2 * MIB, 4 * MIB);
	queue_run(&q);
	queue_open(&q, &e, 1, 8);
	queue_new(&q, MDMA_OP_FILL, 0, base, 2 * MIB);
	queue_run(&q);
	for (;;) {
		index = host_get(&e, 0, MDMA_H_LOG_NEXT);
		if (index == MDMA_LOG_END)
			break;
		word = host_get(&e, 0, MDMA_H_LOG_DATA);
		CHECK_EQ(index, 0);
		CHECK_EQ(word, 6);
		pages++;
		REQUIRE(pages < 10);
	}
	CHECK_EQ(pages, 1);
}

TEST("completion records are in the dirty log, and so is a write that failed")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	host_put(&e, 0, MDMA_H_LOG_BASE_LO, MEM_IOVA);
	host_put(&e, 0, MDMA_H_LOG_PAGES, (MEM_SIZE >> 12) + 1);
	host_put(&e, 0, MDMA_H_LOG_CTRL, MDMA_H_LOG_ENABLE);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	queue_run(&q);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), 0);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 1u << (RECORDS >> 12));
	queue_new(&q, MDMA_OP_FILL, 0, RO_IOVA, 1);
	queue_run(&q);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_NEXT), MEM_SIZE >> 17);
	CHECK_EQ(host_get(&e, 0, MDMA_H_LOG_DATA), 1);
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
