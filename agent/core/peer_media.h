/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The side of core that talks to sekisho-media.
 */
#include <stdbool.h>

#include "agent/core/orders.h"
#include "agent/core/peer.h"
#include "lib/ipc/proto_carry.h"

typedef struct Volume Volume;

extern const PeerType peer_media_type;

/* done gets the SkMediaMounted with its descriptors, or NULL. */
void media_mount(Core *core, const char *sysname, SkMediaMount *mount, int block_fd, OrderDone done);

/* fds: the block device and the passphrase. done gets the SkMediaMounted with its descriptors, or NULL. */
void media_unlock(Core *core, const char *sysname, SkMediaUnlock *unlock, const int fds[2], OrderDone done);
/* The same; done gets the SkMediaFormatted, or NULL. */
void media_format(Core *core, const char *sysname, SkMediaFormat *format, const int fds[2], OrderDone done);
/* fds: the block device, the old secret, the new passphrase. done gets the SkMediaRekeyed, or NULL. */
void media_rekey(Core *core, const char *sysname, SkMediaRekey *rekey, const int fds[3], OrderDone done);

/* block_fd: of the whole disk, for writing. done gets the SkMediaErased, or NULL. */
void media_erase(Core *core, const char *sysname, SkMediaErase *erase, int block_fd, OrderDone done);
/* fds: the block device, the archive, slip, manifest, sums. done gets an SkAnswer, or NULL. */
void media_hand_over(
	Core *core, const char *sysname, SkMediaHandOver *order, const int fds[5], OrderDone done);

/* A medium that is open for writing: now it may be written to; its slip (fds: slip, manifest, sums). done
 * gets an SkAnswer or NULL. */
void media_writable(Core *core, const Volume *volume, OrderDone done);
void media_store(Core *core, const Volume *volume, uint64_t serial, const int fds[3], OrderDone done);

/* The gate of the volume is in the descriptor store: media need not hold it any longer. */
void media_kept(Core *core, uint64_t volume, const char *sysname);

/* subject is the sysname of the volume, or empty when it is gone; detail is not escaped. */
typedef void (*UnmountDone)(Core *core, const char *subject, int result, const char *detail, void *userdata);
void media_unmount(Core *core, uint64_t volume, const char *path, UnmountDone done, void *userdata);

/* At once, whoever uses it: the device or the person is gone. */
void media_detach(Core *core, uint64_t volume, const char *path);

/*
 * Closes every mount of ours that is no volume of core's: its gate is held by nobody. done gets an SkAnswer
 * when all were asked for, or NULL.
 */
void media_close_others(Core *core, OrderDone done);

/* Has every order been answered? */
bool media_is_idle(const Core *core);

/* For orders whose answer changes nothing. */
void media_ignore_answer(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds);
