/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documents of the console: each is the whole of its kind for this terminal, so the newest one replaces the
 * one before, and none can be lost or brought back one by one. A payload names this terminal and a serial;
 * one that is not above the serial that was taken last is a replay. Going back to an older version of the
 * rules is a new document that says so ("rollback").
 *
 * - policy: {terminal, serial, version, rollback, group, mode, rules: [{name, text}], settings}
 * - grants: {terminal, serial, grants: [{id, medium, ...}], emergency: [{id, verifier, ...}]}
 * - revocations of grants and media: {terminal, serial, media: [id], grants: [id]}; terminal "*": for
 * everybody
 * - definitions: {terminal, serial, files: [{name, number, built, size, sha256}]}
 * - command: {terminal, serial, until, command, ...}; until: ms since 1970; "lock": also order, reason, by
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent/core/codes.h"
#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/definitions.h"
#include "agent/core/glass.h"
#include "agent/core/grants.h"
#include "agent/core/leases.h"
#include "agent/core/losses.h"
#include "agent/core/outbox.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/reload.h"
#include "agent/core/screen_order.h"
#include "agent/core/seal.h"
#include "agent/core/slip_key.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/ipc/proto_uplink.h"
#include "lib/log/log.h"

#define RULE_FILES_MAX 200
#define COMMAND_FILE "command.json"

typedef struct Envelope {
	const char *text;
	size_t size;
} Envelope;

typedef struct DocumentType {
	const char *type; /* of DSSE */
	const char *name; /* in records */
	const char *file; /* where the envelope is kept; NULL: only the serial is */
	bool for_all;	  /* may be for every terminal */
	int (*check)(const Console *console, const json_t *payload);
	int (*apply)(Core *core, char detail[CONSOLE_DETAIL_SIZE]);
} DocumentType;

static json_int_t integer_of(const json_t *payload, const char *name)
{
	return json_integer_value(json_object_get(payload, name));
}

static const char *text_of(const json_t *payload, const char *name)
{
	return json_string_value(json_object_get(payload, name));
}

