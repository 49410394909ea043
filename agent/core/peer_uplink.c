/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_uplink.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <uthash.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/definitions.h"
#include "agent/core/outbox.h"
#include "agent/core/records.h"
#include "agent/core/screen_days.h"
#include "agent/core/screen_order.h"
#include "agent/core/seal.h"
#include "agent/core/slip_key.h"
#include "agent/core/slip_store.h"
#include "agent/core/status.h"
#include "agent/core/uplink_records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_uplink.h"
#include "lib/ipc/memfd.h"
#include "lib/log/log.h"

#define STATUS_USEC (60 * 1000000ULL)
/* A connection that comes and goes is one record, not many. */
#define SETTLE_USEC (10 * 1000000ULL)

typedef struct Call {
	uint64_t cookie;
	UplinkRequest request;
	UT_hash_handle hh;
} Call;

static struct {
	SkUplinkState state; /* detail is escaped */
	bool told;
	uint32_t recorded_state, recorded_cause;
	sd_event_source *settle;
	sd_event_source *status;
	const char *status_kind; /* of the key, as the last status said */
	uint64_t status_cookie;	 /* of the last status */
	uint64_t enrol_cookie;
	uint64_t last_cookie;
	SkUplinkOptions options; /* as told last */
	Call *calls;		 /* by cookie */
} uplink;

static void send_status(Core *core, const char *text, size_t size)
{
	own_fd int fd = sk_memfd_new(text, size);
	SkHead head;

	sk_head_init(&head, SK_UPLINK_STATUS, sizeof(head));
	head.cookie = uplink.status_cookie = ++uplink.last_cookie;
	if (fd >= 0)
		peer_send(&core->uplink, &head, &fd, 1);
}

void uplink_tell_options(Core *core)
{
	SkUplinkOptions options = {.bandwidth = core->settings->uplink.bandwidth_limit,
		.spool_size = core->settings->uplink.spool_size,
		.enrolled = console_enrolled(core)};

	if (!core->uplink.chan)
		return;
	sk_head_init(&options.head, SK_UPLINK_OPTIONS, sizeof(options));
	sk_str_copy(options.proxy, sizeof(options.proxy), core->settings->uplink.proxy);
	sk_str_copy(options.terminal, sizeof(options.terminal), console_terminal(core));
	/* The uplink begins anew with other options, so not without a need. */
	if (memcmp(&options, &uplink.options, sizeof(options)) == 0)
		return;
	uplink.options = options;
	peer_send(&core->uplink, &options, NULL, 0);
}

void uplink_tell_status(Core *core)
{
	json_t *status = core->uplink.chan ? status_for_console(core) : NULL;
	own_free char *text = status ? json_dumps(status, JSON_COMPACT) : NULL;

	json_decref(status);
	uplink.status_kind = uplink_key_kind();
	if (text)
		send_status(core, text, strlen(text));
}

void uplink_tell_head(Core *core)
{
	SkUplinkHead message = {0};
	SkAuditHead head = {0};

	if (!core->uplink.chan || !records_audit(core))
		return;
	sk_audit_get_head(records_audit(core), &head);
	sk_head_init(&message.head, SK_UPLINK_HEAD, sizeof(message));
	message.seq = head.seq;
	sk_str_copy(message.hash, sizeof(message.hash), head.hash);
	peer_send(&core->uplink, &message, NULL, 0);
}

