// SPDX-License-Identifier: GPL-2.0-only
/* KubeVirt, Nova, and Kubernetes' dynamic resource allocation (DRA). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "export.h"
#include "sysfs.h"

/* The first item of its type: platforms want a type once, whatever its parents and mdevs. */
static bool first_of_type(const struct items *items, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (!strcmp(items->items[i].type->id, items->items[at].type->id))
			return false;
	return true;
}

/* A string of JSON is one of YAML, too. */
static char *quoted(const char *text)
{
	struct json_object *o = json_object_new_string(text);
	char *copy = duplicate(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	return copy;
}

/* In what Kubernetes takes for a name: letters, digits, and "-", "_", "." inside */
static char *resource_name(const char *text)
{
	char *name = duplicate(text);
	char *c;

	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !(c > name && c[1] && strchr("-_.", *c)))
			*c = c > name && c[1] ? '_' : 'x';
	return name;
}

/* KubeVirt compares names with "_" for blanks. */
static char *selector(const struct type *type)
{
	char *name = duplicate(type->name && *type->name ? type->name : type->id);
	char *c;

	for (c = name; *c; c++)
		if (*c == ' ')
			*c = '_';
	return name;
}

static void warn_of_shared_groups(struct cli *cli, const struct model *m, const struct items *items)
{
	size_t i, j;

	for (i = 0; i < items->nr_items; i++) {
		const struct mdev *d = items->items[i].mdev;

		for (j = 0; d && d->group >= 0 && j < m->nr_mdevs; j++)
			if (&m->mdevs[j] != d && m->mdevs[j].group == d->group) {
				warn(cli,
				     "%s: shares group %ld with other mdevs, which KubeVirt cannot "
				     "tell apart",
				     d->uuid, d->group);
				break;
			}
	}
}

int export_kubevirt(struct cli *cli, const struct model *m, const struct items *items)
{
	size_t i;

	warn_of_shared_groups(cli, m, items);
	fputs("spec:\n  configuration:\n    mediatedDevicesConfiguration:\n      "
	      "mediatedDeviceTypes:\n",
	      cli->out);
	for (i = 0; i < items->nr_items; i++) {
		__cleanup_free char *id = quoted(items->items[i].type->id);

		if (first_of_type(items, i))
			fprintf(cli->out, "      - %s\n", id);
	}
	fputs("    permittedHostDevices:\n      mediatedDevices:\n", cli->out);
	for (i = 0; i < items->nr_items; i++) {
		__cleanup_free char *plain = selector(items->items[i].type);
		__cleanup_free char *name = quoted(plain);
		__cleanup_free char *resource = resource_name(items->items[i].type->id);

		if (first_of_type(items, i))
			fprintf(cli->out,
				"      - mdevNameSelector: %s\n        resourceName: "
				"\"mdevkit.example/%s\"\n",
				name, resource);
	}
	return EXIT_OK;
}

static bool first_of_parent(const struct items *items, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (!strcmp(items->items[i].type->id, items->items[at].type->id) &&
		    items->items[i].parent == items->items[at].parent)
			return false;
	return true;
}

static void put_nova_addresses(FILE *out, const struct items *items, const char *id)
{
	const char *comma = "";
	size_t i;

	fprintf(out, "\n[mdev_%s]\ndevice_addresses = ", id);
	for (i = 0; i < items->nr_items; i++) {
		if (strcmp(items->items[i].type->id, id) || !first_of_parent(items, i))
			continue;
		fprintf(out, "%s%s", comma, items->items[i].parent->name);
		comma = ",";
	}
	fputc('\n', out);
}

/* Nova gives each parent one type, by its PCI address. */
static int refuse_nova_parent(struct cli *cli, const struct items *items, size_t at)
{
	const struct item *item = &items->items[at];
	size_t i;

	if (!item->parent->pci)
		return failed(cli, "%s: Nova takes PCI parents only", item->parent->name);
	for (i = 0; i < at; i++)
		if (items->items[i].parent == item->parent &&
		    strcmp(items->items[i].type->id, item->type->id))
			return failed(cli,
				      "%s: Nova takes one type of a parent, not both %s and %s",
				      item->parent->name, items->items[i].type->id, item->type->id);
	return EXIT_OK;
}

/* An ini file has no quotes: these characters would end the name. */
static int refuse_nova_items(struct cli *cli, const struct items *items)
{
	size_t i;

	for (i = 0; i < items->nr_items; i++) {
		const struct item *item = &items->items[i];

		if (strpbrk(item->type->id, ",]\n#") || strpbrk(item->parent->name, ",\n#"))
			return failed(cli,
				      "%s: nova.conf has no form for the name of this type or "
				      "parent",
				      item->type->id);
		if (refuse_nova_parent(cli, items, i))
			return EXIT_ERROR;
	}
	return EXIT_OK;
}

