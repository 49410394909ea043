/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_list.h"

#include "console/rules/expiry.h"

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

static int expire_requests(SkDutyWork *work)
{
	return do_all(work, sk_expire_requests);
}

static int expire_grants(SkDutyWork *work)
{
	return do_all(work, sk_expire_grants);
}

static int expire_codes(SkDutyWork *work)
{
	return do_all(work, sk_expire_codes);
}

static int expire_traces(SkDutyWork *work)
{
	return do_all(work, sk_expire_traces);
}

/* clang-format off */
const SkDuty sk_duty_list[] = {
	{"requests-expire", SK_DUTY_RULES, MINUTE, MINUTE, expire_requests},
	{"grants-end", SK_DUTY_RULES, 30 * SECOND, MINUTE, expire_grants},
	{"codes-end", SK_DUTY_RULES, MINUTE, MINUTE, expire_codes},
	{"traces-clean", SK_DUTY_RULES, 10 * MINUTE, 5 * MINUTE, expire_traces},
	{NULL},
};
/* clang-format on */
