/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A whose serial line ends in a loop-back plug: what is sent comes back, RTS drives
 * CTS, DTR drives DSR and DCD. Plain state without locks: the caller serializes.
 */
#ifndef _MTTY_UART_H
#define _MTTY_UART_H

#include <linux/types.h>

#define UART_FIFO_DEPTH		16
#define UART_NR_REGS		8

struct uart {
	u8 reg[UART_NR_REGS];	/* IER, FCR (0: FIFOs off), LCR, MCR, LSR (errors), MSR, SCR */
	u8 fifo[UART_FIFO_DEPTH];	/* received and not read yet */
	u8 head;			/* index of the oldest character in @fifo */
	u8 count;			/* characters in @fifo */
	u8 divisor[2];			/* DLL, DLM */
	bool thre_pending;		/* interrupt until IIR is read */
	bool rx_timeout;		/* interrupt until RBR is read */
	bool rx_moved;			/* for uart_arm_rx_timeout() */
	bool plugged;			/* the plug is in; survives a reset */
};

void uart_reset(struct uart *uart);
u8 uart_read(struct uart *uart, unsigned int reg);
void uart_write(struct uart *uart, unsigned int reg, u8 value);
void uart_set_plug(struct uart *uart, bool plugged);
u8 uart_irq_cause(const struct uart *uart);
unsigned int uart_arm_rx_timeout(struct uart *uart);
void uart_rx_timeout_elapsed(struct uart *uart);

#endif /* _MTTY_UART_H */
