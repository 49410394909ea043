/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What terminals tell of the content of media, and what those tell that were taken over, on real databases.
 * Serves OUT-5, OUT-7. */
#include "tests/lib/grants_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/rules/grants.h"
#include "console/rules/manifests.h"
#include "console/rules/sign_key.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"
#include "lib/slip/slip.h"

#define UUID "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11"

static SkDsseSigner signer, other_signer;
static uint8_t public_key[SK_SIGN_PUBLIC_SIZE], other_key[SK_SIGN_PUBLIC_SIZE];
static char medium[SK_ID_SIZE], grant[SK_ID_SIZE];

static SkActor terminal_of(const Step *s)
{
	SkActor terminal = s->actor;

	terminal.person = NULL;
	terminal.terminal = s->text;
	terminal.scope = SK_SCOPE_ALL;
	return terminal;
}

static int run_tell(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_sign_key_tell(&terminal, s->flag ? other_key : public_key);
}

/* A medium that PC may open, and PC's key. */
static int setup(void **state)
{
	own_rows SkDbRows *rows = NULL;
	char request[SK_ID_SIZE];
	Step tell = {.run = run_tell, .text = PC};
	Fixture *f;

	if (grants_setup(state) < 0 || sk_sign_key_new(NULL, &signer.key, public_key) < 0 ||
		sk_sign_key_new(NULL, &other_signer.key, other_key) < 0)
		return -1;
	sk_dsse_key_id(public_key, signer.id);
	sk_dsse_key_id(other_key, other_signer.id);
	f = *state;
	grants_approve(f, PC, medium, request);
	exec(f, "UPDATE media SET luks_uuid = $2 WHERE id = $1",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(UUID)));
	must(f, sk_db_query(f->db, "SELECT id FROM grants WHERE medium_id = $1",
			SK_DB_ARGS(sk_db_text(medium)), &rows));
	assert_int_equal(sk_db_next(rows), 1);
	sk_str_copy(grant, sizeof(grant), sk_db_get_text(rows, 0));
	must(f, as(f, NULL, &tell));
	return 0;
}

static int teardown(void **state)
{
	sk_secret_free(own_take(signer.key));
	sk_secret_free(own_take(other_signer.key));
	return grants_teardown(state);
}

/* n files, the third of them malware, one gone. The caller frees it. */
static char *list_of(unsigned n, SkSlip *slip)
{
	char *text = NULL, path[32];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i <= n; i++) {
		SkSlipFile file = {.path = path,
			.size = i,
			.hashed = i < n,
			.change = i < n ? SK_SLIP_NEW : SK_SLIP_DELETED,
			.verdict = i == 2 ? SK_SLIP_INFECTED : SK_SLIP_CLEAN};
		own_free char *line = NULL;

		sk_str_format(path, sizeof(path), "file%05u", i);
		assert_int_equal(sk_slip_line_format(&file, &line), 0);
		fputs(line, out);
	}
	fclose(out);
	slip->files = n;
	slip->manifest.size = size;
	sk_sha256(slip->manifest.sha256, text, size);
	return text;
}

static SkSlip slip_of(uint64_t serial)
{
	SkSlip slip = {.kind = SK_SLIP_CARRY_OUT,
		.serial = serial,
		.opened = 1,
		.closed = 2,
		.complete = true,
		.uuid = UUID,
		.terminal = PC};

	sk_str_copy(slip.medium, sizeof(slip.medium), medium);
	sk_str_copy(slip.grant, sizeof(slip.grant), grant);
	return slip;
}

static SkManifestPart part;

static int run_take(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_manifest_take(&terminal, &part);
}

/* As the terminal, a piece of the text under the slip: from where, how much. */
typedef struct Piece {
	size_t place, size;
} Piece;

static int give(Fixture *f, const char *terminal, const SkSlip *slip, const char *text, Piece piece)
{
	Step step = {.run = run_take, .text = terminal};
	own_free char *envelope = NULL;

	assert_int_equal(sk_slip_sign(slip, &signer, &envelope), 0);
	part = (SkManifestPart){.envelope = envelope,
		.place = (int64_t)piece.place,
		.content = text + piece.place,
		.size = piece.size};
	return as(f, NULL, &step);
}

/* One that is handed over has no LUKS header: of such a medium, and of no other. */
static void test_of_a_medium_without_luks(void **state)
{
	SkSlip slip = slip_of(1000);
	own_free char *text = list_of(3, &slip);
	Fixture *f = *state;

	slip.uuid[0] = 0;
	assert_int_equal(give(f, PC, &slip, text, (Piece){0, slip.manifest.size}), SK_SLIP_WRONG);
	exec(f, "UPDATE media SET luks_uuid = NULL, mode = 'hand-over' WHERE id = $1",
		SK_DB_ARGS(sk_db_text(medium)));
	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size}));
	assert_int_equal(count(f, "SELECT whole FROM manifests WHERE medium_id = $1", medium), 1);
	slip = slip_of(2000);
	assert_int_equal(give(f, PC, &slip, text, (Piece){0, slip.manifest.size}), SK_SLIP_WRONG);
}

