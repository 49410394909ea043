/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leaves the console, on real databases: records for receivers, signed and stamped heads, reviews,
 * figures. Serves LOG-2, LOG-4. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/forwarding.h"
#include "console/rules/heads.h"
#include "console/rules/records.h"
#include "console/rules/review.h"
#include "console/rules/webhooks.h"
#include "console/server/metrics.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define TERMINAL "01J000000000000000TERM1NA0"
#define GROUP "01J0000000000000000000GR0P"
#define DAY (24 * HOUR)

static void add_terminal(Fixture *f, int64_t records)
{
	exec(f, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, 'PCs', 1)",
		SK_DB_ARGS(sk_db_text(GROUP), sk_db_text(CLINIC)));
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, "
		"'受付PC', 1)",
		SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_text(CLINIC), sk_db_text(GROUP)));
	exec(f,
		"INSERT INTO chain_heads (terminal_id, facility_id, seq, hash, received) VALUES ($1, $2, $3, "
		"$4, 1)",
		SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_text(CLINIC), sk_db_int(records),
			sk_db_bytes("0123456789abcdef0123456789abcdef", 32)));
	for (int64_t i = 1; i <= records; i++) {
		char line[400];

		sk_str_format(line, sizeof(line),
			"{\"seq\":%lld,\"prev\":\"sha256:%064d\",\"time\":\"2026-11-22T03:00:00.000000Z\","
			"\"mono\":1,"
			"\"boot\":\"%032d\",\"clock\":\"synchronised\",\"actor\":\"core\",\"kind\":\"device."
			"decided\","
			"\"body\":{\"code\":\"SK-1102\"}}",
			(long long)i, 0, 0);
		exec(f,
			"INSERT INTO records (terminal_id, seq, facility_id, hash, at, received, kind, "
			"actor, line) VALUES "
			"($1, $2, $3, $4, $5, $5, 'device.decided', 'core', $6)",
			SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_int(i), sk_db_text(CLINIC),
				sk_db_bytes("x", 1), sk_db_int(f->now), sk_db_text(line)));
	}
}

/* ---- receivers ---- */

static int run_create(Step *s)
{
	return sk_export_target_create(&s->actor,
		&(SkExportTargetNew){.facility = s->text,
			.name = "SIEM",
			.form = "syslog",
			.address = s->id,
			.authority = "",
			.confirmation = "close-notify",
			.from_start = s->flag},
		s->made);
}

static int create(Fixture *f, const char *facility, const char *address, bool from_start)
{
	Step step = {.run = run_create, .text = facility, .id = address, .flag = from_start};

	if (!facility)
		step.scope = SK_SCOPE_ALL;
	return as(f, OFFICER, &step);
}

typedef struct Sending {
	SkExportTarget target;
	SkExportBatch batch;
	const char *error;
} Sending;

static Sending *sending;

static int run_note(Step *s)
{
	return sending->error ? sk_export_failed(&s->actor, &sending->target, sending->error)
			      : sk_export_sent(&s->actor, &sending->target, &sending->batch);
}

/* Return: records of the batch that was collected and, with error NULL, confirmed. */
static int64_t send_batch(Fixture *f, const char *error)
{
	Step step = {.run = run_note, .scope = SK_SCOPE_ALL};
	Sending one = {.error = error};
	int64_t n;

	must(f, sk_export_target_next(f->db, NULL, f->now, &one.target));
	must(f, sk_export_collect(f->db, &one.target, &one.batch));
	n = one.batch.records;
	sending = &one;
	if (n > 0)
		must(f, as(f, NULL, &step));
	sk_export_batch_deinit(&one.batch);
	sk_export_target_deinit(&one.target);
	return n;
}

static void test_a_receiver_gets_everything_once_it_confirms(void **state)
{
	Fixture *f = *state;
	SkExportTarget none;

	add_terminal(f, 700);
	assert_int_equal(create(f, CLINIC, "no-port", true), SK_REQUEST_INVALID);
	assert_int_equal(create(f, OTHER, "h:1", true), SK_NOT_FOUND);
	must(f, create(f, CLINIC, "siem.example:6514", true));
	assert_int_equal(send_batch(f, "cut"), 500);
	/* It failed: not before its time. */
	assert_int_equal(sk_export_target_next(f->db, NULL, f->now, &none), -ENOENT);
	f->now += 2 * HOUR;
	assert_int_equal(send_batch(f, "cut"), 500);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM alerts WHERE state = 'open' AND kind = $1",
				 "forwarding-fails"),
		1);
	f->now += HOUR;
	assert_int_equal(send_batch(f, NULL), 500);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM alerts WHERE state = 'open' AND kind = $1",
				 "forwarding-fails"),
		0);
	assert_int_equal(send_batch(f, NULL), 200);
	assert_int_equal(send_batch(f, NULL), 0);
	assert_int_equal(
		count(f, "SELECT seq FROM export_positions WHERE source = $1", "terminal:" TERMINAL), 700);
}

static void test_a_receiver_from_now_on_gets_the_console_too(void **state)
{
	Fixture *f = *state;

	add_terminal(f, 5);
	must(f, create(f, NULL, "[::1]:6514", false));
	/* That it was made is a record, too: of the console, after the present ones. */
	assert_int_equal(send_batch(f, NULL), 1);
	assert_int_equal(send_batch(f, NULL), 0);
	exec(f, "UPDATE chain_heads SET seq = 3", SK_DB_NO_ARGS);
	assert_int_equal(send_batch(f, NULL), 0);
}

/* ---- heads ---- */

