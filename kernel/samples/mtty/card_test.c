// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: a tenant of mtty's card: BARs, the interrupt line, what the next user finds. */
#include <linux/delay.h>

#include <mdevkit/kunit.h>

#define MTTY_KUNIT
#include "card.c"

static struct mdevkit_device *open_card(struct kunit *test, unsigned int ports)
{
	struct mdevkit_device *kdev;

	kdev = mdevkit_kunit_create(test, &mtty_driver, &mtty_types[ports - 1], NULL);
	mdevkit_kunit_open(test, kdev);
	return kdev;
}

static void each_bar_is_a_uart_of_its_own(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 2);

	mdevkit_kunit_write(test, kdev, 0, UART_SCR, 1, 0x5a);
	mdevkit_kunit_write(test, kdev, 1, UART_SCR, 1, 0xa5);
	KUNIT_EXPECT_EQ(test, mdevkit_kunit_read(test, kdev, 0, UART_SCR, 1), 0x5a);
	KUNIT_EXPECT_EQ(test, mdevkit_kunit_read(test, kdev, 1, UART_SCR, 1), 0xa5);
}

static void the_line_follows_both_ports(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 2);

	for (unsigned int bar = 0; bar < 2; bar++) {
		KUNIT_EXPECT_FALSE(test, mdevkit_kunit_irq_level(kdev));
		mdevkit_kunit_write(test, kdev, bar, UART_IER, 1, UART_IER_THRI);
		KUNIT_EXPECT_TRUE(test, mdevkit_kunit_irq_level(kdev));
		mdevkit_kunit_write(test, kdev, bar, UART_IER, 1, 0);
	}
	KUNIT_EXPECT_FALSE(test, mdevkit_kunit_irq_level(kdev));
}

static void a_character_that_waits_raises_the_line_in_time(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 1);

	mdevkit_kunit_write(test, kdev, 0, UART_FCR, 1, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	mdevkit_kunit_write(test, kdev, 0, UART_IER, 1, UART_IER_RDI);
	mdevkit_kunit_write(test, kdev, 0, UART_TX, 1, 'x');
	for (int i = 0; i < 100 && !mdevkit_kunit_irq_level(kdev); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, mdevkit_kunit_irq_level(kdev));
	KUNIT_EXPECT_EQ(test, mdevkit_kunit_read(test, kdev, 0, UART_RX, 1), 'x');
	KUNIT_EXPECT_FALSE(test, mdevkit_kunit_irq_level(kdev));
}

static void the_next_user_finds_a_card_that_was_reset(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 1);

	mdevkit_kunit_write(test, kdev, 0, UART_IER, 1, UART_IER_THRI);
	mdevkit_kunit_close(kdev);
	mdevkit_kunit_open(test, kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_kunit_read(test, kdev, 0, UART_IER, 1), 0);
	KUNIT_EXPECT_FALSE(test, mdevkit_kunit_irq_level(kdev));
	KUNIT_EXPECT_STREQ(test, mdevkit_kunit_calls(kdev), "create reset reset");
}

static void without_io_decode_nobody_answers(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 1);

	mdevkit_kunit_config_write(test, kdev, PCI_COMMAND, 2, 0);
	KUNIT_EXPECT_EQ(test, mdevkit_kunit_read(test, kdev, 0, UART_SCR, 1) & 0xff, 0xff);
}

static void loopback_is_set_by_its_attribute(struct kunit *test)
{
	struct mdevkit_device *kdev = open_card(test, 1);
	bool *plugged = &to_mtty(kdev)->ports[0].uart.plugged;

	KUNIT_EXPECT_EQ(test, loopback_store(&kdev->mdev->dev, &dev_attr_loopback, "0", 1), 1);
	KUNIT_EXPECT_FALSE(test, *plugged);
	KUNIT_EXPECT_EQ(test, loopback_store(&kdev->mdev->dev, &dev_attr_loopback, "1", 1), 1);
	KUNIT_EXPECT_TRUE(test, *plugged);
}

static struct kunit_case card_test_cases[] = {
	KUNIT_CASE(each_bar_is_a_uart_of_its_own),
	KUNIT_CASE(the_line_follows_both_ports),
	KUNIT_CASE(a_character_that_waits_raises_the_line_in_time),
	KUNIT_CASE(the_next_user_finds_a_card_that_was_reset),
	KUNIT_CASE(without_io_decode_nobody_answers),
	KUNIT_CASE(loopback_is_set_by_its_attribute),
	{}
};

static struct kunit_suite card_test_suite = {
	.name = "mtty_card",
	.test_cases = card_test_cases,
};

kunit_test_suite(card_test_suite);
