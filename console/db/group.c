/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/db/group.h"

#include "console/db/db_engine.h"

int sk_db_group_begin(SkDb *db)
{
	SkDbRetry retry = {.end = 0};
	int r;

	if (db->in_transaction || db->in_group)
		return -EBADMSG;
	do
		r = db->driver->begin(db, SK_DB_BEGIN_WRITE);
	while ((r == -EAGAIN || r == -ENOTCONN) && sk_db_pause(&retry));
	if (r == 0) {
		db->in_group = true;
		db->changes = false;
		db->part = SK_DB_PART_GOOD;
	}
	return r;
}

void sk_db_group_next(SkDb *db)
{
	if (db->part == SK_DB_PART_ALONE)
		db->part = SK_DB_PART_GOOD;
}

SkDbPart sk_db_group_look(const SkDb *db)
{
	return db->part;
}

int sk_db_group_end(SkDb *db)
{
	bool over = db->part == SK_DB_PART_OVER;
	int r;

	db->in_group = false;
	db->part = SK_DB_PART_GOOD;
	if (over) {
		db->driver->rollback(db);
		return -ECANCELED;
	}
	r = sk_db_tell_changes(db);
	if (r < 0) {
		db->driver->rollback(db);
		return r;
	}
	return db->driver->commit(db);
}

/* What no part can live through: the engine has to begin anew. */
static bool is_the_end(int r)
{
	return r == -EAGAIN || r == -ENOTCONN || r == -ENOSPC || r == -EROFS || r == -EIO || r == -ENOMEM;
}

int sk_db_part_run(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata)
{
	int r;

	if (db->part == SK_DB_PART_OVER)
		return -ECANCELED;
	r = db->driver->script(db, "SAVEPOINT part");
	if (r == 0) {
		db->in_transaction = true;
		db->failed = 0;
		r = fn(db, userdata);
		if (db->failed < 0)
			r = db->failed;
		db->in_transaction = false;
		db->failed = 0;
		if (r != 0 && (is_the_end(r) || db->driver->script(db, "ROLLBACK TO SAVEPOINT part") < 0))
			db->part = SK_DB_PART_OVER;
		if (db->part != SK_DB_PART_OVER && db->driver->script(db, "RELEASE SAVEPOINT part") < 0)
			db->part = SK_DB_PART_OVER;
		/* The group sees the rows of its beginning for ever. */
		if (db->part == SK_DB_PART_GOOD && sk_db_may_be_collision(db, r))
			db->part = SK_DB_PART_ALONE;
	} else {
		db->part = SK_DB_PART_OVER;
	}
	return db->part == SK_DB_PART_OVER ? -ECANCELED : r;
}
