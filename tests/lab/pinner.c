// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver pins memory of its tenant, who takes it back in every way and at every time. The
 * device is tests/lab/modules/pinner.c; VFIO, type 1 and iommufd are the kernel's own.
 */
#include <linux/capability.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpus.h"
#include "modules/pinner_regs.h"
#include "sysfs.h"
#include "vfio.h"

#define PARENT		"/sys/devices/virtual/pinner/pinner"
#define PAGE		4096u
#define IOVA		0x40000000ull
#define PAGES		256u

struct tenant {
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
	u8 *memory;
};

static void put(struct vfio_client *client, u64 offset, u32 value)
{
	vfio_put(client, 0, offset, 4, value);
}

static u32 get(struct vfio_client *client, u64 offset)
{
	return vfio_get(client, 0, offset, 4);
}

/* 0 or a negative errno */
static int command(struct vfio_client *client, u32 slot, u32 what)
{
	put(client, PINNER_SLOT, slot);
	put(client, PINNER_COMMAND, what);
	return -(int)get(client, PINNER_STATUS);
}

static int pin_as(struct vfio_client *client, u32 slot, u64 iova, u32 length, u32 what)
{
	vfio_put(client, 0, PINNER_IOVA, 8, iova);
	put(client, PINNER_LENGTH, length);
	return command(client, slot, what);
}

static int pin(struct vfio_client *client, u32 slot, u64 iova, u32 length)
{
	return pin_as(client, slot, iova, length, PINNER_PIN);
}

static int store(struct vfio_client *client, u32 slot, u32 offset, u32 value)
{
	put(client, PINNER_OFFSET, offset);
	put(client, PINNER_VALUE, value);
	return command(client, slot, PINNER_STORE);
}

static int load(struct vfio_client *client, u32 slot, u32 offset, u32 *value)
{
	int ret;

	put(client, PINNER_OFFSET, offset);
	ret = command(client, slot, PINNER_LOAD);
	*value = get(client, PINNER_VALUE);
	return ret;
}

/* The errors of memory that is not mapped: type 1 has another one than iommufd */
static bool not_mapped(int ret)
{
	return ret == -EINVAL || ret == -ENOENT;
}

static void tenant_open(struct tenant *t, const struct vfio_mode *mode)
{
	memset(t, 0, sizeof(*t));
	mdev_uuid(getpid(), t->uuid);
	t->memory = pages_alloc(PAGES * PAGE);
	REQUIRE_OK(mdev_create(PARENT, "pinner-one", t->uuid));
	REQUIRE_OK(vfio_space_open(&t->space, mode));
	REQUIRE_OK(vfio_client_open(&t->client, &t->space, t->uuid));
	config_set_master(&t->client, true);
}

static void tenant_close(struct tenant *t)
{
	vfio_client_close(&t->client);
	vfio_space_close(&t->space);
	CHECK_ERR(mdev_remove(t->uuid), 0);
	munmap(t->memory, PAGES * PAGE);
}

static void map_all(struct tenant *t)
{
	REQUIRE_OK(vfio_map(&t->space, t->memory, IOVA, PAGES * PAGE));
}

TEST_ALL_MODES("pinned memory is the tenant's own: each sees what the other writes")
{
	struct tenant t;
	u32 value;

	tenant_open(&t, mode);
	map_all(&t);
	/* over the edge of two pages */
	REQUIRE_OK(pin(&t.client, 3, IOVA + PAGE - 2, 100));
	CHECK_ERR(store(&t.client, 3, 0, 0x11223344), 0);
	memcpy(&value, t.memory + PAGE - 2, 4);
	CHECK_EQ(value, 0x11223344);
	value = 0xaabbccdd;
	memcpy(t.memory + PAGE + 50, &value, 4);
	CHECK_ERR(load(&t.client, 3, 52, &value), 0);
	CHECK_EQ(value, 0xaabbccdd);
	CHECK_ERR(store(&t.client, 3, 97, 0), EINVAL);
	CHECK_ERR(command(&t.client, 3, PINNER_UNPIN), 0);
	CHECK_ERR(store(&t.client, 3, 0, 0), ENOENT);
	tenant_close(&t);
}

