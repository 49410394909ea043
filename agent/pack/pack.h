/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-pack: makes one hand-over archive and ends (lib/ipc/proto_pack.h says how). It sees what people
 * carry out and the passphrase; it has no file of its own, no network and no privilege, and parses nothing
 * but messages.
 */
#include "agent/pack/zip.h"
#include "agent/pack/name.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_pack.h"
#include "lib/reason/reason.h"

typedef struct Pack {
	SkChan *core, *files; /* files: from sekishoctl */
	int archive_fd;
	PackArchive *archive;
	PackNames *names;
	uint64_t bytes, bytes_max;
	uint32_t n_files, files_max;
	bool all; /* sekishoctl has sent everything */
	uint8_t sha256[SK_SHA256_SIZE];
	SkReason code; /* why not, when something failed */
	char detail[256];
} Pack;

/* What it takes. */
extern const SkMsgSpec pack_core_specs[], pack_files_specs[];

/* Serves one connection of core. Return: 0 (also: it failed, and core was told), or negative errno. */
int pack_serve(int fd);

/* Takes what sekishoctl sends until it has sent all. Return: 0; negative errno, with a code where there is a
 * reason to tell. */
int pack_take_files(Pack *pack);

/* Of the table: what core sends. */
int pack_wait(Pack *pack, uint16_t type);

/* Notes why it ends. Return: -ECANCELED. */
int pack_fail(Pack *pack, SkReason code, const char *detail);

int pack_jail_enter(void);
