// SPDX-License-Identifier: GPL-2.0-only
/* QMP of the machine that runs the VM, see qmp.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "qmp.h"
#include "sysfs.h"

#define VIRTIO_PORTS	"/sys/class/virtio-ports"

bool qmp(int fd, const char *command, const char *arguments)
{
	static int id;
	char line[16384], want[32];
	u64 end = now_ms() + 10000;
	size_t len = 0;

	snprintf(want, sizeof(want), "\"id\": %d", ++id + getpid() * 100);
	snprintf(line, sizeof(line), "{\"id\": %d, \"execute\": \"%s\", \"arguments\": {%s}}\n",
		 id + getpid() * 100, command, arguments);
	REQUIRE_EQ(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	while (now_ms() < end && len < sizeof(line) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char *answer, *begin;
		ssize_t n = 0;

		if (poll(&p, 1, 1000) > 0)
			n = read(fd, line + len, sizeof(line) - 1 - len);
		if (n <= 0)
			continue;
		len += n;
		line[len] = '\0';
		answer = strstr(line, want);
		if (!answer || !strchr(answer, '\n'))
			continue;
		while (answer > line && answer[-1] != '\n')
			answer--;
		*strchr(answer, '\n') = '\0';
		begin = strstr(answer, "\"error\"");
		if (begin)
			ktap_note("QMP: %s", answer);
		return !begin;
	}
	REQUIRE(false, "no answer to %s", command);
	return false;
}

int qmp_path(char *path, size_t size)
{
	DIR *dir = opendir(VIRTIO_PORTS);
	struct dirent *entry;
	char name[64];
	int ret = -ENOENT;

	if (!dir)
		return -ENOENT;
	while (ret && (entry = readdir(dir))) {
		if (sysfs_read(name, sizeof(name), VIRTIO_PORTS "/%s/name", entry->d_name) ||
		    strcmp(name, "qmp"))
			continue;
		snprintf(path, size, "/dev/%s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

int qmp_open(void)
{
	char path[300];
	int fd;

	REQUIRE_OK(qmp_path(path, sizeof(path)));
	fd = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	/* Only the first of a boot succeeds: then the monitor is in command mode */
	qmp(fd, "qmp_capabilities", "");
	return fd;
}
