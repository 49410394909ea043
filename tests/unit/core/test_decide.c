/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/fixture.h"

#include <errno.h>
#include <time.h>

#include "agent/core/decide.h"

#define STORAGE                                                                                              \
	{                                                                                                    \
		1, 0, 0, 0x08, 0x06, 0x50                                                                    \
	}
#define KEYBOARD                                                                                             \
	{                                                                                                    \
		1, 0, 0, 0x03, 0x01, 0x01                                                                    \
	}
#define KEYBOARD_SECOND                                                                                      \
	{                                                                                                    \
		1, 1, 0, 0x03, 0x01, 0x01                                                                    \
	}
#define NETWORK_SECOND                                                                                       \
	{                                                                                                    \
		1, 1, 0, 0x02, 0x06, 0x00                                                                    \
	}
#define ALLOW_ALL "allow id *:*\n"

typedef struct Sample {
	const char *port, *serial, *hash;
	uint32_t n_interfaces;
	SkUsbInterface interfaces[4];
} Sample;

static const Sample stick = {"1-1", "A1", "stick", 1, {STORAGE}};
static const Sample keyboard = {"1-2", "K1", "keyboard", 1, {KEYBOARD}};
static const Sample bad_usb = {"1-3", "B1", "bad", 2, {STORAGE, KEYBOARD_SECOND}};
static const Sample keyboard_with_network = {"1-4", "N1", "net", 2, {KEYBOARD, NETWORK_SECOND}};

static Device *plug(Fixture *f, const Sample *sample)
{
	Device *device = calloc(1, sizeof(*device));

	assert_non_null(device);
	device->facts = calloc(1, sizeof(*device->facts));
	assert_non_null(device->facts);
	device->core = &f->core;
	device->facts->vendor_id = 0x0951;
	device->facts->product_id = 0x1666;
	device->facts->n_interfaces = sample->n_interfaces;
	memcpy(device->facts->interfaces, sample->interfaces, sizeof(sample->interfaces));
	sk_str_copy(device->sysname, sizeof(device->sysname), sample->port);
	sk_str_copy(device->facts->serial, sizeof(device->facts->serial), sample->serial);
	sk_str_copy(device->facts->hash, sizeof(device->facts->hash), sample->hash);
	HASH_ADD_STR(f->core.devices, sysname, device);
	return device;
}

static Decision decide(Fixture *f, Device *device)
{
	Decision decision;

	decide_device(&f->core, device, &decision);
	return decision;
}

static void expect(Fixture *f, const Sample *sample, uint8_t action, SkReason code)
{
	Decision decision = decide(f, plug(f, sample));

	assert_int_equal(decision.code, code);
	assert_int_equal(decision.action, action);
}

static void what_no_rule_names_is_refused(void **state)
{
	expect(*state, &stick, SK_USB_BLOCK, SK_DEVICE_NOT_LISTED);
}

static void the_rule_decides_and_is_named(void **state)
{
	Fixture *f = *state;
	Decision decision;

	assert_int_equal(fixture_rules(f, "# first\nreject with-interface 08:*:*\n" ALLOW_ALL), 0);
	decision = decide(f, plug(f, &stick));
	assert_int_equal(decision.action, SK_USB_REJECT);
	assert_int_equal(decision.code, SK_DEVICE_REFUSED_BY_RULE);
	assert_string_equal(decision.rule, "10-test:2");
	expect(f, &keyboard, SK_USB_ALLOW, SK_DEVICE_ALLOWED);
}

static void storage_that_types_is_refused_whatever_the_rules_say(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	expect(f, &bad_usb, SK_USB_BLOCK, SK_DEVICE_MIXES_INPUT);
	expect(f, &keyboard_with_network, SK_USB_BLOCK, SK_DEVICE_MIXES_INPUT);
}

static void a_rule_against_an_attack_tells_it_as_one(void **state)
{
	Fixture *f = *state;
	Decision decision;

	assert_int_equal(fixture_rules(f, "block id *:* id \"no\" message \"Hand it over.\"\n"), 0);
	decision = decide(f, plug(f, &bad_usb));
	assert_int_equal(decision.code, SK_DEVICE_MIXES_INPUT);
	assert_string_equal(decision.rule, "no");
	assert_string_equal(decision.message, "Hand it over.");
}

