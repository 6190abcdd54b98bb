/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log: what a test program caused in it.
 */
#ifndef _LAB_DMESG_H
#define _LAB_DMESG_H

#include "types.h"

/* The file with the patterns that make a log bad (tests/lib/console-patterns) */
#define DMESG_PATTERNS "/usr/lib/mdevkit/tests/console-patterns"

struct dmesg {
	int fd;		/* /dev/kmsg, positioned behind the mark */
};

/*
 * Writes "mdevkit-test: @who begins" into the log, and remembers that place.
 * Returns 0, or -1 with errno set.
 */
int dmesg_mark(struct dmesg *log, const char *who);

/*
 * Reads on from the mark (or from the last call). True when no line matches a
 * pattern; each that does is printed as a diagnostic. A log that was overwritten
 * since the mark, or patterns that cannot be read, are not clean.
 */
bool dmesg_is_clean(struct dmesg *log);

/*
 * Reads on from the mark (or from the last call) and counts the lines that contain
 * @text. For tests of what the administrator is told.
 */
unsigned int dmesg_count(struct dmesg *log, const char *text);

#endif /* _LAB_DMESG_H */
