// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hang.h"

typedef void (*entry_fn)(const char *path, const char *name);

/* Calls @fn for each entry of a folder whose name begins with a digit */
static void call_for_numbers(const char *dir_path, entry_fn fn)
{
	DIR *dir = opendir(dir_path);
	struct dirent *entry;
	char path[PATH_MAX];

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		fn(path, entry->d_name);
	}
	closedir(dir);
}

__attribute__((format(printf, 2, 3)))
static void print_file(const char *indent, const char *format, ...)
{
	char path[PATH_MAX], line[512];
	va_list args;
	FILE *file;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("# %s%s%s", indent, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

static pid_t group_of(const char *path)
{
	char stat[PATH_MAX + 8], text[512], *after_name;
	int group = -1;
	FILE *file;
	size_t len;

	snprintf(stat, sizeof(stat), "%s/stat", path);
	file = fopen(stat, "re");
	if (!file)
		return -1;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	after_name = strrchr(text, ')');
	if (after_name)
		sscanf(after_name + 1, " %*c %*d %d", &group);
	return group;
}

static void print_thread(const char *path, const char *name)
{
	printf("# thread %s is in\n", name);
	print_file("  ", "%s/syscall", path);
	print_file("  ", "%s/stack", path);
}

static pid_t wanted_group;

static void print_process(const char *path, const char *name)
{
	char tasks[PATH_MAX + 8];

	if (group_of(path) != wanted_group)
		return;
	printf("# process %s\n", name);
	snprintf(tasks, sizeof(tasks), "%s/task", path);
	call_for_numbers(tasks, print_thread);
}

/* The process that is being looked at, until something of it was printed */
static const char *unnamed_process;

__attribute__((format(printf, 1, 2)))
static void print_use(const char *format, ...)
{
	va_list args;

	if (unnamed_process) {
		printf("# process %s\n", unnamed_process);
		print_file("  ", "/proc/%s/comm", unnamed_process);
		unnamed_process = NULL;
	}
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static void print_if_vfio(const char *path, const char *fd)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len < 0)
		return;
	target[len] = '\0';
	if (!strstr(target, "vfio"))
		return;
	print_use("#   fd %s: %s\n", fd, target);
}

static void print_uses(const char *path, const char *name)
{
	char file_path[PATH_MAX + 8], line[512];
	FILE *maps;

	unnamed_process = name;
	snprintf(file_path, sizeof(file_path), "%s/fd", path);
	call_for_numbers(file_path, print_if_vfio);
	snprintf(file_path, sizeof(file_path), "%s/maps", path);
	maps = fopen(file_path, "re");
	if (!maps)
		return;
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "vfio"))
			print_use("#   mapped: %s", line);
	fclose(maps);
}

void hang_report(pid_t group)
{
	wanted_group = group;
	printf("# where its threads are:\n");
	call_for_numbers("/proc", print_process);
	printf("# who has a VFIO device open or mapped:\n");
	call_for_numbers("/proc", print_uses);
	fflush(stdout);
}
