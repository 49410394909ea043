/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What ca.c and csr.c share: OpenSSL's types, owned. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "console/keys/csr.h"

OWN_DEFINE(EVP_PKEY, EVP_PKEY_free)
#define own_pkey own_(EVP_PKEY_freep)
OWN_DEFINE(X509, X509_free)
#define own_x509 own_(X509_freep)
OWN_DEFINE(X509_REQ, X509_REQ_free)
#define own_x509_req own_(X509_REQ_freep)
OWN_DEFINE(X509_CRL, X509_CRL_free)
#define own_x509_crl own_(X509_CRL_freep)
OWN_DEFINE(BIO, BIO_free_all)
#define own_bio own_(BIO_free_allp)

struct SkCsrKey {
	EVP_PKEY *pkey;
};

/* A key on one of our two curves, named and not spelled out? */
bool sk_pkey_is_ours(EVP_PKEY *pkey);
