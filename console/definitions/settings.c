/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/settings.h"

#include "config.h"
#include "lib/conf/table.h"

#define HOUR UINT64_C(3600)
#define MIB (UINT64_C(1) << 20)

static const SkWord databases[] = {
	{"main", DATABASE_MAIN},
	{"daily", DATABASE_DAILY},
	{"bytecode", DATABASE_BYTECODE},
	{0},
};

/* clang-format off */
#define AT(member) offsetof(MirrorSettings, member)
#define PATH { SK_VALUE_PATH, 0, 0, NULL }
#define TEXT { SK_VALUE_TEXT, 0, 0, NULL }
#define PROXY { SK_VALUE_PROXY, 0, 0, NULL }
#define WORD_SET(words) { SK_VALUE_WORD_SET, 0, 0, words }
#define DURATION(min, max) { SK_VALUE_DURATION, min, max, NULL }
#define SIZE(min, max) { SK_VALUE_SIZE, min, max, NULL }

static const SkSetting schema[] = {
	{ "Mirror", "Directory", PATH, AT(mirror.directory), SK_CONSOLE_STATEDIR "/definitions",
	  "what the console serves; the same as in console.conf" },
	{ "Mirror", "Address", TEXT, AT(mirror.address), "https://database.clamav.net",
	  "where definitions are fetched from; none: nowhere, they are brought in" },
	{ "Mirror", "Databases", WORD_SET(databases), AT(mirror.databases), "main daily bytecode",
	  "which ones" },
	{ "Mirror", "Proxy", PROXY, AT(mirror.proxy), "none",
	  "through which the mirror is reached" },
	{ "Mirror", "Authorities", PATH, AT(mirror.authorities), SK_CONFDIR "/mirror-authorities.pem",
	  "when it exists: more authorities for the certificate of a private mirror (PEM)" },
	{ "Mirror", "Keys", PATH, AT(mirror.keys), SK_CONFDIR "/definitions-keys",
	  "when it exists: public keys of consoles whose bundles are believed, one a line" },
	{ "Mirror", "SizeMax", SIZE(MIB, 4096 * MIB), AT(mirror.size_max), "1G",
	  "a database is never larger" },
	{ "Mirror", "TimeSec", DURATION(60, 24 * HOUR), AT(mirror.time_sec), "2h",
	  "fetching one database takes no longer" },
	{ 0 },
};
/* clang-format on */

static const SkSettingTable table = {
	.name = "definitions.conf", .size = sizeof(MirrorSettings), .schema = schema};

int mirror_settings_load(const char *conf_directory, MirrorSettings **ret_settings, char **ret_errors)
{
	return sk_setting_table_load(&table, conf_directory, (void **)ret_settings, ret_errors);
}

void mirror_settings_free(MirrorSettings *settings)
{
	sk_setting_table_free(&table, settings);
}
