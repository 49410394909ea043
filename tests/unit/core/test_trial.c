/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "agent/core/trial.h"

static int learning_setup(void **state)
{
	Fixture *f;

	fixture_setup(state);
	f = *state;
	f->core.settings->agent.mode = SK_MODE_LEARN;
	return 0;
}

/* What the next start makes of the state on the disk. */
static void restart(Fixture *f)
{
	trial_close(&f->core);
	f->core.trial = (Trial){0};
	assert_int_equal(trial_open(&f->core), 0);
}

static bool boot_file_exists(const Fixture *f)
{
	char path[128];

	sk_str_format(path, sizeof(path), "%s/enforce-at-boot", f->directory);
	return access(path, F_OK) == 0;
}

static void a_fresh_installation_learns(void **state)
{
	Fixture *f = *state;

	assert_int_equal(trial_open(&f->core), 0);
	assert_int_equal(trial_mode(&f->core), SK_MODE_LEARN);
	assert_int_equal(trial_confirm(&f->core, "user:0"), -ENOENT);
}

static void a_trial_enforces_and_survives_a_restart(void **state)
{
	Fixture *f = *state;

	assert_int_equal(trial_start(&f->core, 600, "user:0"), 0);
	assert_int_equal(trial_start(&f->core, 600, "user:0"), -EALREADY);
	restart(f);
	assert_int_equal(trial_mode(&f->core), SK_MODE_ENFORCE);
	assert_int_equal(f->core.trial.state, TRIAL_RUNNING);
	assert_false(boot_file_exists(f));
}

static void a_trial_that_ended_while_nobody_looked_is_rolled_back(void **state)
{
	Fixture *f = *state;

	fixture_write(f, "trial", "trial 1000\n");
	restart(f);
	assert_int_equal(trial_mode(&f->core), SK_MODE_LEARN);
	restart(f);
	assert_int_equal(f->core.trial.state, TRIAL_NONE);
}

static void a_confirmed_trial_enforces_from_the_next_boot_on(void **state)
{
	Fixture *f = *state;

	assert_int_equal(trial_start(&f->core, 600, "user:0"), 0);
	assert_int_equal(trial_confirm(&f->core, "user:0"), 0);
	assert_true(boot_file_exists(f));
	restart(f);
	assert_int_equal(trial_mode(&f->core), SK_MODE_ENFORCE);
	assert_int_equal(trial_cancel(&f->core, "user:0"), 0);
	assert_false(boot_file_exists(f));
	restart(f);
	assert_int_equal(trial_mode(&f->core), SK_MODE_LEARN);
}

/* As `sekishoctl reload` does. */
static void set_mode(Fixture *f, SkMode mode)
{
	f->core.settings->agent.mode = mode;
	assert_int_equal(trial_settings_changed(&f->core), 0);
}

static void settings_that_enforce_do_so_from_the_next_boot_on(void **state)
{
	Fixture *f = *state;

	set_mode(f, SK_MODE_ENFORCE);
	assert_true(boot_file_exists(f));
	assert_true(trial_enforced_at_boot(&f->core));
	set_mode(f, SK_MODE_WARN);
	assert_false(boot_file_exists(f));
	assert_false(trial_enforced_at_boot(&f->core));
	set_mode(f, SK_MODE_ENFORCE);
	set_mode(f, SK_MODE_LEARN);
	assert_false(boot_file_exists(f));
	/* Written while the agent was away. */
	f->core.settings->agent.mode = SK_MODE_ENFORCE;
	restart(f);
	assert_true(boot_file_exists(f));
}

static void the_end_of_a_trial_does_not_take_the_settings_away(void **state)
{
	Fixture *f = *state;

	assert_int_equal(trial_start(&f->core, 600, "user:0"), 0);
	assert_int_equal(trial_confirm(&f->core, "user:0"), 0);
	set_mode(f, SK_MODE_ENFORCE);
	assert_int_equal(trial_cancel(&f->core, "user:0"), 0);
	assert_true(boot_file_exists(f));
	assert_int_equal(trial_mode(&f->core), SK_MODE_ENFORCE);
	set_mode(f, SK_MODE_LEARN);
	assert_false(boot_file_exists(f));
}

static void without_a_disk_the_next_boot_stays_as_it_is(void **state)
{
	Fixture *f = *state;
	char *directory = f->core.settings->agent.state_directory;

	f->core.settings->agent.mode = SK_MODE_ENFORCE;
	f->core.settings->agent.state_directory = (char *)"/proc/self/fdinfo";
	assert_true(trial_settings_changed(&f->core) < 0);
	f->core.settings->agent.state_directory = directory;
	assert_false(boot_file_exists(f));
}

static void a_damaged_state_learns(void **state)
{
	Fixture *f = *state;

	fixture_write(f, "trial", "\x01\x02garbage 99999999999999999999999\n");
	restart(f);
	assert_int_equal(trial_mode(&f->core), SK_MODE_LEARN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, learning_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_installation_learns),
		TEST(a_trial_enforces_and_survives_a_restart),
		TEST(a_trial_that_ended_while_nobody_looked_is_rolled_back),
		TEST(a_confirmed_trial_enforces_from_the_next_boot_on),
		TEST(settings_that_enforce_do_so_from_the_next_boot_on),
		TEST(the_end_of_a_trial_does_not_take_the_settings_away),
		TEST(without_a_disk_the_next_boot_stays_as_it_is),
		TEST(a_damaged_state_learns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