static bool is_rule_name(const char *name)
{
	size_t size = name ? strlen(name) : 0;

	return size > 6 && size < 128 && sk_str_eq(name + size - 6, ".rules") && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

static int check_policy(const Console *console, const json_t *payload)
{
	const json_t *rules = json_object_get(payload, "rules"), *file;
	const json_t *before = console->documents[DOCUMENT_POLICY].payload;
	size_t i;

	if (integer_of(payload, "version") < 1 || !json_is_array(rules) ||
		json_array_size(rules) > RULE_FILES_MAX ||
		(json_object_get(payload, "settings") && !text_of(payload, "settings")))
		return -EBADMSG;
	json_array_foreach (rules, i, file) {
		if (!is_rule_name(text_of(file, "name")) || !text_of(file, "text"))
			return -EBADMSG;
	}
	if (before && integer_of(payload, "version") < integer_of(before, "version") &&
		!json_is_true(json_object_get(payload, "rollback")))
		return -EPERM;
	return 0;
}

static int check_grants(const Console *console, const json_t *payload)
{
	const json_t *grants = json_object_get(payload, "grants"), *grant;
	size_t i;

	if (!json_is_array(grants))
		return -EBADMSG;
	json_array_foreach (grants, i, grant) {
		const char *terminal = text_of(grant, "terminal");

		/* A mode that is not known here allows nothing here, and does not spoil the others: the
		 * console may be of a later level. */
		if (!text_of(grant, "id") || !text_of(grant, "medium") || !text_of(grant, "mode") ||
			integer_of(grant, "from") <= 0 ||
			integer_of(grant, "until") <= integer_of(grant, "from"))
			return -EBADMSG;
		/* One of another terminal has no business in our list, whoever put it there. */
		if (terminal && !sk_str_eq(terminal, console->terminal))
			return -EXDEV;
	}
	return 0;
}

static int check_revocations(const Console *console, const json_t *payload)
{
	return json_is_array(json_object_get(payload, "media")) &&
			       json_is_array(json_object_get(payload, "grants"))
		       ? 0
		       : -EBADMSG;
}

static int check_definitions(const Console *console, const json_t *payload)
{
	return definitions_check_list(payload);
}

static int check_command(const Console *console, const json_t *payload)
{
	struct timespec now;

	if (!text_of(payload, "command") || integer_of(payload, "until") <= 0)
		return -EBADMSG;
	clock_gettime(CLOCK_REALTIME, &now);
	return integer_of(payload, "until") < (json_int_t)now.tv_sec * 1000 ? -ETIME : 0;
}

static void use_settings(Console *console)
{
	const char *text = text_of(console->documents[DOCUMENT_POLICY].payload, "settings");

	console->settings = (SkSettingsOverlay){
		.name = "console/sekisho.conf", .text = text, .size = text ? strlen(text) : 0};
}

/* Settings and rules are loaded as one; when anything is wrong those in force stay. */
static int apply_policy(Core *core, char detail[CONSOLE_DETAIL_SIZE])
{
	own_free char *errors = NULL;
	int r;

	use_settings(core->console);
	r = reload(core, &errors);
	if (r < 0)
		sk_str_format(detail, CONSOLE_DETAIL_SIZE, "%.*s", (int)strcspn(errors ? errors : "", "\n"),
			errors ? errors : strerror(-r));
	return r;
}

/* Who looks for a grant finds what holds now; what changed is told. */
static int apply_grants(Core *core, char detail[CONSOLE_DETAIL_SIZE])
{
	grants_changed(core);
	return 0;
}

static int apply_definitions(Core *core, char detail[CONSOLE_DETAIL_SIZE])
{
	definitions_list_changed(core);
	return 0;
}

/* What there is something to carry out with. The others belong to a newer agent than this one. */
static int apply_command(Core *core, char detail[CONSOLE_DETAIL_SIZE])
{
	const json_t *payload = core->console->documents[DOCUMENT_COMMAND].payload;
	const char *command = text_of(payload, "command");

	if (sk_str_eq(command, "collect-status")) {
		uplink_tell_status(core);
		return 0;
	}
	if (sk_str_eq(command, "lock"))
		return screen_order_take(core, payload);
	return -ENOTSUP;
}

static const DocumentType types[DOCUMENT_MAX] = {
	[DOCUMENT_POLICY] = {SK_DSSE_POLICY, "policy", "policy.json", false, check_policy, apply_policy},
	[DOCUMENT_GRANTS] = {SK_DSSE_GRANT, "grants", "grants.json", false, check_grants, apply_grants},
	[DOCUMENT_REVOCATIONS] = {SK_DSSE_REVOCATION, "revocations", "revocations.json", true,
		check_revocations, apply_grants},
	[DOCUMENT_DEFINITIONS] = {SK_DSSE_DEFINITIONS, "definitions", "definitions.json", true,
		check_definitions, apply_definitions},
	[DOCUMENT_COMMAND] = {SK_DSSE_COMMAND, "command", NULL, false, check_command, apply_command},
};

/* n_keys: of those of the trust, the first ones. */
static int verify(
	const Console *console, DocumentKind kind, size_t n_keys, Envelope envelope, SkDsseOpened *ret_opened)
{
	const SkDsseCheck check = {.keys = console->trust.keys,
		.n_keys = n_keys,
		.type = types[kind].type,
		.payload_max = SK_UPLINK_ENVELOPE_MAX};

	return sk_dsse_verify(envelope.text, envelope.size, &check, ret_opened);
}

static bool find_kind(const char *type, DocumentKind *ret_kind)
{
	for (DocumentKind kind = 0; kind < DOCUMENT_MAX; kind++)
		if (sk_str_eq(types[kind].type, type)) {
			*ret_kind = kind;
			return true;
		}
	return false;
}

/* Everything about a payload but its meaning. */
static int read_payload(
	const Console *console, DocumentKind kind, const SkDsseOpened *opened, Document *document)
{
	const Document *before = &console->documents[kind];
	json_auto_t *payload = json_loadb(opened->payload, opened->size, JSON_REJECT_DUPLICATES, NULL);
	const char *terminal = text_of(payload, "terminal");
	json_int_t serial = integer_of(payload, "serial");

	if (!terminal || serial < 1)
		return -EBADMSG;
	if (!sk_str_eq(terminal, console->terminal) && !(types[kind].for_all && sk_str_eq(terminal, "*")))
		return -EXDEV;
	sk_sha256(document->digest, opened->payload, opened->size);
	document->serial = (uint64_t)serial;
	if (document->serial == before->serial && memcmp(document->digest, before->digest, 32) == 0)
		return -EEXIST;
	if (document->serial <= before->serial)
		return -EALREADY;
	document->payload = json_incref(payload);
	return 0;
}

static int store(
	const Console *console, DocumentKind kind, const Document *document, const Envelope *envelope)
{
	if (types[kind].file)
		return console_store(console, types[kind].file,
			json_loadb(envelope->text, envelope->size, JSON_REJECT_DUPLICATES, NULL));
	/* Before it is carried out: a command is done once, or not at all. */
	return console_store(
		console, COMMAND_FILE, json_pack("{s:I}", "serial", (json_int_t)document->serial));
}

/* The console says the same again under a newer serial: something else changed for this terminal. */
static bool says_the_same(const json_t *before, const json_t *payload)
{
	json_auto_t *a = json_copy((json_t *)before), *b = json_copy((json_t *)payload);

	json_object_del(a, "serial");
	json_object_del(b, "serial");
	return a && b && json_equal(a, b);
}

static void record_applied(Core *core, DocumentKind kind, int result, const char *detail)
{
	const Document *document = &core->console->documents[kind];
	json_t *body = json_pack("{s:s, s:I, s:s*}", "document", types[kind].name, "serial",
		(json_int_t)document->serial, "command", text_of(document->payload, "command"));

	if (kind == DOCUMENT_POLICY)
		json_object_set_new(body, "version", json_integer(integer_of(document->payload, "version")));
	if (result < 0)
		json_object_set_new(body, "error", record_text(*detail ? detail : strerror(-result)));
	record_write(core, &(Record){.kind = "console.document",
				   .actor = "console",
				   .code = kind == DOCUMENT_POLICY ? result < 0 ? SK_CONSOLE_POLICY_REFUSED
										: SK_CONSOLE_POLICY_APPLIED
								   : SK_REASON_NONE,
				   .body = body});
}

/* Puts the document in force, then on the disk; what fails leaves the one before in both. */
static int put_in_force(Core *core, DocumentKind kind, Document *document, const Envelope *envelope,
	char detail[CONSOLE_DETAIL_SIZE])
{
	Console *console = core->console;
	Document before = console->documents[kind];
	int r = types[kind].file ? 0 : store(console, kind, document, envelope);
	char ignored[CONSOLE_DETAIL_SIZE];

	if (r < 0)
		return r;
	console->documents[kind] = *document;
	r = types[kind].apply(core, detail);
	if (r == 0 && types[kind].file)
		r = store(console, kind, document, envelope);
	if (r < 0 || kind == DOCUMENT_POLICY || !says_the_same(before.payload, document->payload))
		record_applied(core, kind, r, detail);
	if (r < 0 && types[kind].file) {
		console->documents[kind] = before;
		if (kind != DOCUMENT_COMMAND)
			types[kind].apply(core, ignored);
		json_decref(document->payload);
		return r;
	}
	json_decref(before.payload);
	return r;
}

int documents_take(
	Core *core, const char *type, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE])
{
	Console *console = core->console;
	SkDsseOpened opened = {0};
	Document document = {0};
	DocumentKind kind;
	int r;

	if (!find_kind(type, &kind))
		return -ENOTSUP;
	r = verify(console, kind, console->trust.n_keys, (Envelope){text, size}, &opened);
	if (r < 0)
		return r;
	r = read_payload(console, kind, &opened, &document);
	free(opened.payload);
	if (r == -EEXIST)
		return 0;
	if (r == 0 && (r = types[kind].check(console, document.payload)) < 0)
		json_decref(document.payload);
	return r < 0 ? r : put_in_force(core, kind, &document, &(Envelope){text, size}, detail);
}

