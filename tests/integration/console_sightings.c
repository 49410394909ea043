/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What terminals tell of media that are plugged in, and of losses, on real databases. Serves OUT-3, LOSS-1,
 * LOSS-3. */
#include "tests/lib/grants_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/rules/loss_report.h"
#include "console/rules/sighting.h"
#include "console/rules/stock_taking.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define UUID "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define DAY_MS INT64_C(86400000)

static SkMediumStands stands;
static SkMediumSeen seen;

/* As the terminal, which is the step's text. */
static SkActor terminal_of(const Step *s)
{
	SkActor terminal = s->actor;

	terminal.person = NULL;
	terminal.terminal = s->text;
	terminal.scope = SK_SCOPE_ALL;
	return terminal;
}

static int run_seen(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_medium_seen(&terminal, grants_signing, &seen, &stands);
}

/* Plugged in at a terminal; it says UUID of itself. */
static SkStanding see_at(Fixture *f, const char *terminal, const char *medium, int64_t at)
{
	Step step = {.run = run_seen, .text = terminal};

	seen = (SkMediumSeen){.medium = medium, .organisation = CLINIC, .uuid = UUID, .at = at};
	must(f, as(f, NULL, &step));
	return stands.standing;
}

static SkStanding see(Fixture *f, const char *medium)
{
	return see_at(f, PC, medium, f->now);
}

/* As it was prepared, and not seen since. */
static void name_it(Fixture *f, const char *medium)
{
	exec(f, "UPDATE media SET luks_uuid = $1, last_seen = NULL WHERE id = $2",
		SK_DB_ARGS(sk_db_text(UUID), sk_db_text(medium)));
}

static int64_t last_seen(Fixture *f, const char *medium)
{
	return count(f, "SELECT COALESCE(MAX(last_seen), 0) FROM media WHERE id = $1", medium);
}

static void test_how_it_stands(void **state)
{
	Fixture *f = *state;
	char granted[SK_ID_SIZE], request[SK_ID_SIZE], other[SK_ID_SIZE];

	grants_approve(f, PC, granted, request);
	name_it(f, granted);
	assert_int_equal(see(f, granted), SK_STANDING_GRANTED);
	assert_int_equal(last_seen(f, granted), f->now);
	exec(f, "UPDATE grants SET state = 'revoked' WHERE medium_id = $1", SK_DB_ARGS(sk_db_text(granted)));
	assert_int_equal(see(f, granted), SK_STANDING_TAKEN_BACK);
	exec(f, "UPDATE grants SET valid_from = 1, valid_until = 2 WHERE medium_id = $1",
		SK_DB_ARGS(sk_db_text(granted)));
	assert_int_equal(see(f, granted), SK_STANDING_KNOWN);
	exec(f, "UPDATE media SET luks_uuid = NULL WHERE id = $1", SK_DB_ARGS(sk_db_text(granted)));
	grants_approve(f, PC3, other, request);
	name_it(f, other);
	assert_int_equal(see(f, other), SK_STANDING_ELSEWHERE);
	exec(f, "UPDATE media SET state = 'retired' WHERE id = $1", SK_DB_ARGS(sk_db_text(other)));
	assert_int_equal(see(f, other), SK_STANDING_RETIRED);
}

/* Where the facility wants it so: for this terminal, for reading, and for a day. */
static void test_reading_without_an_approval(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	grants_approve(f, PC3, medium, request);
	name_it(f, medium);
	exec(f, "UPDATE facilities SET read_without_approval = 1 WHERE id = $1",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	assert_int_equal(see(f, medium), SK_STANDING_GRANTED);
	assert_int_equal(see(f, medium), SK_STANDING_GRANTED);
	assert_int_equal(count(f,
				 "SELECT count(*) FROM grants WHERE state = 'live' AND mode = 'read' AND "
				 "terminal_id = $1",
				 PC),
		1);
	assert_int_equal(
		count(f, "SELECT MAX(valid_until) FROM grants WHERE mode = 'read' AND terminal_id = $1", PC),
		f->now + 12 * HOUR);
	exec(f, "UPDATE media SET state = 'lost' WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
	exec(f, "UPDATE grants SET state = 'revoked' WHERE medium_id = $1", SK_DB_ARGS(sk_db_text(medium)));
	assert_int_equal(see(f, medium), SK_STANDING_LOST);
	assert_int_equal(
		count(f, "SELECT count(*) FROM grants WHERE state = 'live' AND terminal_id = $1", PC), 0);
}

/* Nothing of other people's ledgers is told, and what only bears a name does not count. */
static void test_what_is_not_ours(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	int64_t records;
	Step step = {.run = run_seen, .text = PC};

	assert_int_equal(see(f, "01J00000000000000000N0NE00"), SK_STANDING_UNKNOWN);
	seen = (SkMediumSeen){.medium = "01J00000000000000000N0NE00", .organisation = OTHER, .uuid = UUID};
	must(f, as(f, NULL, &step));
	assert_int_equal(stands.standing, SK_STANDING_OTHERS);
	grants_approve(f, PC, medium, request);
	exec(f,
		"UPDATE media SET last_seen = NULL, luks_uuid = 'ffffffff-0000-0000-0000-000000000000' WHERE "
		"id = $1",
		SK_DB_ARGS(sk_db_text(medium)));
	assert_int_equal(see(f, medium), SK_STANDING_NOT_THE_ONE);
	assert_int_equal(last_seen(f, medium), 0);
	/* A terminal of the other clinic: ours is others' there, whatever it says. */
	name_it(f, medium);
	records = count(f, "SELECT count(*) FROM console_records WHERE $1 <> ''", "x");
	assert_int_equal(see_at(f, PC_THERE, medium, f->now), SK_STANDING_OTHERS);
	assert_int_equal(count(f, "SELECT count(*) FROM console_records WHERE $1 <> ''", "x"), records);
	assert_int_equal(last_seen(f, medium), 0);
}

static void test_when_it_was(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	grants_approve(f, PC, medium, request);
	name_it(f, medium);
	see_at(f, PC, medium, f->now - DAY_MS);
	assert_int_equal(last_seen(f, medium), f->now - DAY_MS);
	see_at(f, PC, medium, f->now + DAY_MS);
	assert_int_equal(last_seen(f, medium), f->now); /* nobody sees it tomorrow */
	see_at(f, PC, medium, f->now - DAY_MS);
	assert_int_equal(last_seen(f, medium), f->now); /* told late */
	exec(f, "UPDATE media SET last_seen = NULL WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
	see_at(f, PC, medium, 0);
	assert_int_equal(last_seen(f, medium), 0);
}

static int run_begin(Step *s)
{
	return sk_stock_taking_begin(&s->actor, s->fields, s->made);
}

static int run_close(Step *s)
{
	json_t *missing = NULL;
	int r = sk_stock_taking_close(&s->actor, s->id, &missing);

	s->result = missing;
	return r;
}

static void test_it_counts_for_the_stock_taking(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], missing[SK_ID_SIZE];
	json_auto_t *fields = json_pack("{s:s, s:s}", "facility", CLINIC, "name", "棚卸");
	Step begin = {.run = run_begin, .fields = fields}, close = {.run = run_close, .id = begin.made};

	grants_approve(f, PC, medium, request);
	register_medium(f, "K-777", missing);
	name_it(f, medium);
	must(f, as(f, OFFICER, &begin));
	close.id = begin.made;
	see(f, medium);
	see(f, medium);
	assert_int_equal(
		count(f, "SELECT count(*) FROM stock_sightings WHERE result = 'seen' AND medium_id = $1",
			medium),
		1);
	must(f, as(f, OFFICER, &close));
	assert_int_equal(json_array_size(close.result), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(close.result, 0), "medium")), missing);
	json_decref(close.result);
}

