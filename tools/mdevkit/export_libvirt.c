// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>

#include "export.h"

static void put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '\'':
			fputs("&apos;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* libvirt names node devices after their subsystem, with "_" for what is neither letter nor digit.
 */
static void put_node_name(FILE *out, const struct parent *p)
{
	const char *c;

	fputs(p->pci ? "pci_" : "mtty_", out);
	for (c = p->name; *c; c++)
		fputc(isalnum((unsigned char)*c) ? *c : '_', out);
}

static void put_hostdev(FILE *out, const struct item *item)
{
	fputs("<hostdev mode='subsystem' type='mdev' managed='no' model='", out);
	put_xml(out, item->mdev->device_api ?: "vfio-pci");
	fputs("'>\n  <source>\n    <address uuid='", out);
	put_xml(out, item->mdev->uuid);
	fputs("'/>\n  </source>\n</hostdev>\n", out);
}

static void put_node_device(FILE *out, const struct item *item)
{
	/* libvirt gives it a name of its own, but its schema wants one. */
	fputs("<device>\n  <name>new device</name>\n  <parent>", out);
	put_node_name(out, item->parent);
	fputs("</parent>\n  <capability type='mdev'>\n    <type id='", out);
	put_xml(out, item->type->id);
	fputs("'/>\n  </capability>\n</device>\n", out);
}

int export_libvirt(struct cli *cli, const struct model *m, const struct items *items)
{
	size_t i;

	/* It takes no other parents than PCI devices, but for the kernel's sample. */
	for (i = 0; i < items->nr_items; i++)
		if (!items->items[i].mdev && !items->items[i].parent->pci)
			warn(cli, "%s: libvirt lists PCI parents and mtty only",
			     items->items[i].parent->name);
	for (i = 0; i < items->nr_items; i++)
		if (items->items[i].mdev)
			put_hostdev(cli->out, &items->items[i]);
		else
			put_node_device(cli->out, &items->items[i]);
	return EXIT_OK;
}
