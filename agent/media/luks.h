/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: runs sekisho-luks for one job and carries its questions about keys to our parent, which
 * carries them to core.
 */
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_carry.h"

typedef struct MediaLuks {
	SkChan *parent; /* of the worker */
	uid_t run_uid;	/* who it runs as; 0: there is no such user */
	gid_t run_gid;
	int header_fd, passphrase_fd;
	int secret_fd; /* the old one, of a rekeying */
} MediaLuks;

/* What sekisho-luks may send. */
extern const SkMsgSpec media_luks_specs[];

/* Return: 0 and its answer; -ECHILD it ended without one; other negative errno. */
int media_luks_open(const MediaLuks *luks, SkLuksOpen *order, SkLuksOpened *ret_opened);
int media_luks_form(const MediaLuks *luks, SkLuksForm *order, SkLuksFormed *ret_formed);
int media_luks_rekey(const MediaLuks *luks, SkLuksRekey *order, SkLuksRekeyed *ret_rekeyed);
