/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The side of core that talks to sekisho-monitor.
 */
#include "agent/core/orders.h"
#include "agent/core/peer.h"
#include "lib/ipc/proto_monitor.h"

extern const PeerType peer_monitor_type;

/* Fills in the head, sends, and calls done with the answer (or with NULL when the monitor dies before). */
void monitor_order_usb(Core *core, SkUsbApply *order, OrderDone done);
/* type: SK_MONITOR_BLOCK_PROBE, _OPEN or _EJECT */
void monitor_order_block(Core *core, uint16_t type, SkBlockOrder *order, OrderDone done);

/* Has everything told again: what was told and has no facts is probed again. */
void monitor_enumerate(Core *core);

/* Tells whether to enforce, as trial_mode() says now. */
void monitor_send_mode(Core *core);
