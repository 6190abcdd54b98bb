// SPDX-License-Identifier: GPL-2.0-only
/*
 * A slice of the lab's DMA engine, and the same engine as a whole in the hands of vfio-pci. Both
 * are there at once, and get the same memory: what the pages are costs both the same.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "life.h"
#include "measure.h"
#include "mdma.h"

#define KIB		1024ull
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define PAGE		(4 * KIB)
#define HUGE_PAGE	(2 * MIB)
#define PAGEMAP_FRAME	((1ull << 55) - 1)
#define MEMORY		(64 * MIB)
/* A multiple of everything that a page table has as one entry */
#define IOVA		(4 * GIB)
#define GROUPS_MAX	64
/* Numbers of UUIDs */
#define SLICES		0x2000
#define OTHERS		0x3000

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

struct owner {
	const char *side;
	const char *name;	/* of the mdev or of the function */
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
	unsigned int bar;	/* with the registers of an ADI */
	int event;
	u8 bytes[8];
	volatile u8 *page;
	u8 *vaddr;
	u64 size;
};

static int error(long ret)
{
	return ret < 0 ? -errno : 0;
}

static void open_slice(struct owner *slice)
{
	const char *why = mdma_bind(MDMA_BDF, "mdma");

	REQUIRE(!why, "%s", why);
	*slice = (struct owner) { .side = BENCH_KIT, .bar = MDMA_SLICE_BAR_TENANT };
	mdev_uuid(SLICES, slice->uuid);
	slice->name = slice->uuid;
	REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", slice->uuid));
	REQUIRE_OK(vfio_space_open(&slice->space, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&slice->client, &slice->space, slice->name));
}

static void open_whole(struct owner *whole)
{
	const char *why;

	REQUIRE_OK(module_load("vfio-pci", NULL));
	why = mdma_bind(MDMA_WHOLE_BDF, "vfio-pci");
	REQUIRE(!why, "%s", why);
	*whole = (struct owner) { .side = BENCH_PEER, .bar = MDMA_BAR_TENANT };
	whole->name = MDMA_WHOLE_BDF;
	REQUIRE_OK(vfio_space_open(&whole->space, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&whole->client, &whole->space, whole->name));
}

static void close_owner(struct owner *owner)
{
	vfio_client_close(&owner->client);
	vfio_space_close(&owner->space);
	if (owner->name == owner->uuid)
		CHECK_ERR(mdev_remove(owner->uuid), 0);
}

static void remove_others(unsigned int base, unsigned int first, unsigned int end)
{
	char uuid[UUID_SIZE];

	for (; first < end; first++) {
		mdev_uuid(base + first, uuid);
		CHECK_ERR(mdev_remove(uuid), 0);
	}
}

/* ---- registers, config space, interrupts, a page of registers ---- */

static int config_read_4(void *data)
{
	struct owner *owner = data;

	return pread(owner->client.fd, owner->bytes, 4,
		     owner->client.config.offset + PCI_VENDOR_ID) == 4 ? 0 : -EIO;
}

static int bar_read_4(void *data)
{
	struct owner *owner = data;

	return pread(owner->client.fd, owner->bytes, 4,
		     owner->client.bars[owner->bar].offset + MDMA_T_ID) == 4 ? 0 : -EIO;
}

static int msix_trigger(void *data)
{
	struct owner *owner = data;
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
	};

	return error(ioctl(owner->client.fd, VFIO_DEVICE_SET_IRQS, &set));
}

static int map_page(void *data)
{
	struct owner *owner = data;
	void *page = mmap(NULL, MDMA_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  owner->client.fd, owner->client.bars[owner->bar].offset);

	owner->page = page;
	return page == MAP_FAILED ? -errno : 0;
}

static int touch_page(void *data)
{
	struct owner *owner = data;

	return *(volatile u32 *)(owner->page + MDMA_T_ID) == MDMA_ID ? 0 : -EIO;
}

static int unmap_page(void *data)
{
	struct owner *owner = data;

	return error(munmap((void *)owner->page, MDMA_PAGE_SIZE));
}

