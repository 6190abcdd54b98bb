// SPDX-License-Identifier: GPL-2.0-only
/*
 * What iommu_aux shows in debugfs, for root:
 *
 *   group 12 name X members 1 armed domain 3
 *     member UUID dma_dev 0000:00:03.0 pasid 5 armed
 *   domain 3 iommu dmar0 page_sizes … armed_groups 12
 *
 * Each line is a row of words where a value follows its name; names may hold blanks, so a value
 * ends where the next known name begins. The format may change: what is not understood is left out.
 */
#include <limits.h>
#include <string.h>

#include "model.h"
#include "number.h"
#include "sysfs.h"

#define FOLDER "/sys/kernel/debug/iommu_aux"

/* The text from the end of @from to the start of @to, which comes after it; NULL @to: to the end */
static char *between(const char *line, const char *from, const char *to)
{
	const char *start = strstr(line, from);
	const char *end, *next;
	char *text;

	if (!start)
		return NULL;
	start += strlen(from);
	if (!to)
		return duplicate(start);
	/* The last one, lest a name that holds the same words cut itself short */
	for (end = NULL, next = strstr(start, to); next; next = strstr(next + 1, to))
		end = next;
	if (!end)
		return NULL;
	text = duplicate(start);
	text[end - start] = 0;
	return text;
}

static long number_between(const char *line, const char *from, const char *to)
{
	__cleanup_free char *text = between(line, from, to);
	unsigned long long value;

	return parse_number(text, 10, LONG_MAX, &value) ? (long)value : -1;
}

static void load_group(struct model *m, const char *line)
{
	__cleanup_free char *name = between(line, " name ", " members ");
	__cleanup_free char *state = between(line, " members ", " domain ");
	const char *domain = strrchr(line, ' ');
	unsigned long long id;
	struct aux_group *group;
	long number = number_between(line, "group ", " name ");

	if (!name || !state || number < 0)
		return;
	m->groups = append(m->groups, &m->nr_groups, sizeof(*m->groups));
	group = &m->groups[m->nr_groups - 1];
	group->id = number;
	group->name = duplicate(name);
	group->armed = strstr(state, " armed") != NULL;
	group->domain = parse_number(domain + 1, 10, LONG_MAX, &id) ? (long)id : -1;
}

static void load_member(struct model *m, const char *line)
{
	__cleanup_free char *uuid = between(line, "  member ", " dma_dev ");
	__cleanup_free char *state = between(line, " pasid ", NULL);
	struct mdev *d = uuid ? (struct mdev *)find_mdev(m, uuid) : NULL;
	unsigned long long pasid;
	char *blank;

	blank = state ? strchr(state, ' ') : NULL;
	if (!d || !blank)
		return;
	*blank = 0;
	if (parse_number(state, 10, 0xfffff, &pasid))
		d->pasid = pasid;
	d->dma = strncmp(blank + 1, "armed", 5) ? DMA_BLOCKED : DMA_ARMED;
}

static void load_domain(struct model *m, const char *line)
{
	__cleanup_free char *iommu = between(line, " iommu ", " page_sizes ");
	long id = number_between(line, "domain ", " iommu ");

	if (!iommu || id < 0)
		return;
	m->domains = append(m->domains, &m->nr_domains, sizeof(*m->domains));
	m->domains[m->nr_domains - 1].id = id;
	m->domains[m->nr_domains - 1].iommu = duplicate(iommu);
}

static void load_lines(struct model *m, char *text)
{
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "group ", 6))
			load_group(m, line);
		else if (!strncmp(line, "  member ", 9))
			load_member(m, line);
		else if (!strncmp(line, "domain ", 7))
			load_domain(m, line);
	}
}

void load_aux(struct model *m)
{
	__cleanup_free char *groups = read_file(FOLDER "/groups");
	__cleanup_free char *domains = read_file(FOLDER "/domains");
	size_t i;

	if (!groups)
		return;
	m->has_aux = true;
	/* Who is in none of its groups has no DMA that it would guard. */
	for (i = 0; i < m->nr_mdevs; i++)
		m->mdevs[i].dma = DMA_NONE;
	load_lines(m, groups);
	if (domains)
		load_lines(m, domains);
}
