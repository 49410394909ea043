/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Prepared statements of one connection by their text, the least recently used thrown out. The texts are
 * constants of this program and a few that store/table.c composes of them, so the limit is hardly ever met.
 */
#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

#define SK_STATEMENTS_MAX 256

typedef struct SkStatement {
	UT_hash_handle hh;
	char *sql;
	void *prepared;	      /* the engine's */
	unsigned long number; /* unique in this cache, for engines that name their statements */
	bool busy;	      /* rows of it are being read */
} SkStatement;

typedef struct SkStatements {
	SkStatement *by_sql;
	unsigned long last_number;
	void (*free_prepared)(void *userdata, SkStatement *statement);
	void *userdata;
} SkStatements;

/* NULL: none, or it is busy. What is found becomes the most recently used. */
SkStatement *sk_statements_find(SkStatements *statements, const char *sql);

/*
 * A statement without the engine's part yet, which the caller fills in, or NULL without memory. When one of
 * this text is there already (busy) or all are busy, the new one is not in the cache: release gives it back.
 */
SkStatement *sk_statements_add(SkStatements *statements, const char *sql);

/* The statement is not read any more. */
void sk_statements_release(SkStatements *statements, SkStatement *statement);

/* It could not be prepared, or is of no use any more. */
void sk_statements_drop(SkStatements *statements, SkStatement *statement);
void sk_statements_clear(SkStatements *statements);
