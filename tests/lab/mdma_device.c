// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's DMA engine against its data sheet (docs/mdma-device.md): the whole PCI function in
 * one process through the kernel's vfio-pci, its ADIs in requester ID mode. No part of the kit
 * is involved; what the kit adds, DMA with PASIDs, is tested with the parent driver.
 *
 * Every test opens the device anew, so every test starts after a function level reset.
 */
#include <endian.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ktap.h"
#include "lib/sysfs.h"
#include "lib/vfio.h"
#include "../../kernel/samples/mdma/mdma_regs.h"

#define BDF		"0000:00:03.0"
#define SYSFS		"/sys/bus/pci/devices/" BDF

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

static uint32_t get32(volatile uint8_t *at)
{
	return le32toh(*(volatile uint32_t *)at);
}

static void put32(volatile uint8_t *at, uint32_t val)
{
	__sync_synchronize();
	*(volatile uint32_t *)at = htole32(val);
}

static uint32_t host_get(struct engine *e, unsigned int adi, unsigned int reg)
{
	return get32(e->host + MDMA_HOST_PAGE(adi) + reg);
}

static void host_put(struct engine *e, unsigned int adi, unsigned int reg, uint32_t val)
{
	put32(e->host + MDMA_HOST_PAGE(adi) + reg, val);
}

static uint32_t tenant_get(struct engine *e, unsigned int adi, unsigned int reg)
{
	return get32(e->tenant + MDMA_TENANT_PAGE(adi) + reg);
}

static void tenant_put(struct engine *e, unsigned int adi, unsigned int reg, uint32_t val)
{
	put32(e->tenant + MDMA_TENANT_PAGE(adi) + reg, val);
}

/* vfio-pci in place of whatever driver the function has. Returns why it cannot be, or NULL */
static const char *take_device(void)
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

static void give_device_back(void)
{
	sysfs_write(BDF, SYSFS "/driver/unbind");
	sysfs_write("\n", SYSFS "/driver_override");
	sysfs_write(BDF, "/sys/bus/pci/drivers_probe");
}

static volatile uint8_t *map_bar(struct engine *e, unsigned int bar)
{
	void *at = mmap(NULL, e->client.bars[bar].size, PROT_READ | PROT_WRITE, MAP_SHARED,
			e->client.fd, e->client.bars[bar].offset);

	REQUIRE(at != MAP_FAILED, "BAR %u: %s", bar, strerror(errno));
	return at;
}

/* The lib opens mdevs; a PCI function is opened by its group and address */
static void engine_open(struct engine *e)
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
	e->host = map_bar(e, MDMA_BAR_HOST);
	e->tenant = map_bar(e, MDMA_BAR_TENANT);
	e->adis = get32(e->host + MDMA_G_ADIS);
	REQUIRE(e->adis >= 4 && e->adis <= MDMA_MAX_ADIS, "%u ADIs", e->adis);
}

static void enable_adi(struct engine *e, unsigned int adi)
{
	host_put(e, adi, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID);
	REQUIRE_EQ(host_get(e, adi, MDMA_H_RESULT), MDMA_RESULT_OK);
}

static uint64_t ring_iova(unsigned int adi)
{
	return MEM_IOVA + (uint64_t)adi * RING_AREA;
}

static void queue_start(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_RING_BASE_LO, ring_iova(q->adi));
	tenant_put(q->e, q->adi, MDMA_T_RING_BASE_HI, ring_iova(q->adi) >> 32);
	tenant_put(q->e, q->adi, MDMA_T_RING_SIZE, q->size);
	tenant_put(q->e, q->adi, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	q->tail = 0;
}

