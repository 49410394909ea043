/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger and stock-taking on real databases. Serves OUT-3, OUT-6, LOSS-4. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/ledger_csv.h"
#include "console/rules/stock_taking.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int run_change(Step *s)
{
	return sk_ledger_change(&s->actor, &(SkRowKey){s->id, s->version}, s->fields);
}

static int run_import(Step *s)
{
	return sk_ledger_import(&s->actor,
		&(SkImport){.facility = s->id,
			.file_name = "台帳.csv",
			.data = s->text,
			.size = strlen(s->text),
			.map = s->fields},
		&s->result);
}

static void test_the_ledger_keeps_its_history(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_change,
		.fields = json_pack("{s:s, s:i}", "place", "金庫", "stockDays", 30),
		.version = 1};
	int64_t records = count(f, "SELECT count(*) FROM console_records WHERE instance_id = $1", INSTANCE);

	register_medium(f, "USB-1", id);
	check_field(f, &sk_media_table, id, "state", "in-stock");
	step.id = id;
	must(f, as(f, OFFICER, &step));
	check_field(f, &sk_media_table, id, "place", "金庫");
	assert_int_equal(
		count(f, "SELECT (overdue_from - last_seen) / 86400000 FROM media WHERE id = $1", id), 30);
	/* The same version again: somebody else was faster. */
	assert_int_equal(as(f, OFFICER, &step), -ECANCELED);
	assert_int_equal(count(f, "SELECT count(*) FROM media_history WHERE medium_id = $1", id), 2);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE instance_id = $1", INSTANCE) - records,
		2);
	json_decref(step.fields);
}

static void test_another_clinic_sees_nothing(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_medium, .action = SK_MEDIUM_LOSE, .text = "x", .scope = &rules_other_scope};

	register_medium(f, "USB-1", id);
	step.id = id;
	assert_int_equal(as(f, OFFICER, &step), -ENOENT);
	step = (Step){.run = run_register,
		.scope = &rules_other_scope,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", "N", "label", "L",
			"kind", "x")};
	assert_int_equal(as(f, OFFICER, &step), -EACCES);
	json_decref(step.fields);
}

static void test_a_number_is_given_once(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_register,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", "USB-1", "label",
			"L", "kind", "x")};

	register_medium(f, "USB-1", id);
	assert_int_equal(as(f, OFFICER, &step), SK_ALREADY_THERE);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 1);
	json_decref(step.fields);
}

static void test_steps_ask_for_what_they_need(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_medium,
		.action = SK_MEDIUM_DESTROY,
		.fields = json_pack("{s:s}", "method", "shredder")};

	register_medium(f, "USB-1", id);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_LOSE, NULL), SK_MEDIUM_REASON_NEEDED);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_RETURN, NULL), SK_MEDIUM_NOT_POSSIBLE);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_REQUEST, NULL), SK_MEDIUM_IN_REQUEST);
	must(f, medium_step(f, id, SK_MEDIUM_RETIRE, "old"));
	assert_int_equal(medium_step(f, id, SK_MEDIUM_ERASE, NULL), SK_MEDIUM_CERTIFICATE_NEEDED);
	step.id = id;
	assert_int_equal(as(f, OFFICER, &step), SK_SECOND_PERSON_NEEDED);
	step.actor.second = OFFICER; /* oneself is nobody else */
	assert_int_equal(as(f, OFFICER, &step), SK_SECOND_PERSON_NEEDED);
	step.actor.second = BOSS;
	must(f, as(f, OFFICER, &step));
	check_field(f, &sk_media_table, id, "state", "destroyed");
	json_decref(step.fields);
}

#define LIST                                                                                                 \
	"管理番号,名称,種類,容量,作成日,保存期限,管理者,棚卸間隔(日),備考\r\n"    \
	"M-1,画像用,USBメモリ,32 GB,令和8年4月1日,2031/03/31,boss,60,\"改行\nあり\"\r\n"      \
	"M-2,,外付けHDD,2TB,H31.4.30,,,,=1+1\r\n"

