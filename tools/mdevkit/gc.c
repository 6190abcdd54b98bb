// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit gc: mdevs that nobody uses, and whose owner is gone. */
#include <errno.h>
#include <string.h>

#include "describe.h"
#include "lease.h"
#include "lock.h"
#include "sysfs.h"
#include "table.h"

static bool unused(const struct mdev *d)
{
	return d->type && !d->nr_users && d->dma != DMA_ARMED;
}

static void list_json(struct cli *cli, const struct model *m)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++) {
		const struct mdev *d = &m->mdevs[i];
		struct lease lease = lease_read(d->uuid);
		__cleanup_free char *text = lease_text(&lease);
		struct json_object *one;

		if (!unused(d))
			continue;
		one = json_object_new_object();
		json_object_object_add(one, "uuid", json_text(d->uuid));
		json_object_object_add(one, "parent", json_text(d->parent));
		json_object_object_add(one, "type", json_text(d->type));
		json_object_object_add(one, "lease", json_text(text));
		json_object_object_add(one, "garbage",
				       json_object_new_boolean(lease.state == LEASE_ENDED));
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "unused", list);
	print_json(cli, o);
}

static void list_text(struct cli *cli, const struct model *m)
{
	struct table table = { .nr_columns = 5 };
	size_t i, garbage = 0;

	table_row(&table, (const char *[]){ "UNUSED MDEV", "PARENT", "TYPE", "LEASE", "GARBAGE" });
	for (i = 0; i < m->nr_mdevs; i++) {
		const struct mdev *d = &m->mdevs[i];
		struct lease lease = lease_read(d->uuid);
		__cleanup_free char *text = lease_text(&lease);

		if (!unused(d))
			continue;
		garbage += lease.state == LEASE_ENDED;
		table_row(&table, (const char *[]){ d->uuid, d->parent, d->type, text,
						    lease.state == LEASE_ENDED ? "yes" : "no" });
	}
	table_print(cli, &table);
	if (garbage)
		fprintf(cli->out, "\nmdevkit gc --yes removes %zu.\n", garbage);
}

/* Asked anew for each one: somebody may have opened it since, and the kernel would wait for him. */
static bool still_garbage(const char *uuid)
{
	struct model m __cleanup_model = {};
	struct lease lease = lease_read(uuid);
	const struct mdev *d;

	model_load(&m);
	d = find_mdev(&m, uuid);
	return d && m.all_users && unused(d) && lease.state == LEASE_ENDED;
}

static int remove_mdev(struct cli *cli, const struct mdev *d)
{
	__cleanup_free char *path = format("%s/remove", d->path);

	if (write_file(path, "1")) {
		/* Gone by itself is as good. */
		if (errno == ENOENT || errno == ENODEV)
			return EXIT_OK;
		return failed(cli, "%s: %s", path, strerror(errno));
	}
	lease_drop(d->uuid);
	fprintf(cli->out, "%s removed\n", d->uuid);
	return EXIT_OK;
}

/* An mdev of the same UUID that comes later must not inherit it. */
static void drop_stale_leases(const struct model *m)
{
	__cleanup_strv char **names = list_folder(LEASES);
	size_t i;

	for (i = 0; names[i]; i++)
		if (is_uuid(names[i]) && !find_mdev(m, names[i]))
			lease_drop(names[i]);
}

static int remove_garbage(struct cli *cli, const struct model *m)
{
	int lock __cleanup_lock = lock_take(cli);
	int status = EXIT_OK;
	size_t i;

	if (lock < 0)
		return EXIT_ERROR;
	if (m->nr_mdevs && !m->all_users)
		return failed(cli, "/proc: not every process can be looked into, so users may be "
				   "missed; run it as root");
	drop_stale_leases(m);
	for (i = 0; i < m->nr_mdevs; i++)
		if (still_garbage(m->mdevs[i].uuid) && remove_mdev(cli, &m->mdevs[i]))
			status = EXIT_ERROR;
	return status;
}

static int gc(struct cli *cli, int argc, char **argv)
{
	bool yes = take_flag(&argc, argv, "--yes");
	struct model m __cleanup_model = {};

	if (argc)
		return usage_error(cli, "gc takes no argument, but there is \"%s\"", argv[0]);
	if (yes && cli->json)
		return usage_error(cli, "--yes and --json exclude each other");
	model_load(&m);
	if (yes)
		return remove_garbage(cli, &m);
	if (!m.all_users && m.nr_mdevs)
		warn(cli, "not every process can be looked into: some of these may be in use; root "
			  "sees all");
	if (cli->json)
		list_json(cli, &m);
	else
		list_text(cli, &m);
	return EXIT_OK;
}

const struct command gc_command = {
	.name = "gc",
	.arguments = "[--yes|--json]",
	.summary = "List mdevs that nobody uses; remove those whose owner is gone",
	.help = "\n"
		"--yes removes the mdevs that nobody uses and whose lease (mdevkit lease) has\n"
		"ended. Those without a lease are listed only.\n",
	.run = gc,
};