static void queue_open(struct queue *q, struct engine *e, unsigned int adi, unsigned int size)
{
	*q = (struct queue) { .e = e, .adi = adi, .size = size };
	enable_adi(e, adi);
	queue_start(q);
	REQUIRE(tenant_get(e, adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING);
}

static struct mdma_desc *queue_desc(struct queue *q, unsigned int index)
{
	return (struct mdma_desc *)(q->e->mem + q->adi * RING_AREA) + index;
}

static struct mdma_record *queue_record(struct queue *q, unsigned int index)
{
	return (struct mdma_record *)(q->e->mem + q->adi * RING_AREA + RECORDS) + index;
}

/* A descriptor of the ring with its record, to be filled in; its index is q->tail */
static struct mdma_desc *queue_new(struct queue *q, uint32_t op, uint64_t src, uint64_t dst,
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

static void queue_next(struct queue *q)
{
	q->tail = (q->tail + 1) % q->size;
}

static void queue_bell(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_RING_TAIL, q->tail);
}

/* Waits until the engine has nothing to do or has halted. Returns T_STATUS */
static uint32_t queue_wait(struct queue *q)
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

/* Runs the descriptor at q->tail and returns its record */
static struct mdma_record *queue_run(struct queue *q)
{
	struct mdma_record *record = queue_record(q, q->tail);

	queue_next(q);
	queue_bell(q);
	queue_wait(q);
	return record;
}

/* After an error: the tenant's own reset, and a new start */
static void queue_restart(struct queue *q)
{
	tenant_put(q->e, q->adi, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	queue_start(q);
	REQUIRE(tenant_get(q->e, q->adi, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING);
}

static void check_record(struct mdma_record *record, uint32_t status, uint32_t bytes,
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

/* The error in the registers and, if there is one, in the record */
static void check_error(struct queue *q, struct mdma_record *record, uint32_t code, uint32_t field,
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

static void send_command(struct engine *e, unsigned int adi, uint32_t cmd, uint32_t result)
{
	host_put(e, adi, MDMA_H_CMD, cmd);
	CHECK_EQ(host_get(e, adi, MDMA_H_RESULT), result, "command %u", cmd);
}

static void drain(struct engine *e, unsigned int adi)
{
	uint64_t end = now_ms() + WAIT_MS;

	send_command(e, adi, MDMA_CMD_DRAIN, MDMA_RESULT_OK);
	while (host_get(e, adi, MDMA_H_STATUS) & MDMA_H_STATUS_BUSY)
		REQUIRE(now_ms() < end, "DRAIN does not end");
	CHECK_EQ(host_get(e, adi, MDMA_H_STATUS) &
		 (MDMA_H_STATUS_STOPPED | MDMA_H_STATUS_ACTIVE), MDMA_H_STATUS_STOPPED);
}

/* Bytes that look random and are the same in each run */
static void scramble(uint8_t *at, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at[i] = seed >> 56;
	}
}

/* CRC-32C from its definition, bit by bit */
static uint32_t reference_crc(const uint8_t *at, size_t size)
{
	uint32_t crc = ~0u;

	while (size--) {
		crc ^= *at++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

TEST("after a reset every register has the value of the data sheet")
{
	struct engine e;

	engine_open(&e);
	CHECK_EQ(config_get(&e.client, PCI_VENDOR_ID, 2), MDMA_PCI_VENDOR);
	CHECK_EQ(config_get(&e.client, PCI_DEVICE_ID, 2), MDMA_PCI_DEVICE);
	CHECK_EQ(config_get(&e.client, PCI_CLASS_REVISION, 4), 0x08010001);
	CHECK_EQ(get32(e.host + MDMA_G_ID), MDMA_ID);
	CHECK_EQ(get32(e.host + MDMA_G_VERSION), MDMA_VERSION);
	/* PASID Enable is up to the IOMMU driver */
	CHECK_EQ(get32(e.host + MDMA_G_STATUS) & ~MDMA_G_STATUS_PASID, MDMA_G_STATUS_MASTER);
	CHECK(get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_STATE);
	CHECK(get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_DIRTY);
	for (unsigned int adi = 0; adi < e.adis; adi++) {
		CHECK_EQ(host_get(&e, adi, MDMA_H_ID), MDMA_ID);
		CHECK_EQ(host_get(&e, adi, MDMA_H_ADI), adi);
		for (unsigned int reg = MDMA_H_CTRL; reg < MDMA_H_STATE_SIZE; reg += 4) {
			uint32_t want = reg == MDMA_H_MASK ? 3 : reg == MDMA_H_LOG_SHIFT ? 12 :
					reg == MDMA_H_LOG_NEXT ? MDMA_LOG_END : 0;

			CHECK_EQ(host_get(&e, adi, reg), want, "host register 0x%x", reg);
		}
		CHECK_EQ(host_get(&e, adi, MDMA_H_STATE_SIZE), sizeof(struct mdma_state));
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_ID), MDMA_ID);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_VERSION), MDMA_VERSION);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_OPS), MDMA_OPS_ALL);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_MAX_LEN), MDMA_MAX_LEN);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_MAX_RING), MDMA_MAX_RING);
		for (unsigned int reg = MDMA_T_MAX_RING + 4; reg < MDMA_PAGE_SIZE; reg += 4) {
			uint32_t want = reg == MDMA_T_INT_MASK ? MDMA_T_INT_ALL :
					reg == MDMA_T_STATUS ? MDMA_T_STATUS_EMPTY : 0;

			if (adi > 1 && reg > MDMA_T_INT_MASK)
				break;
			CHECK_EQ(tenant_get(&e, adi, reg), want, "tenant register 0x%x", reg);
		}
	}
}

