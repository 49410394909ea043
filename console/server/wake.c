/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/wake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <uthash.h>

#include "console/db/db.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* Clocks of several processes differ, and a transaction is seen later than the time it wrote. */
#define OVERLAP_MS 10000

/* Between looks without a notice. A command beside the console writes into SQLite's file without one. */
#define LOOK_SQLITE_MS 200
#define LOOK_PGSQL_MS 1000
/* Before a connection is made anew. */
#define PAUSE_MS 500

typedef struct Seen {
	char terminal[SK_ID_SIZE];
	int64_t revision;
	UT_hash_handle hh;
} Seen;

struct SkWake {
	const char *database;
	SkDb *db; /* the thread's; NULL: not connected */
	SkPoll *poll;
	Seen *seen;
	int64_t since;
	pthread_t thread;
	int end_fd;
	atomic_bool ending;
};

/* Terminals that a look found. */
typedef struct Found {
	char (*terminals)[SK_ID_SIZE];
	size_t count, room;
} Found;

static int find(Found *found, const char *terminal)
{
	if (found->count == found->room) {
		size_t room = found->room ? 2 * found->room : 64;
		void *grown = reallocarray(found->terminals, room, sizeof(*found->terminals));

		if (!grown)
			return -ENOMEM;
		found->terminals = grown;
		found->room = room;
	}
	return sk_str_copy(found->terminals[found->count++], SK_ID_SIZE, terminal) ? 0 : -EUCLEAN;
}

static int look_at(SkWake *wake, Found *found, const char *terminal, int64_t revision)
{
	Seen *seen;

	HASH_FIND_STR(wake->seen, terminal, seen);
	if (seen && seen->revision == revision)
		return 0;
	if (!seen) {
		seen = calloc(1, sizeof(*seen));
		if (!seen || !sk_str_copy(seen->terminal, sizeof(seen->terminal), terminal)) {
			free(seen);
			return -ENOMEM;
		}
		HASH_ADD_STR(wake->seen, terminal, seen);
	}
	seen->revision = revision;
	return find(found, terminal);
}

static int read_changes(SkWake *wake, Found *found)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(wake->db,
		"SELECT terminal_id, revision FROM terminal_revisions WHERE changed > $1",
		SK_DB_ARGS(sk_db_int(wake->since - OVERLAP_MS)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = look_at(wake, found, sk_db_get_text(rows, 0), sk_db_get_int(rows, 1));
	return r;
}

/* All at once: each that wakes makes a thread look through those that still wait. */
static int look(SkWake *wake)
{
	int64_t now = sk_time_now();
	Found found = {.terminals = NULL};
	int r = read_changes(wake, &found);

	for (size_t i = 0; i < found.count; i++)
		sk_poll_wake(wake->poll, found.terminals[i]);
	free(found.terminals);
	if (r == 0)
		wake->since = now;
	return r;
}

/* Listens before it looks: what comes between them is told. */
static int connect_anew(SkWake *wake)
{
	int r = wake->db ? 0 : sk_db_open(wake->database, &wake->db);

	return r < 0 ? r : sk_db_listen(wake->db, SK_DB_REVISIONS);
}

/* Until there is a notice, it is time to look, or the end. fd -1: only a pause. */
static void wait_for(SkWake *wake, int fd, int ms)
{
	struct pollfd fds[] = {{.fd = wake->end_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	(void)poll(fds, SK_ARRAY_SIZE(fds), ms);
}

static void hear(void *userdata, const char *payload)
{
	*(bool *)userdata = true;
}

/* What came while we looked is not on the wire any more: libpq has it. Return: 0, or that there is no
 * connection. */
static int look_until_quiet(SkWake *wake, bool *listening)
{
	bool heard = true;
	int r = *listening ? 0 : connect_anew(wake);

	while (r == 0 && heard && !atomic_load(&wake->ending)) {
		heard = false;
		r = look(wake);
		if (r == 0)
			r = sk_db_read_notices(wake->db, hear, &heard);
	}
	*listening = r == 0;
	return r;
}

static void *work(void *userdata)
{
	SkWake *wake = userdata;
	bool listening = false, failed = false;

	while (!atomic_load(&wake->ending)) {
		int r = look_until_quiet(wake, &listening);

		if (r < 0 && !failed)
			sk_log(LOG_WARNING, "agents wait for the database: %s: %s", strerror(-r),
				sk_db_message(wake->db));
		failed = r < 0;
		if (failed)
			wait_for(wake, -1, PAUSE_MS);
		else
			wait_for(wake, sk_db_fd(wake->db),
				sk_db_engine(wake->db) == SK_DB_SQLITE ? LOOK_SQLITE_MS : LOOK_PGSQL_MS);
	}
	sk_db_free(wake->db);
	return NULL;
}

int sk_wake_new(const char *database, SkPoll *poll, SkWake **ret_wake)
{
	SkWake *wake = calloc(1, sizeof(*wake));

	if (!wake)
		return -ENOMEM;
	wake->database = database;
	wake->poll = poll;
	wake->since = sk_time_now();
	wake->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake->end_fd < 0 || pthread_create(&wake->thread, NULL, work, wake) != 0) {
		if (wake->end_fd >= 0)
			close(wake->end_fd);
		free(wake);
		return -EAGAIN;
	}
	*ret_wake = wake;
	return 0;
}

void sk_wake_free(SkWake *wake)
{
	Seen *seen, *next;

	if (!wake)
		return;
	atomic_store(&wake->ending, true);
	(void)eventfd_write(wake->end_fd, 1);
	pthread_join(wake->thread, NULL);
	HASH_ITER (hh, wake->seen, seen, next) {
		HASH_DEL(wake->seen, seen);
		free(seen);
	}
	close(wake->end_fd);
	free(wake);
}
