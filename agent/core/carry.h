/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Media that are registered in the console's ledger: LUKS2, with a token that says which one (lib/luks2).
 * They wait locked until who sits here brings the passphrase, and open as far as a grant allows at that
 * moment: for reading or for writing. When the grant ends they are cut off, whoever has files open.
 *
 * What the header says is a claim. Core compares it with the signed grant before anything is asked, and
 * sekisho-luks once more, on the copy that is then opened.
 */
#include "agent/core/volumes.h"
#include "lib/ipc/proto_carry.h"

/* The facts are of a medium of ours, as far as its token claims. */
bool carry_is_ours(const Volume *volume);

/* Takes the place of volume_decide.c for such media: refused, or locked with the reason why it could not be
 * opened now (SK_MEDIUM_LOCKED: it could). */
void carry_decide(Core *core, Volume *volume);

/* Grants, session or rules changed: what is locked is judged anew, what is open and may not be any more is
 * closed. */
void carry_look(Core *core);

/* code: SK_MEDIUM_OPEN_FOR_WRITING or SK_MEDIUM_OPEN_FOR_READING and the path, or why not (detail: escaped).
 * Called once, perhaps before carry_open() returns. */
typedef void (*CarryDone)(void *userdata, SkReason code, const char *detail);

typedef struct CarryOrder {
	const char *volume; /* sysname */
	bool writing;
	int passphrase_fd; /* a sealed memfd; duplicated where needed, never read */
	CarryDone done;
	void *userdata;
} CarryOrder;

void carry_open(Core *core, const CarryOrder *order);

/* May it be opened so, now? Return: SK_REASON_NONE and what it must be, or why not. volume: may be NULL. */
SkReason carry_may_open(Core *core, const Volume *volume, bool writing, SkLuksWanted *ret_wanted);

/* The volume goes, or what was under way with it: who waits is told. */
void carry_forget(Core *core, Volume *volume);

/* What the next core must know of one that is open. Return: 0 (also: it is none), -EINVAL. */
void carry_pack(const Volume *volume, json_t *object);
int carry_unpack(Volume *volume, json_t *object);

/* Nobody writes to the disk any more: the block layer refuses it again. */
void carry_protect(Core *core, const Volume *volume);

/* Its header was written, or may have been: it is probed and decided as another medium. */
void carry_look_again(Core *core, Volume *volume);
