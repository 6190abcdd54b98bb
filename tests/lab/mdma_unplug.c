// SPDX-License-Identifier: GPL-2.0-only
/*
 * A DMA engine that goes away under its tenants: by the administrator's sysfs remove, by a hot plug
 * request (device_del by QMP), and by surprise: the card is pulled out and the kernel hears of it
 * later. Needs the topology "hotplug" and QMP of the lab's machine.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mdma.h"
#include "qmp.h"

#define HOT_ID		"\"id\": \"mdma-hot\""
#define HOT_DEVICE	"\"driver\": \"mdma\", \"adis\": 16, \"bus\": \"mdma-port\", " HOT_ID
#define PROVE_LOCKING	"/proc/sys/kernel/prove_locking"
#define SMALL		(64 * 1024)
#define TENANTS		8
#define PRESENCE_MS	60000
#define POWER_OFF_MS	3000	/* the kernel waits 1 s; a card that comes earlier is seen twice */

/* The function below the root port. 0, or -ENOENT */
static int hot_bdf(char *bdf, size_t size)
{
	DIR *dir = opendir(PCI_DEVICES MDMA_PORT_BDF);
	struct dirent *entry;
	int ret = -ENOENT;

	if (!dir)
		return -ENOENT;
	while (ret && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "0000:", 5) || strlen(entry->d_name) != 12)
			continue;
		snprintf(bdf, size, "%s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

static bool wait_for_presence(bool present)
{
	u64 end = now_ms() + PRESENCE_MS;
	char bdf[16];

	while (now_ms() < end) {
		bool here = !hot_bdf(bdf, sizeof(bdf));

		if (present)
			here = here && path_exists(PCI_DEVICES "%s/mdev_supported_types", bdf);
		if (here == present)
			return true;
		sleep_ms(50);
	}
	return false;
}

/* Plugs a function in when there is none. Its address */
static void hot_add(char *bdf, size_t size)
{
	if (hot_bdf(bdf, size)) {
		/* A function that only sysfs has removed is still in the slot */
		REQUIRE_OK(sysfs_write("1", "/sys/bus/pci/rescan"));
		sleep_ms(500);
	}
	if (hot_bdf(bdf, size)) {
		int fd = qmp_open();

		sleep_ms(POWER_OFF_MS);
		REQUIRE(qmp(fd, "device_add", HOT_DEVICE));
		close(fd);
	}
	REQUIRE(wait_for_presence(true), "the function does not come");
	REQUIRE_OK(hot_bdf(bdf, size));
}

enum way { WAY_SYSFS, WAY_BUTTON, WAY_SURPRISE };

static const struct ktap_variant ways[] = {
	{ .name = "sysfs remove", .data = (const int []) { WAY_SYSFS } },
	{ .name = "device_del", .data = (const int []) { WAY_BUTTON } },
	{ .name = "surprise", .data = (const int []) { WAY_SURPRISE } },
	{ }
};

/*
 * A process that removes the function when it is told to by the returned file. It waits for the
 * tenants then, so it must not have their files: it is started before them.
 */
static int start_remover(const char *bdf)
{
	int go[2];
	char c;

	REQUIRE_EQ(pipe(go), 0);
	if (!fork()) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			exit(2);
		exit(sysfs_write("1", PCI_DEVICES "%s/remove", bdf) ? 1 : 0);
	}
	close(go[0]);
	return go[1];
}

/*
 * Pulls the card out while the kernel looks away: the slot loses power, which is the end of the
 * device model, and has it again when the port may tell that no card is present.
 */
