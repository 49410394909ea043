/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/policy_offline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/ctl/ctl.h"
#include "config.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static void print_diagnostic(void *data, const SkPolicyDiagnostic *diagnostic)
{
	char file[1024];
	size_t *errors = data;

	sk_utf8_escape(file, sizeof(file), diagnostic->file, strlen(diagnostic->file));
	if (!*file)
		fputs("policy: ", stderr);
	else if (!diagnostic->line)
		fprintf(stderr, "%s: ", file);
	else
		fprintf(stderr, "%s:%u:%u: ", file, diagnostic->line, diagnostic->column);
	fprintf(stderr, "%s%s\n", diagnostic->severity == SK_POLICY_WARNING ? _("warning: ") : "",
		diagnostic->text);
	if (errors && diagnostic->severity == SK_POLICY_ERROR)
		++*errors;
}

const char offline_options_help[] =
	N_("  --user NAME           as if this user sat at the PC (nobody: \"\")\n"
	   "  --group NAME          as if a member of this group; may be repeated\n"
	   "  --screen-locked WORD  yes or no (not known)\n"
	   "  --time 'DAY HH:MM'    as if it were then, e.g. 'Mon 09:30' (now)\n");

SkPolicyReport offline_report(size_t *errors)
{
	return (SkPolicyReport){.report = print_diagnostic, .data = errors, .translate = ctl_translate};
}

typedef struct Files {
	SkPolicyFile **items;
	size_t n;
	int result;
} Files;

static void free_files(Files *files)
{
	for (size_t i = 0; i < files->n; i++)
		sk_policy_file_free(files->items[i]);
	free(files->items);
}

static void fail(Files *files, const char *path, int r)
{
	if (r != -EINVAL)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	/* What could not be read weighs more than what is wrong in the rest. */
	if (files->result == 0 || files->result == -EINVAL)
		files->result = r;
}

/* Goes on after a bad file, so that all errors are told at once. */
static void load_file(Files *files, const char *path)
{
	SkPolicyReport report = offline_report(NULL);
	own_policy_file SkPolicyFile *file = NULL;
	own_free char *text = NULL;
	SkPolicyFile **grown;
	size_t size;
	int r = sk_io_read_file_at(AT_FDCWD, path, SK_POLICY_FILE_SIZE_MAX, &text, &size);

	if (r == 0)
		r = sk_policy_parse(text, size, path, &report, &file);
	if (r < 0) {
		fail(files, path, r);
		return;
	}
	grown = reallocarray(files->items, files->n + 1, sizeof(*grown));
	if (!grown) {
		fail(files, path, -ENOMEM);
		return;
	}
	files->items = grown;
	files->items[files->n++] = own_take(file);
}

static int is_rule_file(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name), suffix = strlen(".rules");

	return entry->d_name[0] != '.' && size > suffix && sk_str_eq(entry->d_name + size - suffix, ".rules");
}

/* By bytes, as the agent sorts: the order of rules must not depend on the language of the user. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_directory(Files *files, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_rule_file, by_name);

	if (n < 0) {
		fail(files, path, -errno);
		return;
	}
	if (n == 0)
		fprintf(stderr, _("%s: warning: no file of this directory is called *.rules\n"), path);
	for (int i = 0; i < n; i++) {
		char file[4096];

		if (sk_str_format(file, sizeof(file), "%s/%s", path, entries[i]->d_name))
			load_file(files, file);
		else
			fail(files, path, -ENAMETOOLONG);
		free(entries[i]);
	}
	free(entries);
}

static void load_path(Files *files, const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		load_directory(files, path);
	else
		load_file(files, path);
}

int offline_load(char *const *paths, size_t n_paths, SkPolicySnapshot **ret_snapshot)
{
	SkPolicyReport report = offline_report(NULL);
	own_(free_files) Files files = {0};
	int r;

	for (size_t i = 0; i < n_paths; i++)
		load_path(&files, paths[i]);
	if (!n_paths)
		load_path(&files, SK_CONFDIR "/rules.d");
	if (!n_paths && files.result == -ENOENT)
		fputs(_("sekishoctl: this PC has no rules of its own; name a file or a directory\n"), stderr);
	if (files.result < 0)
		return files.result;
	r = sk_policy_compile(files.items, files.n, &report, ret_snapshot);
	if (r < 0 && r != -EINVAL)
		fprintf(stderr, "sekishoctl: %s\n", strerror(-r));
	return r;
}

static double roll(void *data)
{
	uint32_t number = 0;

	(void)data;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return 1;
	return number / 4294967296.0; /* 2^32 */
}

