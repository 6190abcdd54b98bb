// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "sysfs.h"

bool is_plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

void free_rules(struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->nr; i++) {
		free(rules->rules[i].name);
		free(rules->rules[i].values);
	}
	free(rules->rules);
}

static void add_rule(struct rules *rules, char *line)
{
	char *values = strpbrk(line, " \t");

	if (!values)
		return;
	*values++ = 0;
	values += strspn(values, " \t");
	rules->rules[rules->nr++] =
		(struct rule){ .name = duplicate(line), .values = duplicate(values) };
}

char *read_rules(const char *parent, struct rules *rules)
{
	__cleanup_free char *path = format("/sys/class/mdev_bus/%s/mdevkit/attributes", parent);
	__cleanup_free char *text = read_file(path);
	char *line, *rest = text;
	size_t lines = 1;

	if (!text && errno == ENOENT) {
		rules->unknown = true;
		return NULL;
	}
	if (!text)
		return format("%s: %s", path, strerror(errno));
	for (line = text; *line; line++)
		lines += *line == '\n';
	rules->rules = calloc(lines, sizeof(*rules->rules));
	if (!rules->rules)
		return format("%s: no memory", path);
	while ((line = strsep(&rest, "\n")))
		add_rule(rules, line);
	return NULL;
}

const struct rule *find_rule(const struct rules *rules, const char *name)
{
	size_t i;

	for (i = 0; i < rules->nr; i++)
		if (!strcmp(rules->rules[i].name, name))
			return &rules->rules[i];
	return NULL;
}

/* Decimal digits alone. Returns the end of them, or NULL */
static const char *read_number(const char *text, unsigned long long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

static bool read_range(const char *values, unsigned long long *min, unsigned long long *max)
{
	const char *end = read_number(values, min);

	if (!end || *end != '-')
		return false;
	end = read_number(end + 1, max);
	return end && !*end;
}

/* As the kernel's kstrtobool(), which looks at no more than two letters. -1: no boolean */
static int read_bool(const char *value)
{
	switch (tolower((unsigned char)value[0])) {
	case 'y':
	case 't':
	case '1':
		return 1;
	case 'n':
	case 'f':
	case '0':
		return 0;
	case 'o':
		break;
	default:
		return -1;
	}
	switch (tolower((unsigned char)value[1])) {
	case 'n':
		return 1;
	case 'f':
		return 0;
	default:
		return -1;
	}
}

static bool has_word(const char *words, const char *value)
{
	size_t len = strlen(value);

	if (!len || strchr(value, '|'))
		return false;
	while (strncmp(words, value, len) || (words[len] && words[len] != '|')) {
		words = strchr(words, '|');
		if (!words)
			return false;
		words++;
	}
	return true;
}

bool rule_allows(const struct rule *rule, const char *value)
{
	unsigned long long min, max, number;
	const char *end;

	if (!strcmp(rule->values, "any"))
		return *value;
	if (!strcmp(rule->values, "bool"))
		return read_bool(value) >= 0;
	if (!read_range(rule->values, &min, &max))
		return has_word(rule->values, value);
	end = read_number(value, &number);
	return end && !*end && number >= min && number <= max;
}

bool rule_same(const struct rule *rule, const char *one, const char *other)
{
	unsigned long long a, b;

	if (!strcmp(rule->values, "any"))
		return true;
	if (!strcmp(rule->values, "bool"))
		return read_bool(one) == read_bool(other);
	if (!read_range(rule->values, &a, &b))
		return !strcmp(one, other);
	return read_number(one, &a) && read_number(other, &b) && a == b;
}

char *rule_describe(const struct rule *rule)
{
	unsigned long long min, max;

	if (!strcmp(rule->values, "any"))
		return duplicate("a text that is not empty");
	if (!strcmp(rule->values, "bool"))
		return duplicate("0 or 1");
	if (read_range(rule->values, &min, &max))
		return format("a whole number from %llu to %llu", min, max);
	return format("one of %s", rule->values);
}
