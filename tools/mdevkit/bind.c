// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit bind, unbind: one PCI device and its driver. */
#include <libudev.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "bind.h"
#include "bind_command.h"
#include "describe.h"
#include "lock.h"
#include "number.h"
#include "pci.h"
#include "sysfs.h"

long device_group(const char *address)
{
	__cleanup_free char *path = format("/sys/bus/pci/devices/%s/iommu_group", address);
	__cleanup_free char *name = read_link_name(path);
	unsigned long long group;

	return parse_number(name, 10, INT_MAX, &group) ? (long)group : -1;
}

int refuse_used(struct cli *cli, const struct model *m, const char *address)
{
	size_t mdevs = count_mdevs(m, address, NULL);
	long group = device_group(address);
	__cleanup_free char *user = group < 0 ? NULL : find_group_user(group);

	if (mdevs)
		return failed(cli, "%s: it is the parent of %zu mdevs; remove them first", address,
			      mdevs);
	if (user)
		return failed(cli, "%s: %s uses its iommu group %ld; end it first", address, user,
			      group);
	return EXIT_OK;
}

void wait_for_udev(void)
{
	struct udev_queue *queue;
	struct udev *udev;
	int tries;

	/* udev knows nothing of another root. */
	if (*get_root())
		return;
	udev = udev_new();
	queue = udev ? udev_queue_new(udev) : NULL;
	for (tries = 0; queue && tries < 50 && !udev_queue_get_queue_is_empty(queue); tries++)
		usleep(100 * 1000);
	udev_queue_unref(queue);
	udev_unref(udev);
}

static int tell(struct cli *cli, const char *address)
{
	__cleanup_free char *driver = device_driver(address);
	long group = device_group(address);
	struct json_object *o;

	if (!cli->json) {
		fprintf(cli->out, "%s: driver %s", address, driver ?: "none");
		if (group >= 0)
			fprintf(cli->out, ", iommu group %ld", group);
		fputc('\n', cli->out);
		return EXIT_OK;
	}
	o = json_object_new_object();
	json_object_object_add(o, "device", json_text(address));
	json_object_object_add(o, "driver", json_text(driver));
	json_object_object_add(o, "iommu_group", json_number(group));
	return print_json(cli, o);
}

/* driver NULL: none; "": the host's */
static int change_driver(struct cli *cli, const char *address, const char *driver)
{
	struct model m __cleanup_model = {};
	int lock __cleanup_lock = lock_take(cli);
	__cleanup_free char *error = NULL;
	struct binding before = {};
	int ret, status;

	if (lock < 0)
		return EXIT_ERROR;
	model_load(&m);
	status = refuse_used(cli, &m, address);
	if (status)
		return status;
	if (!driver)
		ret = unbind_device(address, &before, &error);
	else if (!*driver)
		ret = bind_to_host(address, &before, &error);
	else
		ret = bind_device(address, driver, &before, &error);
	binding_free(&before);
	if (ret)
		return failed(cli, "%s", error);
	wait_for_udev();
	return tell(cli, address);
}

static int bind(struct cli *cli, int argc, char **argv)
{
	bool host = take_flag(&argc, argv, "--host");

	if (unknown_option(argc, argv))
		return usage_error(cli, "no option \"%s\"", unknown_option(argc, argv));
	if (argc != (host ? 1 : 2) || (!host && !*argv[1]))
		return usage_error(cli, "bind takes a PCI address, and a driver or --host");
	if (!is_pci_address(argv[0]))
		return usage_error(cli, "\"%s\" is no PCI address such as 0000:01:00.0", argv[0]);
	return change_driver(cli, argv[0], host ? "" : argv[1]);
}

static int unbind(struct cli *cli, int argc, char **argv)
{
	if (argc != 1)
		return usage_error(cli, "unbind takes a PCI address");
	if (!is_pci_address(argv[0]))
		return usage_error(cli, "\"%s\" is no PCI address such as 0000:01:00.0", argv[0]);
	return change_driver(cli, argv[0], NULL);
}

const struct command bind_command = {
	.name = "bind",
	.arguments = "BDF DRIVER|--host [--json]",
	.summary = "Give one PCI device to a driver, and keep all others off it",
	.help = "\n"
		"The driver must be loaded. If it does not take the device, the device goes\n"
		"back to the driver that it had. --host gives it to the driver that the host\n"
		"would choose. A device in use is refused.\n",
	.run = bind,
};

const struct command unbind_command = {
	.name = "unbind",
	.arguments = "BDF [--json]",
	.summary = "Take a PCI device from its driver, and leave it without",
	.help = "\n"
		"No other driver takes it until mdevkit bind gives it to one (--host: to the\n"
		"host's). A device in use is refused.\n",
	.run = unbind,
};
