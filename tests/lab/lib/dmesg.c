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

/* All patterns of a file joined by "|" */
#define PATTERN_SIZE	8192

/* What tests write into the log, and who reads it: dmesg_follow(), tests/lib/console-verdict */
#define MARK		"mdevkit-test: "
#define MARK_ALLOWS	MARK "allows "
#define MARK_ENDED	MARK "allows no more"

#define MAX_ALLOWED	8

static regex_t bad_line, alarm_line;
static regex_t allowed[MAX_ALLOWED];
static unsigned int nr_allowed;
static bool patterns_loaded;

int dmesg_mark(struct dmesg *log, const char *who)
{
	log->dirty = false;
	log->fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		return -1;
	if (lseek(log->fd, 0, SEEK_END) < 0)
		return -1;
	if (dprintf(log->fd, MARK "%s begins\n", who) < 0)
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

static bool load_patterns(const char *path, regex_t *regex)
{
	FILE *file = fopen(path, "re");
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
	return !regcomp(regex, joined, REG_EXTENDED | REG_NOSUB);
}

static void write_mark(const char *mark, const char *regex)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "%s%s\n", mark, regex);
	close(fd);
}

void dmesg_allow(const char *regex)
{
	write_mark(MARK_ALLOWS, regex);
}

void dmesg_allow_no_more(struct dmesg *log)
{
	dmesg_follow(log);
	if (nr_allowed)
		write_mark(MARK_ENDED, "");
	while (nr_allowed)
		regfree(&allowed[--nr_allowed]);
}

static void note_allowed(const char *regex)
{
	if (nr_allowed < MAX_ALLOWED &&
	    !regcomp(&allowed[nr_allowed], regex, REG_EXTENDED | REG_NOSUB))
		nr_allowed++;
	else
		printf("# kernel log: cannot allow %s\n", regex);
}

static bool is_allowed(const char *line)
{
	for (unsigned int i = 0; i < nr_allowed; i++)
		if (!regexec(&allowed[i], line, 0, NULL, 0))
			return true;
	return false;
}

static bool is_bad(const char *line)
{
	if (!strcmp(line, MARK_ENDED))
		return false;
	if (!strncmp(line, MARK_ALLOWS, strlen(MARK_ALLOWS))) {
		note_allowed(line + strlen(MARK_ALLOWS));
		return false;
	}
	if (!regexec(&bad_line, line, 0, NULL, 0))
		return true;
	return !regexec(&alarm_line, line, 0, NULL, 0) && !is_allowed(line);
}

void dmesg_follow(struct dmesg *log)
{
	char line[4096];
	int ret;

	if (log->dirty && !patterns_loaded)
		return;
	if (!patterns_loaded) {
		patterns_loaded = load_patterns(DMESG_PATTERNS, &bad_line) &&
				  load_patterns(DMESG_ALARMS, &alarm_line);
		if (!patterns_loaded) {
			printf("# %s or %s cannot be read\n", DMESG_PATTERNS, DMESG_ALARMS);
			log->dirty = true;
			return;
		}
	}
	while ((ret = next_line(log, line, sizeof(line)))) {
		if (ret == -EPIPE) {
			printf("# the kernel's log was overwritten before it was read\n");
			log->dirty = true;
		} else if (is_bad(line)) {
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

/*
 * How lines of the kit begin: with its modules, or the drivers whose devices it names. The driver
 * core's own line when a probe fails begins like that too.
 */
static bool of_the_kit(const char *line)
{
	static const char *const begin[] = {
		"mdevkit", "iommu_aux", "iommu-aux", "mdev ", "vfio_mdev ", "mtty", "mdma",
		"softdma", "hello",
	};

	if (strstr(line, " failed with error ") || strstr(line, " callbacks suppressed"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		if (!strncmp(line, begin[i], strlen(begin[i])))
			return strncmp(line, "mdevkit-test:", strlen("mdevkit-test:"));
	return false;
}

unsigned int dmesg_kit_lines(struct dmesg *log, const char *text, unsigned int *with)
{
	unsigned int count = 0;
	char line[4096];

	while (next_line(log, line, sizeof(line))) {
		if (!of_the_kit(line))
			continue;
		count++;
		if (with && text)
			*with += !!strstr(line, text);
	}
	return count;
}
