/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The hand-over slip of a carry-out medium (OUT-5, OUT-7): what is on it, and who says so.
 *
 * Beneath SK_SLIP_FOLDER of the medium lie
 * - manifest-SERIAL.jsonl: a line for each file, sorted by path: what a person or a program asks for
 * - SHA256SUMS: the same for `sha256sum -c` and for Windows, with paths from the root of the medium
 * - slip-SERIAL.dsse.json: {"slip": ENVELOPE, "terminalKey": ENVELOPE}
 *
 * The slip names the digests of the other two, and is signed by the terminal that closed the medium, which
 * also works without a network. Whose key that is says the console, in the second envelope. So who has the
 * console's public key needs nothing else. These three files are not in the manifest themselves; everything
 * else is.
 *
 * All of it comes from a medium: it is read strictly, within bounds, and names nothing outside of the medium.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/digest.h"
#include "lib/dsse/dsse.h"
#include "lib/slip/name.h"

/* What it is about: what is carried out; or what came back, compared with that. */
#define SK_SLIP_CARRY_OUT "carry-out"
#define SK_SLIP_RETURN "return"

#define SK_SLIP_FINDING_SIZE 128
#define SK_SLIP_USER_SIZE 64
/* Of the file slip-SERIAL.dsse.json. */
#define SK_SLIP_FILE_MAX 65536
/* Of one line of a manifest, every byte of two paths escaped twice. */
#define SK_SLIP_LINE_MAX 98304

/* What happened to a file while the medium was open. */
typedef enum SkSlipChange {
	SK_SLIP_SAME,
	SK_SLIP_NEW,
	SK_SLIP_CHANGED,
	SK_SLIP_RENAMED, /* and perhaps changed */
	SK_SLIP_DELETED, /* it is not there any more */
	SK_SLIP_CHANGE_MAX_,
} SkSlipChange;

typedef enum SkSlipVerdict {
	SK_SLIP_CLEAN,
	SK_SLIP_INFECTED,
	SK_SLIP_REFUSED,   /* by its type, as the policy wants it */
	SK_SLIP_UNCHECKED, /* too large, or not readable */
	SK_SLIP_VERDICT_MAX_,
} SkSlipVerdict;

typedef struct SkSlipFile {
	char *path; /* from the root of the medium: bytes, none of them 0 */
	char *from; /* RENAMED: what it was called when the medium was opened; else NULL */
	uint64_t size;
	bool hashed; /* false: its content is not known; never of one that is to be verified */
	uint8_t sha256[SK_SHA256_SIZE];
	SkSlipChange change;
	SkSlipVerdict verdict;
	char finding[SK_SLIP_FINDING_SIZE]; /* printable */
	int64_t at;			    /* ms since 1970 of the last change that was seen; 0: none was */
	char user[SK_SLIP_USER_SIZE];	    /* who made it; "": not known */
} SkSlipFile;

void sk_slip_file_deinit(SkSlipFile *file);

/* A line of a manifest with its line feed; the caller frees it. Return: 0, -EINVAL, -ENOMEM. */
int sk_slip_line_format(const SkSlipFile *file, char **ret_line);
/* A line without its line feed. Return: 0 and the caller deinits it; -EBADMSG; -ENOMEM. */
int sk_slip_line_parse(const char *line, size_t size, SkSlipFile *ret_file);

/* A line of SHA256SUMS as coreutils write and read it. Return: 0, -ENOMEM. */
int sk_slip_sum_format(const SkSlipFile *file, char **ret_line);

const char *sk_slip_change_name(SkSlipChange change);

typedef struct SkSlipPart {
	uint64_t size;
	uint8_t sha256[SK_SHA256_SIZE];
} SkSlipPart;

typedef struct SkSlip {
	uint64_t serial; /* ms since 1970 at its making, and more than that of any before of the same terminal
			  */
	char kind[16];	 /* SK_SLIP_CARRY_OUT, SK_SLIP_RETURN */
	char medium[32], number[72], label[256], uuid[40];
	char terminal[32], organisation[256], grant[32], user[SK_SLIP_USER_SIZE];
	int64_t opened, closed; /* ms since 1970 */
	bool complete;	 /* nothing was written after it was made; false: it was pulled out, or cut off */
	char reason[32]; /* why not complete: "pulled", "cut", "unread", "restarted"; else "" */
	uint64_t files, bytes; /* that are there */
	SkSlipPart manifest, sums;
} SkSlip;

/* The envelope; the caller frees it. Return: 0, -EINVAL, -ENOMEM. */
int sk_slip_sign(const SkSlip *slip, const SkDsseSigner *terminal, char **ret_envelope);
/* Signed with this key? Return: 0, or as sk_dsse_verify(). */
int sk_slip_open(const void *envelope, size_t size, const uint8_t key[SK_SIGN_PUBLIC_SIZE], SkSlip *ret_slip);

/* What the console says of a terminal's key: {"terminal", "key", "made"}, signed as SK_DSSE_TERMINAL_KEY. */
typedef struct SkSlipSigner {
	char terminal[32];
	uint8_t key[SK_SIGN_PUBLIC_SIZE];
} SkSlipSigner;

typedef struct SkSlipTrust {
	const SkDsseKey *keys; /* of the console */
	size_t n_keys;
} SkSlipTrust;

/* Return: 0, or as sk_dsse_verify(). */
int sk_slip_signer_open(
	const void *envelope, size_t size, const SkSlipTrust *trust, SkSlipSigner *ret_signer);

/* The whole file: both envelopes, and that they belong together. Return: 0; -EKEYREJECTED signed by nobody
 * who is believed; -EBADMSG, -EPROTOTYPE, -E2BIG it is none; -ENOMEM. */
int sk_slip_verify(const void *file, size_t size, const SkSlipTrust *trust, SkSlip *ret_slip);

/* The content of slip-SERIAL.dsse.json; the caller frees it. Return: 0, -EBADMSG, -ENOMEM. */
int sk_slip_file_format(const char *slip_envelope, const char *signer_envelope, char **ret_text);