TEST("an access of the wrong size or alignment reads all-ones and writes nothing")
{
	volatile uint8_t *page;
	struct engine e;

	engine_open(&e);
	enable_adi(&e, 0);
	page = e.tenant;
	tenant_put(&e, 0, MDMA_T_RING_BASE_LO, 0x11223344);
	CHECK_EQ(page[MDMA_T_RING_BASE_LO], 0xff);
	CHECK_EQ(*(volatile uint16_t *)(page + MDMA_T_RING_BASE_LO), 0xffff);
	page[MDMA_T_RING_BASE_LO] = 0x55;
	*(volatile uint16_t *)(page + MDMA_T_RING_BASE_LO) = 0x6666;
	*(volatile uint32_t *)(page + MDMA_T_RING_BASE_LO + 2) = 0x77777777;
	*(volatile uint32_t *)(page + MDMA_T_RING_BASE_LO - 1) = 0x88888888;
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), 0x11223344);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_HI), 0);

	/* 8 bytes at a multiple of 8 are two registers */
	*(volatile uint64_t *)(page + MDMA_T_RING_BASE_LO) = htole64(0x123456789abcdef0);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), 0x9abcdef0);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_HI), 0x12345678);
	CHECK_EQ(*(volatile uint64_t *)(page + MDMA_T_RING_BASE_LO), htole64(0x123456789abcdef0));
}

TEST("read-only registers and pages without an ADI ignore writes")
{
	static const unsigned int ro[] = {
		MDMA_T_ID, MDMA_T_VERSION, MDMA_T_OPS, MDMA_T_MAX_LEN, MDMA_T_MAX_RING,
		MDMA_T_STATUS, MDMA_T_RING_HEAD, MDMA_T_DONE, MDMA_T_ERR_CODE, MDMA_T_ERR_FIELD,
		MDMA_T_ERR_ADDR_LO, MDMA_T_ERR_ADDR_HI, MDMA_T_ERR_INDEX, MDMA_T_INT_CAUSE,
		0x014, 0x03c, 0x074, 0x088, 0xffc,
	};
	struct engine e;

	engine_open(&e);
	enable_adi(&e, 0);
	for (size_t i = 0; i < sizeof(ro) / sizeof(ro[0]); i++) {
		uint32_t before = tenant_get(&e, 0, ro[i]);

		tenant_put(&e, 0, ro[i], ~before);
		CHECK_EQ(tenant_get(&e, 0, ro[i]), before, "tenant register 0x%x", ro[i]);
	}
	/* BAR 0 holds one page more than there are ADIs, and is a power of two */
	for (uint64_t at = MDMA_HOST_PAGE(e.adis); at < e.client.bars[MDMA_BAR_HOST].size;
	     at += MDMA_PAGE_SIZE) {
		put32(e.host + at + MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
		CHECK_EQ(get32(e.host + at + MDMA_H_CTRL), 0xffffffff);
	}
}

TEST("a tenant's writes do nothing while the host has its ADI disabled")
{
	struct engine e;

	engine_open(&e);
	tenant_put(&e, 1, MDMA_T_RING_BASE_LO, MEM_IOVA);
	tenant_put(&e, 1, MDMA_T_RING_SIZE, 16);
	tenant_put(&e, 1, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	tenant_put(&e, 1, MDMA_T_INT_MASK, 0);
	enable_adi(&e, 1);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_RING_BASE_LO), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_RING_SIZE), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_CTRL), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_INT_MASK), MDMA_T_INT_ALL);
}

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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
	memcpy(e.mem + SRC_AT, "123456789", 9);
	queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT, 0, 9);
	check_record(queue_run(&q), MDMA_ERR_OK, 9, 0xe3069283);

	scramble(e.mem + SRC_AT, 5 * MIB, 2);
	while (next_shape(&at)) {
		if (at.d)
			continue;
		queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT + at.s, 0, at.len);
		check_record(queue_run(&q), MDMA_ERR_OK, at.len,
			     reference_crc(e.mem + SRC_AT + at.s, at.len));
	}
	queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT, 0, 5000);
	half = le32toh(queue_run(&q)->result);
	desc = queue_new(&q, MDMA_OP_CRC32C, MEM_IOVA + SRC_AT + 5000, 0, 3333);
	desc->seed = htole32(half);
	check_record(queue_run(&q), MDMA_ERR_OK, 3333, reference_crc(e.mem + SRC_AT, 8333));
}

