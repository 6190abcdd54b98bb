// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit policy: which iommu group a parent's new mdevs go into. */
#include <errno.h>
#include <string.h>

#include "describe.h"
#include "lock.h"
#include "sysfs.h"

static bool is_policy(const char *word)
{
	return !strcmp(word, "mdev") || !strcmp(word, "parent") || !strcmp(word, "slot");
}

static int show_policy(struct cli *cli, const struct parent *p)
{
	struct json_object *o;

	if (!cli->json) {
		fprintf(cli->out, "%s\n", p->placement);
		return EXIT_OK;
	}
	o = json_object_new_object();
	json_object_object_add(o, "parent", json_text(p->name));
	json_object_object_add(o, "placement", json_text(p->placement));
	return print_json(cli, o);
}

static int set_policy(struct cli *cli, const struct model *m, const struct parent *p,
		      const char *policy)
{
	__cleanup_free char *path = format("%s/mdevkit/placement", p->path);
	size_t mdevs = count_mdevs(m, p->name, NULL);
	int lock __cleanup_lock = lock_take(cli);

	if (lock < 0)
		return EXIT_ERROR;
	if (!write_file(path, policy))
		return EXIT_OK;
	if (errno == EBUSY && mdevs)
		return failed(cli, "%s: %s has %zu mdevs; it can be changed when they are removed",
			      path, p->name, mdevs);
	if (errno == EBUSY)
		return failed(cli,
			      "%s: another function of the slot has mdevs; the kernel log names it",
			      path);
	return failed(cli, "%s: %s", path, strerror(errno));
}

static int policy(struct cli *cli, int argc, char **argv)
{
	struct model m __cleanup_model = {};
	const struct parent *p;

	if (argc < 1 || argc > 2)
		return usage_error(cli, "policy takes a parent and, to change it, a policy");
	if (argc == 2 && !is_policy(argv[1]))
		return usage_error(cli, "\"%s\" is no policy: mdev, parent or slot", argv[1]);
	model_load(&m);
	p = find_parent(&m, argv[0]);
	if (!p)
		return failed(cli, "/sys/class/mdev_bus/%s: there is no such parent", argv[0]);
	if (!p->placement)
		return failed(cli,
			      "%s/mdevkit/placement: cannot be read: the parent is not of the kit, "
			      "or going",
			      p->path);
	return argc == 2 ? set_policy(cli, &m, p, argv[1]) : show_policy(cli, p);
}

const struct command policy_command = {
	.name = "policy",
	.arguments = "PARENT [mdev|parent|slot] [--json]",
	.summary = "Show or set which iommu group a parent's new mdevs go into",
	.help = "\n"
		"mdev: each one has a group of its own. parent: all mdevs of the parent share\n"
		"one. slot: all mdevs of all functions in the parent's PCI slot share one. It\n"
		"can be changed while there is no mdev.\n",
	.run = policy,
};
