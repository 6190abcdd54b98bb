// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "aux.h"
#include "ktap.h"

#define DEBUGFS	"/sys/kernel/debug/iommu_aux"

static unsigned int count_in_file(const char *path, const char *text)
{
	static char content[65536];
	unsigned int count = 0;
	FILE *file = fopen(path, "re");
	size_t len;

	REQUIRE(file, "%s", path);
	len = fread(content, 1, sizeof(content) - 1, file);
	fclose(file);
	REQUIRE(len < sizeof(content) - 1, "%s is longer than expected", path);
	content[len] = '\0';
	for (const char *at = content; (at = strstr(at, text)); at++)
		count++;
	return count;
}

unsigned int aux_armed_groups(void)
{
	return count_in_file(DEBUGFS "/groups", " armed domain ");
}

unsigned int aux_armed_members(void)
{
	return count_in_file(DEBUGFS "/groups", " armed\n");
}

unsigned int aux_domains(void)
{
	return count_in_file(DEBUGFS "/domains", "domain ");
}
