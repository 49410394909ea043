/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/escalation.h"

#include <errno.h>

#include "console/rules/alerts.h"
#include "console/rules/notice.h"
#include "lib/base/str.h"

#define HOUR INT64_C(3600000)
#define WEEK (168 * HOUR)
/* The longest time before the due time that a step may have; asked for by the contract. */
#define AHEAD (336 * HOUR)

typedef struct Late {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE], requester[SK_ID_SIZE];
	char number[32], name[256], destination[600];
	int64_t due, done; /* steps that were taken */
	int64_t next;
} Late;

static void read_text(const SkDbRows *rows, size_t column, char *ret_text, size_t size)
{
	sk_str_copy(ret_text, size, sk_db_get_text(rows, column));
}

static int find(const SkActor *actor, Late late[SK_ESCALATION_ROWS], size_t *ret_n)
{
	own_rows SkDbRows *rows = NULL;
	size_t n = 0;
	int r = sk_db_query(actor->db,
		"SELECT q.id, q.facility_id, q.requester_id, q.number, p.name, q.destination, q.due, "
		"q.escalations, q.next_escalation FROM requests q JOIN people p ON p.id = q.requester_id "
		"WHERE "
		"q.state = 'out' AND q.next_escalation IS NOT NULL AND (q.next_escalation <= $1 OR "
		"(q.escalations "
		"= 0 AND q.next_escalation = q.due AND q.due <= $2)) ORDER BY q.next_escalation, q.id LIMIT "
		"$3",
		SK_DB_ARGS(
			sk_db_int(actor->now), sk_db_int(actor->now + AHEAD), sk_db_int(SK_ESCALATION_ROWS)),
		&rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		Late *one = &late[n++];

		read_text(rows, 0, one->id, sizeof(one->id));
		read_text(rows, 1, one->facility, sizeof(one->facility));
		read_text(rows, 2, one->requester, sizeof(one->requester));
		read_text(rows, 3, one->number, sizeof(one->number));
		read_text(rows, 4, one->name, sizeof(one->name));
		read_text(rows, 5, one->destination, sizeof(one->destination));
		one->due = sk_db_get_int(rows, 6);
		one->done = sk_db_get_int(rows, 7);
		one->next = sk_db_get_int(rows, 8);
		r = 0;
	}
	*ret_n = n;
	return r;
}

/* ---- the ladder ---- */

static json_t *ladder_of(const SkAlertRule *rule)
{
	if (json_array_size(rule->steps) > 0)
		return json_incref(rule->steps);
	return json_pack("[{s:i, s:s}, {s:i, s:s}, {s:i, s:s}, {s:i, s:s}]", "hours", -24, "to", "requester",
		"hours", 0, "to", "requester", "hours", 24, "to", "approver", "hours", 72, "to",
		"role:security-officer");
}

static int64_t step_time(const json_t *ladder, const Late *late, int64_t step)
{
	int64_t last = (int64_t)json_array_size(ladder) - 1, over = step > last ? step - last : 0;
	const json_t *one = json_array_get(ladder, (size_t)(step - over));

	return late->due + json_integer_value(json_object_get(one, "hours")) * HOUR + over * WEEK;
}

static const char *step_to(const json_t *ladder, int64_t step)
{
	int64_t last = (int64_t)json_array_size(ladder) - 1;

	return sk_row_text(json_array_get(ladder, (size_t)(step > last ? last : step)), "to");
}

/* ---- who ---- */

static int add_word(json_t *words, const char *kind, const char *value)
{
	char word[64];

	sk_str_format(word, sizeof(word), "%s%s", kind, value);
	return json_array_append_new(words, json_string(word)) < 0 ? -ENOMEM : 0;
}

/* Those who approved it; where a provider's rule did, whoever may approve. */
static int add_approvers(const SkActor *actor, const Late *late, json_t *words)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT DISTINCT person_id FROM request_decisions WHERE request_id = $1 AND approved = 1 AND "
		"person_id <> $2 ORDER BY person_id",
		SK_DB_ARGS(sk_db_text(late->id), sk_db_text(late->requester)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = add_word(words, "person:", sk_db_get_text(rows, 0));
	if (r == 0 && json_array_size(words) == 0)
		r = add_word(words, "role:", "approver");
	return r;
}

