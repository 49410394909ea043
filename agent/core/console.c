/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/glass.h"
#include "agent/core/grants.h"
#include "agent/core/leases.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/reload.h"
#include "lib/base/clock.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/enrol/code.h"
#include "lib/ipc/proto_uplink.h"
#include "lib/log/log.h"

#define TRUST_FILE "trust.json"
#define PENDING_FILE "pending.json"
#define HEAD_FILE "head.json"
#define FILE_MAX (512u << 10)
#define REFUSAL_USEC (60 * 1000000ULL)

bool console_enrolled(const Core *core)
{
	return core->console && core->console->trust.bundle;
}

bool console_enrolling(const Core *core)
{
	return core->console && core->console->pending.active;
}

const char *console_terminal(const Core *core)
{
	return core->console->terminal;
}

static int load_bundle(const json_t *object, Trust *trust)
{
	char *text = json_dumps(json_object_get(object, "bundle"), JSON_COMPACT);
	int r = text ? trust_parse(text, strlen(text), trust) : -EBADMSG;

	free(text);
	return r;
}

static bool copy_member(char *dst, size_t size, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && sk_str_copy(dst, size, text);
}

static int load_trust(Console *console)
{
	json_auto_t *object = NULL;
	int r = console_load(console, TRUST_FILE, FILE_MAX, &object);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = load_bundle(object, &console->trust);
	if (r == 0)
		r = trust_load_former(json_object_get(object, "former"), &console->trust);
	if (r == 0 && (!copy_member(console->terminal, sizeof(console->terminal), object, "terminal") ||
			      !copy_member(console->address, sizeof(console->address), object, "address")))
		r = -EBADMSG;
	if (r < 0)
		trust_deinit(&console->trust);
	return r;
}

static void load_pending(Console *console)
{
	ConsolePending *pending = &console->pending;
	json_auto_t *object = NULL;

	if (console_load(console, PENDING_FILE, FILE_MAX, &object) < 0)
		return;
	pending->active =
		copy_member(pending->fingerprint, sizeof(pending->fingerprint), object, "fingerprint") &&
		copy_member(pending->secret, sizeof(pending->secret), object, "secret") &&
		copy_member(pending->address, sizeof(pending->address), object, "address") &&
		copy_member(pending->actor, sizeof(pending->actor), object, "actor");
	if (pending->active && json_is_object(json_object_get(object, "bundle")))
		load_bundle(object, &pending->trust);
}

static int store_pending(const Console *console)
{
	const ConsolePending *pending = &console->pending;

	return console_store(console, PENDING_FILE,
		json_pack("{s:s, s:s, s:s, s:s, s:O?}", "fingerprint", pending->fingerprint, "secret",
			pending->secret, "address", pending->address, "actor", pending->actor, "bundle",
			pending->trust.bundle));
}

static void forget_pending(Console *console)
{
	unlinkat(console->dir_fd, PENDING_FILE, 0);
	trust_deinit(&console->pending.trust);
	console->pending = (ConsolePending){0};
}

