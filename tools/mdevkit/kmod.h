/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a kernel module is, by libkmod. */
#ifndef MDEVKIT_TOOLS_KMOD_H
#define MDEVKIT_TOOLS_KMOD_H

#include <stdbool.h>

enum module_place { MODULE_MISSING, MODULE_INSTALLED, MODULE_LOADED, MODULE_BUILT_IN };

struct module_state {
	enum module_place place;
	bool file_known; /* a module's file could be read: the next one is true to it */
	bool is_signed;
};

struct module_state module_state(const char *release, const char *name);

#endif
