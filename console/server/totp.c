/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/totp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <liboath/oath.h>

#include "console/server/secret.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/aead.h"

#define SEED_SIZE 20
#define STEP_SEC 30
#define CODE_DIGITS 6

/* A clock of a phone may be this many steps off. */
#define STEPS_AROUND 1

typedef struct Seed {
	SkCall *call;
	char id[SK_ID_SIZE];
	uint8_t wrapped[SEED_SIZE + SK_AEAD_OVERHEAD];
} Seed;

static SkAeadContext context_of(const char *id)
{
	return (SkAeadContext){id, strlen(id)};
}

static int insert(SkDb *db, void *userdata)
{
	const Seed *seed = userdata;
	int64_t now = sk_time_now();
	int r = sk_db_exec(db,
		"UPDATE credentials SET removed = $1 WHERE person_id = $2 AND kind = 'totp' AND confirmed = "
		"0 AND "
		"removed IS NULL",
		SK_DB_ARGS(sk_db_int(now), sk_db_text(seed->call->caller.person)), NULL);

	if (r < 0)
		return r;
	return sk_db_exec(db,
		"INSERT INTO credentials (id, person_id, kind, wrapped, algorithm, confirmed, created) "
		"VALUES ($1, $2, 'totp', $3, 'totp-sha1-6-30', 0, $4)",
		SK_DB_ARGS(sk_db_text(seed->id), sk_db_text(seed->call->caller.person),
			sk_db_bytes(seed->wrapped, sizeof(seed->wrapped)), sk_db_int(now)),
		NULL);
}

/* The login is of letters, digits and . _ - @, which an address may hold as they are. */
static int describe(const SkCall *call, const char *bytes, char **ret_secret, char **ret_uri)
{
	own_free char *text = NULL;
	char *uri;

	if (oath_base32_encode(bytes, SEED_SIZE, &text, NULL) != OATH_OK)
		return -ENOMEM;
	if (asprintf(&uri,
		    "otpauth://totp/Sekisho:%s?secret=%s&issuer=Sekisho&algorithm=SHA1&digits=%d&period=%d",
		    call->caller.login, text, CODE_DIGITS, STEP_SEC) < 0)
		return -ENOMEM;
	*ret_secret = own_take(text);
	*ret_uri = uri;
	return 0;
}

int sk_totp_begin(SkCall *call, char **ret_secret, char **ret_uri)
{
	own_secret SkSecret *bytes = NULL;
	Seed seed = {.call = call};
	int r = sk_secret_new(SEED_SIZE, &bytes);

	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(bytes), SEED_SIZE);
	sk_id_new(seed.id);
	sk_aead_seal(sk_secret_data(call->server->home.secret), context_of(seed.id), sk_secret_data(bytes),
		SEED_SIZE, seed.wrapped);
	r = sk_db_transact(call->db, insert, &seed);
	return r < 0 ? r : describe(call, (const char *)sk_secret_data(bytes), ret_secret, ret_uri);
}

typedef struct Found {
	char id[SK_ID_SIZE];
	int64_t last_step;
	SkSecret *bytes;
} Found;

static int find(SkCall *call, const char *person, bool pending, Found *ret_found)
{
	own_rows SkDbRows *rows = NULL;
	const void *wrapped;
	size_t size;
	int r = sk_db_query(call->db,
		"SELECT id, counter, wrapped FROM credentials WHERE person_id = $1 AND kind = 'totp' AND "
		"confirmed = $2 AND removed IS NULL ORDER BY id DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(person), sk_db_int(!pending)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(ret_found->id, sizeof(ret_found->id), sk_db_get_text(rows, 0));
	ret_found->last_step = sk_db_get_int(rows, 1);
	wrapped = sk_db_get_bytes(rows, 2, &size);
	return sk_aead_open(sk_secret_data(call->server->home.secret), context_of(ret_found->id), wrapped,
		size, &ret_found->bytes);
}

/* Return: the step whose code it is, or 0. All are compared, whichever it is. */
static int64_t step_of(const Found *found, const char *code, int64_t now)
{
	int64_t current = now / 1000 / STEP_SEC, result = 0;
	char expected[CODE_DIGITS + 1];

	for (int64_t step = current - STEPS_AROUND; step <= current + STEPS_AROUND; step++)
		if (oath_totp_generate((const char *)sk_secret_data(found->bytes),
			    sk_secret_size(found->bytes), (time_t)(step * STEP_SEC), STEP_SEC, 0, CODE_DIGITS,
			    expected) == OATH_OK &&
			sk_secret_equal(expected, code, CODE_DIGITS))
			result = step;
	sk_secret_wipe(expected, sizeof(expected));
	return result;
}

int sk_totp_check(SkCall *call, const char *person, const char *code, bool pending)
{
	Found found = {.bytes = NULL};
	int64_t step, changed = 0;
	int r = find(call, person, pending, &found);

	if (r < 0)
		return r;
	step = strlen(code) == CODE_DIGITS ? step_of(&found, code, sk_time_now()) : 0;
	sk_secret_free(found.bytes);
	if (step <= found.last_step)
		return -EKEYREJECTED;
	/* Two requests with the same code: one of them finds the step as it was. */
	r = sk_db_exec(call->db,
		"UPDATE credentials SET counter = $1, last_used = $2 WHERE id = $3 AND counter < $1",
		SK_DB_ARGS(sk_db_int(step), sk_db_int(sk_time_now()), sk_db_text(found.id)), &changed);
	return r < 0 ? r : changed == 1 ? 0 : -EKEYREJECTED;
}

int sk_totp_confirm(SkDb *db, const char *person)
{
	int64_t changed = 0;
	int r = sk_db_exec(db,
		"UPDATE credentials SET removed = $1 WHERE person_id = $2 AND kind = 'totp' AND confirmed = "
		"1 AND "
		"removed IS NULL",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(person)), NULL);

	if (r == 0)
		r = sk_db_exec(db,
			"UPDATE credentials SET confirmed = 1 WHERE person_id = $1 AND kind = 'totp' AND "
			"confirmed = 0 "
			"AND removed IS NULL",
			SK_DB_ARGS(sk_db_text(person)), &changed);
	return r < 0 ? r : changed == 1 ? 0 : -ENOENT;
}
