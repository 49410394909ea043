/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of core. Core is a sibling: one that breaks the protocol ends this process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <uthash.h>

#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_uplink.h"
#include "lib/ipc/memfd.h"
#include "lib/log/log.h"

#define IDLE_USEC (60 * 1000000ull)

struct Ticket {
	uint64_t cookie;
	TicketDone done;
	UT_hash_handle hh;
};

/* Without core there is nothing to do: systemd starts us again when it comes back. */
static void end(Uplink *up, int result)
{
	sd_event_exit(up->event, result == -EPIPE || result == -ECONNRESET ? 0 : result);
}

int core_send(Uplink *up, const void *message, const int *fds, size_t n_fds)
{
	int r = up->core ? sk_chan_send(up->core, message, fds, n_fds) : -ENOTCONN;

	if (r < 0)
		end(up, r);
	else if (sk_chan_pending(up->core))
		sd_event_source_set_io_events(up->core_io, EPOLLIN | EPOLLOUT);
	return r;
}

void core_answer(Uplink *up, uint64_t cookie, int result, const char *detail)
{
	SkAnswer answer = {.result = result};

	if (cookie == 0)
		return;
	sk_head_init(&answer.head, SK_UPLINK_ANSWER, sizeof(answer));
	answer.head.cookie = cookie;
	sk_str_copy(answer.detail, sizeof(answer.detail), detail);
	core_send(up, &answer, NULL, 0);
}

uint64_t core_expect(Uplink *up, TicketDone done)
{
	Ticket *ticket = calloc(1, sizeof(*ticket));

	if (!ticket)
		return 0;
	ticket->cookie = ++up->last_cookie;
	ticket->done = done;
	HASH_ADD(hh, up->tickets, cookie, sizeof(ticket->cookie), ticket);
	return ticket->cookie;
}

static void ignore(Uplink *up, int result, const char *detail)
{
}

void core_forget(Uplink *up, TicketDone done)
{
	for (Ticket *ticket = up->tickets; ticket; ticket = ticket->hh.next)
		if (ticket->done == done)
			ticket->done = ignore;
}

void core_ask(Uplink *up, uint16_t type, const char *text, size_t size, TicketDone done)
{
	own_fd int fd = sk_memfd_new(text, size);
	SkHead head;

	sk_head_init(&head, type, sizeof(head));
	if (fd >= 0)
		head.cookie = core_expect(up, done);
	if (head.cookie == 0)
		done(up, fd < 0 ? fd : -ENOMEM, "");
	else
		core_send(up, &head, &fd, 1);
}

static int on_taken(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)head;
	Uplink *up = userdata;
	Ticket *ticket;

	HASH_FIND(hh, up->tickets, &head->cookie, sizeof(head->cookie), ticket);
	if (!ticket)
		return -EPROTO;
	HASH_DEL(up->tickets, ticket);
	ticket->done(up, answer->result, answer->detail);
	free(ticket);
	return 0;
}

void uplink_tell_state(Uplink *up)
{
	SkUplinkState *state = &up->state;

	state->acked = up->acked;
	state->spooled = spool_count(up->spool);
	state->spooled_bytes = spool_bytes(up->spool);
	sk_head_init(&state->head, SK_UPLINK_STATE, sizeof(*state));
	core_send(up, state, NULL, 0);
	up->state_told = true;
}

void uplink_set_state(Uplink *up, unsigned state, unsigned cause, const char *detail)
{
	bool same = up->state_told && up->state.state == state && up->state.cause == cause;

	if (!same)
		up->state.since = (uint64_t)time(NULL);
	up->state.state = state;
	up->state.cause = cause;
	sk_str_copy(up->state.detail, sizeof(up->state.detail), detail);
	if (!same)
		uplink_tell_state(up);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	return sd_event_exit(up->event, 0);
}

