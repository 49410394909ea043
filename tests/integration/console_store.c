/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables with their scope and versions, and the console's own chain, on both engines. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "console/store/chain.h"
#include "console/store/table.h"
#include "lib/audit/verify.h"
#include "lib/base/str.h"

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, 0, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_FILTER, NULL},
	{"name", SK_COLUMN_TEXT, SK_COLUMN_FILTER | SK_COLUMN_SORT, NULL},
	{"last_seen", SK_COLUMN_TIME, SK_COLUMN_FILTER | SK_COLUMN_SORT, NULL},
	{"carried", SK_COLUMN_BOOL, SK_COLUMN_FILTER, NULL},
	{"size", SK_COLUMN_INT, SK_COLUMN_FILTER, NULL},
	{"seal_key", SK_COLUMN_BYTES, SK_COLUMN_CREATE_ONLY, NULL},
	{"settings", SK_COLUMN_JSON, SK_COLUMN_LONG, NULL},
	{"token", SK_COLUMN_TEXT, SK_COLUMN_SECRET | SK_COLUMN_READ_ONLY, NULL},
	{"version", SK_COLUMN_INT, SK_COLUMN_READ_ONLY, NULL},
};
static const SkTable things = {.name = "things",
	SK_COLUMNS(columns),
	.facility = "facility_id",
	.terminal = "name",
	.version = "version"};
static const SkTable shared = {.name = "things",
	SK_COLUMNS(columns),
	.facility = "facility_id",
	.version = "version",
	.shared = true};

static const char schema[] =
	"CREATE TABLE things (id TEXT PRIMARY KEY, facility_id TEXT, name TEXT NOT NULL,"
	" last_seen BIGINT NOT NULL DEFAULT 0, carried BIGINT, size BIGINT, seal_key BYTEA,"
	" settings TEXT, token TEXT, version BIGINT NOT NULL DEFAULT 1)";

static char facility[3][SK_ID_SIZE];

static SkDb *open_things(void)
{
	char url[URL_SIZE];
	SkDb *db = engine_fresh(url);

	run_sql(db, schema);
	for (int i = 0; i < 3; i++)
		sk_id_new(facility[i]);
	return db;
}

static const SkScope *scope_of(int first, int count)
{
	static const char *list[3];
	static SkScope scope;

	for (int i = 0; i < count; i++)
		list[i] = facility[first + i];
	scope = (SkScope){.facilities = list, .n_facilities = (size_t)count};
	return &scope;
}

static int insert(SkDb *db, const SkScope *scope, json_t *fields, char id[SK_ID_SIZE])
{
	const SkWrite write = {.fields = fields, SK_SETS({"token", sk_db_text("secret")})};
	int r = sk_table_insert(db, &things, scope, &write, id);

	json_decref(fields);
	return r;
}

static int update(SkDb *db, const SkScope *scope, const char *id, int64_t version, json_t *fields)
{
	const SkWrite write = {.fields = fields};
	int r = sk_table_update(db, &things, scope, &(SkRowKey){id, version}, &write);

	json_decref(fields);
	return r;
}