int console_open(Core *core)
{
	char path[PATH_MAX];
	Console *console = calloc(1, sizeof(*console));
	int r;

	if (!console)
		return -ENOMEM;
	core->console = console;
	if (!sk_str_format(path, sizeof(path), "%s/console", core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		sk_log(LOG_ERR, "%s cannot be made: %s", path, strerror(errno));
	/* Without it (a broken disk) this PC goes on as one that has no console. */
	console->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = console->dir_fd >= 0 ? load_trust(console) : -errno;
	if (r < 0)
		sk_log(LOG_ERR, "what is known of the console cannot be used: %s", strerror(-r));
	load_pending(console);
	if (console_enrolled(core))
		documents_load(core);
	return 0;
}

void console_close(Core *core)
{
	Console *console = core->console;

	if (!console)
		return;
	trust_deinit(&console->trust);
	trust_deinit(&console->pending.trust);
	for (DocumentKind kind = 0; kind < DOCUMENT_MAX; kind++)
		json_decref(console->documents[kind].payload);
	if (console->dir_fd >= 0)
		close(console->dir_fd);
	free(own_take(core->console));
}

int console_enrol(Core *core, const char *code, const char *actor, ConsoleDone done, void *userdata)
{
	char secret[SK_ENROL_SECRET_TEXT_SIZE], hash[SK_SHA256_HEX_SIZE];
	uint8_t digest[SK_SHA256_SIZE];
	Console *console = core->console;
	ConsolePending *pending = &console->pending;
	SkEnrolCode parsed;
	int r = sk_enrol_code_parse(code, &parsed);

	if (r < 0)
		return r;
	if (console->done)
		return -EBUSY;
	sk_enrol_secret_format(secret, parsed.secret);
	sk_sha256(digest, secret, strlen(secret));
	sk_hex_format(hash, digest, sizeof(digest));
	/* The same code again goes on where it was: the uplink may be about to show what it got. */
	if (!pending->active || !sk_str_eq(pending->secret, hash))
		forget_pending(console);
	sk_str_copy(pending->secret, sizeof(pending->secret), hash);
	sk_hex_format(pending->fingerprint, parsed.fingerprint, sizeof(parsed.fingerprint));
	sk_str_format(pending->address, sizeof(pending->address), "%s:%u", parsed.host, parsed.port);
	sk_str_copy(pending->actor, sizeof(pending->actor), actor);
	pending->active = true;
	r = store_pending(console);
	if (r < 0) {
		forget_pending(console);
		return r;
	}
	record_write(core, &(Record){.kind = "console.enrolment-started",
				   .actor = actor,
				   .body = json_pack("{s:s, s:s}", "console", pending->address, "fingerprint",
					   pending->fingerprint)});
	console->done = done;
	console->done_userdata = userdata;
	uplink_enrol(core, code);
	return 0;
}

void console_enrol_finished(Core *core, int result, const char *detail)
{
	Console *console = core->console;
	ConsoleDone done = console->done;
	char shown[CONSOLE_DETAIL_SIZE];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	if (result < 0) {
		record_write(core,
			&(Record){.kind = "console.enrolment-failed",
				.code = SK_CONSOLE_ENROLMENT_FAILED,
				.body = json_pack("{s:s, s:s, s:s}", "console", console->pending.address,
					"error", strerror(-result), "detail", shown)});
		/* What may have reached the console goes on at the next start, or with the same code. */
		if (result == -EKEYREJECTED || result == -EACCES)
			forget_pending(console);
	}
	console->done = NULL;
	if (done)
		done(console->done_userdata, result, shown);
}

static int be_enrolled(Core *core, const char *terminal)
{
	Console *console = core->console;
	ConsolePending *pending = &console->pending;
	Trust before = console->trust;
	char terminal_before[CONSOLE_TERMINAL_SIZE];
	own_free char *errors = NULL;
	int r;

	sk_str_copy(terminal_before, sizeof(terminal_before), console->terminal);
	console->trust = pending->trust;
	sk_str_copy(console->terminal, sizeof(console->terminal), terminal);
	sk_str_copy(console->address, sizeof(console->address), pending->address);
	r = console_store_trust(console);
	if (r < 0) {
		console->trust = before;
		sk_str_copy(console->terminal, sizeof(console->terminal), terminal_before);
		return r;
	}
	pending->trust = (Trust){0};
	trust_deinit(&before);
	record_write(core,
		&(Record){.kind = "console.enrolled",
			.actor = pending->actor,
			.code = SK_CONSOLE_ENROLLED,
			.body = json_pack("{s:s, s:s}", "console", console->address, "terminal", terminal)});
	forget_pending(console);
	/* Documents are of one terminal: those of another are of no use here. */
	if (!sk_str_eq(terminal, terminal_before)) {
		documents_forget(core);
		reload(core, &errors); /* what is wrong with the rules of this PC is recorded */
	}
	uplink_tell_options(core);
	return 0;
}

int console_take_trust(Core *core, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE])
{
	Console *console = core->console;
	ConsolePending *pending = &console->pending;
	uint8_t digest[SK_SHA256_SIZE];
	char fingerprint[33];
	Trust trust;
	int r;

	/* The uplink was cut behind our half of an enrolment, and does its own again. */
	if (!pending->active) {
		json_auto_t *bundle = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

		return bundle && json_equal(bundle, console->trust.bundle) ? 0 : -EKEYREJECTED;
	}
	sk_sha256(digest, text, size);
	sk_hex_format(fingerprint, digest, SK_ENROL_FINGERPRINT_SIZE);
	if (!sk_str_eq(fingerprint, pending->fingerprint)) {
		sk_str_copy(detail, CONSOLE_DETAIL_SIZE, "this is not the console that the code is from");
		return -EKEYREJECTED;
	}
	r = trust_parse(text, size, &trust);
	if (r < 0)
		return r;
	trust_deinit(&pending->trust);
	pending->trust = trust;
	return store_pending(console);
}

static int take_enrolment(Core *core, const char *text, size_t size)
{
	Console *console = core->console;
	/* One that was cut behind our half is asked again about what we have. */
	bool again = !console->pending.active;
	const Trust *trust = again ? &console->trust : &console->pending.trust;
	const SkDsseCheck check = {.keys = trust->keys,
		.n_keys = trust->n_keys,
		.type = SK_DSSE_ENROLMENT,
		.payload_max = 65536};
	SkDsseOpened opened = {0};
	json_auto_t *payload = NULL;
	const char *terminal, *secret;
	int r = sk_dsse_verify(text, size, &check, &opened);

	if (r < 0)
		return r;
	payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	terminal = json_string_value(json_object_get(payload, "terminal"));
	secret = json_string_value(json_object_get(payload, "secret"));
	if (!terminal || !*terminal || strlen(terminal) >= sizeof(console->terminal) || !secret)
		return -EBADMSG;
	if (again)
		return sk_str_eq(terminal, console->terminal) ? 0 : -EXDEV;
	/* A statement about another code would make us another terminal. */
	if (!sk_str_eq(secret, console->pending.secret))
		return -EXDEV;
	return be_enrolled(core, terminal);
}

/* New keys, signed with one that is believed already. */
static int take_new_trust(Core *core, const char *text, size_t size)
{
	Console *console = core->console;
	const SkDsseCheck check = {.keys = console->trust.keys,
		.n_keys = console->trust.n_keys,
		.type = SK_DSSE_TRUST,
		.payload_max = SK_UPLINK_TRUST_MAX};
	SkDsseOpened opened = {0};
	Trust trust, before = console->trust;
	int r = sk_dsse_verify(text, size, &check, &opened);

	if (r < 0)
		return r;
	r = trust_parse(opened.payload, opened.size, &trust);
	free(opened.payload);
	if (r < 0)
		return r;
	if (trust.serial <= before.serial) {
		bool same = trust_is_same(&trust, &before);

		trust_deinit(&trust);
		return same ? 0 : -EALREADY;
	}
	trust_follow(&trust, &before);
	console->trust = trust;
	r = console_store_trust(console);
	if (r < 0) {
		trust_deinit(&console->trust);
		console->trust = before;
		return r;
	}
	trust_deinit(&before);
	record_write(
		core, &(Record){.kind = "console.trust-changed",
			      .actor = "console",
			      .body = json_pack("{s:I, s:I}", "serial", (json_int_t)console->trust.serial,
				      "keys", (json_int_t)console->trust.n_keys)});
	return 0;
}

static void record_refused(Core *core, int result, const char *detail)
{
	Console *console = core->console;

	if (console->refused_usec > 0 && sk_clock_boot_usec() - console->refused_usec < REFUSAL_USEC) {
		console->refused_untold++;
		return;
	}
	record_write(
		core, &(Record){.kind = "console.refused",
			      .code = SK_CONSOLE_ENVELOPE_REFUSED,
			      .body = json_pack("{s:s, s:o, s:I}", "error", strerror(-result), "detail",
				      record_text(detail), "untold", (json_int_t)console->refused_untold)});
	console->refused_usec = sk_clock_boot_usec();
	console->refused_untold = 0;
}

int console_take_envelope(Core *core, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE])
{
	/* Only says which check it has to pass: that one looks at what was signed. */
	json_auto_t *envelope = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(envelope, "payloadType"));
	int r;

	if (!type)
		r = -EBADMSG;
	else if (sk_str_eq(type, SK_DSSE_ENROLMENT))
		r = take_enrolment(core, text, size);
	else if (!console_enrolled(core))
		r = -EKEYREJECTED;
	else if (sk_str_eq(type, SK_DSSE_TRUST))
		r = take_new_trust(core, text, size);
	else
		r = documents_take(core, type, text, size, detail);
	if (r < 0 && r != -ENOTSUP && !*detail)
		record_refused(core, r, detail);
	return r;
}

