/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

/* A thread's connection lives as long as the thread. */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_db(void *db)
{
	sk_db_free(db);
}

static void make_key(void)
{
	(void)pthread_key_create(&key, free_db);
}

int sk_server_db(SkServer *server, SkDb **ret_db)
{
	SkDb *db;
	int r;

	pthread_once(&once, make_key);
	db = pthread_getspecific(key);
	if (!db) {
		r = sk_db_open(server->database, &db);
		if (r < 0)
			return r;
		pthread_setspecific(key, db);
	}
	*ret_db = db;
	return 0;
}

static int read_origin(const SkServer *server, SkDb *db, char **ret_origin)
{
	own_rows SkDbRows *rows = NULL;
	int r;

	if (*server->settings->web.origin) {
		*ret_origin = strdup(server->settings->web.origin);
		return *ret_origin ? 0 : -ENOMEM;
	}
	r = sk_db_query(db, "SELECT value FROM settings WHERE name = 'origin'", SK_DB_NO_ARGS, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 1)
		*ret_origin = strdup(sk_db_get_text(rows, 0));
	else if (asprintf(ret_origin, "https://localhost:%u",
			 (unsigned)server->settings->listen.people_port) < 0)
		*ret_origin = NULL;
	return *ret_origin ? 0 : -ENOMEM;
}

/* As a browser writes it: a host in small letters, a port when it is not 443, and nothing behind. */
static bool is_origin(const char *origin)
{
	const char *host = origin + strlen("https://");
	size_t size = sk_str_starts(origin, "https://")
			      ? strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-")
			      : 0;
	uint64_t port;

	if (size == 0 || size > 253)
		return false;
	return !host[size] || (host[size] == ':' && sk_num_parse(host + size + 1, 10, 65535, &port) == 0 &&
				      port > 0 && port != 443);
}

int sk_server_find_origin(SkServer *server, SkDb *db)
{
	int r = read_origin(server, db, &server->origin);

	if (r < 0)
		return r;
	if (!is_origin(server->origin))
		return -EINVAL;
	server->host = strndup(
		server->origin + strlen("https://"), strcspn(server->origin + strlen("https://"), ":"));
	return server->host ? 0 : -ENOMEM;
}

void sk_server_forget_origin(SkServer *server)
{
	free(server->origin);
	free(server->host);
	server->origin = server->host = NULL;
}
