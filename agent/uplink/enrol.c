/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becoming a terminal of a console. The order is told in identity.h; each step can be cut by a kill and is
 * then done again from the start, with the same key and the same code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/key.h"
#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define TIMEOUT_SEC 30
#define ANSWER_MAX (256u << 10)

struct Enrol {
	uint64_t cookie; /* of who asked; 0: nobody waits */
	SkEnrolCode code;
	Pending pending;
	Identity *identity; /* the one that is being made */
	Http *http;
};

static void on_trust_taken(Uplink *up, int result, const char *detail);
static void on_statement_taken(Uplink *up, int result, const char *detail);

void enrol_cancel(Uplink *up)
{
	Enrol *enrol = up->enrol;

	if (!enrol)
		return;
	up->enrol = NULL;
	/* An answer about this attempt says nothing about the next. */
	core_forget(up, on_trust_taken);
	core_forget(up, on_statement_taken);
	core_answer(up, enrol->cookie, -ECANCELED, "");
	http_free(enrol->http);
	identity_free(enrol->identity);
	sk_secret_wipe(enrol, sizeof(*enrol));
	free(enrol);
}

/* final: trying again with this code is of no use. */
static void fail(Uplink *up, int result, const char *detail, bool final)
{
	Enrol *enrol = up->enrol;

	sk_log(LOG_WARNING, "enrolment failed: %s%s%s", strerror(-result), *detail ? ": " : "", detail);
	core_answer(up, enrol->cookie, result, detail);
	enrol->cookie = 0;
	if (final) {
		pending_forget(up->state_fd);
		identity_sweep(up->state_fd);
	}
	enrol_cancel(up);
	if (up->identity)
		link_start(up);
	else
		uplink_set_state(up, SK_UPLINK_NOT_ENROLLED, SK_UPLINK_CAUSE_NONE, detail);
}

static void finish(Uplink *up)
{
	Enrol *enrol = up->enrol;

	identity_free(up->identity);
	up->identity = own_take(enrol->identity);
	pending_forget(up->state_fd);
	identity_sweep(up->state_fd);
	core_answer(up, enrol->cookie, 0, up->identity->terminal);
	enrol->cookie = 0;
	enrol_cancel(up);
	up->acked_known = false;
	link_start(up);
}

/* Core has verified the console's statement, and belongs to it from now on. */
static void on_statement_taken(Uplink *up, int result, const char *detail)
{
	int r;

	if (!up->enrol)
		return;
	if (result < 0) {
		fail(up, result, detail, true);
		return;
	}
	r = identity_store(up->state_fd, up->enrol->identity);
	if (r < 0)
		fail(up, r, "the identity cannot be stored", false);
	else
		finish(up);
}

static int read_answer(Identity *identity, json_t *answer, char **ret_statement)
{
	const char *terminal, *certificate;
	json_t *statement;
	int port;

	/* Members that this version does not know are passed over. */
	if (json_unpack(answer, "{s:s, s:s, s:i, s:o}", "terminal", &terminal, "certificate", &certificate,
		    "port", &port, "statement", &statement) < 0 ||
		port <= 0 || port > 65535 ||
		!sk_str_copy(identity->terminal, sizeof(identity->terminal), terminal))
		return -EBADMSG;
	identity->port = (uint16_t)port;
	*ret_statement = json_dumps(statement, JSON_COMPACT);
	if (!*ret_statement)
		return -ENOMEM;
	return identity_set_certificate(identity, certificate);
}

/* The title of a problem document, or "". */
static void read_problem(const HttpAnswer *answer, char *title, size_t size)
{
	json_auto_t *problem = json_loadb(answer->body, answer->size, 0, NULL);
	const char *text = json_string_value(json_object_get(problem, "detail"));

	if (!text)
		text = json_string_value(json_object_get(problem, "title"));
	sk_str_copy(title, size, text ? text : "");
}

