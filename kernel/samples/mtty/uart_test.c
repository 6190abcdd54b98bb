// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of mtty's 16550A. The sequences named after functions of the kernel's 8250
 * driver are what that function does to find out what chip it has and what bugs.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "uart.c"

#define IER_ALL		(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define IIR_CAUSE	0x0f
#define MSR_STATUS	(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_RI | UART_MSR_DCD)
#define FIFO_ON		(UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT)

static struct uart *uart_of(struct kunit *test)
{
	return test->priv;
}

static int uart_test_init(struct kunit *test)
{
	struct uart *uart = kunit_kzalloc(test, sizeof(*uart), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, uart);
	uart->plugged = true;
	uart_reset(uart);
	test->priv = uart;
	return 0;
}

static void uart_send(struct uart *uart, unsigned int from, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		uart_write(uart, UART_TX, from + i);
}

static u8 iir_cause(struct kunit *test)
{
	return uart_read(uart_of(test), UART_IIR) & IIR_CAUSE;
}

static void registers_after_reset_are_those_of_the_data_sheet(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IER), 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IIR), UART_IIR_NO_INT);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LCR), 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MCR), 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), 0);
}

static void reset_forgets_everything_but_the_plug(struct kunit *test)
{
	struct uart *uart = uart_of(test);
	struct uart fresh = *uart;

	for (unsigned int reg = 0; reg < UART_NR_REGS; reg++)
		uart_write(uart, reg, 0x7f);
	uart_send(uart, 0, 20);
	uart_reset(uart);
	KUNIT_EXPECT_MEMEQ(test, uart, &fresh, sizeof(fresh));

	uart_set_plug(uart, false);
	uart_reset(uart);
	KUNIT_EXPECT_FALSE(test, uart->plugged);
}

static void reserved_bits_read_as_zero(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_IER, 0xff);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IER), 0x0f);
	uart_write(uart, UART_MCR, 0xff);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MCR), 0x1f);
	uart_write(uart, UART_SCR, 0xa5);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_SCR), 0xa5);
}

static void lsr_and_msr_are_read_only(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_LSR, 0xff);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	uart_write(uart, UART_MSR, 0xff);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), 0);
}

static void dlab_turns_the_first_two_registers_into_the_divisor(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_IER, UART_IER_MSI);
	uart_write(uart, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	uart_write(uart, UART_DLL, 0x34);
	uart_write(uart, UART_DLM, 0x12);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_DLL), 0x34);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_DLM), 0x12);
	/* The second write replaces, it does not add bits */
	uart_write(uart, UART_DLL, 0x01);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_DLL), 0x01);
	uart_write(uart, UART_LCR, UART_LCR_WLEN8);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IER), UART_IER_MSI);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	/* Setting DLAB again shows what was set before */
	uart_write(uart, UART_LCR, UART_LCR_DLAB);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_DLM), 0x12);
}

static void a_full_fifo_comes_back_whole_and_in_order(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	/* Twice, so that the ring wraps at every position */
	for (unsigned int round = 0; round < 32; round++) {
		uart_send(uart, round * 7, 1 + round % UART_FIFO_DEPTH);
		for (unsigned int i = 0; i < 1 + round % UART_FIFO_DEPTH; i++) {
			KUNIT_EXPECT_TRUE(test, uart_read(uart, UART_LSR) & UART_LSR_DR);
			KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), (round * 7 + i) & 0xff);
		}
		KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	}
}

static void an_empty_receiver_reads_as_zero(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_send(uart, 0xaa, 3);
	uart_write(uart, UART_FCR, FIFO_ON);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 0);
}

static void the_seventeenth_character_is_lost_and_sets_overrun(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_write(uart, UART_IER, UART_IER_RLSI);
	uart_send(uart, 1, 16);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	uart_send(uart, 17, 1);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RLSI);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR),
			UART_LSR_OE | UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
	/* Reading LSR clears it, and the interrupt with it */
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR) & UART_LSR_OE, 0);
	for (unsigned int i = 1; i <= 16; i++)
		KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), i);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR) & UART_LSR_DR, 0);
}

