/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * init: an empty database becomes a console: the schema, the keys, the certificates, the first facility, and
 * the first person, who is security officer and administrator everywhere and gets a one-time password. Called
 * again it finishes what was cut short, and until somebody has signed in, prints another password.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "console/db/migrate.h"
#include "console/server/command.h"
#include "console/server/home.h"
#include "console/server/password_rules.h"
#include "console/server/person.h"
#include "console/server/sign_in.h"
#include "console/store/time.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/password.h"
#include "lib/crypt/secret.h"

typedef struct First {
	const char *facility, *login, *name;
	char origin[300];			   /* how people reach it */
	char login_there[SK_VALIDATE_DETAIL_SIZE]; /* "": the person is new */
	char hash[SK_PASSWORD_HASH_SIZE];
	char facility_id[SK_ID_SIZE], person_id[SK_ID_SIZE], officer_id[SK_ID_SIZE],
		administrator_id[SK_ID_SIZE];
} First;

static int insert_role(SkDb *db, const First *first, const char *id, const char *role)
{
	return sk_db_exec(db,
		"INSERT INTO person_roles (id, person_id, role, facility_id, granted) VALUES ($1, $2, $3, "
		"NULL, $4)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(first->person_id), sk_db_text(role),
			sk_db_int(sk_time_now())),
		NULL);
}

static int insert_person(SkDb *db, const First *first)
{
	char key[65];

	sk_sign_in_key(first->login, key, sizeof(key));
	return sk_db_exec(db,
		"INSERT INTO people (id, login, login_key, name, created) VALUES ($1, $2, $3, $4, $5)",
		SK_DB_ARGS(sk_db_text(first->person_id), sk_db_text(first->login), sk_db_text(key),
			sk_db_text(first->name), sk_db_int(sk_time_now())),
		NULL);
}

static int insert_all(SkDb *db, const First *first)
{
	int r = sk_db_exec(db, "INSERT INTO facilities (id, name, created) VALUES ($1, $2, $3)",
		SK_DB_ARGS(sk_db_text(first->facility_id), sk_db_text(first->facility),
			sk_db_int(sk_time_now())),
		NULL);
	/* The first one stays, whatever a later init is told: passkeys belong to it. */
	if (r == 0)
		r = sk_db_exec(db,
			"INSERT INTO settings (name, value, changed) VALUES ('origin', $1, $2) ON CONFLICT "
			"(name) "
			"DO NOTHING",
			SK_DB_ARGS(sk_db_text(first->origin), sk_db_int(sk_time_now())), NULL);
	if (r == 0)
		r = insert_person(db, first);
	if (r == 0)
		r = insert_role(db, first, first->officer_id, "security-officer");
	return r < 0 ? r : insert_role(db, first, first->administrator_id, "administrator");
}

static int insert(SkDb *db, void *userdata)
{
	const First *first = userdata;
	int r = *first->login_there ? 0 : insert_all(db, first);

	/* Given by the one who is set up: nobody else is there. It has to be changed. */
	return r < 0 ? r
		     : sk_person_set_password(db, &(SkNewPassword){first->person_id, first->hash,
							  first->person_id, "sekisho-console init"});
}

static int say_home(const SkHome *home, int error, const SkDb *db)
{
	const char *advice = sk_home_advice(error);

	console_say(home->what, error, db);
	if (advice)
		fprintf(stderr, "sekisho-console: %s\n", _(advice));
	return CONSOLE_ERROR;
}

