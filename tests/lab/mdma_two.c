// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdma_two [UUID UUID] - two slices of the DMA engine side by side, told in remarks: both
 * tenants use the same addresses, each reaches its own memory, and a stray access ends in a
 * fault. The demo gives the UUIDs of two mdevs of type mdma-1; as a test it makes them itself.
 */
#include <endian.h>
#include <string.h>

#include "mdma.h"

#define SMALL		(64 * 1024)
#define STRAY		0x7f000000ull

static const char *uuids[2];

static const char *ready(void)
{
	return mdma_bind(MDMA_BDF, "mdma");
}

static void tenant_open(struct mdma_tenant *t, struct mdma_queue *q, unsigned int n)
{
	if (uuids[n]) {
		memset(t, 0, sizeof(*t));
		snprintf(t->uuid, sizeof(t->uuid), "%s", uuids[n]);
	} else {
		mdma_create(t, MDMA_PARENT, "mdma-1", n);
	}
	mdma_open(t, vfio_type1v2, NULL, SMALL);
	mdma_queue_start(q, t, 0);
	snprintf((char *)t->mem + MDMA_DATA, 64, "the memory of tenant %u", n + 1);
	ktap_note("tenant %u: iommu group %d, writes \"%s\" to its address 0x%llx", n + 1,
		  mdev_group(t->uuid), t->mem + MDMA_DATA, MDMA_IOVA + MDMA_DATA);
}

TEST("two slices at the same addresses reach each its own memory, and nothing else")
{
	struct mdma_tenant t[2];
	struct mdma_queue q[2];
	struct mdma_record *record;

	for (int i = 0; i < 2; i++)
		tenant_open(&t[i], &q[i], i);
	for (int i = 0; i < 2; i++) {
		mdma_add(&q[i], MDMA_OP_COPY, MDMA_IOVA + MDMA_DATA,
			 MDMA_IOVA + MDMA_DATA + 4096, 64);
		mdma_ring_bell(&q[i]);
	}
	for (int i = 0; i < 2; i++) {
		char want[64];

		CHECK(!(mdma_wait(&q[i]) & MDMA_T_STATUS_ERROR));
		snprintf(want, sizeof(want), "the memory of tenant %d", i + 1);
		CHECK_STR((char *)t[i].mem + MDMA_DATA + 4096, want);
		ktap_note("tenant %d: its engine copied 64 bytes to 0x%llx, and found \"%s\"",
			  i + 1, MDMA_IOVA + MDMA_DATA + 4096, t[i].mem + MDMA_DATA + 4096);
	}
	mdma_add(&q[0], MDMA_OP_COPY, STRAY, MDMA_IOVA + MDMA_DATA, 64);
	record = mdma_run(&q[0]);
	CHECK_EQ(le32toh(record->status), MDMA_ERR_READ);
	CHECK_EQ(le64toh(record->addr), STRAY);
	CHECK_STR((char *)t[0].mem + MDMA_DATA, "the memory of tenant 1");
	ktap_note("tenant 1: its engine was sent to 0x%llx, not mapped: error %u at 0x%llx", STRAY,
		  le32toh(record->status), (u64)le64toh(record->addr));
	CHECK_EQ(mdma_copy(&q[1], MDMA_IOVA + MDMA_DATA, MDMA_IOVA + MDMA_DATA + 8192, 64),
		 MDMA_ERR_OK);
	ktap_note("tenant 2: goes on");
	for (int i = 0; i < 2; i++) {
		mdma_close(&t[i]);
		if (!uuids[i])
			CHECK_ERR(mdev_remove(t[i].uuid), 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		uuids[0] = argv[1];
		uuids[1] = argv[2];
		argc = 1;
	}
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = ready,
		.after_each = uuids[0] ? NULL : mdev_remove_all,
	});
}
