// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's copier: what a driver pays for the kit's gate before the tenant's memory, and the
 * thousandth mdev of a parent.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../lab/modules/copier_regs.h"
#include "ktap.h"
#include "life.h"
#include "measure.h"
#include "vfio.h"

#define THOUSAND	1000
#define IOVA		0x10000000ULL
/* At a time, so that the register's write is little of it */
#define TIMES		16

static const struct bench_mdev copier = {
	.parent = "/sys/devices/virtual/copier/copier",
	.type = "copier-one",
};

struct job {
	struct vfio_client *client;
	u32 command;
};

static int run_job(void *data)
{
	const struct job *job = data;

	return pwrite(job->client->fd, &job->command, 4,
		      job->client->bars[0].offset + COPIER_COMMAND) == 4 ? 0 : -EIO;
}

/* By the kit, copier.read_SIZE, and by VFIO alone, copier.vfio_read_SIZE */
static void measure_copies(struct vfio_client *client, const char *size, u32 length, u32 times)
{
	static const struct way {
		const char *name;
		u32 command;
	} ways[] = {
		{ "read", COPIER_READ }, { "vfio_read", COPIER_READ | COPIER_VFIO },
	};

	vfio_put(client, 0, COPIER_LENGTH, 4, length);
	vfio_put(client, 0, COPIER_TIMES, 4, times);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct job job = { client, ways[i].command };
		struct bench_step step = { .run = run_job };
		char key[64];

		snprintf(key, sizeof(key), "copier.%s_%s", ways[i].name, size);
		step.key = key;
		bench_cycle(BENCH_KIT, &step, 1, &job, 21, 1);
		CHECK_EQ(vfio_get(client, 0, COPIER_STATUS, 4), 0);
	}
}

TEST("copier: the tenant's memory")
{
	struct bench_mdev mdev = copier;
	struct vfio_client client;
	struct vfio_space space;
	void *memory;

	mdev_uuid(0, mdev.uuid);
	REQUIRE_OK(mdev_create(mdev.parent, mdev.type, mdev.uuid));
	REQUIRE_OK(vfio_space_open(&space, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&client, &space, mdev.uuid));
	memory = pages_alloc(COPIER_MAX_LENGTH);
	REQUIRE_OK(vfio_map(&space, memory, IOVA, COPIER_MAX_LENGTH));
	config_set_master(&client, true);
	vfio_put(&client, 0, COPIER_IOVA, 8, IOVA);
	measure_copies(&client, "8", 8, TIMES);
	measure_copies(&client, "4k", 4096, TIMES);
	measure_copies(&client, "1m", COPIER_MAX_LENGTH, 1);
	vfio_client_close(&client);
	vfio_space_close(&space);
	REQUIRE_OK(mdev_remove(mdev.uuid));
}

TEST_LONG("copier: the 1st and the 1000th mdev", 900)
{
	struct bench_mdev mdev = copier;

	bench_first_and_nth(BENCH_KIT, &mdev, "copier", THOUSAND, 51);
}