static int run_sign(Step *s)
{
	SkHead heads[SK_HEADS_ROWS];
	size_t n;
	int r = sk_heads_unsigned(s->actor.db, heads, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sk_head_sign(&s->actor, &(SkCountersignature){&heads[i], "key", "{}"});
	s->version = (int64_t)n;
	return r;
}

static int64_t sign(Fixture *f)
{
	Step step = {.run = run_sign, .scope = SK_SCOPE_ALL};

	must(f, as(f, NULL, &step));
	return step.version;
}

static int run_begin(Step *s)
{
	return sk_anchor_begin(&s->actor, "https://tsa.example", DAY);
}

static int run_stamped(Step *s)
{
	return sk_anchor_stamped(&s->actor, s->id, &(SkAnchorToken){(const uint8_t *)"t", 1, s->actor.now});
}

static void test_a_stamp_covers_what_was_signed_since_the_last_one(void **state)
{
	Fixture *f = *state;
	Step begin = {.run = run_begin, .scope = SK_SCOPE_ALL};
	Step stamped = {.run = run_stamped, .scope = SK_SCOPE_ALL};
	uint8_t digest[SK_SHA256_SIZE];
	char id[SK_ID_SIZE], second[SK_ID_SIZE];

	add_terminal(f, 2);
	assert_int_equal(sign(f), 1);
	assert_int_equal(sign(f), 0);
	f->now += HOUR;
	must(f, as(f, NULL, &begin));
	must(f, as(f, NULL, &begin));
	must(f, sk_anchor_waiting(f->db, id, digest));
	stamped.id = id;
	must(f, as(f, NULL, &stamped));
	assert_int_equal(sk_anchor_waiting(f->db, second, digest), -ENOENT);
	assert_int_equal(sk_anchor_check(f->db, id), 0);
	/* The next day there is another, and the first stays right. */
	exec(f, "UPDATE chain_heads SET seq = 3", SK_DB_NO_ARGS);
	assert_int_equal(sign(f), 1);
	f->now += DAY;
	must(f, as(f, NULL, &begin));
	must(f, sk_anchor_waiting(f->db, second, digest));
	assert_int_equal(sk_anchor_check(f->db, id), 0);
	assert_int_equal(sk_anchor_check(f->db, second), 0);
	exec(f, "DELETE FROM countersignatures WHERE seq = 2", SK_DB_NO_ARGS);
	assert_int_equal(sk_anchor_check(f->db, id), -EBADMSG);
	assert_int_equal(sk_anchor_check(f->db, second), 0);
}

/* ---- reviews ---- */

static int run_open(Step *s)
{
	return sk_review_open(&s->actor, &s->version);
}

static int64_t open_one(Fixture *f)
{
	Step step = {.run = run_open, .scope = SK_SCOPE_ALL};

	must(f, as(f, NULL, &step));
	return step.version;
}

static void test_each_month_has_one_review(void **state)
{
	Fixture *f = *state;

	add_terminal(f, 3);
	/* 2026-03-10 12:00 in Japan; the records are of February. */
	f->now = INT64_C(1773111600000);
	exec(f, "UPDATE records SET at = $1", SK_DB_ARGS(sk_db_int(f->now - 20 * DAY)));
	while (open_one(f) > 0)
		;
	assert_int_equal(count(f, "SELECT COUNT(*) FROM reviews WHERE facility_id = $1", CLINIC), 1);
	/* 2026-02-01 and 2026-03-01 00:00 in Japan. */
	assert_int_equal(count(f, "SELECT valid_from FROM reviews WHERE facility_id = $1", CLINIC),
		INT64_C(1769871600000));
	assert_int_equal(count(f, "SELECT valid_until FROM reviews WHERE facility_id = $1", CLINIC),
		INT64_C(1772290800000));
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM reviews WHERE summary LIKE $1", "%\"device.decided\":3%"), 1);
	assert_int_equal(open_one(f), 0);
	f->now += 31 * DAY;
	assert_int_equal(open_one(f), 1);
}

/* ---- figures and webhooks ---- */

static void test_figures_of_the_database(void **state)
{
	Fixture *f = *state;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	add_terminal(f, 3);
	exec(f, "INSERT INTO duties (name, instance_id, held_until, last_done) VALUES ('x\"y', $1, 0, 5000)",
		SK_DB_ARGS(sk_db_text(INSTANCE)));
	out = open_memstream(&text, &size);
	must(f, sk_metrics_write_database(out, f->db));
	fclose(out);
	assert_non_null(strstr(text, "\nsekisho_terminals{state=\"enrolled\"} 1\n"));
	assert_non_null(strstr(text, "\nsekisho_records 3\n"));
	assert_non_null(strstr(text, "\nsekisho_duty_success_timestamp_seconds{duty=\"x\\\"y\"} 5\n"));
	free(text);
}

static int run_webhook(Step *s)
{
	sk_id_new(s->made);
	return sk_webhook_create(&s->actor, &(SkWebhookNew){.id = s->made,
						    .facility = CLINIC,
						    .name = "x",
						    .url = s->text,
						    .wrapped = (const uint8_t *)"w",
						    .wrapped_size = 1});
}

static void test_webhooks_speak_https_only(void **state)
{
	static const char *const bad[] = {
		"http://x/", "https://", "https:///x", "https://u:p@x/", "https://x/ y", "file:///x"};
	Fixture *f = *state;
	Step step = {.run = run_webhook, .text = "https://x/y"};

	must(f, as(f, OFFICER, &step));
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		step.text = bad[i];
		assert_int_equal(as(f, OFFICER, &step), SK_REQUEST_INVALID);
	}
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_receiver_gets_everything_once_it_confirms, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_receiver_from_now_on_gets_the_console_too, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_stamp_covers_what_was_signed_since_the_last_one, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_each_month_has_one_review, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_figures_of_the_database, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_webhooks_speak_https_only, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests_name("outward", tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
