/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of sysfs, procfs and configuration, all below one root folder: "" on a host, another one
 * in tests.
 *
 * Names in errors are those that the user knows, without the root. What is returned is to be
 * freed; NULL and -1 come with errno.
 */
#ifndef MDEVKIT_TOOLS_SYSFS_H
#define MDEVKIT_TOOLS_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define __cleanup_free __attribute__((cleanup(free_pointer)))
#define __cleanup_strv __attribute__((cleanup(free_strv)))

void free_pointer(void *pointer);
/* A list of strings that ends with NULL */
void free_strv(char ***list);

/*
 * The root: set by a program for itself, else $MDEVKIT_ROOT, else "". An environment is not trusted
 * where a program runs with more rights than who called it.
 */
void set_root(const char *root);
const char *get_root(void);

/* These die (exit status 3, one line) without memory: nothing that the programs do could go on. */
void *must(void *pointer);
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *duplicate(const char *text);

/* All paths are absolute and without the root. */
bool path_exists(const char *path);
/* Up to 1 MiB, without the newline at its end. EFBIG beyond, EILSEQ when a 0 byte is in it */
char *read_file(const char *path);
/* With one write(), as sysfs wants it. 0, or -1 with the errno of the kernel's */
int write_file(const char *path, const char *text);
/* A file of our own, made or replaced in one step: readers see the old one or the new one */
int replace_file(const char *path, const char *text);
int delete_file(const char *path);
/* With those above it; one that is there already is fine */
int make_folders(const char *path);
/* The first bytes of a binary file: how many, or -1 */
ssize_t read_bytes(const char *path, void *buffer, size_t size);
int stat_path(const char *path, struct stat *st);
/* Where a link points to, as it is written there */
char *read_link(const char *path);
/* The last part of where a link points to */
char *read_link_name(const char *path);
/* The canonical path, without the root; ENOENT also when it leads out of it */
char *resolve_path(const char *path);
/*
 * So that two programs do not change one thing at once: a descriptor to be closed, which holds the
 * lock; EBUSY when another has it. Sysfs has no lock of its own that spans several writes.
 */
int lock_folder(const char *path);
/* Names in a folder but . and .., sorted; one that is not there has none, and errno is ENOENT */
char **list_folder(const char *path);

#endif
