/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between keystore_pkcs11.c, which uses a token, and token_open.c, which finds it and logs in. */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>

#include "console/keys/keystore_kind.h"

typedef struct TokenStore {
	SkKeystore base;
	int dir_fd;
	char directory_id[17]; /* tells the objects of several instances in one token apart */
	CK_FUNCTION_LIST *module;
	CK_SESSION_HANDLE session;
	pthread_mutex_t lock; /* a session does one thing at a time */
} TokenStore;

extern const SkKeystoreKind sk_token_kind;

/* What the token said, as negative errno. */
int sk_token_error(CK_RV rv);
