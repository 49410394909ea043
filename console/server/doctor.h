/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What `doctor` finds: one finding for each thing that it looks at, good or not. Looking changes nothing, and
 * goes on beside a console that serves.
 */
#include <jansson.h>

#include "console/db/db.h"
#include "console/server/command.h"

typedef enum SkHealth { SK_HEALTH_GOOD, SK_HEALTH_WARNING, SK_HEALTH_WRONG } SkHealth;

typedef struct SkDoctor {
	const ConsoleSetup *setup;
	SkDb *db;	  /* NULL: it does not answer, or its schema is another one */
	json_t *findings; /* NULL: they are printed as they come */
	unsigned wrong;
} SkDoctor;

typedef struct SkFinding {
	const char *name; /* stable: "database.schema" */
	SkHealth health;
	const char *what;   /* translated: what should be so */
	const char *advice; /* translated: of what is not good; NULL: none */
} SkFinding;

/* detail: a format of printf(), translated; what was seen. */
__attribute__((format(printf, 3, 4))) void sk_doctor_tell(
	SkDoctor *doctor, SkFinding finding, const char *detail, ...);

static inline SkHealth sk_health_of(bool good)
{
	return good ? SK_HEALTH_GOOD : SK_HEALTH_WRONG;
}

/* Less than wrong is wrong, less than early a warning. */
static inline SkHealth sk_health_by(int64_t value, int64_t early, int64_t wrong)
{
	return value < wrong ? SK_HEALTH_WRONG : value < early ? SK_HEALTH_WARNING : SK_HEALTH_GOOD;
}

void sk_doctor_database(SkDoctor *doctor);
void sk_doctor_keys(SkDoctor *doctor);
void sk_doctor_certificates(SkDoctor *doctor);
void sk_doctor_machine(SkDoctor *doctor);
