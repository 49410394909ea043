/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Who is at the other end of a connection: the address, and the terminal of a certificate. */
#include <microhttpd.h>

#include "console/server/call.h"

void sk_peer_address(struct MHD_Connection *connection, SkCall *call);
/* ret_until: when its certificate ends, ms since 1970; 0: there is none. */
void sk_peer_terminal(struct MHD_Connection *connection, SkCall *call, int64_t *ret_until);