static void registers_of(struct owner *owner)
{
	static const struct bench_step fault[] = {
		{ NULL, map_page },
		{ "mdma.fault", touch_page },
		{ NULL, unmap_page },
	};

	bench_one(owner->side, "mdma.config_read4", config_read_4, owner);
	bench_one(owner->side, "mdma.read4", bar_read_4, owner);
	owner->event = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&owner->client, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
				    &owner->event));
	bench_one(owner->side, "mdma.trigger", msix_trigger, owner);
	CHECK(eventfd_take(owner->event));
	bench_cycle(owner->side, fault, ARRAY_SIZE(fault), owner, 101, 1);
	close(owner->event);
}

TEST("mdma: registers, config space, interrupts and faults")
{
	struct owner slice, whole;

	open_slice(&slice);
	open_whole(&whole);
	registers_of(&slice);
	registers_of(&whole);
	close_owner(&whole);
	close_owner(&slice);
}

/* ---- the hardware's interrupt ---- */

struct worker {
	struct mdma_tenant tenant;
	struct mdma_queue queue;
};

/* A descriptor that does nothing but interrupt, and the eventfd that its interrupt ends in */
static int interrupt(void *data)
{
	struct worker *worker = data;

	mdma_add(&worker->queue, MDMA_OP_NOP, 0, 0, 0);
	mdma_ring_bell(&worker->queue);
	for (int i = 0; i < 1000; i++)
		if (eventfd_take(worker->tenant.events[0]))
			return 0;
	return -ETIMEDOUT;
}

static int acknowledge(void *data)
{
	struct worker *worker = data;

	mdma_put(&worker->tenant, 0, MDMA_T_INT_CAUSE, MDMA_T_INT_ALL);
	return 0;
}

/* What the parent driver does for a slice, a user of the whole function does for himself */
static void enable_first_adi(struct owner *whole)
{
	u64 page = MDMA_HOST_PAGE(0);

	vfio_put(&whole->client, MDMA_BAR_HOST, page + MDMA_H_CTRL, 4,
		 MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID);
	vfio_put(&whole->client, MDMA_BAR_HOST, page + MDMA_H_CMD, 4, MDMA_CMD_RESUME);
}

static void hardware_interrupts_of(struct owner *owner, unsigned int vector)
{
	static const struct bench_step steps[] = {
		{ "mdma.hw_interrupt", interrupt },
		{ NULL, acknowledge },
	};
	struct worker worker = { .tenant = { .adis = 1, .mem = pages_alloc(MDMA_DATA) } };
	struct mdma_tenant *t = &worker.tenant;

	REQUIRE_OK(vfio_map(&owner->space, t->mem, MDMA_IOVA, MDMA_DATA));
	config_set_master(&owner->client, true);
	t->client = owner->client;
	t->pages = vfio_mmap(&owner->client, owner->bar, MDMA_PAGE_SIZE);
	t->events[0] = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&owner->client, VFIO_PCI_MSIX_IRQ_INDEX, vector, 1,
				    t->events));
	if (owner->name != owner->uuid)
		enable_first_adi(owner);
	mdma_queue_start(&worker.queue, t, 0);
	bench_cycle(owner->side, steps, ARRAY_SIZE(steps), &worker, 101, 1);
	vfio_munmap(t->pages, MDMA_PAGE_SIZE);
	close(t->events[0]);
}

TEST("mdma: hardware interrupts")
{
	struct owner slice, whole;

	open_slice(&slice);
	open_whole(&whole);
	hardware_interrupts_of(&slice, 0);
	hardware_interrupts_of(&whole, MDMA_VECTOR_ADI(0));
	close_owner(&whole);
	close_owner(&slice);
}

/* ---- MAP and UNMAP ---- */

static int map(void *data)
{
	struct owner *owner = data;
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)owner->vaddr,
		.iova = IOVA,
		.size = owner->size,
	};

	return error(ioctl(owner->space.fd, VFIO_IOMMU_MAP_DMA, &arg));
}

