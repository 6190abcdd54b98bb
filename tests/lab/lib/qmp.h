/* SPDX-License-Identifier: GPL-2.0-only */
/* QMP of the machine that runs the VM, by the virtio port that lab/run gives it. */
#ifndef _LAB_QMP_H
#define _LAB_QMP_H

#include "types.h"

/* The path of the port's file. 0, or -ENOENT when this machine has none */
int qmp_path(char *path, size_t size);

/* The port's file; fails the test when there is none */
int qmp_open(void);

/* One QMP command with the members @arguments, and its answer. Returns whether it succeeded */
bool qmp(int fd, const char *command, const char *arguments);

#endif /* _LAB_QMP_H */