static void without_fifos_the_new_character_replaces_the_old(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_send(uart, 1, 2);
	KUNIT_EXPECT_TRUE(test, uart_read(uart, UART_LSR) & UART_LSR_OE);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 2);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR) & UART_LSR_DR, 0);
}

struct trigger_case {
	const char *name;
	u8 fcr;
	unsigned int level;
};

static const struct trigger_case trigger_cases[] = {
	{ "FIFOs off", 0, 1 },
	{ "trigger bits count only with the FIFOs on", UART_FCR_TRIGGER_14, 1 },
	{ "1", UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_1, 1 },
	{ "4", UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4, 4 },
	{ "8", UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8, 8 },
	{ "14", UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14, 14 },
};

KUNIT_ARRAY_PARAM_DESC(trigger, trigger_cases, name);

static void data_interrupt_follows_the_trigger_level(struct kunit *test)
{
	const struct trigger_case *c = test->param_value;
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, c->fcr);
	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_send(uart, 0, c->level - 1);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	uart_send(uart, 0, 1);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RDI);
	/* Reading IIR does not clear it, falling below the level does */
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RDI);
	uart_read(uart, UART_RX);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
}

static void characters_below_the_level_time_out(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_LCR, UART_LCR_DLAB);
	uart_write(uart, UART_DLL, 12);		/* 9600 baud: a character takes 1 to 1.25 ms */
	uart_write(uart, UART_LCR, UART_LCR_WLEN8);
	uart_write(uart, UART_FCR, FIFO_ON | UART_FCR_TRIGGER_8);
	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_arm_rx_timeout(uart);
	uart_send(uart, 0, 2);
	KUNIT_EXPECT_GE(test, uart_arm_rx_timeout(uart), 4 * 1000);
	KUNIT_EXPECT_EQ(test, uart_arm_rx_timeout(uart), 0);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);

	uart_rx_timeout_elapsed(uart);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RX_TIMEOUT);
	/* Reading one character clears it and starts the timer anew for the other */
	uart_read(uart, UART_RX);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	KUNIT_EXPECT_LE(test, uart_arm_rx_timeout(uart), 4 * 1250 + 100);

	uart_rx_timeout_elapsed(uart);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RX_TIMEOUT);
	uart_read(uart, UART_RX);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	/* Nothing waits any more: no timer, and a late one does nothing */
	KUNIT_EXPECT_EQ(test, uart_arm_rx_timeout(uart), 0);
	uart_rx_timeout_elapsed(uart);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
}

static void enabling_the_data_interrupt_starts_the_timeout_of_waiting_ones(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON | UART_FCR_TRIGGER_8);
	uart_send(uart, 0, 1);
	KUNIT_EXPECT_EQ(test, uart_arm_rx_timeout(uart), 0);
	uart_write(uart, UART_IER, UART_IER_RDI);
	KUNIT_EXPECT_GT(test, uart_arm_rx_timeout(uart), 0);
}

static void the_slowest_line_has_a_timeout_of_27_seconds(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_LCR, UART_LCR_DLAB);
	uart_write(uart, UART_DLL, 0xff);
	uart_write(uart, UART_DLM, 0xff);
	uart_write(uart, UART_LCR, UART_LCR_WLEN8);
	uart_write(uart, UART_FCR, FIFO_ON | UART_FCR_TRIGGER_8);
	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_send(uart, 0, 1);
	/* 65535 * 48 / 115200 s: does not overflow */
	KUNIT_EXPECT_EQ(test, uart_arm_rx_timeout(uart) / 1000000, 27);
}

static void highest_priority_is_reported_alone_and_then_the_next(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_write(uart, UART_IER, 0x0f);
	uart_write(uart, UART_MCR, UART_MCR_RTS);
	uart_send(uart, 0, 17);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RLSI);
	uart_read(uart, UART_LSR);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RDI);
	for (unsigned int i = 0; i < 16; i++)
		uart_read(uart, UART_RX);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_THRI);
	/* Reading IIR when it says THRI clears THRI */
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_MSI);
	uart_read(uart, UART_MSR);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
}

