/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/screen.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/screen_days.h"
#include "agent/core/screen_order.h"
#include "agent/core/screen_pass.h"
#include "agent/core/sign_in.h"
#include "agent/core/trial.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/check_lock.h"
#include "lib/ipc/proto_lock.h"

/* sekisho-lock that is killed is back after 0.1 s: no news for the console. */
#define BACK_USEC (3 * 1000000ULL)

static struct {
	SkLockState state; /* as told last; the user's name is escaped */
	bool told;
	uint64_t stands_since; /* seconds since 1970; 0: none stands open */
	bool missed;	       /* the lock is not watched, and was not for BACK_USEC */
	sd_event_source *back;
} screen;

static json_t *holder_to_json(const SkLockHolder *holder)
{
	return json_pack("{s:o, s:o, s:o}", "who", record_text(holder->who), "why", record_text(holder->why),
		"program", record_text(holder->program));
}

static int on_event(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	static const struct {
		const char *kind;
		SkReason code;
	} kinds[] = {
		[SK_LOCK_LOCKED] = {"screen.locked", SK_SCREEN_LOCKED},
		[SK_LOCK_UNLOCKED] = {"screen.unlocked", SK_SCREEN_UNLOCKED},
		[SK_LOCK_REFUSED] = {"screen.refused", SK_SCREEN_NOT_CONFIRMED},
		[SK_LOCK_OPEN] = {"screen.open", SK_SCREEN_STANDS_OPEN},
		[SK_LOCK_ENDED] = {"session.ended", SK_SESSION_ENDED},
	};
	static const char *const ways[] = {"", "desktop", "console"};
	const SkLockEvent *event = (const SkLockEvent *)head;
	Core *core = userdata;
	json_t *body = json_pack("{s:o, s:o, s:s, s:s, s:I, s:I, s:i}", "session",
		record_text(event->session), "user", record_text(event->user), "type", event->type, "by",
		ways[event->by], "idle_ms", (json_int_t)event->idle_msec, "took_ms",
		(json_int_t)event->took_msec, "wrong_passwords", (int)event->failures);

	if (event->holder.who[0])
		json_object_set_new(body, "held_by", holder_to_json(&event->holder));
	record_write(core,
		&(Record){.kind = kinds[event->kind].kind, .code = kinds[event->kind].code, .body = body});
	screen_days_add(core, event);
	if (event->kind == SK_LOCK_UNLOCKED)
		sign_in_unlocked(core, event->uid);
	uplink_tell_status(core);
	return 0;
}

static int on_state(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkLockState *state = (const SkLockState *)head;
	Core *core = userdata;

	screen.state = *state;
	screen.told = true;
	sk_utf8_escape(screen.state.user, sizeof(screen.state.user), state->user, strlen(state->user));
	if (state->standing == 0)
		screen.stands_since = 0;
	else if (screen.stands_since == 0)
		screen.stands_since = (uint64_t)time(NULL);
	session_set_shut(core, state->front == SK_LOCK_FRONT_LOCKED || state->front == SK_LOCK_FRONT_COVERED);
	screen_order_heard(core, state);
	uplink_tell_status(core);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_LOCK_EVENT, 0, sizeof(SkLockEvent), on_event, sk_check_lock_event},
	{SK_LOCK_STATE, 0, sizeof(SkLockState), on_state, sk_check_lock_state},
	{0},
};

static void connected(Core *core)
{
	screen.back = sd_event_source_disable_unref(screen.back);
	screen.missed = false;
	screen_tell_limits(core);
}

static int on_not_back(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	screen.back = sd_event_source_disable_unref(screen.back);
	screen.missed = true;
	/* Nobody waits for an unlock that nobody would tell. */
	session_set_shut(core, false);
	uplink_tell_status(core);
	return 0;
}

static void await_back(Core *core)
{
	if (!screen.back)
		(void)sd_event_add_time_relative(
			core->event, &screen.back, CLOCK_BOOTTIME, BACK_USEC, 0, on_not_back, core);
}

