/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/epoch.h"

#include <string.h>

#include "console/keys/handover.h"
#include "console/store/time.h"
#include "lib/base/str.h"

/* The newest epoch that the database knows; 0: none. */
static int newest_epoch(SkDb *db, uint64_t *ret_epoch)
{
	int64_t number;
	int r = sk_db_query_int(db, "SELECT COALESCE(MAX(number), 0) FROM epochs", SK_DB_NO_ARGS, &number);

	if (r < 0)
		return r;
	*ret_epoch = (uint64_t)number;
	return 0;
}

static int check_vault(SkDb *db, SkVault *vault)
{
	int64_t others;
	int r = sk_db_query_int(db, "SELECT COUNT(*) FROM epochs WHERE vault <> $1",
		SK_DB_ARGS(sk_db_text(sk_vault_id(vault))), &others);

	if (r < 0 || others > 0)
		return r < 0 ? r : -EXDEV;
	/* Nobody waits for it any more, so it may not go on either. */
	r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM vault_holders WHERE instance_id = $1 AND ended IS NOT NULL",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), &others);
	return r < 0 ? r : others > 0 ? -ESTALE : 0;
}

static int insert_epoch(SkDb *db, SkVault *vault, uint64_t number, const SkEpochRow *row)
{
	const SkDbValue values[] = {sk_db_int((int64_t)number), sk_db_text(sk_vault_id(vault)),
		sk_db_text(row->kind), row->generation ? sk_db_int(row->generation) : sk_db_null(),
		sk_db_int(sk_time_now()), sk_db_text(row->actor), sk_db_text(row->reason)};
	int r = sk_db_exec(db,
		"INSERT INTO epochs (number, vault, kind, generation, created, created_by, reason)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)",
		values, SK_ARRAY_SIZE(values), NULL);

	if (r < 0)
		return r;
	return sk_db_exec(db,
		"INSERT INTO epoch_confirmations (epoch, instance_id)"
		" SELECT $1, instance_id FROM vault_holders WHERE ended IS NULL",
		SK_DB_ARGS(sk_db_int((int64_t)number)), NULL);
}

int sk_epoch_add(SkDb *db, SkVault *vault, const SkEpochRow *row, uint64_t *ret_epoch)
{
	uint64_t newest;
	int r = newest_epoch(db, &newest);

	/* A database older than the vault would give a number that the vault takes for done. */
	if (r == 0 && newest < sk_vault_epoch(vault))
		r = -ESTALE;
	if (r == 0)
		r = insert_epoch(db, vault, newest + 1, row);
	if (r == 0)
		r = sk_db_notify(db, SK_EPOCH_CHANNEL, row->kind);
	if (r < 0)
		return r;
	*ret_epoch = newest + 1;
	return 0;
}

static int ensure_holder(SkDb *db, SkVault *vault)
{
	return sk_db_exec(db,
		"INSERT INTO vault_holders (instance_id, joined) VALUES ($1, $2) ON CONFLICT (instance_id) "
		"DO NOTHING",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault)), sk_db_int(sk_time_now())), NULL);
}

int sk_epoch_start(SkDb *db, SkVault *vault, const char *actor)
{
	const SkEpochRow row = {.kind = "start", .actor = actor, .reason = "", .generation = 1};
	uint64_t newest;
	int r = newest_epoch(db, &newest);

	if (r == 0 && newest > 0)
		r = -EEXIST;
	if (r == 0)
		r = ensure_holder(db, vault);
	return r < 0 ? r : insert_epoch(db, vault, sk_vault_epoch(vault), &row);
}

int sk_epoch_generation(SkDb *db, uint32_t *ret_generation)
{
	int64_t generation;
	int r = sk_db_query_int(db,
		"SELECT COALESCE(MAX(generation), 0) FROM epochs WHERE kind <> 'drop' AND destroyed IS NOT "
		"NULL",
		SK_DB_NO_ARGS, &generation);

	if (r < 0)
		return r;
	*ret_generation = (uint32_t)generation;
	return generation > 0 ? 0 : -ENOENT;
}

