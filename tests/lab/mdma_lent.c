// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page of the parent that is lent to a tenant comes back when the loan ends. So it must not be
 * in an IOMMU, from where nobody takes it back: no container takes it for DMA, unless the
 * administrator allows that for the parent (docs/mdma.md).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mdma.h"

#define PAGE		4096u
#define SMALL		(64 * 1024u)
#define LENT_IOVA	0x100000000ull
#define PEER_DMA	MDMA_PARENT "/mdevkit/peer_dma"
#define WHOLE		"/sys/bus/pci/devices/" MDMA_WHOLE_BDF

static const char *parent_ready(void)
{
	return mdma_bind(MDMA_BDF, "mdma");
}

static const char *restore(void)
{
	const char *left = mdev_remove_all();

	sysfs_write("0", PEER_DMA);
	mdma_bind(MDMA_WHOLE_BDF, "mdma");
	return left;
}

/* A container of the second function as a whole, held by vfio-pci */
static void physical_space_open(struct vfio_space *space)
{
	char group[32], path[64];
	int fd;

	REQUIRE_OK(module_load("vfio-pci", NULL));
	CHECK_STR(mdma_bind(MDMA_WHOLE_BDF, "vfio-pci") ?: "", "");
	REQUIRE_OK(vfio_space_open(space, vfio_type1v2));
	REQUIRE_OK(link_basename(group, sizeof(group), WHOLE "/iommu_group"));
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	REQUIRE_EQ(ioctl(fd, VFIO_GROUP_SET_CONTAINER, &space->fd), 0);
	REQUIRE_EQ(ioctl(space->fd, VFIO_SET_IOMMU, space->mode->iommu_type), 0);
	space->groups[0].fd = fd;	/* vfio_space_close() closes it */
}

/* @want: errno of a map into type 1, for reading, and for both */
static void check_map(struct vfio_space *space, volatile u8 *page, int want)
{
	void *at = (void *)page;
	u64 unmapped;

	CHECK_ERR(vfio_map_prot(space, at, LENT_IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ), want);
	if (!want)
		CHECK_ERR(vfio_unmap(space, LENT_IOVA, PAGE, &unmapped), 0);
	CHECK_ERR(vfio_map(space, at, LENT_IOVA, PAGE), want);
	if (!want)
		CHECK_ERR(vfio_unmap(space, LENT_IOVA, PAGE, &unmapped), 0);
}

TEST_ALL_MODES("no IOMMU gets a lent page: not its container, another slice's or vfio-pci's")
{
	struct vfio_space physical;
	struct mdma_tenant t, other;

	mdma_start(&t, mode, MDMA_PARENT, "mdma-1", 0, SMALL);
	mdma_start(&other, mode, MDMA_PARENT, "mdma-1", 1, SMALL);
	physical_space_open(&physical);
	for (int touched = 0; touched < 2; touched++) {
		check_map(&t.space, t.pages, EFAULT);
		check_map(&other.space, t.pages, EFAULT);
		check_map(&physical, t.pages, EFAULT);
		/* the CPU may use it, before and after */
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_ID), MDMA_ID);
	}
	vfio_space_close(&physical);
	mdma_end(&other);
	mdma_end(&t);
}

TEST("a lent page is no buffer of a system call that pins it")
{
	struct mdma_tenant t;
	struct iovec lent;
	int pipes[2];

	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-1", 0, SMALL);
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_ID), MDMA_ID);
	lent = (struct iovec) { (void *)t.pages, 64 };
	REQUIRE(!pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(vmsplice(pipes[1], &lent, 1, 0), -1);
	CHECK_EQ(errno, EFAULT);
	close(pipes[0]);
	close(pipes[1]);
	mdma_end(&t);
}

TEST("the administrator of a parent may allow it, while the parent has no mdev")
{
	struct vfio_space physical;
	struct mdma_tenant t, other;
	char text[16];

	REQUIRE_OK(sysfs_read(text, sizeof(text), PEER_DMA));
	CHECK_STR(text, "0");
	CHECK_ERR(sysfs_write("2", PEER_DMA), EINVAL);
	REQUIRE_OK(sysfs_write("1", PEER_DMA));
	REQUIRE_OK(sysfs_read(text, sizeof(text), PEER_DMA));
	CHECK_STR(text, "1");
	mdma_start(&t, vfio_type1v2, MDMA_PARENT, "mdma-1", 0, SMALL);
	CHECK_ERR(sysfs_write("0", PEER_DMA), EBUSY);
	mdma_start(&other, vfio_type1v2, MDMA_PARENT, "mdma-1", 1, SMALL);
	physical_space_open(&physical);
	check_map(&t.space, t.pages, 0);
	check_map(&other.space, t.pages, 0);
	check_map(&physical, t.pages, 0);
	vfio_space_close(&physical);
	mdma_end(&other);
	mdma_end(&t);
	CHECK_ERR(sysfs_write("0", PEER_DMA), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = parent_ready,
		.after_each = restore,
	});
}
