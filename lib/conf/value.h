/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Values of settings: text to number, duration, size, word, set of words, path. The errors are made to be
 * read by whoever wrote the file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SkValueType {
	SK_VALUE_INTEGER,  /* -> uint64_t */
	SK_VALUE_DURATION, /* 90, 90s, 10min or 10m, 2h, 1d -> uint64_t seconds */
	SK_VALUE_SIZE,	   /* 4096, 64K, 512M, 2G -> uint64_t bytes */
	SK_VALUE_WORD,	   /* one of words -> unsigned */
	SK_VALUE_WORD_SET, /* words with blanks between, or "none" -> uint32_t bits */
	SK_VALUE_PATH,	   /* absolute, without . and .. -> char * */
	SK_VALUE_PROXY,	   /* http://HOST:PORT and the like, or "none" ("") -> char * */
	SK_VALUE_TEXT,	   /* one line, or "none" ("") -> char * */
	SK_VALUE_HOURS,	   /* "Mon-Fri 07:00-20:00", or "any" (hours.h) -> char *, as it was written */
} SkValueType;

typedef struct SkWord {
	const char *name; /* NULL ends a list */
	uint32_t value;
} SkWord;

typedef struct SkValueRule {
	SkValueType type;
	uint64_t min; /* of integer, duration and size */
	uint64_t max;
	const SkWord *words;
} SkValueRule;

typedef union SkValue {
	uint64_t number; /* all but paths, proxies and texts */
	char *path;	 /* or proxy or text; owned by whoever asked */
} SkValue;

#define SK_VALUE_MAX 1024

/*
 * text: terminated, no blanks around it. On -EINVAL error holds words (terminated, cut when it is too small)
 * and *ret_offset the byte of text that they are about. Return: 0, -EINVAL, -ENOMEM.
 */
typedef struct SkValueError {
	char text[512];
	size_t offset;
} SkValueError;

int sk_value_parse(const SkValueRule *rule, const char *text, SkValue *ret_value, SkValueError *ret_error);

/* Is its value a text that the struct of the settings owns? */
static inline bool sk_value_is_owned(SkValueType type)
{
	return type == SK_VALUE_PATH || type == SK_VALUE_PROXY || type == SK_VALUE_TEXT ||
	       type == SK_VALUE_HOURS;
}

/* The nearest of the names to a mistyped one, or NULL when none is near. */
const char *sk_name_nearest(const char *name, const char *const *names, size_t count);