static void a_mix_of_which_only_storage_is_granted_is_no_mix(void **state)
{
	Fixture *f = *state;
	Decision decision;

	assert_int_equal(fixture_rules(f, "allow id *:* interfaces { 08:*:* }\n"), 0);
	decision = decide(f, plug(f, &bad_usb));
	assert_int_equal(decision.code, SK_DEVICE_PARTLY_ALLOWED);
	assert_int_equal(decision.n_interfaces, 1);
	assert_int_equal(decision.interfaces[0], 0);
	assert_false(decision.all_interfaces);
}

static void a_setting_that_is_not_granted_takes_its_interface_with_it(void **state)
{
	Fixture *f = *state;
	static const Sample turncoat = {"1-5", "T", "turncoat", 2, {STORAGE, {1, 0, 1, 0xFF, 0, 0}}};
	Decision decision;

	assert_int_equal(fixture_rules(f, "allow id *:* interfaces { 08:*:* }\n"), 0);
	decision = decide(f, plug(f, &turncoat));
	assert_int_equal(decision.n_interfaces, 0);
}

static void a_known_serial_with_other_functions_is_refused(void **state)
{
	Fixture *f = *state;
	Sample changed = keyboard;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	assert_int_equal(history_note_device(f->core.history, &(HistoryDevice){.hash = "old",
								      .vendor_id = 0x0951,
								      .product_id = 0x1666,
								      .serial = "K1",
								      .name = "",
								      .interfaces = "08:06:50",
								      .user = "",
								      .code = "SK-1001"}),
		0);
	changed.hash = "new";
	expect(f, &changed, SK_USB_BLOCK, SK_DEVICE_SERIAL_OTHER_FUNCTIONS);
}

static void two_keyboards_of_one_serial_are_one_too_many(void **state)
{
	Fixture *f = *state;
	Sample twin = keyboard;

	twin.port = "1-6";
	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	expect(f, &keyboard, SK_USB_ALLOW, SK_DEVICE_ALLOWED);
	expect(f, &twin, SK_USB_BLOCK, SK_DEVICE_SERIAL_TWICE);
}

static void sticks_may_share_a_serial(void **state)
{
	Fixture *f = *state;
	Sample twin = stick;

	twin.port = "1-6";
	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	expect(f, &stick, SK_USB_ALLOW, SK_DEVICE_ALLOWED);
	expect(f, &twin, SK_USB_ALLOW, SK_DEVICE_ALLOWED);
}

static void works(Fixture *f, const char *input, const char *usb)
{
	SkInputAdded added = {.keyboard = 1};

	sk_str_copy(added.sysname, sizeof(added.sysname), input);
	sk_str_copy(added.usb, sizeof(added.usb), usb);
	input_add(&f->core, &added);
}

static void a_second_keyboard_waits_for_a_word(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	works(f, "input1", "");
	expect(f, &keyboard, SK_USB_BLOCK, SK_DEVICE_SECOND_KEYBOARD);
}

static void a_keyboard_that_is_not_granted_is_no_second_one(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, "allow id *:* interfaces { 08:*:* }\n"), 0);
	works(f, "input1", "");
	expect(f, &bad_usb, SK_USB_ALLOW, SK_DEVICE_PARTLY_ALLOWED);
}

static void a_keyboard_that_was_just_allowed_is_the_first(void **state)
{
	Fixture *f = *state;
	Sample other = keyboard;
	Device *first = plug(f, &keyboard);

	other.port = "1-6";
	other.serial = "K2";
	other.hash = "other";
	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	first->decision = decide(f, first);
	first->decided = true;
	assert_int_equal(first->decision.code, SK_DEVICE_ALLOWED);
	expect(f, &other, SK_USB_BLOCK, SK_DEVICE_SECOND_KEYBOARD);
}

