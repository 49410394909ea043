/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maintenance visits on real databases. Serves MNT-1. */
#include "tests/lib/grants_fixture.h"

#include "console/rules/authority.h"
#include "console/rules/visits.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int run_create(Step *s)
{
	return sk_visit_create(&s->actor, s->fields, s->made);
}

static int run_decide(Step *s)
{
	return sk_visit_decide(&s->actor, s->id, s->flag, s->text);
}

static int run_act(Step *s)
{
	return sk_visit_act(&s->actor, grants_signing, s->id, (SkVisitAction)s->action, s->text);
}

static json_t *form(Fixture *f, const char *terminal, const char *medium, int64_t from, int64_t until)
{
	char begin[SK_TIME_SIZE], end[SK_TIME_SIZE];

	sk_time_format(begin, f->now + from);
	sk_time_format(end, f->now + until);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:[{s:s, s:s}], s:b}", "facility",
		CLINIC, "company", "保守会社", "visitor", "太郎", "account", "hoshu", "purpose", "点検",
		"day", "2026-11-22", "validFrom", begin, "validUntil", end, "terminals", terminal, "devices",
		"medium", medium, "mode", "read", "carriesData", 0);
}

static int apply(Fixture *f, json_t *fields, char ret_id[SK_ID_SIZE])
{
	Step step = {.run = run_create, .fields = fields};
	int r = as(f, ASKER, &step);

	json_decref(fields);
	sk_str_copy(ret_id, SK_ID_SIZE, step.made);
	return r;
}

static int decide(Fixture *f, const char *who, const char *visit, bool approved, const char *reason)
{
	Step step = {.run = run_decide, .id = visit, .flag = approved, .text = reason};

	return as(f, who, &step);
}

static int act(Fixture *f, const char *who, const char *visit, SkVisitAction action, const char *text)
{
	Step step = {.run = run_act, .id = visit, .action = (int)action, .text = text};

	return as(f, who, &step);
}

static size_t granted(Fixture *f, const char *terminal)
{
	SkAuthority authority;
	size_t n;

	must(f, sk_authority_read(f->db, terminal, 0, &authority));
	n = json_array_size(json_object_get(authority.grants, "grants"));
	sk_authority_deinit(&authority);
	return n;
}

static void test_a_visit_from_its_application_to_its_end(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], visit[SK_ID_SIZE];

	register_medium(f, "USB-V", medium);
	must(f, apply(f, form(f, PC, medium, 0, 8 * HOUR), visit));
	assert_int_equal(decide(f, ASKER, visit, true, NULL), SK_REQUEST_OWN);
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_OPEN, NULL), SK_VISIT_NOT_POSSIBLE);
	must(f, decide(f, BOSS, visit, true, NULL));
	assert_int_equal(decide(f, BOSS, visit, true, NULL), SK_VISIT_NOT_POSSIBLE);
	assert_int_equal(granted(f, PC), 0);
	must(f, act(f, ASKER, visit, SK_VISIT_OPEN, NULL));
	assert_int_equal(granted(f, PC), 1);
	assert_int_equal(granted(f, PC2), 0);
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_END, ""), SK_MEDIUM_REASON_NEEDED);
	must(f, act(f, ASKER, visit, SK_VISIT_END, "点検を完了"));
	assert_int_equal(granted(f, PC), 0);
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_CLOSE, NULL), SK_NOT_BY_YOURSELF);
	must(f, act(f, BOSS, visit, SK_VISIT_CLOSE, NULL));
	check_field(f, &sk_visits_table, visit, "state", "closed");
	check_field(f, &sk_visits_table, visit, "checkedBy", BOSS);
	check_field(f, &sk_visits_table, visit, "report", "点検を完了");
}

static void test_only_in_its_time_and_place(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], visit[SK_ID_SIZE];

	register_medium(f, "USB-V", medium);
	assert_int_equal(apply(f, form(f, PC, medium, 0, 25 * HOUR), visit), SK_VISIT_WRONG);
	assert_int_equal(apply(f, form(f, PC, medium, -9 * HOUR, -HOUR), visit), SK_VISIT_WRONG);
	assert_int_equal(apply(f, form(f, PC_THERE, medium, 0, HOUR), visit), SK_VISIT_WRONG);
	assert_int_equal(apply(f, form(f, PC, PC, 0, HOUR), visit), SK_VISIT_WRONG);
	must(f, apply(f, form(f, PC, medium, HOUR, 2 * HOUR), visit));
	must(f, decide(f, BOSS, visit, true, NULL));
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_OPEN, NULL), SK_VISIT_NOT_POSSIBLE); /* too early */
	f->now += 3 * HOUR;
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_OPEN, NULL), SK_VISIT_NOT_POSSIBLE); /* too late */
	assert_int_equal(act(f, BOSS, visit, SK_VISIT_WITHDRAW, NULL), SK_REQUEST_NOT_YOURS);
	must(f, act(f, ASKER, visit, SK_VISIT_WITHDRAW, NULL));
}

static void test_a_lost_medium_is_granted_to_nobody(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], visit[SK_ID_SIZE];

	register_medium(f, "USB-V", medium);
	must(f, apply(f, form(f, PC, medium, 0, HOUR), visit));
	assert_int_equal(decide(f, BOSS, visit, false, ""), SK_MEDIUM_REASON_NEEDED);
	must(f, decide(f, BOSS, visit, true, NULL));
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	assert_int_equal(act(f, ASKER, visit, SK_VISIT_OPEN, NULL), SK_MEDIUM_FROZEN);
	assert_int_equal(granted(f, PC), 0);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_visit_from_its_application_to_its_end, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_only_in_its_time_and_place, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_lost_medium_is_granted_to_nobody, grants_setup, grants_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
