/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The certificate authority of the console: it says which terminal holds which key, and which server is the
 * console. ECDSA with P-256 and SHA-256, which GnuTLS, OpenSSL and every TPM know. The root signs directly;
 * it has no other purpose than these two kinds of certificates, and agents trust it alone.
 *
 * Its key is ca.key (PKCS #8, 0600) in a directory of its own (0700). Times are milliseconds since 1970.
 * Serial numbers are 16 bytes of chance; the database keeps them and refuses a second.
 */
#include <stddef.h>
#include <stdint.h>

#include "console/keys/csr.h"

#define SK_CA_SERIAL_SIZE 33 /* 32 hexadecimal digits */
#define SK_CA_NAMES_MAX 32
#define SK_CA_PUBLIC_KEY_MAX 128

typedef struct SkCa SkCa;

/* A new root, valid from now for `years`. Return: 0, -EEXIST there is one, -EPERM others may enter, -EINVAL.
 */
int sk_ca_create(const char *directory, const char *organisation, unsigned years, SkCa **ret_ca);

/* Return: 0, -ENOENT there is none, -EPERM, -EBADMSG damaged, or key and certificate do not belong together.
 */
int sk_ca_open(const char *directory, SkCa **ret_ca);
void sk_ca_free(SkCa *ca);
OWN_DEFINE(SkCa, sk_ca_free)
#define own_ca own_(sk_ca_freep)

/* The root as PEM, inside the struct; and its SHA-256 (of the DER), which an enrolment code carries. */
const char *sk_ca_certificate(const SkCa *ca);
void sk_ca_fingerprint(const SkCa *ca, uint8_t ret_fingerprint[32]);

typedef struct SkCaPeriod {
	int64_t from, until;
} SkCaPeriod;

typedef struct SkCaIssued {
	char serial[SK_CA_SERIAL_SIZE];
	uint8_t fingerprint[32]; /* SHA-256 of the DER: how a connection is looked up */
	uint8_t public_key[SK_CA_PUBLIC_KEY_MAX];
	size_t public_key_size; /* as SubjectPublicKeyInfo */
	char *certificate;	/* PEM; the caller frees it */
	char *key; /* PKCS #8 as PEM, of a server; the caller wipes and frees it. NULL for a terminal */
} SkCaIssued;

/*
 * names: of hosts (DNS names in ASCII), or addresses. A key is made with it.
 * Return: 0, -EINVAL a name that is none, -ENOMEM.
 */
int sk_ca_issue_server(
	SkCa *ca, const char *const *names, size_t n_names, SkCaPeriod period, SkCaIssued *ret_issued);

/* Subject and alternative name (urn:sekisho:terminal:ID) are ours. Return: 0, -EINVAL no id, -ENOMEM. */
int sk_ca_issue_terminal(
	SkCa *ca, const char *terminal_id, const SkCsrKey *key, SkCaPeriod period, SkCaIssued *ret_issued);

typedef struct SkCaRevoked {
	char serial[SK_CA_SERIAL_SIZE];
	int64_t at;
} SkCaRevoked;

typedef struct SkCaRevocations {
	const SkCaRevoked *list;
	size_t count;
	uint64_t number; /* grows with each list */
	int64_t now, next;
} SkCaRevocations;

/* The list as PEM, for GnuTLS; the caller frees it. Return: 0, -EINVAL a serial that is none, -ENOMEM. */
int sk_ca_make_crl(SkCa *ca, const SkCaRevocations *revocations, char **ret_crl);
