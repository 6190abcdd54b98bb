// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtty through sysfs: parents, types, capacity, creation and removal, and what bad
 * input gets. Everything is checked for both parents, the one below
 * /sys/devices/virtual and the PCI device.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mtty.h"

#define PCI_DRIVERS	"/sys/bus/pci/drivers"

static const struct parent {
	const char *path;
	const char *single;	/* folder names of the two types */
	const char *dual;
} parents[] = {
	{ MTTY_PARENT, "mtty-1", "mtty-2" },
	{ MTTYPCI_PARENT, "mttypci-1", "mttypci-2" },
};

static const struct parent *const parents_end = parents + ARRAY_SIZE(parents);

/* Both files of a parent must agree with @ports free ports */
static void check_free(const struct parent *p, unsigned int ports)
{
	CHECK_EQ(mdev_available(p->path, p->single), ports, "%s", p->path);
	CHECK_EQ(mdev_available(p->path, p->dual), ports / 2, "%s", p->path);
}

static void require_pci_parent(void)
{
	REQUIRE(path_exists(MTTYPCI_PARENT), "no PCI device at " MTTYPCI_BDF " in this machine");
	REQUIRE(path_exists(MTTYPCI_PARENT "/mdev_supported_types"),
		"the driver of " MTTYPCI_BDF " offers no types");
}

TEST("the parents are where users of the kernel's sample look, and on the mdev bus")
{
	require_pci_parent();
	CHECK(path_exists("/sys/class/mdev_bus/mtty"));
	CHECK(path_exists("/sys/class/mdev_bus/" MTTYPCI_BDF));
	for (const struct parent *p = parents; p < parents_end; p++) {
		CHECK(path_exists("%s/mdev_supported_types/%s/create", p->path, p->single));
		CHECK(path_exists("%s/mdev_supported_types/%s/create", p->path, p->dual));
		CHECK(path_exists("%s/mdev_supported_types/%s/devices", p->path, p->dual));
	}
	CHECK(path_exists(MDEV_DRIVERS "/mtty"));
}

TEST("each type tells its name, its API, its description and how many are left")
{
	require_pci_parent();
	for (const struct parent *p = parents; p < parents_end; p++) {
		const char *const types[] = { p->single, p->dual };
		static const char *const names[] = { "Single port serial", "Dual port serial" };

		for (int i = 0; i < 2; i++) {
			char text[256] = "";

			CHECK_ERR(sysfs_read(text, sizeof(text), "%s/mdev_supported_types/%s/name",
					     p->path, types[i]), 0);
			CHECK_STR(text, names[i]);
			CHECK_ERR(sysfs_read(text, sizeof(text),
					     "%s/mdev_supported_types/%s/device_api", p->path,
					     types[i]), 0);
			CHECK_STR(text, "vfio-pci");
			text[0] = '\0';
			CHECK_ERR(sysfs_read(text, sizeof(text),
					     "%s/mdev_supported_types/%s/description", p->path,
					     types[i]), 0);
			CHECK(strlen(text) > 5 && !strchr(text, '\n'), "description \"%s\"", text);
		}
		check_free(p, MTTY_PORTS);
	}
}

static ssize_t readlink_mdev(const char *uuid, char *target, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), MDEV_DEVICES "/%s", uuid);
	return readlink(path, target, size - 1);
}

TEST("an mdev shows its type, its driver, its group and its place below the parent")
{
	require_pci_parent();
	for (const struct parent *p = parents; p < parents_end; p++) {
		char uuid[UUID_SIZE], text[256], target[256] = "";
		ssize_t len;

		mdev_uuid(1, uuid);
		REQUIRE_OK(mdev_create(p->path, p->dual, uuid));
		CHECK(mdev_exists(uuid));
		CHECK_ERR(link_basename(text, sizeof(text), MDEV_DEVICES "/%s/mdev_type", uuid), 0);
		CHECK_STR(text, p->dual);
		CHECK_ERR(link_basename(text, sizeof(text), MDEV_DEVICES "/%s/driver", uuid), 0);
		CHECK_STR(text, "mtty");
		CHECK(path_exists("%s/%s", p->path, uuid));
		CHECK(path_exists("%s/mdev_supported_types/%s/devices/%s", p->path, p->dual, uuid));
		CHECK(path_exists(MDEV_DEVICES "/%s/remove", uuid));
		CHECK(mdev_group(uuid) >= 0);
		CHECK(path_exists("/dev/vfio/%d", mdev_group(uuid)));
		/* KubeVirt takes the last but one part of the link for the parent */
		len = readlink_mdev(uuid, target, sizeof(target));
		CHECK(len > 0 && strstr(target, uuid) == target + len - (UUID_SIZE - 1), "%s",
		      target);
		CHECK(strstr(target, strrchr(p->path, '/')), "%s", target);
		CHECK_ERR(mdev_remove(uuid), 0);
		CHECK(!mdev_exists(uuid));
		CHECK(!path_exists("%s/%s", p->path, uuid));
	}
}

