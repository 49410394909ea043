/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The side of core that talks to sekisho-scanner: it is started when a medium comes and goes by itself when
 * idle.
 */
#include <stdint.h>
#include <sys/types.h>

#include "agent/core/peer.h"
#include "lib/conf/settings.h"
#include "lib/ipc/proto_scanner.h"

extern const PeerType peer_scanner_type;

/* Connects (which starts it) and gives it its limits. Return: 0 or negative errno. */
int scanner_ensure(Core *core);

/* New settings: a scanner with other limits than before is started anew; files that wait are asked for again.
 */
void scanner_settings_changed(Core *core, const SkSettings *before);

/* It died at work: connects again as soon as systemd has it back. */
void scanner_retry(Core *core);

/* Nothing more of this volume. */
void scanner_cancel(Core *core, uint64_t volume);

/* Once a day: the definitions are older than the settings like. */
void scanner_warn_of_age(Core *core, int64_t age_days);

/* The group that may read media besides their user; (gid_t)-1 when it does not exist. */
gid_t scanner_group(void);
