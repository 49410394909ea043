/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which grant holds for what: of another mode, another medium, later, over, taken back; and that a medium
 * which is refused everywhere may be erased and nothing else. Serves LOSS-1, LOSS-4, OUT-1, OUT-8. */
#include "tests/unit/core/fixture.h"

#include <time.h>

#include "agent/core/codes.h"
#include "agent/core/console_state.h"
#include "agent/core/grants.h"
#include "agent/core/losses.h"
#include "agent/core/slip_store.h"

#define MEDIUM "01J00000000000000000000001"

static int setup(void **state)
{
	Fixture *f;

	assert_int_equal(fixture_setup(state), 0);
	f = *state;
	assert_int_equal(codes_open(&f->core), 0);
	assert_int_equal(losses_open(&f->core), 0);
	assert_int_equal(grants_open(&f->core), 0);
	return 0;
}

static int teardown(void **state)
{
	Fixture *f = *state;

	grants_close(&f->core);
	losses_close(&f->core);
	codes_close(&f->core);
	return fixture_teardown(state);
}

/* As the console signed it, from and until in seconds from now. */
static void grant(Fixture *f, const char *mode, int from, int until)
{
	json_int_t now = (json_int_t)time(NULL) * 1000;
	Document *document = &f->core.console->documents[DOCUMENT_GRANTS];

	json_decref(document->payload);
	document->payload = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:I, s:I}]}", "grants", "id", "G",
		"medium", MEDIUM, "mode", mode, "user", "tanaka", "number", "K-001", "from",
		now + from * 1000, "until", now + until * 1000);
	assert_non_null(document->payload);
}

static void take_back(Fixture *f, const char *medium, const char *id)
{
	Document *document = &f->core.console->documents[DOCUMENT_REVOCATIONS];

	json_decref(document->payload);
	document->payload = json_pack("{s:[s], s:[s], s:[]}", "media", medium, "grants", id, "codes");
	assert_non_null(document->payload);
}

static SkReason ask(Fixture *f, const char *medium, const char *mode, const char *user)
{
	const json_t *found = NULL;
	SkReason code = grants_find(&f->core, &(GrantAsk){medium, user, mode}, &found);

	assert_int_equal(code == SK_REASON_NONE, found != NULL);
	return code;
}

static void test_of_its_mode_only(void **state)
{
	Fixture *f = *state;

	grant(f, "erase", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_REASON_NONE);
	assert_int_equal(ask(f, MEDIUM, "read", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, MEDIUM, "read-write", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, MEDIUM, "prepare", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, "another", "erase", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, MEDIUM, "erase", "suzuki"), SK_GRANT_OTHER_USER);
	grant(f, "read-write", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "read", "tanaka"), SK_REASON_NONE);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_GRANT_NONE);
}

static void test_in_its_time_only(void **state)
{
	Fixture *f = *state;

	grant(f, "erase", 1800, 3600);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_GRANT_NOT_YET);
	/* By a clock that is somewhat behind the console's. */
	grant(f, "erase", 1, 3600);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_REASON_NONE);
	grant(f, "erase", -3600, -1800);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_GRANT_OVER);
}

static void test_what_is_frozen_may_be_erased(void **state)
{
	Fixture *f = *state;

	take_back(f, MEDIUM, "other");
	grant(f, "read-write", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "read-write", "tanaka"), SK_MEDIUM_FROZEN);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_GRANT_NONE);
	grant(f, "erase", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_REASON_NONE);
	assert_int_equal(ask(f, MEDIUM, "read", "tanaka"), SK_MEDIUM_FROZEN);
	take_back(f, MEDIUM, "G");
	assert_int_equal(ask(f, MEDIUM, "erase", "tanaka"), SK_GRANT_REVOKED);
}

/* Also when this PC starts anew, and whatever the clock says. */
static void test_one_for_a_disc_is_good_for_one(void **state)
{
	Fixture *f = *state;
	json_auto_t *list = NULL;
	char only[32];

	assert_int_equal(slip_store_open(&f->core), 0);
	grant(f, "burn", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "burn", "tanaka"), SK_REASON_NONE);
	assert_int_equal(ask(f, MEDIUM, "hand-over", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, MEDIUM, "read-write", "tanaka"), SK_GRANT_NONE);
	assert_int_equal(slip_store_spend(&f->core, "other"), 0);
	assert_int_equal(ask(f, MEDIUM, "burn", "tanaka"), SK_REASON_NONE);
	assert_int_equal(slip_store_spend(&f->core, "G"), 0);
	assert_int_equal(slip_store_spend(&f->core, "G"), 0);
	/* It is still the one that is meant, so that its use is told. */
	assert_true(grants_only(&f->core, "burn", only, sizeof(only)));
	assert_string_equal(only, MEDIUM);
	assert_int_equal(ask(f, MEDIUM, "burn", "tanaka"), SK_GRANT_USED);
	assert_int_equal(ask(f, MEDIUM, "burn", "suzuki"), SK_GRANT_OTHER_USER);
	slip_store_close(&f->core);
	assert_int_equal(slip_store_open(&f->core), 0);
	assert_int_equal(ask(f, MEDIUM, "burn", "tanaka"), SK_GRANT_USED);
	list = grants_to_json(&f->core);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "state")), "used");
	/* Only a disc is used up. */
	grant(f, "hand-over", -10, 3600);
	assert_int_equal(ask(f, MEDIUM, "hand-over", "tanaka"), SK_REASON_NONE);
	slip_store_close(&f->core);
}

/* Nor is it told as one that was taken back. */
static void test_how_it_is_shown(void **state)
{
	Fixture *f = *state;
	json_auto_t *list = NULL;

	take_back(f, MEDIUM, "other");
	grant(f, "erase", -10, 3600);
	list = grants_to_json(&f->core);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "state")), "holds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_of_its_mode_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_its_time_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_frozen_may_be_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_for_a_disc_is_good_for_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_it_is_shown, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
