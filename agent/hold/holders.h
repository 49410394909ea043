/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Programs that keep a desktop from being idle: players, slide shows, meetings. Each desktop has a list of
 * its own on the bus of the session.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* Printable, whatever the program said. silent: its desktop does not tell when it has ended. */
typedef struct Holder {
	char who[64], why[96];
	bool silent;
} Holder;

/* Signals that tell of a change, as match rules; the last is NULL. */
extern const char *const holders_signals[];

/* Calls that change what Xfce's manager knows and does not announce, as match rules; the last is NULL. */
extern const char *const holders_calls[];

bool holders_same(const Holder *one, const Holder *other);

/* ours: what was told to logind, because a desktop may tell it back, and it is nobody. Return: is there one?
 */
bool holders_find(sd_bus *session, const Holder *ours, Holder *ret_holder);
