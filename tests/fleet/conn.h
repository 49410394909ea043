/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of the loop: what it does with a connection. */
#include "tests/fleet/loop.h"

/* Something can be read or written. */
void fleet_conn_ready(FleetConn *conn);

/* Connections that were freed while events of them were still to be looked at. */
void fleet_conn_free_ended(FleetLoop *loop);
