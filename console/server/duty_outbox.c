/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "console/jobs/post.h"
#include "console/jobs/smtp.h"
#include "console/rules/outbox.h"
#include "console/rules/webhooks.h"
#include "console/server/sending.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/aead.h"

/* Longer than any attempt takes: nobody else sends it meanwhile. */
#define HOLD_MS INT64_C(180000)
#define GONE 410

_Static_assert(SK_WEBHOOK_WRAPPED_SIZE == SK_WEBHOOK_SECRET_SIZE + SK_AEAD_OVERHEAD, "a wrapped secret");

static SkAeadContext context_of(const char *id)
{
	return (SkAeadContext){id, strlen(id)};
}

void sk_webhook_wrap(SkServer *server, const char *id, const uint8_t *secret, uint8_t *ret_wrapped)
{
	sk_aead_seal(sk_secret_data(server->home.secret), context_of(id), secret, SK_WEBHOOK_SECRET_SIZE,
		ret_wrapped);
}

typedef struct Attempt {
	SkDutyWork *work;
	const SkSending *sending;
	SkOutboxItem *item;
	SkOutgoingCall call;
	SkOutboxFailure failure; /* error: in call.error, or constant */
	int result;
} Attempt;

static bool is_stopping(const void *userdata)
{
	return sk_duty_is_stopping(userdata);
}

/* Trying again does not help. Return: result. */
static int end_for_good(Attempt *attempt, const char *error, int result)
{
	sk_str_copy(attempt->call.error, sizeof(attempt->call.error), error);
	attempt->failure.for_good = true;
	return result;
}

static int send_mail(Attempt *attempt)
{
	const SkOutboxItem *item = attempt->item;
	const SkSending *sending = attempt->sending;
	int r;

	if (!sending->smtp.server) {
		attempt->failure.silent = true;
		return end_for_good(attempt, "no mail server is set: [Mail] Server in console.conf", -ENOENT);
	}
	r = sk_smtp_send(&attempt->call, &sending->smtp,
		&(SkMail){.id = item->id,
			.from = sending->from,
			.name = sending->name,
			.to = item->target,
			.subject = item->subject,
			.body = item->body,
			.language = item->language,
			.time = sk_time_now()});
	if (r == -EINVAL)
		return end_for_good(attempt, "no address of a person", r);
	attempt->failure.for_good = r == -EREMOTEIO;
	return r;
}

static int post(Attempt *attempt, const SkWebhookTarget *target, const uint8_t *secret)
{
	const SkOutboxItem *item = attempt->item;
	int64_t seconds = sk_time_now() / 1000;
	char id[64], time[64], mac[SK_WEBHOOK_SIGNATURE_SIZE], signature[128];
	SkPosted posted = {.status = 0};
	int r;

	sk_webhook_sign(secret, seconds, item->id, item->body, mac);
	sk_str_format(id, sizeof(id), "Sekisho-Id: %s", item->id);
	sk_str_format(time, sizeof(time), "Sekisho-Time: %" PRId64, seconds);
	sk_str_format(signature, sizeof(signature), "Sekisho-Signature: %s", mac);
	r = sk_post(&attempt->call,
		&(SkPost){.url = target->url,
			.type = "application/json",
			.headers = {id, time, signature},
			.body = item->body,
			.size = strlen(item->body)},
		&posted);
	free(posted.answer);
	if (r < 0 || (posted.status >= 200 && posted.status < 300))
		return r;
	if (posted.status == GONE)
		return end_for_good(attempt, "the receiver is gone (410)", -EREMOTEIO);
	sk_str_format(
		attempt->call.error, sizeof(attempt->call.error), "the receiver answered %u", posted.status);
	return -EPROTO;
}

static int send_webhook(Attempt *attempt)
{
	SkServer *server = sk_duty_server(attempt->work);
	own_secret SkSecret *secret = NULL;
	SkWebhookTarget target = {.url = NULL};
	int r = sk_webhook_read(sk_duty_db(attempt->work), attempt->item->target, &target);

	if (r == -ENOENT || (r == 0 && !target.active)) {
		free(target.url);
		attempt->failure.silent = true;
		return end_for_good(attempt, "the webhook was paused or removed", -ENOENT);
	}
	if (r == 0)
		r = sk_aead_open(sk_secret_data(server->home.secret), context_of(attempt->item->target),
			target.wrapped, target.wrapped_size, &secret);
	if (r == 0)
		r = post(attempt, &target, sk_secret_data(secret));
	free(target.url);
	return r;
}

static int note(const SkActor *actor, void *userdata)
{
	const Attempt *attempt = userdata;

	return attempt->result == 0 ? sk_outbox_sent(actor, attempt->item)
				    : sk_outbox_failed(actor, attempt->item, &attempt->failure);
}

/* Return: as a duty: what went wrong with this message is noted in its row. */
static int send_one(SkDutyWork *work, SkOutboxItem *item)
{
	Attempt attempt = {.work = work, .sending = sk_duty_server(work)->sending, .item = item};

	attempt.call = (SkOutgoingCall){
		.outgoing = &attempt.sending->outgoing, .is_stopping = is_stopping, .userdata = work};
	attempt.result = sk_str_eq(item->kind, "mail") ? send_mail(&attempt) : send_webhook(&attempt);
	/* What was broken off counts as no attempt. */
	if (attempt.result == -ECANCELED) {
		(void)sk_outbox_release(sk_duty_db(work), item);
		return attempt.result;
	}
	if (attempt.result < 0 && !attempt.call.error[0])
		sk_str_copy(attempt.call.error, sizeof(attempt.call.error), strerror(-attempt.result));
	attempt.failure.error = attempt.call.error;
	return sk_duty_act(work, note, &attempt);
}

int sk_duty_outbox(SkDutyWork *work)
{
	int r;

	do {
		own_outbox_item SkOutboxItem item = {.attempts = 0};
		int64_t now = sk_time_now();

		r = sk_outbox_take(sk_duty_db(work), sk_duty_instance(work), now, now + HOLD_MS, &item);
		if (r == 0)
			r = send_one(work, &item);
		if (r == 0)
			r = sk_duty_go_on(work);
	} while (r == 0);
	return r == -ENOENT ? 0 : r;
}
