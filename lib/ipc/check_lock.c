/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_lock.h"

#include "lib/ipc/proto_lock.h"

#define SECONDS_MAX (7 * 24 * 3600)

bool sk_check_lock_options(const SkHead *message)
{
	const SkLockOptions *options = (const SkLockOptions *)message;

	return options->idle_sec <= SECONDS_MAX && options->inhibit_sec <= SECONDS_MAX &&
	       options->end_sec <= SECONDS_MAX && options->confirm_sec >= 1 && options->confirm_sec <= 60 &&
	       options->no_cover <= 1 && options->by_console <= 1 && SK_PROTO_TEXT_OK(options->lockers);
}

bool sk_check_lock_event(const SkHead *message)
{
	const SkLockEvent *event = (const SkLockEvent *)message;

	return event->kind >= SK_LOCK_LOCKED && event->kind < SK_LOCK_KIND_MAX_ &&
	       event->by < SK_LOCK_BY_MAX_ && SK_PROTO_TEXT_OK(event->session) &&
	       SK_PROTO_TEXT_OK(event->user) && SK_PROTO_TEXT_OK(event->type) &&
	       SK_PROTO_TEXT_OK(event->holder.who) && SK_PROTO_TEXT_OK(event->holder.why) &&
	       SK_PROTO_TEXT_OK(event->holder.program);
}

bool sk_check_lock_state(const SkHead *message)
{
	const SkLockState *state = (const SkLockState *)message;

	return state->front < SK_LOCK_FRONT_MAX_ && state->reserved == 0 && SK_PROTO_TEXT_OK(state->user) &&
	       (state->standing > 0) == (state->user[0] != 0);
}
