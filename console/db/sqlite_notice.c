/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices within the process: what a transaction tells goes out when it is committed. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "console/db/sqlite_engine.h"
#include "lib/base/str.h"

int sk_sqlite_notify(SkDb *db, const char *channel, const char *payload)
{
	SkSqlite *sqlite = (SkSqlite *)db;

	if (sqlite3_get_autocommit(sqlite->handle)) {
		sk_sqlite_gate_tell(sqlite->gate, channel);
		return 0;
	}
	for (size_t i = 0; i < sqlite->n_told; i++)
		if (sk_str_eq(sqlite->told[i], channel))
			return 0;
	if (sqlite->n_told == SK_SQLITE_TOLD_MAX ||
		!sk_str_copy(sqlite->told[sqlite->n_told], SK_SQLITE_CHANNEL_SIZE, channel))
		return -EINVAL;
	sqlite->n_told++;
	return 0;
}

void sk_sqlite_end_notices(SkSqlite *sqlite, bool committed)
{
	for (size_t i = 0; i < sqlite->n_told && committed; i++)
		sk_sqlite_gate_tell(sqlite->gate, sqlite->told[i]);
	sqlite->n_told = 0;
}

int sk_sqlite_listen(SkDb *db, const char *channel)
{
	SkSqlite *sqlite = (SkSqlite *)db;
	SkSqliteListener *listener = sqlite->listener;

	if (listener)
		return sk_str_eq(listener->channel, channel) ? 0 : -EBUSY;
	/* As PostgreSQL's: only a plain word. */
	if (strspn(channel, "abcdefghijklmnopqrstuvwxyz_") != strlen(channel))
		return -EINVAL;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (listener->fd < 0 || !sk_str_copy(listener->channel, sizeof(listener->channel), channel)) {
		if (listener->fd >= 0)
			close(listener->fd);
		free(listener);
		return -EINVAL;
	}
	sqlite->listener = listener;
	sk_sqlite_gate_add_listener(sqlite->gate, listener);
	return 0;
}

int sk_sqlite_fd(const SkDb *db)
{
	const SkSqlite *sqlite = (const SkSqlite *)db;

	return sqlite->listener ? sqlite->listener->fd : -1;
}

int sk_sqlite_read_notices(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata)
{
	SkSqlite *sqlite = (SkSqlite *)db;
	eventfd_t count;

	if (sqlite->listener && eventfd_read(sqlite->listener->fd, &count) == 0 && fn)
		fn(userdata, "");
	return 0;
}

void sk_sqlite_free_listener(SkSqlite *sqlite)
{
	if (!sqlite->listener)
		return;
	sk_sqlite_gate_remove_listener(sqlite->gate, sqlite->listener);
	close(sqlite->listener->fd);
	free(own_take(sqlite->listener));
}
