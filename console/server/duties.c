/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duties.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console/rules/backoff.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define LOOK_SEC 1
#define FIRST_RETRY_MS INT64_C(2000)
#define LAST_RETRY_MS INT64_C(300000)
#define ERROR_SIZE 256

typedef struct Lane {
	SkDuties *duties;
	SkDutyLane lane;
	pthread_t thread;
	bool started;
} Lane;

struct SkDuties {
	SkDutyHost host;
	const SkDuty *list;
	Lane lanes[SK_DUTY_LANES];
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* stopping */
	atomic_bool stopping;
};

struct SkDutyWork {
	SkDuties *duties;
	const SkDuty *duty;
	SkDb *db;
	int64_t held_until; /* as this process wrote it: another value is another holder's */
	int64_t failures;
	char error[ERROR_SIZE];
};

SkServer *sk_duty_server(const SkDutyWork *work)
{
	return work->duties->host.server;
}

SkDb *sk_duty_db(const SkDutyWork *work)
{
	return work->db;
}

const char *sk_duty_instance(const SkDutyWork *work)
{
	return work->duties->host.instance;
}

bool sk_duty_is_stopping(const SkDutyWork *work)
{
	return atomic_load(&work->duties->stopping);
}

void sk_duty_explain(SkDutyWork *work, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(work->error, sizeof(work->error), format, arguments);
	va_end(arguments);
}

int sk_duty_go_on(SkDutyWork *work)
{
	int64_t until = sk_time_now() + work->duty->hold_ms, changed = 0;
	int r;

	if (sk_duty_is_stopping(work))
		return -ECANCELED;
	r = sk_db_exec(work->db,
		"UPDATE duties SET held_until = $1 WHERE name = $2 AND instance_id = $3 AND held_until = $4",
		SK_DB_ARGS(sk_db_int(until), sk_db_text(work->duty->name), sk_db_text(sk_duty_instance(work)),
			sk_db_int(work->held_until)),
		&changed);
	if (r < 0)
		return r;
	if (changed == 0)
		return -ECANCELED;
	work->held_until = until;
	return 0;
}

typedef struct Act {
	SkActor actor;
	int (*rule)(const SkActor *actor, void *userdata);
	void *userdata;
} Act;

static int act(SkDb *db, void *userdata)
{
	Act *acting = userdata;

	acting->actor.db = db;
	return acting->rule(&acting->actor, acting->userdata);
}

int sk_duty_act(SkDutyWork *work, int (*rule)(const SkActor *actor, void *userdata), void *userdata)
{
	Act acting = {
		.actor = {.scope = SK_SCOPE_ALL, .chain = work->duties->host.chain, .now = sk_time_now()},
		.rule = rule,
		.userdata = userdata};

	return sk_db_transact(work->db, act, &acting);
}

/* ---- one duty ---- */

/*
 * In one statement, so that of two processes one gets it. A time that lies further ahead than any of ours can
 * be was written by a clock that has been put back since.
 */
static int claim(SkDutyWork *work)
{
	const SkDuty *duty = work->duty;
	int64_t now = sk_time_now(), until = now + duty->hold_ms, changed = 0;
	int64_t longest = duty->hold_ms > LAST_RETRY_MS ? duty->hold_ms : LAST_RETRY_MS;
	int r = sk_db_exec(work->db,
		"INSERT INTO duties (name, instance_id, held_until) VALUES ($1, $2, $3) "
		"ON CONFLICT (name) DO UPDATE SET instance_id = excluded.instance_id, held_until = "
		"excluded.held_until "
		"WHERE (duties.held_until <= $4 OR duties.held_until > $5) AND (duties.last_done <= $6 OR "
		"duties.last_done > $4)",
		SK_DB_ARGS(sk_db_text(duty->name), sk_db_text(sk_duty_instance(work)), sk_db_int(until),
			sk_db_int(now), sk_db_int(now + 2 * longest), sk_db_int(now - duty->period_ms)),
		&changed);

	work->held_until = until;
	return r < 0 ? r : changed > 0;
}

static int end_good(SkDutyWork *work)
{
	return sk_db_exec(work->db,
		"UPDATE duties SET held_until = 0, last_done = $1, failures = 0, error = '' WHERE name = $2 "
		"AND instance_id = $3 AND held_until = $4",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(work->duty->name),
			sk_db_text(sk_duty_instance(work)), sk_db_int(work->held_until)),
		NULL);
}

static int end_bad(SkDutyWork *work)
{
	int64_t now = sk_time_now();

	return sk_db_exec(work->db,
		"UPDATE duties SET held_until = $1, failures = failures + 1, last_failed = $2, error = $3 "
		"WHERE name = $4 AND instance_id = $5 AND held_until = $6",
		SK_DB_ARGS(sk_db_int(now + sk_backoff_ms(work->failures + 1, FIRST_RETRY_MS, LAST_RETRY_MS)),
			sk_db_int(now), sk_db_text(work->error), sk_db_text(work->duty->name),
			sk_db_text(sk_duty_instance(work)), sk_db_int(work->held_until)),
		NULL);
}