TEST("each mdev has a group of its own, and the group goes with it")
{
	char first[UUID_SIZE], second[UUID_SIZE];
	int groups[2];

	mdev_uuid(1, first);
	mdev_uuid(2, second);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", first));
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", second));
	groups[0] = mdev_group(first);
	groups[1] = mdev_group(second);
	CHECK(groups[0] != groups[1], "group %d", groups[0]);
	CHECK_ERR(mdev_remove(first), 0);
	CHECK_ERR(mdev_remove(second), 0);
	for (int i = 0; i < 2; i++) {
		CHECK(!path_exists("/dev/vfio/%d", groups[i]));
		CHECK(!path_exists("/sys/kernel/iommu_groups/%d", groups[i]));
	}
}

TEST("capacity is shared by the types and right after every step")
{
	require_pci_parent();
	for (const struct parent *p = parents; p < parents_end; p++) {
		char uuids[MTTY_PORTS][UUID_SIZE];
		unsigned int left = MTTY_PORTS, nr = 0;

		/* Two ports, one port, two ports, one ... until nothing is left */
		while (left) {
			bool dual = nr % 2 == 0 && left >= 2;

			mdev_uuid(nr, uuids[nr]);
			REQUIRE_OK(mdev_create(p->path, dual ? p->dual : p->single, uuids[nr]));
			left -= dual ? 2 : 1;
			nr++;
			check_free(p, left);
		}
		while (nr) {
			bool dual = !(--nr % 2);

			CHECK_ERR(mdev_remove(uuids[nr]), 0);
			left += dual ? 2 : 1;
			check_free(p, left);
		}
		CHECK_EQ(left, MTTY_PORTS);
	}
}

TEST("the 25th port is refused with ENOSPC, and so are two ports where one is left")
{
	require_pci_parent();
	for (const struct parent *p = parents; p < parents_end; p++) {
		char uuid[UUID_SIZE];
		unsigned int i;

		for (i = 0; i < MTTY_PORTS - 1; i++) {
			mdev_uuid(i, uuid);
			REQUIRE_OK(mdev_create(p->path, p->single, uuid));
		}
		check_free(p, 1);
		mdev_uuid(100, uuid);
		CHECK_ERR(mdev_create(p->path, p->dual, uuid), ENOSPC);
		CHECK(!mdev_exists(uuid));
		check_free(p, 1);
		REQUIRE_OK(mdev_create(p->path, p->single, uuid));
		check_free(p, 0);
		mdev_uuid(101, uuid);
		CHECK_ERR(mdev_create(p->path, p->single, uuid), ENOSPC);
		CHECK_ERR(mdev_create(p->path, p->dual, uuid), ENOSPC);
		CHECK(!mdev_exists(uuid));
		check_free(p, 0);
		CHECK_EQ(mdev_count(), MTTY_PORTS);
		mdev_uuid(100, uuid);
		CHECK_ERR(mdev_remove(uuid), 0);
		for (i = 0; i < MTTY_PORTS - 1; i++) {
			mdev_uuid(i, uuid);
			CHECK_ERR(mdev_remove(uuid), 0);
		}
		check_free(p, MTTY_PORTS);
	}
}

TEST("the parents have capacities of their own")
{
	char uuid[UUID_SIZE];

	require_pci_parent();
	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(parents[0].path, parents[0].dual, uuid));
	check_free(&parents[0], MTTY_PORTS - 2);
	check_free(&parents[1], MTTY_PORTS);
	CHECK_ERR(mdev_remove(uuid), 0);
}

