/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VFIO client: address spaces, devices, regions and interrupts, in the same words
 * for the container and group of type 1 and for iommufd.
 *
 * All functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef _LAB_VFIO_H
#define _LAB_VFIO_H

#include <linux/vfio.h>
#include <sys/types.h>

#include "ktap.h"

/* A way to give a device an address space */
struct vfio_mode {
	const char *name;
	const char *container_path;	/* NULL: the device's own character device */
	unsigned long iommu_type;
};

/*
 * The modes, for TEST_ALL_MODES: "type1v2" (/dev/vfio/vfio), "iommufd_compat"
 * (/dev/iommu in the container's place) and "iommufd" (/dev/vfio/devices/vfioN).
 * Debian's stock kernels have no iommufd: its two modes are absent there.
 */
extern const struct ktap_variant vfio_modes[];

/* The mode that every kernel has */
extern const struct vfio_mode *const vfio_type1v2;

/*
 * TEST_ALL_MODES("a sentence") { ... } runs once in each mode; the body has the
 * argument "const struct vfio_mode *mode".
 */
#define TEST_ALL_MODES(sentence) TEST_ALL_MODES_LONG(sentence, 0)
#define TEST_ALL_MODES_LONG(sentence, seconds) \
	KTAP_TEST(sentence, seconds, vfio_modes, const struct vfio_mode *, mode)

/* Runs only in the mode "iommufd", the last of them */
#define TEST_IOMMUFD(sentence) \
	KTAP_TEST(sentence, 0, vfio_modes + VFIO_MODE_IOMMUFD, const struct vfio_mode *, mode)
#define VFIO_MODE_IOMMUFD	2

#define VFIO_SPACE_GROUPS	80

/* One address space: a container, or an iommufd with an IOAS */
struct vfio_space {
	const struct vfio_mode *mode;
	int fd;
	u32 ioas_id;
	bool iommu_set;		/* container: VFIO_SET_IOMMU was done */
	/* Open groups of the container; a group's file can be opened only once */
	struct {
		int number;
		int fd;
		int users;
	} groups[VFIO_SPACE_GROUPS];
};

/* One open device */
struct vfio_client {
	struct vfio_space *space;
	int fd;
	int group;		/* its group's number; -1: opened by its character device */
	u32 dev_id;		/* iommufd's number of it, if opened so */
	struct vfio_region_info config;
	struct vfio_region_info bars[VFIO_PCI_ROM_REGION_INDEX];
};

int vfio_space_open(struct vfio_space *space, const struct vfio_mode *mode);
/* Closes groups and container; all clients of it must be closed */
void vfio_space_close(struct vfio_space *space);

/* Maps [vaddr, vaddr + size) at @iova, for reading and writing */
int vfio_map(struct vfio_space *space, void *vaddr, u64 iova, u64 size);
/* The same with VFIO_DMA_MAP_FLAG_READ / _WRITE */
int vfio_map_prot(struct vfio_space *space, void *vaddr, u64 iova, u64 size,
		  u32 flags);
/* @unmapped (may be NULL) gets the number of bytes that were unmapped */
int vfio_unmap(struct vfio_space *space, u64 iova, u64 size, u64 *unmapped);

/* Allowed IOVA ranges. Returns their number (at most @max), or a negative errno */
struct iova_span {
	u64 start, last;
};

int vfio_iova_ranges(struct vfio_space *space, struct iova_span *ranges, int max);

/*
 * Puts the mdev's group into the address space without opening the device: what
 * makes MAP_DMA possible. With iommufd there is no such step and nothing is done.
 */
int vfio_join_group(struct vfio_space *space, const char *uuid);
void vfio_leave_group(struct vfio_space *space, const char *uuid);

/* Opens the mdev in the address space and reads what its regions are */
int vfio_client_open(struct vfio_client *client, struct vfio_space *space, const char *uuid);
void vfio_client_close(struct vfio_client *client);

/* iommufd only: opens and binds the mdev, without attaching it to the space's IOAS */
int vfio_client_bind(struct vfio_client *client, struct vfio_space *space, const char *uuid);

