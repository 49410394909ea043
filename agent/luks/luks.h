/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-luks: the one program that reads the header of a carry-out medium with libcryptsetup, and that sees
 * its passphrase and its keys. It has a copy of the header in a memfd and a socket to the worker of
 * sekisho-media that started it: no device, no file, no network, no capability. One job, then it exits.
 */
#include <libcryptsetup.h>

#include "lib/crypt/secret.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_carry.h"
#include "lib/luks2/profile.h"
#include "lib/reason/reason.h"

typedef struct Luks {
	SkChan *worker;
	SkMediaEvaluated evaluated;
	bool is_evaluated;
} Luks;

/* After everything was opened that libraries open. Return: 0 or negative errno. */
int luks_jail_enter(void);

/* Answers one SK_LUKS_OPEN or SK_LUKS_FORM: for the table of the worker's socket. */
int luks_on_open(void *userdata, const SkHead *head, int *fds, size_t n_fds);
int luks_on_form(void *userdata, const SkHead *head, int *fds, size_t n_fds);

/* The passphrase out of the sealed memfd. Return: 0; -EBADF, -EFBIG, -EINVAL an empty one; -ENOMEM. */
int luks_passphrase_read(int fd, SkSecret **ret_passphrase);

/* What a slot's key depends on. */
typedef struct LuksSlot {
	const char *medium;
	uint32_t mode;	  /* SK_LUKS_MODE_* */
	uint32_t purpose; /* SK_MEDIA_FOR_* */
	SkSecret *passphrase;
} LuksSlot;

/*
 * The key of the passphrase's slot: the passphrase itself (portable), or what it becomes with the console's
 * half (bound). Return: SK_REASON_NONE and the key, or why not; SK_KEY_DESTROYED also when what answered has
 * not the key of the grant.
 */
SkReason luks_slot_key(Luks *luks, const LuksSlot *slot, SkSecret **ret_key);

/* A device of libcryptsetup on a descriptor that is a header, or becomes one. Return: 0 or negative errno. */
int luks_device_new(int fd, struct crypt_device **ret_device);
static inline void luks_device_freep(struct crypt_device **device)
{
	crypt_free(*device);
}
#define own_luks_device own_(luks_device_freep)

/* The facts of the header behind fd. Return: 0, -EIO, -ENOMEM. */
int luks_facts_read(int fd, uint64_t medium_size, SkLuksFacts *ret_facts);
