/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include <curl/curl.h>

#include "config.h"
#include "console/admin/admin.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

static int help(FILE *out, int status)
{
	fprintf(out, _("Usage: %s login --server URL (--fingerprint HEX | --ca FILE) [--login ID]\n"),
		"sekisho-admin");
	fprintf(out, _("       %s RESOURCE VERB [--option VALUE ...] [--json]\n"), "sekisho-admin");
	fprintf(out, _("       %s logout\n"), "sekisho-admin");
	fprintf(out, _("       %s recovery-key make FILE\n"), "sekisho-admin");
	fprintf(out, _("       %s recovery open KEY-FILE BOX-FILE OUTPUT\n"), "sekisho-admin");
	fprintf(out, _("       %s recovery pass KEY-FILE COPY-FILE PUBLIC-KEY OUTPUT\n"), "sekisho-admin");
	if (status == ADMIN_OK) {
		putc('\n', out);
		admin_list_commands(out);
	}
	return status;
}

static int version(int argc, char **argv)
{
	puts("sekisho-admin " SK_VERSION);
	return ADMIN_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"login", admin_login}, {"logout", admin_logout}, {"complete", admin_complete}, {"version", version}};

int main(int argc, char **argv)
{
	int status;

	sk_intl_init(SK_LOCALEDIR);
	if (sk_crypt_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ADMIN_ERROR;
	if (argc < 2)
		return help(stderr, ADMIN_USAGE);
	if (sk_str_eq(argv[1], "--help") || sk_str_eq(argv[1], "-h") || sk_str_eq(argv[1], "help"))
		return help(stdout, ADMIN_OK);
	for (size_t i = 0; i < SK_ARRAY_SIZE(commands); i++)
		if (sk_str_eq(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (admin_recovery(argc - 1, argv + 1, &status))
		return status;
	return admin_call(argc - 1, argv + 1);
}