static void lost(Core *core)
{
	screen.told = false;
	await_back(core);
	record_write(core, &(Record){.kind = "agent.part-lost", .code = SK_SCREEN_WATCH_LOST});
}

const PeerType peer_lock_type = {
	.name = "lock", .specs = specs, .connected = connected, .lost = lost, .keep = true};

/* While nothing is enforced nobody is locked out. */
void screen_tell_limits(Core *core)
{
	bool enforces = trial_mode(core) == SK_MODE_ENFORCE;
	SkLockOptions options = {
		.idle_sec = enforces ? (uint32_t)core->settings->lock.idle_sec : 0,
		.inhibit_sec = (uint32_t)core->settings->lock.inhibit_sec,
		.end_sec = enforces ? (uint32_t)core->settings->lock.end_sec : 0,
		.confirm_sec = (uint32_t)core->settings->lock.confirm_sec,
		.no_cover = core->settings->lock.fallback == SK_LOCK_FALLBACK_END,
		.pass_until = screen_pass_until(),
	};

	options.by_console = core->settings->lock.confirm == SK_LOCK_CONFIRM_CONSOLE;
	sk_str_copy(options.lockers, sizeof(options.lockers), core->settings->lock.lockers);
	sk_head_init(&options.head, SK_LOCK_OPTIONS, sizeof(options));
	if (core->lock.chan)
		(void)peer_send(&core->lock, &options, NULL, 0);
}

int screen_lock_now(Core *core, const ScreenAsk *ask)
{
	SkHead now;
	int r;

	/* Whoever has it locked now is done with presenting. */
	(void)screen_pass_end(core, "locked", ask->actor);
	sk_head_init(&now, SK_LOCK_NOW, sizeof(now));
	now.cookie = ask->cookie;
	r = peer_send(&core->lock, &now, NULL, 0);
	if (r == 0)
		record_write(core, &(Record){.kind = "screen.asked",
					   .code = SK_SCREEN_ASKED,
					   .actor = ask->actor,
					   .body = ask->body});
	else
		json_decref(ask->body);
	return r;
}

int screen_lock_user(Core *core, uid_t uid)
{
	SkLockUser user = {.uid = uid};

	sk_head_init(&user.head, SK_LOCK_USER, sizeof(user));
	return peer_send(&core->lock, &user, NULL, 0);
}

int screen_open(Core *core)
{
	int r = screen_days_open(core);

	if (r < 0)
		return r;
	screen_pass_open(core);
	await_back(core);
	peer_retry(&core->lock);
	return 0;
}

void screen_close(Core *core)
{
	screen.back = sd_event_source_disable_unref(screen.back);
	peer_deinit(&core->lock);
	screen_order_close();
	screen_pass_close();
	screen_days_close(core);
}

static const char *state_name(void)
{
	static const char *const fronts[] = {[SK_LOCK_FRONT_NOBODY] = "nobody",
		[SK_LOCK_FRONT_OPEN] = "open",
		[SK_LOCK_FRONT_LOCKED] = "locked",
		[SK_LOCK_FRONT_COVERED] = "covered"};

	return !screen.told ? "unknown" : screen.state.standing ? "stands-open" : fronts[screen.state.front];
}

json_t *screen_to_json(const Core *core)
{
	return json_pack("{s:b, s:s, s:I, s:o*, s:O}", "watched", core->lock.chan != NULL, "state",
		state_name(), "idle_sec", (json_int_t)core->settings->lock.idle_sec, "pass",
		screen_pass_to_json(), "days", core->lock_days);
}

json_t *screen_for_console(Core *core)
{
	json_t *lock = json_pack("{s:b, s:s, s:o, s:o*}", "watched", !screen.missed, "state", state_name(),
		"days", screen_days_for_console(core), "order", screen_order_for_console());

	if (lock && screen.told && screen.state.standing) {
		json_object_set_new(lock, "user", json_string(screen.state.user));
		json_object_set_new(lock, "since", json_integer((json_int_t)screen.stands_since));
	}
	return lock;
}
