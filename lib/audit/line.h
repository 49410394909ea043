/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The one form a record has as a line. Order of fields and absence of blanks are part of the format, so that
 * a line is checked by walking over it once.
 *
 *	{"seq":N,"prev":"sha256:HEX","time":"2026-01-31T23:59:59.000000Z","mono":N,"boot":"HEX","clock":"WORD",
 *	 "actor":"TEXT","kind":"WORD.WORD","body":{...}}
 */
#include "lib/audit/audit.h"
#include "lib/audit/reader.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/ratchet.h"

#define SK_KIND_SEAL "audit.seal"
#define SK_KIND_CREATED "audit.created"
#define SK_KIND_RECOVERED "audit.recovered"
#define SK_KIND_KEY_REPLACED "audit.key-replaced"
#define SK_KIND_RESERVE_OPENED "audit.reserve-opened"
#define SK_KIND_RESERVE_RESTORED "audit.reserve-restored"

#define SK_HASH_NONE "0000000000000000000000000000000000000000000000000000000000000000"

/* line: without its line break. Return: 0 or -EBADMSG. The record points into line. */
int sk_line_parse(const char *line, size_t size, SkAuditRecord *ret_record);

typedef struct SkLineFields {
	uint64_t seq;
	const char *prev; /* 64 hexadecimal digits */
	SkAuditTime time;
	const char *actor; /* as a JSON string with its quotes */
	const char *kind;
	const char *body; /* as JSON */
} SkLineFields;

/* Writes the line without its line break. Return: its size, or -EMSGSIZE when dst is too small. */
int sk_line_format(char *dst, size_t size, const SkLineFields *fields);

/* 64 hexadecimal digits of what the next record names as prev. */
void sk_line_hash(char ret_hash[SK_SHA256_HEX_SIZE], const char *line, size_t size);

/* Is this 64 lower-case hexadecimal digits? */
bool sk_hash_check(const char *hash);

bool sk_text_equals(SkAuditText text, const char *s);

/*
 * A seal is a record whose body is {"epoch":N,"mac":"hmac-sha256:HEX"}. Its MAC covers the line from its
 * first byte to the byte before the digits of the MAC itself, so it covers the hash of everything before.
 */
typedef struct SkSeal {
	uint64_t epoch;
	size_t covered; /* bytes of the line under the MAC */
	uint8_t mac[SK_RATCHET_MAC_SIZE];
} SkSeal;

/* Return: 0 or -EBADMSG. */
int sk_seal_parse(const SkAuditRecord *record, SkSeal *ret_seal);
bool sk_seal_verify(const SkAuditRecord *record, const SkSeal *seal, const SkRatchet *ratchet);

/* Body of a seal with a MAC of zeros; sk_seal_fill() puts the right one into the line made with it. */
bool sk_seal_format_body(char *dst, size_t size, uint64_t epoch);
int sk_seal_fill(char *line, size_t size, const SkRatchet *ratchet);
