/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/packages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/files.h"
#include "agent/posture/rpmdb.h"
#include "agent/posture/version.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define STATUS_FILE "/var/lib/dpkg/status"
#define STATUS_MAX (64u << 20)
#define KEY_SIZE 512

bool stanza_next(char **text, Stanza *ret_stanza)
{
	const struct {
		const char *field;
		const char **value;
	} fields[] = {{"Package: ", &ret_stanza->package}, {"Architecture: ", &ret_stanza->architecture},
		{"Version: ", &ret_stanza->version}, {"Status: ", &ret_stanza->status}};
	bool any = false;
	char *line;

	*ret_stanza = (Stanza){"", "", "", ""};
	while ((line = file_next_line(text)) && (line[0] || !any)) {
		any |= line[0] != 0;
		for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++)
			if (line[0] == fields[i].field[0] && sk_str_starts(line, fields[i].field))
				*fields[i].value = line + strlen(fields[i].field);
	}
	return any;
}

static bool format_key(char *key, size_t size, const char *name, const char *architecture)
{
	return sk_str_format(key, size, "%s:%s", name, architecture);
}

Package *packages_find(const Packages *packages, const char *name, const char *architecture)
{
	Package *package = NULL;
	char key[KEY_SIZE];

	if (format_key(key, sizeof(key), name, architecture))
		HASH_FIND_STR(packages->table, key, package);
	return package;
}

bool packages_has(const Packages *packages, const char *name)
{
	for (const Package *package = packages->table; package; package = package->hh.next)
		if (sk_str_eq(package->name, name))
			return true;
	return false;
}

static void free_package(Package *package)
{
	free(package->key);
	free(package->name);
	free(package->version);
	free(package);
}

static int compare(const Packages *packages, const char *a, const char *b)
{
	return packages->kind == PACKAGES_RPM ? version_compare_rpm(a, b) : version_compare_deb(a, b);
}

int packages_add(Packages *packages, const char *name, const char *architecture, const char *version)
{
	Package *package = packages_find(packages, name, architecture);
	char key[KEY_SIZE];
	char *copy;

	if (!format_key(key, sizeof(key), name, architecture))
		return 0; /* no name of a package */
	if (package) {
		if (compare(packages, package->version, version) >= 0)
			return 0;
		copy = strdup(version);
		if (!copy)
			return -ENOMEM;
		free(package->version);
		package->version = copy;
		return 0;
	}
	package = calloc(1, sizeof(*package));
	if (!package)
		return -ENOMEM;
	package->key = strdup(key);
	package->name = strdup(name);
	package->version = strdup(version);
	if (!package->key || !package->name || !package->version) {
		free_package(package);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, packages->table, package->key, strlen(package->key), package);
	return 0;
}

static int read_dpkg(const Posture *posture, Packages *packages)
{
	own_free char *text = NULL;
	struct stat st;
	Stanza stanza;
	char *rest;
	int r = file_stat(posture, STATUS_FILE, &st);

	if (r == 0)
		r = file_read(posture, STATUS_FILE, STATUS_MAX, &text, NULL);
	if (r < 0)
		return r;
	packages->kind = PACKAGES_DEB;
	packages->changed = st.st_mtim.tv_sec;
	rest = text;
	while (r == 0 && stanza_next(&rest, &stanza)) {
		const char *state = strrchr(stanza.status, ' ');

		if (state && sk_str_eq(state, " installed") && stanza.package[0])
			r = packages_add(packages, stanza.package, stanza.architecture, stanza.version);
	}
	return r;
}

int packages_read(const Posture *posture, Packages *packages)
{
	int r = read_dpkg(posture, packages);

	/* An rpm system may have dpkg as a tool, with nothing in it. */
	if ((r == 0 && !packages->table) || r == -ENOENT) {
		int rpm = rpmdb_read(posture, packages);

		if (rpm != -ENOENT)
			return rpm;
	}
	return r;
}

void packages_free(Packages *packages)
{
	Package *package, *next;

	HASH_ITER (hh, packages->table, package, next) {
		HASH_DEL(packages->table, package);
		free_package(package);
	}
}