TEST_ALL_MODES("what is unmapped is taken back, and the device is told; the rest stays")
{
	struct tenant t;
	u64 unmapped = 0;

	tenant_open(&t, mode);
	REQUIRE_OK(vfio_map(&t.space, t.memory, IOVA, 4 * PAGE));
	REQUIRE_OK(vfio_map(&t.space, t.memory + 4 * PAGE, IOVA + 4 * PAGE, 4 * PAGE));
	REQUIRE_OK(pin(&t.client, 0, IOVA + PAGE, 2 * PAGE));
	REQUIRE_OK(pin(&t.client, 1, IOVA + 5 * PAGE, PAGE));
	/* it lies in both */
	REQUIRE_OK(pin(&t.client, 2, IOVA + 3 * PAGE, 2 * PAGE));
	CHECK_ERR(vfio_unmap(&t.space, IOVA, 4 * PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, 4 * PAGE);
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 2);
	CHECK_ERR(store(&t.client, 0, 0, 1), ENODEV);
	CHECK_ERR(store(&t.client, 2, PAGE, 1), ENODEV);
	CHECK_ERR(store(&t.client, 1, 0, 1), 0);
	CHECK(not_mapped(pin(&t.client, 4, IOVA, 1)));

	/* mapped again, it can be pinned again, at once */
	REQUIRE_OK(vfio_map(&t.space, t.memory, IOVA, 4 * PAGE));
	REQUIRE_OK(command(&t.client, 0, PINNER_UNPIN));
	CHECK_ERR(pin(&t.client, 0, IOVA + PAGE, PAGE), 0);
	CHECK_ERR(store(&t.client, 0, 0, 0x55), 0);
	CHECK_EQ(t.memory[PAGE], 0x55);
	tenant_close(&t);
}

static void expect_taken(struct tenant *t, u32 unmaps)
{
	CHECK_EQ(get(&t->client, PINNER_UNMAPS), unmaps);
	CHECK_ERR(store(&t->client, 0, 0, 1), ENODEV);
	CHECK_ERR(pin(&t->client, 9, IOVA, 1), EPERM);
	config_set_master(&t->client, true);
	CHECK_ERR(command(&t->client, 0, PINNER_UNPIN), 0);
	CHECK_ERR(pin(&t->client, 0, IOVA, PAGE), 0);
}

TEST_ALL_MODES("nothing stays pinned without Bus Master, in D3hot, over a reset and a close")
{
	struct tenant t;
	unsigned int pm;

	tenant_open(&t, mode);
	map_all(&t);
	REQUIRE_OK(pin(&t.client, 0, IOVA, PAGE));
	config_set_master(&t.client, false);
	expect_taken(&t, 1);
	pm = config_find_capability(&t.client, PCI_CAP_ID_PM);
	config_put(&t.client, pm + PCI_PM_CTRL, 2, 3);
	config_put(&t.client, pm + PCI_PM_CTRL, 2, 0);
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 2);
	CHECK_ERR(store(&t.client, 0, 0, 1), ENODEV);

	/* the driver's reset gives them back, too */
	REQUIRE_OK(command(&t.client, 0, PINNER_UNPIN));
	REQUIRE_OK(pin(&t.client, 0, IOVA, PAGE));
	REQUIRE_OK(vfio_reset(&t.client));
	CHECK_ERR(store(&t.client, 0, 0, 1), ENOENT);
	config_set_master(&t.client, true);
	CHECK_ERR(pin(&t.client, 0, IOVA, PAGES * PAGE), 0);
	vfio_client_close(&t.client);
	CHECK_ERR(vfio_client_open(&t.client, &t.space, t.uuid), 0);
	CHECK_ERR(store(&t.client, 0, 0, 1), ENOENT);
	tenant_close(&t);
}

TEST_ALL_MODES("memory that is mapped for reading is pinned for reading")
{
	struct tenant t;
	u32 value;

	tenant_open(&t, mode);
	REQUIRE_OK(vfio_map_prot(&t.space, t.memory, IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ));
	t.memory[0] = 0x77;
	CHECK_ERR(pin(&t.client, 0, IOVA, 4), EPERM);
	REQUIRE_OK(pin_as(&t.client, 0, IOVA, 4, PINNER_PIN_READ));
	CHECK_ERR(load(&t.client, 0, 0, &value), 0);
	CHECK_EQ(value, 0x77);
	CHECK_ERR(store(&t.client, 0, 0, 1), EPERM);
	tenant_close(&t);
}

TEST_ALL_MODES("what cannot be pinned is refused as a whole")
{
	struct tenant t;

	tenant_open(&t, mode);
	map_all(&t);
	CHECK_ERR(pin(&t.client, 0, IOVA, 0), EINVAL);
	CHECK(not_mapped(pin(&t.client, 0, IOVA - 1, 2)));
	CHECK(not_mapped(pin(&t.client, 0, IOVA + PAGES * PAGE - 1, 2)));
	CHECK_ERR(pin(&t.client, 0, ~0ull, 2), EINVAL);
	CHECK(not_mapped(pin(&t.client, 0, ~0ull - PAGE, PAGE)));
	CHECK_ERR(pin(&t.client, 0, IOVA, 0xffffffff), E2BIG);
	/* nothing of them is left: no unmap has to take anything back */
	CHECK_ERR(vfio_unmap(&t.space, IOVA, PAGES * PAGE, NULL), 0);
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 0);
	tenant_close(&t);
}

