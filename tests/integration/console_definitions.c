/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virus definitions on both engines: what is served, the list of it, how old those of terminals are. Serves
 * MAL-2. */
#include "tests/lib/policies_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/rules/definitions.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define DAY_S INT64_C(86400)

static void digest_of(int number, char text[65])
{
	memset(text, 'a' + number % 6, 64);
	text[64] = 0;
}

static json_t *file(const char *name, int number)
{
	char sha256[65];

	digest_of(number, sha256);
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:I}", "name", name, "kind", "cvd", "number",
		number, "built", 1700000000 + number, "size", 100 + number, "sha256", sha256, "source",
		"mirror", "came", (json_int_t)1);
}

static int run_take(Step *s)
{
	s->actor.scope = SK_SCOPE_ALL;
	return sk_definitions_take(&s->actor, s->fields);
}

static int take(Fixture *f, json_t *files)
{
	Step step = {.run = run_take, .fields = files};
	int r = as(f, NULL, &step);

	json_decref(files);
	return r;
}

static bool is_here(void *userdata, const char *sha256)
{
	return !userdata || sha256[0] != *(const char *)userdata;
}

static json_t *list(Fixture *f, const char *missing)
{
	json_t *payload = NULL;

	must(f, sk_definitions_list(f->db, is_here, (void *)missing, &payload));
	return payload;
}

static void test_served(void **state)
{
	Fixture *f = *state;
	char group[SK_ID_SIZE], terminal[SK_ID_SIZE];
	json_t *payload = NULL;
	json_int_t serial;
	int64_t raised;
	int64_t found = 1, spread = 1;

	must(f, call(f, run_group, NULL, "all", group));
	add_terminal(f, group, terminal);
	must(f, sk_definitions_serial(f->db, &found));
	assert_int_equal(found, 0);
	assert_int_equal(sk_definitions_list(f->db, is_here, NULL, &payload), -ENOENT);
	must(f, take(f, json_pack("[o, o]", file("main.cvd", 1), file("daily.cvd", 2))));
	payload = list(f, NULL);
	serial = number(payload, "serial");
	assert_int_equal(json_array_size(json_object_get(payload, "files")), 2);
	assert_string_equal(
		sk_row_text(json_array_get(json_object_get(payload, "files"), 0), "name"), "daily.cvd");
	json_decref(payload);
	raised = count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal);
	assert_true(raised >= f->now);
	/* The same again is nothing new; an older one of the same name, or of the other form, neither. */
	f->now += 1000;
	must(f, take(f, json_pack("[o, o, o]", file("main.cvd", 1), file("daily.cvd", 1),
				file("daily.cld", 2))));
	assert_int_equal(
		count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal), raised);
	must(f, take(f, json_pack("[o]", file("daily.cld", 3))));
	payload = list(f, NULL);
	assert_true(number(payload, "serial") > serial);
	assert_int_equal(json_array_size(json_object_get(payload, "files")), 2);
	assert_string_equal(
		sk_row_text(json_array_get(json_object_get(payload, "files"), 0), "name"), "daily.cld");
	json_decref(payload);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE kind = $1", "definitions.served"), 2);
	/* What this process does not have it does not promise. */
	payload = list(f, "b");
	assert_int_equal(json_array_size(json_object_get(payload, "files")), 1);
	json_decref(payload);
	must(f, sk_definitions_spread(f->db, &spread));
	assert_int_equal(spread, 0);
}

static void test_bad_lists(void **state)
{
	Fixture *f = *state;
	const char *const bad[] = {"[{}]", "[1]", "[{\"name\":\"x.cvd\"}]",
		"[{\"name\":\"x.cvd\",\"kind\":\"cvd\",\"number\":0,\"size\":1,\"sha256\":\"00\"}]"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(take(f, json_loads(bad[i], 0, NULL)), -EBADMSG);
	assert_int_equal(take(f, json_array()), 0);
}

static void set_age(Fixture *f, const char *terminal, const char *version, int64_t days)
{
	exec(f,
		"UPDATE terminal_status SET definitions_time = $2, policy_version_id = $3 WHERE terminal_id "
		"= $1",
		SK_DB_ARGS(sk_db_text(terminal),
			days < 0 ? sk_db_null() : sk_db_int(f->now - days * DAY_S * 1000),
			version ? sk_db_text(version) : sk_db_null()));
}

static void check_ages(Fixture *f, const char *const *wanted, size_t n)
{
	json_t *rows = NULL;

	must(f, sk_definitions_ages(f->db, &f->scope, &(SkAgesPage){"", 100, f->now}, &rows));
	assert_int_equal(json_array_size(rows), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(sk_row_text(json_array_get(rows, i), "state"), wanted[i]);
	json_decref(rows);
}

static void test_ages(void **state)
{
	Fixture *f = *state;
	char policy[SK_ID_SIZE], version[SK_ID_SIZE], group[SK_ID_SIZE], terminals[4][SK_ID_SIZE];
	json_t *rows = NULL, *fields = files("", "[Scan]\nDefinitionsWarnDays=1\nDefinitionsRefuseDays=3\n");

	must(f, call(f, run_create, NULL, "strict", policy));
	must(f, with_files(f, run_draft, policy, fields, version));
	must(f, call(f, run_group, NULL, "all", group));
	for (int i = 0; i < 4; i++)
		add_terminal(f, group, terminals[i]);
	set_age(f, terminals[0], version, 0);
	set_age(f, terminals[1], version, 2);
	set_age(f, terminals[2], version, 3);
	set_age(f, terminals[3], version, -1);
	check_ages(f, (const char *const[]){"current", "ageing", "refusing", "unknown"}, 4);
	/* By the defaults, without a policy of the console. */
	for (int i = 0; i < 3; i++)
		set_age(f, terminals[i], NULL, i == 2 ? 10000 : 0);
	check_ages(f, (const char *const[]){"current", "current", "refusing", "unknown"}, 4);
	must(f, sk_definitions_ages(f->db, &f->scope, &(SkAgesPage){terminals[1], 1, f->now}, &rows));
	assert_string_equal(sk_row_text(json_array_get(rows, 0), "terminal"), terminals[2]);
	json_decref(rows);
	must(f, sk_definitions_ages(f->db, &rules_other_scope, &(SkAgesPage){"", 100, f->now}, &rows));
	assert_int_equal(json_array_size(rows), 0);
	json_decref(rows);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_served, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_bad_lists, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_ages, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