static void a_mouse_that_turns_out_to_type_is_a_keyboard(void **state)
{
	Fixture *f = *state;
	static const Sample mouse = {"1-7", "M1", "mouse", 1, {{1, 0, 0, 0x03, 0x00, 0x00}}};
	Device *device = plug(f, &mouse);

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	works(f, "input1", "");
	assert_int_equal(decide(f, device).code, SK_DEVICE_ALLOWED);
	works(f, "input2", mouse.port);
	assert_int_equal(decide(f, device).code, SK_DEVICE_SECOND_KEYBOARD);
	device->known = true;
	assert_int_equal(decide(f, device).code, SK_DEVICE_ALLOWED);
}

static void the_last_working_keyboard_stays(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, "block id *:*\n"), 0);
	works(f, "input1", keyboard.port);
	expect(f, &keyboard, SK_USB_ALLOW, SK_DEVICE_KEPT_LAST_INPUT);
	works(f, "input2", "");
	assert_int_equal(decide(f, devices_find(&f->core, keyboard.port)).code, SK_DEVICE_REFUSED_BY_RULE);
}

static void an_allowance_holds_until_its_end_and_goes_over_everything(void **state)
{
	Fixture *f = *state;
	Device *device = plug(f, &bad_usb);
	Decision decision;

	assert_int_equal(history_allow(f->core.history, "bad", time(NULL) + 60, "user:0"), 0);
	decision = decide(f, device);
	assert_int_equal(decision.code, SK_DEVICE_ALLOWED_FOR_A_TIME);
	assert_in_range(decision.valid_for_sec, 1, 61);
	assert_int_equal(history_allow(f->core.history, "bad", time(NULL) - 1, "user:0"), 0);
	assert_int_equal(decide(f, device).action, SK_USB_BLOCK);
}

static void learning_allows_and_says_what_it_would_do(void **state)
{
	Fixture *f = *state;
	Decision decision;

	f->core.settings->agent.mode = SK_MODE_LEARN;
	decision = decide(f, plug(f, &bad_usb));
	assert_int_equal(decision.action, SK_USB_ALLOW);
	assert_int_equal(decision.code, SK_DEVICE_LEARNED);
	assert_int_equal(decision.would, SK_DEVICE_MIXES_INPUT);
}

static void a_bad_file_changes_nothing(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	assert_int_equal(fixture_rules(f, "allow id *:*\nallwo id *:*\n"), -EINVAL);
	expect(f, &stick, SK_USB_ALLOW, SK_DEVICE_ALLOWED);
}

static void rules_that_lock_everybody_out_are_not_taken(void **state)
{
	Fixture *f = *state;
	Device *device;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	device = plug(f, &keyboard);
	device->decision = decide(f, device);
	device->applied = device->decided = true;
	assert_int_equal(fixture_rules(f, "allow with-interface 08:*:*\n"), -EINVAL);
	assert_int_equal(decide(f, device).action, SK_USB_ALLOW);
	works(f, "input1", "");
	assert_int_equal(fixture_rules(f, ALLOW_ALL "block id *:*\n"), 0);
}

static void a_locked_screen_is_named_as_the_cause(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, "block id *:* screen-locked yes\n" ALLOW_ALL), 0);
	f->core.session.locked = true;
	expect(f, &stick, SK_USB_BLOCK, SK_DEVICE_SCREEN_LOCKED);
	f->core.session.locked = false;
	assert_int_equal(decide(f, devices_find(&f->core, stick.port)).code, SK_DEVICE_ALLOWED);
}

static void what_is_plugged_in_while_locked_waits(void **state)
{
	Fixture *f = *state;
	Device *held, *mouse;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	f->core.session.shut = true;
	held = plug(f, &stick);
	assert_int_equal(decide(f, held).code, SK_DEVICE_SCREEN_LOCKED);
	assert_int_equal(decide(f, held).action, SK_USB_BLOCK);
	/* The only keyboard there is, and then one that nobody knows beside it. */
	mouse = plug(f, &keyboard);
	assert_int_equal(decide(f, mouse).code, SK_DEVICE_ALLOWED);
	works(f, "input7", "");
	f->core.settings->devices.second_keyboard = SK_SECOND_KEYBOARD_ALLOW;
	assert_int_equal(decide(f, mouse).code, SK_DEVICE_SCREEN_LOCKED);
	mouse->known = true;
	assert_int_equal(decide(f, mouse).code, SK_DEVICE_ALLOWED);
	/* What works goes on; and what an administrator turned off is off. */
	held->decided = true;
	held->decision.action = SK_USB_ALLOW;
	assert_int_equal(decide(f, held).code, SK_DEVICE_ALLOWED);
	held->decided = false;
	f->core.settings->lock.hold_devices = SK_HOLD_DEVICES_NO;
	assert_int_equal(decide(f, held).code, SK_DEVICE_ALLOWED);
	f->core.settings->lock.hold_devices = SK_HOLD_DEVICES_YES;
	f->core.session.shut = false;
	assert_int_equal(decide(f, held).code, SK_DEVICE_ALLOWED);
}

