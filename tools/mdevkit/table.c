// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "sysfs.h"
#include "table.h"

static const char *const colours[] = {
	[PLAIN] = "",	      [BOLD] = "\033[1m",    [RED] = "\033[31m",
	[GREEN] = "\033[32m", [YELLOW] = "\033[33m", [BLUE] = "\033[34m",
};

const char *colour_start(const struct cli *cli, enum colour colour)
{
	return cli->colours ? colours[colour] : "";
}

const char *colour_end(const struct cli *cli)
{
	return cli->colours ? "\033[0m" : "";
}

char *printable(const char *text)
{
	char *safe = duplicate(text);
	char *c;

	for (c = safe; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return safe;
}

/* Characters, not bytes, of UTF-8 */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void table_row(struct table *table, const char *const *cells)
{
	size_t i;

	table->rows = append(table->rows, &table->nr_rows, sizeof(*table->rows));
	for (i = 0; i < table->nr_columns; i++)
		table->rows[table->nr_rows - 1][i] =
			printable(cells[i] && *cells[i] ? cells[i] : "-");
}

static void print_row(struct cli *cli, const struct table *table, size_t row, const size_t *widths)
{
	size_t i;

	fputs(colour_start(cli, row ? PLAIN : BOLD), cli->out);
	for (i = 0; i < table->nr_columns; i++) {
		const char *cell = table->rows[row][i];
		bool last = i + 1 == table->nr_columns;

		fprintf(cli->out, "%s%*s", cell, last ? 0 : (int)(widths[i] - width(cell) + 2), "");
	}
	fprintf(cli->out, "%s\n", row ? "" : colour_end(cli));
}

void table_print(struct cli *cli, struct table *table)
{
	size_t widths[TABLE_COLUMNS] = {};
	size_t row, i;

	for (row = 0; row < table->nr_rows; row++)
		for (i = 0; i < table->nr_columns; i++)
			if (width(table->rows[row][i]) > widths[i])
				widths[i] = width(table->rows[row][i]);
	for (row = 0; row < table->nr_rows; row++) {
		print_row(cli, table, row, widths);
		for (i = 0; i < table->nr_columns; i++)
			free(table->rows[row][i]);
	}
	free(table->rows);
}

char *users_text(const struct mdev *d)
{
	char *text = NULL;
	size_t i;

	for (i = 0; i < d->nr_users; i++) {
		char *longer = format("%s%s%s (%d)", text ?: "", text ? ", " : "", d->users[i].name,
				      d->users[i].pid);

		free(text);
		text = longer;
	}
	return text;
}

const char *dma_name(enum dma_state state)
{
	switch (state) {
	case DMA_NONE:
		return "none";
	case DMA_BLOCKED:
		return "blocked";
	case DMA_ARMED:
		return "armed";
	default:
		return "unknown";
	}
}

char *pasid_text(const struct mdev *d)
{
	if (d->dma == DMA_UNKNOWN)
		return duplicate("?");
	if (d->pasid < 0)
		return d->dma == DMA_NONE ? NULL : duplicate("none");
	return format("%ld", d->pasid);
}

char *number_text(long number)
{
	return number < 0 ? NULL : format("%ld", number);
}
