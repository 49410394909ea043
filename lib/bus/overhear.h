/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What others on a bus of D-Bus say to each other, where nobody announces what matters. The bus's own policy
 * says who may: root on the system's, a user on that of his session.
 */
#include <systemd/sd-bus.h>

/* Where a bus answers for itself: name and path. */
#define SK_BUS "org.freedesktop.DBus", "/org/freedesktop/DBus"

/*
 * like: a connection to that bus, with the loop in which it is heard. rules: match rules, the last is NULL.
 * heard: is given each message that one of them matches, and returns 1: whoever listens must not answer, or
 * the bus closes the connection. Return: 0, and a connection of its own, which the caller closes; or negative
 * errno, and none.
 */
int sk_bus_overhear(sd_bus *like, const char *const *rules, sd_bus_message_handler_t heard, void *userdata,
	sd_bus **ret_bus);
