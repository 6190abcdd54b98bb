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

/* All patterns joined by "|" */
#define PATTERN_SIZE	8192

static regex_t bad_line;
static bool patterns_loaded;

int dmesg_mark(struct dmesg *log, const char *who)
{
	log->dirty = false;
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

static bool load_patterns(void)
{
	FILE *file = fopen(DMESG_PATTERNS, "re");
	char line[256], joined[PATTERN_SIZE] = "";
	size_t used = 0;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		used += snprintf(joined + used, sizeof(joined) - used, "%s(%s)", used ? "|" : "",
				 line);
		if (used >= sizeof(joined))
			break;
	}
	fclose(file);
	if (!used || used >= sizeof(joined))
		return false;
	return !regcomp(&bad_line, joined, REG_EXTENDED | REG_NOSUB);
}

void dmesg_follow(struct dmesg *log)
{
	char line[4096];
	int ret;

	if (log->dirty && !patterns_loaded)
		return;
	if (!patterns_loaded) {
		patterns_loaded = load_patterns();
		if (!patterns_loaded) {
			printf("# %s cannot be read\n", DMESG_PATTERNS);
			log->dirty = true;
			return;
		}
	}
	while ((ret = next_line(log, line, sizeof(line)))) {
		if (ret == -EPIPE) {
			printf("# the kernel's log was overwritten before it was read\n");
			log->dirty = true;
		} else if (!regexec(&bad_line, line, 0, NULL, 0)) {
			printf("# kernel log: %s\n", line);
			log->dirty = true;
		}
	}
}

bool dmesg_is_clean(struct dmesg *log)
{
	dmesg_follow(log);
	return !log->dirty;
}

unsigned int dmesg_count(struct dmesg *log, const char *text)
{
	unsigned int count = 0;
	char line[4096];

	while (next_line(log, line, sizeof(line)))
		count += !!strstr(line, text);
	return count;
}
