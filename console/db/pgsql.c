/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/db/db_engine.h"

int sk_db_pgsql_open(const char *url, SkDb **ret_db)
{
	return -ENOTSUP;
}
