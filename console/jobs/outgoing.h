/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What every call to a server outside shares: whom we believe, through which proxy, how long it may take. The
 * calls wait on the network in the thread of whoever makes them, for a bounded time, and end within a second
 * when they are told to. Servers are hostile: what they say is bounded, and goes into messages escaped.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/own.h"

typedef struct SkOutgoing {
	char *authorities; /* PEM: those of the system, and our own; all that is believed */
	char *proxy;	   /* for HTTPS; "": none */
} SkOutgoing;

/*
 * Before the jail, once in the process. own: path of more authorities (PEM), which need not exist; proxy: of
 * the settings. Return: 0 or negative errno.
 */
int sk_outgoing_init(const char *own, const char *proxy, SkOutgoing *ret_outgoing);
void sk_outgoing_deinit(SkOutgoing *outgoing);

#define SK_CALL_ERROR_SIZE 256

/* One call, or some after each other. */
typedef struct SkOutgoingCall {
	const SkOutgoing *outgoing;
	bool (*is_stopping)(const void *userdata); /* NULL: never */
	const void *userdata;
	char error[SK_CALL_ERROR_SIZE]; /* what went wrong, in the words of the library or the server */
} SkOutgoingCall;

static inline void sk_curl_freep(CURL **curl)
{
	curl_easy_cleanup(*curl);
}
#define own_curl own_(sk_curl_freep)

static inline void sk_slist_freep(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}
#define own_slist own_(sk_slist_freep)

/* Appends a copy of the text to the list. Return: 0 or -ENOMEM. */
int sk_slist_add(struct curl_slist **list, const char *text);

/* A handle with everything that all calls have. seconds: the longest that it may take. Return: 0 or -ENOMEM.
 */
int sk_outgoing_handle(SkOutgoingCall *call, long seconds, CURL **ret_curl);

/*
 * Runs it. Return: 0; -ECANCELED told to stop; -EKEYREJECTED the server could not prove who it is;
 * -EACCES it refused our login; -ETIMEDOUT, -EHOSTUNREACH, -ECONNRESET, -ENOMEM; with call->error.
 */
int sk_outgoing_run(SkOutgoingCall *call, CURL *curl);
