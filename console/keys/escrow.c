/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/escrow.h"

#include <string.h>

#include "console/keys/wrap.h"
#include "console/store/id.h"
#include "console/store/time.h"
#include "lib/crypt/digest.h"

/* The living key whose leaf an escrow shares. */
typedef struct Place {
	char key_id[SK_ESCROW_ID_SIZE], facility_id[SK_ESCROW_ID_SIZE];
	SkVaultSlot slot;
} Place;

static int find_place(SkDb *db, const char *medium_id, Place *ret_place)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, facility_id, generation, leaf FROM medium_keys WHERE medium_id = $1 AND state = "
		"'live'",
		SK_DB_ARGS(sk_db_text(medium_id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	if (!sk_str_copy(ret_place->key_id, sizeof(ret_place->key_id), sk_db_get_text(rows, 0)) ||
		!sk_str_copy(ret_place->facility_id, sizeof(ret_place->facility_id), sk_db_get_text(rows, 1)))
		return -EBADMSG;
	ret_place->slot = (SkVaultSlot){(uint32_t)sk_db_get_int(rows, 2), (uint32_t)sk_db_get_int(rows, 3)};
	return 0;
}

/* A box as it is kept: wrapped once more, and the digest of what it was. */
typedef struct Kept {
	SkEscrowBox wrapped;
	uint8_t digest[SK_SHA256_SIZE];
} Kept;

static int insert_escrow(
	SkDb *db, const Place *place, const char *medium_id, const Kept *kept, const char *id)
{
	const SkDbValue values[] = {sk_db_text(id), sk_db_text(medium_id), sk_db_text(place->facility_id),
		sk_db_text(place->key_id), sk_db_int(place->slot.generation),
		sk_db_text(kept->wrapped.recovery_key), sk_db_text(SK_BOX_ALGORITHM),
		sk_db_bytes(kept->wrapped.box, kept->wrapped.size), sk_db_int(sk_time_now()),
		sk_db_bytes(kept->digest, sizeof(kept->digest))};
	int r = sk_db_exec(db,
		"UPDATE escrows SET state = 'replaced', ended = $2 WHERE medium_id = $1 AND state = 'live'",
		SK_DB_ARGS(sk_db_text(medium_id), sk_db_int(sk_time_now())), NULL);

	if (r < 0)
		return r;
	return sk_db_exec(db,
		"INSERT INTO escrows (id, medium_id, facility_id, key_id, generation, recovery_key, "
		"algorithm, wrapped,"
		" created, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		values, SK_ARRAY_SIZE(values), NULL);
}

int sk_escrow_store(SkDb *db, SkVault *vault, const char *medium_id, const SkEscrowBox *box,
	char ret_id[SK_ESCROW_ID_SIZE])
{
	own_secret SkSecret *data = NULL;
	uint8_t wrapped[SK_ESCROW_BOX_MAX + SK_AEAD_OVERHEAD];
	char context[SK_WRAP_CONTEXT_SIZE];
	Place place;
	Kept kept;
	int r;

	if (box->size > SK_ESCROW_BOX_MAX)
		return -E2BIG;
	if (box->size <= SK_BOX_OVERHEAD)
		return -EBADMSG;
	r = find_place(db, medium_id, &place);
	if (r == 0)
		r = sk_secret_new(box->size, &data);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(data), box->box, box->size);
	sk_id_new(ret_id);
	r = sk_vault_wrap(
		vault, place.slot, sk_wrap_context(context, "escrow", ret_id, medium_id), data, wrapped);
	if (r < 0)
		return r;
	kept.wrapped = (SkEscrowBox){box->recovery_key, wrapped, box->size + SK_AEAD_OVERHEAD};
	sk_sha256(kept.digest, box->box, box->size);
	return insert_escrow(db, &place, medium_id, &kept, ret_id);
}

int sk_escrow_is_known(SkDb *db, const char *medium_id, const void *box, size_t size)
{
	uint8_t digest[SK_SHA256_SIZE];
	int64_t known = 0;
	int r;

	sk_sha256(digest, box, size);
	r = sk_db_query_int(db, "SELECT COUNT(*) FROM escrows WHERE medium_id = $1 AND digest = $2",
		SK_DB_ARGS(sk_db_text(medium_id), sk_db_bytes(digest, sizeof(digest))), &known);
	return r < 0 ? r : known > 0;
}

int sk_escrow_ask(SkDb *db, const char *medium_id, const char *person_id, const char *reason,
	char ret_opening[SK_ESCROW_ID_SIZE])
{
	const int64_t now = sk_time_now();
	int64_t written;
	int r;

	if (reason[strspn(reason, " \t\r\n")] == '\0')
		return -EINVAL;
	sk_id_new(ret_opening);
	const SkDbValue values[] = {sk_db_text(ret_opening), sk_db_text(medium_id), sk_db_text(reason),
		sk_db_text(person_id), sk_db_int(now), sk_db_int(now + SK_ESCROW_WAIT_MS)};

	r = sk_db_exec(db,
		"INSERT INTO escrow_openings (id, escrow_id, medium_id, facility_id, reason, "
		"first_person_id, asked, expires)"
		" SELECT $1, id, medium_id, facility_id, $3, $4, $5, $6 FROM escrows WHERE medium_id = $2 "
		"AND "
		"state = 'live'",
		values, SK_ARRAY_SIZE(values), &written);
	return r < 0 ? r : written == 1 ? 0 : -ENOENT;
}

typedef struct Opening {
	char escrow_id[SK_ESCROW_ID_SIZE], medium_id[SK_ESCROW_ID_SIZE];
	char first[SK_ESCROW_ID_SIZE], second[SK_ESCROW_ID_SIZE];
	int64_t expires;
	bool destroyed;
	SkVaultSlot slot;
	uint8_t wrapped[SK_ESCROW_BOX_MAX + SK_AEAD_OVERHEAD];
	size_t size;
} Opening;

static int read_opening(const SkDbRows *rows, Opening *ret_opening)
{
	const char *second = sk_db_get_text(rows, 2);
	const void *wrapped = sk_db_get_bytes(rows, 7, &ret_opening->size);

	if (!sk_str_copy(ret_opening->escrow_id, SK_ESCROW_ID_SIZE, sk_db_get_text(rows, 0)) ||
		!sk_str_copy(ret_opening->first, SK_ESCROW_ID_SIZE, sk_db_get_text(rows, 1)) ||
		!sk_str_copy(ret_opening->second, SK_ESCROW_ID_SIZE, second ? second : "") ||
		!sk_str_copy(ret_opening->medium_id, SK_ESCROW_ID_SIZE, sk_db_get_text(rows, 4)) ||
		ret_opening->size > sizeof(ret_opening->wrapped))
		return -EBADMSG;
	ret_opening->expires = sk_db_get_int(rows, 3);
	ret_opening->slot = (SkVaultSlot){(uint32_t)sk_db_get_int(rows, 5), (uint32_t)sk_db_get_int(rows, 6)};
	ret_opening->destroyed = !wrapped;
	if (wrapped)
		memcpy(ret_opening->wrapped, wrapped, ret_opening->size);
	return 0;
}

static int load_opening(SkDb *db, const char *opening_id, const char *state, Opening *ret_opening)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT e.id, o.first_person_id, o.second_person_id, o.expires, e.medium_id, e.generation, "
		"k.leaf, e.wrapped"
		" FROM escrow_openings o JOIN escrows e ON e.id = o.escrow_id JOIN medium_keys k ON k.id = "
		"e.key_id"
		" WHERE o.id = $1 AND o.state = $2",
		SK_DB_ARGS(sk_db_text(opening_id), sk_db_text(state)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	return read_opening(rows, ret_opening);
}

int sk_escrow_decide(SkDb *db, const char *opening_id, const char *person_id, bool approve)
{
	const int64_t now = sk_time_now();
	const SkDbValue values[] = {sk_db_text(opening_id), sk_db_text(approve ? "approved" : "refused"),
		sk_db_text(person_id), sk_db_int(now), sk_db_int(now + SK_ESCROW_TAKE_MS)};
	Opening opening;
	int r = load_opening(db, opening_id, "waiting", &opening);

	if (r < 0)
		return r;
	if (sk_str_eq(opening.first, person_id))
		return -EPERM;
	if (now >= opening.expires)
		return -ETIME;
	return sk_db_exec(db,
		"UPDATE escrow_openings SET state = $2, second_person_id = $3, decided = $4, expires = $5,"
		" version = version + 1 WHERE id = $1",
		values, SK_ARRAY_SIZE(values), NULL);
}

static int mark_opened(SkDb *db, const char *opening_id, const Opening *opening)
{
	const int64_t now = sk_time_now();
	int r = sk_db_exec(db,
		"UPDATE escrow_openings SET state = 'opened', opened = $2, version = version + 1 WHERE id = "
		"$1",
		SK_DB_ARGS(sk_db_text(opening_id), sk_db_int(now)), NULL);

	if (r < 0)
		return r;
	return sk_db_exec(db,
		"UPDATE escrows SET state = 'opened', ended = $2, version = version + 1 WHERE id = $1 AND "
		"state = 'live'",
		SK_DB_ARGS(sk_db_text(opening->escrow_id), sk_db_int(now)), NULL);
}

int sk_escrow_take(
	SkDb *db, SkVault *vault, const char *opening_id, const char *person_id, SkSecret **ret_box)
{
	char context[SK_WRAP_CONTEXT_SIZE];
	Opening opening;
	int r = load_opening(db, opening_id, "approved", &opening);

	if (r < 0)
		return r;
	if (!sk_str_eq(opening.first, person_id) && !sk_str_eq(opening.second, person_id))
		return -EPERM;
	if (sk_time_now() >= opening.expires)
		return -ETIME;
	if (opening.destroyed)
		return -EKEYREVOKED;
	r = mark_opened(db, opening_id, &opening);
	if (r < 0)
		return r;
	return sk_vault_unwrap(vault, opening.slot,
		sk_wrap_context(context, "escrow", opening.escrow_id, opening.medium_id),
		(SkWrap){opening.wrapped, opening.size}, ret_box);
}