static int open_signed(const Trust *trust, const SkDsseCheck *check, const char *text, json_t **ret_payload)
{
	SkDsseOpened opened = {0};
	int r = trust->bundle ? sk_dsse_verify(text, strlen(text), check, &opened) : -EKEYREJECTED;

	if (r < 0)
		return r;
	*ret_payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	return *ret_payload ? 0 : -EBADMSG;
}

int console_verify(const Core *core, const char *type, const char *text, size_t most, json_t **ret_payload)
{
	const Trust *trust = &core->console->trust;
	const SkDsseCheck check = {
		.keys = trust->keys, .n_keys = trust->n_keys, .type = type, .payload_max = most};

	return open_signed(trust, &check, text, ret_payload);
}

int console_verify_kept(
	const Core *core, const char *type, const char *text, size_t most, json_t **ret_payload)
{
	const Trust *trust = &core->console->trust;
	const SkDsseCheck check = {
		.keys = trust->keys, .n_keys = trust->n_kept, .type = type, .payload_max = most};

	return open_signed(trust, &check, text, ret_payload);
}

int console_take_head(Core *core, uint64_t seq, const char *hash, const char *text, size_t size)
{
	Console *console = core->console;
	const SkDsseCheck check = {.keys = console->trust.keys,
		.n_keys = console->trust.n_keys,
		.type = SK_DSSE_HEAD,
		.payload_max = 65536};
	SkDsseOpened opened = {0};
	json_auto_t *payload = NULL;
	const char *terminal, *signed_hash;
	int r = sk_dsse_verify(text, size, &check, &opened);

	if (r == 0) {
		payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
		free(opened.payload);
		terminal = json_string_value(json_object_get(payload, "terminal"));
		signed_hash = json_string_value(json_object_get(payload, "hash"));
		if (!terminal || !sk_str_eq(terminal, console->terminal) || !signed_hash ||
			!sk_str_eq(signed_hash, hash) ||
			(uint64_t)json_integer_value(json_object_get(payload, "seq")) != seq)
			r = -EXDEV;
	}
	if (r < 0) {
		record_refused(core, r, "countersigned head of the records");
		return r;
	}
	console->countersigned = seq;
	return console_store(console, HEAD_FILE, json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL));
}

