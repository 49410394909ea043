/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A rule as parsed. Private to this folder: everybody else sees snapshots and verdicts.
 *
 * A rule is a target, what it asks (constraints, all of which must hold), and what follows (effects).
 */
#include "policy/arena.h"
#include "policy/policy.h"

/* USBGuard's names; `equals` is what a value or a set without operator means. */
typedef enum SkSetOperator {
	SK_SET_EQUALS,
	SK_SET_ALL_OF,
	SK_SET_ONE_OF,
	SK_SET_NONE_OF,
	SK_SET_EQUALS_ORDERED,
	SK_SET_MATCH_ALL,
	SK_SET_COUNT_,
} SkSetOperator;

/* The text attributes come first, with the values of SkPolicyAttribute; what needs the context comes last. */
typedef enum SkConstraintKind {
	SK_CONSTRAINT_INTERFACE = SK_POLICY_ATTRIBUTE_COUNT_,
	SK_CONSTRAINT_BUS,
	SK_CONSTRAINT_REGISTERED,
	SK_CONSTRAINT_APPROVED,
	SK_CONSTRAINT_USER,
	SK_CONSTRAINT_GROUP,
	SK_CONSTRAINT_SCREEN_LOCKED,
	SK_CONSTRAINT_CONDITIONS,
	SK_CONSTRAINT_TIME,
	SK_CONSTRAINT_COUNT_,
} SkConstraintKind;

#define SK_CONSTRAINT_FIRST_DYNAMIC SK_CONSTRAINT_REGISTERED

/* [begin, end) in seconds of the day, on the days whose bit is set (bit 0: Sunday); end <= begin runs over
 * midnight. */
typedef struct SkTimeWindow {
	uint8_t days;
	uint32_t begin, end;
} SkTimeWindow;

typedef enum SkConditionKind {
	SK_CONDITION_TRUE,
	SK_CONDITION_FALSE,
	SK_CONDITION_LOCALTIME,
	SK_CONDITION_ALLOWED_MATCHES,
	SK_CONDITION_RULE_APPLIED,
	SK_CONDITION_RULE_EVALUATED,
	SK_CONDITION_RANDOM,
} SkConditionKind;

typedef struct SkRule SkRule;

struct SkPolicyQuery {
	const SkRule *rule;
};

typedef struct SkCondition {
	SkConditionKind kind;
	bool negated;
	bool quirk_seconds;   /* localtime() with seconds, which USBGuard misreads */
	uint32_t begin, end;  /* localtime: first and last second of the day */
	double number;	      /* random: probability; rule-applied, rule-evaluated: seconds, 0 ever */
	SkPolicyQuery query;  /* allowed-matches */
	SkPolicyText written; /* for explain */
} SkCondition;

typedef struct SkConstraint {
	uint8_t kind; /* SkPolicyAttribute or SkConstraintKind */
	uint8_t op;   /* SkSetOperator */
	uint32_t column;
	uint32_t count;
	uint32_t value; /* BUS: bits 1 << SkPolicyBus; yes/no questions: SkPolicyTruth */
	union {
		const SkPolicyText *texts;
		const SkPolicyInterface *interfaces;
		const SkCondition *conditions;
		const SkTimeWindow *windows;
		const void *items;
	};
} SkConstraint;

typedef struct SkEffects {
	const SkPolicyInterface *grants;
	uint32_t n_grants;
	uint32_t allow_types, refuse_types;
	SkPolicyMedia media;
	SkPolicyScan scan;
	SkPolicyImport import;
	const char *id, *message, *message_ja;
} SkEffects;

struct SkRule {
	SkPolicyTarget target;
	uint32_t line;
	uint32_t n_constraints;
	bool dynamic; /* asks for more than the device tells */
	const SkConstraint *constraints;
	const SkEffects *effects; /* NULL: none */
	const char *id;
	const SkPolicyFile *file;
};

struct SkPolicyFile {
	SkArena arena;
	const char *name;      /* as given */
	const char *base_name; /* what the ids of rules begin with */
	bool has_mode;
	SkPolicyMode mode;
	SkRule *rules;
	size_t n_rules, rules_size;
};

struct SkPolicyDescription {
	SkArena arena;
	SkPolicyDevice device;
};

typedef struct SkIndex SkIndex;

struct SkPolicySnapshot {
	SkArena arena;
	SkPolicyFile **files;
	size_t n_files;
	SkRule *rules; /* side by side, all files joined */
	size_t n_rules;
	SkIndex *index;
};

