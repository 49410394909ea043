/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/server.h"

#include <pthread.h>

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
