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
	SkMediaLease lease;
	bool is_answered;
	bool is_from_lease; /* the slot's key is from one */
} Luks;

/* After everything was opened that libraries open. Return: 0 or negative errno. */
int luks_jail_enter(void);

/* Answers one SK_LUKS_OPEN, SK_LUKS_FORM or SK_LUKS_REKEY: for the table of the worker's socket. */
int luks_on_open(void *userdata, const SkHead *head, int *fds, size_t n_fds);
int luks_on_form(void *userdata, const SkHead *head, int *fds, size_t n_fds);
int luks_on_rekey(void *userdata, const SkHead *head, int *fds, size_t n_fds);

/* The passphrase out of the sealed memfd. Return: 0; -EBADF, -EFBIG, -EINVAL an empty one; -ENOMEM. */
int luks_passphrase_read(int fd, SkSecret **ret_passphrase);

/* What a slot's key depends on. */
typedef struct LuksSlot {
	const char *medium;
	uint32_t mode;	  /* SK_LUKS_MODE_* */
	uint32_t purpose; /* SK_MEDIA_FOR_* */
	SkSecret *passphrase;
	bool is_made; /* it is a slot that is being made, or goes: no lease will do */
} LuksSlot;

/* Asks the worker and waits: there is nothing else to do meanwhile. Return: 0 and the answer is in luks. */
int luks_ask(Luks *luks, SkHead *question);

/* The slot's key out of a lease that this terminal holds. SK_CONSOLE_NEEDED: it holds none. */
SkReason luks_lease_find(Luks *luks, const LuksSlot *slot, SkSecret **ret_key);
/* The key is the slot's: takes a lease for it. What becomes of it is on record, and no matter of the opening.
 */
void luks_lease_take(Luks *luks, const LuksSlot *slot, SkSecret *key);

/*
 * The key of the passphrase's slot: the passphrase itself (portable), or what it becomes with the console's
 * half, or with what is left of it in a lease (bound). Return: SK_REASON_NONE and the key, or why not;
 * SK_KEY_DESTROYED also when what answered has not the key of the grant.
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

/* What went wrong, in words for the record. */
typedef struct LuksDetail {
	char text[256];
} LuksDetail;

/*
 * The header behind fd is that of the medium that is wanted, and of the profile. One whose writing was cut is
 * mended first, behind fd: what libcryptsetup reads afterwards is what was checked. Return: SK_REASON_NONE
 * and its facts, or why not.
 */
SkReason luks_header_check(
	int fd, uint64_t medium_size, const SkLuksWanted *wanted, SkLuksFacts *ret_facts, LuksDetail *detail);

/* keyslot.c: what of a header is made, and made anew. All return 0 or more, or negative errno. */
typedef struct LuksNewSlot {
	int number;
	SkSecret *key; /* NULL: a random one */
	const SkLuksPlan *plan;
} LuksNewSlot;

/* Each is opened once, and gives the volume key, or the function fails. The box of the recovery key goes into
 * made. */
int luks_keyslot_add(struct crypt_device *device, const LuksNewSlot *slot, SkSecret *volume_key);
int luks_keyslot_add_recovery(
	struct crypt_device *device, const LuksNewSlot *slot, SkSecret *volume_key, SkLuksMade *made);
/* token: its number, or CRYPT_ANY_TOKEN. */
int luks_token_write(struct crypt_device *device, int token, int slot, const SkLuksPlan *plan);

/* What was written, by the reader that will read it. -EBADMSG: it is not of the profile, see detail. */
int luks_read_back(int header_fd, uint64_t medium_size, SkLuksFacts *facts, LuksDetail *detail);
void luks_made_fill(const SkLuksFacts *facts, uint64_t medium_size, SkLuksMade *made);
