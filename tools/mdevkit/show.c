// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit show UUID: all about one mdev. */
#include "describe.h"
#include "sysfs.h"
#include "table.h"

static void line(struct cli *cli, const char *name, const char *value)
{
	__cleanup_free char *safe = printable(value && *value ? value : "-");

	fprintf(cli->out, "%s%-12s%s %s\n", colour_start(cli, BOLD), name, colour_end(cli), safe);
}

static char *named_type(const struct mdev *d)
{
	return d->type_name ? format("%s (%s)", d->type, d->type_name) : duplicate(d->type);
}

static char *dma_text(const struct model *m, const struct mdev *d)
{
	const struct aux_group *group = find_aux_group(m, d->group);
	const struct aux_domain *domain = group ? find_aux_domain(m, group->domain) : NULL;

	switch (d->dma) {
	case DMA_UNKNOWN:
		return duplicate("unknown: needs root, debugfs and the module iommu_aux");
	case DMA_NONE:
		return duplicate("none that the kit isolates");
	case DMA_BLOCKED:
		return duplicate("blocked");
	default:
		if (!domain)
			return duplicate("armed");
		return format("armed, domain %ld of %s", domain->id, domain->iommu);
	}
}

static char *group_text(const struct model *m, const struct mdev *d)
{
	size_t i, others = 0;

	if (d->group < 0)
		return NULL;
	for (i = 0; i < m->nr_mdevs; i++)
		others += m->mdevs[i].group == d->group && &m->mdevs[i] != d;
	return others ? format("%ld, shared with %zu more", d->group, others)
		      : number_text(d->group);
}

static void show_users(struct cli *cli, const struct model *m, const struct mdev *d)
{
	size_t i;

	for (i = 0; i < d->nr_users; i++) {
		__cleanup_free char *text =
			format("%s (process %d, has the %s open)", d->users[i].name,
			       d->users[i].pid, d->users[i].device ? "device" : "group");

		line(cli, i ? "" : "users", text);
	}
	if (!d->nr_users)
		line(cli, "users",
		     m->all_users ? "nobody" : "none of this user's processes; root sees all");
}

static void show_text(struct cli *cli, const struct model *m, const struct mdev *d)
{
	__cleanup_free char *type = named_type(d);
	__cleanup_free char *group = group_text(m, d);
	__cleanup_free char *pasid = pasid_text(d);
	__cleanup_free char *dma = dma_text(m, d);

	line(cli, "mdev", d->uuid);
	line(cli, "parent", d->parent);
	line(cli, "type", type);
	line(cli, "device API", d->device_api);
	line(cli, "iommu group", group);
	line(cli, "PASID", d->dma == DMA_UNKNOWN ? "unknown" : pasid);
	line(cli, "DMA", dma);
	show_users(cli, m, d);
}

static int show(struct cli *cli, int argc, char **argv)
{
	struct model m __cleanup_model = {};
	const struct mdev *d;

	if (argc != 1)
		return usage_error(cli, "show takes one UUID");
	if (!is_uuid(argv[0]))
		return usage_error(cli, "\"%s\" is no UUID", argv[0]);
	model_load(&m);
	d = find_mdev(&m, argv[0]);
	if (!d)
		return failed(cli, "/sys/bus/mdev/devices/%s: there is no such mdev", argv[0]);
	if (cli->json)
		return print_json(cli, describe_mdev(&m, d));
	if (!d->type)
		return failed(cli, "/sys/bus/mdev/devices/%s: it is being removed", d->uuid);
	show_text(cli, &m, d);
	return EXIT_OK;
}

const struct command show_command = {
	.name = "show",
	.arguments = "UUID [--json]",
	.summary = "One mdev: parent, type, group, PASID, DMA, users",
	.help = "",
	.run = show,
};
