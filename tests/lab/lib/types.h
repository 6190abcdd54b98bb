/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's words in user space, so that tests read like the code that they test. */
#ifndef _LAB_TYPES_H
#define _LAB_TYPES_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

#define ARRAY_SIZE(array)		(sizeof(array) / sizeof((array)[0]))

#define LAB_ATTRIBUTE			__attribute__
#define __printf(format_arg, first)	LAB_ATTRIBUTE((__format__(__printf__, format_arg, first)))
#define __noreturn			LAB_ATTRIBUTE((__noreturn__))
#define __maybe_unused			LAB_ATTRIBUTE((__unused__))

#endif /* _LAB_TYPES_H */
