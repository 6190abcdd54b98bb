// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

#define BDF		"0000:00:03.0"
#define SYSFS		"/sys/bus/pci/devices/" BDF

const char *engine_take(void)
{
	if (!path_exists(SYSFS))
		return "there is no mdma device at " BDF;
	if (!path_exists(SYSFS "/iommu_group"))
		return "the mdma device has no IOMMU";
	if (module_load("vfio-pci", NULL))
		return "vfio-pci cannot be loaded";
	if (sysfs_write("vfio-pci", SYSFS "/driver_override"))
		return "no driver_override";
	if (path_exists(SYSFS "/driver") && sysfs_write(BDF, SYSFS "/driver/unbind"))
		return "the driver of the mdma device does not let go of it";
	if (sysfs_write(BDF, "/sys/bus/pci/drivers_probe") || !path_exists(SYSFS "/driver"))
		return "vfio-pci does not bind to the mdma device";
	return NULL;
}

void engine_give_back(void)
{
	sysfs_write(BDF, SYSFS "/driver/unbind");
	sysfs_write("\n", SYSFS "/driver_override");
	sysfs_write(BDF, "/sys/bus/pci/drivers_probe");
}

void engine_open(struct engine *e)
{
	char group[32], path[64];
	void *readonly;
	int fd;

	memset(e, 0, sizeof(*e));
	REQUIRE_OK(vfio_space_open(&e->space, vfio_type1v2));
	REQUIRE_OK(link_basename(group, sizeof(group), SYSFS "/iommu_group"));
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	REQUIRE(!ioctl(fd, VFIO_GROUP_SET_CONTAINER, &e->space.fd), "%s", strerror(errno));
	REQUIRE(!ioctl(e->space.fd, VFIO_SET_IOMMU, vfio_type1v2->iommu_type), "%s",
		strerror(errno));

	e->mem = pages_alloc(MEM_SIZE);
	REQUIRE_OK(vfio_map(&e->space, e->mem, MEM_IOVA, MEM_SIZE));
	readonly = pages_alloc(4096);
	REQUIRE_OK(vfio_map_prot(&e->space, readonly, RO_IOVA, 4096, VFIO_DMA_MAP_FLAG_READ));

	e->client.space = &e->space;
	e->client.group = -1;
	e->client.fd = ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, BDF);
	REQUIRE(e->client.fd >= 0, "%s", strerror(errno));
	REQUIRE_OK(vfio_region_info(&e->client, VFIO_PCI_CONFIG_REGION_INDEX, &e->client.config));
	for (int i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		REQUIRE_OK(vfio_region_info(&e->client, i, &e->client.bars[i]));
	config_set_master(&e->client, true);
	e->host = vfio_mmap(&e->client, MDMA_BAR_HOST, e->client.bars[MDMA_BAR_HOST].size);
	e->tenant = vfio_mmap(&e->client, MDMA_BAR_TENANT, e->client.bars[MDMA_BAR_TENANT].size);
	e->adis = get32(e->host + MDMA_G_ADIS);
	REQUIRE(e->adis >= 4 && e->adis <= MDMA_MAX_ADIS, "%u ADIs", e->adis);
}

void engine_enable_adi(struct engine *e, unsigned int adi)
{
	host_put(e, adi, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID);
	REQUIRE_EQ(host_get(e, adi, MDMA_H_RESULT), MDMA_RESULT_OK);
}

uint64_t ring_iova(unsigned int adi)
{
	return MEM_IOVA + (uint64_t)adi * RING_AREA;
}

void queue_start(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_RING_BASE_LO, ring_iova(q->adi));
	tenant_put(q->e, q->adi, MDMA_T_RING_BASE_HI, ring_iova(q->adi) >> 32);
	tenant_put(q->e, q->adi, MDMA_T_RING_SIZE, q->size);
	tenant_put(q->e, q->adi, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	q->tail = 0;
}

void queue_open(struct queue *q, struct engine *e, unsigned int adi, unsigned int size)
{
	*q = (struct queue) { .e = e, .adi = adi, .size = size };
	engine_enable_adi(e, adi);
	queue_start(q);
	REQUIRE(tenant_get(e, adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING);
}

void engine_open_queue(struct engine *e, struct queue *q, unsigned int size)
{
	engine_open(e);
	queue_open(q, e, 0, size);
}

struct mdma_desc *queue_desc(struct queue *q, unsigned int index)
{
	return (struct mdma_desc *)(q->e->mem + q->adi * RING_AREA) + index;
}

struct mdma_record *queue_record(struct queue *q, unsigned int index)
{
	return (struct mdma_record *)(q->e->mem + q->adi * RING_AREA + RECORDS) + index;
}

struct mdma_desc *queue_new(struct queue *q, uint32_t op, uint64_t src, uint64_t dst,
			    uint32_t len)
{
	struct mdma_desc *desc = queue_desc(q, q->tail);

	memset(queue_record(q, q->tail), 0, sizeof(struct mdma_record));
	*desc = (struct mdma_desc) {
		.opcode = htole32(op),
		.flags = htole32(MDMA_DESC_RECORD),
		.src = htole64(src),
		.dst = htole64(dst),
		.len = htole32(len),
		.record = htole64(ring_iova(q->adi) + RECORDS +
				  q->tail * sizeof(struct mdma_record)),
		.cookie = htole64(0xc0c0000000000000ull | q->tail),
	};
	return desc;
}

void queue_next(struct queue *q)
{
	q->tail = (q->tail + 1) % q->size;
}

void queue_bell(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_RING_TAIL, q->tail);
}

