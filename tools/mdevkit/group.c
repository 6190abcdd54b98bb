// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit group: who is in an iommu group, and may VFIO have it. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "bind_command.h"
#include "describe.h"
#include "lock.h"
#include "number.h"
#include "pci.h"
#include "sysfs.h"
#include "table.h"

struct member {
	char *name;
	char *bus;
	char *driver;
	bool bridge;
};

struct members {
	struct member *members;
	size_t nr_members;
};

static bool is_bridge(const char *path)
{
	__cleanup_free char *file = format("%s/class", path);
	__cleanup_free char *class = read_file(file);

	return class && !strncmp(class, "0x06", 4);
}

static void load_member(struct members *g, const char *folder, const char *name)
{
	__cleanup_free char *path = format("%s/%s", folder, name);
	__cleanup_free char *bus = format("%s/subsystem", path);
	__cleanup_free char *driver = format("%s/driver", path);
	struct member *member;

	g->members = append(g->members, &g->nr_members, sizeof(*g->members));
	member = &g->members[g->nr_members - 1];
	member->name = duplicate(name);
	member->bus = read_link_name(bus);
	member->driver = read_link_name(driver);
	member->bridge = is_bridge(path);
}

static void load_members(struct members *g, long group)
{
	__cleanup_free char *folder = format("/sys/kernel/iommu_groups/%ld/devices", group);
	__cleanup_strv char **names = list_folder(folder);
	size_t i;

	for (i = 0; names[i]; i++)
		load_member(g, folder, names[i]);
}

static void free_members(struct members *g)
{
	size_t i;

	for (i = 0; i < g->nr_members; i++) {
		free(g->members[i].name);
		free(g->members[i].bus);
		free(g->members[i].driver);
	}
	free(g->members);
}

/*
 * A driver that does DMA of its own keeps VFIO from the whole group. Which drivers do not (flag
 * driver_managed_dma) sysfs does not show: those of VFIO, the stub, and that of PCI Express ports
 * are known.
 */
static bool blocks(const struct member *member)
{
	if (!member->driver || (member->bus && !strcmp(member->bus, "mdev")))
		return false;
	return !strstr(member->driver, "vfio") && strcmp(member->driver, "pci-stub") &&
	       strcmp(member->driver, "pcieport");
}

static size_t count_blocking(const struct members *g)
{
	size_t i, count = 0;

	for (i = 0; i < g->nr_members; i++)
		count += blocks(&g->members[i]);
	return count;
}

static void group_json(struct cli *cli, const struct members *g, long group, const char *user)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < g->nr_members; i++) {
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "name", json_text(g->members[i].name));
		json_object_object_add(one, "bus", json_text(g->members[i].bus));
		json_object_object_add(one, "driver", json_text(g->members[i].driver));
		json_object_object_add(one, "blocks",
				       json_object_new_boolean(blocks(&g->members[i])));
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "iommu_group", json_number(group));
	json_object_object_add(o, "viable", json_object_new_boolean(!count_blocking(g)));
	json_object_object_add(o, "user", json_text(user));
	json_object_object_add(o, "members", list);
	print_json(cli, o);
}

static void group_text(struct cli *cli, const struct members *g, long group, const char *user)
{
	struct table table = { .nr_columns = 4 };
	size_t i;

	table_row(&table, (const char *[]){ "MEMBER", "BUS", "DRIVER", "BLOCKS" });
	for (i = 0; i < g->nr_members; i++) {
		const struct member *member = &g->members[i];

		table_row(&table,
			  (const char *[]){ member->name, member->bus, member->driver,
					    blocks(member) ? "yes: a driver of the host" : "no" });
	}
	table_print(cli, &table);
	if (count_blocking(g))
		fprintf(cli->out,
			"\nGroup %ld is not viable: %zu of its members have drivers of the "
			"host.\nTo give it all to VFIO: mdevkit group %ld --bind vfio-pci\n",
			group, count_blocking(g), group);
	else
		fprintf(cli->out, "\nGroup %ld is viable; %s uses it.\n", group, user ?: "nobody");
}

