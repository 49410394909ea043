/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/updates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/files.h"
#include "agent/posture/unpack.h"
#include "agent/posture/version.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define LIST_MAX (256u << 20)
#define PATH_SIZE 1024
#define APT_LISTS "/var/lib/apt/lists"

typedef struct Look {
	const Posture *posture;
	Updates *updates;
	const char *directory; /* of a repository of dnf */
	int result;
} Look;

static void note_time(Look *look, const char *path)
{
	struct stat st;

	if (file_stat(look->posture, path, &st) == 0 && st.st_mtim.tv_sec > look->updates->asked)
		look->updates->asked = st.st_mtim.tv_sec;
}

static void take_list(Look *look, const char *path, void (*take)(char *text, Packages *packages))
{
	own_free char *text = NULL;
	int r = file_unpack(look->posture, path, LIST_MAX, &text);

	if (r < 0) {
		look->result = r;
		return;
	}
	look->updates->sources++;
	take(text, &look->updates->packages);
}

void updates_take_apt(char *text, Packages *packages)
{
	Stanza stanza;

	while (stanza_next(&text, &stanza)) {
		Package *package = packages_find(packages, stanza.package, stanza.architecture);

		if (package && version_compare_deb(package->version, stanza.version) < 0)
			package->pending = true;
	}
}

/* NAME_dists_CODENAME-security_main_binary-amd64_Packages, maybe with the suffix of a packing. */
static int on_apt_list(void *userdata, const char *name)
{
	const char *dists = strstr(name, "_dists_"), *packages = strstr(name, "_Packages");
	Look *look = userdata;
	char path[PATH_SIZE];

	if (!dists || !packages || !strstr(name, "security") || strstr(name, "_Packages.diff") ||
		!sk_str_format(path, sizeof(path), APT_LISTS "/%s", name))
		return 0;
	take_list(look, path, updates_take_apt);
	return 0;
}

int updates_read_apt(const Posture *posture, Updates *updates)
{
	Look look = {.posture = posture, .updates = updates};

	/* The lists themselves are as old as they are at the server. */
	note_time(&look, "/var/lib/apt/periodic/update-success-stamp");
	note_time(&look, APT_LISTS);
	note_time(&look, APT_LISTS "/partial");
	file_each(posture, APT_LISTS, on_apt_list, &look);
	return look.result;
}

/* Attribute NAME="VALUE" of an element, into a buffer; "" when it is not there. */
static void read_attribute(const char *element, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	value[0] = 0;
	for (const char *at = element; (at = strstr(at, name)); at += length) {
		if (at == element || at[-1] != ' ' || at[length] != '=' || at[length + 1] != '"')
			continue;
		at += length + 2;
		if (!sk_str_format(value, size, "%.*s", (int)strcspn(at, "\""), at))
			value[0] = 0;
		return;
	}
}

static void take_dnf_package(const char *element, Packages *packages)
{
	char name[256], architecture[64], epoch[16], version[128], release[128], full[288];
	Package *package;

	read_attribute(element, "name", name, sizeof(name));
	read_attribute(element, "arch", architecture, sizeof(architecture));
	read_attribute(element, "epoch", epoch, sizeof(epoch));
	read_attribute(element, "version", version, sizeof(version));
	read_attribute(element, "release", release, sizeof(release));
	package = packages_find(packages, name, architecture);
	if (!package || !version[0])
		return;
	sk_str_format(full, sizeof(full), "%s:%s-%s", epoch[0] ? epoch : "0", version, release);
	if (version_compare_rpm(package->version, full) < 0)
		package->pending = true;
}

/* Elements <update type="security"> ... <package .../> ... </update>; all else is passed over. */
void updates_take_dnf(char *text, Packages *packages)
{
	bool security = false;
	char type[32], *end;

	for (char *at = text; (at = strchr(at, '<')); at = end + 1) {
		end = strchr(at, '>');
		if (!end)
			return;
		*end = 0;
		if (sk_str_starts(at, "<update ")) {
			read_attribute(at, "type", type, sizeof(type));
			security = sk_str_eq(type, "security");
		} else if (sk_str_starts(at, "</update")) {
			security = false;
		} else if (security && sk_str_starts(at, "<package ")) {
			take_dnf_package(at, packages);
		}
	}
}

static int on_dnf_file(void *userdata, const char *name)
{
	Look *look = userdata;
	char path[PATH_SIZE];

	if (strstr(name, "updateinfo.xml") &&
		sk_str_format(path, sizeof(path), "%s/%s", look->directory, name))
		take_list(look, path, updates_take_dnf);
	return 0;
}

typedef struct Cache {
	Look look;
	const char *path;
} Cache;

static int on_dnf_repository(void *userdata, const char *name)
{
	Cache *cache = userdata;
	char path[PATH_SIZE];

	if (!sk_str_format(path, sizeof(path), "%s/%s/repodata", cache->path, name))
		return 0;
	cache->look.directory = path;
	file_each(cache->look.posture, path, on_dnf_file, &cache->look);
	note_time(&cache->look, path);
	return 0;
}

int updates_read_dnf(const Posture *posture, Updates *updates)
{
	static const char *const caches[] = {"/var/cache/libdnf5", "/var/cache/dnf"};
	Cache cache = {.look = {.posture = posture, .updates = updates}};

	note_time(&cache.look, "/var/cache/dnf/last_makecache");
	for (size_t i = 0; i < SK_ARRAY_SIZE(caches); i++) {
		cache.path = caches[i];
		file_each(posture, caches[i], on_dnf_repository, &cache);
	}
	return cache.look.result;
}
