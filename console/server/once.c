/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/kdf.h"
#include "lib/log/log.h"

#define KEPT_MS (INT64_C(24) * 3600 * 1000)

/* A larger answer is one that can be looked up. */
#define ANSWER_MAX ((size_t)1024 * 1024)

#define OWNER_SIZE 40
#define CONTEXT_SIZE (OWNER_SIZE + SK_ONCE_KEY_SIZE)

static void owner_of(const SkCall *call, char ret_owner[OWNER_SIZE])
{
	sk_str_format(ret_owner, OWNER_SIZE, "person:%s", call->caller.person);
}

/* A sign-in is begun anew rather than repeated: its answer is a session. */
static bool is_for(const SkApiOperation *operation)
{
	return operation->method == SK_API_POST && operation->audience == SK_API_PEOPLE && !operation->half;
}

int sk_once_read(SkCall *call, const char *header)
{
	size_t size = header ? strlen(header) : 0;

	if (!header || !is_for(call->operation))
		return 0;
	/* A string of RFC 8941 stands in quotes. */
	if (size >= 2 && header[0] == '"' && header[size - 1] == '"') {
		header++;
		size -= 2;
	}
	if (size == 0 || size >= SK_ONCE_KEY_SIZE)
		return sk_call_refuse(call, SK_REQUEST_MALFORMED, "Idempotency-Key");
	for (size_t i = 0; i < size; i++)
		if (header[i] <= ' ' || header[i] > '~' || header[i] == '"' || header[i] == '\\')
			return sk_call_refuse(call, SK_REQUEST_MALFORMED, "Idempotency-Key");
	memcpy(call->once.key, header, size);
	call->once.key[size] = 0;
	return 0;
}

/*
 * Which request it is: the operation, what path and query say, and the body, however it is written. Under the
 * secret, because bodies may hold what nobody may guess from a digest in the database.
 */
