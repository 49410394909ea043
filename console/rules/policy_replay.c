/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/store/table.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/reason/reason.h"

#define TEXT_SIZE 1024
#define INTERFACES_MAX 512
#define GROUPS_MAX 64
#define BUILT_IN "built-in"
#define MASS_STORAGE 0x08
/* How the agent calls the files of the console. */
#define CONSOLE_FILE "console-"

static const char *const changes[] = {"same", "refused", "restricted", "allowed", "unknown"};
static const char *const whys[] = {"old-agent", "own-rules", "memory"};

const char *sk_replay_change_name(SkReplayChange change)
{
	return changes[change];
}

const char *sk_replay_why_name(SkReplayWhy why)
{
	return whys[why];
}

typedef enum Outcome { REFUSED, PARTLY, WHOLE } Outcome;

int sk_replay_read(const char *line, size_t size, json_t **ret_body)
{
	SkAuditRecord record;
	int r = sk_line_parse(line, size, &record);

	if (r < 0)
		return r;
	*ret_body = json_loadb(record.body.text, record.body.size, JSON_REJECT_DUPLICATES, NULL);
	return *ret_body ? 0 : -EBADMSG;
}

static bool has_code(const json_t *body, const char *member, SkReason code)
{
	char text[SK_REASON_CODE_SIZE];

	sk_reason_format_code(text, code);
	return sk_str_eq(sk_row_text(body, member), text);
}

bool sk_replay_device(const json_t *body, SkReplayDevice *ret_device)
{
	*ret_device = (SkReplayDevice){.hash = sk_row_text(body, "hash"),
		.id = sk_row_text(body, "id"),
		.name = sk_row_text(body, "name"),
		.serial = sk_row_text(body, "serial"),
		.rule = sk_row_text(body, "rule"),
		.worked = sk_str_eq(sk_row_text(body, "target"), "allow")};
	return *ret_device->hash && *ret_device->id && *sk_row_text(body, "target");
}

/* The facts of a record; the device points into it. */
typedef struct Facts {
	SkPolicyDevice device;
	SkPolicyInterface interfaces[INTERFACES_MAX];
	char serial[TEXT_SIZE], name[TEXT_SIZE], user[TEXT_SIZE];
	SkPolicyText texts[2];
	char group_texts[GROUPS_MAX][256];
	const char *groups[GROUPS_MAX + 1];
	SkPolicyContext context;
	bool remembers;	       /* a rule asked about what is not in the record */
	const uint32_t *types; /* of SkReplayRules */
} Facts;

static bool ask_device(void *data, const SkPolicyQuery *query)
{
	((Facts *)data)->remembers = true;
	return false;
}

static double ask_time(void *data, size_t rule)
{
	((Facts *)data)->remembers = true;
	return -1;
}

static double ask_chance(void *data)
{
	((Facts *)data)->remembers = true;
	return 1;
}

/* "08:06:50 03:01:01" */
static bool read_interfaces(Facts *facts, const char *text)
{
	unsigned base, subclass, protocol;
	size_t count = 0;
	int used = 0;

	for (; *text; text += used + (text[used] == ' ')) {
		if (count == INTERFACES_MAX ||
			sscanf(text, "%2x:%2x:%2x%n", &base, &subclass, &protocol, &used) != 3)
			return false;
		facts->interfaces[count++] = (SkPolicyInterface){.base_class = (uint8_t)base,
			.subclass = (uint8_t)subclass,
			.protocol = (uint8_t)protocol};
	}
	facts->device.interfaces = facts->interfaces;
	facts->device.n_interfaces = count;
	return true;
}

/* What a device says of itself may hold any bytes, 0 among them. */
static bool set_bytes(Facts *facts, SkPolicyAttribute attribute, const char *escaped, char buffer[TEXT_SIZE])
{
	SkPolicyText *text = &facts->texts[attribute == SK_POLICY_NAME];
	size_t size;

	if (!sk_utf8_unescape(buffer, TEXT_SIZE, escaped, &size))
		return false;
	*text = (SkPolicyText){buffer, size};
	facts->device.text[attribute] = (SkPolicyValues){text, 1};
	return true;
}

static bool read_device(Facts *facts, const json_t *body, const json_t *asked)
{
	SkPolicyDevice *device = &facts->device;
	const char *parent = sk_row_text(asked, "parent_hash");

	device->bus = SK_POLICY_BUS_USB;
	sk_policy_device_set(device, SK_POLICY_ID, sk_row_text(body, "id"));
	sk_policy_device_set(device, SK_POLICY_HASH, sk_row_text(body, "hash"));
	sk_policy_device_set(device, SK_POLICY_VIA_PORT, sk_row_text(body, "port"));
	sk_policy_device_set(device, SK_POLICY_WITH_CONNECT_TYPE, sk_row_text(asked, "connect_type"));
	if (*parent)
		sk_policy_device_set(device, SK_POLICY_PARENT_HASH, parent);
	return set_bytes(facts, SK_POLICY_SERIAL, sk_row_text(body, "serial"), facts->serial) &&
	       set_bytes(facts, SK_POLICY_NAME, sk_row_text(body, "name"), facts->name) &&
	       read_interfaces(facts, sk_row_text(body, "interfaces"));
}

