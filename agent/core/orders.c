/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/orders.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "lib/base/str.h"

struct Order {
	uint64_t cookie;
	const void *peer;
	OrderDone done;
	char subject[SK_SYSNAME_SIZE];
	UT_hash_handle hh;
};

uint64_t orders_add(Orders *orders, const void *peer, const char *subject, OrderDone done)
{
	Order *order = calloc(1, sizeof(*order));

	if (!order)
		return 0;
	order->cookie = ++orders->last_cookie;
	order->peer = peer;
	order->done = done;
	sk_str_copy(order->subject, sizeof(order->subject), subject);
	HASH_ADD(hh, orders->waiting, cookie, sizeof(order->cookie), order);
	return order->cookie;
}

/* Taken out of the table already: done may add or finish others. */
static void order_finish(Core *core, Order *order, const SkHead *message, int *fds, size_t n_fds)
{
	order->done(core, order->subject, message, fds, n_fds);
	free(order);
}

int orders_finish(Core *core, Orders *orders, const SkHead *message, int *fds, size_t n_fds)
{
	Order *order;

	HASH_FIND(hh, orders->waiting, &message->cookie, sizeof(message->cookie), order);
	if (!order)
		return -EPROTO;
	HASH_DEL(orders->waiting, order);
	order_finish(core, order, message, fds, n_fds);
	return 0;
}

/* One at a time from the start: a done function may add or finish others. */
static Order *find_of_peer(const Orders *orders, const void *peer)
{
	for (Order *order = orders->waiting; order; order = order->hh.next)
		if (order->peer == peer)
			return order;
	return NULL;
}

bool orders_waits_for(const Orders *orders, const void *peer)
{
	return find_of_peer(orders, peer) != NULL;
}

void orders_fail(Core *core, Orders *orders, const void *peer)
{
	Order *order;

	while ((order = find_of_peer(orders, peer))) {
		HASH_DEL(orders->waiting, order);
		order_finish(core, order, NULL, NULL, 0);
	}
}

void orders_deinit(Orders *orders)
{
	Order *order, *next;

	HASH_ITER (hh, orders->waiting, order, next) {
		HASH_DEL(orders->waiting, order);
		free(order);
	}
}
