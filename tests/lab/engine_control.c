// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: interrupts, commands and resets. See lib/engine.h. */
#include "lib/engine.h"

static uint64_t other_signals(struct engine *e, int *fds, unsigned int except)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i <= e->adis; i++)
		if (i != except)
			sum += eventfd_take(fds[i]);
	return sum;
}

TEST("each ADI interrupts by its own vector, when its mask lets it")
{
	int fds[MDMA_MAX_ADIS + 1];
	struct engine e;

	engine_open(&e);
	connect_vectors(&e, fds);
	for (unsigned int adi = 0; adi < e.adis; adi += e.adis / 4) {
		int fd = fds[MDMA_VECTOR_ADI(adi)];
		struct queue q;

		queue_open(&q, &e, adi, 8);
		/* Masked: the cause is there, the interrupt is not */
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0)->flags |= htole32(MDMA_DESC_IRQ);
		queue_run(&q);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_INT_CAUSE), MDMA_T_INT_COMPLETE);
		CHECK_EQ(eventfd_take_within(fd, 100), 0);
		/* Unmasking sends it */
		tenant_put(&e, adi, MDMA_T_INT_MASK, 0);
		CHECK_EQ(eventfd_take_within(fd, 5000), 1);
		/* The line is high already: no second one */
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0)->flags |= htole32(MDMA_DESC_IRQ);
		queue_run(&q);
		CHECK_EQ(eventfd_take_within(fd, 100), 0);
		tenant_put(&e, adi, MDMA_T_INT_CAUSE, MDMA_T_INT_ALL);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_INT_CAUSE), 0);
		CHECK_EQ(eventfd_take_within(fd, 100), 0);
		/* Without the flag IRQ there is no cause */
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
		queue_run(&q);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_INT_CAUSE), 0);
		/* The way it is meant */
		for (int i = 0; i < 20; i++) {
			queue_new(&q, MDMA_OP_NOP, 0, 0, 0)->flags |= htole32(MDMA_DESC_IRQ);
			queue_next(&q);
			queue_bell(&q);
			CHECK_EQ(eventfd_take_within(fd, 5000), 1);
			tenant_put(&e, adi, MDMA_T_INT_CAUSE, MDMA_T_INT_COMPLETE);
		}
		/* Clearing one cause while another stays brings another message */
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0)->flags |= htole32(MDMA_DESC_IRQ);
		queue_next(&q);
		queue_new(&q, 99, 0, 0, 0);
		queue_run(&q);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_INT_CAUSE), MDMA_T_INT_ALL);
		CHECK_EQ(eventfd_take_within(fd, 5000), 1);
		tenant_put(&e, adi, MDMA_T_INT_CAUSE, MDMA_T_INT_COMPLETE);
		CHECK_EQ(eventfd_take_within(fd, 5000), 1);
		tenant_put(&e, adi, MDMA_T_INT_CAUSE, MDMA_T_INT_ERROR);
		CHECK_EQ(eventfd_take_within(fd, 100), 0);
		CHECK_EQ(other_signals(&e, fds, MDMA_VECTOR_ADI(adi)), 0);
	}
}

TEST("the host's vector tells of errors and drains, and which ADI has them")
{
	int fds[MDMA_MAX_ADIS + 1];
	unsigned int last;
	struct engine e;
	struct queue q;

	engine_open(&e);
	connect_vectors(&e, fds);
	last = e.adis - 1;
	queue_open(&q, &e, last, 8);
	host_put(&e, last, MDMA_H_MASK, 0);
	engine_drain(&e, last);
	CHECK_EQ(eventfd_take_within(fds[0], 5000), 1);
	CHECK_EQ(host_get(&e, last, MDMA_H_CAUSE), MDMA_H_INT_DONE);
	for (unsigned int word = 0; word < 4; word++)
		CHECK_EQ(get32(e.host + MDMA_G_EVENTS(word)),
			 word == last / 32 ? 1u << last % 32 : 0);
	host_put(&e, last, MDMA_H_CAUSE, MDMA_H_INT_DONE);
	CHECK_EQ(get32(e.host + MDMA_G_EVENTS(last / 32)), 0);
	engine_command(&e, last, MDMA_CMD_RESUME, MDMA_RESULT_OK);

	queue_new(&q, 77, 0, 0, 0);
	queue_run(&q);
	CHECK_EQ(eventfd_take_within(fds[0], 5000), 1);
	CHECK_EQ(host_get(&e, last, MDMA_H_CAUSE), MDMA_H_INT_ERROR);
	host_put(&e, last, MDMA_H_MASK, MDMA_H_INT_ERROR);
	CHECK_EQ(get32(e.host + MDMA_G_EVENTS(last / 32)), 0);
	CHECK_EQ(other_signals(&e, fds, 0), 0);
}

