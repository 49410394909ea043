/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A console with two clinics and their people, on SQLite and on a PostgreSQL of the test's own, and calls of
 * its rules, each in a transaction of its own.
 */
#include "tests/unit/unit.h"

#include <jansson.h>

#include "console/rules/actor.h"
#include "console/rules/ledger.h"

#define CLINIC "01J0000000000000000FAC1TYA"
#define OTHER "01J0000000000000000FAC1TYB"
#define INSTANCE "01J00000000000000000000NST"
#define ASKER "01J00000000000000000000ASK" /* an approver, too: but never of their own */
#define BOSS "01J0000000000000000000B0SS"
#define DEPUTY "01J00000000000000000DEPVTY"
#define OFFICER "01J0000000000000000FF1CER0"
#define HOUR INT64_C(3600000)

typedef struct Fixture {
	char directory[64];
	SkDb *db;
	SkChain *chain;
	SkScope scope; /* of CLINIC */
	int64_t now;
} Fixture;

extern const SkScope rules_other_scope; /* of OTHER */

/* Of each test. */
int rules_setup(void **state);
int rules_teardown(void **state);

/* Runs the group on SQLite and, where there is one, on PostgreSQL. Return: what main() returns. */
int rules_run(int (*group)(void));

/* Of its database, for sk_db_open(). */
void rules_url(const Fixture *f, char *ret_url, size_t size);

/* Ends the program when r is not 0. */
void must(const Fixture *f, int r);
void exec(const Fixture *f, const char *sql, const SkDbValue *args, size_t n);
int64_t count(Fixture *f, const char *sql, const char *arg);
void check_field(Fixture *f, const SkTable *table, const char *id, const char *field, const char *wanted);

/* One call of a rule: what it gets and what it gave. */
typedef struct Step {
	Fixture *f;
	SkActor actor; /* a test sets second and fresh */
	int (*run)(struct Step *step);
	const char *id, *text;
	json_t *fields, *result;
	int64_t version;
	int action;
	bool flag, done;
	const SkScope *scope; /* NULL: of CLINIC */
	char made[SK_ID_SIZE];
} Step;

/* Runs it as that person (NULL: the console). Return: what the transaction returned. */
int as(Fixture *f, const char *person, Step *step);

int run_register(Step *s);
int run_medium(Step *s);

void register_medium(Fixture *f, const char *number, char ret_id[SK_ID_SIZE]);
int medium_step(Fixture *f, const char *medium, SkMediumAction action, const char *reason);
/* As an agent prepares it, which is another part's work. */
void prepare(Fixture *f, const char *medium);