int console_leave(Core *core, const char *actor)
{
	Console *console = core->console;
	char *errors = NULL;

	if (!console->trust.bundle && !console->pending.active)
		return -ENOENT;
	record_write(core, &(Record){.kind = "console.left",
				   .actor = actor,
				   .code = SK_CONSOLE_LEFT,
				   .body = json_pack("{s:s, s:s}", "console", console->address, "terminal",
					   console->terminal)});
	unlinkat(console->dir_fd, TRUST_FILE, 0);
	unlinkat(console->dir_fd, HEAD_FILE, 0);
	forget_pending(console);
	trust_deinit(&console->trust);
	console->terminal[0] = console->address[0] = 0;
	documents_forget(core);
	fsync(console->dir_fd);
	uplink_leave(core);
	reload(core, &errors); /* what is wrong with the rules of this PC is recorded */
	free(errors);
	return 0;
}

json_t *console_to_json(Core *core)
{
	const Console *console = core->console;
	const json_t *policy = console->documents[DOCUMENT_POLICY].payload;
	const char *organisation = json_string_value(json_object_get(console->trust.bundle, "organisation"));
	json_t *object;

	if (!console_enrolled(core))
		return json_pack("{s:b, s:b}", "enrolled", 0, "enrolling", console->pending.active);
	object =
		json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:I}", "enrolled", 1, "terminal", console->terminal,
			"address", console->address, "organisation", organisation ? organisation : "",
			"policy_version", json_integer_value(json_object_get(policy, "version")),
			"policy_serial", (json_int_t)console->documents[DOCUMENT_POLICY].serial,
			"countersigned", (json_int_t)console->countersigned);
	if (object)
		uplink_add_state(core, object);
	if (object)
		json_object_set_new(object, "grants", grants_to_json(core));
	if (object)
		json_object_set_new(object, "leases", leases_to_json(core));
	if (object)
		json_object_set_new(object, "emergency", glass_to_json(core));
	return object;
}
