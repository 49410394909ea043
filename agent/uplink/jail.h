/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Network, its own state directory, and what the resolver reads. Return: 0 or negative errno. */
int uplink_jail_enter(const char *state_directory);
