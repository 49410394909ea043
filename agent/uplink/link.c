/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one long poll. What it brings is handed to core, envelope by envelope; what became of them goes back;
 * then the next poll begins where this one ended. Everything else (records, calls, status) runs beside it
 * while it is up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/uplink/key.h"
#include "agent/uplink/key_tpm.h"
#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define FIRST_DELAY_MSEC 1000u
#define MOST_DELAY_MSEC 300000u
/* The console answers within five minutes whatever happens. */
#define WAIT_SEC 330
#define SHORT_SEC 60
#define WAIT_MAX (4u << 20)
#define ENVELOPES_MAX 1000

struct Delivery {
	json_t *envelopes;
	json_t *results;
	size_t next;
	uint64_t revision;	/* when all are delivered */
	uint64_t policy_serial; /* of the envelope in it that is the policy; 0: none is */
	char digest[SK_SHA256_HEX_SIZE];
};

uint64_t link_delay_msec(unsigned failures, unsigned retry_after)
{
	uint64_t most = (uint64_t)FIRST_DELAY_MSEC << (failures < 10 ? failures : 10), random;

	if (most > MOST_DELAY_MSEC)
		most = MOST_DELAY_MSEC;
	sk_random_fill(&random, sizeof(random));
	/* Who is told to come later still does not come together with everybody else who was. */
	return retry_after * 1000ull + random % (retry_after > 0 ? retry_after * 500ull + most : most);
}

void sending_stop(Sending *sending)
{
	http_cancel(own_take(sending->call));
	sending->timer = sd_event_source_disable_unref(sending->timer);
}

void sending_retry(Uplink *up, Sending *sending, unsigned retry_after, sd_event_time_handler_t handler)
{
	uint64_t delay = link_delay_msec(sending->failures++, retry_after);

	sending->timer = sd_event_source_disable_unref(sending->timer);
	sd_event_add_time_relative(up->event, &sending->timer, CLOCK_MONOTONIC, delay * 1000, 0, handler, up);
}

bool link_is_up(const Uplink *up)
{
	return up->http && up->state.state == SK_UPLINK_CONNECTED;
}

static void delivery_free(Delivery *delivery)
{
	if (!delivery)
		return;
	json_decref(delivery->envelopes);
	json_decref(delivery->results);
	free(delivery);
}

/* Everything that runs over the connection; what was not finished is done again over the next. */
static void drop(Uplink *up)
{
	Link *link = &up->link;

	http_cancel(own_take(link->wait));
	http_cancel(own_take(link->report));
	http_cancel(own_take(link->policy));
	link->timer = sd_event_source_disable_unref(link->timer);
	sending_stop(&up->status_sending);
	records_stop(up);
	calls_stop(up);
	definitions_stop(up);
	renew_stop(up);
	http_free(own_take(up->http));
}

void link_stop(Uplink *up)
{
	drop(up);
	delivery_free(own_take(up->link.delivery));
	up->link.failures = 0;
	up->link.revision = 0;
	up->link.policy_serial = 0;
	up->acked_known = false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	link_start(up);
	return 0;
}

void link_failed(Uplink *up, unsigned cause, const char *detail, unsigned retry_after)
{
	Link *link = &up->link;
	uint64_t delay = link_delay_msec(link->failures, retry_after);

	if (cause == SK_UPLINK_CAUSE_RETIRED && delay < MOST_DELAY_MSEC)
		delay += MOST_DELAY_MSEC;
	if (link->failures == 0 || up->state.cause != cause)
		sk_log(LOG_NOTICE, "the console %s is not reached: %s", up->state.console, detail);
	link->failures++;
	drop(up);
	uplink_set_state(up, SK_UPLINK_OFFLINE, cause, detail);
	sd_event_add_time_relative(up->event, &link->timer, CLOCK_MONOTONIC, delay * 1000, 0, on_timer, up);
}

