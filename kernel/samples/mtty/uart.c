// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A behind a loop-back plug. Tables named here are those of the PC16550D data
 * sheet (National Semiconductor, 1995). The line is infinitely fast: the transmitter is
 * empty right after a write. It carries eight bits whatever word length LCR asks for.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/serial_reg.h>

#include "uart.h"

static bool uart_fifos_on(const struct uart *uart)
{
	return uart->reg[UART_FCR] & UART_FCR_ENABLE_FIFO;
}

static void uart_receive(struct uart *uart, u8 byte)
{
	if (uart->count == (uart_fifos_on(uart) ? UART_FIFO_DEPTH : 1)) {
		uart->reg[UART_LSR] |= UART_LSR_OE;
		/* A full FIFO loses the new character, a holding register the old one */
		if (uart_fifos_on(uart))
			return;
		uart->count = 0;
	}
	uart->fifo[(uart->head + uart->count++) % UART_FIFO_DEPTH] = byte;
	uart->rx_moved = true;
}

static u8 uart_read_rbr(struct uart *uart)
{
	uart->rx_timeout = false;
	uart->rx_moved = true;
	if (!uart->count)
		return 0;
	uart->count--;
	return uart->fifo[uart->head++ % UART_FIFO_DEPTH];
}

/* The modem inputs follow the outputs: inside the chip (MCR bit 4) or through the plug */
static void uart_update_modem(struct uart *uart)
{
	u8 mcr = uart->reg[UART_MCR], status = 0, delta;

	if (uart->plugged || (mcr & UART_MCR_LOOP))
		status = (mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			 (mcr & UART_MCR_DTR ? UART_MSR_DSR : 0);
	if (mcr & UART_MCR_LOOP)
		status |= (mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			  (mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
	else if (status & UART_MSR_DSR)
		status |= UART_MSR_DCD;

	/* Each status bit has its delta bit four places below; RI counts only when it ends */
	delta = (uart->reg[UART_MSR] ^ status) >> 4;
	if (status & UART_MSR_RI)
		delta &= ~UART_MSR_TERI;
	uart->reg[UART_MSR] = status | delta | (uart->reg[UART_MSR] & UART_MSR_ANY_DELTA);
}

/*
 * Table IV, interrupt control functions: the highest priority wins alone. OUT2 does not
 * gate the line: that is a habit of ISA cards, which share lines.
 */
u8 uart_irq_cause(const struct uart *uart)
{
	static const u8 trigger[] = { 1, 4, 8, 14 };
	u8 ier = uart->reg[UART_IER];

	if ((ier & UART_IER_RLSI) && uart->reg[UART_LSR])
		return UART_IIR_RLSI;
	if ((ier & UART_IER_RDI) && uart->count >= trigger[uart->reg[UART_FCR] >> 6])
		return UART_IIR_RDI;
	if ((ier & UART_IER_RDI) && uart->rx_timeout)
		return UART_IIR_RX_TIMEOUT;
	if ((ier & UART_IER_THRI) && uart->thre_pending)
		return UART_IIR_THRI;
	if ((ier & UART_IER_MSI) && (uart->reg[UART_MSR] & UART_MSR_ANY_DELTA))
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* Master reset (table III) */
void uart_reset(struct uart *uart)
{
	*uart = (struct uart) { .plugged = uart->plugged };
}

/* The tenant reads register @reg, UART_RX (0) to UART_SCR (7) */
u8 uart_read(struct uart *uart, unsigned int reg)
{
	u8 value = uart->reg[reg];

	if ((uart->reg[UART_LCR] & UART_LCR_DLAB) && reg <= UART_DLM)
		return uart->divisor[reg];

	switch (reg) {
	case UART_RX:
		return uart_read_rbr(uart);
	case UART_IIR:
		value = uart_irq_cause(uart);
		if (value == UART_IIR_THRI)
			uart->thre_pending = false;
		return value | (uart_fifos_on(uart) ? UART_IIR_FIFO_ENABLED_16550A : 0);
	case UART_LSR:
		uart->reg[UART_LSR] = 0;
		if (uart_fifos_on(uart) && (value & UART_LSR_BI))
			value |= UART_LSR_FIFOE;
		return value | UART_LSR_THRE | UART_LSR_TEMT | (uart->count ? UART_LSR_DR : 0);
	case UART_MSR:
		uart->reg[UART_MSR] &= ~UART_MSR_ANY_DELTA;
	}
	return value;
}

/* The tenant writes @value to register @reg */
void uart_write(struct uart *uart, unsigned int reg, u8 value)
{
	u8 lcr = uart->reg[UART_LCR], rising = value & ~uart->reg[reg];
	bool internal = uart->reg[UART_MCR] & UART_MCR_LOOP;

	if ((lcr & UART_LCR_DLAB) && reg <= UART_DLM) {
		uart->divisor[reg] = value;
		return;
	}

	switch (reg) {
	case UART_TX:
		uart->thre_pending = true;
		/* A break holds the line, but not the path inside the chip */
		if (internal || (uart->plugged && !(lcr & UART_LCR_SBC)))
			uart_receive(uart, value);
		break;
	case UART_IER:
		uart->reg[UART_IER] = value & GENMASK(3, 0);
		/* The transmitter is empty: enabling its interrupt raises it at once */
		if (rising & UART_IER_THRI)
			uart->thre_pending = true;
		if (rising & UART_IER_RDI)
			uart->rx_moved = true;
		break;
	case UART_FCR:
		/* Bit 0 must be set for the others to count; changing it empties the FIFOs */
		if (!(value & UART_FCR_ENABLE_FIFO))
			value = 0;
		if ((value & UART_FCR_CLEAR_RCVR) || uart_fifos_on(uart) != !!value) {
			uart->count = 0;
			uart->rx_timeout = false;
		}
		uart->reg[UART_FCR] = value & ~(UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
		break;
	case UART_LCR:
		uart->reg[UART_LCR] = value;
		if ((rising & UART_LCR_SBC) && uart->plugged && !internal) {
			uart_receive(uart, 0);
			uart->reg[UART_LSR] |= UART_LSR_BI | UART_LSR_FE;
		}
		break;
	case UART_MCR:
		uart->reg[UART_MCR] = value & GENMASK(4, 0);
		uart_update_modem(uart);
		break;
	case UART_SCR:
		uart->reg[UART_SCR] = value;
	}	/* LSR and MSR are read-only */
}

/* Puts the plug in or pulls it: then nothing comes back and the modem inputs are off */
void uart_set_plug(struct uart *uart, bool plugged)
{
	uart->plugged = plugged;
	uart_update_modem(uart);
}

/*
 * Asked after each access: must the receiver's character timeout be started anew? Returns
 * 0, or how many microseconds later uart_rx_timeout_elapsed() is due: the time of four
 * characters, the longest of which has 12 bits.
 */
unsigned int uart_arm_rx_timeout(struct uart *uart)
{
	unsigned int divisor = uart->divisor[UART_DLM] << 8 | uart->divisor[UART_DLL];
	bool moved = uart->rx_moved;

	uart->rx_moved = false;
	if (!moved || !uart->count || !uart_fifos_on(uart) || !(uart->reg[UART_IER] & UART_IER_RDI))
		return 0;
	return 4 * 12 * 1000 * max(divisor, 1U) / 115 + 1;	/* divisor 1: 115200 baud */
}

void uart_rx_timeout_elapsed(struct uart *uart)
{
	uart->rx_timeout = uart_fifos_on(uart) && uart->count;
}
