// SPDX-License-Identifier: GPL-2.0-only
#include <libkmod.h>
#include <stdarg.h>
#include <string.h>

#include "kmod.h"
#include "sysfs.h"

/* What it complains about is what is being found out. */
static void be_quiet(void *data, int priority, const char *file, int line, const char *function,
		     const char *fmt, va_list args)
{
}

static void read_signature(struct kmod_module *module, struct module_state *state)
{
	struct kmod_list *info = NULL, *entry;

	if (!kmod_module_get_path(module) || kmod_module_get_info(module, &info) < 0)
		return;
	state->file_known = true;
	kmod_list_foreach(entry, info)
		if (!strcmp(kmod_module_info_get_key(entry), "sig_id"))
			state->is_signed = true;
	kmod_module_info_free_list(info);
}

static void look_up(struct kmod_ctx *ctx, const char *name, struct module_state *state)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module;

	if (kmod_module_new_from_lookup(ctx, name, &list) < 0 || !list)
		return;
	module = kmod_module_get_module(list);
	if (kmod_module_get_initstate(module) == KMOD_MODULE_BUILTIN) {
		state->place = MODULE_BUILT_IN;
	} else {
		state->place = MODULE_INSTALLED;
		read_signature(module, state);
	}
	kmod_module_unref(module);
	kmod_module_unref_list(list);
}

struct module_state module_state(const char *release, const char *name)
{
	static const char *const no_config[] = { NULL };
	__cleanup_free char *folder = format("%s/lib/modules/%s", get_root(), release);
	__cleanup_free char *loaded = format("/sys/module/%s", name);
	__cleanup_free char *initstate = format("%s/initstate", loaded);
	struct module_state state = {};
	struct kmod_ctx *ctx;

	ctx = must(kmod_new(folder, no_config));
	kmod_set_log_fn(ctx, be_quiet, NULL);
	look_up(ctx, name, &state);
	kmod_unref(ctx);
	if (state.place == MODULE_BUILT_IN)
		return state;
	/* Built-in modules have a folder too, without this file. */
	if (path_exists(initstate))
		state.place = MODULE_LOADED;
	else if (path_exists(loaded))
		state.place = MODULE_BUILT_IN;
	return state;
}
