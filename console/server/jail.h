/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include <stdbool.h>

#include "console/server/settings.h"

/* Before the first thread and the first byte of a client; keys and sockets are open. own_certificate: the
 * server's certificate is renewed here. Return: 0 or negative errno. */
int jail_enter(const SkServerSettings *settings, const char *database, bool own_certificate);