uint32_t queue_wait(struct queue *q)
{
	uint64_t end = now_ms() + WAIT_MS;
	uint32_t status;

	do {
		status = tenant_get(q->e, q->adi, MDMA_T_STATUS);
		if (status & MDMA_T_STATUS_ERROR)
			return status;
		if ((status & MDMA_T_STATUS_EMPTY) && !(status & MDMA_T_STATUS_BUSY))
			return status;
	} while (now_ms() < end);
	REQUIRE(false, "ADI %u not ready after %u ms, status 0x%x, head %u", q->adi, WAIT_MS,
		status, tenant_get(q->e, q->adi, MDMA_T_RING_HEAD));
	return status;
}

struct mdma_record *queue_run(struct queue *q)
{
	struct mdma_record *record = queue_record(q, q->tail);

	queue_next(q);
	queue_bell(q);
	queue_wait(q);
	return record;
}

void queue_restart(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	queue_start(q);
	REQUIRE(tenant_get(q->e, q->adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING);
}

void check_record(struct mdma_record *record, uint32_t status, uint32_t bytes,
		  uint32_t result)
{
	CHECK_EQ(le32toh(record->status), status);
	CHECK_EQ(le32toh(record->bytes), bytes);
	CHECK_EQ(le32toh(record->result), result);
	if (status == MDMA_ERR_OK) {
		CHECK_EQ(le32toh(record->field), 0);
		CHECK_EQ(le64toh(record->addr), 0);
	}
}

void check_queue_works(struct queue *q)
{
	queue_new(q, MDMA_OP_NOP, 0, 0, 0);
	check_record(queue_run(q), MDMA_ERR_OK, 0, 0);
}

void check_error(struct queue *q, struct mdma_record *record, uint32_t code, uint32_t field,
		 uint64_t addr)
{
	uint64_t got = tenant_get(q->e, q->adi, MDMA_T_ERR_ADDR_LO) |
		       (uint64_t)tenant_get(q->e, q->adi, MDMA_T_ERR_ADDR_HI) << 32;

	CHECK(tenant_get(q->e, q->adi, MDMA_T_STATUS) & MDMA_T_STATUS_ERROR);
	CHECK(!(tenant_get(q->e, q->adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING));
	CHECK_EQ(tenant_get(q->e, q->adi, MDMA_T_ERR_CODE), code);
	CHECK_EQ(tenant_get(q->e, q->adi, MDMA_T_ERR_FIELD), field);
	CHECK_EQ(got, addr);
	CHECK(tenant_get(q->e, q->adi, MDMA_T_INT_CAUSE) & MDMA_T_INT_ERROR);
	if (record) {
		CHECK_EQ(le32toh(record->status), code);
		CHECK_EQ(le32toh(record->field), field);
		CHECK_EQ(le64toh(record->addr), addr);
	}
}

void engine_command(struct engine *e, unsigned int adi, uint32_t cmd, uint32_t result)
{
	host_put(e, adi, MDMA_H_CMD, cmd);
	CHECK_EQ(host_get(e, adi, MDMA_H_RESULT), result, "command %u", cmd);
}

void engine_drain(struct engine *e, unsigned int adi)
{
	uint64_t end = now_ms() + WAIT_MS;

	engine_command(e, adi, MDMA_CMD_DRAIN, MDMA_RESULT_OK);
	while (host_get(e, adi, MDMA_H_STATUS) & MDMA_H_STATUS_BUSY)
		REQUIRE(now_ms() < end, "DRAIN does not end");
	CHECK_EQ(host_get(e, adi, MDMA_H_STATUS) &
		 (MDMA_H_STATUS_STOPPED | MDMA_H_STATUS_ACTIVE), MDMA_H_STATUS_STOPPED);
}

void scramble(uint8_t *at, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at[i] = seed >> 56;
	}
}

uint64_t backlog_pattern(unsigned int index)
{
	return 0x0101010101010101ull * (index % 255 + 1);
}

void queue_backlog(struct queue *q)
{
	for (unsigned int i = 0; i < BACKLOG; i++) {
		queue_new(q, MDMA_OP_FILL, 0, MEM_IOVA + BACKLOG_AT, MDMA_MAX_LEN)->pattern =
			htole64(backlog_pattern(i));
		queue_next(q);
	}
	queue_bell(q);
}

void check_backlog(struct engine *e, unsigned int index, uint32_t bytes)
{
	uint8_t done = backlog_pattern(index), before = index ? backlog_pattern(index - 1) : 0;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < MDMA_MAX_LEN; i++)
		wrong += e->mem[BACKLOG_AT + i] != (i < bytes ? done : before);
	CHECK_EQ(wrong, 0, "FILL %u, %u bytes", index, bytes);
}

void wait_in_flight(struct engine *e, unsigned int adi)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (!(host_get(e, adi, MDMA_H_STATUS) & MDMA_H_STATUS_ACTIVE))
		REQUIRE(now_ms() < end, "nothing is in flight");
}

void wait_done(struct engine *e, unsigned int adi, uint32_t count)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (tenant_get(e, adi, MDMA_T_DONE) < count)
		REQUIRE(now_ms() < end, "%u descriptors", tenant_get(e, adi, MDMA_T_DONE));
}

void connect_vectors(struct engine *e, int *fds)
{
	struct vfio_irq_info info;

	REQUIRE_OK(vfio_irq_info(&e->client, VFIO_PCI_MSIX_IRQ_INDEX, &info));
	REQUIRE_EQ(info.count, e->adis + 1);
	for (unsigned int i = 0; i <= e->adis; i++)
		fds[i] = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&e->client, VFIO_PCI_MSIX_IRQ_INDEX, 0, e->adis + 1, fds));
}

int engine_main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = { .before_all = engine_take };
	int ret = ktap_main(argc, argv, &hooks);

	if (path_exists(SYSFS "/driver_override"))
		engine_give_back();
	return ret;
}
