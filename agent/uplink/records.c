/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records on their way to the console. The log of core is the spool: this process holds the one batch that is
 * being sent, and the console says where to go on. A batch that was sent twice is taken once there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/ipc/memfd.h"
#include "lib/log/log.h"

#define BATCH_SIZE (256u << 10)
#define TIMEOUT_SEC 300
#define ANSWER_MAX (64u << 10)
/* The console refuses them as not ours: somebody has to look at that, and asking all the time does not help.
 */
#define REFUSED_SEC 3600

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	up->records.timer = sd_event_source_disable_unref(up->records.timer);
	records_push(up);
	return 0;
}

void records_stop(Uplink *up)
{
	sending_stop(&up->records);
}

void records_push(Uplink *up)
{
	SkUplinkWantRecords want = {.from = up->acked + 1, .size = BATCH_SIZE};

	if (!link_is_up(up) || !up->acked_known || up->records_wanted || up->records.call ||
		up->records.timer || up->head <= up->acked)
		return;
	sk_head_init(&want.head, SK_UPLINK_WANT_RECORDS, sizeof(want));
	if (core_send(up, &want, NULL, 0) == 0)
		up->records_wanted = true;
}

static void refuse(Uplink *up, const char *detail)
{
	sk_log(LOG_ALERT, "the console does not take the records: %s", detail);
	uplink_set_state(up, SK_UPLINK_CONNECTED, SK_UPLINK_CAUSE_RECORDS, detail);
	sending_retry(up, &up->records, REFUSED_SEC, on_retry);
}

/* The console has less or more than we thought, once; the same again is no gap but another log. */
static void on_gap(Uplink *up, uint64_t seq)
{
	if (seq == up->acked || seq > up->head) {
		refuse(up, "they do not follow on those that it has");
		return;
	}
	up->acked = seq;
	records_push(up);
}

static void on_taken(Uplink *up, uint64_t seq, const char *hash, const json_t *signed_head)
{
	SkUplinkAcked acked = {.seq = seq};
	own_free char *head = json_dumps(signed_head, JSON_COMPACT);
	own_fd int fd = head ? sk_memfd_new(head, strlen(head)) : -1;

	if (seq < up->records_last || strlen(hash) != 64) {
		refuse(up, "its answer is not about what was sent");
		return;
	}
	up->acked = seq;
	up->records.failures = 0;
	sk_str_copy(acked.hash, sizeof(acked.hash), hash);
	sk_head_init(&acked.head, SK_UPLINK_ACKED, sizeof(acked));
	if (fd >= 0)
		core_send(up, &acked, &fd, 1);
	if (up->state.cause == SK_UPLINK_CAUSE_RECORDS)
		uplink_set_state(up, SK_UPLINK_CONNECTED, SK_UPLINK_CAUSE_NONE, "");
	records_push(up);
}

/* {outcome, seq, hash, head}: seq and hash are of the last record that the console has now. */
static void on_answer(Uplink *up, json_t *object)
{
	const char *outcome, *hash;
	json_t *head = NULL;
	json_int_t seq;

	if (json_unpack(object, "{s:s, s:I, s:s, s?o}", "outcome", &outcome, "seq", &seq, "hash", &hash,
		    "head", &head) < 0 ||
		seq < 0)
		sending_retry(up, &up->records, 0, on_retry);
	else if (sk_str_eq(outcome, "taken"))
		on_taken(up, (uint64_t)seq, hash, head);
	else if (sk_str_eq(outcome, "gap"))
		on_gap(up, (uint64_t)seq);
	else
		refuse(up, "it says that they are not those that it has");
}

static void on_sent(void *userdata, const HttpAnswer *answer)
{
	json_auto_t *object = NULL;
	Uplink *up = userdata;

	up->records.call = NULL;
	if (!link_check_answer(up, answer))
		return;
	object = json_loadb(answer->body, answer->size, 0, NULL);
	if (answer->status == 200 && object)
		on_answer(up, object);
	else if (answer->status >= 500 || answer->status == 429)
		sending_retry(up, &up->records, answer->retry_after, on_retry);
	else
		refuse(up, "it says that they are no records");
}

int records_take(Uplink *up, const SkUplinkRecords *message, int fd)
{
	own_free char *lines = NULL;
	HttpRequest request = {.method = "POST",
		.path = "/api/v1/agent/records",
		.type = "application/x-ndjson",
		.timeout_sec = TIMEOUT_SEC,
		.most = ANSWER_MAX,
		.done = on_sent,
		.userdata = up};
	int r = sk_memfd_read(fd, SK_UPLINK_RECORDS_MAX + SK_PROTO_SIZE_MAX * 8, &lines, &request.size);

	up->records_wanted = false;
	if (r < 0)
		return r == -ENOMEM ? r : -EPROTO;
	/* The connection may have gone, or come back, while core read them. */
	if (message->first == 0 || message->first != up->acked + 1 || !link_is_up(up) || up->records.call)
		return 0;
	up->records_last = message->last;
	request.body = lines;
	if (http_start(up->http, &request, &up->records.call) < 0)
		sending_retry(up, &up->records, 0, on_retry);
	return 0;
}