static void test_a_list_comes_in_and_goes_out(void **state)
{
	Fixture *f = *state;
	Step step = {.run = run_import, .id = CLINIC, .text = LIST};
	own_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	must(f, as(f, OFFICER, &step));
	assert_int_equal(json_integer_value(json_object_get(step.result, "rows")), 2);
	assert_int_equal(count(f, "SELECT capacity / 1000000000 FROM media WHERE number = $1", "M-1"), 32);
	assert_int_equal(count(f, "SELECT stock_days FROM media WHERE number = $1", "M-1"), 60);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE custodian_id = $1", BOSS), 1);
	/* 2026-03-31T15:00:00Z: the first of April begins in Japan. */
	assert_int_equal(
		count(f, "SELECT data_created FROM media WHERE number = $1", "M-1"), INT64_C(1774969200000));
	must(f, sk_ledger_export(f->db, &f->scope, "ja", out));
	fclose(out);
	assert_non_null(strstr(text, "2026-04-01,2031-03-31"));
	assert_non_null(strstr(text, "\"'=1+1\""));
	/* What went out comes in again, in another clinic. */
	json_decref(step.result);
	step = (Step){.run = run_import, .id = OTHER, .text = text, .scope = &rules_other_scope};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE facility_id = $1 AND note = '=1+1'", OTHER), 1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE facility_id = $1 AND note = '改行\nあり'", OTHER),
		1);
	json_decref(step.result);
}

static void test_a_list_with_errors_leaves_nothing(void **state)
{
	Fixture *f = *state;
	static const char list[] =
		"管理番号,保存期限,謎\nA-1,2026-02-30,x\nA-1,2026-02-28,x\n,2026-01-01,x\n";
	Step step = {.run = run_import, .id = CLINIC, .text = list};
	json_t *errors;

	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(step.result, "errors"), 0), "heading")),
		"謎");
	json_decref(step.result);
	step.fields = json_pack("{s:s}", "謎", "");
	step.result = NULL;
	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	errors = json_object_get(step.result, "errors");
	assert_int_equal(json_array_size(errors), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 0), "row")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 1), "row")), 4);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 0);
	json_decref(step.result);
	json_decref(step.fields);
	step = (Step){.run = run_import, .id = CLINIC, .text = "番号\nB-1\nB-1\n"};
	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 0);
	json_decref(step.result);
}

static int run_begin(Step *s)
{
	return sk_stock_taking_begin(&s->actor, s->fields, s->made);
}

static int run_see(Step *s)
{
	return sk_stock_taking_see(
		&s->actor, &(SkSighting){.run = s->id, .medium = s->text, .place = "棚 2"});
}

static int run_close(Step *s)
{
	return sk_stock_taking_close(&s->actor, s->id, &s->result);
}

static void test_stock_taking_names_what_is_missing(void **state)
{
	Fixture *f = *state;
	char first[SK_ID_SIZE], second[SK_ID_SIZE], third[SK_ID_SIZE];
	Step step = {.run = run_begin, .fields = json_pack("{s:s, s:s}", "facility", CLINIC, "name", "11月")};
	char run[SK_ID_SIZE];

	register_medium(f, "USB-1", first);
	register_medium(f, "USB-2", second);
	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(run, sizeof(run), step.made);
	register_medium(f, "USB-3", third); /* entered while it goes on */
	step = (Step){.run = run_see, .id = run, .text = "USB-1"};
	f->now += HOUR;
	must(f, as(f, OFFICER, &step));
	step.text = third;
	must(f, as(f, OFFICER, &step));
	step.text = "USB-9";
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_FOUND);
	step = (Step){.run = run_close, .id = run};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(json_array_size(step.result), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(step.result, 0), "number")), "USB-2");
	json_decref(step.result);
	step = (Step){.run = run_see, .id = run, .text = "USB-2"};
	assert_int_equal(as(f, OFFICER, &step), SK_STOCK_TAKING_CLOSED);
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE last_seen_by = 'stock-taking:' || $1", run), 2);
}

/* More than a line of the chain has room for. */
static void test_a_large_clinic_misses_many(void **state)
{
	Fixture *f = *state;
	Step step = {.run = run_begin, .fields = json_pack("{s:s, s:s}", "facility", CLINIC, "name", "全館")};
	char run[SK_ID_SIZE];

	assert_int_equal(
		sk_db_exec(f->db,
			"INSERT INTO media (id, facility_id, number, label, state, state_since, mode, kind, "
			"created) "
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
			"SELECT 'MANY-' || i, $1, 'USB-' || i, 'x', 'in-stock', 1, 'bound', 'usb-stick', 1 "
			"FROM n",
			SK_DB_ARGS(sk_db_text(CLINIC)), NULL),
		0);
	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(run, sizeof(run), step.made);
	step = (Step){.run = run_close, .id = run};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(json_array_size(step.result), 3000);
	json_decref(step.result);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_ledger_keeps_its_history, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_another_clinic_sees_nothing, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_a_number_is_given_once, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_steps_ask_for_what_they_need, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_list_comes_in_and_goes_out, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_list_with_errors_leaves_nothing, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_stock_taking_names_what_is_missing, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_a_large_clinic_misses_many, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
