// SPDX-License-Identifier: GPL-2.0-only
/* The lab's softdma, whose parent has 255 PASIDs: does it matter how many are taken? */
#include "ktap.h"
#include "life.h"
#include "measure.h"

#define TAKEN		200

TEST_LONG("softdma: an mdev by PASID with no other and with 200 in use", 900)
{
	struct bench_mdev mdev = {
		.parent = "/sys/devices/platform/softdma-a",
		.type = "softdma-pasid",
	};

	bench_first_and_nth(BENCH_KIT, &mdev, "softdma", TAKEN + 1, 51);
}
