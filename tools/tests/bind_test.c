// SPDX-License-Identifier: GPL-2.0-only
/*
 * bind, unbind and group --bind on a fake PCI bus: write_file() is wrapped (see the makefile), and
 * does after each write what the kernel would.
 */
#include "fake_host.h"

#define BUS "/sys/bus/pci"
#define ONE "0000:02:00.0"
#define TWO "0000:02:00.1"
#define BRIDGE "0000:00:1d.0"

int __real_write_file(const char *path, const char *text);
int __wrap_write_file(const char *path, const char *text);

/* A device that this driver refuses to take */
static const char *refused_device;
/* What the host's own driver is called */
static const char host_driver[] = "nvme";
static char *steps;

static void note_step(const char *path, const char *text)
{
	char *longer = format("%s%s=%s;", steps ?: "", strrchr(path, '/') + 1, text);

	free(steps);
	steps = longer;
}

static char *device_file(const char *address, const char *name)
{
	return format(BUS "/devices/%s/%s", address, name);
}

static void fake_probe(const char *address)
{
	__cleanup_free char *override_path = device_file(address, "driver_override");
	__cleanup_free char *driver_path = device_file(address, "driver");
	__cleanup_free char *override = content(override_path);
	const char *driver = *override ? override : host_driver;
	__cleanup_free char *target = format(BUS "/drivers/%s", driver);

	if (path_exists(driver_path) || !path_exists(target))
		return;
	if (refused_device && !strcmp(refused_device, address) && strcmp(driver, host_driver))
		return;
	put_link(driver_path, target);
}

int __wrap_write_file(const char *path, const char *text)
{
	__cleanup_free char *link = NULL;

	if (__real_write_file(path, text))
		return -1;
	note_step(path, text);
	if (!strcmp(path, BUS "/drivers_probe"))
		fake_probe(text);
	if (strcmp(strrchr(path, '/'), "/unbind"))
		return 0;
	link = device_file(text, "driver");
	take_away(link);
	return 0;
}

static void put_pci(const char *address, const char *class, const char *driver)
{
	__cleanup_free char *folder = format(BUS "/devices/%s", address);
	__cleanup_free char *member = format("/sys/kernel/iommu_groups/7/devices/%s", address);
	__cleanup_free char *driver_link = format("%s/driver", folder);
	__cleanup_free char *driver_folder = format(BUS "/drivers/%s", driver);
	__cleanup_free char *subsystem = format("%s/subsystem", folder);
	__cleanup_free char *group = format("%s/iommu_group", folder);

	put_in(folder, "class", class);
	put_in(folder, "driver_override", "(null)");
	put_in(driver_folder, "unbind", "");
	put_link(driver_link, driver_folder);
	put_link(subsystem, BUS);
	put_link(member, folder);
	put_link(group, "/sys/kernel/iommu_groups/7");
}

static int setup(void **state)
{
	fake_open();
	put_pci(ONE, "0x010802", "nvme");
	put_pci(TWO, "0x010802", "nvme");
	put_pci(BRIDGE, "0x060400", "pcieport");
	put(BUS "/drivers/vfio-pci/unbind", "");
	put(BUS "/drivers_probe", "");
	put_folder("/proc/1/fd");
	refused_device = NULL;
	free(steps);
	steps = NULL;
	return 0;
}

static int teardown(void **state)
{
	fake_close();
	free(steps);
	steps = NULL;
	return 0;
}

static void assert_driver(const char *address, const char *driver)
{
	__cleanup_free char *path = device_file(address, "driver");
	__cleanup_free char *name = read_link_name(path);

	if (driver)
		assert_string_equal(name ?: "none", driver);
	else
		assert_null(name);
}

static void assert_override(const char *address, const char *override)
{
	__cleanup_free char *path = device_file(address, "driver_override");
	__cleanup_free char *text = content(path);

	assert_string_equal(text, override);
}

static void bind_sets_the_override_first(void **state)
{
	struct outcome o __cleanup_outcome = RUN("bind", ONE, "vfio-pci");

	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, ONE ": driver vfio-pci, iommu group 7\n");
	assert_string_equal(steps,
			    "driver_override=vfio-pci\n;unbind=" ONE ";drivers_probe=" ONE ";");
	assert_driver(ONE, "vfio-pci");
	assert_driver(TWO, "nvme");
}

static void bind_that_fails_is_undone(void **state)
{
	struct outcome o __cleanup_outcome = {};

	refused_device = ONE;
	o = RUN("bind", ONE, "vfio-pci");
	assert_int_equal(o.status, 3);
	assert_non_null(strstr(o.err, "driver vfio-pci does not take it"));
	assert_driver(ONE, "nvme");
	assert_override(ONE, "");
}

