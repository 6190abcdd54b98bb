// SPDX-License-Identifier: GPL-2.0-only
/*
 * The callout as mdevctl calls it, on a fake root: a parent of the kit's with two types, a foreign
 * one, and one mdev.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "callout.h"
#include "sysfs.h"

#define MDEV "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define FREE "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
#define PARENT "0000:00:03.0"
#define TYPES "/sys/class/mdev_bus/" PARENT "/mdev_supported_types"
#define KIT "/sys/class/mdev_bus/" PARENT "/mdevkit"
#define RULES "lanes 1-8\nloopback bool\nspeed slow|fast\nlabel any\n"

static char *fake;

/* What the last call did */
static struct {
	int code;
	char *out;
	char *err;
} last;

static void make_folder(const char *path)
{
	__cleanup_free char *full = format("%s%s", fake, path);
	char *slash;

	for (slash = full + strlen(fake) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	assert_true(!mkdir(full, 0755) || errno == EEXIST);
}

static void make_file(const char *path, const char *text)
{
	__cleanup_free char *full = format("%s%s", fake, path);
	FILE *file = fopen(full, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remove_file(const char *path)
{
	__cleanup_free char *full = format("%s%s", fake, path);

	assert_int_equal(remove(full), 0);
}

static void make_link(const char *path, const char *target)
{
	__cleanup_free char *full = format("%s%s", fake, path);

	assert_int_equal(symlink(target, full), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void make_mdev_attributes(void)
{
	make_file("/sys/bus/mdev/devices/" MDEV "/lanes", "2\n");
	make_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1\n");
	make_file("/sys/bus/mdev/devices/" MDEV "/speed", "slow\n");
	make_file("/sys/bus/mdev/devices/" MDEV "/label", "first \"slice\"\\\n");
}

static int set_up(void **state)
{
	fake = duplicate("/tmp/mdevctl-callout-test.XXXXXX");
	assert_non_null(mkdtemp(fake));
	setenv("MDEVKIT_ROOT", fake, 1);
	set_root(NULL);
	make_folder(TYPES "/mdma-1");
	make_folder(TYPES "/mdma-soft");
	make_folder(KIT);
	make_folder("/sys/class/mdev_bus/foreign/mdev_supported_types/gpu-1");
	make_folder("/sys/bus/mdev/devices/" MDEV);
	make_file(TYPES "/mdma-1/available_instances", "4\n");
	make_file(TYPES "/mdma-soft/available_instances", "4\n");
	make_file(KIT "/pasid_blocked", "\n");
	make_file(KIT "/attributes", RULES);
	make_mdev_attributes();
	return 0;
}

static int tear_down(void **state)
{
	free(last.out);
	free(last.err);
	memset(&last, 0, sizeof(last));
	nftw(fake, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(fake);
	return 0;
}

/* One call of mdevctl's, which writes @input, @len bytes of it */
static void call_with(const char *type, const char *event, const char *action, const char *state,
		      const char *uuid, const char *parent, const char *input, size_t len)
{
	const char *const argv[] = { "mdevctl-callout",
			       "-t",
			       type,
			       "-e",
			       event,
			       "-a",
			       action,
			       "-s",
			       state,
			       "-u",
			       uuid,
			       "-p",
			       parent,
			       NULL };
	FILE *in = len ? fmemopen((char *)input, len, "r") : fopen("/dev/null", "r");
	size_t out_len, err_len;
	FILE *out, *err;

	free(last.out);
	free(last.err);
	out = open_memstream(&last.out, &out_len);
	err = open_memstream(&last.err, &err_len);
	last.code = callout(13, (char **)argv, in, out, err);
	/* All is read, or mdevctl gets EPIPE. */
	assert_int_equal(fgetc(in), EOF);
	fclose(in);
	fclose(out);
	fclose(err);
}

static void call(const char *event, const char *action, const char *uuid, const char *input)
{
	call_with("mdma-1", event, action, "none", uuid, PARENT, input, strlen(input));
}

static char *definition(const char *attrs)
{
	return format("{\"mdev_type\":\"mdma-1\",\"start\":\"manual\",\"attrs\":%s}", attrs);
}

static void call_attrs(const char *event, const char *action, const char *uuid, const char *attrs)
{
	__cleanup_free char *input = definition(attrs);

	call(event, action, uuid, input);
}

static void assert_accepted(void)
{
	assert_string_equal(last.err, "");
	assert_int_equal(last.code, CALLOUT_ACCEPTED);
}

/* With one line that has @text in it, and nothing on stdout */
static void assert_refused(const char *text)
{
	if (!strstr(last.err, text))
		print_error("not with \"%s\": %s\n", text, last.err);
	assert_non_null(strstr(last.err, text));
	assert_int_equal(last.code, CALLOUT_REFUSED);
	assert_string_equal(last.out, "");
	assert_ptr_equal(strchr(last.err, '\n'), last.err + strlen(last.err) - 1);
}

static void assert_file(const char *path, const char *text)
{
	__cleanup_free char *now = read_file(path);

	assert_non_null(now);
	assert_string_equal(now, text);
}

/* Whose it is */

static void test_every_event_of_a_foreign_parent_is_not_mine(void **state)
{
	static const char *const events[] = { "get", "pre", "post", "live" };
	static const char *const actions[] = { "capabilities", "attributes", "define",	"modify",
					       "start",	       "stop",	     "undefine" };
	size_t e, a;

	for (e = 0; e < 4; e++) {
		for (a = 0; a < 7; a++) {
			call_with("gpu-1", events[e], actions[a], "none", FREE, "foreign", "junk",
				  4);
			assert_int_equal(last.code, CALLOUT_NOT_MINE);
			assert_string_equal(last.err, "");
		}
	}
}

static void test_a_parent_that_is_not_there_is_not_mine(void **state)
{
	call_with("mdma-1", "pre", "define", "none", FREE, "0000:00:04.0", "junk", 4);
	assert_int_equal(last.code, CALLOUT_NOT_MINE);
}

static void test_what_is_no_event_of_the_protocol_is_not_mine(void **state)
{
	call("pre", "explode", FREE, "{}");
	assert_int_equal(last.code, CALLOUT_NOT_MINE);
	call("later", "start", FREE, "{}");
	assert_int_equal(last.code, CALLOUT_NOT_MINE);
}

static void test_a_parent_named_by_a_path_is_refused(void **state)
{
	call_with("mdma-1", "pre", "define", "none", FREE, "./" PARENT, "{}", 2);
	assert_refused("cannot be a parent's name");
	call_with("mdma-1", "pre", "define", "none", FREE, "/tmp/evil", "{}", 2);
	assert_refused("cannot be a parent's name");
	call_with("mdma-1", "get", "capabilities", "none", FREE, "/tmp/evil", "{}", 2);
	assert_int_equal(last.code, CALLOUT_NOT_MINE);
}

static void test_a_call_by_hand_says_how_mdevctl_calls(void **state)
{
	const char *const argv[] = { "mdevctl-callout", "--help", NULL };
	size_t len;
	FILE *err = open_memstream(&last.err, &len);
	FILE *in = fopen("/dev/null", "r");

	last.code = callout(2, (char **)argv, in, in, err);
	fclose(in);
	fclose(err);
	assert_int_equal(last.code, CALLOUT_REFUSED);
	assert_non_null(strstr(last.err, "-t TYPE"));
}

static void test_the_root_is_mdevctls_when_the_kit_has_none(void **state)
{
	unsetenv("MDEVKIT_ROOT");
	setenv("MDEVCTL_ENV_ROOT", fake, 1);
	call_attrs("pre", "define", FREE, "[]");
	unsetenv("MDEVCTL_ENV_ROOT");
	assert_accepted();
}

/* Capabilities */

/* With ' for " */
static char *capabilities(const char *word, int version, const char *actions, const char *events)
{
	char *text = format("{'%s':{'version':%d,'actions':[%s],'events':[%s]}}\n", word, version,
			    actions, events);
	char *c;

	for (c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

#define ALL_ACTIONS "'start','stop','define','undefine','modify','attributes','capabilities'"
#define ALL_EVENTS "'pre','post','notify','get','live'"

static void ask_capabilities(int version, const char *actions, const char *events)
{
	__cleanup_free char *text = capabilities("provides", version, actions, events);

	call("get", "capabilities", FREE, text);
}

static void assert_capabilities(int version, const char *actions, const char *events)
{
	__cleanup_free char *text = capabilities("supports", version, actions, events);

	assert_accepted();
	assert_string_equal(last.out, text);
}

static void test_all_actions_and_events_are_listed(void **state)
{
	ask_capabilities(2, ALL_ACTIONS, ALL_EVENTS);
	assert_capabilities(2, ALL_ACTIONS, ALL_EVENTS);
}

static void test_a_newer_mdevctl_is_told_what_this_one_knows(void **state)
{
	ask_capabilities(7, "'start','migrate'", "'pre','during'");
	assert_capabilities(2, "'start'", "'pre'");
}

static void test_an_older_mdevctl_keeps_its_version(void **state)
{
	ask_capabilities(1, "'start'", "'pre'");
	assert_capabilities(1, "'start'", "'pre'");
}

static void test_capabilities_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"provides\":[]}",
		"{\"provides\":{\"version\":\"2\",\"actions\":[],\"events\":[]}}",
		"{\"provides\":{\"version\":0,\"actions\":[],\"events\":[]}}",
		"{\"provides\":{\"version\":2,\"actions\":{},\"events\":[]}}",
		"{\"provides\":{\"version\":2,\"actions\":[]}}",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		call("get", "capabilities", FREE, bad[i]);
		assert_refused("mdevctl's capabilities: ");
	}
	call("get", "capabilities", FREE, "");
	assert_refused("no JSON");
}

static void test_capabilities_of_a_wrong_type_inside_lists_are_left_out(void **state)
{
	ask_capabilities(2, "null,1,[],'stop'", "{}");
	assert_capabilities(2, "'stop'", "");
}

/* Definitions */

static void test_good_definitions_are_accepted(void **state)
{
	static const char *const good[] = {
		"[]",
		"null",
		"[{\"lanes\":\"1\"}]",
		"[{\"lanes\":\"8\"},{\"loopback\":\"off\"},{\"speed\":\"fast\"},{\"label\":\"a b/c\"}]",
		"[{\"loopback\":\"Yes\"}]",
		"[{\"speed\":\"slow\"}]",
		"[{\"label\":\"\\u00e9:\\\"\"}]",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		call_attrs("pre", "define", FREE, good[i]);
		assert_accepted();
		call_attrs("pre", "modify", FREE, good[i]);
		assert_accepted();
		call_attrs("pre", "start", FREE, good[i]);
		assert_accepted();
	}
}

static void test_bad_attributes_are_refused(void **state)
{
	static const struct {
		const char *attrs;
		const char *why;
	} bad[] = {
		{ "[{\"colour\":\"red\"}]",
		  "attribute \"colour\": the mdevs of " PARENT " have none of that name" },
		{ "[{\"lanes\":\"0\"}]", "\"0\" is not a whole number from 1 to 8" },
		{ "[{\"lanes\":\"9\"}]", "\"9\" is not a whole number from 1 to 8" },
		{ "[{\"lanes\":\"18446744073709551617\"}]", "is not a whole number" },
		{ "[{\"lanes\":\"-1\"}]", "is not a whole number" },
		{ "[{\"lanes\":\" 1\"}]", "is not a whole number" },
		{ "[{\"lanes\":\"1x\"}]", "is not a whole number" },
		{ "[{\"loopback\":\"2\"}]", "\"2\" is not 0 or 1" },
		{ "[{\"loopback\":\"o\"}]", "is not 0 or 1" },
		{ "[{\"speed\":\"fas\"}]", "is not one of slow|fast" },
		{ "[{\"speed\":\"slow|fast\"}]", "is not one of slow|fast" },
		{ "[{\"speed\":\"faster\"}]", "is not one of slow|fast" },
		{ "[{\"label\":\"\"}]", "its value is empty" },
		{ "[{\"lanes\":1}]", "attribute \"lanes\": its value is not a string" },
		{ "[{\"lanes\":null}]", "its value is not a string" },
		{ "[{\"/tmp/evil\":\"1\"}]",
		  "attribute \"/tmp/evil\": its name is empty, a path or starts with a dot" },
		{ "[{\"a/b\":\"1\"}]", "its name is" },
		{ "[{\"..\":\"1\"}]", "its name is" },
		{ "[{\".lanes\":\"1\"}]", "its name is" },
		{ "[{\"\":\"1\"}]", "its name is" },
		{ "[{\"lanes\":\"1\"},{\"lanes\":\"1\"}]", "attribute \"lanes\" is given twice" },
		{ "[{\"lanes\":\"1\",\"lanes\":\"2\"}]", "one name twice" },
		{ "[{\"lanes\":\"1\",\"speed\":\"slow\"}]", "not an object with one member" },
		{ "[{}]", "not an object with one member" },
		{ "[\"lanes\"]", "not an object with one member" },
		{ "{\"lanes\":\"1\"}", "\"attrs\" is no array" },
		{ "\"lanes\"", "\"attrs\" is no array" },
		{ "[{\"label\":\"a\\u0000b\"}]", "a 0 byte" },
		{ "[{\"label\\u0000\":\"a\"}]", "a 0 byte" },
		{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "no JSON" },
		{ "[{\"label\":\"\xff\"}]", "no JSON" },
		{ "[{\"la\\u001bbel\":\"a\"}]", "\"la\\u001bbel\"" },
	};
	static const char *const actions[] = { "define", "modify", "start" };
	size_t i, a;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (a = 0; a < 3; a++) {
			call_attrs("pre", actions[a], FREE, bad[i].attrs);
			assert_refused(bad[i].why);
		}
		call_attrs("live", "modify", MDEV, bad[i].attrs);
		assert_refused(bad[i].why);
	}
}

static void test_input_that_is_no_definition_is_refused(void **state)
{
	static const struct {
		const char *input;
		const char *why;
	} bad[] = {
		{ "", "no JSON" },
		{ "{\"mdev_type\":\"mdma-1\",\"start\":\"man", "no JSON" },
		{ "[]", "no JSON object" },
		{ "{}", "\"mdev_type\" is not \"mdma-1\"" },
		{ "{\"mdev_type\":7,\"start\":\"auto\"}", "\"mdev_type\" is not \"mdma-1\"" },
		{ "{\"mdev_type\":\"mdma-2\",\"start\":\"auto\"}",
		  "\"mdev_type\" is not \"mdma-1\"" },
		{ "{\"mdev_type\":\"mdma-1\"}", "\"start\" is neither \"manual\" nor \"auto\"" },
		{ "{\"mdev_type\":\"mdma-1\",\"start\":\"always\"}", "\"start\" is neither" },
		{ "{\"mdev_type\":\"mdma-1\",\"start\":true}", "\"start\" is neither" },
		{ "{\"mdev_type\":\"mdma-1\",\"start\":\"auto\",\"start\":\"manual\"}",
		  "one name twice" },
		{ "{\"mdev_type\":\"mdma-1\",\"start\":\"auto\"} junk", "no JSON" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		call("pre", "define", FREE, bad[i].input);
		assert_refused(bad[i].why);
	}
	call_with("mdma-1", "pre", "define", "none", FREE, PARENT, "{}\0{}", 5);
	assert_refused("a 0 byte");
}

static void test_huge_input_is_refused_and_read_to_its_end(void **state)
{
	size_t len = 3 << 20;
	char *input = malloc(len);

	memset(input, ' ', len);
	call_with("mdma-1", "pre", "define", "none", FREE, PARENT, input, len);
	free(input);
	assert_refused("longer than");
}

static void test_a_value_longer_than_sysfs_takes_is_refused(void **state)
{
	__cleanup_free char *longest = format("[{\"label\":\"%04095d\"}]", 0);
	__cleanup_free char *too_long = format("[{\"label\":\"%04096d\"}]", 0);

	call_attrs("pre", "define", FREE, longest);
	assert_accepted();
	call_attrs("pre", "define", FREE, too_long);
	assert_refused("longer than 4095 bytes");
}

static void test_a_type_that_the_parent_does_not_offer_is_refused(void **state)
{
	static const char *const input = "{\"mdev_type\":\"mdma-9\",\"start\":\"auto\"}";
	static const char *const path = "{\"mdev_type\":\"../mdevkit\",\"start\":\"auto\"}";

	call_with("mdma-9", "pre", "define", "none", FREE, PARENT, input, strlen(input));
	assert_refused(PARENT " offers no type \"mdma-9\"");
	call_with("../mdevkit", "pre", "start", "none", FREE, PARENT, path, strlen(path));
	assert_refused("offers no type");
}

static void test_an_older_kit_that_lists_nothing_has_names_checked_only(void **state)
{
	remove_file(KIT "/attributes");
	call_attrs("pre", "define", FREE, "[{\"colour\":\"red\"}]");
	assert_accepted();
	call_attrs("pre", "define", FREE, "[{\"/colour\":\"red\"}]");
	assert_refused("its name is");
	call("get", "attributes", MDEV, "");
	assert_accepted();
	assert_string_equal(last.out, "[]\n");
}

static void test_an_empty_list_means_no_attribute(void **state)
{
	make_file(KIT "/attributes", "");
	call_attrs("pre", "define", FREE, "[]");
	assert_accepted();
	call_attrs("pre", "define", FREE, "[{\"lanes\":\"1\"}]");
	assert_refused("none of that name");
}

static void test_a_range_may_end_at_the_largest_number(void **state)
{
	make_file(KIT "/attributes", "rate 0-18446744073709551615\n");
	call_attrs("pre", "define", FREE, "[{\"rate\":\"18446744073709551615\"}]");
	assert_accepted();
	call_attrs("pre", "define", FREE, "[{\"rate\":\"18446744073709551616\"}]");
	assert_refused("is not a whole number");
}

static void test_a_list_that_cannot_be_read_refuses(void **state)
{
	remove_file(KIT "/attributes");
	make_folder(KIT "/attributes");
	call_attrs("pre", "define", FREE, "[]");
	assert_refused(KIT "/attributes: Is a directory");
}

static void test_what_is_broken_can_be_stopped_and_undefined(void **state)
{
	call("pre", "stop", MDEV, "{\"mdev_type\":\"gone\",\"attrs\":[{\"/x\":\"1\"}]}");
	assert_accepted();
	call("pre", "undefine", MDEV, "junk");
	assert_accepted();
}

static void test_posts_are_accepted_in_every_state(void **state)
{
	static const char *const actions[] = { "define", "modify", "start", "stop", "undefine" };
	static const char *const states[] = { "none", "success", "failure" };
	size_t a, s;

	for (a = 0; a < 5; a++) {
		for (s = 0; s < 3; s++) {
			call_with("mdma-1", "post", actions[a], states[s], FREE, PARENT, "{}", 2);
			assert_accepted();
			assert_string_equal(last.out, "");
		}
	}
}

/* Start */

static void test_start_of_a_uuid_that_exists_is_refused(void **state)
{
	call_attrs("pre", "start", MDEV, "[]");
	assert_refused("an mdev " MDEV " exists already");
	call_attrs("pre", "define", MDEV, "[]");
	assert_accepted();
}

static void test_start_without_capacity_is_refused_and_define_is_not(void **state)
{
	make_file(TYPES "/mdma-1/available_instances", "0\n");
	call_attrs("pre", "start", FREE, "[]");
	assert_refused(PARENT " has no capacity left for mdma-1");
	call_attrs("pre", "define", FREE, "[]");
	assert_accepted();
}

static void test_start_on_a_blocked_parent_says_why_and_define_warns(void **state)
{
	make_file(KIT "/pasid_blocked", "no IOMMU behind this device\n");
	make_file(TYPES "/mdma-1/available_instances", "0\n");
	call_attrs("pre", "start", FREE, "[]");
	assert_refused("can have no mdev with a PASID: no IOMMU behind this device");
	call_attrs("pre", "define", FREE, "[]");
	assert_int_equal(last.code, CALLOUT_ACCEPTED);
	assert_non_null(strstr(last.err, "warning: "));
	assert_non_null(strstr(last.err, "no IOMMU behind this device"));
}

static void test_a_software_type_of_a_blocked_parent_starts(void **state)
{
	static const char *const input = "{\"mdev_type\":\"mdma-soft\",\"start\":\"auto\"}";

	make_file(KIT "/pasid_blocked", "no IOMMU behind this device\n");
	call_with("mdma-soft", "pre", "start", "none", FREE, PARENT, input, strlen(input));
	assert_accepted();
	call_with("mdma-soft", "pre", "define", "none", FREE, PARENT, input, strlen(input));
	assert_accepted();
}

static void test_start_names_the_file_that_cannot_be_read(void **state)
{
	remove_file(TYPES "/mdma-1/available_instances");
	call_attrs("pre", "start", FREE, "[]");
	assert_refused("available_instances: No such file");
}

/* Attributes that are */

#define LIVE_WORDS "{\"lanes\":\"2\"},{\"loopback\":\"1\"},{\"speed\":\"slow\"},"
#define LIVE_ATTRIBUTES LIVE_WORDS "{\"label\":\"first \\\"slice\\\"\\\\\"}"

static void test_attributes_are_printed_as_strings_in_single_objects(void **state)
{
	call("get", "attributes", MDEV, "");
	assert_accepted();
	assert_string_equal(last.out, "[" LIVE_ATTRIBUTES "]\n");
}

static void test_attributes_that_could_not_be_written_again_are_left_out(void **state)
{
	remove_file("/sys/bus/mdev/devices/" MDEV "/lanes");
	make_file("/sys/bus/mdev/devices/" MDEV "/speed", "[slow] fast\n");
	make_file("/sys/bus/mdev/devices/" MDEV "/label", "\n");
	make_file("/sys/bus/mdev/devices/" MDEV "/driver_override", "(null)\n");
	call("get", "attributes", MDEV, "");
	assert_accepted();
	assert_string_equal(last.out, "[{\"loopback\":\"1\"}]\n");
}

static void test_odd_characters_are_escaped(void **state)
{
	make_file("/sys/bus/mdev/devices/" MDEV "/label", "a\nb\t\x01\xc3\xa9/\n");
	call("get", "attributes", MDEV, "");
	assert_accepted();
	assert_non_null(strstr(last.out, "{\"label\":\"a\\nb\\t\\u0001\xc3\xa9/\"}"));
}

static void test_what_json_cannot_hold_is_an_error(void **state)
{
	make_file("/sys/bus/mdev/devices/" MDEV "/label", "\xff\xfe\n");
	call("get", "attributes", MDEV, "");
	assert_refused("not UTF-8");
}

static void test_attributes_of_an_mdev_that_has_gone_are_an_error(void **state)
{
	call("get", "attributes", FREE, "");
	assert_refused("there is no mdev " FREE);
}

static void test_an_attribute_that_fails_is_an_error(void **state)
{
	remove_file("/sys/bus/mdev/devices/" MDEV "/speed");
	make_folder("/sys/bus/mdev/devices/" MDEV "/speed");
	call("get", "attributes", MDEV, "");
	assert_refused("/speed: Is a directory");
}

/* Live modification */

static void test_live_modify_sets_what_is_given_and_leaves_the_rest(void **state)
{
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"0\"},{\"lanes\":\"7\"}]");
	assert_accepted();
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "0");
	assert_file("/sys/bus/mdev/devices/" MDEV "/lanes", "7");
	assert_file("/sys/bus/mdev/devices/" MDEV "/speed", "slow");
}

static void test_live_modify_writes_nothing_when_one_value_is_bad(void **state)
{
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"0\"},{\"lanes\":\"70\"}]");
	assert_refused("\"70\" is not a whole number");
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1");
}

static void test_live_modify_writes_nothing_when_one_is_missing(void **state)
{
	remove_file("/sys/bus/mdev/devices/" MDEV "/lanes");
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"0\"},{\"lanes\":\"7\"}]");
	assert_refused("/lanes cannot be read");
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1");
}

/* Root can read this file of procfs, and nobody can write it. */
static void test_live_modify_puts_back_what_was_written_when_a_write_fails(void **state)
{
	call_attrs("live", "modify", MDEV,
		   "[{\"loopback\":\"0\"},{\"lanes\":\"7\"},{\"speed\":\"fast\"}]");
	assert_accepted();
	make_mdev_attributes();
	remove_file("/sys/bus/mdev/devices/" MDEV "/speed");
	make_link("/sys/bus/mdev/devices/" MDEV "/speed", "/proc/self/stat");
	call_attrs("live", "modify", MDEV,
		   "[{\"loopback\":\"0\"},{\"lanes\":\"7\"},{\"speed\":\"fast\"}]");
	assert_refused("/speed: \"fast\" is refused: ");
	assert_null(strstr(last.err, "put back"));
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1");
	assert_file("/sys/bus/mdev/devices/" MDEV "/lanes", "2");
}

/* This file of procfs, the thread's name, keeps 15 bytes of what is written. */
static void test_live_modify_puts_back_when_a_value_did_not_take(void **state)
{
	__cleanup_free char *name = NULL;

	make_file(KIT "/attributes", RULES "mode fast|faster_than_a_name\n");
	make_link("/sys/bus/mdev/devices/" MDEV "/mode", "/proc/self/comm");
	name = read_file("/sys/bus/mdev/devices/" MDEV "/mode");
	assert_non_null(name);
	call_attrs("live", "modify", MDEV,
		   "[{\"loopback\":\"0\"},{\"mode\":\"faster_than_a_name\"}]");
	assert_refused("\"faster_than_a_name\" was written, and it reads \"faster_than_a_n\"");
	assert_null(strstr(last.err, "put back"));
	assert_file("/sys/bus/mdev/devices/" MDEV "/mode", name);
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1");
}

static void test_live_modify_takes_another_spelling_of_the_same_value(void **state)
{
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"yes\"}]");
	assert_accepted();
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "yes");
}

