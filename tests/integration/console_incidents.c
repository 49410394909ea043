/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss and theft on real databases, with a real vault. Serves LOSS-1, LOSS-2, LOSS-3. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/keys/epoch.h"
#include "console/keys/medium_key.h"
#include "console/rules/incidents.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static SkVault *vault;

static int start_vault(SkDb *db, void *userdata)
{
	int r = sk_db_exec(db,
		"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, $1, 'h', "
		"'0', 1, 1)",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), NULL);

	return r < 0 ? r : sk_epoch_start(db, vault, OFFICER);
}

static int setup(void **state)
{
	char path[128], words[160];
	SkKeystore *keystore;
	SkEpochNews news;
	Fixture *f;

	if (rules_setup(state) < 0)
		return -1;
	f = *state;
	sk_str_format(path, sizeof(path), "%s/keys", f->directory);
	mkdir(path, 0700);
	sk_str_format(words, sizeof(words), "file:%s", path);
	must(f, sk_keystore_open(words, &keystore));
	must(f, sk_vault_create(path, keystore, &vault));
	must(f, sk_db_transact(f->db, start_vault, NULL));
	must(f, sk_epoch_apply(f->db, vault, &news));
	return 0;
}

static int teardown(void **state)
{
	sk_vault_free(own_take(vault));
	return rules_teardown(state);
}

static int make_key(SkDb *db, void *userdata)
{
	SkMediumKey key;

	return sk_medium_key_new(db, vault, userdata, CLINIC, &key);
}

/* A medium as an agent prepared it: encrypted, its key here. */
static void prepare_bound(Fixture *f, const char *number, char ret_id[SK_ID_SIZE])
{
	register_medium(f, number, ret_id);
	prepare(f, ret_id);
	exec(f,
		"UPDATE media SET cipher = 'aes-xts-plain64', key_bits = 512, pbkdf = 'argon2id' WHERE id = "
		"$1",
		SK_DB_ARGS(sk_db_text(ret_id)));
	must(f, sk_db_transact(f->db, make_key, ret_id));
}

static int run_report(Step *s)
{
	return sk_incident_report(&s->actor, vault, s->fields, s->made);
}

static int run_change(Step *s)
{
	return sk_incident_change(&s->actor, &(SkRowKey){s->id, s->version}, s->fields);
}

static int run_step(Step *s)
{
	return sk_incident_step(&s->actor, &(SkRowKey){s->id, 0}, s->flag, s->text);
}

static int run_draft(Step *s)
{
	return sk_incident_draft(&s->actor, s->id, s->text, s->fields, s->made);
}

static int run_sent(Step *s)
{
	return sk_incident_sent(&s->actor, s->id, "個人情報保護委員会", s->text);
}

static int run_close(Step *s)
{
	return sk_incident_close(&s->actor, &(SkRowKey){s->id, 0}, "手順を改めた");
}

static void report(Fixture *f, const char *first, const char *second, char ret_id[SK_ID_SIZE])
{
	char known[SK_TIME_SIZE];
	Step step = {.run = run_report};

	sk_time_format(known, f->now);
	step.fields = json_pack("{s:s, s:s, s:s, s:s, s:i, s:[s, s]}", "facility", CLINIC, "kind", "loss",
		"title", "電車に置き忘れた", "known", known, "persons", 12, "media", first, second);
	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(ret_id, SK_ID_SIZE, step.made);
}

static int evaluate(Fixture *f, const char *medium)
{
	static const SkKeyLimits limits = {{9, 9}, {9, 9}, {9, 9}};
	SkKeyUse use = {.medium_id = medium, .terminal_id = INSTANCE, .person_id = ASKER};
	SkOprfAnswer answer;
	own_oprf_question SkOprfQuestion *question = NULL;

	must(f, sk_oprf_ask(SK_OPRF_VERIFIABLE, "passphrase", 10, NULL, &question));
	memcpy(use.blinded, sk_oprf_question_blinded(question), sizeof(use.blinded));
	return sk_medium_key_evaluate(f->db, vault, &limits, &use, &answer);
}

