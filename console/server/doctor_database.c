/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The database: is it there, is it ours, is it whole, does its copy follow; and what its rows tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/db/migrate.h"
#include "console/server/doctor.h"
#include "console/server/person.h"
#include "console/store/time.h"
#include "lib/base/intl.h"

#define LAG_BYTES (INT64_C(64) << 20)
#define CLOCK_MS 2000
#define DAY_MS INT64_C(86400000)
#define DEFINITIONS_DAYS 3

/* The first column of the first row, as text; NULL: there is none, or it cannot be asked. The caller frees
 * it. */
static char *ask_text(SkDb *db, const char *sql)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, sql, SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	return r == 1 && sk_db_get_text(rows, 0) ? strdup(sk_db_get_text(rows, 0)) : NULL;
}

static bool check_answers(SkDoctor *doctor)
{
	own_free char *version = NULL;
	int r = sk_db_open(doctor->setup->database, &doctor->db);

	if (r == 0)
		version = ask_text(doctor->db, sk_db_engine(doctor->db) == SK_DB_SQLITE
						       ? "SELECT 'SQLite ' || sqlite_version()"
						       : "SELECT version()");
	sk_doctor_tell(doctor,
		(SkFinding){"database.answers", sk_health_of(r == 0), _("the database answers"),
			_("is it running, and is its address right? see console.conf(5), [Database]")},
		"%s", version ? version : strerror(-r));
	return r == 0;
}

static bool check_schema(SkDoctor *doctor)
{
	int64_t number = 0;
	int r = sk_db_schema_number(doctor->db, &sk_migrations, &number);

	if (r == 0)
		r = sk_db_schema_check(doctor->db, &sk_migrations);
	sk_doctor_tell(doctor,
		(SkFinding){"database.schema", sk_health_of(r == 0), _("its schema is that of this version"),
			r == -ENOENT
				? _("run: sekisho-console migrate")
				: _("it was made by another version: install that one, or restore a backup")},
		_("%lld of %zu"), (long long)number, sk_migrations.count);
	return r == 0;
}

static void check_content(SkDoctor *doctor)
{
	int r = sk_db_check(doctor->db);

	sk_doctor_tell(doctor,
		(SkFinding){"database.whole", sk_health_of(r == 0), _("its content is whole"),
			_("restore the last good backup: sekisho-console restore")},
		"%s", r == 0 ? "" : sk_db_message(doctor->db));
}

/* Of PostgreSQL: who follows, and how far behind. Without the right to look at it, the bytes are NULL. */
static void check_copies(SkDoctor *doctor)
{
	own_rows SkDbRows *rows = NULL;
	int64_t worst = 0, count = 0;
	int r = sk_db_query(doctor->db,
		"SELECT application_name, COALESCE(CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS "
		"BIGINT), -1) FROM pg_stat_replication",
		SK_DB_NO_ARGS, &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		count++;
		if (sk_db_get_int(rows, 1) > worst)
			worst = sk_db_get_int(rows, 1);
		r = 0;
	}
	sk_doctor_tell(doctor,
		(SkFinding){"database.copies",
			r < 0 || worst > LAG_BYTES ? SK_HEALTH_WARNING : SK_HEALTH_GOOD,
			_("its copies on other machines follow"),
			_("look at the machines of the database and at the network between them")},
		_("%lld copies, at most %lld bytes behind"), (long long)count, (long long)worst);
}

static void check_clock(SkDoctor *doctor)
{
	int64_t theirs = 0, before = sk_time_now(), apart;
	int r = sk_db_query_int(doctor->db,
		"SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)", SK_DB_NO_ARGS,
		&theirs);

	apart = theirs - (before + sk_time_now()) / 2;
	sk_doctor_tell(doctor,
		(SkFinding){"database.clock", sk_health_of(r == 0 && llabs(apart) < CLOCK_MS),
			_("its clock and ours are the same"),
			_("synchronise the clocks of both machines with the same servers")},
		_("%lld ms apart"), (long long)apart);
}

static void check_managers(SkDoctor *doctor)
{
	int r = sk_person_check_managers(doctor->db);

	sk_doctor_tell(doctor,
		(SkFinding){"people.managers", sk_health_of(r == 0),
			_("somebody is there who manages the accounts of all facilities"),
			_("give somebody the role: sekisho-admin role grant")},
		"%s", r < 0 ? strerror(-r) : "");
}

/* Only who has fetched or imported definitions once is reminded of them. */
static void check_definitions(SkDoctor *doctor)
{
	int64_t built = 0, days;
	int r = sk_db_query_int(doctor->db,
		"SELECT COALESCE(MAX(built), 0) FROM definition_files WHERE state = 'served'", SK_DB_NO_ARGS,
		&built);

	if (r < 0 || built == 0)
		return;
	days = (sk_time_now() - built) / DAY_MS;
	sk_doctor_tell(doctor,
		(SkFinding){"definitions.age", days > DEFINITIONS_DAYS ? SK_HEALTH_WARNING : SK_HEALTH_GOOD,
			_("the definitions of malware are new"),
			_("is their source reachable? otherwise import them from a medium")},
		_("%lld days old"), (long long)days);
}

void sk_doctor_database(SkDoctor *doctor)
{
	if (!check_answers(doctor) || !check_schema(doctor)) {
		sk_db_free(doctor->db);
		doctor->db = NULL;
		return;
	}
	check_content(doctor);
	if (sk_db_engine(doctor->db) == SK_DB_PGSQL) {
		check_copies(doctor);
		check_clock(doctor);
	}
	check_managers(doctor);
	check_definitions(doctor);
}
