/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PostgreSQL server for tests that are no C: prints its address, runs until its input ends, and leaves
 * nothing. Ends with 77 where there is no PostgreSQL.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/lib/pg_server.h"

int main(void)
{
	PgServer server;
	char byte;

	if (!pg_server_is_there())
		return 77;
	pg_server_start(&server, NULL);
	puts(server.url);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	pg_server_free(&server);
	return 0;
}
