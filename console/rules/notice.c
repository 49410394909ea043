/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is told, and where. */
#include "console/rules/notice.h"

#include <errno.h>
#include <string.h>

#include "console/rules/outbox.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define RECEIVERS_MAX 200 /* of one notice */

/* A message in one language is written once, for all its receivers. */
typedef struct Sending {
	const SkActor *actor;
	const SkNotice *notice;
	char facility[400];    /* name */
	SkNoticeText texts[2]; /* Japanese and English */
	unsigned count;
} Sending;

static void deinit(Sending *sending)
{
	for (size_t i = 0; i < 2; i++)
		sk_notice_text_deinit(&sending->texts[i]);
}

static int read_facility(Sending *sending)
{
	own_rows SkDbRows *rows = NULL;
	int r;

	if (!sending->notice->facility)
		return 0;
	r = sk_db_query(sending->actor->db, "SELECT name FROM facilities WHERE id = $1",
		SK_DB_ARGS(sk_db_text(sending->notice->facility)), &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r == 1)
		sk_str_copy(sending->facility, sizeof(sending->facility), sk_db_get_text(rows, 0));
	return r < 0 ? r : 0;
}

static int send_mail(Sending *sending, const char *address, const char *language)
{
	const SkNotice *notice = sending->notice;
	size_t i = sk_str_eq(language, "ja") ? 0 : 1;
	int r = 0;

	if (sending->count++ >= RECEIVERS_MAX)
		return 0;
	if (!sending->texts[i].text)
		r = sk_notice_write(notice, sending->facility[0] ? sending->facility : NULL, language,
			sending->actor->now, &sending->texts[i]);
	if (r < 0)
		return r;
	return sk_outbox_add(sending->actor, &(SkOutboxMessage){.facility = notice->facility,
						     .kind = "mail",
						     .target = address,
						     .matter = notice->matter,
						     .subject = sending->texts[i].title,
						     .body = sending->texts[i].text,
						     .language = language});
}

/* Addresses of a query's rows: e-mail, language. */
static int send_to_rows(Sending *sending, SkDbRows *rows)
{
	json_auto_t *found = json_array();
	const json_t *one;
	size_t i;
	int r;

	/* First all of them: the connection writes no other statement while rows are read. */
	while ((r = sk_db_next(rows)) == 1)
		if (json_array_append_new(found, json_pack("{s:s, s:s}", "address", sk_db_get_text(rows, 0),
							 "language", sk_db_get_text(rows, 1))) < 0)
			return -ENOMEM;
	json_array_foreach (found, i, one) {
		if (r < 0)
			break;
		r = send_mail(sending, sk_row_text(one, "address"), sk_row_text(one, "language"));
	}
	return r;
}

static int send_to_role(Sending *sending, const char *role)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(sending->actor->db,
		"SELECT DISTINCT p.email, p.language FROM person_roles c JOIN people p ON p.id = "
		"c.person_id WHERE c.role = "
		"$1 AND (c.facility_id IS NULL OR c.facility_id = $2) AND c.removed IS NULL AND p.state = "
		"'active' AND p.email "
		"IS NOT NULL ORDER BY p.email LIMIT 200",
		SK_DB_ARGS(sk_db_text(role), sk_db_text(sending->notice->facility)), &rows);

	return r < 0 ? r : send_to_rows(sending, rows);
}

static int send_to_person(Sending *sending, const char *person)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(sending->actor->db,
		"SELECT email, language FROM people WHERE id = $1 AND state = 'active' AND email IS NOT NULL",
		SK_DB_ARGS(sk_db_text(person)), &rows);

	return r < 0 ? r : send_to_rows(sending, rows);
}

static int send_to_word(Sending *sending, const char *word)
{
	if (sk_str_starts(word, "role:"))
		return send_to_role(sending, word + strlen("role:"));
	if (sk_str_starts(word, "person:"))
		return send_to_person(sending, word + strlen("person:"));
	if (sk_str_starts(word, "mail:"))
		return send_mail(sending, word + strlen("mail:"), "ja");
	return 0;
}

