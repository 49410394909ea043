/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/home.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "console/keys/epoch.h"
#include "console/server/certificate.h"
#include "console/server/home_inside.h"
#include "console/server/secret.h"
#include "console/store/time.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define ROOT_YEARS 20
#define SERVER_MS (INT64_C(825) * 86400000)
#define WORDS_MAX 4096

int sk_home_fail(SkHome *home, const char *what, int error)
{
	sk_str_copy(home->what, sizeof(home->what), what);
	return error;
}

int sk_home_make_directory(SkHome *home, const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return sk_home_fail(home, path, -errno);
	return 0;
}

int sk_home_path(const SkServerSettings *settings, const char *name, char path[PATH_MAX])
{
	return sk_str_format(path, PATH_MAX, "%s/%s", settings->keys.directory, name) ? 0 : -ENAMETOOLONG;
}

/* A token or a TPM when somebody has written down its words, else files. NULL: out of memory. */
static char *words_of(const SkServerSettings *settings, const char *text)
{
	const char *directory = settings->keys.epoch_directory;
	char *words;
	int length;

	if (text && sk_str_starts(text, "tpm2:") && !strchr(text, '?'))
		length = asprintf(&words, "%s?dir=%s", text, directory);
	else if (text)
		length = asprintf(&words, "%s", text);
	else
		length = asprintf(&words, "file:%s", directory);
	return length < 0 ? NULL : words;
}

int sk_home_keystore(const SkServerSettings *settings, SkHome *home, SkKeystore **ret_keystore)
{
	own_free char *text = NULL, *words = NULL;
	size_t size;
	int r = sk_io_read_file_at(AT_FDCWD, settings->keys.token_file, WORDS_MAX, &text, &size);

	if (r < 0 && r != -ENOENT)
		return sk_home_fail(home, settings->keys.token_file, r);
	if (r == 0)
		text[strcspn(text, "\r\n")] = 0;
	words = words_of(settings, text);
	if (!words)
		return -ENOMEM;
	r = sk_keystore_open(words, ret_keystore);
	return r < 0 ? sk_home_fail(home, "the keystore", r) : 0;
}

int sk_home_add_instance(SkDb *db, const char *instance)
{
	char host[256] = "", name[300];
	int64_t there = 0, now = sk_time_now();
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	sk_str_format(name, sizeof(name), "%s-%.6s", host, instance + strlen(instance) - 6);
	r = sk_db_query_int(
		db, "SELECT COUNT(*) FROM instances WHERE id = $1", SK_DB_ARGS(sk_db_text(instance)), &there);
	if (r < 0 || there > 0)
		return r < 0 ? r
			     : sk_db_exec(db,
				       "UPDATE instances SET started = $1, last_seen = $1, software = $2 "
				       "WHERE id = $3",
				       SK_DB_ARGS(
					       sk_db_int(now), sk_db_text(SK_VERSION), sk_db_text(instance)),
				       NULL);
	return sk_db_exec(db,
		"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, $2, $3, "
		"$4, $5, $5)",
		SK_DB_ARGS(sk_db_text(instance), sk_db_text(name), sk_db_text(host), sk_db_text(SK_VERSION),
			sk_db_int(now)),
		NULL);
}

/* The first one: nobody has to let it in. */
static int begin_epochs(SkDb *db, void *userdata)
{
	SkVault *vault = userdata;
	int r = sk_home_add_instance(db, sk_vault_instance(vault));

	if (r == 0)
		r = sk_db_exec(db, "UPDATE instances SET joined = started WHERE id = $1",
			SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), NULL);
	return r < 0 ? r : sk_epoch_start(db, vault, NULL);
}

/* A vault that has seen changes belongs to a database that is not this one. */
static int join_vault(SkDb *db, SkVault *vault, bool begun)
{
	SkEpochNews news;

	if (begun)
		return sk_epoch_apply(db, vault, &news);
	return sk_vault_epoch(vault) > 1 ? -ENOTEMPTY : sk_db_transact(db, begin_epochs, vault);
}

static int make_vault(const SkServerSettings *settings, SkDb *db, SkHome *home)
{
	char path[PATH_MAX];
	own_keystore SkKeystore *keystore = NULL;
	int64_t epochs = 0;
	int r = sk_db_query_int(db, "SELECT COUNT(*) FROM epochs", SK_DB_NO_ARGS, &epochs);

	if (r == 0)
		r = sk_home_path(settings, "vault", path);
	if (r == 0)
		r = sk_home_make_directory(home, path);
	if (r == 0)
		r = sk_home_make_directory(home, settings->keys.epoch_directory);
	if (r == 0)
		r = sk_home_keystore(settings, home, &keystore);
	if (r < 0)
		return r;
	r = sk_vault_open(path, keystore, &home->vault);
	/* A database that had one needs that one. */
	if (r == -ENOENT && epochs == 0)
		r = sk_vault_create(path, keystore, &home->vault);
	if (r < 0)
		return sk_home_fail(home, path, r);
	keystore = NULL;
	r = join_vault(db, home->vault, epochs > 0);
	return r < 0 ? sk_home_fail(home, path, r) : 0;
}

