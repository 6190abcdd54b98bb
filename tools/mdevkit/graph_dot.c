// SPDX-License-Identifier: GPL-2.0-only
#include "graph.h"

/* A string in Graphviz's language: only quotes and backslashes are special. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void node(FILE *out, const char *id, const char *colour, const char *first,
		 const char *second)
{
	fputs("\t\"", out);
	put_text(out, id);
	fprintf(out, "\" [fillcolor=\"%s\", label=\"", colour);
	put_text(out, first);
	if (second) {
		fputs("\\n", out);
		put_text(out, second);
	}
	fputs("\"];\n", out);
}

static void edge(FILE *out, const char *from, const char *to)
{
	fputs("\t\"", out);
	put_text(out, from);
	fputs("\" -> \"", out);
	put_text(out, to);
	fputs("\";\n", out);
}

/* Groups, domains and users that are shared are one node, which Graphviz knows by its name. */
static void graph_dot_row(FILE *out, const struct row *row)
{
	const char *end = row->mdev;

	node(out, row->parent, "#dde7f5", row->parent, row->driver);
	if (!row->mdev)
		return;
	node(out, row->mdev, "#e6f4e2", row->mdev, row->type);
	edge(out, row->parent, row->mdev);
	if (row->group) {
		node(out, row->group, "#fdf1d3", row->group, row->isolation);
		edge(out, end, row->group);
		end = row->group;
	}
	if (row->domain) {
		node(out, row->domain, "#e0f0f0", row->domain, NULL);
		edge(out, end, row->domain);
		end = row->domain;
	}
	if (row->users) {
		node(out, row->users, "#f3e3f3", row->users, NULL);
		edge(out, end, row->users);
	}
}

void graph_dot(struct cli *cli, const struct rows *rows)
{
	size_t i;

	fputs("strict digraph mdevkit {\n\trankdir=LR;\n\tnode [shape=box, "
	      "style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
	      cli->out);
	for (i = 0; i < rows->nr_rows; i++)
		graph_dot_row(cli->out, &rows->rows[i]);
	fputs("}\n", cli->out);
}
