// SPDX-License-Identifier: GPL-2.0-only
/* A picture in five columns. What neighbours share is one box over all their rows. */
#include <stddef.h>

#include "graph.h"

#define ROW 64
#define BOX (ROW - 12)
#define TOP 40
#define CHARACTER 7 /* pixels that one takes, about */

struct column {
	const char *head;
	const char *class;
	int x, width;
	size_t first; /* offset in struct row of the text that makes a box */
	size_t second; /* of the one below it */
};

#define NO_TEXT ((size_t)-1)
#define TEXT(member) offsetof(struct row, member)

static const struct column columns[] = {
	{ "parent", "parent", 20, 180, TEXT(parent), TEXT(driver) },
	{ "mediated device", "mdev", 250, 330, TEXT(mdev), TEXT(type) },
	{ "iommu group", "group", 620, 220, TEXT(group), TEXT(isolation) },
	{ "domain", "domain", 880, 180, TEXT(domain), NO_TEXT },
	{ "user", "user", 1100, 290, TEXT(users), NO_TEXT },
};

#define NR_COLUMNS (sizeof(columns) / sizeof(*columns))

static const char *text_of(const struct row *row, size_t offset)
{
	return offset == NO_TEXT ? NULL : *(char *const *)((const char *)row + offset);
}

static void put_text(FILE *out, const char *text, int width)
{
	int left = width / CHARACTER;

	for (; *text; text++) {
		/* A character of UTF-8 is not cut in two */
		if ((*text & 0xc0) != 0x80 && !left--) {
			fputs("…", out);
			return;
		}
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else
			fputc(*text, out);
	}
}

static void put_line(FILE *out, const struct column *column, int y, const char *text)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\">", column->x + 10, y);
	put_text(out, text, column->width - 20);
	fputs("</text>\n", out);
}

static void put_box(FILE *out, const struct column *column, int y, size_t rows, const char *first,
		    const char *second)
{
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
		first ? column->class : "none", column->x, y, column->width,
		(int)rows * ROW - ROW + BOX);
	put_line(out, column, y + 19, first ?: "nobody");
	if (second)
		put_line(out, column, y + 36, second);
}

static bool has_box(const struct row *row, size_t column)
{
	if (!column)
		return true;
	/* That nobody uses an mdev is worth a box. */
	return row->mdev && (text_of(row, columns[column].first) || column == NR_COLUMNS - 1);
}

/*
 * May two rows have one box there? A user of two groups has one for each: it is the group that it
 * holds.
 */
static bool share(const struct row *a, const struct row *b, size_t column)
{
	if (!has_box(a, column) || !has_box(b, column))
		return false;
	if (column >= 2 && !(a->group && same_text(a->group, b->group)))
		return column == 3 && same_text(a->domain, b->domain);
	return same_text(text_of(a, columns[column].first), text_of(b, columns[column].first));
}

static size_t rows_of_box(const struct rows *rows, size_t at, size_t column)
{
	size_t count = 1;

	while (at + count < rows->nr_rows &&
	       share(&rows->rows[at], &rows->rows[at + count], column))
		count++;
	return count;
}

/* The members of a group that is shared differ in their PASIDs. */
static void put_isolations(FILE *out, const struct rows *rows, size_t at, size_t count, int y)
{
	size_t i;

	for (i = 1; i < count; i++)
		put_line(out, &columns[2], y + 36 + (int)i * ROW, rows->rows[at + i].isolation);
}

static void put_boxes(FILE *out, const struct rows *rows, size_t at, int y)
{
	const struct row *row = &rows->rows[at];
	size_t i;

	for (i = 0; i < NR_COLUMNS; i++) {
		const struct column *column = &columns[i];
		size_t count;

		if (!has_box(row, i) || (at && share(&row[-1], row, i)))
			continue;
		count = rows_of_box(rows, at, i);
		put_box(out, column, y, count, text_of(row, column->first),
			text_of(row, column->second));
		if (i == 2)
			put_isolations(out, rows, at, count, y);
	}
}

static void put_lines(FILE *out, const struct row *row, int y)
{
	int middle = y + BOX / 2;
	size_t i, last = 0;

	for (i = 1; i < NR_COLUMNS; i++) {
		if (!has_box(row, i))
			continue;
		fprintf(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
			columns[last].x + columns[last].width, middle, columns[i].x, middle);
		last = i;
	}
}

void graph_svg(struct cli *cli, const struct rows *rows)
{
	size_t i;

	fprintf(cli->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1410\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"13\">\n"
		"<style>\n"
		"rect { stroke: #444; } .parent { fill: #dde7f5; } .mdev { fill: #e6f4e2; } "
		".group { fill: #fdf1d3; } .domain { fill: #e0f0f0; } .user { fill: #f3e3f3; } "
		".none { fill: none; stroke-dasharray: 4; }\n"
		"line { stroke: #444; } .head { font-weight: bold; }\n"
		"</style>\n",
		(int)rows->nr_rows * ROW + 60);
	for (i = 0; i < NR_COLUMNS; i++)
		fprintf(cli->out, "<text class=\"head\" x=\"%d\" y=\"24\">%s</text>\n",
			columns[i].x, columns[i].head);
	for (i = 0; i < rows->nr_rows; i++) {
		put_lines(cli->out, &rows->rows[i], TOP + (int)i * ROW);
		put_boxes(cli->out, rows, i, TOP + (int)i * ROW);
	}
	fputs("</svg>\n", cli->out);
}
