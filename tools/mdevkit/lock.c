// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lock.h"
#include "sysfs.h"

int lock_take(struct cli *cli)
{
	int fd = make_folders(RUN_FOLDER) ? -1 : lock_folder(RUN_FOLDER);

	if (fd < 0 && errno == EBUSY)
		failed(cli, RUN_FOLDER ": another mdevkit is changing something; try again later");
	else if (fd < 0)
		failed(cli, RUN_FOLDER ": %s", strerror(errno));
	return fd;
}

void lock_give(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
