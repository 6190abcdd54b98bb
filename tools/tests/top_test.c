// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit top: rates, while time and counters are the test's own. */
#include <json-c/json.h>
#include <time.h>

#include "fake_host.h"

#define COUNTERS "/sys/kernel/debug/mdevkit/counters"

unsigned int __wrap_sleep(unsigned int seconds);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static time_t seconds_passed;
static void (*meanwhile)(void);

unsigned int __wrap_sleep(unsigned int seconds)
{
	seconds_passed += seconds;
	if (meanwhile)
		meanwhile();
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	*now = (struct timespec){ .tv_sec = 1000 + seconds_passed };
	return 0;
}

static int setup_counters(void **state)
{
	fine_setup(state);
	seconds_passed = 0;
	meanwhile = NULL;
	put(COUNTERS, UUID_A " reads 100 writes 7 interrupts 3 faults 0\n"
		      UUID_C " reads 5 writes 5 interrupts 5 faults 5\n");
	return 0;
}

/* The first is busy, the second is made anew, a third comes */
static void work(void)
{
	put(COUNTERS, UUID_A " reads 300 writes 7 interrupts 23 faults 2 novelty 9\n"
		      UUID_C " reads 1 writes 0 interrupts 0 faults 0\n"
		      UUID_B " reads 50 writes 0 interrupts 0 faults 0\n");
}

static void assert_row(const char *out, const char *uuid, const char *rates)
{
	const char *row = strstr(out, uuid);
	char squeezed[256];
	size_t n = 0;

	assert_non_null(row);
	for (; *row && *row != '\n' && n < sizeof(squeezed) - 1; row++)
		if (*row != ' ' || (n && squeezed[n - 1] != ' '))
			squeezed[n++] = *row;
	squeezed[n] = 0;
	if (!strstr(squeezed, rates))
		fail_msg("\"%s\" has no \"%s\"", squeezed, rates);
}

static void rates_are_per_second(void **state)
{
	struct outcome o __cleanup_outcome = {};

	meanwhile = work;
	o = run((const char *const[]){ "top", "--interval", "2", "--count", "1", NULL });
	assert_int_equal(o.status, 0);
	assert_row(o.out, UUID_A, "mdma-1 100 0 10 1 qemu-system-x86 (4711)");
	assert_row(o.out, UUID_C, "mtty-1 0 0 0 0");
	assert_row(o.out, UUID_B, "mdma-1 0 0 0 0");
}

static void each_time_is_a_line_of_json(void **state)
{
	struct outcome o __cleanup_outcome = {};
	struct json_object *one, *list, *value;

	meanwhile = work;
	o = run((const char *const[]){ "top", "--count", "2", "--json", NULL });
	assert_int_equal(o.status, 0);
	assert_non_null(strchr(o.out, '\n'));
	*strchr(o.out, '\n') = 0;
	one = json_tokener_parse(o.out);
	assert_true(json_object_object_get_ex(one, "mdevs", &list));
	assert_int_equal(json_object_array_length(list), 3);
	value = json_object_array_get_idx(list, 0);
	assert_true(json_object_object_get_ex(value, "reads_per_second", &value));
	assert_int_equal((int)json_object_get_double(value), 200);
	json_object_put(one);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct outcome o __cleanup_outcome = {};

	take_away("/sys/kernel/debug/mdevkit");
	o = run((const char *const[]){ "top", "--count", "1", NULL });
	assert_int_equal(o.status, EXIT_ERROR);
	assert_non_null(strstr(o.err, "modprobe mdevkit"));
}

static void wrong_values_are_refused(void **state)
{
	static const char *const wrong[][3] = {
		{ "--interval", "0" }, { "--interval", "-1" }, { "--interval", "3601" },
		{ "--count", "many" }, { "--count" },	       { "more" },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct outcome o __cleanup_outcome =
			run((const char *const[]){ "top", wrong[i][0], wrong[i][1], NULL });

		assert_int_equal(o.status, EXIT_USAGE);
	}
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup_counters, fine_teardown)
	const struct CMUnitTest tests[] = {
		CASE(rates_are_per_second),
		CASE(each_time_is_a_line_of_json),
		CASE(what_cannot_be_read_is_told),
		CASE(wrong_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