static void test_rows(void **state)
{
	own_db SkDb *db = open_things();
	char id[SK_ID_SIZE];
	json_t *row = NULL, *wanted;

	assert_db(db,
		insert(db, scope_of(0, 1),
			json_pack("{s:s, s:s, s:s, s:b, s:n, s:s, s:{s:[i,n]}}", "facility", facility[0],
				"name", "関所", "lastSeen", "2026-01-31T23:59:59.999+09:00", "carried", 1,
				"size", "sealKey", "AP8=", "settings", "a", 1),
			id),
		0);
	assert_true(sk_id_check(id));
	assert_db(db, sk_table_read(db, &things, scope_of(0, 2), id, &row), 0);
	wanted = json_pack("{s:s, s:s, s:s, s:s, s:b, s:n, s:s, s:{s:[i,n]}, s:i}", "id", id, "facility",
		facility[0], "name", "関所", "lastSeen", "2026-01-31T14:59:59.999Z", "carried", 1, "size",
		"sealKey", "AP8=", "settings", "a", 1, "version", 1);
	assert_true(json_equal(row, wanted));
	json_decref(row);
	json_decref(wanted);
	/* Of another facility, or of nobody: not there. */
	assert_db(db, sk_table_read(db, &things, scope_of(1, 2), id, &row), -ENOENT);
	assert_db(db, sk_table_read(db, &things, scope_of(0, 0), id, &row), -ENOENT);
	assert_db(db, sk_table_read(db, &things, &(SkScope){.terminal = "other"}, id, &row), -ENOENT);
	assert_db(db, sk_table_read(db, &things, &(SkScope){.terminal = "関所"}, id, &row), 0);
	json_decref(row);
	assert_db(db, update(db, scope_of(1, 2), id, 1, json_pack("{s:s}", "name", "x")), -ENOENT);
	assert_db(
		db, update(db, scope_of(0, 1), id, 1, json_pack("{s:s, s:i}", "name", "x", "version", 1)), 0);
	assert_db(db, update(db, scope_of(0, 1), id, 1, json_pack("{s:s}", "name", "y")), -ECANCELED);
	assert_db(db, update(db, scope_of(0, 1), id, 2, json_pack("{s:n}", "carried")), 0);
	assert_int_equal(number_of(db, "SELECT version FROM things WHERE name = 'x' AND carried IS NULL"), 3);
	assert_db(db, sk_table_delete(db, &things, scope_of(1, 1), &(SkRowKey){id, 3}), -ENOENT);
	assert_db(db, sk_table_delete(db, &things, scope_of(0, 1), &(SkRowKey){id, 2}), -ECANCELED);
	assert_db(db, sk_table_delete(db, &things, scope_of(0, 1), &(SkRowKey){id, 3}), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM things"), 0);
}

static void test_refused_values(void **state)
{
	static const char *const bodies[] = {
		"{\"name\":1}",
		"{\"name\":\"a\\u0000b\"}",
		"{\"lastSeen\":\"2026-02-30T00:00:00Z\"}",
		"{\"lastSeen\":0}",
		"{\"carried\":1}",
		"{\"size\":\"1\"}",
		"{\"size\":1.5}",
		"{\"unknown\":1}",
		"{\"token\":\"mine\"}",
		"{\"sealKey\":\"AP8=\"}",
		"{\"facility\":null}",
		"{\"id\":\"x\"}",
		"{\"last_seen\":\"2026-02-20T00:00:00Z\"}",
	};
	own_db SkDb *db = open_things();
	char id[SK_ID_SIZE];

	assert_db(db,
		insert(db, SK_SCOPE_ALL, json_pack("{s:s, s:s}", "facility", facility[0], "name", "n"), id),
		0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bodies); i++) {
		int r = update(db, scope_of(0, 1), id, 1, json_loads(bodies[i], JSON_ALLOW_NUL, NULL));

		if (r != -EINVAL)
			fail_msg("%s: %d", bodies[i], r);
	}
	assert_int_equal(number_of(db, "SELECT version FROM things"), 1);
	assert_db(db,
		insert(db, scope_of(0, 2), json_pack("{s:s, s:s}", "facility", facility[2], "name", "n"), id),
		-EACCES);
	assert_db(db, insert(db, scope_of(0, 2), json_pack("{s:s}", "name", "n"), id), -EACCES);
	assert_db(db,
		insert(db, scope_of(0, 1), json_pack("{s:s, s:s}", "facility", facility[0], "sealKey", "A"),
			id),
		-EINVAL);
	assert_int_equal(number_of(db, "SELECT count(*) FROM things"), 1);
}

/* Facilities 0 and 1 in turn, names repeat, times repeat. */
static void fill_things(SkDb *db, int count)
{
	char id[SK_ID_SIZE], name[16], when[40];

	for (int i = 0; i < count; i++) {
		sk_str_format(name, sizeof(name), "n%02d", i % 7);
		sk_str_format(when, sizeof(when), "2026-01-%02dT00:00:00Z", 1 + i % 5);
		assert_db(db,
			insert(db, SK_SCOPE_ALL,
				json_pack("{s:s, s:s, s:s, s:i, s:b}", "facility", facility[i % 2], "name",
					name, "lastSeen", when, "size", i, "carried", i % 3 == 0),
				id),
			0);
	}
}