TEST("a UUID that exists gives EEXIST and takes no capacity, whatever the parent")
{
	char uuid[UUID_SIZE];

	require_pci_parent();
	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(parents[0].path, parents[0].single, uuid));
	for (const struct parent *p = parents; p < parents_end; p++) {
		CHECK_ERR(mdev_create(p->path, p->single, uuid), EEXIST);
		CHECK_ERR(mdev_create(p->path, p->dual, uuid), EEXIST);
	}
	check_free(&parents[0], MTTY_PORTS - 1);
	check_free(&parents[1], MTTY_PORTS);
	CHECK_ERR(mdev_remove(uuid), 0);
	check_free(&parents[0], MTTY_PORTS);
}

TEST("a malformed UUID gives EINVAL and takes no capacity")
{
	static const char *const malformed[] = {
		"x", "6d646576-6b69-4700-8000", "6d6465766b69470080000000000000010000",
		"6d646576-6b69-4700-8000-00000000000g", "6d646576-6b69-4700-8000-0000000000012345",
		"../../../../../../../../../../etc/passwd", "6d646576_6b69_4700_8000_000000000001",
		"                                    ", "%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s",
	};

	require_pci_parent();
	for (const struct parent *p = parents; p < parents_end; p++) {
		for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
			CHECK_ERR(mdev_create(p->path, p->single, malformed[i]), EINVAL, "\"%s\"",
				  malformed[i]);
		check_free(p, MTTY_PORTS);
	}
	CHECK_EQ(mdev_count(), 0);
}

TEST("any hexadecimal UUID is accepted, also those that no RFC 4122 version has")
{
	static const char *const accepted[] = {
		"00000000-0000-0000-0000-000000000100",		/* as Proxmox makes them */
		"ffffffff-ffff-ffff-ffff-ffffffffffff",
		"6D646576-6B69-4700-8000-00000000ABCD",
	};

	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		char lower[UUID_SIZE];

		CHECK_ERR(mdev_create(MTTY_PARENT, "mtty-1", accepted[i]), 0, "%s", accepted[i]);
		for (int c = 0; c < UUID_SIZE; c++)
			lower[c] = accepted[i][c] | (accepted[i][c] >= 'A' &&
						     accepted[i][c] <= 'F' ? 0x20 : 0);
		CHECK_ERR(mdev_remove(lower), 0, "%s", lower);
	}
}

TEST("remove takes 1 and nothing else")
{
	char uuid[UUID_SIZE];

	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", uuid));
	CHECK_ERR(sysfs_write("yes please", MDEV_DEVICES "/%s/remove", uuid), EINVAL);
	CHECK(mdev_exists(uuid));
	CHECK_ERR(sysfs_write("0", MDEV_DEVICES "/%s/remove", uuid), 0);
	CHECK(mdev_exists(uuid));
	CHECK_ERR(mdev_remove(uuid), 0);
	CHECK(!mdev_exists(uuid));
	CHECK_ERR(mdev_remove(uuid), ENOENT);
}

TEST("mdevs can come and go, a thousand or as many as 20 s have room for")
{
	double until = ktap_clock() + 20;
	char uuid[UUID_SIZE];
	unsigned int i;

	for (i = 0; i < 1000 && ktap_clock() < until; i++) {
		const struct parent *p = &parents[i % 2 && path_exists(MTTYPCI_PARENT)];

		mdev_uuid(i, uuid);
		REQUIRE_OK(mdev_create(p->path, i % 4 < 2 ? p->single : p->dual, uuid), "mdev %u",
			   i);
		REQUIRE_OK(mdev_remove(uuid), "mdev %u", i);
	}
	ktap_note("%u mdevs", i);
	CHECK(i > 5);
	check_free(&parents[0], MTTY_PORTS);
}

/* ---- while in use ------------------------------------------------------------ */

/*
 * Starts a child that keeps none of the files that the test has open: a copy of the
 * device's file would hold the device open, too. Returns 0 in the child.
 */
static pid_t fork_without_files(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid)
		close_range(3, ~0U, 0);
	return pid;
}

