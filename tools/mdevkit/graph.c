// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdevkit graph: parents → mdevs → groups → domains → users, as text, for Graphviz, or as a
 * picture.
 */
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "describe.h"
#include "sysfs.h"
#include "table.h"

bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static char *safe_text(const char *text)
{
	return text ? printable(text) : NULL;
}

static char *isolation_text(const struct mdev *d)
{
	if (d->dma == DMA_UNKNOWN)
		return duplicate("PASID not known");
	if (d->dma == DMA_NONE)
		return duplicate("no DMA of its own");
	if (d->pasid < 0)
		return format("no PASID, DMA %s", dma_name(d->dma));
	return format("PASID %ld, DMA %s", d->pasid, dma_name(d->dma));
}

static char *domain_text(const struct model *m, const struct mdev *d)
{
	const struct aux_group *group = find_aux_group(m, d->group);
	const struct aux_domain *domain = group ? find_aux_domain(m, group->domain) : NULL;

	return domain ? format("domain %ld of %s", domain->id, domain->iommu) : NULL;
}

static struct row *add_row(struct rows *rows, const struct parent *p)
{
	struct row *row;

	rows->rows = append(rows->rows, &rows->nr_rows, sizeof(*rows->rows));
	row = &rows->rows[rows->nr_rows - 1];
	row->parent = p ? printable(p->name) : duplicate("no parent any more");
	row->driver = p ? safe_text(p->driver) : NULL;
	return row;
}

static void add_mdev(struct rows *rows, const struct model *m, const struct mdev *d)
{
	struct row *row = add_row(rows, d->parent ? find_parent(m, d->parent) : NULL);

	row->mdev = printable(d->uuid);
	row->type = d->type ? printable(d->type_name ?: d->type) : duplicate("being removed");
	row->group = d->group < 0 ? NULL : format("group %ld", d->group);
	row->isolation = isolation_text(d);
	row->domain = domain_text(m, d);
	row->users = users_text(d);
	if (!row->users && !m->all_users)
		row->users = duplicate("users not known");
}

/*
 * In the order of the mdevs, with neighbours of one group together; parents that have none come
 * last.
 */
static void collect(struct rows *rows, const struct model *m)
{
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++)
		add_mdev(rows, m, &m->mdevs[i]);
	for (i = 0; i < m->nr_parents; i++)
		if (!count_mdevs(m, m->parents[i].name, NULL))
			add_row(rows, &m->parents[i]);
}

static void free_rows(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->nr_rows; i++) {
		struct row *row = &rows->rows[i];

		free(row->parent);
		free(row->driver);
		free(row->mdev);
		free(row->type);
		free(row->group);
		free(row->isolation);
		free(row->domain);
		free(row->users);
	}
	free(rows->rows);
}

void graph_text(struct cli *cli, const struct rows *rows)
{
	size_t i;

	if (!rows->nr_rows)
		fputs("No parents and no mdevs. mdevkit doctor says why.\n", cli->out);
	for (i = 0; i < rows->nr_rows; i++) {
		const struct row *row = &rows->rows[i];
		bool first = !i || !same_text(row->parent, row[-1].parent);
		bool last = i + 1 == rows->nr_rows || !same_text(row->parent, row[1].parent);

		if (first)
			fprintf(cli->out, "%s%s%s%s%s%s\n", colour_start(cli, BOLD), row->parent,
				colour_end(cli), row->driver ? " (" : "", row->driver ?: "",
				row->driver ? ")" : "");
		if (!row->mdev) {
			fputs("└─ no mdev\n", cli->out);
			continue;
		}
		fprintf(cli->out, "%s─ %s %s\n", last ? "└" : "├", row->mdev, row->type);
		fprintf(cli->out, "%s    → %s, %s%s%s → %s\n", last ? " " : "│",
			row->group ?: "no group", row->isolation, row->domain ? " → " : "",
			row->domain ?: "", row->users ?: "nobody");
	}
}

static void graph_json(struct cli *cli, const struct model *m)
{
	struct json_object *o = json_object_new_object();
	struct json_object *groups = json_object_new_array();
	struct json_object *domains = json_object_new_array();
	struct json_object *mdevs = json_object_new_array();
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++)
		json_object_array_add(mdevs, describe_mdev(m, &m->mdevs[i]));
	for (i = 0; i < m->nr_groups; i++) {
		struct json_object *group = json_object_new_object();

		json_object_object_add(group, "id", json_number(m->groups[i].id));
		json_object_object_add(group, "name", json_text(m->groups[i].name));
		json_object_object_add(group, "armed", json_object_new_boolean(m->groups[i].armed));
		json_object_object_add(group, "domain", json_number(m->groups[i].domain));
		json_object_array_add(groups, group);
	}
	for (i = 0; i < m->nr_domains; i++) {
		struct json_object *domain = json_object_new_object();

		json_object_object_add(domain, "id", json_number(m->domains[i].id));
		json_object_object_add(domain, "iommu", json_text(m->domains[i].iommu));
		json_object_array_add(domains, domain);
	}
	json_object_object_add(o, "mdevs", mdevs);
	json_object_object_add(o, "groups", groups);
	json_object_object_add(o, "domains", domains);
	print_json(cli, o);
}

static int graph(struct cli *cli, int argc, char **argv)
{
	bool svg = take_flag(&argc, argv, "--svg");
	bool dot = take_flag(&argc, argv, "--dot");
	struct model m __cleanup_model = {};
	struct rows rows = {};

	if (argc)
		return usage_error(cli, "graph takes no argument, but there is \"%s\"", argv[0]);
	if (svg + dot + cli->json > 1)
		return usage_error(cli, "--svg, --dot and --json exclude each other");
	model_load(&m);
	collect(&rows, &m);
	if (cli->json)
		graph_json(cli, &m);
	else
		(svg ? graph_svg : dot ? graph_dot : graph_text)(cli, &rows);
	free_rows(&rows);
	return EXIT_OK;
}

const struct command graph_command = {
	.name = "graph",
	.arguments = "[--svg|--dot|--json]",
	.summary = "A picture: parents, mdevs, groups, domains, users",
	.help = "\n"
		"--svg is a picture for a browser, --dot is for Graphviz (mdevkit graph --dot |\n"
		"dot -Tpdf). PASIDs and domains are seen by root only.\n",
	.run = graph,
};