static void test_a_report_does_everything_at_once(void **state)
{
	Fixture *f = *state;
	char bound[SK_ID_SIZE], plain[SK_ID_SIZE], kept[SK_ID_SIZE], incident[SK_ID_SIZE];
	json_auto_t *row = NULL;
	const json_t *proof;
	SkEpochNews news;

	prepare_bound(f, "USB-1", bound);
	prepare_bound(f, "USB-3", kept);
	register_medium(f, "USB-2", plain);
	assert_int_equal(evaluate(f, bound), 0);
	exec(f,
		"INSERT INTO key_uses (id, medium_id, facility_id, outcome, at) VALUES ('u', $1, $2, "
		"'evaluated', $3)",
		SK_DB_ARGS(sk_db_text(bound), sk_db_text(CLINIC), sk_db_int(f->now)));
	report(f, bound, plain, incident);
	must(f, sk_epoch_apply(f->db, vault, &news));
	check_field(f, &sk_media_table, bound, "state", "revoked");
	/* There was no key to destroy: it is lost, and nothing says that it is safe. */
	check_field(f, &sk_media_table, plain, "state", "lost");
	assert_int_equal(evaluate(f, bound), -EKEYREVOKED);
	assert_int_equal(evaluate(f, kept), 0);
	must(f, sk_table_read(f->db, &sk_incidents_table, &f->scope, incident, &row));
	proof = json_array_get(json_object_get(row, "evidence"), 0);
	assert_true(json_is_true(json_object_get(proof, "strongCipher")));
	assert_true(json_is_true(json_object_get(proof, "keyApart")));
	assert_true(json_string_length(json_object_get(proof, "lastUse")) > 0);
	assert_non_null(json_object_get(json_object_get(proof, "receipt"), "keys"));
	proof = json_array_get(json_object_get(row, "evidence"), 1);
	assert_false(json_is_true(json_object_get(proof, "keyApart")));
	assert_int_equal(count(f, "SELECT count(*) FROM incident_steps WHERE incident_id = $1", incident), 9);
}

static void test_a_medium_is_lost_once(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], other_medium[SK_ID_SIZE], incident[SK_ID_SIZE], known[SK_TIME_SIZE];
	Step step = {.run = run_report};

	register_medium(f, "USB-1", medium);
	register_medium(f, "USB-2", other_medium);
	report(f, medium, other_medium, incident);
	sk_time_format(known, f->now);
	step.fields = json_pack("{s:s, s:s, s:s, s:s, s:[s]}", "facility", CLINIC, "kind", "loss", "title",
		"x", "known", known, "media", medium);
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_NOT_POSSIBLE);
	assert_int_equal(count(f, "SELECT count(*) FROM incidents WHERE facility_id = $1", CLINIC), 1);
	step.scope = &rules_other_scope;
	assert_int_equal(as(f, OFFICER, &step), -EACCES);
	json_decref(step.fields);
}

static int64_t days_until(Fixture *f, const char *sql, const char *incident)
{
	return (count(f, sql, incident) - f->now) / (24 * HOUR);
}

static void test_the_clocks_follow_what_is_known(void **state)
{
	Fixture *f = *state;
	char first[SK_ID_SIZE], second[SK_ID_SIZE], incident[SK_ID_SIZE];
	Step step = {.run = run_change, .version = 0, .fields = json_pack("{s:b}", "improperIntent", 1)};
	static const char final[] = "SELECT final_due FROM incidents WHERE id = $1";

	register_medium(f, "USB-1", first);
	register_medium(f, "USB-2", second);
	report(f, first, second, incident);
	assert_int_equal(days_until(f, "SELECT preliminary_due FROM incidents WHERE id = $1", incident),
		4); /* its end */
	assert_in_range(days_until(f, final, incident), 29, 40);
	step.id = incident;
	must(f, as(f, OFFICER, &step));
	assert_in_range(days_until(f, final, incident), 59, 70);
	json_decref(step.fields);
}

