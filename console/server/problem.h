/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Refusals as RFC 9457 problem documents, in the sender's language, with the words of lib/reason.
 */
#include "console/server/call.h"

/* What the call's faults say becomes errors[]. Return: NULL without memory. */
json_t *sk_problem_new(const SkCall *call, SkReason code, const char *detail);

/* Accept-Language (NULL: none): Japanese or English, whichever is wanted more; English for neither. */
SkLanguage sk_problem_language(const char *accept_language);