static bool read_moment(Facts *facts, const json_t *asked, SkPolicyMode mode)
{
	const json_t *groups = json_object_get(asked, "groups"), *group;
	json_int_t weekday = json_integer_value(json_object_get(asked, "weekday"));
	json_int_t second = json_integer_value(json_object_get(asked, "day_second"));
	size_t i, size;

	if (weekday < 0 || weekday > 6 || second < 0 || second > 86399 ||
		json_array_size(groups) > GROUPS_MAX)
		return false;
	facts->context = (SkPolicyContext){.now = {(uint8_t)weekday, (uint32_t)second},
		.mode = mode,
		.groups = facts->groups,
		.screen_locked =
			json_is_true(json_object_get(asked, "screen_locked")) ? SK_POLICY_YES : SK_POLICY_NO,
		.callbacks = {ask_device, ask_time, ask_time, ask_chance, facts}};
	if (json_is_string(json_object_get(asked, "user"))) {
		if (!sk_utf8_unescape(facts->user, TEXT_SIZE, sk_row_text(asked, "user"), &size))
			return false;
		facts->context.user = facts->user;
	}
	json_array_foreach (groups, i, group) {
		if (!json_is_string(group) ||
			!sk_utf8_unescape(facts->group_texts[i], sizeof(*facts->group_texts),
				json_string_value(group), &size))
			return false;
		facts->groups[i] = facts->group_texts[i];
	}
	return true;
}

static Outcome was(const json_t *body)
{
	if (!sk_str_eq(sk_row_text(body, "target"), "allow"))
		return REFUSED;
	return has_code(body, "code", SK_DEVICE_PARTLY_ALLOWED) ? PARTLY : WHOLE;
}

static Outcome of_verdict(const Facts *facts, const SkPolicyVerdict *verdict)
{
	if (verdict->target != SK_POLICY_ALLOW)
		return REFUSED;
	for (size_t i = 0; i < facts->device.n_interfaces; i++)
		if (!sk_policy_verdict_grants(verdict, &facts->interfaces[i]))
			return PARTLY;
	return WHOLE;
}

/* What the built-in checks refused they would refuse again, and so what any rule lets through. */
static bool is_refused_built_in(const json_t *body)
{
	bool refused = !sk_str_eq(sk_row_text(body, "target"), "allow") || *sk_row_text(body, "would");

	return refused && (sk_str_eq(sk_row_text(body, "rule"), BUILT_IN) ||
				  has_code(body, "code", SK_DEVICE_MIXES_INPUT) ||
				  has_code(body, "would", SK_DEVICE_MIXES_INPUT));
}

/* What no rule has to do with. */
static bool is_apart(const json_t *body, const json_t *asked)
{
	return sk_str_eq(sk_row_text(asked, "console_rules"), "ignore") ||
	       sk_str_eq(sk_row_text(body, "rule"), "allowance") ||
	       has_code(body, "code", SK_DEVICE_KEPT_LAST_INPUT) || !*sk_row_text(body, "id");
}

static void unknown(SkReplayed *replayed, SkReplayWhy why)
{
	replayed->change = SK_REPLAY_UNKNOWN;
	replayed->why = why;
}

/*
 * No rule of the version applies. If none did before, the PC's own rules decide as they did. Return: false
 * when that cannot be known.
 */
static bool decide_by_own_rules(const json_t *body, Outcome *outcome)
{
	bool refused = !sk_str_eq(sk_row_text(body, "target"), "allow") || *sk_row_text(body, "would");

	if (sk_str_starts(sk_row_text(body, "rule"), CONSOLE_FILE))
		return false;
	*outcome = refused ? REFUSED : was(body);
	return true;
}

static void compare(const json_t *body, Outcome now, SkReplayed *replayed)
{
	Outcome before = was(body);

	if (now == before)
		replayed->change = SK_REPLAY_SAME;
	else if (now > before)
		replayed->change = SK_REPLAY_ALLOWED;
	else
		replayed->change = now == REFUSED ? SK_REPLAY_REFUSED : SK_REPLAY_RESTRICTED;
}

/* What becomes of the files on a medium. */
typedef struct Media {
	int handling; /* refuse, read-only, carry-out */
	bool scan;
	uint32_t types; /* that are refused */
} Media;

static const char *const handlings[] = {"refuse", "read-only", "carry-out", NULL};

/* As it was, and what the settings of the PC refused then. Return: false when the record does not say. */
static bool read_media(const json_t *asked, Media *ret_media, uint32_t *ret_settings)
{
	const json_t *media = json_object_get(asked, "media");

	*ret_media = (Media){.handling = -1,
		.scan = json_is_true(json_object_get(media, "scan")),
		.types = (uint32_t)json_integer_value(json_object_get(media, "types"))};
	*ret_settings = (uint32_t)json_integer_value(json_object_get(media, "settings_types"));
	for (int i = 0; handlings[i]; i++)
		if (sk_str_eq(sk_row_text(media, "handling"), handlings[i]))
			ret_media->handling = i;
	return ret_media->handling >= 0;
}

