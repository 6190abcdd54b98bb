// SPDX-License-Identifier: GPL-2.0-only
/*
 * The orders in which users of VFIO set a PCI device up, reset it and map it. They were written
 * for vfio-pci, and a slice has to do in each of them what vfio-pci does.
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "mdma.h"

#define PAGE		4096u
#define SMALL		(64 * 1024u)
#define RESETS		100
#define BAR_IOVA	0x100000000ull	/* where the guest has BAR 0 */

static const char *parent_ready(void)
{
	return mdma_bind(MDMA_BDF, "mdma");
}

static const char *restore(void)
{
	const char *left = mdev_remove_all();

	sysfs_write("0", MDMA_PARENT "/mdevkit/peer_dma");
	return left;
}

/* A tenant as far as any user goes first: group, memory, device. Nothing is written to it */
static void tenant_open(struct mdma_tenant *t, const struct vfio_mode *mode, const char *type)
{
	mdma_create(t, MDMA_PARENT, type, 0);
	t->size = SMALL;
	t->mem = pages_alloc(t->size);
	REQUIRE_OK(vfio_space_open(&t->space, mode));
	REQUIRE_OK(vfio_join_group(&t->space, t->uuid));
	REQUIRE_OK(vfio_map(&t->space, t->mem, MDMA_IOVA, t->size));
	REQUIRE_OK(vfio_client_open(&t->client, &t->space, t->uuid));
	t->adis = t->client.bars[MDMA_SLICE_BAR_TENANT].size / MDMA_PAGE_SIZE;
	for (unsigned int i = 0; i < t->adis; i++)
		t->events[i] = -1;
}

static void tenant_map_bar(struct mdma_tenant *t)
{
	t->pages = vfio_mmap(&t->client, MDMA_SLICE_BAR_TENANT, t->adis * MDMA_PAGE_SIZE);
}

static void tenant_connect(struct mdma_tenant *t)
{
	for (unsigned int i = 0; i < t->adis; i++)
		t->events[i] = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&t->client, VFIO_PCI_MSIX_IRQ_INDEX, 0, t->adis, t->events));
}

/* Does the device copy? */
static void check_dma(struct mdma_tenant *t)
{
	static u64 seed;
	struct mdma_queue q;

	mdma_queue_start(&q, t, 0);
	mdma_fill(t->mem + MDMA_DATA, PAGE, ++seed);
	CHECK_EQ(mdma_copy(&q, MDMA_IOVA + MDMA_DATA, MDMA_IOVA + MDMA_DATA + PAGE, PAGE),
		 MDMA_ERR_OK);
	CHECK(mdma_is_filled(t->mem + MDMA_DATA + PAGE, PAGE, seed));
}

static void set_command(struct mdma_tenant *t, u16 command)
{
	config_put(&t->client, PCI_COMMAND, 2, command);
}

static u16 command(struct mdma_tenant *t)
{
	return config_get(&t->client, PCI_COMMAND, 2);
}

