/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/rule.h"

/* Comparing every rule with every other is quadratic; general rules are few, so this many pairs are plenty.
 */
#define PAIRS_MAX (20u << 20)
/* Only a rule that asks little can cover another in a way worth looking for. */
#define GENERAL_CONSTRAINTS_MAX 2

typedef struct Lint {
	const SkPolicySnapshot *snapshot;
	const SkPolicyContext *context;
	const SkPolicyReport *report;
} Lint;

#define WARN(lint, rule, at, ...)                                                                            \
	sk_policy_report((lint)->report,                                                                     \
		&(SkPlace){SK_POLICY_WARNING, (rule)->file->name, (rule)->line, (at)}, __VA_ARGS__)

static bool has_capital(const SkPolicyText *id)
{
	for (size_t i = 0; i < id->size; i++)
		if (id->data[i] >= 'A' && id->data[i] <= 'F')
			return true;
	return false;
}

static void lint_id(const Lint *lint, const SkRule *rule, const SkConstraint *constraint)
{
	for (uint32_t i = 0; i < constraint->count; i++) {
		const SkPolicyText *id = &constraint->texts[i];

		if (has_capital(id))
			WARN(lint, rule, constraint->column,
				N_("%.*s never matches: ids are compared letter by letter and devices have "
				   "small ones"),
				(int)id->size, id->data);
		if (constraint->op == SK_SET_MATCH_ALL && memchr(id->data, '*', id->size))
			WARN(lint, rule, constraint->column, N_("'*' means nothing inside match-all"));
	}
}

/* A device has one name, one serial number and so on. */
static void lint_single(const Lint *lint, const SkRule *rule, const SkConstraint *constraint)
{
	const char *name = sk_constraint_names[constraint->kind];
	bool all = constraint->op == SK_SET_EQUALS || constraint->op == SK_SET_EQUALS_ORDERED ||
		   constraint->op == SK_SET_ALL_OF;

	if (all && constraint->count > 1 && constraint->kind != SK_POLICY_ID)
		WARN(lint, rule, constraint->column,
			N_("never matches: a device has one %s; write %s one-of { ... }"), name, name);
	if (constraint->op == SK_SET_MATCH_ALL && constraint->kind != SK_POLICY_ID)
		WARN(lint, rule, constraint->column,
			N_("%s match-all { ... } matches every device, as in USBGuard; write %s one-of { ... "
			   "}"),
			name, name);
}

static void lint_conditions(const Lint *lint, const SkRule *rule, const SkConstraint *constraint)
{
	for (uint32_t i = 0; i < constraint->count; i++) {
		const SkCondition *condition = &constraint->conditions[i];

		if (condition->quirk_seconds)
			WARN(lint, rule, constraint->column,
				N_("localtime with seconds is misread as in USBGuard: it means "
				   "%02u:%02u:%02u-%02u:%02u:%02u; "
				   "write HH:MM"),
				condition->begin / 3600, condition->begin / 60 % 60, condition->begin % 60,
				condition->end / 3600, condition->end / 60 % 60, condition->end % 60);
		if (condition->kind == SK_CONDITION_RANDOM)
			WARN(lint, rule, constraint->column, N_("this rule decides by chance"));
	}
}

static void lint_rule(const Lint *lint, const SkRule *rule)
{
	for (uint32_t i = 0; i < rule->n_constraints; i++) {
		const SkConstraint *constraint = &rule->constraints[i];

		if (constraint->kind == SK_POLICY_ID)
			lint_id(lint, rule, constraint);
		if (constraint->kind < SK_POLICY_ATTRIBUTE_COUNT_)
			lint_single(lint, rule, constraint);
		if (constraint->kind == SK_CONSTRAINT_CONDITIONS)
			lint_conditions(lint, rule, constraint);
	}
	if (rule->target >= SK_POLICY_MATCH)
		WARN(lint, rule, 1, N_("'%s' allows nothing: what it matches is blocked"),
			sk_policy_target_name(rule->target));
	if (rule->target == SK_POLICY_ALLOW && !rule->n_constraints &&
		!(rule->effects && rule->effects->grants))
		WARN(lint, rule, 1, N_("allows every device"));
}