static int make_directory(const char *file)
{
	own_free char *copy = strdup(file);

	if (!copy)
		return -ENOMEM;
	return mkdir(dirname(copy), 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/*
 * The database has the first person already, and nobody else, and their password was never changed: an init
 * that was cut short, or whose words were lost. Return: 0, -EEXIST it is in use, others of the database.
 */
static int find_first(SkDb *db, First *first)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT p.id, p.login, c.must_change, (SELECT COUNT(*) FROM people) FROM people p LEFT JOIN "
		"credentials c ON c.person_id = p.id AND c.kind = 'password' AND c.removed IS NULL ORDER BY "
		"p.id "
		"LIMIT 1",
		SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	if (sk_db_get_int(rows, 3) != 1 || sk_db_get_int(rows, 2) != 1)
		return -EEXIST;
	sk_str_copy(first->person_id, sizeof(first->person_id), sk_db_get_text(rows, 0));
	sk_str_copy(first->login_there, sizeof(first->login_there), sk_db_get_text(rows, 1));
	return 0;
}

/* Return: CONSOLE_OK, CONSOLE_NO there are people already, CONSOLE_ERROR. */
static int check_unused(SkDb *db, First *first)
{
	int r = find_first(db, first);

	if (r == 0)
		return CONSOLE_OK;
	if (r != -EEXIST)
		return console_say("database", r, db);
	fprintf(stderr, _("sekisho-console: this database has people already; nothing was changed\n"));
	return CONSOLE_NO;
}

static int make_first(SkDb *db, First *first)
{
	char password[SK_PASSWORD_MADE_SIZE];
	int r;

	if (!*first->login_there)
		sk_id_new(first->person_id);
	sk_id_new(first->facility_id);
	sk_id_new(first->officer_id);
	sk_id_new(first->administrator_id);
	sk_password_make(password);
	r = sk_password_hash(password, first->hash);
	if (r == 0)
		r = sk_db_transact(db, insert, first);
	if (r < 0)
		return r == -EEXIST ? check_unused(db, first) : console_say("database", r, db);
	printf(_("id: %s\none-time password: %s\n"), *first->login_there ? first->login_there : first->login,
		password);
	sk_secret_wipe(password, sizeof(password));
	return CONSOLE_OK;
}

static int check_names(const First *first)
{
	const char *const names[] = {first->facility, first->name};

	for (const char *c = first->login; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			    (c > first->login && strchr("._-@", *c))))
			return -EINVAL;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (!*names[i] || strlen(names[i]) > 200 || !sk_utf8_check(names[i], strlen(names[i])))
			return -EINVAL;
	return strlen(first->login) >= 2 && strlen(first->login) <= 64 ? 0 : -EINVAL;
}

static int print_address(const First *first, const SkHome *home)
{
	uint8_t fingerprint[32];
	char text[65];

	sk_ca_fingerprint(home->ca, fingerprint);
	sk_hex_format(text, fingerprint, sizeof(fingerprint));
	printf(_("address: %s/\nfingerprint of the authority: %s\n"), first->origin, text);
	return CONSOLE_OK;
}

/* As a browser writes it. */
static void make_origin(const ConsoleSetup *setup, const char *host, First *first)
{
	unsigned port = (unsigned)setup->settings->listen.people_port;

	if (!host)
		host = "localhost";
	if (*setup->settings->web.origin)
		sk_str_copy(first->origin, sizeof(first->origin), setup->settings->web.origin);
	else if (port == 443)
		sk_str_format(first->origin, sizeof(first->origin), "https://%s", host);
	else
		sk_str_format(first->origin, sizeof(first->origin), "https://%s:%u", host, port);
	for (char *c = first->origin; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static int make_all(const ConsoleSetup *setup, First *first, const char *host)
{
	SkMigrateReport report = {0};
	own_db SkDb *db = NULL;
	SkHome home = {.vault = NULL};
	int r;

	make_origin(setup, host, first);
	r = sk_db_open(setup->database, &db);

	if (r == 0)
		r = sk_db_migrate(db, &sk_migrations, 0, &report);
	if (r < 0)
		return console_say("database", r, db);
	r = check_unused(db, first);
	if (r != CONSOLE_OK)
		return r;
	r = sk_home_make(setup->settings, db, first->facility, host, &home);
	r = r < 0 ? say_home(&home, r, db) : make_first(db, first);
	if (r == CONSOLE_OK)
		r = print_address(first, &home);
	sk_home_close(&home, NULL);
	return r;
}

int console_init(int argc, char **argv)
{
	First first = {.facility = _("the clinic"), .login = "officer", .name = _("security officer")};
	const char *host = NULL;
	const ConsoleOption options[] = {{"facility", &first.facility, NULL}, {"login", &first.login, NULL},
		{"name", &first.name, NULL}, {"host", &host, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	if (check_names(&first) < 0) {
		fprintf(stderr, _("sekisho-console: an id has 2 to 64 letters, digits and . _ - @; names "
				  "have up to 200 "
				  "bytes of UTF-8\n"));
		return CONSOLE_USAGE;
	}
	r = make_directory(setup.settings->session.secret_file);
	if (r == 0 && sk_str_starts(setup.database, "sqlite:"))
		r = make_directory(setup.database + strlen("sqlite:"));
	return r < 0 ? console_say(_("the directory of the console"), r, NULL)
		     : make_all(&setup, &first, host);
}
