/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: looks at what a console needs, one line each, and says what to do about what is wrong. Changes
 * nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include <gnutls/x509.h>

#include "console/db/migrate.h"
#include "console/server/command.h"
#include "console/server/secret.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"

#define PEM_MAX (1024 * 1024)
#define DAY 86400
#define SOON (30 * DAY)
#define SPACE_LOW (UINT64_C(1) << 30)

typedef struct Finding {
	const char *what;
	bool good;
	const char *advice; /* of what is wrong */
} Finding;

static bool tell(Finding finding)
{
	printf("%s  %s\n", finding.good ? _("ok   ") : _("WRONG"), finding.what);
	if (!finding.good)
		printf("       %s\n", finding.advice);
	return finding.good;
}

static bool check_database(const ConsoleSetup *setup)
{
	own_db SkDb *db = NULL;
	int r = sk_db_open(setup->database, &db);
	bool good = tell((Finding){_("the database answers"), r == 0,
		_("is it running, and is its address right? see console.conf(5), [Database]")});

	if (!good)
		return false;
	r = sk_db_schema_check(db, &sk_migrations);
	good &= tell((Finding){_("its schema is that of this version"), r == 0,
		r == -ENOENT ? _("run: sekisho-console migrate")
			     : _("it was made by another version: install that one, or restore a backup")});
	good &= tell((Finding){_("its content is whole"), sk_db_check(db) == 0,
		_("restore the last good backup: sekisho-console restore")});
	return good;
}

static bool is_private(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 077) == 0;
}

static bool check_keys(const SkServerSettings *settings)
{
	own_secret SkSecret *secret = NULL;
	bool good = tell((Finding){_("the secret of second factors is there and nobody else's"),
		sk_server_secret_read(settings->session.secret_file, &secret) == 0,
		_("restore the file of [Session] SecretFile, mode 0600; without it second factors are set up "
		  "anew")});

	good &= tell((Finding){_("the directory of keys is nobody else's"),
		is_private(settings->keys.directory), _("chmod 700 the directory of [Keys] Directory")});
	good &= tell((Finding){_("the private key of the server is nobody else's"),
		is_private(settings->tls.key), _("chmod 600 the file of [TLS] Key")});
	return good;
}

/* Return: seconds that are left, or -1 when it cannot be read. */
static int64_t time_left(const char *path)
{
	own_free char *text = NULL;
	gnutls_x509_crt_t certificate;
	int64_t left = -1;
	size_t size;

	if (sk_io_read_file_at(AT_FDCWD, path, PEM_MAX, &text, &size) < 0 ||
		gnutls_x509_crt_init(&certificate) < 0)
		return -1;
	if (gnutls_x509_crt_import(certificate, &(gnutls_datum_t){(unsigned char *)text, (unsigned)size},
		    GNUTLS_X509_FMT_PEM) >= 0)
		left = gnutls_x509_crt_get_expiration_time(certificate) - time(NULL);
	gnutls_x509_crt_deinit(certificate);
	return left;
}

static bool check_certificates(const SkServerSettings *settings)
{
	bool good = tell((Finding){_("the server's certificate is good for 30 days and more"),
		time_left(settings->tls.certificate) > SOON, _("renew the file of [TLS] Certificate")});

	return tell((Finding){_("the authority's certificate is good for 30 days and more"),
		       time_left(settings->tls.client_authority) > SOON,
		       _("renew the authority; agents have to be told before it ends")}) &&
	       good;
}

static bool check_machine(const SkServerSettings *settings)
{
	struct timex clock = {.modes = 0};
	struct statvfs space;
	bool good = tell((Finding){_("the clock is synchronised"), adjtimex(&clock) != TIME_ERROR,
		_("start a service for it, such as chrony or systemd-timesyncd")});

	return tell((Finding){_("the disk has 1 GiB and more"),
		       statvfs(settings->keys.directory, &space) == 0 &&
			       (uint64_t)space.f_bavail * space.f_frsize >= SPACE_LOW,
		       _("free disk space")}) &&
	       good;
}

int console_doctor(int argc, char **argv)
{
	own_setup ConsoleSetup setup = {0};
	int r = console_setup(argc, argv, NULL, &setup);
	bool good;

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	good = check_database(&setup);
	good &= check_keys(setup.settings);
	good &= check_certificates(setup.settings);
	good &= check_machine(setup.settings);
	return good ? CONSOLE_OK : CONSOLE_NO;
}
