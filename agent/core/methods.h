/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The methods of org.sekisho.Agent1, as data/dbus/org.sekisho.Agent1.xml documents them. Answers that are
 * lists or trees are JSON text, the same that `sekishoctl --json` prints.
 */
#include <systemd/sd-bus.h>

extern const sd_bus_vtable methods_vtable[];
