/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of requests: what creating, deciding and the later life of a request share.
 */
#include "console/rules/requests.h"
#include "console/rules/medium_life.h"

/* The number of a time field of a row; 0 when it is null. */
int64_t sk_request_time(const json_t *row, const char *field);

/* Moves all media of the request by one action. reason: NULL: none. */
int sk_request_move_media(
	const SkActor *actor, const char *request, SkMediumAction action, const char *reason);

/* One record about the request; extra (may be NULL) is merged into its body and taken over. */
int sk_request_record(const SkActor *actor, const json_t *row, const char *kind, json_t *extra);
