/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The parser: recursive descent over one line at a time. Private to this folder.
 *
 * Functions return false after they reported what is wrong (or set no_memory); nobody reports twice.
 */
#include "policy/rule.h"

typedef struct SkParser {
	SkArena *arena;
	const SkPolicyReport *report;
	const char *name;	      /* of the file, for messages */
	const char *start, *at, *end; /* the line without its line feed; lives as long as the arena */
	uint32_t line;
	uint32_t column_offset; /* a query inside a condition starts later in the line */
	bool query;		/* only what the device itself tells may be asked */
	bool no_memory;
	unsigned n_errors;

	/* The rule being parsed. */
	SkConstraint constraints[SK_CONSTRAINT_COUNT_];
	uint32_t n_constraints;
	uint32_t seen; /* bits of attributes that may stand only once */
	bool has_effects;
	SkEffects effects;

	/* The values of all its sets; a constraint holds the offset of its own until the rule is complete. */
	char *scratch;
	size_t scratch_used, scratch_size;
	size_t set_begin; /* of the set being parsed */
} SkParser;

void sk_parser_free(SkParser *parser);

/* Reports an error at this byte of the line. Return: false. */
__attribute__((cold, format(printf, 3, 4))) bool sk_parse_fail(
	SkParser *parser, const char *at, const char *format, ...);
bool sk_parse_no_memory(SkParser *parser);
uint32_t sk_parse_column(const SkParser *parser, const char *at);

/* Reports "expected WANTED, not what stands there". Return: false. */
__attribute__((cold)) bool sk_parse_expected(SkParser *parser, const char *at, const char *wanted);

/* Skips blanks and tabs. Return: how many. */
size_t sk_parse_blanks(SkParser *parser);
bool sk_parse_is_blank(char c);

/* The run of letters and dashes at the cursor, not consumed. Return: its length. */
size_t sk_parse_word(const SkParser *parser);

/* Keeps a value of the set being parsed. */
bool sk_parse_keep(SkParser *parser, const void *item, size_t size);

/* parse_value.c: one value of each kind, kept in the set. */
typedef bool (*SkValueParser)(SkParser *parser);
bool sk_parse_string(SkParser *parser, SkPolicyText *ret_text);
bool sk_parse_string_value(SkParser *parser);
bool sk_parse_id_value(SkParser *parser);
bool sk_parse_interface_value(SkParser *parser);
bool sk_parse_looks_like_id(const SkParser *parser);

/*
 * A value, or an optional operator and a set of values in braces. *ret_op is SK_SET_COUNT_ where no operator
 * is written. The values are in parser->scratch from set_begin on.
 */
bool sk_parse_set(SkParser *parser, SkValueParser value, SkSetOperator *ret_op, uint32_t *ret_count);

/* Adds the set just parsed as a constraint. Return: true. */
bool sk_parse_add(SkParser *parser, SkConstraint constraint);
/* Takes the set just parsed out of the scratch, for what is no constraint. Return: NULL without memory. */
void *sk_parse_take_set(SkParser *parser);

/* parse_condition.c */
bool sk_parse_condition_value(SkParser *parser);

/* parse_clock.c: the times of USBGuard's conditions (as strptime reads them) and our windows. */
bool sk_clock_parse_localtime(const SkPolicyText *text, SkCondition *ret_condition);
bool sk_clock_parse_duration(const SkPolicyText *text, double *ret_seconds);
bool sk_clock_parse_window(const SkPolicyText *text, SkTimeWindow *ret_window);

/* parse_effect.c, parse_question.c: Sekisho's own attributes. Return: NULL for a word that is none. */
typedef bool (*SkAttributeParser)(SkParser *parser);
SkAttributeParser sk_parse_find_extra(const char *word, size_t size);
SkAttributeParser sk_parse_find_question(const char *word, size_t size);
/* One of these words; an empty one among them cannot be written. */
bool sk_parse_word_of(SkParser *parser, const char *const *names, size_t n, int *ret_index);
/* A set of words whose parser keeps each as one bit of 32. */
bool sk_parse_bits(SkParser *parser, SkValueParser value, SkSetOperator *ret_op, uint32_t *ret_bits);
/* Text that people will read: UTF-8 without 0 bytes, of 1 to max bytes. */
bool sk_parse_readable(SkParser *parser, size_t max, const char **ret_string);
bool sk_parse_rule_id(SkParser *parser);

/* parse_rule.c: attributes up to the end of the line; then the rule is complete but for target and file. */
bool sk_parse_attributes(SkParser *parser, SkRule *rule);
/* The text at the cursor begins with a target. Return: false when it does not. */
bool sk_parse_target(SkParser *parser, SkPolicyTarget *ret_target);
bool sk_parse_rule(SkParser *parser, SkRule *ret_rule);

/* encoding.c: reports text that is not UTF-8. Return: 0, or -EINVAL for what cannot be meant. */
int sk_policy_check_encoding(const SkPolicyReport *report, const char *name, const char *text, size_t size);