static void do_all_steps(Fixture *f, const char *incident)
{
	const SkFilter filter = {"incident_id", SK_FILTER_EQUAL, incident};
	SkPage page;
	json_t *row;
	size_t i;

	must(f, sk_table_list(f->db, &sk_incident_steps_table, &f->scope,
			&(SkList){.filters = &filter, .n_filters = 1, .limit = 100}, &page));
	json_array_foreach (page.items, i, row) {
		Step step = {
			.run = run_step, .id = json_string_value(json_object_get(row, "id")), .flag = i > 0};

		if (i == 0) {
			assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_REASON_NEEDED);
			step.text = "対象外";
		}
		must(f, as(f, OFFICER, &step));
		assert_int_equal(as(f, OFFICER, &step), SK_INCIDENT_NOT_POSSIBLE);
	}
	json_decref(page.items);
}

static void test_it_is_closed_when_all_is_done(void **state)
{
	Fixture *f = *state;
	char first[SK_ID_SIZE], second[SK_ID_SIZE], incident[SK_ID_SIZE];
	Step close = {.run = run_close}, draft = {.run = run_draft},
	     sent = {.run = run_sent, .text = "R8-123"};
	json_auto_t *row = NULL;

	prepare_bound(f, "USB-1", first);
	register_medium(f, "USB-2", second);
	exec(f,
		"INSERT INTO manifests (id, medium_id, facility_id, kind, opened, closed, files, bytes, "
		"complete, received) "
		"VALUES ('m1', $1, $2, 'carry-out', 1, 2, 17, 4711, 0, 3), ('m2', $1, $2, 'return', 1, 2, "
		"18, 1, 1, 4)",
		SK_DB_ARGS(sk_db_text(first), sk_db_text(CLINIC)));
	report(f, first, second, incident);
	close.id = draft.id = incident;
	assert_int_equal(as(f, OFFICER, &close), SK_INCIDENT_NOT_POSSIBLE);
	do_all_steps(f, incident);
	assert_int_equal(as(f, OFFICER, &close), SK_INCIDENT_NOT_POSSIBLE); /* no report was sent */
	for (int i = 0; i < 2; i++) {
		draft.text = i == 0 ? "preliminary" : "final";
		must(f, as(f, OFFICER, &draft));
		sent.id = draft.made;
		must(f, as(f, OFFICER, &sent));
		assert_int_equal(as(f, OFFICER, &sent), SK_INCIDENT_NOT_POSSIBLE);
	}
	must(f, sk_table_read(f->db, &sk_incident_reports_table, &f->scope, draft.made, &row));
	assert_int_equal(json_object_size(json_object_get(row, "items")), 9);
	assert_non_null(
		strstr(json_string_value(json_object_get(json_object_get(row, "items"), "persons")), "12人"));
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(row, "items"), "overview")),
		"USB-2(診療情報) 暗号化されていません。"));
	/* What a terminal signed for when it was closed, and not what came back once. */
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(row, "items"), "items")),
		"USB-1: 端末が署名した一覧によると 17ファイル、4711バイト(正しく閉じられておらず、未確定)"));
	must(f, as(f, OFFICER, &close));
	check_field(f, &sk_incidents_table, incident, "state", "closed");
}

static void test_no_duty_needs_a_reason(void **state)
{
	Fixture *f = *state;
	char first[SK_ID_SIZE], second[SK_ID_SIZE], incident[SK_ID_SIZE];
	Step change = {.run = run_change, .fields = json_pack("{s:s}", "duty", "exempt")},
	     close = {.run = run_close};

	prepare_bound(f, "USB-1", first);
	prepare_bound(f, "USB-2", second);
	report(f, first, second, incident);
	do_all_steps(f, incident);
	change.id = close.id = incident;
	must(f, as(f, OFFICER, &change));
	json_decref(change.fields);
	assert_int_equal(as(f, OFFICER, &close), SK_MEDIUM_REASON_NEEDED);
	change.fields = json_pack("{s:s}", "exemptBecause", "高度な暗号化(PPC Q&A)");
	must(f, as(f, OFFICER, &change));
	json_decref(change.fields);
	must(f, as(f, OFFICER, &close));
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_report_does_everything_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_medium_is_lost_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_clocks_follow_what_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_closed_when_all_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_duty_needs_a_reason, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