/* Every page of a list; each row once, in order. */
static int walk(SkDb *db, const SkTable *table, const SkScope *scope, SkList list)
{
	char after[SK_CURSOR_SIZE] = "", seen[100] = {0};
	int count = 0, pages = 0;
	SkPage page;
	json_t *row;
	size_t i;

	do {
		list.after = *after ? after : NULL;
		assert_db(db, sk_table_list(db, table, scope, &list, &page), 0);
		assert_true(json_array_size(page.items) <= list.limit);
		json_array_foreach (page.items, i, row) {
			json_int_t size = json_integer_value(json_object_get(row, "size"));

			assert_false(seen[size]);
			seen[size] = 1;
			assert_null(json_object_get(row, "token"));
			assert_null(json_object_get(row, "settings"));
			count++;
		}
		json_decref(page.items);
		sk_str_copy(after, sizeof(after), page.next);
		assert_true(pages++ < 100);
	} while (*after);
	return count;
}

static void test_lists(void **state)
{
	own_db SkDb *db = open_things();
	const SkFilter monday[] = {{"last_seen", SK_FILTER_FROM, "2026-01-02T00:00:00Z"},
		{"last_seen", SK_FILTER_UNTIL, "2026-01-03T00:00:00Z"}};
	const SkFilter names[] = {{"name", SK_FILTER_IN, "n01,n02"}, {"carried", SK_FILTER_EQUAL, "true"}};
	const SkFilter bad[] = {{"token", SK_FILTER_EQUAL, "secret"}, {"size", SK_FILTER_EQUAL, "1 OR 1"},
		{"last_seen", SK_FILTER_FROM, "yesterday"}, {"name", SK_FILTER_IN, "a,,b"},
		{"carried", SK_FILTER_EQUAL, "1"}, {"size", SK_FILTER_NULL, "yes"},
		{"nothing", SK_FILTER_EQUAL, ""}};
	static const char *const sorts[] = {NULL, "id", "name", "last_seen"};
	static const char *const cursors[] = {"", "x", "01J00000000000000000000000.",
		"01J00000000000000000000000.1", "01J0000000000000000000000' OR 1"};
	int64_t count;
	SkPage page;

	fill_things(db, 70);
	for (size_t i = 0; i < SK_ARRAY_SIZE(sorts); i++)
		for (int limit = 1; limit <= 80; limit = limit * 3 + 1)
			for (int descending = 0; descending < 2; descending++) {
				const SkList list = {
					.sort = sorts[i], .descending = descending, .limit = (unsigned)limit};

				assert_int_equal(walk(db, &things, SK_SCOPE_ALL, list), 70);
				assert_int_equal(walk(db, &things, scope_of(1, 2), list), 35);
				assert_int_equal(walk(db, &things, scope_of(1, 1), list), 35);
				assert_int_equal(walk(db, &things, scope_of(2, 1), list), 0);
				assert_int_equal(walk(db, &things, scope_of(0, 0), list), 0);
			}
	assert_int_equal(
		walk(db, &things, SK_SCOPE_ALL, (SkList){.filters = monday, .n_filters = 2, .limit = 9}), 14);
	assert_int_equal(
		walk(db, &things, scope_of(0, 3), (SkList){.filters = names, .n_filters = 2, .limit = 2}), 6);
	assert_db(db,
		sk_table_count(
			db, &things, scope_of(0, 1), &(SkList){.filters = monday, .n_filters = 2}, &count),
		0);
	assert_int_equal(count, 7);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(sk_table_list(db, &things, SK_SCOPE_ALL,
					 &(SkList){.filters = &bad[i], .n_filters = 1, .limit = 5}, &page),
			-EINVAL);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cursors); i++)
		assert_int_equal(sk_table_list(db, &things, SK_SCOPE_ALL,
					 &(SkList){.after = cursors[i], .limit = 5}, &page),
			-EINVAL);
	assert_int_equal(
		sk_table_list(db, &things, SK_SCOPE_ALL, &(SkList){.sort = "size", .limit = 5}, &page),
		-EINVAL);
	assert_int_equal(sk_table_list(db, &things, SK_SCOPE_ALL, &(SkList){.limit = 501}, &page), -EINVAL);
}