static int unmap(void *data)
{
	struct owner *owner = data;
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.iova = IOVA,
		.size = owner->size,
	};

	return error(ioctl(owner->space.fd, VFIO_IOMMU_UNMAP_DMA, &arg)) ?:
	       (arg.size == owner->size ? 0 : -EIO);
}

static void map_and_unmap(struct owner *owner, u8 *vaddr, u64 size, const char *what,
			  unsigned int rounds)
{
	char keys[2][64];
	const struct bench_step steps[] = {
		{ keys[0], map },
		{ keys[1], unmap },
	};

	owner->vaddr = vaddr;
	owner->size = size;
	snprintf(keys[0], sizeof(keys[0]), "mdma.map_%s", what);
	snprintf(keys[1], sizeof(keys[1]), "mdma.unmap_%s", what);
	bench_cycle(owner->side, steps, ARRAY_SIZE(steps), owner, rounds, 1);
}

/* Room for memory at a multiple of HUGE_PAGE */
static u8 *room(u64 size)
{
	u8 *memory = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(memory != MAP_FAILED);
	return memory + (-(uintptr_t)memory & (HUGE_PAGE - 1));
}

/* How many pieces of physical memory it is made of, which is what a MAP depends on most */
static u64 pieces(const u8 *memory, u64 size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	u64 entry, last = 0, nr = 0;

	REQUIRE(fd >= 0);
	for (u64 at = 0; at < size; at += PAGE) {
		REQUIRE(pread(fd, &entry, sizeof(entry), (uintptr_t)(memory + at) / PAGE *
			      sizeof(entry)) == sizeof(entry));
		entry &= PAGEMAP_FRAME;
		nr += entry != last + 1;
		last = entry;
	}
	close(fd);
	return nr;
}

/*
 * Memory of 4 KiB pages of which no two neighbours are neighbours in physical memory, either:
 * touched in an order in which the kernel has none to give.
 */
static u8 *scattered_pages(u64 size)
{
	u8 *memory = room(size);

	REQUIRE(!madvise(memory, size, MADV_NOHUGEPAGE));
	for (u64 at = 0; at < size; at += 2 * PAGE)
		memory[at] = 1;
	for (u64 at = PAGE; at < size; at += 2 * PAGE)
		memory[at] = 1;
	CHECK(pieces(memory, size) > size / PAGE * 98 / 100, "%llu pieces",
	      pieces(memory, size));
	return memory;
}

/* Memory of 4 KiB pages that lie side by side: huge ones that are split in the page table */
static u8 *adjacent_pages(u64 size)
{
	u8 *memory = room(size);

	REQUIRE(!madvise(memory, size, MADV_HUGEPAGE));
	REQUIRE(!madvise(memory, size, MADV_POPULATE_WRITE), "%s", strerror(errno));
	for (u64 at = 0; at < size; at += HUGE_PAGE) {
		REQUIRE(!mprotect(memory + at, PAGE, PROT_READ));
		REQUIRE(!mprotect(memory + at, PAGE, PROT_READ | PROT_WRITE));
	}
	/* And nobody puts them together again */
	REQUIRE(!madvise(memory, size, MADV_NOHUGEPAGE));
	CHECK(pieces(memory, size) <= size / HUGE_PAGE, "%llu pieces", pieces(memory, size));
	return memory;
}

/* Memory of 2 MiB pages, which the kernel's command line has put aside */
static u8 *huge_pages(u64 size)
{
	u8 *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);

	REQUIRE(memory != MAP_FAILED, "hugepages= on the kernel's command line: %s",
		strerror(errno));
	return memory;
}

/* The same memory again and again, to have more of it than the VM has */
static u8 *repeated(u64 size, unsigned int flags)
{
	int fd = memfd_create("bench", flags);
	u8 *memory = room(size);

	REQUIRE(fd >= 0 && !ftruncate(fd, MEMORY));
	for (u64 at = 0; at < size; at += MEMORY)
		REQUIRE(mmap(memory + at, MEMORY, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) != MAP_FAILED,
			"%s", strerror(errno));
	close(fd);
	return memory;
}