TEST("DRAIN lets the descriptor in flight finish and no other one start")
{
	struct engine e;
	struct queue q;
	uint32_t head;

	engine_open_queue(&e, &q, BACKLOG_RING);
	queue_backlog(&q);
	wait_done(&e, 0, 1);
	engine_drain(&e, 0);
	head = tenant_get(&e, 0, MDMA_T_RING_HEAD);
	REQUIRE(head >= 1 && head < BACKLOG - 2, "head %u", head);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_STATUS), MDMA_T_STATUS_STOPPED | MDMA_T_STATUS_HOST_ON);
	CHECK_EQ(le32toh(queue_record(&q, head - 1)->status), MDMA_ERR_OK);
	CHECK_EQ(le32toh(queue_record(&q, head)->status), 0);
	check_backlog(&e, head - 1, MDMA_MAX_LEN);

	/* Stopped means stopped; the doorbell is remembered */
	tenant_put(&e, 0, MDMA_T_RING_TAIL, head + 2);
	sleep_ms(200);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), head);
	check_backlog(&e, head - 1, MDMA_MAX_LEN);
	engine_command(&e, 0, MDMA_CMD_DRAIN, MDMA_RESULT_OK);
	engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	queue_wait(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), head + 2);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), head + 2);
	check_backlog(&e, head + 1, MDMA_MAX_LEN);
}

TEST("a DRAIN whose last descriptor fails ends too, with the error")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	/* 4 MiB that end in the hole */
	queue_new(&q, MDMA_OP_CRC32C, HOLE_IOVA - 4 * MIB + 1, 0, 4 * MIB);
	queue_next(&q);
	queue_bell(&q);
	engine_drain(&e, 0);
	if (!tenant_get(&e, 0, MDMA_T_ERR_CODE)) {
		/* It came before the fetch */
		engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
		queue_wait(&q);
	}
	check_error(&q, queue_record(&q, 0), MDMA_ERR_READ, 0, HOLE_IOVA);
}

TEST("ABORT ends the descriptor in flight, says so, and nothing follows")
{
	struct mdma_record *record;
	struct engine e;
	struct queue q;
	uint32_t head, bytes;
	int tries = 0;

	engine_open_queue(&e, &q, BACKLOG_RING);
	for (;;) {
		memset(e.mem + BACKLOG_AT, 0, MDMA_MAX_LEN);
		queue_backlog(&q);
		wait_in_flight(&e, 0);
		engine_command(&e, 0, MDMA_CMD_ABORT, MDMA_RESULT_OK);
		CHECK_EQ(host_get(&e, 0, MDMA_H_STATUS) & ~MDMA_H_STATUS_ERROR,
			 MDMA_H_STATUS_STOPPED);
		if (tenant_get(&e, 0, MDMA_T_ERR_CODE))
			break;
		/* It came between two descriptors */
		tries++;
		REQUIRE(tries < 20, "nothing in flight, %d times", tries);
		engine_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
		queue_start(&q);
	}
	head = tenant_get(&e, 0, MDMA_T_RING_HEAD);
	record = queue_record(&q, head);
	check_error(&q, record, MDMA_ERR_ABORTED, 0, 0);
	bytes = le32toh(record->bytes);
	CHECK(bytes < MDMA_MAX_LEN, "%u bytes", bytes);
	/* All that was said to be done is done, and nothing more, now and later */
	check_backlog(&e, head, bytes);
	engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	sleep_ms(200);
	check_backlog(&e, head, bytes);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), head);
	queue_restart(&q);
	check_queue_works(&q);
}

TEST("ABORT with nothing in flight loses nothing")
{
	struct engine e;
	struct queue q;

	engine_open_queue(&e, &q, 8);
	engine_command(&e, 0, MDMA_CMD_ABORT, MDMA_RESULT_OK);
	CHECK_EQ(host_get(&e, 0, MDMA_H_STATUS), MDMA_H_STATUS_STOPPED);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	queue_next(&q);
	queue_bell(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), 0);
	engine_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	queue_wait(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), 1);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), 0);
}

static void check_tenant_is_reset(struct engine *e, unsigned int adi, uint32_t status)
{
	CHECK_EQ(tenant_get(e, adi, MDMA_T_STATUS), MDMA_T_STATUS_EMPTY | status);
	for (unsigned int reg = MDMA_T_RING_BASE_LO; reg <= MDMA_T_INT_CAUSE; reg += 4)
		CHECK_EQ(tenant_get(e, adi, reg), 0, "tenant register 0x%x", reg);
	CHECK_EQ(tenant_get(e, adi, MDMA_T_CTRL), 0);
	CHECK_EQ(tenant_get(e, adi, MDMA_T_INT_MASK), MDMA_T_INT_ALL);
}