static bool is_expired(const Uplink *up)
{
	int64_t now = (int64_t)time(NULL) + (up->state.clock_known ? up->state.clock_offset_msec / 1000 : 0);

	return up->identity && up->identity->valid_until <= now;
}

/* The code of a problem document: "SK-5101"; "" for anything else. */
static void read_code(const HttpAnswer *answer, char *code, size_t size)
{
	json_auto_t *problem = json_loadb(answer->body, answer->size, 0, NULL);
	const char *text = json_string_value(json_object_get(problem, "code"));

	sk_str_copy(code, size, text ? text : "");
}

static void not_reached(Uplink *up, const HttpAnswer *answer)
{
	unsigned cause = is_expired(up)			   ? SK_UPLINK_CAUSE_CERTIFICATE
			 : answer->result == -EKEYREJECTED ? SK_UPLINK_CAUSE_TLS
							   : SK_UPLINK_CAUSE_NETWORK;
	char trouble[KEY_TEXT_SIZE] = "";

	/* A signature that failed shows as a failed handshake. */
	if (cause == SK_UPLINK_CAUSE_TLS && up->identity)
		key_trouble(up->identity->key, trouble);
	link_failed(up, *trouble ? SK_UPLINK_CAUSE_KEY : cause, *trouble ? trouble : answer->detail, 0);
	if (*trouble && key_tpm_came_late())
		sd_event_exit(up->event, -ENODEV); /* the next one's jail has it */
}

bool link_check_answer(Uplink *up, const HttpAnswer *answer)
{
	char detail[256], code[16];

	if (answer->result < 0) {
		not_reached(up, answer);
		return false;
	}
	if (answer->status != 401 && answer->status != 403 && answer->status != 410)
		return true;
	read_code(answer, code, sizeof(code));
	sk_str_format(detail, sizeof(detail), "%u %s", answer->status, code);
	link_failed(up, answer->status == 401 ? SK_UPLINK_CAUSE_CERTIFICATE : SK_UPLINK_CAUSE_RETIRED, detail,
		answer->retry_after);
	return false;
}

static void wait_on(Uplink *up);
static void deliver_next(Uplink *up);

static void on_reported(void *userdata, const HttpAnswer *answer)
{
	Uplink *up = userdata;

	up->link.report = NULL;
	if (!link_check_answer(up, answer))
		return;
	if (answer->status >= 500 || answer->status == 429) {
		link_failed(up, SK_UPLINK_CAUSE_SERVER, "the outcome was not taken", answer->retry_after);
		return;
	}
	/* A console that does not know the outcome of something newer than it still gets its next poll. */
	up->link.revision = up->link.delivery->revision;
	/* Not before: what became of the policy would not be told again. */
	if (up->link.delivery->policy_serial > 0)
		up->link.policy_serial = up->link.delivery->policy_serial;
	delivery_free(own_take(up->link.delivery));
	wait_on(up);
}

/* Also with nothing delivered: the revision is what the console shows as "has it". */
static void report(Uplink *up)
{
	Delivery *delivery = up->link.delivery;
	json_t *object = json_pack(
		"{s:I, s:O}", "revision", (json_int_t)delivery->revision, "results", delivery->results);
	own_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	const HttpRequest request = {.method = "PUT",
		.path = "/api/v1/agent/state",
		.body = text,
		.size = text ? strlen(text) : 0,
		.timeout_sec = SHORT_SEC,
		.most = 65536,
		.done = on_reported,
		.userdata = up};

	json_decref(object);
	if (!text || http_start(up->http, &request, &up->link.report) < 0)
		link_failed(up, SK_UPLINK_CAUSE_SERVER, strerror(ENOMEM), 0);
}

static const char *outcome_of(int result)
{
	switch (result) {
	case 0:
		return "applied";
	case -EALREADY:
		return "known";
	case -ENOTSUP:
		return "unsupported";
	default:
		return "refused";
	}
}

