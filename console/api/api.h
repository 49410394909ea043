/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The contract as data. tools/make-api makes these tables of openapi.yaml and its pieces; the server routes,
 * authorises and checks by them, and sekisho-admin takes its commands from them. Nothing here changes at run
 * time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason/reason.h"

typedef enum SkApiType {
	SK_API_ANY, /* any JSON, of bounded depth */
	SK_API_OBJECT,
	SK_API_ARRAY,
	SK_API_STRING,
	SK_API_INTEGER,
	SK_API_BOOLEAN,
} SkApiType;

typedef enum SkApiFormat {
	SK_API_PLAIN,	  /* no control characters but blanks and line ends */
	SK_API_TEXT,	  /* for people: one line, nothing invisible, no blank at the ends */
	SK_API_LINES,	  /* for people: several lines */
	SK_API_DATE_TIME, /* RFC 3339 with an offset */
	SK_API_DATE,
	SK_API_ID,
	SK_API_URI,
	SK_API_EMAIL,
	SK_API_BASE64,	  /* RFC 4648, padded */
	SK_API_BASE64URL, /* for addresses, without padding */
	SK_API_BASE32,	  /* RFC 4648, without padding */
	SK_API_HEX,	  /* small letters, whole bytes */
	SK_API_SHA256,	  /* 64 of SK_API_HEX */
	SK_API_LOGIN,	  /* letters, digits, . _ - @ */
	SK_API_PASSWORD,  /* anything but control characters */
	SK_API_DIGITS,
	SK_API_CURSOR, /* of a page: letters, digits, . _ - : */
	SK_API_CODE,   /* SK-5001 */
	SK_API_WORD,   /* letters, digits, - */
} SkApiFormat;

typedef struct SkApiNode SkApiNode;

typedef struct SkApiField {
	const char *name;
	const SkApiNode *node;
	bool required;
	const char *help; /* one line, or "" */
} SkApiField;

struct SkApiNode {
	SkApiType type;
	bool nullable;
	SkApiFormat format;	  /* of strings */
	const char *const *words; /* of strings: the only ones, ended by NULL; or NULL */
	int64_t min, max;	  /* value of integers, characters of strings, number of items */
	const char *fallback;	  /* of parameters: what stands for a missing one; or NULL */
	const SkApiNode *items;
	const SkApiField *fields;
	size_t n_fields;
};

typedef enum SkApiMethod {
	SK_API_GET,
	SK_API_HEAD,
	SK_API_POST,
	SK_API_PUT,
	SK_API_PATCH,
	SK_API_DELETE,
	SK_API_METHOD_MAX,
} SkApiMethod;

typedef enum SkApiAudience { SK_API_PUBLIC, SK_API_PEOPLE, SK_API_AGENT } SkApiAudience;

typedef enum SkApiScopeKind { SK_API_SCOPE_NONE, SK_API_SCOPE_FACILITY, SK_API_SCOPE_ROW } SkApiScopeKind;

/* Roles of people, as bits. */
enum {
	SK_ROLE_STAFF = 1 << 0,
	SK_ROLE_APPROVER = 1 << 1,
	SK_ROLE_SECURITY_OFFICER = 1 << 2,
	SK_ROLE_AUDITOR = 1 << 3,
	SK_ROLE_ADMINISTRATOR = 1 << 4,
};

/* type NULL: no body; node NULL with a type: bytes. */
typedef struct SkApiAnswer {
	unsigned status;
	const char *type;
	const SkApiNode *node;
} SkApiAnswer;

typedef struct SkApiOperation {
	const char *id; /* "person.create" */
	const char *summary;
	SkApiMethod method;
	const char *path;
	const char *const *segments; /* without the slashes; a parameter is "{name}" */
	size_t n_segments;
	const SkApiField *path_fields;
	size_t n_path_fields;
	SkApiAudience audience;
	bool half;	/* also before the second factor, and with a password that has to be changed */
	uint32_t roles; /* 0: everybody of the audience */
	SkApiScopeKind scope;
	bool fresh;
	bool everywhere; /* one of the roles has to be held for every facility */
	const SkApiField *query;
	size_t n_query;
	const char *body_type; /* NULL: none */
	const SkApiNode *body; /* NULL with a body_type: bytes */
	size_t max_body;
	const SkApiAnswer *answers;
	size_t n_answers;
	const SkReason *errors; /* in order, ended by SK_REASON_NONE */
} SkApiOperation;

extern const SkApiOperation sk_api_operations[];
extern const size_t sk_api_operations_size;

/* The status of each refusal, in order of code. */
typedef struct SkApiProblem {
	SkReason code;
	unsigned status;
} SkApiProblem;

extern const SkApiProblem sk_api_problems[];
extern const size_t sk_api_problems_size;
extern const SkApiNode *const sk_api_problem_node;

/* 500 for a code that the contract does not know. */
unsigned sk_api_status(SkReason code);

/* "GET"; NULL: not one of ours. */
const char *sk_api_method_name(SkApiMethod method);

/* Return: the bit of a role by its name ("security-officer"), or 0. And back. */
uint32_t sk_api_role_bit(const char *name);
const char *sk_api_role_name(uint32_t bit);