/* Without the right to lock any amount of memory */
static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE_EQ(syscall(SYS_capget, &head, data), 0);
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	REQUIRE_EQ(syscall(SYS_capset, &head, data), 0);
}

TEST_ALL_MODES("what is pinned counts as locked memory of the tenant")
{
	struct rlimit limit = { .rlim_cur = 64 * PAGE, .rlim_max = 64 * PAGE };
	struct tenant t;

	tenant_open(&t, mode);
	REQUIRE_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	drop_ipc_lock();
	map_all(&t);
	CHECK_ERR(pin(&t.client, 0, IOVA, 65 * PAGE), ENOMEM);
	CHECK_ERR(pin(&t.client, 0, IOVA, 60 * PAGE), 0);
	CHECK_ERR(pin(&t.client, 1, IOVA + 128 * PAGE, 8 * PAGE), ENOMEM);
	/* what is given back can be had again */
	CHECK_ERR(command(&t.client, 0, PINNER_UNPIN), 0);
	CHECK_ERR(pin(&t.client, 1, IOVA + 128 * PAGE, 8 * PAGE), 0);
	tenant_close(&t);
}

/* Pages that are pinned by anybody for DMA, just now */
static long pages_pinned(void)
{
	char line[128], name[64];
	long value, sum = 0;
	FILE *file;

	/* Each CPU has counted for itself */
	REQUIRE_OK(sysfs_write("1", "/proc/sys/vm/stat_refresh"));
	file = fopen("/proc/vmstat", "r");
	REQUIRE(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &value) != 2)
			continue;
		if (!strcmp(name, "nr_foll_pin_acquired"))
			sum += value;
		if (!strcmp(name, "nr_foll_pin_released"))
			sum -= value;
	}
	fclose(file);
	return sum;
}

TEST_ALL_MODES("a tenant that is killed leaves nothing pinned")
{
	long before = pages_pinned();
	int ready[2], status;
	struct tenant t;
	pid_t child;

	REQUIRE_EQ(pipe(ready), 0);
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		tenant_open(&t, mode);
		map_all(&t);
		REQUIRE_OK(pin(&t.client, 0, IOVA, 100 * PAGE));
		REQUIRE(write(ready[1], t.uuid, UUID_SIZE) == UUID_SIZE);
		pause();
	}
	REQUIRE_EQ(read(ready[0], t.uuid, UUID_SIZE), UUID_SIZE);
	CHECK(pages_pinned() >= before + 100, "%ld, before %ld", pages_pinned(), before);
	kill(child, SIGKILL);
	REQUIRE_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(WTERMSIG(status), SIGKILL);
	CHECK_ERR(mdev_remove(t.uuid), 0);
	/* None of the hundred. A page or two are others', who write to their files meanwhile. */
	CHECK(pages_pinned() < before + 10, "%ld, before %ld", pages_pinned(), before);
	close(ready[0]);
	close(ready[1]);
}

TEST_IOMMUFD("memory is taken back when the device gets another address space, or none")
{
	struct tenant t;
	u32 ioas;

	tenant_open(&t, mode);
	map_all(&t);
	REQUIRE_OK(vfio_ioas_alloc(&t.space, &ioas));
	REQUIRE_OK(pin(&t.client, 0, IOVA, PAGE));
	REQUIRE_OK(vfio_client_attach(&t.client, ioas));
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 1);
	CHECK_ERR(store(&t.client, 0, 0, 1), ENODEV);
	CHECK(not_mapped(pin(&t.client, 1, IOVA, PAGE)));
	REQUIRE_OK(vfio_client_attach(&t.client, t.space.ioas_id));
	REQUIRE_OK(pin(&t.client, 1, IOVA, PAGE));
	REQUIRE_OK(vfio_client_detach(&t.client));
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 2);
	CHECK_ERR(store(&t.client, 1, 0, 1), ENODEV);
	CHECK(not_mapped(pin(&t.client, 2, IOVA, PAGE)));
	tenant_close(&t);
}

/* ---- a tenant with several threads, who wants to see the host die ---- */

struct crowd {
	struct tenant *t;
	atomic_bool stop;
	atomic_uint who;
	atomic_ulong grabs;
	struct overlap overlap;
};

/* Pins single pages as fast as it can; they stay until they are taken back */
static void *grabber(void *data)
{
	struct crowd *crowd = data;
	unsigned int who = atomic_fetch_add(&crowd->who, 1), n = who;

	while (!atomic_load(&crowd->stop)) {
		vfio_put(&crowd->t->client, 0, PINNER_GRAB, 8, IOVA + n++ % 4 * PAGE);
		atomic_fetch_add(&crowd->grabs, 1);
		overlap_step(&crowd->overlap, who);
	}
	return NULL;
}

