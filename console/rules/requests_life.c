/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deciding, and what happens to a request afterwards.
 */
#include <errno.h>

#include "console/rules/requests_inner.h"
#include "console/rules/requests_rule.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

typedef struct Decisions {
	SkApprovalDecision list[SK_APPROVAL_DECISIONS_MAX];
	size_t n;
	json_t *persons; /* that list points into */
} Decisions;

static int load_decisions(SkDb *db, const char *request, Decisions *decisions)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT person_id, step, approved FROM request_decisions WHERE request_id = $1 ORDER BY at, "
		"id",
		SK_DB_ARGS(sk_db_text(request)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		json_t *person = json_string(sk_db_get_text(rows, 0));

		if (decisions->n == SK_APPROVAL_DECISIONS_MAX)
			return -E2BIG;
		if (!person || json_array_append_new(decisions->persons, person) < 0)
			return -ENOMEM;
		decisions->list[decisions->n++] = (SkApprovalDecision){json_string_value(person),
			(size_t)sk_db_get_int(rows, 1), sk_db_get_int(rows, 2) != 0};
		r = 0;
	}
	return r;
}

/* What one decision needs to know. */
typedef struct Deciding {
	const SkActor *actor;
	const SkRequestDecision *asked;
	const json_t *row;
	SkApprovalRule rule;
	Decisions made;
	size_t step;
	bool alone;
} Deciding;

static int may_decide(Deciding *d)
{
	SkDecider decider;
	SkApprovalVerdict verdict;
	int r = sk_decider_init(d->actor, sk_row_text(d->row, "facility"), &decider);

	if (r == 0) {
		verdict = sk_approval_may(&d->rule, sk_row_text(d->row, "requester"), d->made.list, d->made.n,
			&decider.approver);
		d->alone = verdict == SK_APPROVAL_MAY_ALONE;
		d->step = sk_approval_status(&d->rule, d->made.list, d->made.n).step;
		r = sk_approval_reason(verdict);
	}
	sk_decider_deinit(&decider);
	return r;
}

static int write_decision(const Deciding *d)
{
	char id[SK_ID_SIZE];

	sk_id_new(id);
	return sk_db_exec(d->actor->db,
		"INSERT INTO request_decisions (id, request_id, facility_id, step, person_id, approved, "
		"alone, reason, "
		"conditions, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(d->asked->request),
			sk_db_text(sk_row_text(d->row, "facility")), sk_db_int((int64_t)d->step),
			sk_db_text(d->actor->person), sk_db_int(d->asked->approved), sk_db_int(d->alone),
			sk_db_text(d->asked->reason ? d->asked->reason : ""),
			sk_db_text(d->asked->conditions ? d->asked->conditions : ""),
			sk_db_int(d->actor->now)),
		NULL);
}

/* Where the request stands now, into its row and its media. */
static int apply(Deciding *d, bool *ret_done)
{
	static const char *const words[] = {
		[SK_APPROVAL_WAITING] = "waiting",
		[SK_APPROVAL_APPROVED] = "approved",
		[SK_APPROVAL_REFUSED] = "refused",
	};
	SkApprovalStatus status;
	int r;

	d->made.list[d->made.n++] = (SkApprovalDecision){d->actor->person, d->step, d->asked->approved};
	status = sk_approval_status(&d->rule, d->made.list, d->made.n);
	r = sk_table_update(d->actor->db, &sk_requests_table, d->actor->scope,
		&(SkRowKey){.id = d->asked->request},
		&(SkWrite){SK_SETS({"state", sk_db_text(words[status.state])},
			{"step", sk_db_int((int64_t)status.step)},
			{"alone", sk_db_int(d->alone || json_is_true(json_object_get(d->row, "alone")))},
			{"decided", status.state == SK_APPROVAL_WAITING ? sk_db_null()
									: sk_db_int(d->actor->now)})});
	if (r == 0 && status.state != SK_APPROVAL_WAITING)
		r = sk_request_move_media(d->actor, d->asked->request,
			status.state == SK_APPROVAL_APPROVED ? SK_MEDIUM_APPROVE : SK_MEDIUM_WITHDRAW,
			d->asked->reason);
	*ret_done = r == 0 && status.state == SK_APPROVAL_APPROVED;
	return r;
}

static int decide(Deciding *d, bool *ret_done)
{
	int r = sk_request_rule_parse(json_object_get(d->row, "rule"), &d->rule);

	if (r == 0)
		r = load_decisions(d->actor->db, d->asked->request, &d->made);
	if (r == 0)
		r = may_decide(d);
	if (r == 0)
		r = write_decision(d);
	if (r == 0)
		r = apply(d, ret_done);
	if (r != 0)
		return r;
	return sk_request_record(d->actor, d->row,
		d->asked->approved ? "request.approved" : "request.refused",
		json_pack("{s:i, s:b, s:b, s:s}", "step", (int)d->step, "alone", d->alone, "complete",
			*ret_done, "reason", d->asked->reason ? d->asked->reason : ""));
}