static int on_status_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	uplink_tell_status(core);
	outbox_send(core);
	sd_event_source_set_time_relative(source, STATUS_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void connected(Core *core)
{
	uplink.options = (SkUplinkOptions){0};
	uplink_tell_options(core);
	uplink_tell_head(core);
	uplink_tell_status(core);
	outbox_send(core);
	if (!uplink.status)
		sd_event_add_time_relative(core->event, &uplink.status, CLOCK_BOOTTIME, STATUS_USEC,
			STATUS_USEC / 10, on_status_time, core);
}

static void fail_calls(void)
{
	while (uplink.calls) {
		Call *call = uplink.calls;

		HASH_DEL(uplink.calls, call);
		call->request.done(call->request.userdata, -ENOTCONN, 0, "");
		free(call);
	}
}

static void lost(Core *core)
{
	uplink.status = sd_event_source_disable_unref(uplink.status);
	uplink_records_forget();
	definitions_uplink_lost();
	fail_calls();
	uplink.told = false;
	if (uplink.enrol_cookie > 0) {
		uplink.enrol_cookie = 0;
		/* We belong to the console already, and the uplink finishes its half when it comes back. */
		if (console_enrolling(core))
			console_enrol_finished(core, -ECONNRESET, "");
		else
			console_enrol_finished(core, 0, console_terminal(core));
	}
	if (console_enrolled(core) || console_enrolling(core))
		peer_retry(&core->uplink);
}

int uplink_open(Core *core)
{
	if (console_enrolled(core) || console_enrolling(core))
		if (peer_ensure(&core->uplink) < 0)
			peer_retry(&core->uplink);
	return 0;
}

void uplink_close(Core *core)
{
	uplink.settle = sd_event_source_disable_unref(uplink.settle);
	uplink.status = sd_event_source_disable_unref(uplink.status);
	uplink_records_forget();
	peer_deinit(&core->uplink);
	fail_calls();
}

void uplink_enrol(Core *core, const char *code)
{
	SkUplinkEnrol message = {0};

	sk_head_init(&message.head, SK_UPLINK_ENROL, sizeof(message));
	message.head.cookie = uplink.enrol_cookie = ++uplink.last_cookie;
	sk_str_copy(message.code, sizeof(message.code), code);
	if (peer_send(&core->uplink, &message, NULL, 0) < 0 && uplink.enrol_cookie > 0) {
		uplink.enrol_cookie = 0;
		console_enrol_finished(core, -ENOTCONN, "");
	}
}

void uplink_leave(Core *core)
{
	SkHead head;

	sk_head_init(&head, SK_UPLINK_LEAVE, sizeof(head));
	head.cookie = ++uplink.last_cookie;
	peer_send(&core->uplink, &head, NULL, 0);
	uplink.told = false;
}

static int on_answer(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)head;
	Core *core = userdata;
	Call *call;

	if (head->cookie == uplink.enrol_cookie && uplink.enrol_cookie > 0) {
		uplink.enrol_cookie = 0;
		console_enrol_finished(core, answer->result, answer->detail);
		return 0;
	}
	if (head->cookie == uplink.status_cookie) {
		screen_days_taken(core);
		screen_order_taken();
		return 0;
	}
	HASH_FIND(hh, uplink.calls, &head->cookie, sizeof(head->cookie), call);
	if (!call || (answer->result == 0 && call->request.flag == SK_UPLINK_CALL_NOW))
		return 0; /* its result follows */
	HASH_DEL(uplink.calls, call);
	call->request.done(call->request.userdata, answer->result, 0, "");
	free(call);
	return 0;
}

static const char *const state_names[] = {"not-enrolled", "enrolling", "offline", "connected"};
static const char *const cause_names[] = {
	"", "network", "tls", "certificate", "retired", "server", "records-refused", "spool-full", "key"};

static const SkReason cause_codes[SK_UPLINK_CAUSE_MAX_] = {
	[SK_UPLINK_CAUSE_CERTIFICATE] = SK_CONSOLE_CERTIFICATE,
	[SK_UPLINK_CAUSE_RETIRED] = SK_CONSOLE_RETIRED,
	[SK_UPLINK_CAUSE_RECORDS] = SK_CONSOLE_RECORDS_REFUSED,
	[SK_UPLINK_CAUSE_SPOOL] = SK_CONSOLE_SPOOL_FULL,
	[SK_UPLINK_CAUSE_TLS] = SK_CONSOLE_NOT_THE_ONE,
	[SK_UPLINK_CAUSE_KEY] = SK_CONSOLE_KEY,
};

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
	const SkUplinkState *state = &uplink.state;
	Core *core = userdata;

	uplink.settle = sd_event_source_disable_unref(uplink.settle);
	if (state->state == uplink.recorded_state && state->cause == uplink.recorded_cause)
		return 0;
	uplink.recorded_state = state->state;
	uplink.recorded_cause = state->cause;
	record_write(core, &(Record){.kind = "console.connection",
				   .code = cause_codes[state->cause],
				   .body = json_pack("{s:s, s:s, s:s}", "state", state_names[state->state],
					   "cause", cause_names[state->cause], "detail", state->detail)});
	return 0;
}