static unsigned int devctl(struct mdma_tenant *t)
{
	return config_find_capability(&t->client, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
}

TEST_ALL_MODES("a device that was just opened answers, mapped and trapped, and does no DMA")
{
	struct mdma_tenant t;

	tenant_open(&t, mode, "mdma-2");
	for (int user = 0; user < 2; user++) {
		CHECK_EQ(command(&t), PCI_COMMAND_MEMORY);
		CHECK_EQ(vfio_get(&t.client, 0, MDMA_T_ID, 4), MDMA_ID);
		tenant_map_bar(&t);
		CHECK_EQ(mdma_get(&t, 1, MDMA_T_ID), MDMA_ID);
		mdma_put(&t, 0, MDMA_T_RING_SIZE, MDMA_RING);
		mdma_put(&t, 0, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
		CHECK(!(mdma_get(&t, 0, MDMA_T_STATUS) & MDMA_T_STATUS_RUNNING));
		if (user)
			break;
		/* what this user has written the next one does not find */
		set_command(&t, PCI_COMMAND_MASTER);
		vfio_munmap(t.pages, t.adis * MDMA_PAGE_SIZE);
		vfio_client_close(&t.client);
		REQUIRE_OK(vfio_client_open(&t.client, &t.space, t.uuid));
	}
	tenant_connect(&t);
	set_command(&t, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	check_dma(&t);
	mdma_end(&t);
}

TEST("cloud-hypervisor's order: reset, BARs mapped for CPU and DMA, then the guest runs")
{
	u64 size = 2 * MDMA_PAGE_SIZE;
	struct mdma_tenant t;

	/* It maps BARs for DMA always, and gives up where that fails */
	REQUIRE_OK(sysfs_write("1", MDMA_PARENT "/mdevkit/peer_dma"));
	tenant_open(&t, vfio_type1v2, "mdma-2");
	REQUIRE_OK(vfio_reset(&t.client));
	tenant_map_bar(&t);
	CHECK_ERR(vfio_map(&t.space, (void *)t.pages, BAR_IOVA, size), 0);
	tenant_connect(&t);
	/* the guest's kernel sizes the BARs with decode off, and its driver switches all on */
	set_command(&t, 0);
	config_put(&t.client, PCI_BASE_ADDRESS_0, 4, ~0u);
	config_put(&t.client, PCI_BASE_ADDRESS_0, 4, (u32)BAR_IOVA);
	config_put(&t.client, PCI_BASE_ADDRESS_1, 4, BAR_IOVA >> 32);
	set_command(&t, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	check_dma(&t);
	CHECK_ERR(vfio_unmap(&t.space, BAR_IOVA, size, NULL), 0);
	mdma_end(&t);
}

TEST_ALL_MODES("DPDK's order: memory and Bus Master on, reset, then it works")
{
	struct mdma_tenant t;

	tenant_open(&t, mode, "mdma-1");
	set_command(&t, command(&t) | PCI_COMMAND_MEMORY);
	set_command(&t, command(&t) | PCI_COMMAND_MASTER);
	REQUIRE_OK(vfio_reset(&t.client));
	CHECK_EQ(command(&t), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	tenant_map_bar(&t);
	tenant_connect(&t);
	check_dma(&t);
	mdma_end(&t);
}

TEST_ALL_MODES("a guest's function level reset with decode on: new registers, the setup as it was")
{
	unsigned int msix, pm;
	struct mdma_tenant t;
	struct mdma_queue q;
	u16 control;

	tenant_open(&t, mode, "mdma-1");
	tenant_map_bar(&t);
	tenant_connect(&t);
	msix = config_find_capability(&t.client, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
	pm = config_find_capability(&t.client, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	config_put(&t.client, PCI_BASE_ADDRESS_0, 4, (u32)BAR_IOVA);
	config_put(&t.client, PCI_BASE_ADDRESS_1, 4, BAR_IOVA >> 32);
	config_put(&t.client, PCI_INTERRUPT_LINE, 1, 11);
	config_put(&t.client, msix, 2, PCI_MSIX_FLAGS_ENABLE);
	set_command(&t, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	control = config_get(&t.client, devctl(&t), 2) ^ PCI_EXP_DEVCTL_RELAX_EN;
	for (int way = 0; way < 3; way++) {
		mdma_queue_start(&q, &t, 0);
		if (way == 2)
			config_put(&t.client, pm, 2, 3);
		if (way == 1)
			REQUIRE_OK(vfio_reset(&t.client));
		else
			config_put(&t.client, devctl(&t), 2, control | PCI_EXP_DEVCTL_BCR_FLR);
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_CTRL), 0);
		CHECK_EQ(mdma_get(&t, 0, MDMA_T_RING_SIZE), 0);
		CHECK_EQ(command(&t), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		CHECK_EQ(config_get(&t.client, PCI_BASE_ADDRESS_0, 4) & ~0xfu, (u32)BAR_IOVA);
		CHECK_EQ(config_get(&t.client, PCI_BASE_ADDRESS_1, 4), BAR_IOVA >> 32);
		CHECK_EQ(config_get(&t.client, PCI_INTERRUPT_LINE, 1), 11);
		CHECK(config_get(&t.client, msix, 2) & PCI_MSIX_FLAGS_ENABLE);
		CHECK_EQ(config_get(&t.client, devctl(&t), 2), control);
		CHECK_EQ(config_get(&t.client, pm, 2) & PCI_PM_CTRL_STATE_MASK, 0);
		check_dma(&t);
	}
	mdma_end(&t);
}

/* ---- resets under a user who goes on ---- */

static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, 1);
}

/* Reads the ID in the mapping. False: SIGBUS */
static bool touch(struct mdma_tenant *t)
{
	signal(SIGBUS, on_bus_error);
	if (sigsetjmp(bus_error, 1))
		return false;
	CHECK_EQ(mdma_get(t, 0, MDMA_T_ID), MDMA_ID);
	return true;
}

struct user {
	struct mdma_tenant *t;
	atomic_bool stop;
	atomic_ulong accesses;
};

static void *use_mapping(void *arg)
{
	struct user *user = arg;

	while (!atomic_load(&user->stop)) {
		mdma_put(user->t, 0, MDMA_T_RING_BASE_LO, 0x1000);
		REQUIRE_EQ(mdma_get(user->t, 0, MDMA_T_ID), MDMA_ID);
		REQUIRE_EQ(mdma_get(user->t, 1, MDMA_T_ID), MDMA_ID);
		atomic_fetch_add(&user->accesses, 1);
	}
	return NULL;
}

static void *use_files(void *arg)
{
	struct user *user = arg;

	while (!atomic_load(&user->stop)) {
		REQUIRE_EQ(vfio_get(&user->t->client, 0, MDMA_T_ID, 4), MDMA_ID);
		vfio_put(&user->t->client, 0, MDMA_T_RING_BASE_LO, 4, 0x1000);
		atomic_fetch_add(&user->accesses, 1);
	}
	return NULL;
}

static bool all_have_had(struct user users[2], unsigned long accesses)
{
	return atomic_load(&users[0].accesses) > accesses &&
	       atomic_load(&users[1].accesses) > accesses;
}

static void *(*const roles[])(void *) = { use_mapping, use_files };

TEST_ALL_MODES("resets under threads that use the registers: no SIGBUS, no errno, no wrong value")
{
	u64 end = now_ms() + 20000;
	struct user users[2] = { };
	pthread_t threads[2];
	struct mdma_tenant t;
	unsigned int flr;
	u16 control;

	tenant_open(&t, mode, "mdma-2");
	tenant_map_bar(&t);
	tenant_connect(&t);
	set_command(&t, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	flr = devctl(&t);
	control = config_get(&t.client, flr, 2) | PCI_EXP_DEVCTL_BCR_FLR;
	for (int i = 0; i < 2; i++) {
		users[i].t = &t;
		REQUIRE(!pthread_create(&threads[i], NULL, roles[i], &users[i]));
	}
	/* On a fast machine they are over before the threads have begun: then there are more */
	for (int i = 0; i < RESETS || (!all_have_had(users, 10) && now_ms() < end); i++) {
		if (i % 2)
			REQUIRE_OK(vfio_reset(&t.client));
		else
			config_put(&t.client, flr, 2, control);
		if (i >= RESETS)
			sleep_ms(1);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store(&users[i].stop, true);
		REQUIRE(!pthread_join(threads[i], NULL));
		ktap_note("%s: %lu accesses", i ? "trapped" : "mapped",
			  atomic_load(&users[i].accesses));
		CHECK(atomic_load(&users[i].accesses) > 10);
	}
	check_dma(&t);
	mdma_end(&t);
}

/* ---- what may be mapped, and when it answers ---- */

TEST_ALL_MODES("a touch with decode off or in D3hot is SIGBUS, and the page comes back with decode")
{
	struct mdma_tenant t;
	unsigned int pm;

	tenant_open(&t, mode, "mdma-1");
	tenant_map_bar(&t);
	pm = config_find_capability(&t.client, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	for (int round = 0; round < 3; round++) {
		CHECK(touch(&t));
		set_command(&t, 0);
		CHECK(!touch(&t), "decode is off");
		CHECK_EQ(vfio_get(&t.client, 0, MDMA_T_ID, 4), ~0u);
		set_command(&t, PCI_COMMAND_MEMORY);
		CHECK(touch(&t));
		config_put(&t.client, pm, 2, 3);
		CHECK(!touch(&t), "D3hot");
		config_put(&t.client, pm, 2, 0);
		CHECK(touch(&t));
		/* a reset does not switch decode on */
		set_command(&t, 0);
		REQUIRE_OK(vfio_reset(&t.client));
		CHECK(!touch(&t), "decode is off after a reset");
		set_command(&t, PCI_COMMAND_MEMORY);
	}
	mdma_end(&t);
}

static int map_error(struct mdma_tenant *t, unsigned int region, u64 offset, size_t size, int flags)
{
	void *at = mmap(NULL, size, PROT_READ, flags, t->client.fd, ((u64)region << 40) + offset);

	if (at == MAP_FAILED)
		return errno;
	munmap(at, size);
	return 0;
}

TEST_ALL_MODES("only whole pages inside the part that is lent can be mapped, and only shared")
{
	struct mdma_tenant t;

	tenant_open(&t, mode, "mdma-2");
	CHECK_EQ(map_error(&t, 0, 0, 2 * PAGE, MAP_SHARED), 0);
	CHECK_EQ(map_error(&t, 0, PAGE, PAGE, MAP_SHARED), 0);
	CHECK_EQ(map_error(&t, 0, 0, 3 * PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 0, PAGE, 2 * PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 0, 2 * PAGE, PAGE, MAP_SHARED), EINVAL, "right behind it");
	CHECK_EQ(map_error(&t, 0, 1ull << 39, PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 0, (1ull << 40) - PAGE, 2 * PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 0, 0, PAGE, MAP_PRIVATE), EINVAL);
	/* the MSI-X table, the upper half of BAR 0, config space, and no region at all */
	CHECK_EQ(map_error(&t, MDMA_SLICE_BAR_MSIX, 0, PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 1, 0, PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, VFIO_PCI_CONFIG_REGION_INDEX, 0, PAGE, MAP_SHARED), EINVAL);
	CHECK_EQ(map_error(&t, 4711, 0, PAGE, MAP_SHARED), EINVAL);
	mdma_end(&t);
}

TEST_ALL_MODES("trapped accesses of every size see what mapped ones see")
{
	static const unsigned int registers[] = { MDMA_T_ID, MDMA_T_RING_BASE_LO, MDMA_T_INT_MASK };
	struct mdma_tenant t;
	u64 mapped;

	tenant_open(&t, mode, "mdma-1");
	tenant_map_bar(&t);
	mdma_put(&t, 0, MDMA_T_RING_BASE_LO, 0x12345000);
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		volatile u8 *at = t.pages + registers[i];

		for (int size = 1; size <= 8; size *= 2) {
			mapped = size == 1 ? *at : size == 2 ? *(volatile u16 *)at :
				 size == 4 ? *(volatile u32 *)at : *(volatile u64 *)at;
			CHECK_EQ(vfio_get(&t.client, 0, registers[i], size), mapped,
				 "%d bytes at %#x", size, registers[i]);
		}
	}
	vfio_put(&t.client, 0, MDMA_T_RING_BASE_LO, 4, 0x55555000);
	vfio_put(&t.client, 0, MDMA_T_RING_BASE_LO + 1, 1, 0x66);
	vfio_put(&t.client, 0, MDMA_T_RING_BASE_LO + 2, 2, 0x7788);
	mapped = mdma_get(&t, 0, MDMA_T_RING_BASE_LO);
	mdma_put(&t, 0, MDMA_T_RING_BASE_LO, 0x55555000);
	t.pages[MDMA_T_RING_BASE_LO + 1] = 0x66;
	*(volatile u16 *)(t.pages + MDMA_T_RING_BASE_LO + 2) = 0x7788;
	CHECK_EQ(mdma_get(&t, 0, MDMA_T_RING_BASE_LO), mapped);
	mdma_end(&t);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = parent_ready,
		.after_each = restore,
	});
}
