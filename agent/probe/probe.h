/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-probe: descriptor in, facts out, exit. Reads bytes that a stranger chose, so it enters its jail
 * before the first of them and holds nothing worth taking: no files, no user, one answer on one socket.
 */
#include <sys/types.h>

#include "lib/ipc/chan.h"
#include "lib/ipc/proto_probe.h"

/* Descriptors of a job in the order of the SK_PROBE_FD_* bits; -1 where the bit is unset. */
typedef struct ProbeFds {
	int descriptors, manufacturer, product, serial, block;
} ProbeFds;

/* Fill all but head. They cannot fail: what goes wrong is the state of the facts. */
void probe_usb(const ProbeFds *fds, SkUsbFacts *ret_facts);
void probe_block(const ProbeFds *fds, SkBlockFacts *ret_facts);

/* Return: 0, or -EIO also when fewer bytes come than asked for. */
int probe_read_at(int fd, uint8_t *buffer, size_t size, uint64_t offset);

/* The header of a medium that libblkid takes for LUKS2, of `size` readable bytes. */
void probe_luks(int fd, uint64_t size, SkLuksFacts *ret_facts);

/* What the monitor may send: each job is done, and its facts are sent, before the handler returns. */
extern const SkMsgSpec probe_jobs[];

/*
 * Goes the way of a job once, with a device of our own: the memory and the code that a real one needs are
 * then in place while nobody waits. Nothing comes of it.
 */
void probe_warm(void);

/* Return: 0 or negative errno; then the process must end. */
int probe_jail_enter(uid_t uid, gid_t gid);