typedef enum SkMatch {
	SK_MATCH_NO,
	SK_MATCH_MAYBE, /* would, if an unknown fact of the medium were as asked */
	SK_MATCH_YES,
} SkMatch;

typedef struct SkMatchArguments {
	const SkPolicyDevice *device;
	const SkPolicyContext *context;
	size_t rule_number;
	uint32_t valid_for_sec; /* lowered when the answer depends on the time */
} SkMatchArguments;

/* match.c. failed (may be NULL): the first constraint that does not hold. */
SkMatch sk_rule_match(const SkRule *rule, SkMatchArguments *arguments, const SkConstraint **ret_failed);
/* Only what the device itself tells; conditions are left out. */
bool sk_rule_match_device(const SkRule *rule, const SkPolicyDevice *device);
bool sk_policy_interface_covers(const SkPolicyInterface *pattern, const SkPolicyInterface *interface);
bool sk_policy_id_covers(const SkPolicyText *pattern, const SkPolicyText *id);

/* moment.c. Both lower *valid_for_sec to the next moment at which the answer can change. */
bool sk_windows_contain(const SkConstraint *windows, const SkPolicyTime *now, uint32_t *valid_for_sec);
bool sk_condition_holds(const SkCondition *condition, SkMatchArguments *arguments);

/* names.c. */
extern const char *const sk_constraint_names[SK_CONSTRAINT_COUNT_];
extern const char *const sk_set_names[SK_SET_COUNT_];
extern const char *const sk_bus_names[SK_POLICY_BUS_COUNT_];
/* Return: index of the word among n names, or -1. */
int sk_name_find(const char *const *names, size_t n, const char *word, size_t size);

/* write.c. Rule language for the constraint, as USBGuard would print it. */
void sk_constraint_write(const SkConstraint *constraint, FILE *out);
void sk_text_write(const SkPolicyText *text, FILE *out);
void sk_interface_write(const SkPolicyInterface *interface, FILE *out);

/* index.c */
SkIndex *sk_index_build(const SkRule *rules, size_t n_rules);
void sk_index_free(SkIndex *index);
/* The rule that decides, or SK_POLICY_NO_RULE. *ret_match: YES or MAYBE; *ret_pending: a rule before it may.
 */
typedef struct SkFound {
	size_t rule;
	SkMatch match;
	bool pending;
	uint32_t valid_for_sec;
} SkFound;
void sk_index_find(const SkIndex *index, const SkPolicyDevice *device, const SkPolicyContext *context,
	SkFound *ret_found);

/* key.c: what rules are found by. */
enum {
	SK_DIMENSION_INTERFACE = SK_POLICY_ATTRIBUTE_COUNT_,
	SK_DIMENSION_COUNT_,
};
#define SK_KEYS_MAX 192
#define SK_KEYS_PER_TEXT_MAX 8

typedef struct SkKeys {
	uint32_t begin[SK_DIMENSION_COUNT_ + 1];
	uint64_t keys[SK_DIMENSION_COUNT_ * SK_KEYS_PER_TEXT_MAX + SK_KEYS_MAX];
} SkKeys;

/* The keys under which a device is looked up, for these dimensions (bits). Return: false: too many of them.
 */
bool sk_keys_of_device(const SkPolicyDevice *device, uint32_t dimensions, SkKeys *ret_keys);

/*
 * A device fits the constraint only if it has one of these keys. Return: how many there are, of which the
 * caller asks for one by number; 0: the constraint cannot be found by a key.
 */
uint32_t sk_constraint_keys(const SkConstraint *constraint);
uint64_t sk_constraint_key(const SkConstraint *constraint, uint32_t number);

/* cover.c */
uint64_t sk_rule_digest(const SkRule *rule);
bool sk_rule_same_question(const SkRule *a, const SkRule *b);
/* Whatever fits b also fits a, so b behind a never decides. May say no although it is so. */
bool sk_rule_covers(const SkRule *a, const SkRule *b);

/* report.c. */
typedef struct SkPlace {
	SkPolicySeverity severity;
	const char *file;
	uint32_t line, column;
} SkPlace;

/* What the arguments bring in from outside must have gone through sk_policy_quote(). */
__attribute__((format(printf, 3, 4))) void sk_policy_report(
	const SkPolicyReport *report, const SkPlace *place, const char *format, ...);

/* Words that are put into such a message, in its language. */
__attribute__((format_arg(2))) const char *sk_policy_words(const SkPolicyReport *report, const char *english);

#define SK_QUOTE_SIZE 96
/* Foreign text made printable and cut to a length for messages. Return: buffer. */
const char *sk_policy_quote(char buffer[SK_QUOTE_SIZE], const char *text, size_t size);