static void offer_keys(Core *core)
{
	seal_offer(core);
	slip_key_offer(core);
	slip_store_send(core);
}

static int on_state(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkUplinkState *state = (const SkUplinkState *)head;
	Core *core = userdata;

	uplink.state = *state;
	uplink.told = true;
	if (state->state == SK_UPLINK_CONNECTED)
		offer_keys(core);
	/* Both are literals. */
	if (state->state == SK_UPLINK_CONNECTED && uplink.status_kind != uplink_key_kind())
		uplink_tell_status(core);
	sk_utf8_escape(
		uplink.state.detail, sizeof(uplink.state.detail), state->detail, strlen(state->detail));
	sk_utf8_escape(
		uplink.state.console, sizeof(uplink.state.console), state->console, strlen(state->console));
	if (!uplink.settle)
		sd_event_add_time_relative(
			core->event, &uplink.settle, CLOCK_BOOTTIME, SETTLE_USEC, 0, on_settled, core);
	return 0;
}

typedef int (*TakeText)(Core *core, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE]);

/* What is too large or no memfd of ours is refused like everything else that is wrong. */
static int take(Core *core, const SkHead *head, int fd, size_t most, TakeText take_text)
{
	SkAnswer answer = {0};
	own_free char *text = NULL;
	size_t size = 0;
	int r = sk_memfd_read(fd, most, &text, &size);

	if (r == 0)
		r = take_text(core, text, size, answer.detail);
	sk_head_init(&answer.head, SK_UPLINK_TAKEN, sizeof(answer));
	answer.head.cookie = head->cookie;
	answer.result = r;
	return peer_send(&core->uplink, &answer, NULL, 0);
}

static int on_trust(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	return take(userdata, head, fds[0], SK_UPLINK_TRUST_MAX, console_take_trust);
}

static int on_envelope(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	return take(userdata, head, fds[0], SK_UPLINK_ENVELOPE_MAX, console_take_envelope);
}

static int on_want_records(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	return uplink_records_give(userdata, (const SkUplinkWantRecords *)head);
}

static int on_acked(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	return uplink_records_acked(userdata, (const SkUplinkAcked *)head, fds[0]);
}

static int take_result(Core *core, const SkUplinkResult *result, const char *json)
{
	SkAnswer answer = {0};
	Call *call;

	if (result->flag == SK_UPLINK_CALL_NOW) {
		HASH_FIND(hh, uplink.calls, &result->head.cookie, sizeof(result->head.cookie), call);
		if (!call)
			return 0;
		HASH_DEL(uplink.calls, call);
		call->request.done(call->request.userdata, result->result, result->status, json);
		free(call);
		return 0;
	}
	record_write(
		core, &(Record){.kind = "console.answered",
			      .body = json_pack("{s:s, s:s, s:i, s:i}", "operation", result->operation, "key",
				      result->key, "result", result->result, "status", (int)result->status)});
	/* The uplink forgets the call: that its answer came has to be on the disk first. */
	records_sync(core);
	sk_head_init(&answer.head, SK_UPLINK_TAKEN, sizeof(answer));
	answer.head.cookie = result->head.cookie;
	return peer_send(&core->uplink, &answer, NULL, 0);
}

static int on_result(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	own_free char *json = NULL;
	int r = sk_memfd_read(fds[0], SK_UPLINK_JSON_MAX, &json, NULL);

	return r < 0 ? -EPROTO : take_result(userdata, (const SkUplinkResult *)head, json);
}

static void definition_taken(Core *core, uint64_t cookie, int result)
{
	SkAnswer answer = {.result = result};

	sk_head_init(&answer.head, SK_UPLINK_TAKEN, sizeof(answer));
	answer.head.cookie = cookie;
	if (core->uplink.chan)
		peer_send(&core->uplink, &answer, NULL, 0);
}

