/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns an mdev, as long as he lives: /run/mdevkit/leases/UUID, one line, either of
 *
 *   process PID START	the process, with its start in ticks since boot (field 22 of
 * /proc/PID/stat), lest another one that gets its number later pass for it
 *   until SECONDS	since boot (/proc/uptime)
 *
 * Nothing enforces a lease; mdevkit gc removes mdevs whose lease has ended. /run is empty after a
 * boot, and so are the buses.
 */
#ifndef MDEVKIT_TOOLS_LEASE_H
#define MDEVKIT_TOOLS_LEASE_H

#include <stdbool.h>

#define LEASES "/run/mdevkit/leases"

enum lease_state {
	LEASE_NONE,
	LEASE_HELD,
	LEASE_ENDED,
	LEASE_BROKEN, /* a file that is not understood: it counts as held */
};

struct lease {
	enum lease_state state;
	unsigned long long pid; /* 0: it has an end instead */
	unsigned long long until;
	unsigned long long left; /* seconds */
};

struct lease lease_read(const char *uuid);
/*
 * For JSON and tables: "process 12", "12 s left", "process 12 has ended", …; to be freed. NULL:
 * none
 */
char *lease_text(const struct lease *lease);
/* 0, or -1 with errno; ESRCH: there is no such process */
int lease_to_process(const char *uuid, unsigned long long pid);
int lease_for(const char *uuid, unsigned long long seconds);
int lease_drop(const char *uuid);

#endif
