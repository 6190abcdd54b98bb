/* SPDX-License-Identifier: GPL-2.0-only */
/* One mdevkit at a time changes something: two administrators at once get a clear line. */
#ifndef MDEVKIT_TOOLS_LOCK_H
#define MDEVKIT_TOOLS_LOCK_H

#include "mdevkit.h"

#define RUN_FOLDER "/run/mdevkit"

/* Returns a file descriptor for lock_give(), or -1 and has said why */
int lock_take(struct cli *cli);
void lock_give(int *fd);

#define __cleanup_lock __attribute__((cleanup(lock_give)))

#endif