int sk_request_decide(const SkActor *actor, const SkRequestDecision *decision, bool *ret_done)
{
	json_auto_t *row = NULL, *persons = json_array();
	Deciding deciding = {.actor = actor, .asked = decision, .made.persons = persons};
	int r = sk_table_read(actor->db, &sk_requests_table, actor->scope, decision->request, &row);

	if (r < 0 || !persons)
		return r < 0 ? r : -ENOMEM;
	if (!sk_str_eq(sk_row_text(row, "state"), "waiting"))
		return SK_REQUEST_DECIDED;
	if (sk_request_time(row, "due") <= actor->now)
		return SK_REQUEST_EXPIRED;
	if (!decision->approved && !(decision->reason && *decision->reason))
		return SK_MEDIUM_REASON_NEEDED;
	deciding.row = row;
	return decide(&deciding, ret_done);
}

/* One way of a request after it was made. */
typedef struct Way {
	const char *from[3];   /* states */
	const char *to;	       /* state */
	const char *kind;      /* of the record */
	const char *time;      /* column that gets the time; NULL: none */
	SkMediumAction action; /* of its media; SK_MEDIUM_ACTION_MAX: they are there already */
} Way;

static const Way ways[] = {
	[SK_REQUEST_WITHDRAW] = {{"waiting", "approved"}, "withdrawn", "request.withdrawn", NULL,
		SK_MEDIUM_WITHDRAW},
	[SK_REQUEST_HAND_OVER] = {{"approved"}, "out", "request.handed-over", "went_out",
		SK_MEDIUM_CARRY_OUT},
	[SK_REQUEST_RETURN] = {{"out"}, "returned", "request.returned", "returned", SK_MEDIUM_RETURN},
	[SK_REQUEST_CLOSE] = {{"returned"}, "closed", "request.closed", "inspected", SK_MEDIUM_ACTION_MAX},
	[SK_REQUEST_EXPIRE] = {{"waiting", "approved"}, "expired", "request.expired", NULL,
		SK_MEDIUM_WITHDRAW},
};

static bool is_from(const Way *way, const char *state)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(way->from) && way->from[i]; i++)
		if (sk_str_eq(way->from[i], state))
			return true;
	return false;
}

/* Every medium of the request has been inspected, or has a story of its own. */
static int check_inspected(const SkActor *actor, const char *request)
{
	json_auto_t *media = NULL;
	const json_t *medium;
	size_t i;
	int r = sk_request_media(actor, request, &media);

	if (r < 0)
		return r;
	json_array_foreach (media, i, medium)
		if (sk_str_eq(sk_row_text(medium, "state"), "returned"))
			return SK_REQUEST_NOT_POSSIBLE;
	return 0;
}

/* Who holds the media while they are out, and until when. */
static int write_holder(SkDb *db, const json_t *row, const char *request)
{
	return sk_db_exec(db,
		"UPDATE media SET holder_id = $1, due = $2 WHERE request_id = $3 AND state = 'out'",
		SK_DB_ARGS(sk_db_text(sk_row_text(row, "requester")), sk_db_int(sk_request_time(row, "due")),
			sk_db_text(request)),
		NULL);
}

static int write_way(const SkActor *actor, const json_t *row, SkRequestAction action, const char *note)
{
	const Way *way = &ways[action];
	bool back = action == SK_REQUEST_RETURN, out = action == SK_REQUEST_HAND_OVER;
	SkSet sets[5] = {{"state", sk_db_text(way->to)}};
	size_t n = 1;

	if (way->time)
		sets[n++] = (SkSet){way->time, sk_db_int(actor->now)};
	if (out || back)
		sets[n++] = (SkSet){
			"next_escalation", out ? sk_db_int(sk_request_time(row, "due")) : sk_db_null()};
	if (back) {
		sets[n++] = (SkSet){"returned_to", sk_db_text(actor->person)};
		sets[n++] = (SkSet){"return_note", sk_db_text(note)};
	}
	return sk_table_update(actor->db, &sk_requests_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(row, "id")}, &(SkWrite){.sets = sets, .n_sets = n});
}

/* Only the requester withdraws; an officer's hand is an administrator's order, not a withdrawal. */
static bool is_own(const SkActor *actor, const json_t *row)
{
	return actor->person && sk_str_eq(actor->person, sk_row_text(row, "requester"));
}

int sk_request_act(const SkActor *actor, const char *request, SkRequestAction action, const char *note)
{
	const Way *way = &ways[action];
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_requests_table, actor->scope, request, &row);

	if (r < 0)
		return r;
	if (!is_from(way, sk_row_text(row, "state")))
		return SK_REQUEST_NOT_POSSIBLE;
	if (action == SK_REQUEST_WITHDRAW && !is_own(actor, row))
		return SK_REQUEST_NOT_YOURS;
	if (action == SK_REQUEST_HAND_OVER && sk_request_time(row, "due") <= actor->now)
		return SK_REQUEST_EXPIRED;
	r = way->action == SK_MEDIUM_ACTION_MAX ? check_inspected(actor, request)
						: sk_request_move_media(actor, request, way->action, note);
	if (r == 0)
		r = write_way(actor, row, action, note);
	if (r == 0 && action == SK_REQUEST_HAND_OVER)
		r = write_holder(actor->db, row, request);
	if (r != 0)
		return r;
	return sk_request_record(actor, row, way->kind, json_pack("{s:s}", "note", note ? note : ""));
}

int sk_request_expired(SkDb *db, int64_t now, json_t **ret_ids)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *ids = json_array();
	int r = sk_db_query(db,
		"SELECT id FROM requests WHERE state IN ('waiting', 'approved') AND due <= $1 ORDER BY due "
		"LIMIT 100",
		SK_DB_ARGS(sk_db_int(now)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	if (r == 0)
		*ret_ids = own_take(ids);
	return r;
}
