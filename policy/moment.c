/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What depends on when it is asked. Each answer also says for how long it holds, so that the end of a time
 * can take effect on a plugged device without asking every second.
 */
#include "policy/rule.h"

#define DAY 86400u
#define WEEK (7 * DAY)

static void lower(uint32_t *value, uint32_t candidate)
{
	if (candidate < *value)
		*value = candidate;
}

/* Seconds from now until this second of the week, 1 .. WEEK. */
static uint32_t until(uint32_t now, uint32_t moment)
{
	uint32_t distance = (moment % WEEK + WEEK - now) % WEEK;

	return distance ? distance : WEEK;
}

bool sk_windows_contain(const SkConstraint *windows, const SkPolicyTime *now, uint32_t *valid_for_sec)
{
	uint32_t second = now->weekday % 7 * DAY + now->day_second % DAY;
	bool inside = false;

	for (uint32_t i = 0; i < windows->count; i++) {
		const SkTimeWindow *window = &windows->windows[i];
		uint32_t length = (window->end + DAY - window->begin) % DAY;

		/* 00:00-24:00 is the only window of a whole day */
		length = length ? length : DAY;
		for (uint32_t day = 0; day < 7; day++) {
			uint32_t begin = day * DAY + window->begin;

			if (!(window->days & 1u << day))
				continue;
			inside |= (second + WEEK - begin) % WEEK < length;
			lower(valid_for_sec, until(second, begin));
			lower(valid_for_sec, until(second, begin + length));
		}
	}
	return inside == (windows->op == SK_SET_ONE_OF);
}

static bool localtime_holds(const SkCondition *condition, const SkPolicyTime *now, uint32_t *valid_for_sec)
{
	uint32_t second = now->day_second % DAY;
	uint32_t to_begin = (condition->begin + DAY - second) % DAY;
	uint32_t to_end = (condition->end + 1 + DAY - second) % DAY;

	lower(valid_for_sec, to_begin ? to_begin : DAY);
	lower(valid_for_sec, to_end ? to_end : DAY);
	return second >= condition->begin && second <= condition->end;
}

static bool since_holds(const SkCondition *condition, double since, uint32_t *valid_for_sec)
{
	double left = condition->number - since;

	if (since < 0)
		return false;
	if (condition->number <= 0)
		return true;
	if (left >= 0 && left < SK_POLICY_FOREVER - 1.0)
		lower(valid_for_sec, (uint32_t)left + 1);
	return left >= 0;
}

static bool condition_is_true(const SkCondition *condition, SkMatchArguments *arguments)
{
	const SkPolicyCallbacks *calls = &arguments->context->callbacks;

	switch (condition->kind) {
	case SK_CONDITION_TRUE:
		return true;
	case SK_CONDITION_FALSE:
		return false;
	case SK_CONDITION_LOCALTIME:
		return localtime_holds(condition, &arguments->context->now, &arguments->valid_for_sec);
	case SK_CONDITION_ALLOWED_MATCHES:
		return calls->allowed_matches && calls->allowed_matches(calls->data, &condition->query);
	case SK_CONDITION_RULE_APPLIED:
		return calls->since_applied &&
		       since_holds(condition, calls->since_applied(calls->data, arguments->rule_number),
			       &arguments->valid_for_sec);
	case SK_CONDITION_RULE_EVALUATED:
		return calls->since_evaluated &&
		       since_holds(condition, calls->since_evaluated(calls->data, arguments->rule_number),
			       &arguments->valid_for_sec);
	case SK_CONDITION_RANDOM:
		return calls->random && calls->random(calls->data) < condition->number;
	}
	return false;
}

bool sk_condition_holds(const SkCondition *condition, SkMatchArguments *arguments)
{
	return condition_is_true(condition, arguments) != condition->negated;
}
