/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A whole disk that is to be overwritten: prepared (preparing.h), given other keys (rekeying.h), erased
 * (erasing.h), or handed over (handover.h). What they have in common.
 */
#include "agent/core/orders.h"
#include "agent/core/volumes.h"

/* May the rules, and what goes on with it, let all of it be overwritten? Return: SK_REASON_NONE, or why not.
 * volume: may be NULL. */
SkReason disk_why_not(Core *core, const Volume *volume);

/* What is open of it is closed. */
void disk_close_all(Core *core, const Volume *disk);

/* Has the block layer let writes through; done gets an SkAnswer and a descriptor, or NULL. */
void disk_open(Core *core, const Volume *volume, OrderDone done);

/* "" when the descriptor is here; else why not. */
const char *disk_error(const SkHead *message, size_t n_fds);

/* The hash of its USB device, in hexadecimal digits; "none": it has none. */
#define DISK_HASH_SIZE (2 * SK_LUKS_SECRET_SIZE + 1)
void disk_format_hash(const Core *core, const Volume *volume, char ret_text[DISK_HASH_SIZE]);

/* The first step of the work, SK_MEDIA_STEP_*. */
void disk_begin_step(Volume *volume, uint32_t step);

/* How far it is, of a volume that is prepared or erased: "keys", "wipe", "files", "header", "destroy",
 * "overwrite", "compare"; NULL: nothing is under way. */
const char *disk_step(const Volume *volume);

/* For the table of media's messages. */
int disk_on_progress(void *userdata, const SkHead *message, int *fds, size_t n_fds);