/* The wraps of these rows are worth nothing any more: the leaf is cut, or is about to be. */
static int mark_destroyed(
	SkDb *db, uint64_t epoch, const char *where, const char *subject, const SkEpochCut *cut)
{
	const SkDbValue values[] = {sk_db_int((int64_t)epoch), sk_db_text(subject), sk_db_int(sk_time_now()),
		sk_db_text(cut->actor), sk_db_text(cut->reason)};
	char sql[512];
	int r;

	sk_str_format(sql, sizeof(sql),
		"INSERT INTO epoch_cuts (epoch, medium_key_id, medium_id, facility_id, generation, leaf)"
		" SELECT $1, id, medium_id, facility_id, generation, leaf FROM medium_keys WHERE %s = $2 AND "
		"state = 'live'",
		where);
	r = sk_db_exec(db, sql, values, 2, NULL);
	if (r < 0)
		return r;
	sk_str_format(sql, sizeof(sql),
		"UPDATE escrows SET state = 'destroyed', wrapped = NULL, ended = $2 WHERE wrapped IS NOT "
		"NULL AND"
		" key_id IN (SELECT id FROM medium_keys WHERE %s = $1 AND state = 'live')",
		where);
	r = sk_db_exec(db, sql, values + 1, 2, NULL);
	if (r < 0)
		return r;
	sk_str_format(sql, sizeof(sql),
		"UPDATE medium_keys SET state = 'destroyed', wrapped = NULL, destroyed_epoch = $1, destroyed "
		"= $3,"
		" destroyed_by = $4, reason = $5 WHERE %s = $2 AND state = 'live'",
		where);
	return sk_db_exec(db, sql, values, SK_ARRAY_SIZE(values), NULL);
}

int sk_epoch_cut(SkDb *db, SkVault *vault, const SkEpochCut *cut, uint64_t *ret_epoch)
{
	const SkEpochRow row = {.kind = "revoke", .actor = cut->actor, .reason = cut->reason};
	int64_t alive;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM medium_keys WHERE medium_id = $1 AND state = 'live'",
		SK_DB_ARGS(sk_db_text(cut->medium_id)), &alive);

	if (r == 0 && alive == 0)
		r = -ENOENT;
	if (r == 0)
		r = sk_epoch_add(db, vault, &row, ret_epoch);
	return r < 0 ? r : mark_destroyed(db, *ret_epoch, "medium_id", cut->medium_id, cut);
}

/* The database came from a backup: what the vault no longer opens is dead, and the numbers go on from the
 * vault's. */
typedef struct Restore {
	SkVault *vault;
	SkEpochNews *news;
} Restore;

/* The ids are collected first: PostgreSQL and SQLite differ in what a query sees that is written beside it.
 */
typedef struct DeadKeys {
	char (*ids)[28];
	size_t count, room;
} DeadKeys;

static int remember(DeadKeys *dead, const char *id)
{
	if (dead->count == dead->room) {
		size_t room = dead->room ? 2 * dead->room : 64;
		void *ids = realloc(dead->ids, room * sizeof(*dead->ids));

		if (!ids)
			return -ENOMEM;
		dead->ids = ids;
		dead->room = room;
	}
	return sk_str_copy(dead->ids[dead->count++], sizeof(*dead->ids), id) ? 0 : -EBADMSG;
}

static int find_dead(SkDb *db, SkVault *vault, DeadKeys *dead)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "SELECT id, generation, leaf FROM medium_keys WHERE state = 'live'",
		SK_DB_NO_ARGS, &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1) {
		const SkVaultSlot slot = {(uint32_t)sk_db_get_int(rows, 1), (uint32_t)sk_db_get_int(rows, 2)};

		if (sk_vault_is_cut(vault, slot))
			r = remember(dead, sk_db_get_text(rows, 0));
	}
	return r;
}

static int restore(SkDb *db, void *userdata)
{
	const Restore *restore = userdata;
	const SkEpochCut cut = {.reason = "the database came from a backup; this key was destroyed before"};
	const uint64_t epoch = sk_vault_epoch(restore->vault);
	const SkEpochRow row = {.kind = "restore",
		.reason = "the database came from a backup",
		.generation = sk_vault_generation(restore->vault)};
	DeadKeys dead = {0};
	int r = ensure_holder(db, restore->vault);

	if (r == 0)
		r = insert_epoch(db, restore->vault, epoch, &row);
	if (r == 0)
		r = find_dead(db, restore->vault, &dead);
	for (size_t i = 0; i < dead.count && r == 0; i++)
		r = mark_destroyed(db, epoch, "id", dead.ids[i], &cut);
	restore->news->restored = epoch;
	restore->news->dead = dead.count;
	free(dead.ids);
	return r;
}

typedef struct Step {
	uint64_t number;
	uint32_t generation;
	char kind[16];
} Step;

