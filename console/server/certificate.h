/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The certificate and the key of the server: what the files say, and what is in force. Both listeners take
 * what is in force with each handshake, so that a new one needs no restart.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>

#include "lib/base/own.h"

/* Our own is renewed when it has less than this left. */
#define SK_CERTIFICATE_RENEW_DAYS 60
#define SK_CERTIFICATE_NAMES_MAX 32

typedef struct SkCertificateFacts {
	int64_t until;				   /* seconds since 1970 */
	char *names[SK_CERTIFICATE_NAMES_MAX + 1]; /* of hosts, and addresses; owned; ends with NULL */
} SkCertificateFacts;

/* The first certificate of a file. Return: 0, -EBADMSG it has none, others of the system. */
int sk_certificate_look(const char *path, SkCertificateFacts *ret_facts);
void sk_certificate_facts_deinit(SkCertificateFacts *facts);
#define own_certificate_facts own_(sk_certificate_facts_deinit)

/* Do they belong together? Return: 0, -EBADMSG they do not, or one of them is none. */
int sk_certificate_fits(const char *certificate, const char *key);

/* Is it signed by this authority (PEM)? */
bool sk_certificate_is_of(const char *path, const char *authority);

/*
 * What is in force, one for the process. Load takes the files when they have changed and belong together;
 * else what was in force stays. For one thread. Return: 0; -EALREADY they have not changed; as above.
 */
int sk_certificate_load(const char *certificate, const char *key);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
gnutls_certificate_retrieve_function2 sk_certificate_retrieve;

/* After the last listener. */
void sk_certificate_unload(void);
