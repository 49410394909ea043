/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-uplink: carries between core and the console. One thread, one loop; this struct is the whole state.
 *
 * - peer_core.c: messages of core
 * - enrol.c: becoming a terminal of a console
 * - link.c: the long poll, and what it brings
 * - renew.c: the next certificate
 * - records.c: records to the console
 * - calls.c: what core asks of the console
 */
#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/uplink/http.h"
#include "agent/uplink/identity.h"
#include "agent/uplink/spool.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_uplink.h"

typedef struct Uplink Uplink;
typedef struct Enrol Enrol;
typedef struct Ticket Ticket;
typedef struct Delivery Delivery;
typedef struct NowCall NowCall;

typedef struct Link {
	HttpCall *wait;
	HttpCall *report; /* what became of what was delivered */
	HttpCall *policy;
	sd_event_source *timer;
	unsigned failures;
	uint64_t revision; /* up to which everything was delivered */
	uint64_t policy_serial;
	Delivery *delivery; /* one at a time */
} Link;

typedef struct Sending {
	HttpCall *call;
	sd_event_source *timer;
	unsigned failures;
} Sending;

/* What is under way of the console's virus definitions; one file at a time. */
typedef struct DefinitionsWork {
	bool running;
	uint64_t wanted, serial, done; /* of lists: the newest, this one, the last that is finished with */
	HttpCall *call;
	sd_event_source *timer;
	unsigned failures;
	json_t *envelope, *files;
	size_t next;
	char sha256[72];
	uint64_t size;
	int fd; /* of the part; 0: none */
} DefinitionsWork;

struct Uplink {
	sd_event *event;
	int state_fd;

	SkChan *core;
	sd_event_source *core_io;
	Ticket *tickets; /* what core was asked and has not answered, by cookie */
	uint64_t last_cookie;
	sd_event_source *idle; /* nobody needs us */

	SkUplinkOptions options;
	bool have_options;
	SkUplinkState state;
	bool state_told;

	Identity *identity; /* NULL: not enrolled */
	Http *http;	    /* to the console of the identity */
	Enrol *enrol;	    /* under way, or NULL */
	Link link;

	char *status;			     /* the newest; what the terminal says of itself */
	uint64_t status_cookie, status_sent; /* of it, and of the one that was sent last */
	bool status_newer;		     /* than the one that is on its way */
	Sending status_sending;
	Sending renewal;
	char renewal_key[IDENTITY_KEY_NAME_SIZE];
	EVP_PKEY *renewal_pkey;

	uint64_t head; /* the newest record of core */
	uint64_t acked;
	bool acked_known;    /* the console told it since we connected */
	bool records_wanted; /* core was asked and has not answered */
	Sending records;
	uint64_t records_last; /* of those being sent */
	char records_hash[65];

	Spool *spool;
	DefinitionsWork definitions;
	Sending spooled;
	bool spooled_untaken; /* core has not said yet that it has the result */
	uint64_t spooled_number;
	NowCall *now_calls;
	json_t *facts; /* what the machine is, for the enrolment */
};

/* peer_core.c */
int core_connect(Uplink *up, int fd);
int core_send(Uplink *up, const void *message, const int *fds, size_t n_fds);
void core_answer(Uplink *up, uint64_t cookie, int result, const char *detail);

/* Hands core a text and waits for its word. result: 0, what core said, or a fault of ours. */
typedef void (*TicketDone)(Uplink *up, int result, const char *detail);
uint64_t core_expect(Uplink *up, TicketDone done); /* the cookie to send; 0: out of memory */
/* Whoever waits with this done hears nothing any more. */
void core_forget(Uplink *up, TicketDone done);
void core_ask(Uplink *up, uint16_t type, const char *text, size_t size, TicketDone done);
extern const SkMsgSpec uplink_core_specs[];

/* Keeps core's picture of us right: sends the state when it is another one. */
void uplink_set_state(Uplink *up, unsigned state, unsigned cause, const char *detail);
void uplink_tell_state(Uplink *up);

/* enrol.c */
void enrol_begin(Uplink *up, const char *code, uint64_t cookie);
void enrol_cancel(Uplink *up);
void enrol_forget(Uplink *up);

/* link.c: connects, waits, and comes back. */
void link_start(Uplink *up);
void link_stop(Uplink *up);

/* Something that the whole connection is about went wrong: away, and again later. */
void link_failed(Uplink *up, unsigned cause, const char *detail, unsigned retry_after);
bool link_is_up(const Uplink *up);

/* If this answer says that the connection or the terminal is no good, does what link_failed() does. */
bool link_check_answer(Uplink *up, const HttpAnswer *answer);

/* Milliseconds to the next try: somewhere up to a limit that doubles, so that a thousand terminals do not
 * come back together. */
uint64_t link_delay_msec(unsigned failures, unsigned retry_after);

/* Arms a timer of a sending for its next try. */
void sending_retry(Uplink *up, Sending *sending, unsigned retry_after, sd_event_time_handler_t handler);
void sending_stop(Sending *sending);

/* status.c */
void status_push(Uplink *up);

/* records.c */
void records_push(Uplink *up);
int records_take(Uplink *up, const SkUplinkRecords *message, int fd);
void records_stop(Uplink *up);

/* calls.c */
void calls_take(Uplink *up, const SkUplinkCall *message, int fd);
void calls_push(Uplink *up);
void calls_stop(Uplink *up);

/* definitions.c: serial: of the newest list; 0: there is none. */
void definitions_push(Uplink *up, uint64_t serial);
void definitions_stop(Uplink *up);

/* renew.c */
void renew_check(Uplink *up);
void renew_stop(Uplink *up);
