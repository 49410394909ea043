/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Hand-over: files of a person become an encrypted archive with a signed slip, on a medium that is made anew
 * for it (agent/media/handover.h), under a grant for that. sekisho-pack makes the archive of descriptors that
 * the person's own program opened; core has each file scanned, and reads none.
 *
 * The medium is wiped each time, so no file of another receiver is on it and no file system that a stranger
 * made is mounted for writing. One hand-over at a time.
 */
#include "agent/core/peer.h"
#include "agent/core/volumes.h"

/* code: SK_HANDOVER_MADE and the name of the archive, or why not (detail: escaped; for SK_MEDIUM_HAS_DATA
 * what confirms it). Called once, perhaps before handover_start() returns. */
typedef void (*HandoverDone)(void *userdata, SkReason code, const char *detail);

typedef struct HandoverOrder {
	const char *volume;  /* sysname of a whole disk */
	const char *medium;  /* its id in the ledger; empty: of the only grant there is */
	const char *confirm; /* as of PreparingOrder */
	int files_fd;	     /* of lib/ipc/proto_pack.h; both are duplicated */
	int passphrase_fd;
	HandoverDone done;
	void *userdata;
} HandoverOrder;

void handover_start(Core *core, const HandoverOrder *order);

/* The answer of the scanner, if it is one to a file of a hand-over. */
bool handover_result(Core *core, const SkScanResult *result);
void handover_scanner_lost(Core *core);

/* The volume goes. */
void handover_forget(Core *core, Volume *volume);
/* Core ends. */
void handover_close(Core *core);

extern const PeerType peer_pack_type;
