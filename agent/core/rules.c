/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/input.h"
#include "agent/core/records.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define FILES_MAX 1000
/* Named in the record; the others are counted. */
#define WARNINGS_MAX 8
/* A zone that was changed is noticed in the next of these. */
#define ZONE_SEC 60

struct Rules {
	SkPolicySnapshot *snapshot;
	double *applied, *evaluated; /* seconds of CLOCK_BOOTTIME, negative: never */
	unsigned generation;
	size_t n_warnings;
};

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void rules_free(Rules *rules)
{
	sk_policy_snapshot_free(rules->snapshot);
	free(rules->applied);
	free(rules->evaluated);
	free(rules);
}
OWN_DEFINE(Rules, rules_free)

static Rules *rules_new(SkPolicySnapshot *snapshot)
{
	size_t count = sk_policy_count(snapshot);
	Rules *rules = calloc(1, sizeof(*rules));

	if (!rules) {
		sk_policy_snapshot_free(snapshot);
		return NULL;
	}
	rules->snapshot = snapshot;
	rules->applied = calloc(count + 1, sizeof(double));
	rules->evaluated = calloc(count + 1, sizeof(double));
	if (!rules->applied || !rules->evaluated) {
		rules_free(rules);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		rules->applied[i] = rules->evaluated[i] = -1;
	return rules;
}

static void write_diagnostic(void *data, const SkPolicyDiagnostic *diagnostic)
{
	if (diagnostic->file[0])
		fprintf(data, "%s:", diagnostic->file);
	if (diagnostic->line > 0)
		fprintf(data, "%u:%u:", diagnostic->line, diagnostic->column);
	fprintf(data, "%s%s%s\n", diagnostic->file[0] ? " " : "",
		diagnostic->severity == SK_POLICY_WARNING ? "warning: " : "", diagnostic->text);
}

static int is_rule_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 6 && sk_str_eq(entry->d_name + length - 6, ".rules");
}

static int parse_one(int dir_fd, const char *name, const SkPolicyReport *report, SkPolicyFile **ret_file)
{
	own_free char *text = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, name, SK_POLICY_FILE_SIZE_MAX, &text, &size);

	if (r == 0)
		return sk_policy_parse(text, size, name, report, ret_file);
	report->report(report->data,
		&(SkPolicyDiagnostic){.severity = SK_POLICY_ERROR, .file = name, .text = strerror(-r)});
	return r;
}

typedef struct Files {
	SkPolicyFile *files[FILES_MAX];
	size_t count;
} Files;

/* In the order in which the console named them. */
static int parse_console(Core *core, const SkPolicyReport *report, Files *files)
{
	const json_t *rules = console_rules(core), *file;
	size_t i;
	int r = 0;

	json_array_foreach (rules, i, file) {
		const char *text = json_string_value(json_object_get(file, "text"));
		char name[256];
		int error = -E2BIG;

		sk_str_format(
			name, sizeof(name), "console-%s", json_string_value(json_object_get(file, "name")));
		if (files->count < FILES_MAX)
			error = sk_policy_parse(
				text, strlen(text), name, report, &files->files[files->count]);
		files->count += error == 0;
		r = error < 0 ? error : r;
	}
	return r;
}