/* iommufd only: move the open device to the IOAS @ioas_id, or to none */
int vfio_client_attach(struct vfio_client *client, u32 ioas_id);
int vfio_client_detach(struct vfio_client *client);
int vfio_ioas_alloc(struct vfio_space *space, u32 *ioas_id);

/*
 * iommufd only: a page table for the device, with the mappings of its address space.
 * @flags: IOMMU_HWPT_ALLOC_*. It stays when the device has gone, until it is destroyed.
 */
int vfio_hwpt_alloc(struct vfio_client *client, u32 flags, u32 *hwpt_id);
int vfio_iommufd_destroy(struct vfio_space *space, u32 id);

/* The path of the mdev's character device below /dev/vfio/devices */
int vfio_cdev_path(const char *uuid, char *path, size_t size);

/*
 * One pread() or pwrite() on the device's file. Return the number of bytes that
 * were transferred, or a negative errno.
 */
ssize_t vfio_read(struct vfio_client *client, unsigned int region, u64 offset, void *buf,
		  size_t size);
ssize_t vfio_write(struct vfio_client *client, unsigned int region, u64 offset,
		   const void *buf, size_t size);

/*
 * A little-endian register of 1, 2, 4 or 8 bytes; a failed or short access fails the
 * test's check and reads as 0.
 */
u64 vfio_get(struct vfio_client *client, unsigned int region, u64 offset, int size);
void vfio_put(struct vfio_client *client, unsigned int region, u64 offset, int size,
	      u64 value);

/*
 * Maps the first @size bytes of a BAR; fails the test when that cannot be. Ends with
 * vfio_munmap(), before vfio_client_close(): a mapping keeps the device open.
 */
volatile u8 *vfio_mmap(struct vfio_client *client, unsigned int bar, size_t size);
void vfio_munmap(volatile u8 *at, size_t size);

#define config_get(client, offset, size) \
	vfio_get(client, VFIO_PCI_CONFIG_REGION_INDEX, offset, size)
#define config_put(client, offset, size, value) \
	vfio_put(client, VFIO_PCI_CONFIG_REGION_INDEX, offset, size, value)

/* Where the capability @id is in config space; without it the test ends */
unsigned int config_find_capability(struct vfio_client *client, u8 id);

/* Bus Master Enable; with it the device decodes its memory too */
void config_set_master(struct vfio_client *client, bool on);

int vfio_region_info(struct vfio_client *client, unsigned int region,
		     struct vfio_region_info *info);
int vfio_irq_info(struct vfio_client *client, unsigned int index, struct vfio_irq_info *info);
int vfio_reset(struct vfio_client *client);

/*
 * VFIO_DEVICE_SET_IRQS with @size bytes of @data. @flags: VFIO_IRQ_SET_DATA_* and
 * VFIO_IRQ_SET_ACTION_*.
 */
int vfio_irq_set(struct vfio_client *client, u32 flags, unsigned int index,
		 unsigned int start, unsigned int count, const void *data, size_t size);
/* Signal these eventfds (-1: none) when the interrupts are raised */
int vfio_irq_connect(struct vfio_client *client, unsigned int index, unsigned int start,
		     unsigned int count, const int *fds);
/* Takes all eventfds of the index away */
int vfio_irq_disconnect(struct vfio_client *client, unsigned int index);
/* Mask, unmask or trigger interrupt 0 of the index, with DATA_NONE */
int vfio_irq_act(struct vfio_client *client, unsigned int index, u32 action);

/* A non-blocking eventfd; fails the test when there is none */
int eventfd_new(void);
/* How often it was signalled since the last look; 0: not at all */
u64 eventfd_take(int fd);
/* Waits up to @ms milliseconds for a signal; the same return value */
u64 eventfd_take_within(int fd, int ms);

/* Page-aligned zeroed memory; fails the test when there is none */
void *pages_alloc(size_t size);

#endif /* _LAB_VFIO_H */
