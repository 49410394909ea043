/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is beside the database, and whether both belong together: the secret, the vault, the chain of records.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "console/keys/receipt.h"
#include "console/server/doctor.h"
#include "console/server/home.h"
#include "console/server/secret.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static const char *advice_for(int error)
{
	const char *advice = sk_home_advice(error);

	return advice ? _(advice) : strerror(-error);
}

static void check_secret(SkDoctor *doctor)
{
	own_secret SkSecret *secret = NULL;
	const char *path = doctor->setup->settings->session.secret_file;
	int r = sk_server_secret_read(path, &secret);

	sk_doctor_tell(doctor,
		(SkFinding){"keys.secret", sk_health_of(r == 0),
			_("the secret of second factors is there and nobody else's"),
			_("restore the file of [Session] SecretFile, mode 0600; without it second factors "
			  "are set up "
			  "anew")},
		"%s", r == 0 ? "" : strerror(-r));
}

static void check_private(SkDoctor *doctor, const char *name, const char *what, const char *path)
{
	struct stat st;
	bool good = stat(path, &st) == 0 && (st.st_mode & 077) == 0;

	sk_doctor_tell(doctor,
		(SkFinding){name, sk_health_of(good), what,
			_("chown it to the user of the console, and chmod 700 it (a file 600)")},
		"%s", path);
}

/* Is the epoch of the vault that of the database? */
static int check_epoch(SkDb *db, const SkVaultReport *vault, char ret_detail[200])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(
		db, "SELECT number, vault FROM epochs ORDER BY number DESC LIMIT 1", SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 1 && !sk_str_eq(sk_db_get_text(rows, 1), vault->id))
		return -EXDEV;
	sk_str_format(ret_detail, 200, _("epoch %lld of %lld"), (long long)vault->epoch,
		(long long)(r == 1 ? sk_db_get_int(rows, 0) : 0));
	return 0;
}

static void check_vault(SkDoctor *doctor, SkVaultReport *ret_vault)
{
	own_keystore SkKeystore *keystore = NULL;
	SkHome home = {.vault = NULL};
	char path[PATH_MAX], detail[200] = "";
	int r = sk_home_keystore(doctor->setup->settings, &home, &keystore);

	sk_str_format(path, sizeof(path), "%s/vault", doctor->setup->settings->keys.directory);
	if (r == 0)
		r = sk_vault_check(path, keystore, ret_vault);
	if (r == 0 && doctor->db)
		r = check_epoch(doctor->db, ret_vault, detail);
	sk_doctor_tell(doctor,
		(SkFinding){"keys.vault", sk_health_of(r == 0),
			_("the vault opens and belongs to the database"), r == 0 ? NULL : advice_for(r)},
		"%s: %s",
		r == 0	       ? sk_keystore_kind(keystore)
		: home.what[0] ? home.what
			       : path,
		r == 0 ? detail : strerror(-r));
	if (r < 0)
		*ret_vault = (SkVaultReport){.keys = 0};
}

/* Names of instances, with commas. */
static int list_late(SkDb *db, char *names, size_t size)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT DISTINCT i.name FROM epoch_confirmations c JOIN vault_holders h ON h.instance_id = "
		"c.instance_id AND h.ended IS NULL JOIN instances i ON i.id = c.instance_id WHERE "
		"c.confirmed IS "
		"NULL",
		SK_DB_NO_ARGS, &rows);

	*names = 0;
	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		size_t used = strlen(names);

		sk_str_format(names + used, size - used, "%s%s", used ? ", " : "", sk_db_get_text(rows, 0));
		r = 0;
	}
	return r;
}

static void check_confirmed(SkDoctor *doctor)
{
	char names[500];
	int r = list_late(doctor->db, names, sizeof(names));

	sk_doctor_tell(doctor,
		(SkFinding){"keys.confirmed", sk_health_of(r == 0 && !names[0]),
			_("every console has destroyed the keys that are to be destroyed"),
			_("start these consoles; one that will never run again has to be taken out of the "
			  "vault")},
		"%s", names);
}

/* Without a copy that is up to date a fire is the end of all media; a vault without media needs none. */
static void check_copies(SkDoctor *doctor)
{
	int64_t old = 0, current = 0, media = 0;
	int r = sk_copy_count_old(doctor->db, &old);

	if (r == 0)
		r = sk_db_query_int(doctor->db, "SELECT COUNT(*) FROM epoch_copies WHERE destroyed IS NULL",
			SK_DB_NO_ARGS, &current);
	if (r == 0)
		r = sk_db_query_int(doctor->db, "SELECT COUNT(*) FROM medium_keys WHERE state = 'live'",
			SK_DB_NO_ARGS, &media);
	current -= old;
	sk_doctor_tell(doctor,
		(SkFinding){"keys.copies", r < 0 || old > 0 ? SK_HEALTH_WARNING : SK_HEALTH_GOOD,
			_("no copy of the vault is older than the last destruction"),
			_("make new copies, and destroy the old ones")},
		_("%lld old copies"), (long long)old);
	sk_doctor_tell(doctor,
		(SkFinding){"keys.copy",
			r < 0 || (media > 0 && current == 0) ? SK_HEALTH_WARNING : SK_HEALTH_GOOD,
			_("somebody keeps a copy of the keys that is up to date"),
			_("make one: sekisho-admin key-copy make")},
		_("%lld copies, %lld media with a key"), (long long)current, (long long)media);
}

static void check_chain(SkDoctor *doctor, const char *instance)
{
	SkChainReport report = {0};
	char path[PATH_MAX];
	SkHealth health = SK_HEALTH_GOOD;
	int r;

	sk_str_format(path, sizeof(path), "%s/chain", doctor->setup->settings->keys.directory);
	r = sk_chain_check(doctor->db, instance, path, &report);
	/* init makes the directory's parent only: nothing was served yet. */
	if (r == -ENOENT && report.records == 0)
		return;
	if (r < 0 || report.bad > 0 || !report.head_found)
		health = SK_HEALTH_WRONG;
	else if (report.gaps > 0)
		health = SK_HEALTH_WARNING;
	sk_doctor_tell(doctor,
		(SkFinding){"records.chain", health, _("the chain of the console's own records holds"),
			report.bad > 0
				? _("somebody changed records in the database: keep a copy of it, and "
				    "compare "
				    "it with the last backup")
				: _("records are missing: the database came from a backup, or somebody "
				    "removed them")},
		_("%llu records, the last is %llu, wrong is %llu, %llu gaps"),
		(unsigned long long)report.records, (unsigned long long)report.last,
		(unsigned long long)report.bad, (unsigned long long)report.gaps + !report.head_found);
}

void sk_doctor_keys(SkDoctor *doctor)
{
	const SkServerSettings *settings = doctor->setup->settings;
	SkVaultReport vault = {.keys = 0};

	check_secret(doctor);
	check_private(doctor, "keys.directory", _("the directory of keys is nobody else's"),
		settings->keys.directory);
	check_private(doctor, "keys.server", _("the private key of the server is nobody else's"),
		settings->tls.key);
	check_vault(doctor, &vault);
	if (!doctor->db)
		return;
	check_confirmed(doctor);
	check_copies(doctor);
	if (vault.instance[0])
		check_chain(doctor, vault.instance);
}
