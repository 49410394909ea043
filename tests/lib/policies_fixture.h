/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Policies, terminals that have them, and records of what these decided, for tests of their rules. */
#include "tests/lib/rules_fixture.h"

#include "console/rules/policies.h"

#define DAY (24 * HOUR)

/* Of the last check. */
extern SkPolicyReview policies_review;

/* A decision that a terminal recorded. extra: more of what it was asked with; "none": nothing of that. */
typedef struct Plug {
	const char *terminal, *hash, *id, *rule, *target, *would, *extra;
	int64_t at;
} Plug;

/* As a version has them: 20-clinic.rules, and sekisho.conf when settings is not NULL. */
json_t *files(const char *rules, const char *settings);

/* Calls of the rules, for Step. */
int run_create(Step *s);
int run_draft(Step *s);
int run_check(Step *s);
int run_publish(Step *s);
int run_group(Step *s);
int run_assign(Step *s);
int run_told(Step *s);

/* As the security officer, with an id and a text, or with files that are taken over. */
int call(Fixture *f, int (*run)(Step *s), const char *id, const char *text, char made[SK_ID_SIZE]);
int with_files(Fixture *f, int (*run)(Step *s), const char *id, json_t *fields, char made[SK_ID_SIZE]);

/* A version that groups may have; a terminal in contact. */
void publish(Fixture *f, const char *policy, const char *rules, char version[SK_ID_SIZE]);
void add_terminal(Fixture *f, const char *group, char id[SK_ID_SIZE]);

/* What the terminal is given now, and its word about it. */
json_t *document(Fixture *f, const char *terminal);
json_int_t number(const json_t *object, const char *name);
void tell(Fixture *f, const char *terminal, const char *outcome, const char *detail);
void plug(Fixture *f, const Plug *plug);