static int add_group(OfflineContext *context, const char *name)
{
	char **groups = reallocarray(context->groups, context->n_groups + 2, sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	context->groups = groups;
	groups[context->n_groups] = strdup(name);
	if (!groups[context->n_groups])
		return -ENOMEM;
	groups[++context->n_groups] = NULL;
	context->context.groups = (const char *const *)groups;
	return 0;
}

static void clear_groups(OfflineContext *context)
{
	for (size_t i = 0; i < context->n_groups; i++)
		free(context->groups[i]);
	free(context->groups);
	context->groups = NULL;
	context->n_groups = 0;
	context->context.groups = NULL;
}

static void take_caller(OfflineContext *context)
{
	const struct passwd *who = getpwuid(getuid());
	gid_t groups[256];
	int n = getgroups((int)SK_ARRAY_SIZE(groups), groups);

	if (who)
		context->user = strdup(who->pw_name);
	context->context.user = context->user;
	for (int i = 0; i < n; i++) {
		const struct group *group = getgrgid(groups[i]);

		if (group && add_group(context, group->gr_name) < 0)
			return;
	}
}

void offline_context_init(OfflineContext *context)
{
	time_t now = time(NULL);
	struct tm local = {0};

	*context = (OfflineContext){.context.mode = SK_POLICY_ENFORCE, .context.callbacks.random = roll};
	localtime_r(&now, &local);
	context->context.now.weekday = (uint8_t)local.tm_wday;
	context->context.now.day_second = (uint32_t)(local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec);
	take_caller(context);
}

void offline_context_free(OfflineContext *context)
{
	free(context->user);
	clear_groups(context);
}

static int take_time(SkPolicyTime *now, const char *text)
{
	static const char days[] = "Sun Mon Tue Wed Thu Fri Sat ";
	unsigned hour, minute;
	const char *day;
	char name[4] = "";
	int used = 0;

	if (sscanf(text, "%3[A-Za-z] %2u:%2u%n", name, &hour, &minute, &used) != 3 || text[used] ||
		hour > 23 || minute > 59)
		return -EINVAL;
	day = strlen(name) == 3 ? strstr(days, name) : NULL;
	if (!day || day[3] != ' ')
		return -EINVAL;
	now->weekday = (uint8_t)((day - days) / 4);
	now->day_second = hour * 3600 + minute * 60;
	return 0;
}

static int take_user(OfflineContext *context, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	free(context->user);
	context->user = copy;
	context->context.user = *copy ? copy : NULL;
	/* the groups of the caller are not those of this user */
	clear_groups(context);
	return 0;
}

int offline_context_option(OfflineContext *context, int option, const char *value)
{
	int r = -EINVAL;

	switch (option) {
	case OFFLINE_USER:
		r = take_user(context, value);
		break;
	case OFFLINE_GROUP:
		r = add_group(context, value);
		break;
	case OFFLINE_SCREEN_LOCKED:
		context->context.screen_locked = sk_str_eq(value, "yes") ? SK_POLICY_YES : SK_POLICY_NO;
		r = sk_str_eq(value, "yes") || sk_str_eq(value, "no") ? 0 : -EINVAL;
		break;
	case OFFLINE_TIME:
		r = take_time(&context->context.now, value);
		break;
	default:
		return -EINVAL;
	}
	if (r < 0)
		fprintf(stderr, _("sekishoctl: '%s' is no value for this option\n"), value);
	return r;
}