/* The grant is over with the manifest, whole or not: its terminal may have forgotten that it used it. */
static void test_a_disc_is_burned_once(void **state)
{
	Fixture *f = *state;
	SkSlip slip = slip_of(1000);
	own_free char *text = list_of(3, &slip);
	own_rows SkDbRows *rows = NULL;
	char disc[SK_ID_SIZE], request[SK_ID_SIZE];

	grants_approve_disc(f, PC, disc, request);
	must(f, sk_db_query(f->db, "SELECT id FROM grants WHERE medium_id = $1", SK_DB_ARGS(sk_db_text(disc)),
			&rows));
	assert_int_equal(sk_db_next(rows), 1);
	sk_str_copy(slip.grant, sizeof(slip.grant), sk_db_get_text(rows, 0));
	sk_str_copy(slip.medium, sizeof(slip.medium), disc);
	slip.uuid[0] = 0;
	slip.complete = false;
	sk_str_copy(slip.reason, sizeof(slip.reason), "spoiled");
	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size / 2}));
	check_field(f, &sk_grants_table, slip.grant, "state", "live");
	must(f, give(f, PC, &slip, text,
			(Piece){slip.manifest.size / 2, slip.manifest.size - slip.manifest.size / 2}));
	check_field(f, &sk_grants_table, slip.grant, "state", "ended");
	check_field(f, &sk_grants_table, slip.grant, "reason", "spoiled");
	/* The answer was lost. */
	must(f, give(f, PC, &slip, text,
			(Piece){slip.manifest.size / 2, slip.manifest.size - slip.manifest.size / 2}));
	slip.serial = 2000;
	slip.complete = true;
	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size}));
	check_field(f, &sk_grants_table, slip.grant, "reason", "spoiled");
	check_field(f, &sk_grants_table, grant, "state", "live");
}

static void test_in_pieces(void **state)
{
	Fixture *f = *state;
	SkSlip slip = slip_of(100);
	own_free char *text = list_of(700, &slip);
	size_t half = slip.manifest.size / 2, rest = slip.manifest.size - half;
	json_auto_t *row = NULL;
	SkManifestLines lines, more, none;
	SkPage page;
	const SkList all = {.limit = 10};

	must(f, give(f, PC, &slip, text, (Piece){0, half}));
	must(f, give(f, PC, &slip, text, (Piece){0, half})); /* the answer was lost */
	assert_int_equal(give(f, PC, &slip, text, (Piece){half + 1, rest - 1}), SK_SLIP_WRONG);
	must(f, give(f, PC, &slip, text, (Piece){half, rest}));
	must(f, give(f, PC, &slip, text, (Piece){half, rest}));
	assert_int_equal(count(f, "SELECT count(*) FROM manifests WHERE medium_id = $1", medium), 1);
	must(f, sk_table_list(f->db, &sk_manifests_table, &f->scope, &all, &page));
	row = json_incref(json_array_get(page.items, 0));
	json_decref(page.items);
	assert_true(json_is_true(json_object_get(row, "whole")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "result"), "new")), 700);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "result"), "deleted")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "result"), "infected")), 1);
	must(f, sk_manifest_read(f->db, &f->scope, sk_row_text(row, "id"), 0, &lines));
	assert_int_equal(json_array_size(lines.lines), 500);
	assert_true(lines.next > 0);
	must(f, sk_manifest_read(f->db, &f->scope, sk_row_text(row, "id"), lines.next, &more));
	assert_int_equal(json_array_size(more.lines), 201);
	assert_int_equal(more.next, -1);
	assert_string_equal(sk_row_text(json_array_get(more.lines, 0), "path"), "file00500");
	json_decref(lines.lines);
	json_decref(more.lines);
	/* Not for the other clinic. */
	assert_int_equal(
		sk_manifest_read(f->db, &rules_other_scope, sk_row_text(row, "id"), 0, &none), -ENOENT);
}

static void test_what_was_taken_stays(void **state)
{
	Fixture *f = *state;
	SkSlip slip = slip_of(100), again;
	own_free char *text = list_of(3, &slip), *other = NULL;

	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size}));
	again = slip_of(100);
	other = list_of(4, &again);
	assert_int_equal(give(f, PC, &again, other, (Piece){0, again.manifest.size}),
		SK_SLIP_WRONG); /* its serial was used */
	again.serial = 99;
	assert_int_equal(give(f, PC, &again, other, (Piece){0, again.manifest.size}),
		SK_SLIP_WRONG); /* an older one */
	again.serial = 101;
	must(f, give(f, PC, &again, other, (Piece){0, again.manifest.size}));
	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size}));
	assert_int_equal(count(f, "SELECT count(*) FROM manifests WHERE medium_id = $1", medium), 2);
}