static int write_file(SkHome *home, const char *path, mode_t mode, const char *text)
{
	own_free char *copy = strdup(path);
	const char *name = strrchr(path, '/');
	own_fd int fd = -1;
	int r;

	if (!copy || !name)
		return -ENOMEM;
	r = sk_home_make_directory(home, dirname(copy));
	if (r < 0)
		return r;
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : sk_io_replace_file_at(fd, name + 1, mode, text, strlen(text));
	return r < 0 ? sk_home_fail(home, path, r) : 0;
}

/* Key, certificate and authority, in this order. */
static int write_issued(const SkServerSettings *settings, SkHome *home, const SkCaIssued *issued)
{
	own_free char *chain = NULL;
	int r;

	/* The root goes along: who has its fingerprint takes it from there. */
	if (asprintf(&chain, "%s%s", issued->certificate, sk_ca_certificate(home->ca)) < 0) {
		chain = NULL;
		return -ENOMEM;
	}
	r = write_file(home, settings->tls.key, 0600, issued->key);
	if (r == 0)
		r = write_file(home, settings->tls.certificate, 0644, chain);
	if (r == 0)
		r = write_file(home, settings->tls.client_authority, 0644, sk_ca_certificate(home->ca));
	return r;
}

static int issue(const SkServerSettings *settings, SkHome *home, const char *const *names, size_t count)
{
	int64_t now = sk_time_now();
	SkCaIssued issued = {.certificate = NULL};
	/* A clock that is a little behind takes it, too. */
	int r = sk_ca_issue_server(
		home->ca, names, count, (SkCaPeriod){now - 3600000, now + SERVER_MS}, &issued);

	if (r < 0)
		return sk_home_fail(home, "the server's certificate", r);
	r = write_issued(settings, home, &issued);
	sk_secret_wipe(issued.key, strlen(issued.key));
	free(issued.key);
	free(issued.certificate);
	return r;
}

static int issue_server(const SkServerSettings *settings, SkHome *home, const char *host)
{
	char machine[256] = "";
	const char *names[4] = {"localhost", "127.0.0.1"};
	size_t count = 2;

	if (gethostname(machine, sizeof(machine) - 1) == 0 && machine[0] && !sk_str_eq(machine, "localhost"))
		names[count++] = machine;
	if (host && !sk_str_eq(host, machine))
		names[count++] = host;
	return issue(settings, home, names, count);
}

bool sk_home_owns_certificate(const SkServerSettings *settings, const SkHome *home)
{
	return sk_certificate_is_of(settings->tls.certificate, sk_ca_certificate(home->ca));
}

int sk_home_renew(const SkServerSettings *settings, SkHome *home)
{
	own_certificate_facts SkCertificateFacts facts = {0};
	const int64_t soon = sk_time_now() / 1000 + SK_CERTIFICATE_RENEW_DAYS * 86400;
	size_t count = 0;
	int r = sk_certificate_look(settings->tls.certificate, &facts);

	if (r < 0)
		return sk_home_fail(home, settings->tls.certificate, r);
	/* A key that does not fit is what a kill between both leaves behind. */
	if (!sk_home_owns_certificate(settings, home) ||
		(facts.until > soon &&
			sk_certificate_fits(settings->tls.certificate, settings->tls.key) == 0))
		return 0;
	while (facts.names[count])
		count++;
	r = issue(settings, home, (const char *const *)facts.names, count);
	return r < 0 ? r : 1;
}

/* They are written in this order: where the last one is, all are. */
static bool has_certificates(const SkServerSettings *settings)
{
	return access(settings->tls.key, F_OK) == 0 && access(settings->tls.certificate, F_OK) == 0 &&
	       access(settings->tls.client_authority, F_OK) == 0;
}

int sk_home_ensure_certificate(const SkServerSettings *settings, SkHome *home, const char *host)
{
	return has_certificates(settings) ? 0 : issue_server(settings, home, host);
}

static int make_ca(const SkServerSettings *settings, SkHome *home, const char *organisation, const char *host)
{
	char path[PATH_MAX];
	int r = sk_home_path(settings, "ca", path);

	if (r == 0)
		r = sk_home_make_directory(home, path);
	if (r == 0)
		r = sk_ca_open(path, &home->ca);
	if (r == -ENOENT)
		r = sk_ca_create(path, organisation, ROOT_YEARS, &home->ca);
	if (r < 0)
		return sk_home_fail(home, path, r);
	return sk_home_ensure_certificate(settings, home, host);
}