static int errno_of_status(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
	case 404:
	case 409:
	case 410:
	case 422:
		return -EACCES; /* used, revoked, too late, or never given */
	default:
		return -EREMOTEIO;
	}
}

static void on_enrolled(void *userdata, const HttpAnswer *answer)
{
	json_auto_t *object = NULL;
	own_free char *statement = NULL;
	Uplink *up = userdata;
	char title[256];
	int r;

	if (answer->result < 0) {
		fail(up, answer->result, answer->detail, false);
		return;
	}
	if (answer->status != 200 && answer->status != 201) {
		read_problem(answer, title, sizeof(title));
		r = errno_of_status(answer->status);
		fail(up, r, title, r == -EACCES);
		return;
	}
	object = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL);
	r = object ? read_answer(up->enrol->identity, object, &statement) : -EBADMSG;
	if (r < 0) {
		fail(up, r, "the console's answer cannot be understood", false);
		return;
	}
	core_ask(up, SK_UPLINK_ENVELOPE, statement, strlen(statement), on_statement_taken);
}

static int format_request(Uplink *up, char **ret_text)
{
	char secret[SK_ENROL_SECRET_TEXT_SIZE];
	own_free char *csr = NULL;
	json_t *object;
	char *text;
	int r = key_request(up->enrol->identity->key, &csr);

	if (r < 0)
		return r;
	sk_enrol_secret_format(secret, up->enrol->code.secret);
	object = json_pack("{s:s, s:s, s:O}", "secret", secret, "request", csr, "terminal", up->facts);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	sk_secret_wipe(secret, sizeof(secret));
	*ret_text = text;
	return text ? 0 : -ENOMEM;
}

static void send_request(Uplink *up)
{
	Enrol *enrol = up->enrol;
	own_free char *text = NULL;
	int r = format_request(up, &text);
	HttpRequest request = {.method = "POST",
		.path = "/api/v1/agent/enrol",
		.body = text,
		.size = text ? strlen(text) : 0,
		.timeout_sec = TIMEOUT_SEC,
		.most = ANSWER_MAX,
		.done = on_enrolled,
		.userdata = up};
	const HttpTarget target = {.host = enrol->code.host,
		.port = enrol->code.port,
		.ca = enrol->identity->ca,
		.proxy = up->options.proxy,
		.bandwidth = up->options.bandwidth};

	http_free(own_take(enrol->http));
	if (r == 0)
		r = http_new(up->event, &target, &enrol->http);
	if (r == 0)
		r = http_start(enrol->http, &request, NULL);
	if (text)
		sk_secret_wipe(text, strlen(text));
	if (r < 0)
		fail(up, r, "the request for a certificate cannot be made", false);
}

/* The key is made once for a code, and is on the disk before the console hears of it. */
static int prepare_key(Uplink *up)
{
	Enrol *enrol = up->enrol;
	Identity *identity = enrol->identity;
	int r;

	sk_str_copy(identity->key_name, sizeof(identity->key_name), enrol->pending.key_name);
	r = key_load(up->state_fd, identity->key_name, &identity->key);
	if (r < 0)
		r = key_new(up->state_fd, identity->key_name, false, &identity->key);
	return r;
}

static void on_trust_taken(Uplink *up, int result, const char *detail)
{
	int r;

	if (!up->enrol)
		return;
	if (result < 0) {
		fail(up, result, detail, true);
		return;
	}
	r = prepare_key(up);
	if (r < 0)
		fail(up, r, "the key cannot be made", false);
	else
		send_request(up);
}

/* All certificates of the bundle, one behind the other. Core has the last word about the bundle itself. */
static int read_bundle(Identity *identity, const char *text, size_t size)
{
	json_auto_t *bundle = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *certificates = json_object_get(bundle, "certificates"), *certificate;
	own_free char *pem = NULL;
	size_t i, length = 0;

	if (json_array_size(certificates) == 0)
		return -EBADMSG;
	pem = calloc(1, size + json_array_size(certificates) + 1);
	if (!pem)
		return -ENOMEM;
	json_array_foreach (certificates, i, certificate) {
		const char *one = json_string_value(certificate);

		if (!one)
			return -EBADMSG;
		length += (size_t)sprintf(pem + length, "%s\n", one);
	}
	identity->ca = own_take(pem);
	return 0;
}