static void thri_hidden_by_a_higher_one_is_not_cleared_by_reading_iir(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_write(uart, UART_IER, UART_IER_RDI | UART_IER_THRI);
	uart_send(uart, 0, 1);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RDI);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RDI);
	uart_read(uart, UART_RX);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_THRI);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
}

/* serial8250_do_startup(): UART_BUG_THRE and UART_BUG_TXEN */
static void enabling_thri_raises_it_each_time(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	for (unsigned int i = 0; i < 3; i++) {
		uart_write(uart, UART_IER, UART_IER_THRI);
		KUNIT_EXPECT_TRUE(test, uart_read(uart, UART_LSR) & UART_LSR_TEMT);
		KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_THRI);
		KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
		/* Writing the same value again changes nothing */
		uart_write(uart, UART_IER, UART_IER_THRI);
		KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
		uart_write(uart, UART_IER, 0);
		KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	}
}

/* autoconfig(): existence, loop-back and FIFO type */
static void the_8250_driver_recognizes_a_16550a(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_IER, 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IER), 0);
	uart_write(uart, UART_IER, IER_ALL);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IER), IER_ALL);
	uart_write(uart, UART_IER, 0);
	uart_write(uart, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR) & MSR_STATUS,
			UART_MSR_DCD | UART_MSR_CTS);
	uart_write(uart, UART_MCR, 0);
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IIR) & UART_IIR_FIFO_ENABLED,
			UART_IIR_FIFO_ENABLED_16550A);
	uart_write(uart, UART_FCR, 0);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_IIR) & UART_IIR_FIFO_ENABLED, 0);
}

/* size_fifo() */
static void the_8250_driver_counts_sixteen_characters(struct kunit *test)
{
	struct uart *uart = uart_of(test);
	unsigned int count;

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	uart_send(uart, 0, 256);
	for (count = 0; (uart_read(uart, UART_LSR) & UART_LSR_DR) && count < 256; count++)
		KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), count);
	KUNIT_EXPECT_EQ(test, count, UART_FIFO_DEPTH);
}

static void the_plug_wires_rts_to_cts_and_dtr_to_dsr_and_dcd(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_IER, UART_IER_MSI);
	uart_write(uart, UART_MCR, UART_MCR_RTS);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_MSI);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_CTS | UART_MSR_DCTS);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_CTS);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	uart_write(uart, UART_MCR, UART_MCR_DTR);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_DSR | UART_MSR_DDSR |
			UART_MSR_DCD | UART_MSR_DDCD | UART_MSR_DCTS);
	/* OUT1 and OUT2 are on no pin of the plug */
	uart_write(uart, UART_MCR, UART_MCR_DTR | UART_MCR_OUT1 | UART_MCR_OUT2);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_DSR | UART_MSR_DCD);
}

static void internal_loop_wires_the_four_outputs_to_the_four_inputs(struct kunit *test)
{
	static const u8 wires[][2] = {
		{ UART_MCR_DTR, UART_MSR_DSR }, { UART_MCR_RTS, UART_MSR_CTS },
		{ UART_MCR_OUT1, UART_MSR_RI }, { UART_MCR_OUT2, UART_MSR_DCD },
	};
	struct uart *uart = uart_of(test);

	uart_set_plug(uart, false);
	for (unsigned int outputs = 0; outputs < 16; outputs++) {
		u8 inputs = 0;

		for (unsigned int i = 0; i < ARRAY_SIZE(wires); i++)
			if (outputs & wires[i][0])
				inputs |= wires[i][1];
		uart_write(uart, UART_MCR, UART_MCR_LOOP | outputs);
		KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR) & MSR_STATUS, inputs);
	}
}

static void ring_indicator_counts_only_when_it_ends(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_RI);
	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR), UART_MSR_TERI);
}