/* Removes the mdev in a child. Returns the child's process ID */
static pid_t remove_in_child(const char *uuid)
{
	pid_t pid = fork_without_files();

	if (!pid)
		_exit(mdev_remove(uuid) ? 1 : 0);
	return pid;
}

/* Has the child ended, waiting up to @ms for it? Its success is checked, too */
static bool child_ended(pid_t pid, unsigned int ms)
{
	int status = 0;

	for (unsigned int i = 0; i <= ms / 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return CHECK_EQ(status, 0);
		sleep_ms(10);
	}
	return false;
}

TEST_ALL_MODES("removal while open: the user is asked, the remover waits, close lets it go on")
{
	char uuid[UUID_SIZE];
	struct mtty mtty;
	pid_t remover;
	int request;

	mtty_open(&mtty, mode, "mtty-2");
	memcpy(uuid, mtty.uuid, sizeof(uuid));
	request = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&mtty.client, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request));
	CHECK_EQ(eventfd_take(request), 0);

	remover = remove_in_child(uuid);
	CHECK(eventfd_take_within(request, 15000) >= 1, "the user is asked to let go");
	CHECK(!child_ended(remover, 1000), "the remover waits while the device is open");
	/* The device goes on working until then */
	uart_fifos_on(&mtty, 1);
	uart_put(&mtty, 1, UART_TX, 'z');
	CHECK_EQ(uart_get(&mtty, 1, UART_RX), 'z');
	CHECK_EQ(config_get(&mtty.client, PCI_VENDOR_ID, 2), 0x4348);
	check_free(&parents[0], MTTY_PORTS - 2);
	/* Nobody can create or open it a second time meanwhile */
	CHECK_ERR(mdev_create(MTTY_PARENT, "mtty-1", uuid), EEXIST);

	vfio_client_close(&mtty.client);
	vfio_space_close(&mtty.space);
	CHECK(child_ended(remover, 15000), "the remover returns after the close");
	CHECK(!mdev_exists(uuid));
	check_free(&parents[0], MTTY_PORTS);
	/* Its UUID is free again */
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", uuid));
	CHECK_ERR(mdev_remove(uuid), 0);
}

TEST_ALL_MODES("removal while open ends when the user is killed")
{
	int ready[2], status;
	char uuid[UUID_SIZE], byte;
	struct mtty mtty;
	pid_t user, remover;

	REQUIRE(!pipe(ready));
	mdev_uuid(7, uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", uuid));
	fflush(stdout);
	user = fork();
	if (!user) {
		REQUIRE_OK(vfio_space_open(&mtty.space, mode));
		REQUIRE_OK(vfio_client_open(&mtty.client, &mtty.space, uuid));
		REQUIRE(write(ready[1], "", 1) == 1);
		pause();
	}
	close(ready[1]);
	REQUIRE(read(ready[0], &byte, 1) == 1);
	remover = remove_in_child(uuid);
	CHECK(!child_ended(remover, 500));
	kill(user, SIGKILL);
	CHECK(child_ended(remover, 15000));
	waitpid(user, &status, 0);
	CHECK(WIFSIGNALED(status));
	check_free(&parents[0], MTTY_PORTS);
}

TEST_ALL_MODES("the module cannot be unloaded while a device is open")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	CHECK_ERR(module_unload("mtty"), EWOULDBLOCK);
	CHECK_ERR(module_unload("mdevkit"), EWOULDBLOCK);
	CHECK(module_loaded("mtty"));
	uart_put(&mtty, 0, UART_SCR, 0x5c);
	CHECK_EQ(uart_get(&mtty, 0, UART_SCR), 0x5c);
	mtty_close(&mtty);
}

