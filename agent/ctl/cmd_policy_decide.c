/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static const char *const help[] = {
	N_("Usage: sekishoctl policy decide [--rules FILE]... (--device 'DESCRIPTION' | --devices "
	   "FILE)...\n\n"
	   "A description is a USBGuard rule without its target: 1234:5678 name \"Stick\" with-interface "
	   "08:06:50.\n"
	   "Prints for each device one line: target, line of the rule (0: no rule applies), reason; between "
	   "them tabs.\n\n"
	   "  --rules FILE          rules, in this order; a directory: its *.rules (those of this PC)\n"
	   "  --device DESCRIPTION  a device; may be repeated\n"
	   "  --devices FILE        a file with one description a line; - is standard input\n"
	   "  --json                one JSON object a line\n"),
	offline_options_help,
	N_("  -h, --help            this text\n"),
	NULL,
};

#define DEVICES_SIZE_MAX (64u << 20)

enum {
	RULES = OFFLINE_OWN_,
	DEVICE,
	DEVICES,
	JSON,
};

typedef struct Decide {
	SkPolicyDescription **devices;
	size_t n_devices;
	char **rules;
	size_t n_rules;
	bool json;
	int result;
	OfflineContext context;
} Decide;

static void decide_free(Decide *decide)
{
	for (size_t i = 0; i < decide->n_devices; i++)
		sk_policy_description_free(decide->devices[i]);
	free(decide->devices);
	free(decide->rules);
	offline_context_free(&decide->context);
}

static void add_device(Decide *decide, const SkPolicyText *text, const char *name, uint32_t line)
{
	SkPolicyReport report = offline_report(NULL);
	SkPolicyDescription **grown =
		reallocarray(decide->devices, decide->n_devices + 1, sizeof(*decide->devices));

	if (!grown) {
		decide->result = CTL_ERROR;
		return;
	}
	decide->devices = grown;
	if (sk_policy_describe(text->data, text->size, (SkPolicySource){name, line}, &report,
		    &grown[decide->n_devices]) == 0)
		decide->n_devices++;
	else
		decide->result = CTL_USAGE;
}

static bool is_empty(const SkPolicyText *line)
{
	size_t at = 0;

	while (at < line->size && strchr(" \t\r", line->data[at]) && line->data[at])
		at++;
	return at == line->size || line->data[at] == '#';
}

static int read_input(const char *path, char **ret_text, size_t *ret_size)
{
	/* standard input may be a pipe */
	return sk_io_read_file_at(
		AT_FDCWD, sk_str_eq(path, "-") ? "/dev/stdin" : path, DEVICES_SIZE_MAX, ret_text, ret_size);
}

static void add_devices(Decide *decide, const char *path)
{
	own_free char *text = NULL;
	size_t size;
	int r = read_input(path, &text, &size);
	const char *at = text, *end;
	uint32_t number = 0;

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		decide->result = CTL_ERROR;
		return;
	}
	for (end = text + size; at < end;) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));
		SkPolicyText line = {at, (size_t)((feed ? feed : end) - at)};

		number++;
		if (!is_empty(&line))
			add_device(decide, &line, path, number);
		at = feed ? feed + 1 : end;
	}
}

