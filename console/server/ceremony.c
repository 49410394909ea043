/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/ceremony.h"

#include <errno.h>
#include <string.h>

#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

static void digest_of(const char *kind, SkBytes id, uint8_t ret_digest[SK_SHA256_SIZE])
{
	SkSha256 hash;

	sk_sha256_init(&hash);
	sk_sha256_update(&hash, kind, strlen(kind) + 1);
	sk_sha256_update(&hash, id.data, id.size);
	sk_sha256_final(&hash, ret_digest);
}

int sk_ceremony_begin(SkDb *db, const SkCeremony *ceremony)
{
	const int64_t now = sk_time_now();
	uint8_t digest[SK_SHA256_SIZE];
	int r = sk_db_exec(db, "DELETE FROM ceremonies WHERE expires < $1", SK_DB_ARGS(sk_db_int(now)), NULL);

	if (r < 0)
		return r;
	digest_of(ceremony->kind, ceremony->id, digest);
	return sk_db_exec(db,
		"INSERT INTO ceremonies (id_hash, kind, person_id, data, expires) VALUES ($1, $2, $3, $4, "
		"$5)",
		SK_DB_ARGS(sk_db_bytes(digest, sizeof(digest)), sk_db_text(ceremony->kind),
			sk_db_text(ceremony->person), sk_db_text(ceremony->data),
			sk_db_int(now + SK_CEREMONY_MS)),
		NULL);
}

static int read_row(SkDb *db, SkDbValue digest, SkCeremonyTaken *taken)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "SELECT person_id, data FROM ceremonies WHERE id_hash = $1 AND expires > $2",
		SK_DB_ARGS(digest, sk_db_int(sk_time_now())), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (!sk_db_is_null(rows, 0))
		sk_str_copy(taken->person, sizeof(taken->person), sk_db_get_text(rows, 0));
	taken->data = strdup(sk_db_get_text(rows, 1));
	return taken->data ? 0 : -ENOMEM;
}

/* Of two that come with the same id, one removes the row. */
int sk_ceremony_take(SkDb *db, const char *kind, SkBytes id, SkCeremonyTaken *ret_taken)
{
	SkCeremonyTaken taken = {.data = NULL};
	uint8_t digest[SK_SHA256_SIZE];
	int64_t removed = 0;
	int r;

	digest_of(kind, id, digest);
	r = read_row(db, sk_db_bytes(digest, sizeof(digest)), &taken);
	if (r == 0)
		r = sk_db_exec(db, "DELETE FROM ceremonies WHERE id_hash = $1",
			SK_DB_ARGS(sk_db_bytes(digest, sizeof(digest))), &removed);
	if (r == 0 && removed == 0)
		r = -ENOENT;
	if (r < 0) {
		free(taken.data);
		return r;
	}
	*ret_taken = taken;
	return 0;
}