static Media media_of(const SkPolicyVerdict *verdict, uint32_t settings)
{
	return (Media){.handling = verdict->media == SK_POLICY_MEDIA_CARRY_OUT	 ? 2
				   : verdict->media == SK_POLICY_MEDIA_READ_ONLY ? 1
										 : 0,
		.scan = verdict->scan != SK_POLICY_SCAN_OFF,
		.types = sk_policy_verdict_refuse_types(verdict, settings)};
}

/* What is stricter in one thing and laxer in another one is stricter. */
static SkReplayChange compare_media(const Media *before, const Media *now)
{
	if (now->handling == 0 && before->handling > 0)
		return SK_REPLAY_REFUSED;
	/* Nothing on it is opened, before or now. */
	if (now->handling == 0)
		return SK_REPLAY_SAME;
	if (now->handling < before->handling || (now->scan && !before->scan) || (now->types & ~before->types))
		return SK_REPLAY_RESTRICTED;
	return now->handling > before->handling || (before->scan && !now->scan) ||
			       (before->types & ~now->types)
		       ? SK_REPLAY_ALLOWED
		       : SK_REPLAY_SAME;
}

static bool has_storage(const Facts *facts)
{
	for (size_t i = 0; i < facts->device.n_interfaces; i++)
		if (facts->interfaces[i].base_class == MASS_STORAGE)
			return true;
	return false;
}

/* The device works as it did: do its media? */
static void judge_media(
	const Facts *facts, const SkPolicyVerdict *verdict, const json_t *asked, SkReplayed *replayed)
{
	const Media delivered = {.handling = 1, .scan = true};
	Media before, now;
	uint32_t settings;

	if (!has_storage(facts) || facts->context.mode != SK_POLICY_ENFORCE ||
		verdict->mode != SK_POLICY_ENFORCE)
		return;
	if (read_media(asked, &before, &settings)) {
		now = media_of(verdict, facts->types ? *facts->types : settings);
		replayed->change = compare_media(&before, &now);
		return;
	}
	/* An older agent did not say. Where the rule asks for nothing of its own it is what it was. */
	now = media_of(verdict, 0);
	if (compare_media(&delivered, &now) != SK_REPLAY_SAME || verdict->allow_types)
		unknown(replayed, SK_REPLAY_OLD_AGENT);
}

static void judge(const SkPolicySnapshot *snapshot, Facts *facts, const json_t *body, SkReplayed *replayed)
{
	const char *which = sk_row_text(json_object_get(body, "asked"), "console_rules");
	SkPolicyVerdict verdict;
	Outcome now;

	sk_policy_evaluate(snapshot, &facts->device, &facts->context, &verdict);
	replayed->rule = verdict.id;
	replayed->file = verdict.file;
	replayed->line = verdict.line;
	now = of_verdict(facts, &verdict);
	if (facts->remembers) {
		unknown(replayed, SK_REPLAY_MEMORY);
		return;
	}
	if (verdict.rule == SK_POLICY_NO_RULE && !sk_str_eq(which, "only") &&
		!decide_by_own_rules(body, &now)) {
		unknown(replayed, SK_REPLAY_OWN_RULES);
		return;
	}
	if (now != REFUSED && is_refused_built_in(body)) {
		now = REFUSED;
		replayed->rule = BUILT_IN;
		replayed->file = "";
		replayed->line = 0;
	}
	/* As agent/core/decide.c does it: a file never makes an installation stricter. */
	if (now == REFUSED && (facts->context.mode != SK_POLICY_ENFORCE || verdict.mode != SK_POLICY_ENFORCE))
		now = WHOLE;
	compare(body, now, replayed);
	if (replayed->change == SK_REPLAY_SAME && now != REFUSED && verdict.rule != SK_POLICY_NO_RULE)
		judge_media(facts, &verdict, json_object_get(body, "asked"), replayed);
}

int sk_replay(const SkReplayRules *rules, const json_t *body, SkReplayed *ret_replayed)
{
	const json_t *asked = json_object_get(body, "asked");
	own_free Facts *facts = NULL;

	*ret_replayed = (SkReplayed){.change = SK_REPLAY_SAME, .rule = "", .file = ""};
	if (json_is_object(asked) && is_apart(body, asked))
		return 0;
	facts = calloc(1, sizeof(*facts));
	if (!facts)
		return -ENOMEM;
	facts->types = rules->types;
	if (json_is_object(asked) && read_moment(facts, asked, rules->mode) &&
		read_device(facts, body, asked))
		judge(rules->snapshot, facts, body, ret_replayed);
	else
		unknown(ret_replayed, SK_REPLAY_OLD_AGENT);
	return 0;
}
