/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Orders that were sent and wait for their answer. An order names its subject by text, not by pointer: what
 * it was about may be gone when the answer comes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto.h"

typedef struct Core Core;
typedef struct Order Order;

/* message is the answer of the sibling, or NULL when the sibling died before it answered. */
typedef void (*OrderDone)(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds);

typedef struct Orders {
	Order *waiting; /* by cookie */
	uint64_t last_cookie;
} Orders;

/* Return: the cookie to send, or 0 when memory is out. peer: only compared, for orders_fail(). */
uint64_t orders_add(Orders *orders, const void *peer, const char *subject, OrderDone done);

/* Calls done of the order with this cookie; an answer nobody waits for is -EPROTO. */
int orders_finish(Core *core, Orders *orders, const SkHead *message, int *fds, size_t n_fds);

/* The sibling died: every order it has not answered is done with NULL. */
void orders_fail(Core *core, Orders *orders, const void *peer);

/* Does any order to this sibling wait? */
bool orders_waits_for(const Orders *orders, const void *peer);

void orders_deinit(Orders *orders);
