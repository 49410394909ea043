/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * HTTPS to the console: libcurl on the event loop, TLS 1.3 and nothing else. The only includer of libcurl.
 */
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/base/own.h"

typedef struct Http Http;
typedef struct HttpCall HttpCall;

/* All borrowed for as long as the Http lives; ca, certificate and key may be NULL. */
typedef struct HttpTarget {
	const char *host;
	uint16_t port;
	const char *ca; /* PEM; NULL: whoever answers is talked to, and nothing secret is told */
	X509 *certificate;
	EVP_PKEY *key;
	const char *proxy;  /* URL, or empty */
	uint64_t bandwidth; /* bytes a second, each way; 0: no limit */
} HttpTarget;

typedef struct HttpAnswer {
	int result; /* 0: there is an answer. -EKEYREJECTED: TLS; -ETIMEDOUT; -EFBIG; -EHOSTUNREACH and others
		     */
	unsigned status;  /* of HTTP; 0 without an answer */
	const char *body; /* terminated */
	size_t size;
	unsigned retry_after; /* seconds; 0: not said */
	int64_t date;	      /* seconds since 1970 as the server says; 0: not said */
	uint64_t duration_usec;
	const char *detail; /* what went wrong, in words of the library; "" */
} HttpAnswer;

typedef void (*HttpDone)(void *userdata, const HttpAnswer *answer);

typedef struct HttpRequest {
	const char *method; /* "GET", "POST", "PUT" */
	const char *path;   /* beneath https://HOST:PORT, with the query */
	const char *type;   /* of the body; NULL: application/json */
	const void *body;   /* copied; NULL: none */
	size_t size;
	const char *key; /* Idempotency-Key; NULL: none */
	unsigned timeout_sec;
	size_t most;   /* a longer answer is -EFBIG */
	int fd;	       /* borrowed: the body of a 200 or 206 goes there; 0: into memory */
	uint64_t from; /* bytes that fd has already: the rest is asked for, and written behind them */
	HttpDone done;
	void *userdata;
} HttpRequest;

/* Once, before the jail. Return: 0 or negative errno. */
int http_init(void);

int http_new(sd_event *event, const HttpTarget *target, Http **ret_http);

/* Calls that run are dropped without a word to their done function. NULL is fine. */
void http_free(Http *http);
OWN_DEFINE(Http, http_free)

/* done is called once, later, unless the call is cancelled. Return: 0 or negative errno. */
int http_start(Http *http, const HttpRequest *request, HttpCall **ret_call);

/* NULL is fine. */
void http_cancel(HttpCall *call);