static int receivers_of(const SkActor *actor, const Late *late, const char *to, json_t *words)
{
	if (sk_str_eq(to, "requester"))
		return add_word(words, "person:", late->requester);
	if (sk_str_eq(to, "approver"))
		return add_approvers(actor, late, words);
	return add_word(words, "", to);
}

static int tell(const SkActor *actor, const Late *late, const SkAlertRule *rule, const char *to, int64_t step)
{
	bool soon = actor->now < late->due;
	json_auto_t *words = json_array();
	json_auto_t *details = json_pack("{s:s, s:s, s:s, s:I}", "request", late->number, "requester",
		late->name, "destination", late->destination, "due", (json_int_t)late->due);
	char matter[96];
	int r = words && details ? receivers_of(actor, late, to, words) : -ENOMEM;

	if (r < 0)
		return r;
	sk_str_format(matter, sizeof(matter), "return:%s:%lld:%lld", late->id, (long long)late->due,
		(long long)step);
	return sk_notice_send(actor, &(SkNotice){.facility = late->facility,
					     .kind = soon ? "return-soon" : "return-late",
					     .matter = matter,
					     .code = soon ? SK_RETURN_SOON : SK_ALERT_RETURN_LATE,
					     .about = late->number,
					     .details = details,
					     .receivers = words,
					     .words = rule->words});
}

/* Does a later step that is due, too, go to the same? Then this one would come twice. */
static bool is_repeated(const json_t *ladder, int64_t step, int64_t end)
{
	for (int64_t later = step + 1; later < end; later++)
		if (sk_str_eq(step_to(ladder, step), step_to(ladder, later)))
			return true;
	return false;
}

/* Return: 1 the request was changed, 0 nothing is due, or negative errno. */
static int take_steps(const SkActor *actor, const Late *late, const SkAlertRule *rule, const json_t *ladder)
{
	int64_t end = late->done, next;
	int r = 0;

	while (end < late->done + 100 && step_time(ladder, late, end) <= actor->now)
		end++;
	next = step_time(ladder, late, end);
	/* The due time itself stands for a request that was not looked at yet. */
	if (next == late->due)
		next++;
	for (int64_t step = late->done; r == 0 && rule->enabled && step < end; step++)
		if (!is_repeated(ladder, step, end))
			r = tell(actor, late, rule, step_to(ladder, step), step);
	if (r < 0 || (end == late->done && next == late->next))
		return r;
	r = sk_db_exec(actor->db, "UPDATE requests SET escalations = $1, next_escalation = $2 WHERE id = $3",
		SK_DB_ARGS(sk_db_int(end), sk_db_int(next), sk_db_text(late->id)), NULL);
	if (r < 0 || end == late->done)
		return r < 0 ? r : 1;
	r = sk_actor_record(actor,
		&(SkFact){"request.escalated", late->facility, "request", late->id,
			json_pack("{s:I, s:s}", "step", (json_int_t)end, "to", step_to(ladder, end - 1))});
	return r < 0 ? r : 1;
}

static int escalate(const SkActor *actor, const Late *late)
{
	own_alert_rule SkAlertRule rule = {.limit = 0};
	json_auto_t *ladder = NULL;
	int r = sk_alert_rule_load(actor->db, sk_alert_kind("return-late"), late->facility, &rule);

	if (r < 0)
		return r;
	ladder = ladder_of(&rule);
	return ladder ? take_steps(actor, late, &rule, ladder) : -ENOMEM;
}

int sk_escalate(const SkActor *actor, int64_t *ret_count)
{
	Late late[SK_ESCALATION_ROWS];
	int64_t changed = 0;
	size_t n = 0;
	int r = find(actor, late, &n);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = escalate(actor, &late[i]);
		if (r > 0)
			changed++;
	}
	/* A full page of which nothing changed would come again and again. */
	*ret_count = n == SK_ESCALATION_ROWS ? changed : 0;
	return r < 0 ? r : 0;
}
