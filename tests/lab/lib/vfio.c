// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO client: address spaces, devices, regions and interrupts.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sysfs.h"
#include "vfio.h"

#define IOMMUFD_PATH	"/dev/iommu"

static const struct vfio_mode mode_type1v2 = {
	.name = "type1v2",
	.container_path = "/dev/vfio/vfio",
	.iommu_type = VFIO_TYPE1v2_IOMMU,
};

static const struct vfio_mode mode_iommufd_compat = {
	.name = "iommufd_compat",
	.container_path = IOMMUFD_PATH,
	.iommu_type = VFIO_TYPE1v2_IOMMU,
};

static const struct vfio_mode mode_iommufd = {
	.name = "iommufd",
};

const struct vfio_mode *const vfio_type1v2 = &mode_type1v2;

static const char *no_iommufd(const struct ktap_variant *variant __maybe_unused)
{
	if (!path_exists("/sys/class/misc/iommu"))
		return "this kernel has no iommufd (CONFIG_IOMMUFD is not set)";
	return NULL;
}

const struct ktap_variant vfio_modes[] = {
	{ .name = "type1v2", .data = &mode_type1v2 },
	{ .name = "iommufd_compat", .absent = no_iommufd, .data = &mode_iommufd_compat },
	[VFIO_MODE_IOMMUFD] = { .name = "iommufd", .absent = no_iommufd, .data = &mode_iommufd },
	{ }
};

static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static bool has_groups(const struct vfio_space *space)
{
	return space->mode->container_path;
}

int vfio_ioas_alloc(struct vfio_space *space, u32 *ioas_id)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };
	int ret;

	ret = call(space->fd, IOMMU_IOAS_ALLOC, &args);
	if (!ret)
		*ioas_id = args.out_ioas_id;
	return ret;
}

int vfio_hwpt_alloc(struct vfio_client *client, u32 flags, u32 *hwpt_id)
{
	struct iommu_hwpt_alloc args = {
		.size = sizeof(args),
		.flags = flags,
		.dev_id = client->dev_id,
		.pt_id = client->space->ioas_id,
	};
	int ret;

	ret = call(client->space->fd, IOMMU_HWPT_ALLOC, &args);
	if (!ret)
		*hwpt_id = args.out_hwpt_id;
	return ret;
}

int vfio_iommufd_destroy(struct vfio_space *space, u32 id)
{
	struct iommu_destroy args = { .size = sizeof(args), .id = id };

	return call(space->fd, IOMMU_DESTROY, &args);
}