static void warn_covered(const Lint *lint, const SkRule *rule, const SkRule *by)
{
	char file[SK_QUOTE_SIZE];

	WARN(lint, rule, 1, N_("never decides: rule %s (%s:%u) takes all it could match"), by->id,
		sk_policy_quote(file, by->file->name, strlen(by->file->name)), by->line);
}

/* The same question asked twice is found by sorting; a wider question asked before, by comparing. */
static const SkRule *find_cover(const Lint *lint, size_t number, const size_t *general, size_t n_general)
{
	const SkRule *rules = lint->snapshot->rules;

	for (size_t i = 0; i < n_general; i++)
		if (general[i] < number && sk_rule_covers(&rules[general[i]], &rules[number]))
			return &rules[general[i]];
	return NULL;
}

typedef struct Digest {
	uint64_t digest;
	size_t rule;
} Digest;

static int compare_digests(const void *left, const void *right)
{
	const Digest *a = left, *b = right;

	if (a->digest != b->digest)
		return a->digest < b->digest ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool asks_condition(const SkRule *rule)
{
	for (uint32_t i = 0; i < rule->n_constraints; i++)
		if (rule->constraints[i].kind == SK_CONSTRAINT_CONDITIONS)
			return true;
	return false;
}

/* covers[i]: number of the rule because of which rule i never decides, else i. */
static void find_repeats(const SkPolicySnapshot *snapshot, Digest *digests, size_t *covers)
{
	for (size_t i = 0; i < snapshot->n_rules; i++)
		digests[i] = (Digest){sk_rule_digest(&snapshot->rules[i]), i};
	qsort(digests, snapshot->n_rules, sizeof(*digests), compare_digests);
	for (size_t i = 0; i < snapshot->n_rules; i++) {
		size_t first = i && digests[i].digest == digests[i - 1].digest ? covers[digests[i - 1].rule]
									       : digests[i].rule;
		const SkRule *rule = &snapshot->rules[digests[i].rule];

		covers[digests[i].rule] = digests[i].rule;
		if (!asks_condition(rule) && sk_rule_same_question(&snapshot->rules[first], rule))
			covers[digests[i].rule] = first;
	}
}

static void lint_unreachable(const Lint *lint)
{
	const SkPolicySnapshot *snapshot = lint->snapshot;
	own_free Digest *digests = calloc(snapshot->n_rules + 1, sizeof(*digests));
	own_free size_t *covers = calloc(snapshot->n_rules + 1, sizeof(*covers));
	own_free size_t *general = calloc(snapshot->n_rules + 1, sizeof(*general));
	size_t n_general = 0;

	if (!digests || !covers || !general)
		return;
	find_repeats(snapshot, digests, covers);
	for (size_t i = 0; i < snapshot->n_rules; i++) {
		const SkRule *rule = &snapshot->rules[i], *by;

		by = covers[i] != i ? &snapshot->rules[covers[i]] : find_cover(lint, i, general, n_general);
		if (by)
			warn_covered(lint, rule, by);
		else if (rule->n_constraints <= GENERAL_CONSTRAINTS_MAX && !asks_condition(rule) &&
			 n_general < PAIRS_MAX / (snapshot->n_rules + 1) + 1)
			general[n_general++] = i;
	}
}

/* The plainest devices of each kind that people need to work. */
static const struct {
	const char *name;
	size_t n;
	SkPolicyInterface interfaces[2];
} ordinary[] = {
	{N_("USB keyboard"), 1, {{3, 1, 1, 0}}},
	{N_("USB keyboard with extra keys"), 2, {{3, 1, 1, 0}, {3, 0, 0, 0}}},
	{N_("USB mouse"), 1, {{3, 1, 2, 0}}},
	{N_("USB hub"), 1, {{9, 0, 0, 0}}},
};

static void evaluate_ordinary(const Lint *lint, size_t i, SkPolicyVerdict *ret_verdict)
{
	SkPolicyDevice device = {.bus = SK_POLICY_BUS_USB};

	sk_policy_device_set(&device, SK_POLICY_ID, "ffff:ffff");
	sk_policy_device_set(&device, SK_POLICY_SERIAL, "");
	sk_policy_device_set(&device, SK_POLICY_NAME, ordinary[i].name);
	device.interfaces = ordinary[i].interfaces;
	device.n_interfaces = ordinary[i].n;
	sk_policy_evaluate(lint->snapshot, &device, lint->context, ret_verdict);
}

/* One warning for each rule that refuses some of them, all of these named in it. */
static void lint_input(const Lint *lint)
{
	SkPolicyVerdict verdicts[SK_ARRAY_SIZE(ordinary)];
	bool told[SK_ARRAY_SIZE(ordinary)] = {false};

	for (size_t i = 0; i < SK_ARRAY_SIZE(ordinary); i++) {
		evaluate_ordinary(lint, i, &verdicts[i]);
		told[i] = sk_policy_verdict_grants(&verdicts[i], &ordinary[i].interfaces[0]);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(ordinary); i++) {
		const SkPolicyVerdict *verdict = &verdicts[i];
		char names[320] = "";

		for (size_t k = i; k < SK_ARRAY_SIZE(ordinary) && !told[i]; k++) {
			size_t used = strlen(names);

			if (told[k] || verdicts[k].rule != verdict->rule)
				continue;
			sk_str_format(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				sk_policy_words(lint->report, ordinary[k].name));
			told[k] = k != i;
		}
		if (!told[i])
			sk_policy_report(lint->report,
				&(SkPlace){SK_POLICY_WARNING, verdict->file, verdict->line,
					verdict->line ? 1 : 0},
				N_("refused unless another rule names it: an ordinary %s (%s)"), names,
				verdict->rule == SK_POLICY_NO_RULE
					? sk_policy_words(lint->report, N_("no rule applies"))
					: verdict->id);
	}
}

void sk_policy_lint(
	const SkPolicySnapshot *snapshot, const SkPolicyContext *context, const SkPolicyReport *report)
{
	Lint lint = {snapshot, context, report};

	for (size_t i = 0; i < snapshot->n_rules; i++)
		lint_rule(&lint, &snapshot->rules[i]);
	lint_unreachable(&lint);
	lint_input(&lint);
}

typedef enum InputKind {
	INPUT_KEYBOARD,
	INPUT_POINTER,
	INPUT_KINDS_,
} InputKind;

static const SkPolicyInterface *find_input(const SkPolicyDevice *device, InputKind kind)
{
	for (size_t i = 0; i < device->n_interfaces; i++)
		if (device->interfaces[i].base_class == 3 &&
			device->interfaces[i].protocol == 1 + (uint8_t)kind)
			return &device->interfaces[i];
	return NULL;
}

int sk_policy_check_input(const SkPolicySnapshot *snapshot, const SkPolicyDevice *const *devices,
	size_t n_devices, const SkPolicyContext *context, const SkPolicyReport *report)
{
	static const char *const names[] = {N_("keyboard"), N_("pointing device")};
	int r = 0;

	for (InputKind kind = INPUT_KEYBOARD; kind < INPUT_KINDS_; kind++) {
		SkPolicyVerdict verdict, refused = {0};
		bool left = false, any = false;

		for (size_t i = 0; i < n_devices; i++) {
			const SkPolicyInterface *input = find_input(devices[i], kind);

			if (!input)
				continue;
			sk_policy_evaluate(snapshot, devices[i], context, &verdict);
			left |= sk_policy_verdict_grants(&verdict, input);
			refused = any ? refused : verdict;
			any = true;
		}
		if (left || !any)
			continue;
		sk_policy_report(report,
			&(SkPlace){SK_POLICY_ERROR, refused.file, refused.line, refused.line ? 1 : 0},
			N_("this policy would cut off every USB %s of this PC (%s); allow one of them first"),
			sk_policy_words(report, names[kind]),
			refused.rule == SK_POLICY_NO_RULE
				? sk_policy_words(report, N_("no rule applies to it"))
				: refused.id);
		r = -EPERM;
	}
	return r;
}