/* libvirt lists PCI parents and mtty, and Nova (31) takes all that it lists for PCI devices. */
static void warn_of_mtty(struct cli *cli, const struct model *m)
{
	const struct parent *mtty = find_parent(m, "mtty");

	if (mtty && !mtty->pci)
		warn(cli, "mtty: Nova fails where this parent is: load the module by \"modprobe "
			  "mtty software=n\"");
}

int export_nova(struct cli *cli, const struct model *m, const struct items *items)
{
	const char *comma = "";
	size_t i;

	if (refuse_nova_items(cli, items))
		return EXIT_ERROR;
	warn_of_mtty(cli, m);
	fputs("[devices]\nenabled_mdev_types = ", cli->out);
	for (i = 0; i < items->nr_items; i++) {
		if (!first_of_type(items, i))
			continue;
		fprintf(cli->out, "%s%s", comma, items->items[i].type->id);
		comma = ", ";
	}
	fputc('\n', cli->out);
	for (i = 0; i < items->nr_items; i++)
		if (first_of_type(items, i))
			put_nova_addresses(cli->out, items, items->items[i].type->id);
	return EXIT_OK;
}

static void add_attribute(struct json_object *attributes, const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "string", json_text(value));
	json_object_object_add(attributes, name, o);
}

static struct json_object *dra_device(const struct item *item)
{
	struct json_object *o = json_object_new_object();
	struct json_object *attributes = json_object_new_object();
	struct json_object *group = json_object_new_object();
	__cleanup_free char *name = format("mdev-%s", item->mdev->uuid);

	json_object_object_add(group, "int", json_object_new_int64(item->mdev->group));
	add_attribute(attributes, "uuid", item->mdev->uuid);
	add_attribute(attributes, "type", item->type->id);
	add_attribute(attributes, "parent", item->parent->name);
	json_object_object_add(attributes, "iommuGroup", group);
	json_object_object_add(o, "name", json_text(name));
	json_object_object_add(o, "attributes", attributes);
	return o;
}

/* A slice lists devices that exist; of a type that would be the ones to come. */
static int refuse_dra_items(struct cli *cli, const struct items *items)
{
	size_t i;

	for (i = 0; i < items->nr_items; i++) {
		const struct item *item = &items->items[i];

		if (!item->mdev)
			return failed(cli, "%s: DRA lists mdevs, not types: give UUIDs",
				      item->type->id);
		if (strlen(item->type->id) > 64 || strlen(item->parent->name) > 64)
			return failed(cli, "%s: DRA takes values of 64 bytes at most",
				      item->mdev->uuid);
	}
	if (items->nr_items > 128)
		return failed(cli, "DRA takes 128 devices in one ResourceSlice at most");
	return EXIT_OK;
}

int export_dra(struct cli *cli, const struct model *m, const struct items *items)
{
	__cleanup_free char *host = read_file("/proc/sys/kernel/hostname");
	struct json_object *o, *meta, *spec, *pool, *devices;
	__cleanup_free char *name = NULL;
	size_t i;

	if (refuse_dra_items(cli, items))
		return EXIT_ERROR;
	if (!host)
		return failed(cli, "/proc/sys/kernel/hostname: cannot be read, and a ResourceSlice "
				   "names its node");
	name = format("%s-mdevkit", host);
	o = json_object_new_object();
	meta = json_object_new_object();
	spec = json_object_new_object();
	pool = json_object_new_object();
	devices = json_object_new_array();
	for (i = 0; i < items->nr_items; i++)
		json_object_array_add(devices, dra_device(&items->items[i]));
	json_object_object_add(meta, "name", json_text(name));
	json_object_object_add(pool, "name", json_text(host));
	json_object_object_add(pool, "generation", json_number(1));
	json_object_object_add(pool, "resourceSliceCount", json_number(1));
	json_object_object_add(spec, "driver", json_text("mdevkit.example"));
	json_object_object_add(spec, "nodeName", json_text(host));
	json_object_object_add(spec, "pool", pool);
	json_object_object_add(spec, "devices", devices);
	json_object_object_add(o, "apiVersion", json_text("resource.k8s.io/v1"));
	json_object_object_add(o, "kind", json_text("ResourceSlice"));
	json_object_object_add(o, "metadata", meta);
	json_object_object_add(o, "spec", spec);
	return print_json(cli, o);
}
