/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The enrolment code that an administrator carries from the console to a PC, on paper or by copying:
 *
 *	HOST[:PORT]/SSSS-SSSS-SSSS-SSSS-FFFF-FFFF-FFFF-FFFF-FFFF-FFFF-FFC
 *
 * S: the secret that may enrol one terminal, 80 random bits. F: the first 128 bits of the SHA-256 of the
 * console's trust bundle, by which the terminal knows the right console and its keys before it has any
 * certificate. C: a check character over S and F that finds each single wrong character and each swap of two.
 * Base 32 of Crockford: no I, L, O, U; letters of either case; O is read as 0, I and L as 1; dashes and
 * blanks are for people.
 *
 * Pure functions.
 */
#include <stddef.h>
#include <stdint.h>

#define SK_ENROL_SECRET_SIZE 10
#define SK_ENROL_FINGERPRINT_SIZE 16
#define SK_ENROL_HOST_SIZE 256
#define SK_ENROL_PORT 8443
#define SK_ENROL_CODE_SIZE 384 /* of the whole text with its ending 0 */

typedef struct SkEnrolCode {
	char host[SK_ENROL_HOST_SIZE]; /* a name, an IPv4 address, or an IPv6 address in brackets */
	uint16_t port;
	uint8_t secret[SK_ENROL_SECRET_SIZE];
	uint8_t fingerprint[SK_ENROL_FINGERPRINT_SIZE];
} SkEnrolCode;

/*
 * Return: 0; -EINVAL not of this form; -EBADMSG the form is right and the check character is not: a typing
 * error.
 */
int sk_enrol_code_parse(const char *text, SkEnrolCode *ret_code);

/* Return: 0, or -EINVAL when the host cannot stand in a code. */
int sk_enrol_code_format(char dst[SK_ENROL_CODE_SIZE], const SkEnrolCode *code);

/* The secret as text, 16 characters: what travels to the console, and what the console keeps a hash of. */
#define SK_ENROL_SECRET_TEXT_SIZE 17
void sk_enrol_secret_format(char dst[SK_ENROL_SECRET_TEXT_SIZE], const uint8_t secret[SK_ENROL_SECRET_SIZE]);