/* The slice, then the whole function */
static void map_by_both(struct owner owners[2], u8 *vaddr, u64 size, const char *what,
			unsigned int rounds)
{
	map_and_unmap(&owners[0], vaddr, size, what, rounds);
	map_and_unmap(&owners[1], vaddr, size, what, rounds);
}

TEST_LONG("mdma: MAP and UNMAP", 900)
{
	struct owner owners[2];
	u8 *small, *adjacent, *huge;

	open_slice(&owners[0]);
	open_whole(&owners[1]);
	small = scattered_pages(MEMORY);
	adjacent = adjacent_pages(16 * MIB);
	huge = huge_pages(MEMORY);
	map_by_both(owners, small, 4 * KIB, "4k", 101);
	map_by_both(owners, small, 2 * MIB, "2m", 51);
	map_by_both(owners, small, 16 * MIB, "16m", 21);
	map_by_both(owners, adjacent, 16 * MIB, "16m_adjacent", 31);
	map_by_both(owners, huge, 2 * MIB, "2m_huge", 101);
	map_by_both(owners, huge, 64 * MIB, "64m_huge", 31);
	if (!bench_is_short())
		map_by_both(owners, small, 64 * MIB, "64m", 11);
	munmap(small, MEMORY);
	munmap(adjacent, 16 * MIB);
	munmap(huge, MEMORY);
	if (!bench_is_short()) {
		small = repeated(GIB, 0);
		map_by_both(owners, small, GIB, "1g", 3);
		huge = repeated(GIB, MFD_HUGETLB);
		map_by_both(owners, huge, GIB, "1g_huge", 5);
	}
	close_owner(&owners[1]);
	close_owner(&owners[0]);
}

TEST_LONG("mdma: MAP and UNMAP with many groups in one container", 600)
{
	static struct vfio_client clients[GROUPS_MAX];
	char uuid[UUID_SIZE], what[16];
	unsigned int nr = 1;
	struct owner slice;
	u8 *small;

	open_slice(&slice);
	small = scattered_pages(2 * MIB);
	for (unsigned int want = 1; want <= GROUPS_MAX; want *= 8) {
		for (; nr < want; nr++) {
			mdev_uuid(SLICES + nr, uuid);
			REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", uuid));
			REQUIRE_OK(vfio_client_open(&clients[nr], &slice.space, uuid));
		}
		snprintf(what, sizeof(what), "4k_x%u", want);
		map_and_unmap(&slice, small, 4 * KIB, what, 51);
		snprintf(what, sizeof(what), "2m_x%u", want);
		map_and_unmap(&slice, small, 2 * MIB, what, 51);
	}
	for (unsigned int i = 1; i < nr; i++)
		vfio_client_close(&clients[i]);
	close_owner(&slice);
	remove_others(SLICES, 1, nr);
}

/* ---- the life of an mdev ---- */

static void create_others(unsigned int first, unsigned int end)
{
	char uuid[UUID_SIZE];

	for (; first < end; first++) {
		mdev_uuid(OTHERS + first, uuid);
		REQUIRE_OK(mdev_create(MDMA_PARENT, "mdma-1", uuid));
	}
}

TEST_LONG("mdma: create, open, close, remove, with few and with many others", 600)
{
	struct bench_mdev slice = { .parent = MDMA_PARENT, .type = "mdma-1" };
	const char *why = mdma_bind(MDMA_BDF, "mdma");

	REQUIRE(!why, "%s", why);
	mdev_uuid(SLICES, slice.uuid);
	bench_create_remove(BENCH_KIT, &slice, "mdma", "", 101);
	bench_open_close(BENCH_KIT, &slice, "mdma");
	create_others(0, 119);
	bench_create_remove(BENCH_KIT, &slice, "mdma", "_120", 101);
	remove_others(OTHERS, 0, 119);
}
