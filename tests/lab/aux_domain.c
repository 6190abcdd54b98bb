// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that an iommufd keeps: they may outlive the mdev that they were made for, its
 * group and every module that used iommu_aux. The device is the lab's mdma, behind the
 * kernel's own IOMMU driver, which never goes away.
 */
#include <linux/iommufd.h>
#include <string.h>

#include "mdma.h"

#define SIZE	0x100000u

static const char *ready(void)
{
	if (module_load("mdma", NULL))
		return "module mdma cannot be loaded";
	return mdma_bind(MDMA_BDF, "mdma");
}

/* All that stands on iommu_aux, except for page tables */
static void unload_users(void)
{
	static const char *const users[] = {
		"softdma", "pinner", "hello", "mtty", "mdma", "mdevkit",
	};

	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		if (module_loaded(users[i]))
			REQUIRE_OK(module_unload(users[i]), "%s", users[i]);
}

static void check_copy(struct mdma_tenant *t, u64 seed)
{
	struct mdma_queue q;
	u8 *from = t->mem + MDMA_DATA, *to = from + 4096;

	mdma_fill(from, 4096, seed);
	memset(to, 0, 4096);
	mdma_queue_start(&q, t, 0);
	CHECK_EQ(mdma_copy(&q, MDMA_IOVA + MDMA_DATA, MDMA_IOVA + MDMA_DATA + 4096, 4096),
		 MDMA_ERR_OK);
	CHECK(mdma_is_filled(to, 4096, seed), "the copy is not what was to be copied");
}

TEST_IOMMUFD("a device works on a page table of its own, and on the next one")
{
	struct mdma_tenant t;
	u32 hwpt[2];

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 1, SIZE);
	for (int i = 0; i < 2; i++) {
		REQUIRE_OK(vfio_hwpt_alloc(&t.client, 0, &hwpt[i]));
		CHECK_ERR(vfio_client_attach(&t.client, hwpt[i]), 0);
		check_copy(&t, i);
	}
	CHECK_ERR(vfio_iommufd_destroy(&t.space, hwpt[1]), EBUSY);
	CHECK_ERR(vfio_iommufd_destroy(&t.space, hwpt[0]), 0);
	check_copy(&t, 3);
	CHECK_ERR(vfio_client_attach(&t.client, t.space.ioas_id), 0);
	CHECK_ERR(vfio_iommufd_destroy(&t.space, hwpt[1]), 0);
	check_copy(&t, 4);
	mdma_end(&t);
}

TEST_IOMMUFD("dirty tracking is refused where it is not announced")
{
	struct mdma_tenant t;
	u32 hwpt;
	int ret;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 1, SIZE);
	ret = vfio_hwpt_alloc(&t.client, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt);
	/* QEMU's IOMMU has none; with another one what was given has to work */
	if (ret)
		CHECK_ERR(ret, EOPNOTSUPP);
	else
		CHECK_ERR(vfio_client_attach(&t.client, hwpt), 0);
	check_copy(&t, 1);
	mdma_end(&t);
}

TEST_IOMMUFD("a page table outlives its mdev, and iommu_aux stays loaded for it")
{
	static const char *const first[] = { "the page table", "the iommufd" };
	struct vfio_space space;
	struct vfio_client client;
	char uuid[UUID_SIZE];
	void *memory = pages_alloc(SIZE);
	u64 unmapped;
	u32 hwpt;

	mdev_uuid(1, uuid);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		REQUIRE_OK(mdma_bind(MDMA_BDF, "mdma") ? -ENODEV : 0);
		REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", uuid));
		REQUIRE_OK(vfio_space_open(&space, mode));
		REQUIRE_OK(vfio_client_open(&client, &space, uuid));
		REQUIRE_OK(vfio_hwpt_alloc(&client, 0, &hwpt));
		REQUIRE_OK(vfio_map(&space, memory, MDMA_IOVA, SIZE / 2));
		vfio_client_close(&client);
		REQUIRE_OK(mdev_remove(uuid));
		unload_users();

		CHECK_ERR(module_unload("iommu_aux"), EWOULDBLOCK, "before %s goes", first[i]);
		/* it has no device, but it is there */
		CHECK_ERR(vfio_map(&space, memory + SIZE / 2, MDMA_IOVA + SIZE / 2, SIZE / 2), 0);
		CHECK_ERR(vfio_unmap(&space, MDMA_IOVA, SIZE / 2, &unmapped), 0);
		CHECK_EQ(unmapped, SIZE / 2);

		if (i == 0) {
			CHECK_ERR(vfio_iommufd_destroy(&space, hwpt), 0);
			CHECK_ERR(module_unload("iommu_aux"), 0, "after %s has gone", first[i]);
			vfio_space_close(&space);
		} else {
			vfio_space_close(&space);
			CHECK_ERR(module_unload("iommu_aux"), 0, "after %s has gone", first[i]);
		}
	}
	REQUIRE_OK(mdma_bind(MDMA_BDF, "mdma") ? -ENODEV : 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = ready,
		.after_each = mdev_remove_all,
	});
}
