/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * JSON against a node of the contract. All that is wrong is told, up to a limit, each with its place as a
 * JSON pointer (RFC 6901). Pure.
 */
#include <jansson.h>

#include "console/api/api.h"

#define SK_VALIDATE_MAX 32
#define SK_VALIDATE_POINTER_SIZE 256
#define SK_VALIDATE_DETAIL_SIZE 200
#define SK_VALIDATE_DEPTH_MAX 32

typedef struct SkFault {
	char pointer[SK_VALIDATE_POINTER_SIZE]; /* cut with … when the names in it are long */
	char detail[SK_VALIDATE_DETAIL_SIZE];	/* English, for programmers */
} SkFault;

typedef struct SkFaults {
	SkFault items[SK_VALIDATE_MAX];
	size_t count;
} SkFaults;

/* Return: true when it fits. What does not is added to faults. */
bool sk_validate(const SkApiNode *node, const json_t *value, SkFaults *faults);

/*
 * Takes away the members of objects that the contract does not know, at any depth: what a later agent says
 * beside what is known is passed over (lib/enrol/level.h).
 */
void sk_prune(const SkApiNode *node, json_t *value);

/* One more fault; beyond the limit it is left out. The text is foreign: it is escaped. */
void sk_faults_add(SkFaults *faults, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* [{"pointer": …, "detail": …}], or NULL without memory. */
json_t *sk_faults_to_json(const SkFaults *faults);
