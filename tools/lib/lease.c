// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "number.h"
#include "sysfs.h"

/* As the kernel writes a UUID, so that one mdev has one lease */
static char *lease_path(const char *uuid)
{
	char *path = format(LEASES "/%s", uuid);
	char *c;

	for (c = path + strlen(LEASES); *c; c++)
		*c = tolower((unsigned char)*c);
	return path;
}

static unsigned long long uptime(void)
{
	__cleanup_free char *text = read_file("/proc/uptime");
	unsigned long long seconds = 0;

	if (text)
		text[strcspn(text, ".")] = 0;
	return parse_number(text, 10, LONG_MAX, &seconds) ? seconds : 0;
}

/*
 * Field 22; the second one, the name in brackets, may hold blanks and brackets itself. 0: no such
 * process
 */
static unsigned long long process_start(unsigned long long pid)
{
	__cleanup_free char *path = format("/proc/%llu/stat", pid);
	__cleanup_free char *text = read_file(path);
	char *field = text ? strrchr(text, ')') : NULL;
	unsigned long long start;
	int i;

	for (i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return 0;
	field++;
	field[strcspn(field, " ")] = 0;
	return parse_number(field, 10, -1ull, &start) ? start : 0;
}

static void read_process(struct lease *lease, char *text)
{
	unsigned long long start;
	char *blank = strchr(text, ' ');

	if (!blank)
		return;
	*blank = 0;
	if (!parse_number(text, 10, INT_MAX, &lease->pid) || !lease->pid ||
	    !parse_number(blank + 1, 10, -1ull, &start))
		return;
	lease->state = process_start(lease->pid) == start ? LEASE_HELD : LEASE_ENDED;
}

static void read_end(struct lease *lease, const char *text)
{
	unsigned long long now = uptime();

	if (!parse_number(text, 10, LONG_MAX, &lease->until))
		return;
	lease->state = lease->until > now ? LEASE_HELD : LEASE_ENDED;
	if (lease->state == LEASE_HELD)
		lease->left = lease->until - now;
}

struct lease lease_read(const char *uuid)
{
	__cleanup_free char *path = lease_path(uuid);
	__cleanup_free char *text = read_file(path);
	struct lease lease = { .state = LEASE_BROKEN };

	if (!text && errno == ENOENT)
		lease.state = LEASE_NONE;
	else if (text && !strncmp(text, "process ", 8))
		read_process(&lease, text + 8);
	else if (text && !strncmp(text, "until ", 6))
		read_end(&lease, text + 6);
	return lease;
}

char *lease_text(const struct lease *lease)
{
	switch (lease->state) {
	case LEASE_NONE:
		return NULL;
	case LEASE_BROKEN:
		return duplicate("not understood");
	case LEASE_HELD:
		return lease->pid ? format("process %llu", lease->pid)
				  : format("%llu s left", lease->left);
	default:
		return lease->pid ? format("process %llu has ended", lease->pid)
				  : duplicate("has run out");
	}
}

static int write_lease(const char *uuid, const char *line)
{
	__cleanup_free char *path = lease_path(uuid);

	return make_folders(LEASES) ? -1 : replace_file(path, line);
}

int lease_to_process(const char *uuid, unsigned long long pid)
{
	unsigned long long start = process_start(pid);
	__cleanup_free char *line = format("process %llu %llu\n", pid, start);

	if (start)
		return write_lease(uuid, line);
	errno = ESRCH;
	return -1;
}

int lease_for(const char *uuid, unsigned long long seconds)
{
	__cleanup_free char *line = format("until %llu\n", uptime() + seconds);

	return write_lease(uuid, line);
}

int lease_drop(const char *uuid)
{
	__cleanup_free char *path = lease_path(uuid);

	return delete_file(path) && errno != ENOENT ? -1 : 0;
}