/* The first epoch beyond the vault's. Return: 1, 0 there is none, or an error. */
static int next_step(SkDb *db, SkVault *vault, Step *ret_step)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT number, kind, generation FROM epochs WHERE number > $1 ORDER BY number LIMIT 1",
		SK_DB_ARGS(sk_db_int((int64_t)sk_vault_epoch(vault))), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	ret_step->number = (uint64_t)sk_db_get_int(rows, 0);
	ret_step->generation = (uint32_t)sk_db_get_int(rows, 2);
	return sk_str_copy(ret_step->kind, sizeof(ret_step->kind), sk_db_get_text(rows, 1)) ? 1 : -EBADMSG;
}

static int apply_cuts(SkDb *db, SkVault *vault, const Step *step)
{
	own_rows SkDbRows *rows = NULL;
	own_free uint32_t *leaves = NULL;
	SkVaultChange change = {.epoch = step->number};
	int64_t count;
	int r = sk_db_query_int(db, "SELECT COUNT(*) FROM epoch_cuts WHERE epoch = $1",
		SK_DB_ARGS(sk_db_int((int64_t)step->number)), &count);

	if (r < 0)
		return r;
	leaves = calloc((size_t)count + 1, sizeof(*leaves));
	if (!leaves)
		return -ENOMEM;
	r = sk_db_query(db, "SELECT leaf FROM epoch_cuts WHERE epoch = $1",
		SK_DB_ARGS(sk_db_int((int64_t)step->number)), &rows);
	while (r >= 0 && (r = sk_db_next(rows)) == 1 && change.n_cuts < (size_t)count)
		leaves[change.n_cuts++] = (uint32_t)sk_db_get_int(rows, 0);
	if (r < 0)
		return r;
	/* Cuts are written with their epoch; one without them is another program's. */
	if (change.n_cuts == 0)
		return -EBADMSG;
	change.cuts = leaves;
	return sk_vault_change(vault, &change);
}

static int apply_step(SkDb *db, SkVault *vault, const Step *step)
{
	if (sk_str_eq(step->kind, "revoke"))
		return apply_cuts(db, vault, step);
	if (sk_str_eq(step->kind, "renew"))
		return sk_handover_apply(db, vault, step->number, step->generation);
	if (sk_str_eq(step->kind, "drop"))
		return sk_vault_has_generation(vault, step->generation)
			       ? sk_vault_change(vault, &(SkVaultChange){.epoch = step->number,
								.keep_generation = step->generation})
			       : -ESTALE;
	/* A restore that knew of more than this vault does. */
	return -ESTALE;
}

static int confirm(SkDb *db, void *userdata)
{
	SkVault *vault = userdata;
	const SkDbValue values[] = {sk_db_text(sk_vault_instance(vault)),
		sk_db_int((int64_t)sk_vault_epoch(vault)), sk_db_int(sk_time_now()),
		sk_db_text(sk_vault_kind(vault))};
	int64_t changed;
	int r = sk_db_exec(db,
		"UPDATE epoch_confirmations SET confirmed = $3, method = $4"
		" WHERE instance_id = $1 AND epoch <= $2 AND confirmed IS NULL",
		values, SK_ARRAY_SIZE(values), &changed);

	if (r < 0 || changed == 0)
		return r;
	return sk_db_exec(db,
		"UPDATE epochs SET destroyed = $1 WHERE destroyed IS NULL AND number NOT IN"
		" (SELECT epoch FROM epoch_confirmations WHERE confirmed IS NULL)",
		SK_DB_ARGS(sk_db_int(sk_time_now())), NULL);
}

static int apply(SkDb *db, SkVault *vault, SkEpochNews *news)
{
	Restore restoring = {vault, news};
	uint64_t newest;
	Step step;
	int r = check_vault(db, vault);

	if (r == 0)
		r = newest_epoch(db, &newest);
	if (r == 0 && newest < sk_vault_epoch(vault))
		r = sk_db_transact(db, restore, &restoring);
	while (r == 0 && (r = next_step(db, vault, &step)) == 1) {
		r = apply_step(db, vault, &step);
		news->applied++;
	}
	/* Confirmed is only what is gone. */
	if (r == 0)
		r = sk_vault_sweep(vault);
	return r < 0 ? r : sk_db_transact(db, confirm, vault);
}

int sk_epoch_apply(SkDb *db, SkVault *vault, SkEpochNews *ret_news)
{
	SkEpochNews news = {0};
	int r;

	sk_vault_hold(vault);
	r = apply(db, vault, &news);
	sk_vault_release(vault);
	if (r == 0 && ret_news)
		*ret_news = news;
	return r;
}
