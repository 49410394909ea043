/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Records that the uplink asks for: read from the log where they are, given only when they are on the disk.
 */
#include "lib/ipc/proto_uplink.h"

typedef struct Core Core;

/* Answers with as many lines as fit, or with none. Return: 0 or negative errno (the connection is at an end).
 */
int uplink_records_give(Core *core, const SkUplinkWantRecords *want);

/* Checks that what the console has is what was given. */
int uplink_records_acked(Core *core, const SkUplinkAcked *acked, int fd);

/* The connection is gone. */
void uplink_records_forget(void);
