/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Passwords of people: Argon2id (RFC 9106) through libsodium. The string that is stored names the algorithm,
 * its version and its costs, so costs can be raised and the algorithm exchanged (NET-3).
 *
 * Each computation needs 64 MiB for some 0.1 s, RFC 9106's second recommendation. A server cannot let
 * strangers choose how many of them run: at most SK_PASSWORD_AT_ONCE do, in the whole process; the others
 * wait, and after SK_PASSWORD_WAIT_MS they are told to come again. So sign-ins never take more than 256 MiB.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_PASSWORD_HASH_SIZE 128 /* with the terminating 0 */
#define SK_PASSWORD_MAX 1024	  /* bytes of UTF-8 */
#define SK_PASSWORD_AT_ONCE 4
#define SK_PASSWORD_WAIT_MS 5000

/*
 * The caller has brought the password into one form (NFKC) and judged its quality.
 * Return: 0, -EINVAL for an empty or too long password, -EBUSY when too many are at it, -ENOMEM.
 */
int sk_password_hash(const char *password, char ret_hash[SK_PASSWORD_HASH_SIZE]);

/*
 * hash NULL: there is no such person; the work is done all the same and the answer is -EACCES, so that nobody
 * learns from the time who exists. A hash of another algorithm, or with costs beyond ours (a database is not
 * trusted with our memory), is -EBADMSG.
 * Return: 0 it is the password, -EACCES it is not, -EBUSY, -ENOMEM, -EBADMSG.
 */
int sk_password_verify(const char *hash, const char *password);

/* Was it made with other costs than today's? Then hash anew while the password is at hand. */
bool sk_password_needs_rehash(const char *hash);

/*
 * A key out of a password, with the costs of a hash, for a file that somebody keeps. The salt is random and
 * stands beside what the key seals; who raises the costs names another algorithm.
 * Return: 0, -EINVAL, -EBUSY, -ENOMEM.
 */
#define SK_PASSWORD_SALT_SIZE 16
#define SK_PASSWORD_KEY_SIZE 32
#define SK_PASSWORD_KEY_ALGORITHM "argon2id-64m-3"
int sk_password_key(const char *password, const uint8_t salt[SK_PASSWORD_SALT_SIZE],
	uint8_t ret_key[SK_PASSWORD_KEY_SIZE]);