TEST("unloading the module leaves nothing, and it can be loaded again")
{
	char uuid[UUID_SIZE];

	for (int i = 0; i < 5; i++) {
		/* In the last rounds an idle mdev is there: it goes with its parent */
		if (i > 2) {
			mdev_uuid(i, uuid);
			REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", uuid));
		}
		REQUIRE_OK(module_unload("mtty"), "round %d", i);
		CHECK_EQ(mdev_count(), 0);
		CHECK(!path_exists(MTTY_PARENT));
		CHECK(!path_exists("/sys/class/mtty"));
		CHECK(!path_exists(MTTYPCI_PARENT "/mdev_supported_types"));
		CHECK(!path_exists("/sys/class/mdev_bus/mtty"));
		CHECK(!path_exists(MDEV_DRIVERS "/mtty"));
		CHECK(!path_exists("/sys/bus/pci/drivers/mttypci"));
		/* mdevkit itself is free, too, once its last driver has gone */
		REQUIRE_OK(module_unload("mdevkit"), "round %d", i);
		CHECK(!module_loaded("mdevkit"));
		REQUIRE_OK(module_load("mtty", NULL));
		check_free(&parents[0], MTTY_PORTS);
	}
}

TEST("unbinding the PCI parent removes its mdevs, and only those")
{
	char on_pci[UUID_SIZE], other[UUID_SIZE];

	require_pci_parent();
	mdev_uuid(1, on_pci);
	mdev_uuid(2, other);
	for (int i = 0; i < 3; i++) {
		REQUIRE_OK(mdev_create(MTTYPCI_PARENT, "mttypci-2", on_pci));
		REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", other));
		CHECK_ERR(sysfs_write(MTTYPCI_BDF, PCI_DRIVERS "/mttypci/unbind"), 0);
		CHECK(!mdev_exists(on_pci));
		CHECK(mdev_exists(other));
		CHECK(!path_exists(MTTYPCI_PARENT "/mdev_supported_types"));
		CHECK_ERR(mdev_remove(other), 0);
		REQUIRE_OK(sysfs_write(MTTYPCI_BDF, PCI_DRIVERS "/mttypci/bind"));
		check_free(&parents[1], MTTY_PORTS);
	}
}

TEST_ALL_MODES("unbinding the PCI parent asks the user of an open mdev and waits for it")
{
	struct vfio_client client;
	struct vfio_space space;
	char uuid[UUID_SIZE];
	pid_t unbinder;
	int request;

	require_pci_parent();
	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(MTTYPCI_PARENT, "mttypci-2", uuid));
	REQUIRE_OK(vfio_space_open(&space, mode));
	REQUIRE_OK(vfio_client_open(&client, &space, uuid));
	request = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&client, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request));
	unbinder = fork_without_files();
	if (!unbinder)
		_exit(sysfs_write(MTTYPCI_BDF, PCI_DRIVERS "/mttypci/unbind") ? 1 : 0);
	CHECK(eventfd_take_within(request, 15000) >= 1);
	CHECK(!child_ended(unbinder, 500));
	vfio_client_close(&client);
	vfio_space_close(&space);
	CHECK(child_ended(unbinder, 15000));
	CHECK(!mdev_exists(uuid));
	REQUIRE_OK(sysfs_write(MTTYPCI_BDF, PCI_DRIVERS "/mttypci/bind"));
	check_free(&parents[1], MTTY_PORTS);
}

TEST("the attribute loopback pulls and plugs the cable, and refuses other words")
{
	char text[16] = "";
	struct mtty mtty;

	mtty_open(&mtty, vfio_type1v2, "mtty-2");
	CHECK_ERR(sysfs_read(text, sizeof(text), MDEV_DEVICES "/%s/loopback", mtty.uuid), 0);
	CHECK_STR(text, "1");
	CHECK_ERR(sysfs_write("perhaps", MDEV_DEVICES "/%s/loopback", mtty.uuid), EINVAL);
	CHECK_ERR(sysfs_write("0", MDEV_DEVICES "/%s/loopback", mtty.uuid), 0);
	for (unsigned int port = 0; port < 2; port++) {
		uart_fifos_on(&mtty, port);
		uart_put(&mtty, port, UART_TX, 'a');
		CHECK(!(uart_get(&mtty, port, UART_LSR) & UART_LSR_DR));
	}
	CHECK_ERR(sysfs_write("1", MDEV_DEVICES "/%s/loopback", mtty.uuid), 0);
	for (unsigned int port = 0; port < 2; port++) {
		uart_put(&mtty, port, UART_TX, 'b');
		CHECK_EQ(uart_get(&mtty, port, UART_RX), 'b');
	}
	mtty_close(&mtty);
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = mtty_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
