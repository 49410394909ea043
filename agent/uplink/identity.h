/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who this terminal is to the console, and how it got there, beneath the state directory:
 *
 * - identity.json: console, terminal id, CA, certificate, and the name of the key file: one file, so that it
 *   is the old or the new after any kill
 * - pending.json: an enrolment that is under way: the code, and the name of the key file made for it
 * - key-N: a key; one that neither file names is of an attempt that ended, and is removed at the next start
 *
 * Order of an enrolment: key, pending, [console], identity, [core], pending removed, old key removed. So an
 * attempt that was cut goes on with the same key and the same code, and the console gives the same answer
 * again.
 */
#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/own.h"
#include "lib/enrol/code.h"

#define IDENTITY_TERMINAL_SIZE 32
#define IDENTITY_KEY_NAME_SIZE 24

typedef struct Identity {
	char host[SK_ENROL_HOST_SIZE];
	uint16_t port;
	char terminal[IDENTITY_TERMINAL_SIZE];
	char key_name[IDENTITY_KEY_NAME_SIZE];
	char *ca;	   /* PEM */
	char *certificate; /* PEM */
	X509 *x509;	   /* the same, read */
	EVP_PKEY *key;
	int64_t valid_from, valid_until; /* seconds since 1970 */
} Identity;

void identity_free(Identity *identity);
OWN_DEFINE(Identity, identity_free)
#define own_identity own_(identity_freep)

/* Return: 0, -ENOENT there is none, -EBADMSG what is there cannot be used, others. */
int identity_load(int dir_fd, Identity **ret_identity);

/* On the disk when it returns. */
int identity_store(int dir_fd, const Identity *identity);

/* Replaces the certificate (PEM) and reads it. Return: 0, -EBADMSG no certificate or not of the key, others.
 */
int identity_set_certificate(Identity *identity, const char *pem);

int identity_copy(const Identity *identity, Identity **ret_copy);

typedef struct Pending {
	char code[SK_ENROL_CODE_SIZE];
	char key_name[IDENTITY_KEY_NAME_SIZE];
} Pending;

/* Return: 0, -ENOENT, -EBADMSG, others. */
int pending_load(int dir_fd, Pending *ret_pending);
int pending_store(int dir_fd, const Pending *pending);
void pending_forget(int dir_fd);

/* A name that no key file has. */
void identity_next_key_name(int dir_fd, char ret_name[IDENTITY_KEY_NAME_SIZE]);

/* Removes keys that neither file names. */
void identity_sweep(int dir_fd);

/* Removes everything of an identity and of an enrolment. */
void identity_forget(int dir_fd);
