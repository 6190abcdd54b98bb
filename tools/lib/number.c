// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "number.h"
#include "sysfs.h"

bool parse_number(const char *text, int base, unsigned long long max, unsigned long long *value)
{
	unsigned long long number;
	char *end;

	/* strtoull() would take blanks and signs, too. */
	if (!text || !isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, base);
	if (errno || end == text || *end || number > max)
		return false;
	*value = number;
	return true;
}

long read_number(const char *path)
{
	__cleanup_free char *text = read_file(path);
	unsigned long long value;

	return parse_number(text, 10, LONG_MAX, &value) ? (long)value : -1;
}
