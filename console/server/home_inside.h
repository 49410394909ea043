/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of home.h: what making a home and joining with one have in common. */
#include <limits.h>

#include "console/server/home.h"

/* Remembers what failed. Return: error. */
int sk_home_fail(SkHome *home, const char *what, int error);

/* Ours alone; it may be there. */
int sk_home_make_directory(SkHome *home, const char *path);

/* In the directory of keys. */
int sk_home_path(const SkServerSettings *settings, const char *name, char path[PATH_MAX]);

/* The row of an instance: started now. */
int sk_home_add_instance(SkDb *db, const char *instance);

/* The certificate of the server, for this machine, localhost and host (NULL: no other name), when there is
 * none. */
int sk_home_ensure_certificate(const SkServerSettings *settings, SkHome *home, const char *host);

/* Directories for a vault that comes from elsewhere. Return: 0, -EALREADY there is one, as in home.h. */
int sk_home_make_place(const SkServerSettings *settings, SkHome *home, char vault[PATH_MAX]);

/* The authority that came from elsewhere, and a certificate of it for this machine. Return: as in home.h. */
int sk_home_open_authority(const SkServerSettings *settings, SkHome *home, const char *host);