TEST_LONG("COMPARE finds the first byte that differs, or none", 300)
{
	struct shape at = { };
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, ring_sizes[0]);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	check_record(queue_run(&q), MDMA_ERR_OK, 0, 0);
}

TEST("an enabled ring keeps its base and size")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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
		drain(&e, 0);
		/* The same ADI without it is a plain PCI function again */
		host_put(&e, 0, MDMA_H_PASID, 0);
		send_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
		queue_start(&q);
		queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
		check_record(queue_run(&q), MDMA_ERR_OK, 0, 0);
		host_put(&e, 0, MDMA_H_CTRL, 0);
	}
}

TEST("without Bus Master Enable there is no DMA")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
	config_set_master(&e.client, false);
	CHECK(!(get32(e.host + MDMA_G_STATUS) & MDMA_G_STATUS_MASTER));
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	CHECK_EQ(queue_run(&q)->status, 0);
	check_error(&q, NULL, MDMA_ERR_MASTER, 0, ring_iova(0));
	config_set_master(&e.client, true);
	queue_restart(&q);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	check_record(queue_run(&q), MDMA_ERR_OK, 0, 0);
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
		queue_new(&q[i], MDMA_OP_NOP, 0, 0, 0);
		check_record(queue_run(&q[i]), MDMA_ERR_OK, 0, 0);
	}
	CHECK_EQ(host_get(&e, 1, MDMA_H_CAUSE), MDMA_H_INT_ERROR);
	CHECK_EQ(host_get(&e, 1, MDMA_H_STATUS), MDMA_H_STATUS_ERROR);
}

static void connect_vectors(struct engine *e, int *fds)
{
	struct vfio_irq_info info;

	REQUIRE_OK(vfio_irq_info(&e->client, VFIO_PCI_MSIX_IRQ_INDEX, &info));
	REQUIRE_EQ(info.count, e->adis + 1);
	for (unsigned int i = 0; i <= e->adis; i++)
		fds[i] = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&e->client, VFIO_PCI_MSIX_IRQ_INDEX, 0, e->adis + 1, fds));
}

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
	drain(&e, last);
	CHECK_EQ(eventfd_take_within(fds[0], 5000), 1);
	CHECK_EQ(host_get(&e, last, MDMA_H_CAUSE), MDMA_H_INT_DONE);
	for (unsigned int word = 0; word < 4; word++)
		CHECK_EQ(get32(e.host + MDMA_G_EVENTS(word)),
			 word == last / 32 ? 1u << last % 32 : 0);
	host_put(&e, last, MDMA_H_CAUSE, MDMA_H_INT_DONE);
	CHECK_EQ(get32(e.host + MDMA_G_EVENTS(last / 32)), 0);
	send_command(&e, last, MDMA_CMD_RESUME, MDMA_RESULT_OK);

	queue_new(&q, 77, 0, 0, 0);
	queue_run(&q);
	CHECK_EQ(eventfd_take_within(fds[0], 5000), 1);
	CHECK_EQ(host_get(&e, last, MDMA_H_CAUSE), MDMA_H_INT_ERROR);
	host_put(&e, last, MDMA_H_MASK, MDMA_H_INT_ERROR);
	CHECK_EQ(get32(e.host + MDMA_G_EVENTS(last / 32)), 0);
	CHECK_EQ(other_signals(&e, fds, 0), 0);
}

/*
 * Work for a second or more, so that something is in flight when the host steps in, however
 * late it is scheduled: as many FILLs as the ring holds, each with a pattern of its own.
 */