static void test_live_modify_of_two_at_once_is_refused_to_one(void **state)
{
	int lock = lock_folder("/sys/bus/mdev/devices/" MDEV);

	assert_true(lock >= 0);
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"0\"}]");
	assert_refused("another program is changing");
	assert_file("/sys/bus/mdev/devices/" MDEV "/loopback", "1");
	close(lock);
	call_attrs("live", "modify", MDEV, "[{\"loopback\":\"0\"}]");
	assert_accepted();
}

static void test_live_modify_of_what_is_not_there_is_refused(void **state)
{
	call_attrs("live", "modify", FREE, "[{\"loopback\":\"0\"}]");
	assert_refused("there is no mdev");
}

/* Notifications */

static void assert_notified(const char *action, const char *state, const char *line)
{
	call_with("mdma-1", "notify", action, state, MDEV, PARENT, "{}", 2);
	assert_int_equal(last.code, CALLOUT_ACCEPTED);
	assert_string_equal(last.err, line);
	assert_string_equal(last.out, "");
}

static void test_a_notification_is_one_line(void **state)
{
	assert_notified("start", "success",
			"mdevkit: mdev " MDEV " (mdma-1 on " PARENT ") started\n");
	assert_notified("stop", "success",
			"mdevkit: mdev " MDEV " (mdma-1 on " PARENT ") stopped\n");
	assert_notified("define", "success",
			"mdevkit: mdev " MDEV " (mdma-1 on " PARENT ") defined\n");
	assert_notified("start", "failure",
			"mdevkit: mdev " MDEV " (mdma-1 on " PARENT ") start failed\n");
	assert_notified("start", "none",
			"mdevkit: mdev " MDEV " (mdma-1 on " PARENT ") start was refused\n");
	assert_notified("modify", "none", "");
	assert_notified("explode", "success", "");
}