static void test_a_lying_terminal(void **state)
{
	Fixture *f = *state;
	char others[SK_ID_SIZE], request[SK_ID_SIZE];
	SkSlip slip = slip_of(100), lie;
	own_free char *text = list_of(3, &slip);
	Step tell = {.run = run_tell, .text = PC, .flag = true};

	assert_int_equal(as(f, NULL, &tell), SK_SEAL_KEY_OTHER);
	grants_approve(f, PC2, others, request);
	lie = slip;
	sk_str_copy(lie.medium, sizeof(lie.medium), others);
	assert_int_equal(
		give(f, PC, &lie, text, (Piece){0, lie.manifest.size}), SK_SLIP_WRONG); /* another's medium */
	lie = slip;
	lie.uuid[0] = 'f';
	assert_int_equal(give(f, PC, &lie, text, (Piece){0, lie.manifest.size}), SK_SLIP_WRONG);
	lie = slip;
	sk_str_copy(lie.terminal, sizeof(lie.terminal), PC2);
	assert_int_equal(give(f, PC, &lie, text, (Piece){0, lie.manifest.size}),
		SK_SLIP_WRONG); /* in another's name */
	assert_int_equal(give(f, PC2, &slip, text, (Piece){0, slip.manifest.size}),
		SK_SLIP_WRONG); /* with another's slip */
	lie = slip;
	lie.manifest.sha256[0] ^= 1;
	assert_int_equal(
		give(f, PC, &lie, text, (Piece){0, lie.manifest.size}), SK_SLIP_WRONG); /* another list */
	lie = slip;
	lie.files = 2;
	assert_int_equal(give(f, PC, &lie, text, (Piece){0, lie.manifest.size}),
		SK_SLIP_WRONG); /* that counts wrong */
	assert_int_equal(count(f, "SELECT count(*) FROM manifests WHERE medium_id = $1", medium), 0);
	must(f, give(f, PC, &slip, text, (Piece){0, slip.manifest.size}));
}

static int run_inspect(Step *s)
{
	return sk_ledger_step(
		&s->actor, &(SkMediumStep){.key = {.id = s->id}, .action = SK_MEDIUM_INSPECT, .reason = "x"});
}

static int inspect(Fixture *f)
{
	Step step = {.run = run_inspect, .id = medium};

	return as(f, OFFICER, &step);
}

/* Out with three files, back with one changed, one gone and one more: seen here, and needed to accept it. */
static void test_what_came_back(void **state)
{
	Fixture *f = *state;
	SkSlip out = slip_of(100), back = slip_of(200);
	own_free char *sent = list_of(3, &out), *returned = list_of(4, &back);
	char *changed = strstr(returned, "file00001");
	json_auto_t *row = NULL;
	const json_t *result;
	SkPage page;
	const SkList all = {.limit = 10, .descending = true};

	exec(f, "UPDATE media SET state = 'returned' WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
	must(f, give(f, PC, &out, sent, (Piece){0, out.manifest.size}));
	assert_int_equal(inspect(f), SK_MEDIUM_NOT_INSPECTED);
	strcpy(back.kind, SK_SLIP_RETURN);
	changed = strstr(changed, "\"sha256\":\"") + 10;
	changed[0] = 'f';
	sk_sha256(back.manifest.sha256, returned, back.manifest.size);
	f->now += 1000;
	must(f, give(f, PC, &back, returned, (Piece){0, back.manifest.size}));
	must(f, sk_table_list(f->db, &sk_manifests_table, &f->scope, &all, &page));
	row = json_incref(json_array_get(page.items, 0));
	json_decref(page.items);
	assert_string_equal(sk_row_text(row, "kind"), SK_SLIP_RETURN);
	result = json_object_get(row, "result");
	assert_int_equal(json_integer_value(json_object_get(result, "unchanged")), 2);
	assert_int_equal(json_integer_value(json_object_get(result, "changed")), 1);
	assert_int_equal(json_integer_value(json_object_get(result, "new")), 1);
	assert_int_equal(json_integer_value(json_object_get(result, "missing")), 0);
	assert_int_equal(json_integer_value(json_object_get(result, "infected")), 1);
	must(f, inspect(f));
	check_field(f, &sk_media_table, medium, "state", "inspected");
	assert_int_equal(count(f,
				 "SELECT count(*) FROM media_history WHERE medium_id = $1 AND changes LIKE "
				 "'%comparedWith%'",
				 medium),
		1);
	/* Written to again: the inspection is not of this any more. */
	exec(f, "UPDATE media SET state = 'returned' WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
	f->now += 1000;
	out.serial = 300;
	must(f, give(f, PC, &out, sent, (Piece){0, out.manifest.size}));
	assert_int_equal(inspect(f), SK_MEDIUM_NOT_INSPECTED);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_disc_is_burned_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_a_medium_without_luks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_taken_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lying_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_came_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