/* A row without a facility: everybody reads it, nobody of a facility changes it. */
static void test_shared(void **state)
{
	own_db SkDb *db = open_things();
	char id[SK_ID_SIZE];
	const SkWrite write = {SK_SETS({"name", sk_db_text("all")}, {"size", sk_db_int(1)})};
	json_t *row;

	assert_db(db, sk_table_insert(db, &shared, scope_of(0, 1), &write, id), -EACCES);
	assert_db(db, sk_table_insert(db, &shared, SK_SCOPE_ALL, &write, id), 0);
	assert_db(db, sk_table_read(db, &shared, scope_of(0, 2), id, &row), 0);
	json_decref(row);
	assert_int_equal(walk(db, &shared, scope_of(0, 1), (SkList){.limit = 5}), 1);
	assert_db(db, sk_table_read(db, &things, scope_of(0, 2), id, &row), -ENOENT);
	assert_db(db, sk_table_update(db, &shared, scope_of(0, 2), &(SkRowKey){id, 1}, &write), -ENOENT);
	assert_db(db, sk_table_update(db, &shared, SK_SCOPE_ALL, &(SkRowKey){id, 1}, &write), 0);
}

/* The chain. */

#define INSTANCE "01J0000000000000000000000E"

typedef struct Note {
	SkChain *chain;
	int count;
	int result;
} Note;

static int write_notes(SkDb *db, void *userdata)
{
	Note *note = userdata;
	json_t *body = json_pack("{s:s}", "what", "関所 \"x\"\n");
	int r = 0;

	for (int i = 0; i < note->count && r == 0; i++)
		r = sk_chain_append(note->chain, db,
			&(SkChainEntry){.kind = "medium.lost",
				.actor = "person:x",
				.body = body,
				.subject = "medium:1"});
	json_decref(body);
	return r < 0 ? r : note->result;
}

static SkDb *chain_database(char url[URL_SIZE], char directory[URL_SIZE])
{
	SkDb *db = engine_migrated(url);

	run_sql(db, "INSERT INTO instances (id, name, host, software, started, last_seen) VALUES"
		    " ('" INSTANCE "', 'one', 'h', '1', 0, 0)");
	sk_str_format(directory, URL_SIZE, "%s/chain-%u", engine.directory, ++engine.databases);
	assert_int_equal(mkdir(directory, 0700), 0);
	return db;
}

typedef struct Seen {
	unsigned kinds[SK_AUDIT_FINDING_KIND_MAX];
} Seen;

static void see(void *userdata, const SkAuditFinding *finding)
{
	Seen *seen = userdata;

	seen->kinds[finding->kind]++;
}

/* What the verifier says of an export, besides that it has no sealing key. */
static SkAuditReport verify(SkDb *db, const char *directory, Seen *ret_seen)
{
	char out[URL_SIZE], key[URL_SIZE + 32];
	SkAuditReport report;
	Seen seen = {{0}};

	sk_str_format(out, sizeof(out), "%s/export-%u", engine.directory, ++engine.databases);
	sk_str_format(key, sizeof(key), "%s/start-key", directory);
	assert_int_equal(mkdir(out, 0700), 0);
	assert_db(db, sk_chain_export(db, INSTANCE, out), 0);
	assert_int_equal(sk_audit_verify(&(SkAuditVerifyOptions){.directory = out, .start_key_path = key},
				 see, &seen, &report),
		0);
	assert_int_equal(seen.kinds[SK_AUDIT_KEY_STATE_BAD], 1);
	report.findings--;
	*ret_seen = seen;
	return report;
}

static void append(SkDb *db, SkChain *chain, int count)
{
	assert_db(db, sk_db_transact(db, write_notes, &(Note){chain, count, 0}), 0);
}