/* It was asked to end: whoever comes first goes on with it. */
static int end_early(SkDutyWork *work)
{
	return sk_db_exec(work->db,
		"UPDATE duties SET held_until = 0 WHERE name = $1 AND instance_id = $2 AND held_until = $3",
		SK_DB_ARGS(sk_db_text(work->duty->name), sk_db_text(sk_duty_instance(work)),
			sk_db_int(work->held_until)),
		NULL);
}

static void do_duty(SkDutyWork *work)
{
	int r = claim(work);

	if (r <= 0) {
		if (r < 0)
			sk_log(LOG_WARNING, "duty %s: %s: %s", work->duty->name, strerror(-r),
				sk_db_message(work->db));
		return;
	}
	r = work->duty->run(work);
	if (r == -ECANCELED) {
		(void)end_early(work);
		return;
	}
	if (r == 0) {
		if (work->failures > 0)
			sk_log(LOG_NOTICE, "duty %s goes well again", work->duty->name);
		(void)end_good(work);
		return;
	}
	if (!work->error[0])
		sk_str_copy(work->error, sizeof(work->error), strerror(r < 0 ? -r : EPROTO));
	if (work->failures == 0)
		sk_log(LOG_WARNING, "duty %s: %s (%s)", work->duty->name, work->error,
			sk_db_message(work->db));
	(void)end_bad(work);
}

/* ---- the lanes ---- */

/* What the table says of a duty; a row that is not there yet is due. */
typedef struct Standing {
	int64_t held_until, last_done, failures;
} Standing;

static int look(SkDb *db, const char *name, Standing *ret_standing)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "SELECT held_until, last_done, failures FROM duties WHERE name = $1",
		SK_DB_ARGS(sk_db_text(name)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	*ret_standing =
		r == 0 ? (Standing){0}
		       : (Standing){sk_db_get_int(rows, 0), sk_db_get_int(rows, 1), sk_db_get_int(rows, 2)};
	return 0;
}

static void look_at_all(Lane *lane, SkDb *db)
{
	SkDuties *duties = lane->duties;

	for (const SkDuty *duty = duties->list; duty->name && !atomic_load(&duties->stopping); duty++) {
		SkDutyWork work = {.duties = duties, .duty = duty, .db = db};
		int64_t now = sk_time_now();
		Standing standing;

		if (duty->lane != lane->lane || look(db, duty->name, &standing) < 0)
			continue;
		work.failures = standing.failures;
		/* Only a look: what counts is the claim, which also sees clocks that were put back. */
		if (standing.held_until > now && standing.held_until < now + 2 * LAST_RETRY_MS)
			continue;
		if (standing.last_done <= now - duty->period_ms || standing.last_done > now)
			do_duty(&work);
	}
}

static void wait_a_little(SkDuties *duties)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_SEC;
	pthread_mutex_lock(&duties->mutex);
	if (!atomic_load(&duties->stopping))
		pthread_cond_timedwait(&duties->changed, &duties->mutex, &until);
	pthread_mutex_unlock(&duties->mutex);
}

static void *run_lane(void *userdata)
{
	Lane *lane = userdata;
	SkDuties *duties = lane->duties;
	own_db SkDb *db = NULL;

	while (!atomic_load(&duties->stopping)) {
		if (db || sk_db_open(duties->host.database, &db) == 0)
			look_at_all(lane, db);
		wait_a_little(duties);
	}
	return NULL;
}

static bool has_duties(const SkDuty *list, SkDutyLane lane)
{
	for (; list->name; list++)
		if (list->lane == lane)
			return true;
	return false;
}

int sk_duties_new(const SkDutyHost *host, const SkDuty *list, SkDuties **ret_duties)
{
	SkDuties *duties = calloc(1, sizeof(*duties));
	pthread_condattr_t attributes;

	if (!duties)
		return -ENOMEM;
	duties->host = *host;
	duties->list = list;
	pthread_mutex_init(&duties->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&duties->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	for (SkDutyLane i = 0; i < SK_DUTY_LANES; i++) {
		Lane *lane = &duties->lanes[i];
		int r;

		if (!has_duties(list, i))
			continue;
		*lane = (Lane){.duties = duties, .lane = i};
		r = pthread_create(&lane->thread, NULL, run_lane, lane);
		if (r != 0) {
			sk_duties_free(duties);
			return -r;
		}
		lane->started = true;
	}
	*ret_duties = duties;
	return 0;
}

void sk_duties_free(SkDuties *duties)
{
	if (!duties)
		return;
	pthread_mutex_lock(&duties->mutex);
	atomic_store(&duties->stopping, true);
	pthread_cond_broadcast(&duties->changed);
	pthread_mutex_unlock(&duties->mutex);
	for (SkDutyLane i = 0; i < SK_DUTY_LANES; i++)
		if (duties->lanes[i].started)
			pthread_join(duties->lanes[i].thread, NULL);
	pthread_cond_destroy(&duties->changed);
	pthread_mutex_destroy(&duties->mutex);
	free(duties);
}
