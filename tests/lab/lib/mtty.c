// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mtty card as its user sees it.
 */
#include <string.h>
#include <unistd.h>

#include "mtty.h"

const char *mtty_load(void)
{
	if (module_load("mtty", NULL))
		return "module mtty cannot be loaded";
	if (!path_exists(MTTY_PARENT))
		return "module mtty made no parent device";
	return NULL;
}

void mtty_open(struct mtty *mtty, const struct vfio_mode *mode, const char *type)
{
	static unsigned int serial;

	memset(mtty, 0, sizeof(*mtty));
	mdev_uuid((unsigned int)getpid() << 8 | (serial++ & 0xff), mtty->uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, type, mtty->uuid));
	REQUIRE_OK(vfio_space_open(&mtty->space, mode));
	REQUIRE_OK(vfio_client_open(&mtty->client, &mtty->space, mtty->uuid));
}

void mtty_close(struct mtty *mtty)
{
	vfio_client_close(&mtty->client);
	vfio_space_close(&mtty->space);
	CHECK_ERR(mdev_remove(mtty->uuid), 0);
}

u8 uart_get(struct mtty *mtty, unsigned int port, unsigned int reg)
{
	return vfio_get(&mtty->client, port, reg, 1);
}

void uart_put(struct mtty *mtty, unsigned int port, unsigned int reg, u8 value)
{
	vfio_put(&mtty->client, port, reg, 1, value);
}

void uart_fifos_on(struct mtty *mtty, unsigned int port)
{
	uart_put(mtty, port, UART_FCR,
		 UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
}
