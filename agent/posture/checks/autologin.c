/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does somebody get in by switching the PC on: a display manager or a console that signs in by itself? */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define FILE_MAX (1u << 20)
#define NAMES_MAX 256
#define PATH_SIZE 512

/* A program, the files it reads in this order, and the key by which it signs somebody in. */
typedef struct Manager {
	const char *name;
	const char *files[6]; /* a directory, ended by "/": its *.conf by name */
	const char *section;  /* a pattern */
	const char *key;
} Manager;

static const Manager managers[] = {
	{"gdm", {"/etc/gdm3/daemon.conf", "/etc/gdm3/custom.conf", "/etc/gdm/custom.conf"}, "daemon",
		"AutomaticLoginEnable"},
	{"gdm", {"/etc/gdm3/daemon.conf", "/etc/gdm3/custom.conf", "/etc/gdm/custom.conf"}, "daemon",
		"TimedLoginEnable"},
	{"lightdm",
		{"/usr/share/lightdm/lightdm.conf.d/", "/etc/xdg/lightdm/lightdm.conf.d/",
			"/etc/lightdm/lightdm.conf.d/", "/etc/lightdm/lightdm.conf"},
		"Seat*", "autologin-user"},
	{"sddm", {"/usr/lib/sddm/sddm.conf.d/", "/etc/sddm.conf.d/", "/etc/sddm.conf"}, "Autologin", "User"},
	{"lxdm", {"/etc/lxdm/lxdm.conf", "/etc/lxdm/default.conf"}, "base", "autologin"},
	{"greetd", {"/etc/greetd/config.toml"}, "initial_session", "command"},
};

/* Blanks around it, and quotes. */
static char *trim(char *text)
{
	size_t end;

	text += strspn(text, " \t\r\"'");
	for (end = strlen(text); end > 0 && strchr(" \t\r\"'", text[end - 1]); end--)
		text[end - 1] = 0;
	return text;
}

static bool is_off(const char *value)
{
	return !value[0] || strcasecmp(value, "false") == 0 || sk_str_eq(value, "0") ||
	       strcasecmp(value, "no") == 0;
}

/* The last setting holds; *on stays when there is none. */
static void read_settings(const Posture *posture, const char *path, const Manager *manager, bool *on)
{
	own_free char *text = NULL;
	char *rest, *line, *value;
	bool inside = false;

	if (file_read(posture, path, FILE_MAX, &text, NULL) < 0)
		return;
	rest = text;
	while ((line = file_next_line(&rest))) {
		line = trim(line);
		if (line[0] == '[') {
			line[strcspn(line, "]")] = 0;
			inside = fnmatch(manager->section, line + 1, 0) == 0;
			continue;
		}
		value = strchr(line, '=');
		if (!inside || !value || line[0] == '#' || line[0] == ';')
			continue;
		*value++ = 0;
		if (sk_str_eq(trim(line), manager->key))
			*on = !is_off(trim(value));
	}
}

typedef struct Names {
	char *items[NAMES_MAX];
	size_t count;
} Names;

static int add_name(void *userdata, const char *name)
{
	Names *names = userdata;

	if (names->count < NAMES_MAX && fnmatch("*.conf", name, FNM_PERIOD) == 0 &&
		(names->items[names->count] = strdup(name)))
		names->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef void (*EachFile)(void *userdata, const char *path);

/* The *.conf of a directory, by name. */
static void each_conf(const Posture *posture, const char *directory, EachFile each, void *userdata)
{
	Names names = {0};
	char path[PATH_SIZE];

	file_each(posture, directory, add_name, &names);
	qsort(names.items, names.count, sizeof(*names.items), compare);
	for (size_t i = 0; i < names.count; i++) {
		if (sk_str_format(path, sizeof(path), "%s/%s", directory, names.items[i]))
			each(userdata, path);
		free(names.items[i]);
	}
}

typedef struct Reading {
	const Posture *posture;
	const Manager *manager;
	bool on;
} Reading;

static void read_one(void *userdata, const char *path)
{
	Reading *reading = userdata;

	read_settings(reading->posture, path, reading->manager, &reading->on);
}

static bool signs_in(const Posture *posture, const Manager *manager)
{
	Reading reading = {.posture = posture, .manager = manager};

	for (size_t i = 0; i < SK_ARRAY_SIZE(manager->files) && manager->files[i]; i++) {
		const char *path = manager->files[i];

		if (path[strlen(path) - 1] == '/')
			each_conf(posture, path, read_one, &reading);
		else
			read_one(&reading, path);
	}
	return reading.on;
}

typedef struct Consoles {
	const Posture *posture;
	const char *directory;
	PostureResult *result;
	unsigned count;
	bool found; /* in the unit at hand */
} Consoles;

static bool asks_nobody(char *line)
{
	const char *word;

	if (!sk_str_starts(line, "ExecStart="))
		return false;
	while ((word = file_next_word(&line)))
		if (sk_str_starts(word, "--autologin") || sk_str_eq(word, "-a"))
			return true;
	return false;
}

static void read_unit(void *userdata, const char *path)
{
	Consoles *consoles = userdata;
	own_free char *text = NULL;
	char *rest, *line;

	if (file_read(consoles->posture, path, FILE_MAX, &text, NULL) < 0)
		return;
	rest = text;
	while ((line = file_next_line(&rest)))
		if (sk_str_starts(line, "ExecStart="))
			consoles->found = asks_nobody(line);
}

/* A unit of a console, or the directory of what is added to it. */
static int on_unit(void *userdata, const char *name)
{
	Consoles *consoles = userdata;
	char path[PATH_SIZE];

	if (fnmatch("*getty*.service*", name, 0) != 0 && fnmatch("autovt@*.service*", name, 0) != 0)
		return 0;
	if (!sk_str_format(path, sizeof(path), "%s/%s", consoles->directory, name))
		return 0;
	consoles->found = false;
	read_unit(consoles, path);
	each_conf(consoles->posture, path, read_unit, consoles);
	if (consoles->found) {
		posture_value(consoles->result, "%s", name);
		consoles->count++;
	}
	return 0;
}

static unsigned list_consoles(const Posture *posture, PostureResult *result)
{
	static const char *const directories[] = {"/etc/systemd/system", "/run/systemd/system",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};
	Consoles consoles = {.posture = posture, .result = result};

	for (size_t i = 0; i < SK_ARRAY_SIZE(directories); i++) {
		consoles.directory = directories[i];
		file_each(posture, directories[i], on_unit, &consoles);
	}
	if (file_exists(posture, "/etc/systemd/system/sysinit.target.wants/debug-shell.service")) {
		posture_value(result, "debug-shell.service");
		consoles.count++;
	}
	return consoles.count;
}

static void run(const Posture *posture, PostureResult *result)
{
	unsigned count = list_consoles(posture, result);

	posture_threshold(result, "none");
	for (size_t i = 0; i < SK_ARRAY_SIZE(managers); i++)
		if (signs_in(posture, &managers[i])) {
			posture_value(result, "%s", managers[i].name);
			count++;
		}
	if (count > 0) {
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
		return;
	}
	posture_value(result, "none");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/etc", "/run/systemd/system", "/usr/share/lightdm", "/usr/lib/sddm",
	"/usr/lib/systemd/system", "/usr/local/lib/systemd/system", NULL};

const PostureCheck check_autologin = {.id = "autologin", .requirement = "EQP-1", .paths = paths, .run = run};