/* A file that does not verify any more is as none: it is told, and the console gives it again. */
static void load_document(Core *core, DocumentKind kind)
{
	Console *console = core->console;
	SkDsseOpened opened = {0};
	Document document = {0};
	json_t *envelope = NULL;
	char *text = NULL;
	int r = console_load(console, types[kind].file, SK_UPLINK_ENVELOPE_MAX + 4096, &envelope);

	if (r == 0 && !(text = json_dumps(envelope, JSON_COMPACT)))
		r = -ENOMEM;
	if (r == 0)
		r = verify(console, kind, console->trust.n_kept, (Envelope){text, strlen(text)}, &opened);
	if (r == 0)
		r = read_payload(console, kind, &opened, &document);
	if (r == 0 && (r = types[kind].check(console, document.payload)) < 0)
		json_decref(document.payload);
	if (r == 0)
		console->documents[kind] = document;
	else if (r != -ENOENT)
		sk_log(LOG_ERR, "what is kept of the console's %s cannot be used: %s", types[kind].name,
			strerror(-r));
	json_decref(envelope);
	free(opened.payload);
	free(text);
}

void documents_load(Core *core)
{
	Console *console = core->console;
	json_t *command = NULL;

	for (DocumentKind kind = 0; kind < DOCUMENT_MAX; kind++)
		if (types[kind].file)
			load_document(core, kind);
	if (console_load(console, COMMAND_FILE, 4096, &command) == 0)
		console->documents[DOCUMENT_COMMAND].serial = (uint64_t)integer_of(command, "serial");
	json_decref(command);
	use_settings(console);
}