static void on_envelope_taken(Uplink *up, int result, const char *detail)
{
	Delivery *delivery = up->link.delivery;

	if (!delivery)
		return;
	json_array_append_new(delivery->results,
		json_pack("{s:s, s:s, s:s}", "payload", delivery->digest, "outcome", outcome_of(result),
			"detail", result < 0 && !*detail ? strerror(-result) : detail));
	delivery->next++;
	if (up->http)
		deliver_next(up);
}

static void deliver_next(Uplink *up)
{
	Delivery *delivery = up->link.delivery;
	const json_t *envelope = json_array_get(delivery->envelopes, delivery->next);
	own_free char *text = envelope ? json_dumps(envelope, JSON_COMPACT) : NULL;
	uint8_t digest[SK_SHA256_SIZE];
	const char *payload;

	if (!envelope) {
		report(up);
		return;
	}
	/* By the payload's text as it was sent the console knows which one is meant. */
	payload = json_string_value(json_object_get(envelope, "payload"));
	sk_sha256(digest, payload ? payload : "", payload ? strlen(payload) : 0);
	sk_hex_format(delivery->digest, digest, sizeof(digest));
	if (!text)
		on_envelope_taken(up, -ENOMEM, "");
	else
		core_ask(up, SK_UPLINK_ENVELOPE, text, strlen(text), on_envelope_taken);
}

static void on_policy(void *userdata, const HttpAnswer *answer)
{
	Uplink *up = userdata;
	Delivery *delivery = up->link.delivery;
	json_t *envelope;

	up->link.policy = NULL;
	if (!link_check_answer(up, answer))
		return;
	envelope = answer->status == 200
			   ? json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL)
			   : NULL;
	if (!envelope || json_array_append_new(delivery->envelopes, envelope) < 0) {
		link_failed(up, SK_UPLINK_CAUSE_SERVER, "the policy was not given", answer->retry_after);
		return;
	}
	deliver_next(up);
}

static void fetch_policy(Uplink *up)
{
	const HttpRequest request = {.method = "GET",
		.path = "/api/v1/agent/policy",
		.timeout_sec = 10 * SHORT_SEC,
		.most = SK_UPLINK_ENVELOPE_MAX,
		.done = on_policy,
		.userdata = up};

	if (http_start(up->http, &request, &up->link.policy) < 0)
		link_failed(up, SK_UPLINK_CAUSE_SERVER, strerror(ENOMEM), 0);
}

/* Return: false when it says something that a console would not. */
static bool read_wait(Uplink *up, json_t *object, Delivery *delivery)
{
	json_int_t revision, acked, policy = 0, definitions = 0;
	json_t *envelopes;

	if (json_unpack(object, "{s:I, s:I, s:o, s?I, s?I}", "revision", &revision, "records", &acked,
		    "envelopes", &envelopes, "policy", &policy, "definitions", &definitions) < 0 ||
		revision < 0 || acked < 0 || policy < 0 || definitions < 0 || !json_is_array(envelopes) ||
		json_array_size(envelopes) > ENVELOPES_MAX)
		return false;
	delivery->revision = (uint64_t)revision;
	delivery->envelopes = json_incref(envelopes);
	delivery->results = json_array();
	if ((uint64_t)policy != up->link.policy_serial)
		delivery->policy_serial = (uint64_t)policy;
	up->definitions.wanted = (uint64_t)definitions;
	/* While a batch is on its way its answer is newer than this. */
	if (!up->acked_known || !up->records.call)
		up->acked = (uint64_t)acked;
	up->acked_known = true;
	return delivery->results != NULL;
}

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void note_clock(Uplink *up, const HttpAnswer *answer)
{
	/* A poll that waited says nothing about when its head was written; and seconds are all that Date has.
	 */
	if (answer->date <= 0 || answer->duration_usec > 5000000)
		return;
	up->state.clock_offset_msec =
		answer->date * 1000 + 500 - (int64_t)(now_usec() - answer->duration_usec / 2) / 1000;
	up->state.clock_known = true;
}

/* What runs beside the poll. */
static void push_all(Uplink *up)
{
	records_push(up);
	calls_push(up);
	status_push(up);
	definitions_push(up, up->definitions.wanted);
	renew_check(up);
}

