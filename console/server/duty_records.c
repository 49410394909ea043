/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/jobs/post.h"
#include "console/jobs/stream.h"
#include "console/rules/forwarding.h"
#include "console/rules/heads.h"
#include "console/server/sending.h"
#include "console/server/trust.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/tsa/tsa.h"

static bool is_stopping(const void *userdata)
{
	return sk_duty_is_stopping(userdata);
}

static SkOutgoingCall call_of(SkDutyWork *work)
{
	return (SkOutgoingCall){.outgoing = &sk_duty_server(work)->sending->outgoing,
		.is_stopping = is_stopping,
		.userdata = work};
}

/* ---- heads ---- */

typedef struct Signed {
	const SkHead *heads;
	json_t *envelopes; /* an array of texts, in the order of the heads */
	char key[128];
} Signed;

static int store(const SkActor *actor, void *userdata)
{
	const Signed *given = userdata;
	const json_t *envelope;
	size_t i;

	json_array_foreach (given->envelopes, i, envelope) {
		int r = sk_head_sign(actor,
			&(SkCountersignature){&given->heads[i], given->key, json_string_value(envelope)});

		if (r < 0)
			return r;
	}
	return 0;
}

/* The same statement that the agent gets for what it sent. */
static int sign(SkServer *server, const SkHead *head, Signed *given)
{
	json_auto_t *envelope = NULL;
	own_free char *text = NULL;
	char hash[SK_SHA256_HEX_SIZE];
	int r;

	sk_hex_format(hash, head->hash, sizeof(head->hash));
	r = sk_trust_sign(server, SK_DSSE_HEAD,
		json_pack("{s:s, s:I, s:s}", "terminal", head->terminal, "seq", (json_int_t)head->seq, "hash",
			hash),
		&envelope);
	if (r < 0)
		return r;
	sk_str_copy(given->key, sizeof(given->key),
		sk_row_text(json_array_get(json_object_get(envelope, "signatures"), 0), "keyid"));
	text = json_dumps(envelope, JSON_COMPACT | JSON_SORT_KEYS);
	return text && json_array_append_new(given->envelopes, json_string(text)) == 0 ? 0 : -ENOMEM;
}

static int sign_some(SkDutyWork *work, SkHead *heads, size_t *ret_n)
{
	json_auto_t *envelopes = json_array();
	Signed given = {.heads = heads, .envelopes = envelopes};
	int r = sk_heads_unsigned(sk_duty_db(work), heads, ret_n);

	for (size_t i = 0; r == 0 && i < *ret_n; i++)
		r = sign(sk_duty_server(work), &heads[i], &given);
	return r < 0 || *ret_n == 0 ? r : sk_duty_act(work, store, &given);
}

int sk_duty_heads(SkDutyWork *work)
{
	own_free SkHead *heads = calloc(SK_HEADS_ROWS, sizeof(*heads));
	size_t n = 0;
	int r = heads ? 0 : -ENOMEM;

	do {
		if (r == 0)
			r = sign_some(work, heads, &n);
		if (r == 0 && n == SK_HEADS_ROWS)
			r = sk_duty_go_on(work);
	} while (r == 0 && n == SK_HEADS_ROWS);
	return r;
}

/* ---- stamps ---- */

typedef struct Stamping {
	const SkSending *sending;
	char id[SK_ID_SIZE];
	SkTsaToken token;
	const char *error; /* NULL: stamped */
} Stamping;

static int begin(const SkActor *actor, void *userdata)
{
	const Stamping *stamping = userdata;

	return sk_anchor_begin(
		actor, stamping->sending->stamp_address, (int64_t)stamping->sending->stamp_every_sec * 1000);
}

static int note_stamp(const SkActor *actor, void *userdata)
{
	const Stamping *stamping = userdata;

	if (stamping->error)
		return sk_anchor_failed(actor, stamping->id, stamping->error);
	return sk_anchor_stamped(actor, stamping->id,
		&(SkAnchorToken){stamping->token.der, stamping->token.size, stamping->token.time});
}