static int show_group(struct cli *cli, long group)
{
	__cleanup_free char *user = find_group_user(group);
	struct members g = {};
	int status;

	load_members(&g, group);
	if (cli->json)
		group_json(cli, &g, group, user);
	else
		group_text(cli, &g, group, user);
	status = count_blocking(&g) ? EXIT_PROBLEM : EXIT_OK;
	free_members(&g);
	return status;
}

/* Bridges stay with their driver: what is behind them would go. */
static bool to_be_bound(const struct member *member)
{
	return member->bus && !strcmp(member->bus, "pci") && !member->bridge;
}

static int check_members(struct cli *cli, const struct members *g, long group)
{
	struct model m __cleanup_model = {};
	size_t i, count = 0;
	int status = EXIT_OK;

	model_load(&m);
	for (i = 0; i < g->nr_members && !status; i++) {
		if (!to_be_bound(&g->members[i]))
			continue;
		count++;
		status = refuse_used(cli, &m, g->members[i].name);
	}
	if (!status && !count)
		return failed(cli,
			      "/sys/kernel/iommu_groups/%ld/devices: no PCI device to be bound is "
			      "in it",
			      group);
	return status;
}

static void undo_all(struct cli *cli, const struct binding *bindings, size_t count)
{
	while (count--) {
		__cleanup_free char *error = NULL;

		if (bindings[count].address && bind_undo(&bindings[count], &error))
			failed(cli, "%s", error);
	}
}

static int bind_members(struct cli *cli, const struct members *g, const char *driver)
{
	struct binding *bindings = must(calloc(g->nr_members + 1, sizeof(*bindings)));
	__cleanup_free char *error = NULL;
	int status = EXIT_OK;
	size_t i, done;

	for (done = 0; done < g->nr_members; done++) {
		if (!to_be_bound(&g->members[done]) ||
		    !bind_device(g->members[done].name, driver, &bindings[done], &error))
			continue;
		/* It has been undone itself */
		status = failed(cli, "%s; the group's other devices go back to what they had",
				error);
		undo_all(cli, bindings, done);
		break;
	}
	for (i = 0; i < g->nr_members; i++)
		binding_free(&bindings[i]);
	free(bindings);
	return status;
}

static int bind_group(struct cli *cli, long group, const char *driver)
{
	int lock __cleanup_lock = lock_take(cli);
	struct members g = {};
	int status;

	if (lock < 0)
		return EXIT_ERROR;
	load_members(&g, group);
	status = check_members(cli, &g, group);
	if (!status)
		status = bind_members(cli, &g, driver);
	free_members(&g);
	if (status)
		return status;
	wait_for_udev();
	return show_group(cli, group);
}

static int group_run(struct cli *cli, int argc, char **argv)
{
	const char *driver = take_value(&argc, argv, "--bind");
	__cleanup_free char *folder = NULL;
	unsigned long long group;

	if (unknown_option(argc, argv))
		return usage_error(cli, "no option \"%s\", or it lacks its value",
				   unknown_option(argc, argv));
	if (argc != 1 || !parse_number(argv[0], 10, INT_MAX, &group))
		return usage_error(cli, "group takes the number of an iommu group");
	folder = format("/sys/kernel/iommu_groups/%llu", group);
	if (!path_exists(folder))
		return failed(cli, "%s: there is no such iommu group", folder);
	return driver ? bind_group(cli, group, driver) : show_group(cli, group);
}

const struct command group_command = {
	.name = "group",
	.arguments = "N [--bind DRIVER] [--json]",
	.summary = "Who is in an iommu group, and what keeps VFIO from it",
	.help = "\n"
		"--bind gives all its PCI devices but bridges to the driver (vfio-pci); if one\n"
		"of them cannot be had, all go back to what they had. Exit status: 1 when the\n"
		"group is not viable. A driver of the host that leaves DMA to others\n"
		"(driver_managed_dma) is counted as blocking: sysfs does not show the flag.\n",
	.run = group_run,
};