static int digest_request(SkCall *call)
{
	SkSecret *secret = call->server->home.secret;
	json_auto_t *parts = json_pack("{s:s, s:O?, s:O?}", "operation", call->operation->id, "values",
		call->values, "body", call->body);
	own_free char *text = parts ? json_dumps(parts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (!text)
		return -ENOMEM;
	sk_hmac(sk_secret_data(secret), sk_secret_size(secret),
		(const SkBytes[]){{text, strlen(text)}, {call->bytes ? call->bytes : "", call->size}}, 2,
		call->once.digest);
	return 0;
}

static SkAeadContext context_of(const SkCall *call, char text[CONTEXT_SIZE])
{
	sk_str_format(text, CONTEXT_SIZE, "once person:%s %s", call->caller.person, call->once.key);
	return (SkAeadContext){text, strlen(text)};
}

/* text: the wrap in base64. */
static int unwrap(const SkCall *call, const char *text, json_t **ret_answer)
{
	own_free uint8_t *wrap = malloc(strlen(text) / 4 * 3 + 1);
	own_secret SkSecret *plain = NULL;
	char context[CONTEXT_SIZE];
	size_t size;
	int r = wrap ? sk_base64_parse(text, strlen(text), wrap, &size) : -ENOMEM;

	if (r == 0)
		r = sk_aead_open(sk_secret_data(call->server->home.secret), context_of(call, context), wrap,
			size, &plain);
	if (r < 0)
		return r;
	*ret_answer =
		json_loadb((const char *)sk_secret_data(plain), sk_secret_size(plain), JSON_DECODE_ANY, NULL);
	return *ret_answer ? 0 : -EBADMSG;
}

static int wrap(const SkCall *call, const json_t *answer, char **ret_text)
{
	own_free char *plain = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t size = plain ? strlen(plain) : 0;
	own_free uint8_t *sealed = plain && size <= ANSWER_MAX ? malloc(size + SK_AEAD_OVERHEAD) : NULL;
	char context[CONTEXT_SIZE], *text;

	if (!sealed)
		return plain && size > ANSWER_MAX ? -E2BIG : -ENOMEM;
	text = malloc(SK_BASE64_SIZE(size + SK_AEAD_OVERHEAD));
	if (!text)
		return -ENOMEM;
	sk_aead_seal(
		sk_secret_data(call->server->home.secret), context_of(call, context), plain, size, sealed);
	sk_base64_format(sealed, size + SK_AEAD_OVERHEAD, text);
	sk_secret_wipe(plain, size);
	*ret_text = text;
	return 0;
}

static int answer_again(SkCall *call, const SkDbRows *rows)
{
	unsigned status = (unsigned)sk_db_get_int(rows, 1);
	json_t *answer = NULL;
	size_t size;
	const void *digest = sk_db_get_bytes(rows, 0, &size);
	int r;

	if (size != sizeof(call->once.digest) || memcmp(digest, call->once.digest, size) != 0)
		return sk_call_refuse(call, SK_KEY_OF_ANOTHER, NULL);
	if (status == 0)
		return sk_call_refuse(call, SK_KEY_IN_USE, NULL);
	if (status == 204)
		return sk_call_done(call);
	r = unwrap(call, sk_db_get_text(rows, 2), &answer);
	/* Of another secret: a database that was restored without it. */
	if (r == -EBADMSG || r == -EOPNOTSUPP)
		return sk_call_refuse(call, SK_KEY_IN_USE, NULL);
	if (r == 0)
		r = sk_call_answer(call, status, answer);
	if (r == 0 && status >= 400)
		call->reply.type = "application/problem+json";
	return r;
}

int sk_once_begin(SkCall *call)
{
	own_rows SkDbRows *rows = NULL;
	char owner[OWNER_SIZE];
	int r = call->once.key[0] ? digest_request(call) : 0;

	if (r < 0 || !call->once.key[0])
		return r;
	owner_of(call, owner);
	r = sk_db_query(call->db,
		"SELECT request_hash, status, answer FROM idempotency_keys WHERE owner = $1 AND name = $2 "
		"AND "
		"created > $3",
		SK_DB_ARGS(sk_db_text(owner), sk_db_text(call->once.key), sk_db_int(sk_time_now() - KEPT_MS)),
		&rows);
	if (r == 0)
		r = sk_db_next(rows);
	return r == 1 ? answer_again(call, rows) : r;
}

int sk_once_claim(const SkCall *call, SkDb *db)
{
	int64_t now = sk_time_now(), changed = 0;
	char owner[OWNER_SIZE];
	int r;

	if (!call->once.key[0] || call->once.claimed)
		return 0;
	owner_of(call, owner);
	r = sk_db_exec(db,
		"INSERT INTO idempotency_keys (owner, name, request_hash, status, answer, created) VALUES "
		"($1, "
		"$2, $3, 0, '', $4) ON CONFLICT (owner, name) DO UPDATE SET request_hash = $3, status = 0, "
		"answer = '', created = $4 WHERE idempotency_keys.created <= $5",
		SK_DB_ARGS(sk_db_text(owner), sk_db_text(call->once.key),
			sk_db_bytes(call->once.digest, sizeof(call->once.digest)), sk_db_int(now),
			sk_db_int(now - KEPT_MS)),
		&changed);
	return r < 0 ? r : changed == 1 ? 0 : SK_KEY_IN_USE;
}

static int keep(SkCall *call, const char *text)
{
	char owner[OWNER_SIZE];

	owner_of(call, owner);
	return sk_db_exec(call->db,
		"UPDATE idempotency_keys SET status = $1, answer = $2 WHERE owner = $3 AND name = $4 AND "
		"status "
		"= 0",
		SK_DB_ARGS(sk_db_int(call->reply.status), sk_db_text(text), sk_db_text(owner),
			sk_db_text(call->once.key)),
		NULL);
}

void sk_once_keep(SkCall *call)
{
	own_free char *text = NULL;

	/* A fault of ours is no answer, and bytes and cookies are not kept. */
	if (!call->once.claimed || call->reply.status >= 500 || call->reply.cookie ||
		(call->reply.status != 204 && !call->reply.json))
		return;
	if (call->reply.json && wrap(call, call->reply.json, &text) < 0)
		return;
	/* It was done; only that it can be told again is lost. */
	if (keep(call, text ? text : "") < 0)
		sk_log(LOG_WARNING, "the answer to %s is not kept: %s", call->operation->id,
			sk_db_message(call->db));
}