/* Core has nothing that we could belong to: a console from before is not talked to, and the key is gone. */
static void check_enrolled(Uplink *up)
{
	Pending pending;

	up->idle = sd_event_source_disable_unref(up->idle);
	if (up->enrol)
		return;
	if (pending_load(up->state_fd, &pending) == 0) {
		enrol_begin(up, pending.code, 0);
		return;
	}
	if (!up->options.enrolled ||
		(up->identity && !sk_str_eq(up->identity->terminal, up->options.terminal))) {
		if (up->identity)
			sk_log(LOG_WARNING, "the agent does not know the terminal %s: its key is removed",
				up->identity->terminal);
		enrol_forget(up);
		sd_event_add_time_relative(up->event, &up->idle, CLOCK_MONOTONIC, IDLE_USEC, 0, on_idle, up);
		return;
	}
	if (!up->identity) {
		uplink_set_state(up, SK_UPLINK_NOT_ENROLLED, SK_UPLINK_CAUSE_KEY, "the key is missing");
		return;
	}
	link_start(up);
}

static int on_options(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Uplink *up = userdata;

	up->options = *(const SkUplinkOptions *)head;
	up->have_options = true;
	check_enrolled(up);
	return 0;
}

static int on_enrol(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkUplinkEnrol *enrol = (const SkUplinkEnrol *)head;
	Uplink *up = userdata;

	up->idle = sd_event_source_disable_unref(up->idle);
	if (up->enrol)
		enrol_cancel(up);
	enrol_begin(up, enrol->code, head->cookie);
	return 0;
}

static int on_leave(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Uplink *up = userdata;

	enrol_cancel(up);
	enrol_forget(up);
	core_answer(up, head->cookie, 0, "");
	return 0;
}

static int on_status(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Uplink *up = userdata;
	char *text = NULL;
	int r = sk_memfd_read(fds[0], SK_UPLINK_JSON_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : -EPROTO;
	free(up->status);
	up->status = text;
	up->status_cookie = head->cookie;
	uplink_tell_state(up);
	status_push(up);
	return 0;
}

static int on_head(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Uplink *up = userdata;

	up->head = ((const SkUplinkHead *)head)->seq;
	records_push(up);
	return 0;
}

static int on_records(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	return records_take(userdata, (const SkUplinkRecords *)head, fds[0]);
}

static int on_call(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	calls_take(userdata, (const SkUplinkCall *)head, fds[0]);
	return 0;
}

const SkMsgSpec uplink_core_specs[] = {
	{SK_UPLINK_OPTIONS, 0, sizeof(SkUplinkOptions), on_options, sk_check_uplink_options},
	{SK_UPLINK_ENROL, 0, sizeof(SkUplinkEnrol), on_enrol, sk_check_uplink_enrol},
	{SK_UPLINK_LEAVE, 0, sizeof(SkHead), on_leave, NULL},
	{SK_UPLINK_STATUS, 1, sizeof(SkHead), on_status, NULL},
	{SK_UPLINK_HEAD, 0, sizeof(SkUplinkHead), on_head, sk_check_uplink_head},
	{SK_UPLINK_RECORDS, 1, sizeof(SkUplinkRecords), on_records, sk_check_uplink_records},
	{SK_UPLINK_CALL, 1, sizeof(SkUplinkCall), on_call, sk_check_uplink_call},
	{SK_UPLINK_TAKEN, 0, sizeof(SkAnswer), on_taken, sk_check_answer},
	{0},
};

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Uplink *up = userdata;
	int r = 0;

	if (events & EPOLLOUT)
		r = sk_chan_flush(up->core);
	if (r == 0 && !sk_chan_pending(up->core))
		sd_event_source_set_io_events(up->core_io, EPOLLIN);
	if (r == 0 && events & ~(uint32_t)EPOLLOUT)
		r = sk_chan_dispatch(up->core, uplink_core_specs, up);
	else
		r = r == 0 ? 1 : r;
	if (r == -EPROTO)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_PROTOCOL_BROKEN},
			"core broke the protocol");
	if (r <= 0 && r != -EAGAIN)
		end(up, r == 0 ? -EPIPE : r);
	return 0;
}

int core_connect(Uplink *up, int fd)
{
	up->core = sk_chan_new(fd);
	if (!up->core)
		return -ENOMEM;
	return sd_event_add_io(up->event, &up->core_io, fd, EPOLLIN, on_io, up);
}