static void test_chain(void **state)
{
	char url[URL_SIZE], directory[URL_SIZE];
	own_db SkDb *db = chain_database(url, directory);
	SkChain *chain = NULL, *second = NULL;
	SkAuditReport report;
	Seen seen;

	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &second), -EBUSY);
	append(db, chain, 5);
	/* What is rolled back leaves no record and no gap. */
	assert_db(db, sk_db_transact(db, write_notes, &(Note){chain, 2, -EPERM}), -EPERM);
	append(db, chain, 1);
	/* More in one transaction than may stand without a seal. */
	append(db, chain, 2500);
	for (int i = 0; i < 100; i++)
		append(db, chain, 1);
	assert_db(db, sk_chain_seal(chain, db), 0);
	assert_db(db, sk_chain_seal(chain, db), 0);
	sk_chain_free(own_take(chain));
	report = verify(db, directory, &seen);
	assert_int_equal(report.findings, 0);
	/* created, ours, a seal for each 64, and the last. */
	assert_int_equal(report.records, 1 + 2606 + report.seals);
	assert_in_range(report.seals, 2607 / 64, 2607 / 64 + 2);
	assert_int_equal(report.seals_checked, report.seals);
	assert_int_equal(report.sealed_seq, report.records);
	/* Opened again, it goes on. */
	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	append(db, chain, 70);
	sk_chain_free(own_take(chain));
	report = verify(db, directory, &seen);
	assert_int_equal(report.findings, 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM console_records WHERE subject = 'medium:1' AND "
				       "actor = 'person:x'"),
		2676);
	/* Somebody with the database's password. */
	run_sql(db, "UPDATE console_records SET line = replace(line, 'medium.lost', 'medium.kept') WHERE seq "
		    "= 3");
	report = verify(db, directory, &seen);
	assert_int_equal(seen.kinds[SK_AUDIT_RECORD_CHANGED], 1);
	run_sql(db, "DELETE FROM console_records WHERE seq = 500");
	report = verify(db, directory, &seen);
	assert_int_equal(seen.kinds[SK_AUDIT_RECORDS_MISSING], 1);
}

static void *append_thread(void *userdata)
{
	const Note *note = userdata;
	SkDb *db = engine_open((const char *)note[1].chain);

	for (int i = 0; i < 40; i++)
		append(db, note->chain, 1 + i % 3);
	sk_db_free(db);
	return NULL;
}

static void test_chain_threads(void **state)
{
	enum { THREADS = 4 };
	char url[URL_SIZE], directory[URL_SIZE];
	own_db SkDb *db = chain_database(url, directory);
	own_chain SkChain *chain = NULL;
	pthread_t threads[THREADS];
	SkAuditReport report;
	Note note[2];
	Seen seen;

	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	note[0] = (Note){.chain = chain};
	note[1] = (Note){.chain = (SkChain *)url};
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, append_thread, note);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	report = verify(db, directory, &seen);
	assert_int_equal(report.findings, 0);
	assert_int_equal(report.records, 1 + THREADS * 79 + report.seals);
}

/* The database is put back to an older state: the chain goes on behind what was, and the gap stays visible.
 */
static void test_chain_set_back(void **state)
{
	char url[URL_SIZE], directory[URL_SIZE], path[URL_SIZE + 32];
	own_db SkDb *db = chain_database(url, directory);
	SkChain *chain = NULL;
	SkAuditReport report;
	Seen seen;

	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	append(db, chain, 30);
	sk_chain_free(own_take(chain));
	run_sql(db, "DELETE FROM console_records WHERE seq > 20");
	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	append(db, chain, 1);
	sk_chain_free(own_take(chain));
	report = verify(db, directory, &seen);
	assert_int_equal(seen.kinds[SK_AUDIT_RECORDS_MISSING], 1);
	assert_int_equal(seen.kinds[SK_AUDIT_LOSS_RECORDED], 1);
	assert_int_equal(report.head.seq, 33);
	/* The sealing key is lost: said so, and sealing begins anew. */
	sk_str_format(path, sizeof(path), "%s/seal-state", directory);
	assert_int_equal(unlink(path), 0);
	assert_db(db, sk_chain_open(db, INSTANCE, directory, NULL, &chain), 0);
	append(db, chain, 70);
	sk_chain_free(own_take(chain));
	report = verify(db, directory, &seen);
	assert_int_equal(seen.kinds[SK_AUDIT_KEY_REPLACED], 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused_values),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_threads),
		cmocka_unit_test(test_chain_set_back),
	};
	int failed;

	engine_start(argc, argv, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed ? 1 : 0;
}