#define BACKLOG_RING	512
#define BACKLOG		(BACKLOG_RING - 1)
#define BACKLOG_AT	(DATA + 12 * MIB)

static uint64_t backlog_pattern(unsigned int index)
{
	return 0x0101010101010101ull * (index % 255 + 1);
}

static void queue_backlog(struct queue *q)
{
	for (unsigned int i = 0; i < BACKLOG; i++) {
		queue_new(q, MDMA_OP_FILL, 0, MEM_IOVA + BACKLOG_AT, MDMA_MAX_LEN)->pattern =
			htole64(backlog_pattern(i));
		queue_next(q);
	}
	queue_bell(q);
}

/* After the FILL @index was ended at @bytes: before that its pattern, behind that the last one's */
static void check_backlog(struct engine *e, unsigned int index, uint32_t bytes)
{
	uint8_t done = backlog_pattern(index), before = index ? backlog_pattern(index - 1) : 0;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < MDMA_MAX_LEN; i++)
		wrong += e->mem[BACKLOG_AT + i] != (i < bytes ? done : before);
	CHECK_EQ(wrong, 0, "FILL %u, %u bytes", index, bytes);
}

static void wait_in_flight(struct engine *e, unsigned int adi)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (!(host_get(e, adi, MDMA_H_STATUS) & MDMA_H_STATUS_ACTIVE))
		REQUIRE(now_ms() < end, "nothing is in flight");
}

static void wait_done(struct engine *e, unsigned int adi, uint32_t count)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (tenant_get(e, adi, MDMA_T_DONE) < count)
		REQUIRE(now_ms() < end, "%u descriptors", tenant_get(e, adi, MDMA_T_DONE));
}

TEST("DRAIN lets the descriptor in flight finish and no other one start")
{
	struct engine e;
	struct queue q;
	uint32_t head;

	engine_open(&e);
	queue_open(&q, &e, 0, BACKLOG_RING);
	queue_backlog(&q);
	wait_done(&e, 0, 1);
	drain(&e, 0);
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
	send_command(&e, 0, MDMA_CMD_DRAIN, MDMA_RESULT_OK);
	send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	queue_wait(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), head + 2);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), head + 2);
	check_backlog(&e, head + 1, MDMA_MAX_LEN);
}

TEST("a DRAIN whose last descriptor fails ends too, with the error")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
	/* 4 MiB that end in the hole */
	queue_new(&q, MDMA_OP_CRC32C, HOLE_IOVA - 4 * MIB + 1, 0, 4 * MIB);
	queue_next(&q);
	queue_bell(&q);
	drain(&e, 0);
	if (!tenant_get(&e, 0, MDMA_T_ERR_CODE)) {
		/* It came before the fetch */
		send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
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

	engine_open(&e);
	queue_open(&q, &e, 0, BACKLOG_RING);
	for (;;) {
		memset(e.mem + BACKLOG_AT, 0, MDMA_MAX_LEN);
		queue_backlog(&q);
		wait_in_flight(&e, 0);
		send_command(&e, 0, MDMA_CMD_ABORT, MDMA_RESULT_OK);
		CHECK_EQ(host_get(&e, 0, MDMA_H_STATUS) & ~MDMA_H_STATUS_ERROR,
			 MDMA_H_STATUS_STOPPED);
		if (tenant_get(&e, 0, MDMA_T_ERR_CODE))
			break;
		/* It came between two descriptors */
		tries++;
		REQUIRE(tries < 20, "nothing in flight, %d times", tries);
		send_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
		queue_start(&q);
	}
	head = tenant_get(&e, 0, MDMA_T_RING_HEAD);
	record = queue_record(&q, head);
	check_error(&q, record, MDMA_ERR_ABORTED, 0, 0);
	bytes = le32toh(record->bytes);
	CHECK(bytes < MDMA_MAX_LEN, "%u bytes", bytes);
	/* All that was said to be done is done, and nothing more, now and later */
	check_backlog(&e, head, bytes);
	send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	sleep_ms(200);
	check_backlog(&e, head, bytes);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_HEAD), head);
	queue_restart(&q);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	check_record(queue_run(&q), MDMA_ERR_OK, 0, 0);
}