static int parse_directory(const char *directory, const SkPolicyReport *report, Files *files)
{
	struct dirent **entries = NULL;
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = 0, r = 0;

	if (dir_fd < 0)
		r = -errno;
	else if ((n = scandirat(dir_fd, ".", &entries, is_rule_file, alphasort)) < 0)
		r = -errno, n = 0;
	if (r < 0)
		report->report(report->data,
			&(SkPolicyDiagnostic){
				.severity = SK_POLICY_ERROR, .file = directory, .text = strerror(-r)});
	for (int i = 0; i < n; i++) {
		int error = files->count < FILES_MAX ? parse_one(dir_fd, entries[i]->d_name, report,
							       &files->files[files->count])
						     : -E2BIG;

		files->count += error == 0;
		r = error < 0 ? error : r;
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Every file is parsed, so that all errors are told at once. */
static int load_files(Core *core, const SkPolicyReport *report, SkPolicySnapshot **ret_snapshot)
{
	SkConsoleRules which = core->settings->console.rules;
	Files files = {0};
	int r = 0, local = 0;

	if (which != SK_CONSOLE_RULES_IGNORE)
		r = parse_console(core, report, &files);
	if (which != SK_CONSOLE_RULES_ONLY || !console_rules(core))
		local = parse_directory(core->settings->agent.rules_directory, report, &files);
	r = r < 0 ? r : local;
	if (r == 0)
		r = sk_policy_compile(files.files, files.count, report, ret_snapshot);
	for (size_t i = 0; i < files.count; i++)
		sk_policy_file_free(files.files[i]);
	return r;
}

static int ensure_any(Core *core)
{
	SkPolicyReport silent = {.report = write_diagnostic, .data = stderr};
	SkPolicySnapshot *empty = NULL;
	int r;

	if (core->rules)
		return 0;
	r = sk_policy_compile(NULL, 0, &silent, &empty);
	if (r < 0)
		return r;
	core->rules = rules_new(empty);
	return core->rules ? 0 : -ENOMEM;
}

static double since(const double *when, size_t rule)
{
	return when[rule] < 0 ? -1 : now_seconds() - when[rule];
}

static double since_applied(void *data, size_t rule)
{
	const Core *core = data;

	return since(core->rules->applied, rule);
}

static double since_evaluated(void *data, size_t rule)
{
	Core *core = data;
	double answer = since(core->rules->evaluated, rule);

	core->rules->evaluated[rule] = now_seconds();
	return answer;
}

static double random_even(void *data)
{
	uint32_t bits = UINT32_MAX; /* without entropy: the answer that matches nothing */

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = UINT32_MAX;
	return bits / 4294967296.0;
}

/* The zone may be changed while we run; to look for that takes longer than a decision. */
static void follow_zone(time_t now)
{
	static time_t looked;

	if (now / ZONE_SEC != looked / ZONE_SEC)
		tzset();
	looked = now;
}

static SkPolicyTime local_time(void)
{
	time_t now = time(NULL);
	struct tm tm;

	follow_zone(now);
	localtime_r(&now, &tm);
	return (SkPolicyTime){
		.weekday = (uint8_t)tm.tm_wday,
		.day_second =
			(uint32_t)(tm.tm_hour * 3600 + tm.tm_min * 60 + (tm.tm_sec < 60 ? tm.tm_sec : 59)),
	};
}

static SkPolicyContext context_now(Core *core, SkPolicyTruth screen_locked)
{
	const Session *session = &core->session;

	return (SkPolicyContext){
		.now = local_time(),
		.mode = (SkPolicyMode)trial_mode(core),
		.user = session->present ? session->user : NULL,
		.groups = session->present ? (const char *const *)session->groups : NULL,
		.screen_locked = screen_locked,
		.callbacks =
			{
				.allowed_matches = devices_any_allowed_matches,
				.since_applied = since_applied,
				.since_evaluated = since_evaluated,
				.random = random_even,
				.data = core,
			},
	};
}

json_t *rules_moment_to_json(Core *core)
{
	static const char *const which[] = {"first", "only", "ignore"};
	const SkPolicyContext context =
		context_now(core, core->session.locked ? SK_POLICY_YES : SK_POLICY_NO);
	json_t *groups = json_array();

	for (const char *const *group = context.groups; group && *group; group++)
		json_array_append_new(groups, record_text(*group));
	return json_pack("{s:s, s:i, s:i, s:b, s:o?, s:o, s:s}", "mode", sk_mode_name(trial_mode(core)),
		"weekday", (int)context.now.weekday, "day_second", (int)context.now.day_second,
		"screen_locked", core->session.locked, "user",
		context.user ? record_text(context.user) : NULL, "groups", groups, "console_rules",
		which[core->settings->console.rules]);
}

/* The keyboards and pointers that work now and hang on USB. Return: how many, or -ENOMEM. */
static int collect_input(const Core *core, PolicyFacts **ret_facts)
{
	PolicyFacts *facts = calloc(HASH_COUNT(core->devices) + 1, sizeof(*facts));
	int n = 0;

	if (!facts)
		return -ENOMEM;
	for (const Device *device = core->devices; device; device = device->hh.next)
		if (device->applied && device->decision.action == SK_USB_ALLOW && device->facts &&
			device->facts->state == SK_USB_FACTS_OK &&
			facts_have_class(device->facts, 0x03 /* HID */))
			policy_facts_init(&facts[n++], device, devices_parent_hash(core, device));
	*ret_facts = facts;
	return n;
}

/* EMG-2: rules by which nobody could type any more are not taken, whoever wrote them. */
static int check_input(Core *core, const SkPolicySnapshot *snapshot, const SkPolicyReport *report)
{
	SkPolicyContext context = context_now(core, core->session.locked ? SK_POLICY_YES : SK_POLICY_NO);
	own_free PolicyFacts *facts = NULL;
	own_free const SkPolicyDevice **devices = NULL;
	int n;

	/* The memory of conditions is counted by the rules in force, not by these. */
	context.callbacks.since_applied = context.callbacks.since_evaluated = NULL;
	if (input_built_in_has(core, INPUT_KEYBOARD) && input_built_in_has(core, INPUT_POINTER))
		return 0;
	n = collect_input(core, &facts);
	if (n <= 0)
		return n;
	devices = calloc((size_t)n, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		devices[i] = &facts[i].device;
	return sk_policy_check_input(snapshot, devices, (size_t)n, &context, report);
}

typedef struct Warnings {
	json_t *first;
	size_t n;
} Warnings;

static void keep_warning(void *data, const SkPolicyDiagnostic *diagnostic)
{
	Warnings *warnings = data;
	char text[512];

	if (warnings->n++ >= WARNINGS_MAX)
		return;
	sk_str_format(text, sizeof(text), "%s:%u:%u: %s", diagnostic->file, diagnostic->line,
		diagnostic->column, diagnostic->text);
	json_array_append_new(warnings->first, record_text(text));
}

/* What is allowed but hardly meant does not keep the rules from being taken; somebody ought to look at it. */
static size_t warn(Core *core, const SkPolicySnapshot *snapshot)
{
	Warnings warnings = {.first = json_array()};
	SkPolicyReport report = {.report = keep_warning, .data = &warnings};
	SkPolicyContext context = context_now(core, core->session.locked ? SK_POLICY_YES : SK_POLICY_NO);

	context.callbacks.since_applied = context.callbacks.since_evaluated = NULL;
	sk_policy_lint(snapshot, &context, &report);
	if (warnings.n > 0)
		record_write(core, &(Record){.kind = "policy.warnings",
					   .code = SK_POLICY_WARNINGS,
					   .body = json_pack("{s:I, s:O}", "count", (json_int_t)warnings.n,
						   "first", warnings.first)});
	json_decref(warnings.first);
	return warnings.n;
}

int rules_load(Core *core, char **ret_errors)
{
	own_free char *errors = NULL;
	size_t errors_size;
	FILE *out = open_memstream(&errors, &errors_size);
	SkPolicyReport report = {.report = write_diagnostic, .data = out};
	SkPolicySnapshot *snapshot = NULL;
	Rules *rules = NULL;
	int r;

	if (!out)
		return -ENOMEM;
	r = load_files(core, &report, &snapshot);
	if (r == 0 && check_input(core, snapshot, &report) < 0) {
		sk_policy_snapshot_free(snapshot);
		r = -EINVAL;
	}
	fclose(out);
	if (r == 0 && !(rules = rules_new(snapshot)))
		r = -ENOMEM;
	if (r < 0) {
		record_write(core, &(Record){.kind = "policy.refused",
					   .code = SK_POLICY_BAD,
					   .body = json_pack("{s:s?}", "errors", errors)});
		*ret_errors = own_take(errors);
		ensure_any(core);
		return r;
	}
	rules->generation = core->rules ? core->rules->generation + 1 : 1;
	rules_close(core);
	core->rules = rules;
	record_write(
		core, &(Record){.kind = "policy.loaded",
			      .code = SK_POLICY_LOADED,
			      .body = json_pack("{s:I}", "rules", (json_int_t)sk_policy_count(snapshot))});
	rules->n_warnings = warn(core, snapshot);
	*ret_errors = NULL;
	return 0;
}

void rules_close(Core *core)
{
	if (core->rules)
		rules_free(own_take(core->rules));
}

const SkPolicySnapshot *rules_snapshot(const Core *core)
{
	return core->rules->snapshot;
}

void rules_evaluate(
	Core *core, const SkPolicyDevice *device, SkPolicyTruth screen_locked, SkPolicyVerdict *ret_verdict)
{
	const SkPolicyContext context = context_now(core, screen_locked);

	sk_policy_evaluate(core->rules->snapshot, device, &context, ret_verdict);
	if (ret_verdict->rule != SK_POLICY_NO_RULE)
		core->rules->applied[ret_verdict->rule] = now_seconds();
}

int rules_explain(Core *core, const SkPolicyDevice *device, FILE *out)
{
	SkPolicyContext context = context_now(core, core->session.locked ? SK_POLICY_YES : SK_POLICY_NO);

	/* Looking is not evaluating: it must not start the memory of conditions. */
	context.callbacks.since_evaluated = NULL;
	return sk_policy_explain(core->rules->snapshot, device, &context, NULL, out);
}

size_t rules_count(const Core *core)
{
	return sk_policy_count(core->rules->snapshot);
}

size_t rules_warnings(const Core *core)
{
	return core->rules->n_warnings;
}

unsigned rules_generation(const Core *core)
{
	return core->rules->generation;
}
