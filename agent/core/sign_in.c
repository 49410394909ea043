/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/sign_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

#include "agent/core/core.h"
#include "agent/core/records.h"
#include "agent/core/sign_in_inside.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check_sign_in.h"
#include "lib/log/log.h"

#define PEERS_MAX 64
#define FAILURES_A_MINUTE 20

/* A program in which somebody signs in. It asks one thing, and goes; who stays is root's own affair, up to
 * PEERS_MAX of them, of which the oldest then has to go. */
struct SignInPeer {
	Core *core;
	SkChan *chan;
	sd_event_source *io;
	SignInPeer *prev, *next;
};

static void drop(SignInPeer *peer)
{
	SignIn *sign_in = peer->core->sign_in;

	DL_DELETE(sign_in->peers, peer);
	sign_in->n_peers--;
	sd_event_source_disable_unref(peer->io);
	sk_chan_free(peer->chan);
	free(peer);
}

static int answer_with(SignInPeer *peer, SkSignInAnswer *answer)
{
	sk_head_init(&answer->head, SK_SIGN_IN_ANSWER, sizeof(*answer));
	return sk_chan_send(peer->chan, answer, NULL, 0);
}

static json_t *describe(const SkSignIn *sign_in)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "user", record_text(sign_in->user), "service",
		record_text(sign_in->service), "tty", record_text(sign_in->tty), "host",
		record_text(sign_in->host), "seat", record_text(sign_in->seat), "session",
		record_text(sign_in->session));
}

static void write_record(Core *core, const char *kind, SkReason code, json_t *body)
{
	record_write(core, &(Record){.kind = kind, .code = code, .body = body});
}

static int on_may(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkSignIn *sign_in = (const SkSignIn *)message;
	SignInPeer *peer = userdata;
	SkSignInAnswer answer = {0};

	answer.refused = sign_in_judge(peer->core, sign_in) == SK_SIGN_IN_OUTSIDE_HOURS;
	if (answer.refused) {
		write_record(peer->core, "session.refused", SK_SIGN_IN_OUTSIDE_HOURS, describe(sign_in));
		sign_in_text_refused(peer->core, sign_in, &answer);
	}
	return answer_with(peer, &answer);
}

static int on_begun(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkSignIn *sign_in = (const SkSignIn *)message;
	SignInPeer *peer = userdata;
	Core *core = peer->core;
	const json_t *last = sign_in_last_of(core, sign_in->user);
	json_t *body = describe(sign_in);
	SkSignInAnswer answer = {0};
	bool kept = sign_in_judge(core, sign_in) == SK_REASON_NONE;

	sign_in_text_last(last, sign_in, &answer);
	json_object_set_new(
		body, "failures", json_integer(json_integer_value(json_object_get(last, "failures"))));
	write_record(core, "session.signed-in", kept ? SK_SIGN_IN_DONE : SK_SIGN_IN_HOURS_NOT_KEPT, body);
	sign_in_last_begun(core, sign_in);
	return answer_with(peer, &answer);
}

/* Whoever tries passwords must not fill the records with it. */
static bool is_one_too_many(SignIn *state)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	uint64_t minute = (uint64_t)now.tv_sec / 60;

	if (minute != state->minute)
		state->recorded = 0;
	state->minute = minute;
	if (state->recorded >= FAILURES_A_MINUTE) {
		state->unrecorded++;
		return true;
	}
	state->recorded++;
	return false;
}

static int on_failed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkSignIn *sign_in = (const SkSignIn *)message;
	SignInPeer *peer = userdata;
	SignIn *state = peer->core->sign_in;
	SkSignInAnswer answer = {0};

	if (!is_one_too_many(state)) {
		json_t *body = describe(sign_in);

		json_object_set_new(body, "known_user", json_boolean(sign_in->uid != SK_SIGN_IN_NOBODY));
		json_object_set_new(body, "unrecorded_before", json_integer(state->unrecorded));
		state->unrecorded = 0;
		write_record(peer->core, "session.refused", SK_SIGN_IN_NOT_RECOGNISED, body);
	}
	sign_in_last_failed(peer->core, sign_in);
	return answer_with(peer, &answer);
}

static int on_ended(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	SignInPeer *peer = userdata;
	SkSignInAnswer answer = {0};

	write_record(peer->core, "session.signed-out", SK_SIGNED_OUT, describe((const SkSignIn *)message));
	return answer_with(peer, &answer);
}

const SkMsgSpec sign_in_specs[] = {
	{SK_SIGN_IN_MAY, 0, sizeof(SkSignIn), on_may, sk_check_sign_in},
	{SK_SIGN_IN_BEGUN, 0, sizeof(SkSignIn), on_begun, sk_check_sign_in},
	{SK_SIGN_IN_FAILED, 0, sizeof(SkSignIn), on_failed, sk_check_sign_in},
	{SK_SIGN_IN_ENDED, 0, sizeof(SkSignIn), on_ended, sk_check_sign_in},
	{0},
};

static int on_peer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	SignInPeer *peer = userdata;
	int r = sk_chan_dispatch(peer->chan, sign_in_specs, peer);

	if (r > 0 || r == -EAGAIN)
		return 0;
	if (r == -EPROTO)
		sk_log_event(&(SkLogEvent){.priority = LOG_WARNING, .id = SK_MESSAGE_PROTOCOL_BROKEN},
			"a program in which somebody signs in does not speak as pam_sekisho does, or as that "
			"of "
			"another version");
	drop(peer);
	return 0;
}

static void let_in(Core *core, int fd)
{
	own_chan SkChan *chan = sk_chan_new(fd);
	own_free SignInPeer *peer = calloc(1, sizeof(*peer));
	uid_t uid;
	pid_t pid;

	if (!chan)
		close(fd);
	if (!chan || !peer || sk_chan_peer(chan, &uid, &pid) < 0)
		return;
	if (uid != 0) {
		sk_log(LOG_WARNING, "process %d of user %u may not tell who signs in", (int)pid, uid);
		return;
	}
	if (sd_event_add_io(core->event, &peer->io, fd, EPOLLIN, on_peer, peer) < 0)
		return;
	if (core->sign_in->n_peers >= PEERS_MAX)
		drop(core->sign_in->peers);
	peer->core = core;
	peer->chan = own_take(chan);
	core->sign_in->n_peers++;
	DL_APPEND(core->sign_in->peers, peer);
	own_take(peer);
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (peer >= 0)
		let_in(userdata, peer);
	return 0;
}

void sign_in_listen(Core *core, int fd)
{
	SignIn *sign_in = core->sign_in;
	int r = sd_event_add_io(core->event, &sign_in->listen, fd, EPOLLIN, on_connect, core);

	if (r >= 0)
		r = sd_event_source_set_io_fd_own(sign_in->listen, true);
	if (r < 0) {
		sk_log(LOG_ERR, "sign-ins will not be heard of: %s", strerror(-r));
		close(fd);
	}
}

void sign_in_close(Core *core)
{
	SignIn *sign_in = core->sign_in;

	if (!sign_in)
		return;
	while (sign_in->peers)
		drop(sign_in->peers);
	sd_event_source_disable_unref(sign_in->listen);
	sd_event_source_disable_unref(sign_in->change);
	json_decref(sign_in->last);
	free(own_take(core->sign_in));
}