static void pull_out(void)
{
	/* Its config space as sysfs gives it: a file of nothing else */
	struct vfio_client port = {
		.fd = open(PCI_DEVICES MDMA_PORT_BDF "/config", O_RDWR | O_CLOEXEC),
	};
	unsigned int reg;
	u16 on, off;

	REQUIRE(port.fd >= 0, "%s", strerror(errno));
	reg = config_find_capability(&port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL;
	on = config_get(&port, reg, 2);
	off = on & ~PCI_EXP_SLTCTL_HPIE;
	off |= PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF;
	on |= PCI_EXP_SLTCTL_PDCE;
	config_put(&port, reg, 2, off);
	config_put(&port, reg, 2, on);
	close(port.fd);
}

static void take_away(int way, int remover)
{
	int fd;

	switch (way) {
	case WAY_SYSFS:
		REQUIRE_EQ(write(remover, "r", 1), 1);
		break;
	case WAY_BUTTON:
		fd = qmp_open();
		REQUIRE(qmp(fd, "device_del", HOT_ID));
		close(fd);
		break;
	case WAY_SURPRISE:
		pull_out();
		break;
	}
}

/* What a tenant sees of a device whose hardware is gone */
static void check_all_ones(struct mdma_tenant *t)
{
	u32 val = 0;

	CHECK_EQ(mdma_get(t, 0, MDMA_T_STATUS), ~0u);
	CHECK_EQ(pread(t->client.fd, &val, 4, t->client.bars[MDMA_SLICE_BAR_TENANT].offset), 4);
	CHECK_EQ(val, ~0u);
	CHECK_EQ(config_get(&t->client, PCI_VENDOR_ID, 2), 0xffff);
	/* and it may go on writing */
	mdma_put(t, 0, MDMA_T_RING_TAIL, 1);
	CHECK_EQ(mdma_get(t, 0, MDMA_T_STATUS), ~0u);
}

/* Keeps the engine busy with a ring of long descriptors */
static void keep_busy(struct mdma_queue *q)
{
	for (unsigned int i = 0; i < MDMA_RING - 1; i++)
		mdma_add(q, MDMA_OP_CRC32C, MDMA_IOVA, 0, SMALL);
	mdma_ring_bell(q);
}

/*
 * pciehp of Linux 6.12 takes reset_lock and pci_rescan_remove_lock in both orders in one thread,
 * and lockdep says so at every removal, whatever the driver. So it does not look while pciehp
 * works; sysfs remove, which goes the same way through the kit, is watched.
 */
static void watch_locks(bool on)
{
	if (path_exists(PROVE_LOCKING))
		REQUIRE_OK(sysfs_write(on ? "1" : "0", PROVE_LOCKING));
}

static const char *clean_up(void)
{
	watch_locks(true);
	return mdev_remove_all();
}

KTAP_TEST("the device goes away under 8 running tenants, and can come back", 200, ways,
	  const int *, way)
{
	struct mdma_tenant t[TENANTS];
	struct mdma_queue q[TENANTS];
	char bdf[16], parent[64];
	int requests[TENANTS], remover = -1;

	watch_locks(*way == WAY_SYSFS);
	hot_add(bdf, sizeof(bdf));
	snprintf(parent, sizeof(parent), PCI_DEVICES "%s", bdf);
	if (*way == WAY_SYSFS)
		remover = start_remover(bdf);
	for (int i = 0; i < TENANTS; i++) {
		mdma_start(&t[i], vfio_type1v2, parent, "mdma-1", i, SMALL);
		requests[i] = eventfd_new();
		REQUIRE_OK(vfio_irq_connect(&t[i].client, VFIO_PCI_REQ_IRQ_INDEX, 0, 1,
					    &requests[i]));
		mdma_queue_start(&q[i], &t[i], 0);
		keep_busy(&q[i]);
	}
	take_away(*way, remover);
	for (int i = 0; i < TENANTS; i++)
		CHECK(eventfd_take_within(requests[i], 30000), "tenant %d is not asked", i);
	for (int i = 0; i < TENANTS && *way == WAY_SURPRISE; i++)
		check_all_ones(&t[i]);
	for (int i = 0; i < TENANTS; i++)
		mdma_close(&t[i]);
	CHECK(wait_for_presence(false), "the function stays");
	CHECK_EQ(mdev_count(), 0);
	if (*way == WAY_SYSFS) {
		int status = -1;

		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}

	/* and again */
	hot_add(bdf, sizeof(bdf));
	snprintf(parent, sizeof(parent), PCI_DEVICES "%s", bdf);
	mdma_start(&t[0], vfio_type1v2, parent, "mdma-1", 0, SMALL);
	mdma_queue_start(&q[0], &t[0], 0);
	CHECK_EQ(mdma_copy(&q[0], MDMA_IOVA + MDMA_DATA, MDMA_IOVA + MDMA_DATA + 4096, 4096),
		 MDMA_ERR_OK);
	mdma_end(&t[0]);
}

static const char *ready(void)
{
	char path[300];

	if (!path_exists(PCI_DEVICES MDMA_PORT_BDF "/subordinate_bus_number"))
		return "this machine has no hot-pluggable root port (topology hotplug)";
	if (qmp_path(path, sizeof(path)))
		return "this machine has no QMP port";
	if (module_load("mdma", NULL))
		return "module mdma cannot be loaded";
	return NULL;
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = ready,
		.after_each = clean_up,
	});
}