/*
 * Type 1 looks ten times whether something is pinned in what it unmaps, and then the kernel
 * stops.
 */
TEST_ALL_MODES_LONG("memory can be unmapped while four threads have it pinned again and again", 300)
{
	unsigned int rounds = 400 / ktap_slowness();
	struct crowd crowd = {};
	pthread_t threads[4];
	struct tenant t;
	u64 unmapped;

	tenant_open(&t, mode);
	crowd.t = &t;
	REQUIRE_OK(vfio_map(&t.space, t.memory, IOVA, 4 * PAGE));
	for (unsigned int i = 0; i < 4; i++)
		start_pinned(&threads[i], i, grabber, &crowd);
	for (unsigned int i = 0; i < rounds; i++) {
		unsigned long grabs = atomic_load(&crowd.grabs);

		/* each of them has had its turn */
		while (atomic_load(&crowd.grabs) < grabs + 8)
			sched_yield();
		REQUIRE_OK(vfio_unmap(&t.space, IOVA, 4 * PAGE, &unmapped));
		CHECK_EQ(unmapped, 4 * PAGE);
		REQUIRE_OK(vfio_map(&t.space, t.memory, IOVA, 4 * PAGE));
	}
	atomic_store(&crowd.stop, true);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	check_overlap(&crowd.overlap, 50);
	ktap_note("%u unmaps, %lu pins asked for, %u taken back", rounds, crowd.grabs,
		  get(&t.client, PINNER_UNMAPS));
	CHECK(get(&t.client, PINNER_UNMAPS) >= rounds);
	config_set_master(&t.client, false);
	CHECK_ERR(vfio_unmap(&t.space, IOVA, 4 * PAGE, NULL), 0);
	tenant_close(&t);
}

struct half {
	struct tenant *t;
	unsigned int number;
	unsigned int rounds;
	struct overlap *overlap;
};

/* Maps, pins and unmaps a part of memory that is its own */
static void *unmapper(void *data)
{
	struct half *half = data;
	struct tenant *t = half->t;
	u64 offset = half->number * 64 * PAGE;

	for (unsigned int i = 0; i < half->rounds; i++) {
		REQUIRE_OK(vfio_map(&t->space, t->memory + offset, IOVA + offset, 64 * PAGE));
		for (unsigned int page = 0; page < 64; page += 16)
			vfio_put(&t->client, 0, PINNER_GRAB, 8, IOVA + offset + page * PAGE);
		REQUIRE_OK(vfio_unmap(&t->space, IOVA + offset, 64 * PAGE, NULL));
		overlap_step(half->overlap, half->number);
	}
	return NULL;
}

/* In type 1 the one can wait for what the other holds while it waits for the device. */
TEST_ALL_MODES_LONG("two threads that unmap pinned memory at once both come to an end", 300)
{
	struct overlap overlap = {};
	struct half halves[3];
	pthread_t threads[3];
	struct tenant t;

	tenant_open(&t, mode);
	for (unsigned int i = 0; i < 3; i++) {
		halves[i] = (struct half) { &t, i, 200 / ktap_slowness(), &overlap };
		start_pinned(&threads[i], i, unmapper, &halves[i]);
	}
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check_overlap(&overlap, 50);
	CHECK(get(&t.client, PINNER_UNMAPS) >= halves[0].rounds);
	tenant_close(&t);
}

TEST_ALL_MODES("two devices in one address space both give the memory back")
{
	struct vfio_client second;
	char uuid[UUID_SIZE];
	struct tenant t;

	tenant_open(&t, mode);
	mdev_uuid(getpid() + 1000000, uuid);
	REQUIRE_OK(mdev_create(PARENT, "pinner-one", uuid));
	REQUIRE_OK(vfio_client_open(&second, &t.space, uuid));
	config_set_master(&second, true);
	map_all(&t);
	REQUIRE_OK(pin(&t.client, 0, IOVA, 2 * PAGE));
	REQUIRE_OK(pin(&second, 0, IOVA + PAGE, 2 * PAGE));
	CHECK_ERR(vfio_unmap(&t.space, IOVA, PAGES * PAGE, NULL), 0);
	CHECK_EQ(get(&t.client, PINNER_UNMAPS), 1);
	CHECK_EQ(get(&second, PINNER_UNMAPS), 1);
	CHECK_ERR(store(&second, 0, 0, 1), ENODEV);
	vfio_client_close(&second);
	CHECK_ERR(mdev_remove(uuid), 0);
	tenant_close(&t);
}

static const char *pinner_load(void)
{
	return module_load("pinner", NULL) ? "module pinner cannot be loaded" : NULL;
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = pinner_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