static SkReason judge_age(int64_t days, uint64_t warn_days, uint64_t refuse_days)
{
	const SkScannerState state = {.state = SK_SCANNER_READY, .definitions_time = 1700000000};
	const SkSettings settings = {
		.scan = {.definitions_warn_days = warn_days, .definitions_refuse_days = refuse_days}};

	return decide_definitions(&state, &settings, state.definitions_time + days * 86400);
}

static void definitions_warn_and_refuse_by_their_age(void **state)
{
	assert_int_equal(judge_age(6, 7, 30), SK_REASON_NONE);
	assert_int_equal(judge_age(7, 7, 30), SK_DEFINITIONS_AGEING);
	assert_int_equal(judge_age(29, 7, 30), SK_DEFINITIONS_AGEING);
	assert_int_equal(judge_age(30, 7, 30), SK_MEDIUM_DEFINITIONS_OLD);
}

static void a_limit_of_no_days_is_none(void **state)
{
	assert_int_equal(judge_age(5000, 7, 0), SK_DEFINITIONS_AGEING);
	assert_int_equal(judge_age(5000, 0, 0), SK_REASON_NONE);
}

static void missing_definitions_refuse_whatever_the_limits(void **state)
{
	const SkScannerState missing = {.state = SK_SCANNER_NO_DEFINITIONS};
	const SkSettings settings = {0};

	assert_int_equal(decide_definitions(&missing, &settings, 1700000000), SK_MEDIUM_DEFINITIONS_MISSING);
}

static void rules_that_can_never_decide_are_told(void **state)
{
	Fixture *f = *state;

	assert_int_equal(fixture_rules(f, ALLOW_ALL), 0);
	assert_int_equal(rules_warnings(&f->core), 0);
	assert_int_equal(fixture_rules(f, ALLOW_ALL "block id 0951:1666\n"), 0);
	assert_int_equal(rules_warnings(&f->core), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_no_rule_names_is_refused),
		TEST(the_rule_decides_and_is_named),
		TEST(rules_that_can_never_decide_are_told),
		TEST(storage_that_types_is_refused_whatever_the_rules_say),
		TEST(a_rule_against_an_attack_tells_it_as_one),
		TEST(a_mix_of_which_only_storage_is_granted_is_no_mix),
		TEST(a_setting_that_is_not_granted_takes_its_interface_with_it),
		TEST(a_known_serial_with_other_functions_is_refused),
		TEST(two_keyboards_of_one_serial_are_one_too_many),
		TEST(sticks_may_share_a_serial),
		TEST(a_second_keyboard_waits_for_a_word),
		TEST(a_keyboard_that_is_not_granted_is_no_second_one),
		TEST(a_keyboard_that_was_just_allowed_is_the_first),
		TEST(a_mouse_that_turns_out_to_type_is_a_keyboard),
		TEST(the_last_working_keyboard_stays),
		TEST(an_allowance_holds_until_its_end_and_goes_over_everything),
		TEST(learning_allows_and_says_what_it_would_do),
		TEST(a_bad_file_changes_nothing),
		TEST(rules_that_lock_everybody_out_are_not_taken),
		TEST(a_locked_screen_is_named_as_the_cause),
		TEST(what_is_plugged_in_while_locked_waits),
		cmocka_unit_test(definitions_warn_and_refuse_by_their_age),
		cmocka_unit_test(a_limit_of_no_days_is_none),
		cmocka_unit_test(missing_definitions_refuse_whatever_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