static json_t *json_interfaces(const SkPolicyVerdict *verdict)
{
	json_t *list = json_array();

	for (size_t i = 0; i < verdict->n_grants; i++) {
		const SkPolicyInterface *grant = &verdict->grants[i];
		char text[16], subclass[4] = "*", protocol[4] = "*";

		if (!(grant->any & SK_POLICY_ANY_SUBCLASS))
			sk_str_format(subclass, sizeof(subclass), "%02x", grant->subclass);
		if (!(grant->any & SK_POLICY_ANY_PROTOCOL))
			sk_str_format(protocol, sizeof(protocol), "%02x", grant->protocol);
		sk_str_format(text, sizeof(text), "%02x:%s:%s", grant->base_class, subclass, protocol);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *json_types(uint32_t types)
{
	static const char *const names[] = {"program", "script", "macro-document", "encrypted-archive"};
	json_t *list = json_array();

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (types & 1u << i)
			json_array_append_new(list, json_string(names[i]));
	return list;
}

static void add_allowed(json_t *object, const SkPolicyVerdict *verdict)
{
	static const char *const media[] = {"none", "refuse", "read-only", "carry-out"};
	static const char *const imports[] = {"as set", "direct", "copy"};

	if (verdict->target != SK_POLICY_ALLOW)
		return;
	if (verdict->grants)
		json_object_set_new(object, "interfaces", json_interfaces(verdict));
	json_object_set_new(object, "media", json_string(media[verdict->media]));
	json_object_set_new(object, "scan", json_boolean(verdict->scan == SK_POLICY_SCAN_REQUIRED));
	json_object_set_new(object, "import", json_string(imports[verdict->import]));
	json_object_set_new(object, "allow-types", json_types(verdict->allow_types));
	json_object_set_new(object, "refuse-types", json_types(verdict->refuse_types));
}

static void print_json(const SkPolicyVerdict *verdict, const char *reason)
{
	static const char *const modes[] = {"learn", "warn", "enforce"};
	char file[4096];
	json_t *object = json_object();

	sk_utf8_escape(file, sizeof(file), verdict->file, strlen(verdict->file));
	json_object_set_new(object, "target", json_string(sk_policy_target_name(verdict->rule_target)));
	json_object_set_new(object, "line", json_integer(verdict->line));
	json_object_set_new(object, "reason", json_string(reason));
	json_object_set_new(object, "effective", json_string(sk_policy_target_name(verdict->target)));
	json_object_set_new(object, "rule", json_string(verdict->id));
	json_object_set_new(object, "file", json_string(file));
	json_object_set_new(object, "mode", json_string(modes[verdict->mode]));
	add_allowed(object, verdict);
	if (verdict->message)
		json_object_set_new(object, "message", json_string(verdict->message));
	if (verdict->message_ja)
		json_object_set_new(object, "message-ja", json_string(verdict->message_ja));
	json_object_set_new(object, "medium-pending", json_boolean(verdict->medium_pending));
	if (verdict->valid_for_sec != SK_POLICY_FOREVER)
		json_object_set_new(object, "valid-for-sec", json_integer(verdict->valid_for_sec));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static int answer(const Decide *decide)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	int r = offline_load(decide->rules, decide->n_rules, &snapshot);

	if (r < 0)
		return r == -EINVAL ? CTL_NO : CTL_ERROR;
	for (size_t i = 0; i < decide->n_devices; i++) {
		SkPolicyVerdict verdict;
		char reason[512];

		sk_policy_evaluate(snapshot, sk_policy_description_device(decide->devices[i]),
			&decide->context.context, &verdict);
		sk_policy_verdict_reason(&verdict, reason, sizeof(reason));
		if (decide->json)
			print_json(&verdict, reason);
		else
			printf("%s\t%u\t%s\n", sk_policy_target_name(verdict.rule_target), verdict.line,
				reason);
	}
	return fflush(stdout) == 0 ? CTL_OK : CTL_ERROR;
}

static int take_option(Decide *decide, int option)
{
	SkPolicyText text = {optarg, optarg ? strlen(optarg) : 0};
	char **grown;

	switch (option) {
	case RULES:
		grown = reallocarray(decide->rules, decide->n_rules + 1, sizeof(*grown));
		if (!grown)
			return CTL_ERROR;
		decide->rules = grown;
		decide->rules[decide->n_rules++] = optarg;
		return CTL_OK;
	case DEVICE:
		add_device(decide, &text, "--device", (uint32_t)decide->n_devices + 1);
		return CTL_OK;
	case DEVICES:
		add_devices(decide, optarg);
		return CTL_OK;
	case JSON:
		decide->json = true;
		return CTL_OK;
	default:
		return offline_context_option(&decide->context, option, optarg) < 0 ? CTL_USAGE : CTL_OK;
	}
}

int ctl_policy_decide(int argc, char **argv)
{
	static const struct option known[] = {
		OFFLINE_OPTIONS,
		{"rules", required_argument, NULL, RULES},
		{"device", required_argument, NULL, DEVICE},
		{"devices", required_argument, NULL, DEVICES},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	own_(decide_free) Decide decide = {0};

	offline_context_init(&decide.context);
	for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
		int r = option == 'h' || option == '?' ? CTL_USAGE : take_option(&decide, option);

		if (option == 'h')
			ctl_print_help(stdout, help);
		if (r != CTL_OK)
			return option == 'h' ? CTL_OK : r;
	}
	if (optind != argc || (!decide.n_devices && decide.result == CTL_OK)) {
		fputs(_("sekishoctl policy decide: name devices with --device or --devices\n"), stderr);
		return CTL_USAGE;
	}
	return decide.result == CTL_OK ? answer(&decide) : decide.result;
}