static void on_wait(void *userdata, const HttpAnswer *answer)
{
	json_auto_t *object = NULL;
	Uplink *up = userdata;
	Delivery *delivery;

	up->link.wait = NULL;
	if (!link_check_answer(up, answer))
		return;
	if (answer->status != 200) {
		link_failed(
			up, SK_UPLINK_CAUSE_SERVER, "the console answers with errors", answer->retry_after);
		return;
	}
	note_clock(up, answer);
	object = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL);
	delivery = calloc(1, sizeof(*delivery));
	delivery_free(up->link.delivery);
	up->link.delivery = delivery;
	if (!object || !delivery || !read_wait(up, object, delivery)) {
		link_failed(up, SK_UPLINK_CAUSE_SERVER, "the console's answer cannot be understood", 0);
		return;
	}
	up->link.failures = 0;
	if (up->state.state != SK_UPLINK_CONNECTED)
		sk_log(LOG_INFO, "connected to the console %s", up->state.console);
	uplink_set_state(up, SK_UPLINK_CONNECTED,
		up->state.cause == SK_UPLINK_CAUSE_RECORDS ? SK_UPLINK_CAUSE_RECORDS : SK_UPLINK_CAUSE_NONE,
		"");
	push_all(up);
	if (delivery->policy_serial > 0)
		fetch_policy(up);
	else if (json_array_size(delivery->envelopes) > 0 || delivery->revision != up->link.revision)
		deliver_next(up);
	else
		wait_on(up);
}

static void wait_on(Uplink *up)
{
	char path[96];
	const HttpRequest request = {.method = "GET",
		.path = path,
		.timeout_sec = WAIT_SEC,
		.most = WAIT_MAX,
		.done = on_wait,
		.userdata = up};

	sk_str_format(path, sizeof(path), "/api/v1/agent/wait?revision=%llu",
		(unsigned long long)up->link.revision);
	if (http_start(up->http, &request, &up->link.wait) < 0)
		link_failed(up, SK_UPLINK_CAUSE_SERVER, strerror(ENOMEM), 0);
}

static void note_console(Uplink *up)
{
	sk_str_format(up->state.console, sizeof(up->state.console), "%s:%u", up->identity->host,
		up->identity->port);
	up->state.certificate_until = up->identity->valid_until > 0 ? (uint64_t)up->identity->valid_until : 0;
	up->state.key_in_tpm = key_is_in_tpm(up->identity->key);
}

void link_start(Uplink *up)
{
	HttpTarget target;

	drop(up);
	/* What core had not answered yet comes again with the next poll. */
	delivery_free(own_take(up->link.delivery));
	if (!up->identity || up->enrol)
		return;
	/* With the revision of before, a console that has no news would answer after minutes, and until then
	 * nobody knows that it is there. So it tells all that is in force, and core passes over what it has.
	 */
	if (up->state.state != SK_UPLINK_CONNECTED)
		up->link.revision = 0;
	target = (HttpTarget){.host = up->identity->host,
		.port = up->identity->port,
		.ca = up->identity->ca,
		.certificate = up->identity->x509,
		.key = up->identity->key,
		.proxy = up->options.proxy,
		.bandwidth = up->options.bandwidth};
	note_console(up);
	if (up->state.state != SK_UPLINK_CONNECTED && up->state.state != SK_UPLINK_OFFLINE)
		uplink_set_state(up, SK_UPLINK_OFFLINE, SK_UPLINK_CAUSE_NONE, "");
	if (http_new(up->event, &target, &up->http) < 0) {
		link_failed(up, SK_UPLINK_CAUSE_SERVER, strerror(ENOMEM), 0);
		return;
	}
	wait_on(up);
	/* With another certificate the connection is as good as before: the poll may wait long for its
	 * answer. */
	if (link_is_up(up)) {
		uplink_tell_state(up);
		push_all(up);
	}
}
