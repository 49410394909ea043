/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recover: keys of a console whose directory of keys is lost, out of a copy that somebody kept. It shows a
 * public key; where the recovery key is, the copy is sealed to that; the file of it is what it waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "console/server/command.h"
#include "console/server/home_recover.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

#define HANDED_MAX ((size_t)4 << 20)

static void print_question(const SkHomeRecovery *recovery)
{
	char text[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];

	sk_base64_format(recovery->public_key, sizeof(recovery->public_key), text);
	printf(_("vault: %s\npublic key: %s\n"), recovery->vault, text);
	printf(_("Where the recovery key is, seal the copy to this public key:\n"));
	printf("    sekisho-admin recovery pass recovery.key copy.json %s handed.json\n", text);
	printf(_("Then the file of it: "));
	fflush(stdout);
}

/* Return: 0 and a text that the caller frees, or negative errno. */
static int read_handed(char **ret_text, size_t *ret_size)
{
	char path[PATH_MAX];

	if (!fgets(path, sizeof(path), stdin))
		return -ENODATA;
	path[strcspn(path, "\r\n")] = 0;
	return sk_io_read_file_at(AT_FDCWD, path, HANDED_MAX, ret_text, ret_size);
}

static int print_others(SkDb *db, const char *own)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT i.id, i.name FROM vault_holders h JOIN instances i ON i.id = h.instance_id WHERE "
		"h.ended IS NULL AND i.id <> $1 ORDER BY i.id",
		SK_DB_ARGS(sk_db_text(own)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		printf(_("Strike this console off if it is gone for good: %s\n"), sk_db_get_text(rows, 1));
		printf("    sekisho-admin instance end %s\n", sk_db_get_text(rows, 0));
		r = 0;
	}
	return r;
}

static int say(const SkHome *home, int error, const SkDb *db)
{
	if (error == -EBADMSG) {
		fprintf(stderr, _("sekisho-console: it is no copy of this vault, or sealed to another public "
				  "key\n"));
		return CONSOLE_NO;
	}
	if (error == -ESTALE) {
		fprintf(stderr,
			_("sekisho-console: the copy is from before a renewal of the keys; take a newer "
			  "one\n"));
		return CONSOLE_NO;
	}
	return console_say_home(home, error, db);
}

static int recover(const ConsoleSetup *setup, SkDb *db, const char *host)
{
	SkHomeRecovery recovery = {.secret = NULL};
	SkHandedBack handed = {.host = host};
	SkHome home = {.vault = NULL};
	own_free char *text = NULL;
	int r = sk_home_recover_ask(setup->settings, db, &home, &recovery);

	if (r == 0) {
		print_question(&recovery);
		r = read_handed(&text, &handed.size);
		handed.text = text;
		if (r < 0)
			sk_str_copy(home.what, sizeof(home.what), "what was handed back");
	}
	if (r == 0)
		r = sk_home_recover_take(setup->settings, db, &recovery, &handed, &home);
	if (r == 0) {
		puts("");
		console_print_authority(&home);
		r = print_others(db, sk_vault_instance(home.vault));
	}
	r = r < 0 ? say(&home, r, db) : CONSOLE_OK;
	sk_home_recovery_deinit(&recovery);
	sk_home_close(&home, NULL);
	return r;
}

int console_recover(int argc, char **argv)
{
	const char *host = NULL;
	const ConsoleOption options[] = {{"host", &host, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	own_db SkDb *db = NULL;
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	r = console_open_database(&setup, &db);
	return r != CONSOLE_OK ? r : recover(&setup, db, host);
}