static void test_a_notification_about_a_foreign_mdev_is_silent(void **state)
{
	call_with("gpu-1", "notify", "start", "success", MDEV, "foreign", "", 0);
	assert_accepted();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_every_event_of_a_foreign_parent_is_not_mine),
		TEST(test_a_parent_that_is_not_there_is_not_mine),
		TEST(test_what_is_no_event_of_the_protocol_is_not_mine),
		TEST(test_a_parent_named_by_a_path_is_refused),
		TEST(test_a_call_by_hand_says_how_mdevctl_calls),
		TEST(test_the_root_is_mdevctls_when_the_kit_has_none),
		TEST(test_all_actions_and_events_are_listed),
		TEST(test_a_newer_mdevctl_is_told_what_this_one_knows),
		TEST(test_an_older_mdevctl_keeps_its_version),
		TEST(test_capabilities_that_are_none_are_refused),
		TEST(test_capabilities_of_a_wrong_type_inside_lists_are_left_out),
		TEST(test_good_definitions_are_accepted),
		TEST(test_bad_attributes_are_refused),
		TEST(test_input_that_is_no_definition_is_refused),
		TEST(test_huge_input_is_refused_and_read_to_its_end),
		TEST(test_a_value_longer_than_sysfs_takes_is_refused),
		TEST(test_a_type_that_the_parent_does_not_offer_is_refused),
		TEST(test_an_older_kit_that_lists_nothing_has_names_checked_only),
		TEST(test_an_empty_list_means_no_attribute),
		TEST(test_a_range_may_end_at_the_largest_number),
		TEST(test_a_list_that_cannot_be_read_refuses),
		TEST(test_what_is_broken_can_be_stopped_and_undefined),
		TEST(test_posts_are_accepted_in_every_state),
		TEST(test_start_of_a_uuid_that_exists_is_refused),
		TEST(test_start_without_capacity_is_refused_and_define_is_not),
		TEST(test_start_on_a_blocked_parent_says_why_and_define_warns),
		TEST(test_a_software_type_of_a_blocked_parent_starts),
		TEST(test_start_names_the_file_that_cannot_be_read),
		TEST(test_attributes_are_printed_as_strings_in_single_objects),
		TEST(test_attributes_that_could_not_be_written_again_are_left_out),
		TEST(test_odd_characters_are_escaped),
		TEST(test_what_json_cannot_hold_is_an_error),
		TEST(test_attributes_of_an_mdev_that_has_gone_are_an_error),
		TEST(test_an_attribute_that_fails_is_an_error),
		TEST(test_live_modify_sets_what_is_given_and_leaves_the_rest),
		TEST(test_live_modify_writes_nothing_when_one_value_is_bad),
		TEST(test_live_modify_writes_nothing_when_one_is_missing),
		TEST(test_live_modify_puts_back_what_was_written_when_a_write_fails),
		TEST(test_live_modify_puts_back_when_a_value_did_not_take),
		TEST(test_live_modify_takes_another_spelling_of_the_same_value),
		TEST(test_live_modify_of_two_at_once_is_refused_to_one),
		TEST(test_live_modify_of_what_is_not_there_is_refused),
		TEST(test_a_notification_is_one_line),
		TEST(test_a_notification_about_a_foreign_mdev_is_silent),
	};

	return cmocka_run_group_tests_name("mdevctl_callout", tests, NULL, NULL);
}
