/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-definitions: the console's mirror of virus definitions. It fetches or takes in, and proves where
 * things come from; the console serves what it left in its folder. No database, no keys of the console.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "console/definitions/bundle.h"
#include "console/definitions/fetch.h"
#include "console/definitions/jail.h"
#include "console/definitions/verify.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* Exit statuses. */
enum { DONE = 0, FAILED = 1, WRONG_USE = 2, REFUSED = 3, AWAY = 4 };

static const char *arg_config = SK_CONFDIR;

static int usage(FILE *out, int status)
{
	fputs(_("usage: sekisho-definitions [--config DIR] update\n"
		"       sekisho-definitions [--config DIR] import FILE.cvd|FOLDER...\n"
		"       sekisho-definitions [--config DIR] list\n"),
		out);
	return status;
}

static int tell(SkReason code, const char *what, const char *why)
{
	const SkReasonText *text = sk_reason_find(code);
	bool japanese = sk_intl_is_japanese();
	char shown[SK_REASON_CODE_SIZE];

	sk_reason_format_code(shown, code);
	fprintf(stderr, "sekisho-definitions: %s: %s: %s (%s)\n%s\n", what, shown,
		japanese ? text->ja_what : text->en_what, why, japanese ? text->ja_next : text->en_next);
	return code == SK_DEFINITIONS_NOT_FETCHED ? AWAY : REFUSED;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "sekisho-definitions: %s: %s\n", what, strerror(-r));
	return FAILED;
}

static int fetch_one(Store *store, const MirrorSettings *settings, SkOutgoingCall *call, const char *name)
{
	Fetched fetched;
	int r = fetch_database(store, settings, call, name, &fetched);

	if (r == 0) {
		printf(fetched.now > fetched.before ? _("%s: version %lld\n")
						    : _("%s: version %lld is current\n"),
			name, (long long)fetched.now);
		return DONE;
	}
	if (r == -EBADMSG)
		return tell(SK_DEFINITIONS_NOT_SIGNED, name, call->error);
	return call->error[0] ? tell(SK_DEFINITIONS_NOT_FETCHED, name, call->error) : fail(name, r);
}

/* One that cannot be had does not keep the others away. */
static int update(Store *store, const MirrorSettings *settings, SkOutgoing *outgoing)
{
	static const char *const names[] = {"main", "daily", "bytecode"};
	SkOutgoingCall call = {.outgoing = outgoing};
	int status = DONE, r;

	if (!settings->mirror.address[0]) {
		fputs(_("sekisho-definitions: no mirror is set; definitions are brought in with import\n"),
			stderr);
		return DONE;
	}
	r = mirror_jail_enter(settings->mirror.directory);
	if (r < 0)
		return fail("jail", r);
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (settings->mirror.databases & 1u << i) {
			r = fetch_one(store, settings, &call, names[i]);
			status = r != DONE ? r : status;
		}
	return status;
}

static int import(Store *store, const MirrorSettings *settings, char **paths)
{
	char why[BUNDLE_WHY_SIZE] = "";
	unsigned count = 0;
	int r = 0;

	for (; *paths && r == 0; paths++)
		r = bundle_import(store, settings, *paths, &count, why);
	printf(ngettext("%u database is new\n", "%u databases are new\n", count), count);
	if (r == -EBADMSG && strstr(why, "signature"))
		return tell(SK_DEFINITIONS_NOT_SIGNED, "import", why);
	return r < 0 ? tell(SK_DEFINITIONS_BUNDLE_BAD, "import", why) : DONE;
}

static int list(const Store *store)
{
	json_t *file;
	size_t i;

	json_array_foreach (store->files, i, file)
		printf("%-14s %10lld %12lld %s %s\n", json_string_value(json_object_get(file, "name")),
			(long long)json_integer_value(json_object_get(file, "number")),
			(long long)json_integer_value(json_object_get(file, "size")),
			json_string_value(json_object_get(file, "source")),
			json_string_value(json_object_get(file, "sha256")));
	return DONE;
}

static int run(const MirrorSettings *settings, char **arguments)
{
	SkOutgoing outgoing = {NULL};
	own_store Store store = {-1, -1, NULL};
	int r = store_open(settings->mirror.directory, &store);

	if (r < 0)
		return fail(settings->mirror.directory, r);
	if (sk_str_eq(arguments[0], "list"))
		return list(&store);
	r = verify_init();
	if (r == 0)
		r = sk_outgoing_init(settings->mirror.authorities, settings->mirror.proxy, &outgoing);
	if (r < 0)
		return fail("libraries", r);
	r = sk_str_eq(arguments[0], "update") ? update(&store, settings, &outgoing)
					      : import(&store, settings, arguments + 1);
	sk_outgoing_deinit(&outgoing);
	return r;
}

static bool is_command(int count, char **arguments)
{
	if (count < 1)
		return false;
	return (sk_str_eq(arguments[0], "import") && count > 1) ||
	       (count == 1 && (sk_str_eq(arguments[0], "update") || sk_str_eq(arguments[0], "list")));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	own_mirror_settings MirrorSettings *settings = NULL;
	own_free char *errors = NULL;
	int letter;

	sk_intl_init(SK_LOCALEDIR);
	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter == 'h')
			return usage(stdout, DONE);
		if (letter == 'v') {
			puts("sekisho-definitions " SK_VERSION);
			return DONE;
		}
		if (letter != 'f')
			return usage(stderr, WRONG_USE);
		arg_config = optarg;
	}
	if (!is_command(argc - optind, argv + optind))
		return usage(stderr, WRONG_USE);
	umask(022);
	if (mirror_settings_load(arg_config, &settings, &errors) < 0) {
		fputs(errors ? errors : "settings\n", stderr);
		return FAILED;
	}
	if (sk_crypt_init() < 0)
		return fail("libsodium", -ENOTRECOVERABLE);
	return run(settings, argv + optind);
}