int sk_home_make(
	const SkServerSettings *settings, SkDb *db, const char *organisation, const char *host, SkHome *home)
{
	int r = sk_home_make_directory(home, settings->keys.directory);

	if (r == 0)
		r = sk_server_secret_make(settings->session.secret_file);
	if (r == -EEXIST)
		r = 0;
	if (r < 0)
		return home->what[0] ? r : sk_home_fail(home, settings->session.secret_file, r);
	r = make_vault(settings, db, home);
	return r < 0 ? r : make_ca(settings, home, organisation, host);
}

static int open_chain(const SkServerSettings *settings, SkDb *db, SkHome *home)
{
	char path[PATH_MAX];
	int r = sk_home_path(settings, "chain", path);

	if (r == 0)
		r = sk_home_make_directory(home, path);
	if (r == 0)
		r = sk_home_add_instance(db, sk_vault_instance(home->vault));
	if (r == 0)
		r = sk_chain_open(db, sk_vault_instance(home->vault), path, NULL, &home->chain);
	return r < 0 ? sk_home_fail(home, "the chain of records", r) : 0;
}

static int open_vault(const SkServerSettings *settings, SkDb *db, SkHome *home)
{
	SkEpochNews news;
	char path[PATH_MAX];
	SkKeystore *keystore = NULL;
	int r = sk_home_keystore(settings, home, &keystore);

	if (r == 0)
		r = sk_home_path(settings, "vault", path);
	if (r < 0)
		return r;
	r = sk_vault_open(path, keystore, &home->vault);
	if (r < 0)
		return sk_home_fail(home, path, r);
	r = sk_epoch_apply(db, home->vault, &news);
	return r < 0 ? sk_home_fail(home, "the epochs of the vault", r) : 0;
}

static int open_signing(const SkServerSettings *settings, SkDb *db, SkHome *home)
{
	char path[PATH_MAX];
	int r = sk_home_path(settings, "signing", path);

	if (r == 0)
		r = sk_home_make_directory(home, path);
	if (r == 0)
		r = sk_signing_open(db, path, sk_vault_instance(home->vault), &home->signing);
	return r < 0 ? sk_home_fail(home, "the keys that sign", r) : 0;
}

const char *sk_home_advice(int error)
{
	switch (error) {
	case -EBUSY:
		return N_("another sekisho-console works with it: stop that one first");
	case -EPERM:
	case -EACCES:
		return N_("give it to the user of the console alone: chown it, and chmod 700 (a file 600)");
	case -ENOENT:
		return N_("it is not there: bring it back from its backup; sekisho-console init makes it "
			  "when the "
			  "database is empty");
	case -ENOKEY:
		return N_("the epoch key is not there: bring back the directory of [Keys] EpochDirectory, or "
			  "connect the token");
	case -ENODEV:
		return N_(
			"there is no TPM for the user of the console: switch it on in the firmware, and see "
			"that the user is in the group tss");
	case -ENOTSUP:
		return N_("the TPM has an owner password, which the console does not use: remove it with "
			  "tpm2_changeauth, or take a file or a token");
	case -EXDEV:
		return N_("it belongs to another database: bring back the vault of this one");
	case -ENOTEMPTY:
		return N_("it belongs to another database: restore that one with sekisho-console restore, or "
			  "move "
			  "the directory away when nobody needs its media any more");
	case -ESTALE:
		return N_("it missed a change of the keys: this instance has to join again");
	case -EBADMSG:
		return N_("it is damaged: bring it back from its backup");
	case -ENOSPC:
		return N_("free disk space, and call it again");
	default:
		return NULL;
	}
}

int sk_home_open(const SkServerSettings *settings, SkDb *db, SkHome *home)
{
	char path[PATH_MAX];
	int r = sk_server_secret_read(settings->session.secret_file, &home->secret);

	if (r < 0)
		return sk_home_fail(home, settings->session.secret_file, r);
	r = open_vault(settings, db, home);
	if (r == 0)
		r = open_chain(settings, db, home);
	if (r == 0)
		r = open_signing(settings, db, home);
	if (r < 0)
		return r;
	r = sk_home_path(settings, "ca", path);
	if (r == 0)
		r = sk_ca_open(path, &home->ca);
	return r < 0 ? sk_home_fail(home, path, r) : 0;
}

void sk_home_close(SkHome *home, SkDb *db)
{
	if (home->chain && db)
		(void)sk_chain_seal(home->chain, db);
	sk_chain_free(home->chain);
	sk_signing_free(home->signing);
	sk_ca_free(home->ca);
	sk_vault_free(home->vault);
	sk_secret_free(home->secret);
	*home = (SkHome){0};
}
