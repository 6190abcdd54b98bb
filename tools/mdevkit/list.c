// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit list: what there is, and what could be made. */
#include "describe.h"
#include "sysfs.h"
#include "table.h"

static void list_json(struct cli *cli, const struct model *m)
{
	struct json_object *o = json_object_new_object();
	struct json_object *parents = json_object_new_array();
	struct json_object *mdevs = json_object_new_array();
	size_t i;

	for (i = 0; i < m->nr_parents; i++)
		json_object_array_add(parents, describe_parent(m, &m->parents[i]));
	for (i = 0; i < m->nr_mdevs; i++)
		json_object_array_add(mdevs, describe_mdev(m, &m->mdevs[i]));
	json_object_object_add(o, "parents", parents);
	json_object_object_add(o, "mdevs", mdevs);
	print_json(cli, o);
}

static void list_types(struct cli *cli, const struct model *m)
{
	struct table table = { .nr_columns = 6 };
	size_t i, j;

	table_row(&table,
		  (const char *[]){ "PARENT", "DRIVER", "TYPE", "NAME", "AVAILABLE", "MDEVS" });
	for (i = 0; i < m->nr_parents; i++) {
		const struct parent *p = &m->parents[i];

		if (!p->nr_types)
			table_row(&table,
				  (const char *[]){ p->name, p->driver, NULL, NULL, NULL, NULL });
		for (j = 0; j < p->nr_types; j++) {
			const struct type *type = &p->types[j];
			__cleanup_free char *available = number_text(type->available);
			__cleanup_free char *mdevs = number_text(count_mdevs(m, p->name, type->id));

			table_row(&table, (const char *[]){ p->name, p->driver, type->id,
							    type->name, available ?: "?", mdevs });
		}
	}
	table_print(cli, &table);
}

static void list_mdevs(struct cli *cli, const struct model *m)
{
	struct table table = { .nr_columns = 7 };
	size_t i;

	table_row(&table,
		  (const char *[]){ "MDEV", "PARENT", "TYPE", "GROUP", "PASID", "DMA", "USERS" });
	for (i = 0; i < m->nr_mdevs; i++) {
		const struct mdev *d = &m->mdevs[i];
		__cleanup_free char *group = number_text(d->group);
		__cleanup_free char *pasid = pasid_text(d);
		__cleanup_free char *users = users_text(d);
		const char *dma = d->dma == DMA_UNKNOWN ? "?" : dma_name(d->dma);

		if (!d->type)
			table_row(&table, (const char *[]){ d->uuid, "being removed", NULL, group,
							    NULL, NULL, users });
		else
			table_row(&table,
				  (const char *[]){ d->uuid, d->parent, d->type, group, pasid, dma,
						    users
							    ?: m->all_users ? NULL
									    : "?" });
	}
	table_print(cli, &table);
}

static void list_text(struct cli *cli, const struct model *m)
{
	if (m->nr_parents)
		list_types(cli, m);
	else
		fputs("No parents: nothing here offers mediated devices. mdevkit doctor says "
		      "why.\n",
		      cli->out);
	if (!m->nr_mdevs)
		return;
	fputc('\n', cli->out);
	list_mdevs(cli, m);
	if (!m->has_aux || !m->all_users)
		fputs("\n? is what only root can see.\n", cli->out);
}

static int list(struct cli *cli, int argc, char **argv)
{
	struct model m __cleanup_model = {};

	if (argc)
		return usage_error(cli, "list takes no argument, but there is \"%s\"", argv[0]);
	model_load(&m);
	if (cli->json)
		list_json(cli, &m);
	else
		list_text(cli, &m);
	return EXIT_OK;
}

const struct command list_command = {
	.name = "list",
	.arguments = "[--json]",
	.summary = "Parents with their types, and the mdevs that exist",
	.help = "\n"
		"DMA is armed while a tenant's DMA can reach its memory, blocked while nothing\n"
		"passes, none where the mdev has no DMA that the kit isolates.\n",
	.run = list,
};
