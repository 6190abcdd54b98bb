// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit export: which mdevs and types, for whom. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "sysfs.h"

struct consumer {
	const char *flag;
	int (*export)(struct cli *cli, const struct model *m, const struct items *items);
};

static const struct consumer consumers[] = {
	{ "--libvirt", export_libvirt },
	{ "--kubevirt", export_kubevirt },
	{ "--nova", export_nova },
	{ "--dra", export_dra },
};

static const struct type *find_type(const struct parent *p, const char *id)
{
	size_t i;

	for (i = 0; i < p->nr_types; i++)
		if (!strcmp(p->types[i].id, id))
			return &p->types[i];
	return NULL;
}

static void add_item(struct items *items, struct item item)
{
	items->items = append(items->items, &items->nr_items, sizeof(*items->items));
	items->items[items->nr_items - 1] = item;
}

/* A type is that of every parent that has it. */
static int add_argument(struct cli *cli, struct items *items, const struct model *m,
			const char *name)
{
	const struct mdev *d = is_uuid(name) ? find_mdev(m, name) : NULL;
	const struct parent *p = d && d->parent ? find_parent(m, d->parent) : NULL;
	size_t i, before = items->nr_items;

	if (is_uuid(name)) {
		if (!p || !find_type(p, d->type))
			return failed(cli,
				      "/sys/bus/mdev/devices/%s: there is no such mdev, or it is "
				      "being removed",
				      name);
		add_item(items, (struct item){ d, p, find_type(p, d->type) });
		return EXIT_OK;
	}
	for (i = 0; i < m->nr_parents; i++)
		if (find_type(&m->parents[i], name))
			add_item(items, (struct item){ NULL, &m->parents[i],
						       find_type(&m->parents[i], name) });
	if (items->nr_items == before)
		return failed(cli, "/sys/class/mdev_bus: no parent has a type \"%s\"", name);
	return EXIT_OK;
}

static const struct consumer *take_consumer(int *argc, char **argv)
{
	const struct consumer *found = NULL;
	size_t i;

	for (i = 0; i < sizeof(consumers) / sizeof(*consumers); i++) {
		if (!take_flag(argc, argv, consumers[i].flag))
			continue;
		if (found)
			return NULL;
		found = &consumers[i];
	}
	return found;
}

/* A fragment that is no JSON itself, as a string in it */
static int export_json(struct cli *cli, const struct consumer *consumer, const struct model *m,
		       const struct items *items)
{
	FILE *out = cli->out;
	__cleanup_free char *text = NULL;
	struct json_object *o;
	size_t size;
	int status;

	if (consumer->export == export_dra)
		return export_dra(cli, m, items);
	cli->out = must(open_memstream(&text, &size));
	status = consumer->export(cli, m, items);
	fclose(cli->out);
	cli->out = out;
	if (status)
		return status;
	o = json_object_new_object();
	json_object_object_add(o, "consumer", json_object_new_string(consumer->flag + 2));
	json_object_object_add(o, "fragment", json_object_new_string(text));
	return print_json(cli, o);
}

static int export_run(struct cli *cli, int argc, char **argv)
{
	const struct consumer *consumer = take_consumer(&argc, argv);
	struct model m __cleanup_model = {};
	struct items items = {};
	int i, status = EXIT_OK;

	if (!consumer)
		return usage_error(cli, "export takes one of --libvirt, --kubevirt, --nova, --dra");
	if (unknown_option(argc, argv))
		return usage_error(cli, "no option \"%s\"", unknown_option(argc, argv));
	if (!argc)
		return usage_error(cli, "export takes UUIDs of mdevs, or types");
	model_load(&m);
	for (i = 0; i < argc && !status; i++)
		status = add_argument(cli, &items, &m, argv[i]);
	if (!status)
		status = cli->json ? export_json(cli, consumer, &m, &items)
				   : consumer->export(cli, &m, &items);
	free(items.items);
	return status;
}

const struct command export_command = {
	.name = "export",
	.arguments = "--libvirt|--kubevirt|--nova|--dra UUID…|TYPE… [--json]",
	.summary = "The fragment to paste into a platform's configuration",
	.help = "\n"
		"--libvirt: hostdev of a domain for an mdev, a node device to be created for a\n"
		"type. --kubevirt: part of the KubeVirt resource. --nova: part of nova.conf.\n"
		"--dra: a ResourceSlice of Kubernetes (JSON).\n",
	.run = export_run,
};