TEST("ABORT with nothing in flight loses nothing")
{
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
	send_command(&e, 0, MDMA_CMD_ABORT, MDMA_RESULT_OK);
	CHECK_EQ(host_get(&e, 0, MDMA_H_STATUS), MDMA_H_STATUS_STOPPED);
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	queue_next(&q);
	queue_bell(&q);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_DONE), 0);
	send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
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
			send_command(&e, 0, MDMA_CMD_RESET, MDMA_RESULT_OK);
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
	queue_new(&q, MDMA_OP_NOP, 0, 0, 0);
	check_record(queue_run(&q), MDMA_ERR_OK, 0, 0);
}

TEST("guarded registers refuse writes while the ADI may do DMA")
{
	uint32_t pasid_ok;
	struct engine e;
	struct queue q;

	engine_open(&e);
	pasid_ok = get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_PASID ?
		   MDMA_RESULT_OK : MDMA_RESULT_BAD_VALUE;
	send_command(&e, 0, MDMA_CMD_DRAIN, MDMA_RESULT_DISABLED);
	queue_open(&q, &e, 0, 8);
	send_command(&e, 0, 0, MDMA_RESULT_BAD_CMD);
	send_command(&e, 0, 5, MDMA_RESULT_BAD_CMD);

	host_put(&e, 0, MDMA_H_PASID, 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(host_get(&e, 0, MDMA_H_PASID), 0);
	host_put(&e, 0, MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(host_get(&e, 0, MDMA_H_CTRL), MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID);
	host_put(&e, 0, MDMA_H_STATE + 8, 1);
	CHECK_EQ(host_get(&e, 0, MDMA_H_RESULT), MDMA_RESULT_NOT_STOPPED);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), (uint32_t)ring_iova(0));

	drain(&e, 0);
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
	drain(&e, from);
	for (size_t i = 0; i < sizeof(state) / 4; i++)
		state[i] = host_get(&e, from, MDMA_H_STATE + 4 * i);
	head = tenant_get(&e, from, MDMA_T_RING_HEAD);
	REQUIRE(head >= 1 && head < BACKLOG, "head %u", head);
	CHECK_EQ(((struct mdma_state *)state)->version, MDMA_VERSION);
	host_put(&e, from, MDMA_H_CTRL, 0);

	enable_adi(&e, to);
	drain(&e, to);
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
	send_command(&e, to, MDMA_CMD_RESUME, MDMA_RESULT_OK);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		queue_restart(&q);
		drain(&e, 0);
		host_put(&e, 0, MDMA_H_STATE + lies[i].word, lies[i].val);
		CHECK_EQ(tenant_get(&e, 0, MDMA_T_ERR_CODE), 0);
		send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
		check_error(&q, NULL, MDMA_ERR_RING, lies[i].field, 0);
	}
	queue_restart(&q);
	drain(&e, 0);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, err_code), MDMA_ERR_READ);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, ctrl), 0xffffffff);
	host_put(&e, 0, MDMA_H_STATE + offsetof(struct mdma_state, int_cause), 0xffffffff);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_CTRL), MDMA_T_CTRL_ENABLE);
	send_command(&e, 0, MDMA_CMD_RESUME, MDMA_RESULT_OK);
	check_error(&q, NULL, MDMA_ERR_READ, 0, 0);
}

TEST("the dirty log has the pages that were written, each once, and no other")
{
	const uint64_t base = MEM_IOVA + DATA;
	uint32_t index, pages = 0, word;
	struct engine e;
	struct queue q;

	engine_open(&e);
	queue_open(&q, &e, 0, 64);
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

	engine_open(&e);
	queue_open(&q, &e, 0, 8);
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
		drain(&e, i);
		for (unsigned int n = 0; n < count; n++) {
			queue_new(&q[i], MDMA_OP_CRC32C, MEM_IOVA + DATA + i, 0, MIB / 2);
			queue_next(&q[i]);
		}
		queue_bell(&q[i]);
	}
	for (unsigned int i = 0; i < e.adis; i++)
		send_command(&e, i, MDMA_CMD_RESUME, MDMA_RESULT_OK);
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
			     reference_crc(e.mem + DATA + i, MIB / 2));
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
	static const struct ktap_hooks hooks = { .before_all = take_device };
	int ret = ktap_main(argc, argv, &hooks);

	if (path_exists(SYSFS "/driver_override"))
		give_device_back();
	return ret;
}
