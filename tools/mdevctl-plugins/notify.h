/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEVKIT_TOOLS_NOTIFY_H
#define MDEVKIT_TOOLS_NOTIFY_H

#include <stdio.h>

struct callout_request;

/*
 * One line in the system's log (mdevctl shows no output of a notifier), or to @err when the root is
 * a fake one
 */
void notify(const struct callout_request *request, FILE *err);

#endif