void documents_forget(Core *core)
{
	Console *console = core->console;

	for (DocumentKind kind = 0; kind < DOCUMENT_MAX; kind++) {
		unlinkat(console->dir_fd, types[kind].file ? types[kind].file : COMMAND_FILE, 0);
		json_decref(console->documents[kind].payload);
		console->documents[kind] = (Document){0};
	}
	use_settings(console);
	glass_forget(core);
	codes_forget(core);
	leases_forget(core);
	losses_forget(core);
	outbox_forget(core);
	seal_forget(core);
	slip_key_forget(core);
	grants_changed(core);
}

const json_t *console_rules(const Core *core)
{
	const json_t *rules =
		core->console ? json_object_get(core->console->documents[DOCUMENT_POLICY].payload, "rules")
			      : NULL;

	/* A policy without rules says that there are none of the console any more. */
	return json_array_size(rules) > 0 ? rules : NULL;
}

const SkSettingsOverlay *console_settings(const Core *core)
{
	return core->console && core->console->settings.text ? &core->console->settings : NULL;
}

static bool lists(const json_t *payload, const char *name, const char *id)
{
	const json_t *items = json_object_get(payload, name), *item;
	size_t i;

	json_array_foreach (items, i, item) {
		if (json_is_string(item) && sk_str_eq(json_string_value(item), id))
			return true;
	}
	return false;
}

bool console_medium_revoked(const Core *core, const char *medium)
{
	return lists(core->console->documents[DOCUMENT_REVOCATIONS].payload, "media", medium);
}

bool console_grant_revoked(const Core *core, const char *grant)
{
	return lists(core->console->documents[DOCUMENT_REVOCATIONS].payload, "grants", grant);
}

const json_t *console_revoked_codes(const Core *core)
{
	return json_object_get(core->console->documents[DOCUMENT_REVOCATIONS].payload, "codes");
}

const json_t *console_emergency_codes(const Core *core)
{
	return json_object_get(core->console->documents[DOCUMENT_GRANTS].payload, "emergency");
}
