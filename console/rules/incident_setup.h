/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a clinic does about a loss: the steps that each new incident begins with, as delivered or as the
 * clinic wrote them; and the list of the patients who are to be told, which has no more than is needed for
 * that.
 */
#include "console/rules/incidents.h"

/* {own, steps: [{title, text, role, hours}], version}; version 0: the clinic wrote none. Return: as in
 * actor.h. */
int sk_incident_template_read(const SkActor *actor, const char *facility, json_t **ret_template);

/* steps: as read; none: as delivered, again. Return: as in actor.h. */
int sk_incident_template_set(const SkActor *actor, const SkRowKey *facility, const json_t *steps);

/* The steps of a new incident, for incidents.c: its clinic's, or those delivered. */
int sk_incident_template_apply(const SkActor *actor, const json_t *incident);

/* persons: [{reference, name, contact}]; who is listed already stays as it is. Return: as in actor.h;
 * SK_INCIDENT_NOT_POSSIBLE it is closed. */
int sk_incident_persons_add(const SkActor *actor, const char *incident, const json_t *persons);

typedef struct SkIncidentTold {
	SkRowKey person;
	const char *state; /* told, unreachable, not-needed */
	const char *method, *note;
} SkIncidentTold;

/* Return: as in actor.h; SK_MEDIUM_REASON_NEEDED: who is not told needs a note. */
int sk_incident_person_told(const SkActor *actor, const SkIncidentTold *told);
