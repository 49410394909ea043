/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One request, as a handler sees it: routed, authorised, its parameters and body checked against the
 * contract. A handler answers or refuses once and returns 0; a negative errno becomes a refusal
 * (sk_call_fault()), so a handler forwards what the database says.
 *
 * Handlers run on the threads of a listener, one request at a time on each; db is the thread's own.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "console/api/api.h"
#include "console/api/validate.h"
#include "console/db/db.h"
#include "console/rules/actor.h"
#include "console/store/id.h"
#include "console/store/sql.h"
#include "lib/crypt/kdf.h"

typedef struct SkServer SkServer;
typedef struct SkWaiter SkWaiter;

typedef enum SkLanguage { SK_ENGLISH, SK_JAPANESE } SkLanguage;

/* What is missing before everything can be used. */
typedef enum SkSessionState { SK_SIGNED_IN, SK_LACKS_SECOND_FACTOR, SK_LACKS_PASSWORD } SkSessionState;

/* Somebody's session. Texts are owned by the call. */
typedef struct SkCaller {
	char session[SK_ID_SIZE]; /* "": nobody is signed in */
	char person[SK_ID_SIZE];
	char *login, *name;
	SkSessionState state;
	bool second_factor;	   /* the person has one */
	uint32_t roles;		   /* held somewhere: bits */
	uint32_t roles_everywhere; /* held for every facility */
	/* Where the person holds one of the roles that the operation names (any role, when it names none):
	 * for console/store. The names of facilities are the call's. */
	SkScope scope;
	int64_t started, fresh_until, idle_until, until;
	char csrf[48];
} SkCaller;

typedef struct SkReply {
	unsigned status; /* 0: not yet */
	json_t *json;
	const char *type; /* of bytes; NULL: json, or nothing at all */
	void *bytes;	  /* owned when free_bytes */
	size_t size;
	bool free_bytes;
	char *cookie;	      /* Set-Cookie, owned */
	char *location;	      /* owned */
	unsigned retry_after; /* seconds; 0: not told */
	int fd;		      /* of a file of the size, owned, when type is set and bytes is NULL; else -1 */
	uint64_t from;	      /* of the file: what comes before is left out (206) */
	unsigned allow;	      /* bits of SkApiMethod for the header Allow; 0: not told */
	int64_t wait_ms;      /* not 0: nothing yet, the request waits (sk_call_wait()) */
} SkReply;

#define SK_ONCE_KEY_SIZE 129

/* A request that is done once, however often it is sent (console/server/once.h). */
typedef struct SkOnce {
	char key[SK_ONCE_KEY_SIZE]; /* "": it is not one */
	uint8_t digest[SK_HMAC_SIZE];
	bool claimed; /* something was done, and the key is used */
} SkOnce;

typedef struct SkCall {
	SkServer *server;
	const SkApiOperation *operation; /* NULL: none was found */
	SkDb *db;
	SkLanguage language;
	char id[SK_ID_SIZE]; /* of this request */
	char address[64];    /* of the sender */
	char user_agent[128];
	char authorization[128]; /* the header of that name; "": none, or a longer one */
	int64_t began;		 /* us of the monotonic clock */
	json_t *values;		 /* parameters of path and query */
	json_t *body;		 /* NULL: none */
	const void *bytes;	 /* of a body that is no JSON */
	size_t size;
	uint64_t range_from; /* "Range: bytes=N-"; 0: all is wanted */
	SkOnce once;
	SkCaller caller;
	char terminal[SK_ID_SIZE]; /* of agents, from their certificate */
	bool certificate_over;	   /* it ended while the connection went on: terminal is empty */
	bool has_clock;		   /* the agent said what time it is, */
	int64_t clock_offset;	   /* and by so many ms it is ahead of us */
	SkWaiter *waiter;	   /* of this request, for sk_call_wait() */
	bool waited;		   /* the handler runs again after it waited, */
	bool timed_out;		   /* and nobody woke it */
	SkFaults *faults;	   /* what was wrong with the request; NULL: nothing */
	SkReply reply;
} SkCall;

typedef int (*SkApiHandler)(SkCall *call);
/* In the order of sk_api_operations. */
extern const SkApiHandler sk_api_handlers[];

/* Parameters of path and query; NULL and 0 for what is not there. */
const char *sk_call_text(const SkCall *call, const char *name);
int64_t sk_call_int(const SkCall *call, const char *name);
/* Members of the body likewise. */
const char *sk_call_body_text(const SkCall *call, const char *name);
int64_t sk_call_body_int(const SkCall *call, const char *name);

/* "ja" or "en". */
const char *sk_call_language(const SkCall *call);

/* json is taken over (also on failure). Return: 0 or -ENOMEM (json NULL: building it failed). */
int sk_call_answer(SkCall *call, unsigned status, json_t *json);
/* 204 */
int sk_call_done(SkCall *call);
/* bytes: taken over and freed with free(). type lives for ever. */
int sk_call_answer_bytes(SkCall *call, const char *type, void *bytes, size_t size);
/* What write() writes, unless it fails: then its negative errno. type as above. */
int sk_call_answer_written(SkCall *call, const char *type,
	int (*write)(SkCall *call, const void *what, FILE *out), const void *what);

/* fd: of a file with size bytes, taken over. */
int sk_call_answer_file(SkCall *call, const char *type, int fd, size_t size);
/* The same from where the sender wants it. Only for what never changes under its address. */
int sk_call_answer_rest(SkCall *call, const char *type, int fd, size_t size);

/*
 * The long poll. sk_call_wait_arm() comes before the handler looks whether there is something to tell: what
 * changes from then on wakes. When there is nothing, sk_call_wait() ends the handler with 0 and the request
 * waits without a thread; the handler runs again, from its beginning, when somebody woke the terminal
 * (sk_poll_wake()) or the time is over. timed_out says that it has to answer now.
 */
int sk_call_wait_arm(SkCall *call, const char *terminal);
int sk_call_wait(SkCall *call, int64_t ms);

/* Who does it, for console/rules. Inside of a transaction of db. */
SkActor sk_call_actor(const SkCall *call, SkDb *db);

/* detail: English, for the problem document, may be NULL. Return: 0. */
int sk_call_refuse(SkCall *call, SkReason code, const char *detail);
/* The same, with Retry-After. */
int sk_call_refuse_for(SkCall *call, SkReason code, uint64_t ms);
/* One member of the body is the reason: SK_REQUEST_INVALID, or another code that says more. */
int sk_call_refuse_member(SkCall *call, SkReason code, const char *pointer, const char *detail);
/* What a negative errno means to the sender; what is our own fault goes to the journal. Return: 0. */
int sk_call_fault(SkCall *call, int error);

/* Is the time of the caller's last proof recent? Refuses with SK_PROOF_NEEDED if not, and returns false. */
bool sk_call_is_fresh(SkCall *call);

/* Forgets who the caller is. */
void sk_caller_deinit(SkCaller *caller);
void sk_call_deinit(SkCall *call);
