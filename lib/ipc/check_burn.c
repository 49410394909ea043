/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_burn.h"

/* Numbers of reasons have four digits (lib/reason). */
#define CODE_MAX 9999
#define PERCENT_MAX 100
/* A name goes into a path and onto a disc: one part, of what needs no thought anywhere. */
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

static bool is_name(const char *text)
{
	return text[0] && text[0] != '.' && text[strspn(text, NAME_LETTERS)] == 0;
}

bool sk_check_burn_begin(const SkHead *message)
{
	const SkBurnBegin *begin = (const SkBurnBegin *)message;

	return SK_PROTO_TEXT_OK(begin->sysname) && is_name(begin->sysname) && SK_PROTO_TEXT_OK(begin->name) &&
	       is_name(begin->name);
}

bool sk_check_burn_ready(const SkHead *message)
{
	const SkBurnReady *ready = (const SkBurnReady *)message;

	return SK_PROTO_TEXT_OK(ready->disc) && ready->size > 0 && ready->size <= INT64_MAX;
}

bool sk_check_burn_progress(const SkHead *message)
{
	const SkBurnProgress *progress = (const SkBurnProgress *)message;

	return progress->step < SK_BURN_STEP_MAX_ && progress->percent <= PERCENT_MAX;
}

bool sk_check_burn_done(const SkHead *message)
{
	const SkBurnDone *done = (const SkBurnDone *)message;

	return done->size > 0 && done->size <= INT64_MAX;
}

bool sk_check_burn_failed(const SkHead *message)
{
	const SkBurnFailed *failed = (const SkBurnFailed *)message;

	return SK_PROTO_TEXT_OK(failed->detail) && failed->code > 0 && failed->code <= CODE_MAX;
}
