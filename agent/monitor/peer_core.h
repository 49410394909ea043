/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The connection to core: who may be core, its orders, our messages.
 */
#include "agent/monitor/monitor.h"
#include "lib/ipc/chan.h"

/* What core may send. Its contents are checked where they are used: a wrong order is answered with -EINVAL.
 */
extern const SkMsgSpec core_orders[];

/* Accepts core's connections on listen_fd (taken). Only one at a time, only from monitor->core_uid; a new one
 * replaces one whose peer has closed. */
int core_listen(Monitor *monitor, int listen_fd);

/* Sends to core if it listens. fd: a descriptor that goes along (borrowed), or -1. A core that does not read
 * loses its connection. */
void core_tell(Monitor *monitor, const void *message, int fd);

/* To be kept with an order that is carried out later. */
CoreOrder core_order(const Monitor *monitor, const SkHead *message);

/* Answers an order, whether or not core has asked for news. detail may be NULL. fd as above. */
void core_answer(Monitor *monitor, const CoreOrder *order, int result, const char *detail, int fd);

/* Sends the end of an enumeration once all that it found has been told. */
void core_tell_enumerated(Monitor *monitor);
