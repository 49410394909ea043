/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_list.h"

#include <errno.h>

#include "console/rules/alerts.h"
#include "console/rules/escalation.h"
#include "console/rules/expiry.h"
#include "console/rules/recovery.h"
#include "console/rules/requests.h"
#include "console/server/duty_definitions.h"
#include "console/rules/review.h"
#include "console/server/duty_outbox.h"
#include "console/store/time.h"
#include "console/server/duty_records.h"
#include "console/server/duty_rollout.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* A rule that does a bounded number of rows and says how many. */
typedef struct Portion {
	int (*rule)(const SkActor *actor, int64_t *ret_count);
	int64_t count;
} Portion;

static int do_portion(const SkActor *actor, void *userdata)
{
	Portion *portion = userdata;

	portion->count = 0;
	return portion->rule(actor, &portion->count);
}

/* Until nothing is left. */
static int do_all(SkDutyWork *work, int (*rule)(const SkActor *actor, int64_t *ret_count))
{
	Portion portion = {.rule = rule};
	int r;

	do {
		r = sk_duty_act(work, do_portion, &portion);
		if (r == 0 && portion.count > 0)
			r = sk_duty_go_on(work);
	} while (r == 0 && portion.count > 0);
	return r;
}

static int expire_request(const SkActor *actor, void *userdata)
{
	return sk_expire_request(actor, userdata);
}

/* Each in a transaction of its own: one that cannot be ended holds up no other. */
static int expire_requests(SkDutyWork *work)
{
	json_auto_t *ids = NULL;
	const json_t *id;
	size_t i;
	int r = sk_request_expired(sk_duty_db(work), sk_time_now(), &ids);

	json_array_foreach (ids, i, id) {
		if (r < 0)
			return r;
		r = sk_duty_act(work, expire_request, (void *)json_string_value(id));
		if (r >= 0)
			r = sk_duty_go_on(work);
	}
	return r;
}

static int expire_grants(SkDutyWork *work)
{
	return do_all(work, sk_expire_grants);
}

static int expire_codes(SkDutyWork *work)
{
	return do_all(work, sk_expire_codes);
}

static int expire_recoveries(SkDutyWork *work)
{
	return do_all(work, sk_recovery_expire);
}

static int expire_traces(SkDutyWork *work)
{
	return do_all(work, sk_expire_traces);
}

static int escalate(SkDutyWork *work)
{
	return do_all(work, sk_escalate);
}

static int open_reviews(SkDutyWork *work)
{
	return do_all(work, sk_review_open);
}

/* One facility in a transaction; NULL: the console itself. */
typedef struct Look {
	int (*rule)(const SkActor *actor, const char *facility);
	const char *facility;
} Look;

static int look(const SkActor *actor, void *userdata)
{
	const Look *looking = userdata;

	return looking->rule(actor, looking->facility);
}

static int read_facilities(SkDb *db, json_t *ids)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(
		db, "SELECT id FROM facilities WHERE state = 'active' ORDER BY id", SK_DB_NO_ARGS, &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	return r;
}

static int look_at_all(SkDutyWork *work, int (*rule)(const SkActor *actor, const char *facility))
{
	json_auto_t *facilities = json_array();
	const json_t *facility;
	size_t i;
	int r = read_facilities(sk_duty_db(work), facilities);

	json_array_foreach (facilities, i, facility) {
		Look looking = {rule, json_string_value(facility)};

		if (r == 0)
			r = sk_duty_act(work, look, &looking);
		if (r == 0)
			r = sk_duty_go_on(work);
	}
	return r;
}

static int raise_alerts(SkDutyWork *work)
{
	Look console = {sk_alerts_look, NULL};
	int r = sk_duty_act(work, look, &console);

	return r < 0 ? r : look_at_all(work, sk_alerts_look);
}

static int count_alerts(SkDutyWork *work)
{
	return look_at_all(work, sk_alerts_count);
}

/* clang-format off */
const SkDuty sk_duty_list[] = {
	{"requests-expire", SK_DUTY_RULES, MINUTE, MINUTE, expire_requests},
	{"grants-end", SK_DUTY_RULES, 30 * SECOND, MINUTE, expire_grants},
	{"codes-end", SK_DUTY_RULES, MINUTE, MINUTE, expire_codes},
	{"recoveries-end", SK_DUTY_RULES, MINUTE, MINUTE, expire_recoveries},
	{"returns-escalate", SK_DUTY_RULES, MINUTE, MINUTE, escalate},
	{"alerts-raise", SK_DUTY_RULES, 2 * MINUTE, MINUTE, raise_alerts},
	{"definitions-serve", SK_DUTY_DOWNLOADS, 5 * SECOND, MINUTE, sk_duty_definitions},
	{"rollouts-step", SK_DUTY_RULES, 5 * SECOND, MINUTE, sk_duty_rollouts},
	{"alerts-count", SK_DUTY_RULES, 10 * MINUTE, 2 * MINUTE, count_alerts},
	{"outbox-send", SK_DUTY_MESSAGES, SECOND, 3 * MINUTE, sk_duty_outbox},
	{"heads-sign", SK_DUTY_RECORDS, 10 * MINUTE, 5 * MINUTE, sk_duty_heads},
	{"heads-stamp", SK_DUTY_RECORDS, MINUTE, 3 * MINUTE, sk_duty_stamps},
	{"records-forward", SK_DUTY_RECORDS, 2 * SECOND, 5 * MINUTE, sk_duty_forward},
	{"reviews-open", SK_DUTY_RULES, HOUR, MINUTE, open_reviews},
	{"traces-clean", SK_DUTY_RULES, 10 * MINUTE, 5 * MINUTE, expire_traces},
	{NULL},
};
/* clang-format on */