int vfio_space_open(struct vfio_space *space, const struct vfio_mode *mode)
{
	int ret;

	memset(space, 0, sizeof(*space));
	space->mode = mode;
	for (int i = 0; i < VFIO_SPACE_GROUPS; i++)
		space->groups[i].fd = -1;
	space->fd = open(mode->container_path ?: IOMMUFD_PATH, O_RDWR | O_CLOEXEC);
	if (space->fd < 0)
		return -errno;
	if (has_groups(space)) {
		if (ioctl(space->fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
			ret = -EPROTO;
		else if (ioctl(space->fd, VFIO_CHECK_EXTENSION, mode->iommu_type) != 1)
			ret = -EOPNOTSUPP;
		else
			ret = 0;
	} else {
		ret = vfio_ioas_alloc(space, &space->ioas_id);
	}
	if (ret)
		close(space->fd);
	return ret;
}

void vfio_space_close(struct vfio_space *space)
{
	for (int i = 0; i < VFIO_SPACE_GROUPS; i++)
		if (space->groups[i].fd >= 0)
			close(space->groups[i].fd);
	close(space->fd);
	space->fd = -1;
}

int vfio_map_prot(struct vfio_space *space, void *vaddr, u64 iova, u64 size,
		  u32 flags)
{
	struct vfio_iommu_type1_dma_map type1 = {
		.argsz = sizeof(type1),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_map ioas = {
		.size = sizeof(ioas),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			 (flags & VFIO_DMA_MAP_FLAG_READ ? IOMMU_IOAS_MAP_READABLE : 0) |
			 (flags & VFIO_DMA_MAP_FLAG_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = space->ioas_id,
		.user_va = (uintptr_t)vaddr,
		.length = size,
		.iova = iova,
	};

	if (has_groups(space))
		return call(space->fd, VFIO_IOMMU_MAP_DMA, &type1);
	return call(space->fd, IOMMU_IOAS_MAP, &ioas);
}

int vfio_map(struct vfio_space *space, void *vaddr, u64 iova, u64 size)
{
	return vfio_map_prot(space, vaddr, iova, size,
			     VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

int vfio_unmap(struct vfio_space *space, u64 iova, u64 size, u64 *unmapped)
{
	struct vfio_iommu_type1_dma_unmap type1 = {
		.argsz = sizeof(type1),
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_unmap ioas = {
		.size = sizeof(ioas),
		.ioas_id = space->ioas_id,
		.iova = iova,
		.length = size,
	};
	int ret;

	if (has_groups(space))
		ret = call(space->fd, VFIO_IOMMU_UNMAP_DMA, &type1);
	else
		ret = call(space->fd, IOMMU_IOAS_UNMAP, &ioas);
	if (!ret && unmapped)
		*unmapped = has_groups(space) ? type1.size : ioas.length;
	return ret;
}

static int type1_iova_ranges(struct vfio_space *space, struct iova_span *ranges, int max)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_info_cap_header *header;
	struct vfio_iommu_type1_info *info;
	u32 offset, size = 16384;
	int ret;

	info = calloc(1, size);
	info->argsz = size;
	ret = call(space->fd, VFIO_IOMMU_GET_INFO, info);
	if (ret) {
		free(info);
		return ret;
	}
	ret = -ENOENT;
	offset = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;
	while (offset && offset + sizeof(*header) <= size) {
		header = (void *)((char *)info + offset);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			cap = (void *)header;
			ret = cap->nr_iovas < (u32)max ? (int)cap->nr_iovas : max;
			for (int i = 0; i < ret; i++) {
				ranges[i].start = cap->iova_ranges[i].start;
				ranges[i].last = cap->iova_ranges[i].end;
			}
			break;
		}
		offset = header->next;
	}
	free(info);
	return ret;
}

int vfio_iova_ranges(struct vfio_space *space, struct iova_span *ranges, int max)
{
	struct iommu_ioas_iova_ranges query = {
		.size = sizeof(query),
		.ioas_id = space->ioas_id,
		.num_iovas = max,
		.allowed_iovas = (uintptr_t)ranges,	/* the same layout: start, last */
	};
	int ret;

	if (has_groups(space))
		return type1_iova_ranges(space, ranges, max);
	ret = call(space->fd, IOMMU_IOAS_IOVA_RANGES, &query);
	if (ret && ret != -EMSGSIZE)
		return ret;
	return query.num_iovas < (u32)max ? (int)query.num_iovas : max;
}

static int put_group(struct vfio_space *space, int number)
{
	for (int i = 0; i < VFIO_SPACE_GROUPS; i++) {
		if (space->groups[i].fd < 0 || space->groups[i].number != number)
			continue;
		if (--space->groups[i].users)
			return 0;
		close(space->groups[i].fd);
		space->groups[i].fd = -1;
		for (i = 0; i < VFIO_SPACE_GROUPS; i++)
			if (space->groups[i].fd >= 0)
				return 0;
		/* The last group took the IOMMU away from the container */
		space->iommu_set = false;
		return 0;
	}
	return -ENOENT;
}

/* The file of the mdev's group, in the container, or a negative errno */
static int get_group(struct vfio_space *space, const char *uuid, int *number)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int fd, ret, slot = -1;

	ret = mdev_group(uuid);
	if (ret < 0)
		return ret;
	*number = ret;
	for (int i = 0; i < VFIO_SPACE_GROUPS; i++) {
		if (space->groups[i].fd >= 0 && space->groups[i].number == *number) {
			space->groups[i].users++;
			return space->groups[i].fd;
		}
		if (space->groups[i].fd < 0 && slot < 0)
			slot = i;
	}
	if (slot < 0)
		return -ENOSPC;
	snprintf(path, sizeof(path), "/dev/vfio/%d", *number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = call(fd, VFIO_GROUP_GET_STATUS, &status);
	if (!ret && !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		ret = -EPERM;
	if (!ret)
		ret = call(fd, VFIO_GROUP_SET_CONTAINER, &space->fd);
	if (!ret && !space->iommu_set) {
		ret = call(space->fd, VFIO_SET_IOMMU, (void *)space->mode->iommu_type);
		space->iommu_set = !ret;
	}
	if (ret) {
		close(fd);
		return ret;
	}
	space->groups[slot].number = *number;
	space->groups[slot].fd = fd;
	space->groups[slot].users = 1;
	return fd;
}

int vfio_join_group(struct vfio_space *space, const char *uuid)
{
	int number, fd;

	if (!has_groups(space))
		return 0;
	fd = get_group(space, uuid, &number);
	return fd < 0 ? fd : 0;
}

void vfio_leave_group(struct vfio_space *space, const char *uuid)
{
	int number;

	if (!has_groups(space))
		return;
	number = mdev_group(uuid);
	if (number >= 0)
		put_group(space, number);
}

static int open_by_group(struct vfio_client *client, const char *uuid)
{
	int group_fd, fd;

	group_fd = get_group(client->space, uuid, &client->group);
	if (group_fd < 0)
		return group_fd;
	fd = call(group_fd, VFIO_GROUP_GET_DEVICE_FD, (void *)uuid);
	if (fd < 0)
		put_group(client->space, client->group);
	return fd;
}

int vfio_cdev_path(const char *uuid, char *path, size_t size)
{
	char dir_path[128];
	struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), MDEV_DEVICES "/%s/vfio-dev", uuid);
	dir = opendir(dir_path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
		ret = 0;
		break;
	}
	closedir(dir);
	return ret;
}

int vfio_client_attach(struct vfio_client *client, u32 ioas_id)
{
	struct vfio_device_attach_iommufd_pt args = {
		.argsz = sizeof(args),
		.pt_id = ioas_id,
	};

	return call(client->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args);
}

int vfio_client_detach(struct vfio_client *client)
{
	struct vfio_device_detach_iommufd_pt args = { .argsz = sizeof(args) };

	return call(client->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args);
}

/* Opens and binds only */
static int open_by_cdev(struct vfio_client *client, const char *uuid)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = client->space->fd,
	};
	char path[64];
	int fd, ret;

	client->group = -1;
	ret = vfio_cdev_path(uuid, path, sizeof(path));
	if (ret)
		return ret;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = call(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (ret) {
		close(fd);
		return ret;
	}
	client->dev_id = bind.out_devid;
	return fd;
}

static int client_learn_regions(struct vfio_client *client)
{
	int ret = vfio_region_info(client, VFIO_PCI_CONFIG_REGION_INDEX, &client->config);

	for (int i = 0; !ret && i < VFIO_PCI_ROM_REGION_INDEX; i++)
		ret = vfio_region_info(client, i, &client->bars[i]);
	return ret;
}

int vfio_client_bind(struct vfio_client *client, struct vfio_space *space, const char *uuid)
{
	int ret;

	memset(client, 0, sizeof(*client));
	client->space = space;
	client->fd = open_by_cdev(client, uuid);
	if (client->fd < 0)
		return client->fd;
	ret = client_learn_regions(client);
	if (ret)
		vfio_client_close(client);
	return ret;
}

int vfio_client_open(struct vfio_client *client, struct vfio_space *space, const char *uuid)
{
	int ret;

	if (!has_groups(space)) {
		ret = vfio_client_bind(client, space, uuid);
		if (ret)
			return ret;
		ret = vfio_client_attach(client, space->ioas_id);
	} else {
		memset(client, 0, sizeof(*client));
		client->space = space;
		client->fd = open_by_group(client, uuid);
		if (client->fd < 0)
			return client->fd;
		ret = client_learn_regions(client);
	}
	if (ret)
		vfio_client_close(client);
	return ret;
}

void vfio_client_close(struct vfio_client *client)
{
	close(client->fd);
	client->fd = -1;
	if (client->group >= 0)
		put_group(client->space, client->group);
}

static u64 region_offset(struct vfio_client *client, unsigned int region)
{
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return client->config.offset;
	if (region < VFIO_PCI_ROM_REGION_INDEX)
		return client->bars[region].offset;
	return (u64)region << 40;
}

ssize_t vfio_read(struct vfio_client *client, unsigned int region, u64 offset, void *buf,
		  size_t size)
{
	ssize_t ret = pread(client->fd, buf, size, region_offset(client, region) + offset);

	return ret < 0 ? -errno : ret;
}

ssize_t vfio_write(struct vfio_client *client, unsigned int region, u64 offset,
		   const void *buf, size_t size)
{
	ssize_t ret = pwrite(client->fd, buf, size, region_offset(client, region) + offset);

	return ret < 0 ? -errno : ret;
}

u64 vfio_get(struct vfio_client *client, unsigned int region, u64 offset, int size)
{
	u64 value = 0;
	ssize_t ret = vfio_read(client, region, offset, &value, size);

	CHECK(ret == size, "%d bytes of region %u at %#llx: %zd", size, region,
	      (unsigned long long)offset, ret);
	return ret == size ? le64toh(value) : 0;
}

void vfio_put(struct vfio_client *client, unsigned int region, u64 offset, int size,
	      u64 value)
{
	u64 le = htole64(value);
	ssize_t ret = vfio_write(client, region, offset, &le, size);

	CHECK(ret == size, "%d bytes of region %u at %#llx: %zd", size, region,
	      (unsigned long long)offset, ret);
}

unsigned int config_find_capability(struct vfio_client *client, u8 id)
{
	unsigned int at = config_get(client, PCI_CAPABILITY_LIST, 1);

	for (int i = 0; at && i < 48; i++) {
		if (config_get(client, at + PCI_CAP_LIST_ID, 1) == id)
			return at;
		at = config_get(client, at + PCI_CAP_LIST_NEXT, 1);
	}
	REQUIRE(false, "no capability %#x", id);
	return 0;
}

void config_set_master(struct vfio_client *client, bool on)
{
	u16 command = config_get(client, PCI_COMMAND, 2);

	if (on)
		command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	else
		command &= ~PCI_COMMAND_MASTER;
	config_put(client, PCI_COMMAND, 2, command);
}

int vfio_region_info(struct vfio_client *client, unsigned int region,
		     struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = region;
	return call(client->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

int vfio_irq_info(struct vfio_client *client, unsigned int index, struct vfio_irq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return call(client->fd, VFIO_DEVICE_GET_IRQ_INFO, info);
}

int vfio_reset(struct vfio_client *client)
{
	return call(client->fd, VFIO_DEVICE_RESET, NULL);
}

int vfio_irq_set(struct vfio_client *client, u32 flags, unsigned int index,
		 unsigned int start, unsigned int count, const void *data, size_t size)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + size);
	int ret;

	set->argsz = sizeof(*set) + size;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (size)
		memcpy(set->data, data, size);
	ret = call(client->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int vfio_irq_connect(struct vfio_client *client, unsigned int index, unsigned int start,
		     unsigned int count, const int *fds)
{
	return vfio_irq_set(client, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index,
			    start, count, fds, count * sizeof(*fds));
}

int vfio_irq_disconnect(struct vfio_client *client, unsigned int index)
{
	return vfio_irq_set(client, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0,
			    0, NULL, 0);
}

int vfio_irq_act(struct vfio_client *client, unsigned int index, u32 action)
{
	return vfio_irq_set(client, VFIO_IRQ_SET_DATA_NONE | action, index, 0, 1, NULL, 0);
}

int eventfd_new(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	REQUIRE(fd >= 0);
	return fd;
}

u64 eventfd_take(int fd)
{
	u64 count = 0;

	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	return count;
}

u64 eventfd_take_within(int fd, int ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	poll(&poller, 1, ms);
	return eventfd_take(fd);
}

volatile u8 *vfio_mmap(struct vfio_client *client, unsigned int bar, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, client->fd,
			client->bars[bar].offset);

	REQUIRE(at != MAP_FAILED, "BAR %u: %s", bar, strerror(errno));
	return at;
}

void vfio_munmap(volatile u8 *at, size_t size)
{
	munmap((void *)at, size);
}

void *pages_alloc(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	REQUIRE(pages != MAP_FAILED);
	return pages;
}
