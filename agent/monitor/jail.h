/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The monitor's own jail. Its probes start inside it and then enter a narrower one, so what they call to get
 * there is allowed here too.
 */

/* probe: the program that is run. also: one more directory that may be written to (a mocked /sys of a test),
 * or NULL. Return: 0 or negative errno. */
int monitor_jail_enter(const char *probe, const char *run_directory, const char *also);