static int on_definition(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkUplinkDefinition *message = (const SkUplinkDefinition *)head;

	definitions_take(userdata, message->sha256, n_fds == 1 ? fds[0] : -1, head->cookie, definition_taken);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_UPLINK_ANSWER, 0, sizeof(SkAnswer), on_answer, sk_check_answer},
	{SK_UPLINK_STATE, 0, sizeof(SkUplinkState), on_state, sk_check_uplink_state},
	{SK_UPLINK_TRUST, 1, sizeof(SkHead), on_trust, NULL},
	{SK_UPLINK_ENVELOPE, 1, sizeof(SkHead), on_envelope, NULL},
	{SK_UPLINK_WANT_RECORDS, 0, sizeof(SkUplinkWantRecords), on_want_records,
		sk_check_uplink_want_records},
	{SK_UPLINK_ACKED, 1, sizeof(SkUplinkAcked), on_acked, sk_check_uplink_acked},
	{SK_UPLINK_DEFINITION, SK_CHAN_FDS_UP_TO | 1, sizeof(SkUplinkDefinition), on_definition,
		sk_check_uplink_definition},
	{SK_UPLINK_RESULT, 1, sizeof(SkUplinkResult), on_result, sk_check_uplink_result},
	{0},
};

const PeerType peer_uplink_type = {
	.name = "uplink", .specs = specs, .connected = connected, .lost = lost, .keep = false};

SkReason uplink_code_of(const json_t *problem)
{
	const char *text = json_string_value(json_object_get(problem, "code"));
	unsigned long number = text && strncmp(text, "SK-", 3) == 0 ? strtoul(text + 3, NULL, 10) : 0;

	return sk_reason_or(number, SK_CONSOLE_NEEDED);
}

int uplink_hand_over(Core *core, const UplinkRequest *request, const char *key)
{
	own_free char *text = json_dumps(request->body, JSON_COMPACT);
	own_fd int fd = text ? sk_memfd_new(text, strlen(text)) : -ENOMEM;
	SkUplinkCall message = {.flag = request->flag};
	Call *call;

	if (fd < 0)
		return fd;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->cookie = ++uplink.last_cookie;
	call->request = *request;
	HASH_ADD(hh, uplink.calls, cookie, sizeof(call->cookie), call);
	sk_head_init(&message.head, SK_UPLINK_CALL, sizeof(message));
	message.head.cookie = call->cookie;
	sk_str_copy(message.operation, sizeof(message.operation), request->operation);
	sk_str_copy(message.key, sizeof(message.key), key);
	/* A connection that breaks here ends all calls, this one too. */
	if (peer_send(&core->uplink, &message, &fd, 1) < 0)
		fail_calls();
	return 0;
}

int uplink_call(Core *core, const UplinkRequest *request)
{
	char key[UPLINK_KEY_SIZE];
	int r;

	if (!console_enrolled(core))
		return -ENOTCONN;
	if (request->flag == SK_UPLINK_CALL_NOW) {
		uplink_key_new(key);
		return uplink_hand_over(core, request, key);
	}
	r = outbox_put(core, request->operation, request->body);
	if (r == 0 && request->done)
		request->done(request->userdata, 0, 0, "");
	return r;
}

void uplink_key_new(char ret_key[UPLINK_KEY_SIZE])
{
	uint8_t random[UPLINK_KEY_SIZE / 2];

	sk_random_fill(random, sizeof(random));
	sk_hex_format(ret_key, random, sizeof(random));
}

const char *uplink_key_kind(void)
{
	return !uplink.told ? NULL : uplink.state.key_in_tpm ? "tpm" : "file";
}

void uplink_add_state(const Core *core, json_t *object)
{
	const SkUplinkState *state = &uplink.state;
	char code[SK_REASON_CODE_SIZE] = "";

	if (cause_codes[state->cause])
		sk_reason_format_code(code, cause_codes[state->cause]);
	json_object_set_new(object, "connection",
		uplink.told
			? json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:I, s:I, s:I, s:I}", "state",
				  state_names[state->state], "cause", cause_names[state->cause], "code", code,
				  "detail", state->detail, "since", (json_int_t)state->since,
				  "clock_offset_ms", (json_int_t)state->clock_offset_msec, "clock_known",
				  (int)state->clock_known, "key_in_tpm", (int)state->key_in_tpm,
				  "certificate_until", (json_int_t)state->certificate_until, "acked",
				  (json_int_t)state->acked, "waiting", (json_int_t)state->spooled,
				  "waiting_bytes", (json_int_t)state->spooled_bytes)
			: json_pack("{s:s}", "state", "starting"));
}
