/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The call's reply as a response of libmicrohttpd, with the headers that every answer has.
 */
#include <microhttpd.h>

#include "console/server/call.h"

/* What the reply owns is taken from it. */
enum MHD_Result sk_reply_send(SkCall *call, struct MHD_Connection *connection);