static int run_loss(Step *s)
{
	const SkLossReport report = {
		.medium = s->id, .user = "staff", .text = "電車の中", .known = s->actor.now + s->action};
	SkActor terminal = terminal_of(s);

	return sk_loss_report(&terminal, grants_vault, &report);
}

static int lose(Fixture *f, const char *terminal, const char *medium)
{
	Step step = {.run = run_loss, .text = terminal, .id = medium, .action = 5000};
	SkEpochNews news;
	int r = as(f, NULL, &step);

	must(f, sk_epoch_apply(f->db, grants_vault, &news));
	return r;
}

static int64_t living_keys(Fixture *f, const char *medium)
{
	return count(f, "SELECT count(*) FROM medium_keys WHERE state = 'live' AND medium_id = $1", medium);
}

static void test_a_loss_does_everything_at_once(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	grants_approve(f, PC, medium, request);
	name_it(f, medium);
	assert_int_equal(lose(f, PC, "K-NONE"), SK_NOT_FOUND);
	must(f, lose(f, PC, medium));
	check_field(f, &sk_media_table, medium, "state", "revoked");
	assert_int_equal(living_keys(f, medium), 0);
	assert_int_equal(
		count(f, "SELECT count(*) FROM grants WHERE state = 'live' AND medium_id = $1", medium), 0);
	assert_int_equal(count(f, "SELECT count(*) FROM incidents WHERE reported_from = $1", PC), 1);
	/* Said to be known later than now: it is not. */
	assert_int_equal(
		count(f, "SELECT count(*) FROM incidents WHERE known <= created AND reported_from = $1", PC),
		1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM alerts WHERE kind = 'loss-reported' AND subject_id = $1",
			medium),
		1);
	must(f, lose(f, PC, medium)); /* told twice */
	assert_int_equal(count(f, "SELECT count(*) FROM incidents WHERE reported_from = $1", PC), 1);
	/* Somebody finds it. */
	exec(f, "UPDATE facilities SET contact = '03-1234' WHERE id = $1", SK_DB_ARGS(sk_db_text(CLINIC)));
	assert_int_equal(see(f, medium), SK_STANDING_LOST);
	assert_int_equal(stands.since, f->now);
	assert_string_equal(stands.contact, "03-1234");
	assert_int_equal(
		count(f, "SELECT count(*) FROM alerts WHERE kind = 'lost-medium-seen' AND subject_id = $1",
			medium),
		1);
}

/* A PC that was taken over ends no more than some media in a day; it still freezes them. */
static void test_one_terminal_destroys_few_keys(void **state)
{
	Fixture *f = *state;
	char medium[SK_LOSS_REPORTS_PER_DAY + 1][SK_ID_SIZE], request[SK_ID_SIZE];

	for (int i = 0; i <= SK_LOSS_REPORTS_PER_DAY; i++) {
		grants_approve(f, PC, medium[i], request);
		must(f, lose(f, PC, medium[i]));
		assert_int_equal(living_keys(f, medium[i]), i < SK_LOSS_REPORTS_PER_DAY ? 0 : 1);
	}
	check_field(f, &sk_media_table, medium[SK_LOSS_REPORTS_PER_DAY], "state", "lost");
	assert_int_equal(count(f, "SELECT count(*) FROM grants WHERE state = 'live' AND medium_id = $1",
				 medium[SK_LOSS_REPORTS_PER_DAY]),
		0);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_how_it_stands, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_reading_without_an_approval, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_ours, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_when_it_was, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_it_counts_for_the_stock_taking, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_loss_does_everything_at_once, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_one_terminal_destroys_few_keys, grants_setup, grants_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