/* ---- webhooks ---- */

static char *webhook_body(const Sending *sending)
{
	const SkNotice *notice = sending->notice;
	const SkReasonText *reason = sk_reason_find(notice->code);
	char code[SK_REASON_CODE_SIZE], at[SK_TIME_SIZE];
	json_auto_t *body = NULL;

	sk_reason_format_code(code, notice->code);
	sk_time_format(at, sending->actor->now);
	body = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:O?}", "kind",
		notice->kind, "code", code, "at", at, "facility", notice->facility, "facilityName",
		sending->facility, "about", notice->about ? notice->about : "", "what", "ja", reason->ja_what,
		"en", reason->en_what, "next", "ja", reason->ja_next, "en", reason->en_next, "details",
		notice->details);
	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

static bool wants(const char *kinds, const char *kind)
{
	json_auto_t *list = json_loads(kinds, 0, NULL);
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		return true;
	json_array_foreach (list, i, one)
		if (json_is_string(one) && sk_str_eq(json_string_value(one), kind))
			return true;
	return false;
}

static int find_webhooks(const Sending *sending, json_t *ids)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(sending->actor->db,
		"SELECT id, kinds FROM webhooks WHERE state = 'active' AND (facility_id IS NULL OR "
		"facility_id = $1) ORDER BY id LIMIT 100",
		SK_DB_ARGS(sk_db_text(sending->notice->facility)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		r = 0;
		if (wants(sk_db_get_text(rows, 1), sending->notice->kind) &&
			json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0)
			r = -ENOMEM;
	}
	return r;
}

static int send_webhook(const Sending *sending, const char *id, const char *body)
{
	return sk_outbox_add(sending->actor, &(SkOutboxMessage){.facility = sending->notice->facility,
						     .kind = "webhook",
						     .target = id,
						     .matter = sending->notice->matter,
						     .subject = sending->notice->kind,
						     .body = body,
						     .language = "ja"});
}

static int send_webhooks(const Sending *sending)
{
	json_auto_t *ids = json_array();
	own_free char *body = NULL;
	const json_t *id;
	size_t i;
	int r = find_webhooks(sending, ids);

	if (r < 0 || json_array_size(ids) == 0)
		return r;
	body = webhook_body(sending);
	if (!body)
		return -ENOMEM;
	json_array_foreach (ids, i, id) {
		r = send_webhook(sending, json_string_value(id), body);
		if (r < 0)
			return r;
	}
	return 0;
}

int sk_notice_send(const SkActor *actor, const SkNotice *notice)
{
	Sending sending = {.actor = actor, .notice = notice};
	const json_t *word;
	size_t i;
	int r = sk_reason_find(notice->code) ? read_facility(&sending) : -EINVAL;

	json_array_foreach (notice->receivers, i, word) {
		if (r < 0)
			break;
		r = send_to_word(&sending, json_is_string(word) ? json_string_value(word) : "");
	}
	if (r == 0)
		r = send_webhooks(&sending);
	deinit(&sending);
	return r;
}

int sk_notice_try(const SkActor *actor, const char *webhook, const SkNotice *notice)
{
	Sending sending = {.actor = actor, .notice = notice};
	own_free char *body = NULL;
	int r = read_facility(&sending);

	if (r < 0)
		return r;
	body = webhook_body(&sending);
	return body ? send_webhook(&sending, webhook, body) : -ENOMEM;
}

bool sk_notice_is_receiver(const char *word)
{
	static const char *const roles[] = {
		"staff", "approver", "security-officer", "auditor", "administrator"};

	if (sk_str_starts(word, "person:"))
		return sk_id_check(word + strlen("person:"));
	if (sk_str_starts(word, "mail:"))
		return strchr(word, '@') != NULL;
	if (!sk_str_starts(word, "role:"))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(roles); i++)
		if (sk_str_eq(word + strlen("role:"), roles[i]))
			return true;
	return false;
}
