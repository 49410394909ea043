/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What all threads of a running console share. Made by main.c before any listener, freed after the last one.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/server/file_type.h"
#include "console/server/home.h"
#include "console/server/limit.h"
#include "console/server/metrics.h"
#include "console/server/poll.h"
#include "console/server/provider.h"
#include "console/server/settings.h"
#include "console/server/writer.h"

typedef struct SkServer {
	const SkServerSettings *settings;
	const char *database; /* for sk_db_open() */
	SkProvider *provider; /* of sign-ins; NULL: none */
	char *origin;	      /* https://HOST[:PORT]: how people reach the console */
	char *host;	      /* of it */
	char *contract;	      /* openapi.yaml */
	size_t contract_size;
	SkHome home;
	SkLimit *requests; /* of people, by address */
	SkLimit *sign_ins; /* by address */
	SkPoll *poll;
	struct SkSending *sending; /* to servers outside */
	SkMetrics metrics;
	SkFileType *types; /* of files that people send */
	SkWriter *writer;
	atomic_bool stopping;
	atomic_uint running; /* requests that are being answered, the waiting ones included */
} SkServer;

/* Sets origin and host: by the settings, else what init was told, else localhost. Return: 0, -EINVAL it is no
 * origin, -ENOMEM, those of the database. */
int sk_server_find_origin(SkServer *server, SkDb *db);
void sk_server_forget_origin(SkServer *server);

/* This thread's own connection, opened when it is first asked for. Return: 0 or as sk_db_open(). */
int sk_server_db(SkServer *server, SkDb **ret_db);
