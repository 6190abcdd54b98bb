// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log: what a test program caused in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmesg.h"

#define MAX_PATTERNS	64

int dmesg_mark(struct dmesg *log, const char *who)
{
	log->fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		return -1;
	if (lseek(log->fd, 0, SEEK_END) < 0)
		return -1;
	if (dprintf(log->fd, "mdevkit-test: %s begins\n", who) < 0)
		return -1;
	return 0;
}

/*
 * The next message's text in @line. Returns 1, 0 at the end of the log, or -EPIPE
 * when messages were overwritten before they were read.
 */
static int next_line(struct dmesg *log, char *line, size_t size)
{
	char record[8192];
	char *text, *end;
	ssize_t len;

	len = read(log->fd, record, sizeof(record) - 1);
	if (len < 0)
		return errno == EPIPE ? -EPIPE : 0;
	record[len] = '\0';
	/* "priority,sequence,time,flags;text\n KEY=value\n" */
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	snprintf(line, size, "%s", text);
	return 1;
}

static int load_patterns(regex_t *patterns)
{
	FILE *file = fopen(DMESG_PATTERNS, "re");
	char line[256];
	int nr = 0;

	if (!file)
		return -1;
	while (nr < MAX_PATTERNS && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (regcomp(&patterns[nr], line, REG_EXTENDED | REG_NOSUB)) {
			printf("# bad pattern: %s\n", line);
			nr = 0;
			break;
		}
		nr++;
	}
	fclose(file);
	return nr ?: -1;
}

bool dmesg_is_clean(struct dmesg *log)
{
	regex_t patterns[MAX_PATTERNS];
	char line[4096];
	bool clean = true;
	int nr, ret;

	nr = load_patterns(patterns);
	if (nr < 0) {
		printf("# %s cannot be read\n", DMESG_PATTERNS);
		return false;
	}
	while ((ret = next_line(log, line, sizeof(line)))) {
		if (ret == -EPIPE) {
			printf("# the kernel's log was overwritten before it was read\n");
			clean = false;
			continue;
		}
		for (int i = 0; i < nr; i++) {
			if (regexec(&patterns[i], line, 0, NULL, 0))
				continue;
			printf("# kernel log: %s\n", line);
			clean = false;
			break;
		}
	}
	for (int i = 0; i < nr; i++)
		regfree(&patterns[i]);
	return clean;
}

unsigned int dmesg_count(struct dmesg *log, const char *text)
{
	unsigned int count = 0;
	char line[4096];

	while (next_line(log, line, sizeof(line)))
		count += !!strstr(line, text);
	return count;
}
