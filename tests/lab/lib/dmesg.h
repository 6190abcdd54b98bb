/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log: what a test program caused in it.
 */
#ifndef _LAB_DMESG_H
#define _LAB_DMESG_H

#include "types.h"

/*
 * The files with the patterns that make a log bad: tests/lib/console-patterns, and the
 * kit's own alarms, tests/lib/kit-alarms, which a test may allow
 */
#define DMESG_PATTERNS "/usr/lib/mdevkit/tests/console-patterns"
#define DMESG_ALARMS "/usr/lib/mdevkit/tests/kit-alarms"

struct dmesg {
	int fd;		/* /dev/kmsg, positioned behind the last line that was read */
	bool dirty;	/* a bad line was read, or the log could not be read */
};

/*
 * Writes "mdevkit-test: @who begins" into the log, and remembers that place.
 * Returns 0, or -1 with errno set.
 */
int dmesg_mark(struct dmesg *log, const char *who);

/*
 * Reads on to the log's present end; to be called often, since the log overwrites its
 * oldest lines. A line that matches a pattern is printed as a diagnostic.
 */
void dmesg_follow(struct dmesg *log);

/*
 * To be called by a test that provokes an alarm of the kit on purpose: until the test ends,
 * lines that match @regex (POSIX extended) and are in DMESG_ALARMS fail nobody. It is said in
 * the kernel's log itself, so that the judge of the whole boot knows it, too.
 */
void dmesg_allow(const char *regex);

/* The test has ended: reads on, and forgets what dmesg_allow() has allowed */
void dmesg_allow_no_more(struct dmesg *log);

/*
 * Reads on to the end. True when no line since the mark has matched a pattern. A log
 * that was overwritten, or patterns that cannot be read, are not clean.
 */
bool dmesg_is_clean(struct dmesg *log);

/*
 * Reads on from the mark (or from the last call) and counts the lines that contain
 * @text. For tests of what the administrator is told.
 */
unsigned int dmesg_count(struct dmesg *log, const char *text);

/*
 * The same for lines of the kit: all of them are counted, and into @with those that contain
 * @text; both may be NULL. For tests of how much the administrator is told.
 */
unsigned int dmesg_kit_lines(struct dmesg *log, const char *text, unsigned int *with);

#endif /* _LAB_DMESG_H */
