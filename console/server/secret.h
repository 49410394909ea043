/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The console's own secret: 32 bytes in a file beside the database, never in it. Seeds of second factors are
 * wrapped under it, so that who has the database alone cannot make codes.
 */
#include "lib/crypt/secret.h"

#define SK_SERVER_SECRET_SIZE 32

/* Return: 0, -ENOENT, -EBADMSG another size, -EPERM others may read it, others of the system. */
int sk_server_secret_read(const char *path, SkSecret **ret_secret);

/* A new one, mode 0600, on the disk. Return: 0, -EEXIST, others of the system. */
int sk_server_secret_make(const char *path);