static void bind_refuses_a_driver_that_is_not_loaded(void **state)
{
	struct outcome o __cleanup_outcome = RUN("bind", ONE, "mlx5_vfio_pci");

	assert_int_equal(o.status, 3);
	assert_non_null(strstr(o.err, "modprobe mlx5_vfio_pci"));
	assert_null(steps);
}

static void bind_refuses_names_that_are_paths(void **state)
{
	struct outcome driver __cleanup_outcome = RUN("bind", ONE, "../devices");
	struct outcome device __cleanup_outcome = RUN("bind", "../" ONE, "vfio-pci");

	assert_int_equal(driver.status, 3);
	assert_int_equal(device.status, 2);
	assert_null(steps);
}

static void bind_to_host_gives_it_back(void **state)
{
	struct outcome there __cleanup_outcome = RUN("bind", ONE, "vfio-pci");
	struct outcome back __cleanup_outcome = RUN("bind", ONE, "--host");

	assert_int_equal(there.status, 0);
	assert_int_equal(back.status, 0);
	assert_driver(ONE, "nvme");
	assert_override(ONE, "");
}

static void unbind_keeps_all_drivers_off(void **state)
{
	struct outcome o __cleanup_outcome = RUN("unbind", ONE, "--json");

	assert_int_equal(o.status, 0);
	assert_driver(ONE, NULL);
	fake_probe(ONE);
	assert_driver(ONE, NULL);
}

static void a_device_in_use_is_refused(void **state)
{
	struct outcome o __cleanup_outcome = {};

	put_process("99", "qemu", "3", "/dev/vfio/7", "");
	o = RUN("bind", ONE, "vfio-pci");
	assert_int_equal(o.status, 3);
	assert_non_null(strstr(o.err, "qemu (99) uses its iommu group 7"));
	assert_null(steps);
}

static void a_parent_with_mdevs_is_refused(void **state)
{
	struct outcome o __cleanup_outcome = {};

	put_type(BUS "/devices/" ONE, "nvme-1", "A namespace", "1");
	put_parent(BUS "/devices/" ONE, BUS, NULL);
	put_mdev(UUID_A, BUS "/devices/" ONE, "nvme-1", "20");
	o = RUN("unbind", ONE);
	assert_int_equal(o.status, 3);
	assert_non_null(strstr(o.err, "parent of 1 mdevs"));
	assert_null(steps);
}

static void group_says_what_blocks_it(void **state)
{
	struct outcome o __cleanup_outcome = RUN("group", "7");

	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.out, "2 of its members have drivers of the host"));
}

static void group_bind_leaves_bridges(void **state)
{
	struct outcome o __cleanup_outcome = RUN("group", "7", "--bind", "vfio-pci");

	assert_int_equal(o.status, 0);
	assert_driver(ONE, "vfio-pci");
	assert_driver(TWO, "vfio-pci");
	assert_driver(BRIDGE, "pcieport");
	assert_non_null(strstr(o.out, "Group 7 is viable; nobody uses it."));
}

static void group_bind_is_undone_as_a_whole(void **state)
{
	struct outcome o __cleanup_outcome = {};

	refused_device = TWO;
	o = RUN("group", "7", "--bind=vfio-pci");
	assert_int_equal(o.status, 3);
	assert_driver(ONE, "nvme");
	assert_driver(TWO, "nvme");
	assert_override(ONE, "");
	assert_override(TWO, "");
}

static void a_second_administrator_is_told(void **state)
{
	struct outcome o __cleanup_outcome = {};
	int fd;

	assert_int_equal(make_folders("/run/mdevkit"), 0);
	fd = lock_folder("/run/mdevkit");
	assert_true(fd >= 0);
	o = RUN("bind", ONE, "vfio-pci");
	close(fd);
	assert_int_equal(o.status, 3);
	assert_non_null(strstr(o.err, "another mdevkit is changing something"));
	assert_null(steps);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(bind_sets_the_override_first),
		CASE(bind_that_fails_is_undone),
		CASE(bind_refuses_a_driver_that_is_not_loaded),
		CASE(bind_refuses_names_that_are_paths),
		CASE(bind_to_host_gives_it_back),
		CASE(unbind_keeps_all_drivers_off),
		CASE(a_device_in_use_is_refused),
		CASE(a_parent_with_mdevs_is_refused),
		CASE(group_says_what_blocks_it),
		CASE(group_bind_leaves_bridges),
		CASE(group_bind_is_undone_as_a_whole),
		CASE(a_second_administrator_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