static void without_the_plug_nothing_comes_back(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_IER, UART_IER_MSI);
	uart_write(uart, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	uart_read(uart, UART_MSR);
	uart_set_plug(uart, false);
	/* Carrier is lost */
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_MSI);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_MSR),
			UART_MSR_DCTS | UART_MSR_DDSR | UART_MSR_DDCD);
	uart_send(uart, 1, 1);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	/* Inside the chip it still does */
	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	uart_send(uart, 1, 1);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 1);
}

static void a_break_arrives_as_a_break(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, FIFO_ON);
	uart_write(uart, UART_IER, UART_IER_RLSI);
	uart_write(uart, UART_LCR, UART_LCR_WLEN8 | UART_LCR_SBC);
	/* Nothing gets through while the line is held */
	uart_send(uart, 'x', 1);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_RLSI);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_BI | UART_LSR_FE |
			UART_LSR_FIFOE | UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
	KUNIT_EXPECT_EQ(test, iir_cause(test), UART_IIR_NO_INT);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 0);
	uart_write(uart, UART_LCR, UART_LCR_WLEN8);
	uart_send(uart, 'y', 1);
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_RX), 'y');
	KUNIT_EXPECT_EQ(test, uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void switching_the_fifos_empties_them(struct kunit *test)
{
	struct uart *uart = uart_of(test);

	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO);
	uart_send(uart, 0, 5);
	/* Another trigger level alone does not */
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	KUNIT_EXPECT_TRUE(test, uart_read(uart, UART_LSR) & UART_LSR_DR);
	uart_write(uart, UART_FCR, 0);
	KUNIT_EXPECT_FALSE(test, uart_read(uart, UART_LSR) & UART_LSR_DR);
	uart_send(uart, 0, 1);
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO);
	KUNIT_EXPECT_FALSE(test, uart_read(uart, UART_LSR) & UART_LSR_DR);
}

static struct kunit_case uart_cases[] = {
	KUNIT_CASE(registers_after_reset_are_those_of_the_data_sheet),
	KUNIT_CASE(reset_forgets_everything_but_the_plug),
	KUNIT_CASE(reserved_bits_read_as_zero),
	KUNIT_CASE(lsr_and_msr_are_read_only),
	KUNIT_CASE(dlab_turns_the_first_two_registers_into_the_divisor),
	KUNIT_CASE(a_full_fifo_comes_back_whole_and_in_order),
	KUNIT_CASE(an_empty_receiver_reads_as_zero),
	KUNIT_CASE(the_seventeenth_character_is_lost_and_sets_overrun),
	KUNIT_CASE(without_fifos_the_new_character_replaces_the_old),
	KUNIT_CASE_PARAM(data_interrupt_follows_the_trigger_level, trigger_gen_params),
	KUNIT_CASE(characters_below_the_level_time_out),
	KUNIT_CASE(enabling_the_data_interrupt_starts_the_timeout_of_waiting_ones),
	KUNIT_CASE(the_slowest_line_has_a_timeout_of_27_seconds),
	KUNIT_CASE(highest_priority_is_reported_alone_and_then_the_next),
	KUNIT_CASE(thri_hidden_by_a_higher_one_is_not_cleared_by_reading_iir),
	KUNIT_CASE(enabling_thri_raises_it_each_time),
	KUNIT_CASE(the_8250_driver_recognizes_a_16550a),
	KUNIT_CASE(the_8250_driver_counts_sixteen_characters),
	KUNIT_CASE(the_plug_wires_rts_to_cts_and_dtr_to_dsr_and_dcd),
	KUNIT_CASE(internal_loop_wires_the_four_outputs_to_the_four_inputs),
	KUNIT_CASE(ring_indicator_counts_only_when_it_ends),
	KUNIT_CASE(without_the_plug_nothing_comes_back),
	KUNIT_CASE(a_break_arrives_as_a_break),
	KUNIT_CASE(switching_the_fifos_empties_them),
	{}
};

static struct kunit_suite uart_suite = {
	.name = "mtty_uart",
	.init = uart_test_init,
	.test_cases = uart_cases,
};

kunit_test_suite(uart_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of mtty");