TEST("each kind of reset of an ADI stops its DMA and leaves nothing of the tenant")
{
	static const char *const kinds[] = { "tenant", "host", "disable", "global" };

	struct engine e;
	struct queue q;

	engine_open(&e);
	for (int kind = 0; kind < 4; kind++) {
		queue_open(&q, &e, 0, BACKLOG_RING);
		tenant_put(&e, 0, MDMA_T_INT_MASK, 0);
		queue_backlog(&q);
		wait_in_flight(&e, 0);
		if (kind == 0)
			tenant_put(&e, 0, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
		else if (kind == 1)
			engine_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
		else if (kind == 2)
			host_put(&e, 0, MDMA_H_CTRL, MDMA_H_CTRL_RID);
		else
			put32(e.host + MDMA_G_CTRL, MDMA_G_CTRL_RESET);
		check_tenant_is_reset(&e, 0, kind < 2 ? MDMA_T_STATUS_HOST_ON : 0);
		CHECK_EQ(host_get(&e, 0, MDMA_H_STATUS), 0);
		CHECK_EQ(host_get(&e, 0, MDMA_H_CTRL),
			 kind < 2 ? MDMA_H_CTRL_RID | MDMA_H_CTRL_ENABLE :
			 kind == 2 ? MDMA_H_CTRL_RID : 0);
		memset(e.mem + BACKLOG_AT, 0, MDMA_MAX_LEN);
		sleep_ms(50);
		for (uint32_t i = 0; i < MDMA_MAX_LEN; i += 1024)
			REQUIRE(!e.mem[BACKLOG_AT + i], "DMA after the reset: %s", kinds[kind]);
		host_put(&e, 0, MDMA_H_CTRL, 0);
	}
}

TEST("a function level reset empties every register of every page")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	host_put(&e, 3, MDMA_H_PASID, 9);
	host_put(&e, 3, MDMA_H_LOG_PAGES, 100);
	host_put(&e, 3, MDMA_H_LOG_CTRL, MDMA_H_LOG_ENABLE);
	host_put(&e, 3, MDMA_H_MASK, 0);
	queue_open(&q, &e, 3, BACKLOG_RING);
	tenant_put(&e, 3, MDMA_T_INT_MASK, 0);
	queue_backlog(&q);
	wait_in_flight(&e, 3);
	REQUIRE_OK(vfio_reset(&e.client));
	memset(e.mem + BACKLOG_AT, 0, MDMA_MAX_LEN);
	CHECK_EQ(get32(e.host + MDMA_G_ID), MDMA_ID);
	check_tenant_is_reset(&e, 3, 0);
	for (unsigned int reg = MDMA_H_CTRL; reg < MDMA_H_STATE_SIZE; reg += 4)
		CHECK_EQ(host_get(&e, 3, reg), reg == MDMA_H_MASK ? 3 :
			 reg == MDMA_H_LOG_SHIFT ? 12 : reg == MDMA_H_LOG_NEXT ? MDMA_LOG_END : 0,
			 "host register 0x%x", reg);
	sleep_ms(50);
	for (uint32_t i = 0; i < MDMA_MAX_LEN; i += 1024)
		REQUIRE(!e.mem[BACKLOG_AT + i], "DMA after the reset");
	config_set_master(&e.client, true);
	queue_open(&q, &e, 3, 64);
	check_queue_works(&q);
}

TEST("guarded registers refuse writes while the ADI may do DMA")
{
	uint32_t pasid_ok;
	struct engine e;
	struct queue q;

	engine_open(&e);
	pasid_ok = get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_PASID ?
		   MDMA_RESULT_OK : MDMA_RESULT_BAD_VALUE;
	engine_command(&e, 0, MDMA_CMD_DRAIN, MDMA_RESULT_DISABLED);
	queue_open(&q, &e, 0, 8);
	engine_command(&e, 0, 0, MDMA_RESULT_BAD_CMD);
	engine_command(&e, 0, 5, MDMA_RESULT_BAD_CMD);

	host_put(&e, 0, MDMA_H_PASID, 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(host_get(&e, 0, MDMA_H_PASID), 0);
	host_put(&e, 0, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(host_get(&e, 0, MDMA_H_CTRL), MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID);
	host_put(&e, 0, MDMA_H_STATE + 8, 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), (uint32_t)ring_iova(0));

	engine_drain(&e, 0);
	host_put(&e, 0, MDMA_H_PASID, MDMA_H_PASID_VALID | 7);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), pasid_ok);
	CHECK_EQ(host_get(&e, 0, MDMA_H_PASID), pasid_ok ? 0 : MDMA_H_PASID_VALID | 7);
	host_put(&e, 0, MDMA_H_PASID, 0);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_OK);
	for (int i = 0; i < 3; i++) {
		static const uint32_t bad[] = {
			MDMA_H_PASID_VALID, MDMA_H_PASID_VALID | 256, 0x40000000,
		};

		host_put(&e, 0, MDMA_H_PASID, bad[i]);
		CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_BAD_VALUE);
		CHECK_EQ(host_get(&e, 0, MDMA_H_PASID), 0);
	}
	host_put(&e, 0, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_OK);
	CHECK_EQ(host_get(&e, 0, MDMA_H_CTRL), MDMA_H_CTRL_ENABLE);
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