static void on_trust(void *userdata, const HttpAnswer *answer)
{
	uint8_t digest[SK_SHA256_SIZE];
	Uplink *up = userdata;
	Enrol *enrol = up->enrol;
	int r;

	if (answer->result < 0) {
		fail(up, answer->result, answer->detail, false);
		return;
	}
	if (answer->status != 200) {
		fail(up, -EREMOTEIO, "there is no console at this address", false);
		return;
	}
	sk_sha256(digest, answer->body, answer->size);
	if (!sk_secret_equal(digest, enrol->code.fingerprint, sizeof(enrol->code.fingerprint))) {
		fail(up, -EKEYREJECTED, "this is not the console that the code is from", true);
		return;
	}
	r = read_bundle(enrol->identity, answer->body, answer->size);
	if (r < 0) {
		fail(up, r, "the console's trust bundle cannot be understood", true);
		return;
	}
	core_ask(up, SK_UPLINK_TRUST, answer->body, answer->size, on_trust_taken);
}

/* An attempt with this code that was cut has made a key already. */
static int prepare_pending(Uplink *up, const char *code)
{
	Pending *pending = &up->enrol->pending;

	if (pending_load(up->state_fd, pending) == 0 && sk_str_eq(pending->code, code))
		return 0;
	memset(pending, 0, sizeof(*pending));
	sk_str_copy(pending->code, sizeof(pending->code), code);
	identity_next_key_name(up->state_fd, pending->key_name);
	return pending_store(up->state_fd, pending);
}

static int fetch_trust(Uplink *up)
{
	Enrol *enrol = up->enrol;
	const HttpTarget target = {.host = enrol->code.host,
		.port = enrol->code.port,
		.proxy = up->options.proxy,
		.bandwidth = up->options.bandwidth};
	const HttpRequest request = {.method = "GET",
		.path = "/api/v1/agent/trust",
		.timeout_sec = TIMEOUT_SEC,
		.most = SK_UPLINK_TRUST_MAX,
		.done = on_trust,
		.userdata = up};
	int r = http_new(up->event, &target, &enrol->http);

	return r < 0 ? r : http_start(enrol->http, &request, NULL);
}

void enrol_begin(Uplink *up, const char *text, uint64_t cookie)
{
	SkEnrolCode code;
	int r = sk_enrol_code_parse(text, &code);
	Enrol *enrol;

	if (r < 0) {
		core_answer(up, cookie, r, "");
		return;
	}
	enrol = calloc(1, sizeof(*enrol));
	if (enrol)
		enrol->identity = calloc(1, sizeof(*enrol->identity));
	if (!enrol || !enrol->identity) {
		free(enrol);
		core_answer(up, cookie, -ENOMEM, "");
		return;
	}
	link_stop(up);
	up->enrol = enrol;
	enrol->cookie = cookie;
	enrol->code = code;
	sk_str_copy(enrol->identity->host, sizeof(enrol->identity->host), code.host);
	uplink_set_state(up, SK_UPLINK_ENROLLING, SK_UPLINK_CAUSE_NONE, "");
	r = prepare_pending(up, text);
	if (r == 0)
		r = fetch_trust(up);
	if (r < 0)
		fail(up, r, "the enrolment cannot be begun", false);
}

void enrol_forget(Uplink *up)
{
	link_stop(up);
	identity_free(own_take(up->identity));
	identity_forget(up->state_fd);
	uplink_set_state(up, SK_UPLINK_NOT_ENROLLED, SK_UPLINK_CAUSE_NONE, "");
}
