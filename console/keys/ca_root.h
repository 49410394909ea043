/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between ca.c, which keeps the root, and ca_issue.c, which signs with it. */
#include "console/keys/ca.h"
#include "console/keys/x509.h"

struct SkCa {
	EVP_PKEY *key;
	X509 *root;
	char *pem;
};

typedef struct SkCaSubject {
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	const char *organisation, *name;
} SkCaSubject;

int sk_ca_begin(
	const SkCaSubject *subject, SkCaPeriod period, char ret_serial[SK_CA_SERIAL_SIZE], X509 **ret_x509);
bool sk_ca_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value);
int sk_ca_take_pem(BIO *bio, char **ret_text);
int sk_ca_format_key(EVP_PKEY *key, char **ret_pem);