/* Asks the authority. Return: 0, or negative errno with call->error. */
static int ask(SkOutgoingCall *call, Stamping *stamping, const uint8_t digest[SK_SHA256_SIZE])
{
	own_tsa_request SkTsaRequest *request = NULL;
	SkPosted posted = {.status = 0};
	const char *why = NULL;
	SkPost post = {.url = stamping->sending->stamp_address,
		.type = "application/timestamp-query",
		.answer_max = SK_TSA_ANSWER_MAX,
		.plain = true};
	int r = sk_tsa_request_new(digest, &request);

	if (r < 0)
		return r;
	post.body = sk_tsa_request_get_der(request, &post.size);
	r = sk_post(call, &post, &posted);
	if (r == 0 && posted.status != 200) {
		sk_str_format(call->error, sizeof(call->error), "the authority answered %u", posted.status);
		r = -EPROTO;
	} else if (r == 0) {
		r = sk_tsa_request_accept(request, (SkTsaDer){posted.answer, posted.size},
			stamping->sending->stamp_authorities, &stamping->token, &why);
		if (r < 0)
			sk_str_copy(call->error, sizeof(call->error), why ? why : strerror(-r));
	}
	free(posted.answer);
	return r;
}

/* Return: 0, -ENOENT nothing waits, others. */
static int stamp_one(SkDutyWork *work, Stamping *stamping)
{
	SkOutgoingCall call = call_of(work);
	uint8_t digest[SK_SHA256_SIZE];
	int asked, r = sk_anchor_waiting(sk_duty_db(work), stamping->id, digest);

	if (r < 0)
		return r;
	asked = ask(&call, stamping, digest);
	if (asked == -ECANCELED)
		return asked;
	stamping->error = asked < 0 ? (call.error[0] ? call.error : strerror(-asked)) : NULL;
	r = sk_duty_act(work, note_stamp, stamping);
	if (asked < 0)
		sk_duty_explain(work, "%s", stamping->error);
	free(stamping->token.der);
	stamping->token = (SkTsaToken){.der = NULL};
	return r < 0 ? r : asked;
}

int sk_duty_stamps(SkDutyWork *work)
{
	Stamping stamping = {.sending = sk_duty_server(work)->sending};
	int r;

	if (!stamping.sending->stamp_address)
		return 0;
	r = sk_duty_act(work, begin, &stamping);
	while (r == 0) {
		r = stamp_one(work, &stamping);
		if (r == 0)
			r = sk_duty_go_on(work);
	}
	return r == -ENOENT ? 0 : r;
}

/* ---- forwarding ---- */

typedef struct Forwarding {
	const SkExportTarget *target;
	const SkExportBatch *batch;
	const char *error; /* NULL: it went well */
} Forwarding;

static int note_batch(const SkActor *actor, void *userdata)
{
	const Forwarding *forwarding = userdata;

	return forwarding->error ? sk_export_failed(actor, forwarding->target, forwarding->error)
				 : sk_export_sent(actor, forwarding->target, forwarding->batch);
}

/* One batch. Return: 1 there may be more, 0 nothing is left or it failed and was noted, or negative errno. */
static int forward_one(SkDutyWork *work, const SkExportTarget *target)
{
	own_export_batch SkExportBatch batch = {.size = 0};
	SkOutgoingCall call = call_of(work);
	Forwarding forwarding = {.target = target, .batch = &batch};
	int sent, r = sk_export_collect(sk_duty_db(work), target, &batch);

	if (r < 0 || batch.records == 0)
		return r;
	sent = batch.size == 0 ? 0
			       : sk_stream_send(&call,
					 &(SkStream){target->host, target->port, target->authority,
						 target->takes_any_end},
					 batch.bytes, batch.size);
	if (sent == -ECANCELED)
		return sent;
	if (sent < 0)
		forwarding.error = call.error[0] ? call.error : strerror(-sent);
	r = sk_duty_act(work, note_batch, &forwarding);
	return r < 0 ? r : sent == 0;
}

int sk_duty_forward(SkDutyWork *work)
{
	char after[SK_ID_SIZE] = "";
	int r;

	for (;;) {
		own_export_target SkExportTarget target = {.failures = 0};

		r = sk_export_target_next(sk_duty_db(work), after, sk_time_now(), &target);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		do {
			r = forward_one(work, &target);
			if (r == 1 && sk_duty_go_on(work) < 0)
				return -ECANCELED;
			/* What follows went well. */
			target.failures = 0;
		} while (r == 1);
		if (r < 0)
			return r;
		sk_str_copy(after, sizeof(after), target.id);
	}
}
