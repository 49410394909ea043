/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The TPM's half of the key that is this terminal's own (seal.h): a cell of it (lib/tpm) holds what the file
 * is wrapped with. Core touches no device, and a TPM takes its time: a child of core's, forked before the
 * jail and in one of its own, is all that opens it. It is asked for one thing at a time.
 */
#include <systemd/sd-event.h>

#include "lib/tpm/tpm.h"

typedef struct SealTpm SealTpm;

typedef enum SealTpmWhat {
	SEAL_TPM_WRITE, /* what is in a cell of ours is replaced */
	SEAL_TPM_READ,
	SEAL_TPM_DESTROY,
} SealTpmWhat;

/* result: as of lib/tpm, -EPIPE when the child is gone; content: of a read, the receiver's to take. */
typedef void (*SealTpmDone)(void *userdata, SealTpmWhat what, int result, SkSecret **content);

/* Before the jail, while there are no threads. where: as of lib/tpm. Return: the descriptor for
 * seal_tpm_new(), or negative errno. */
int seal_tpm_fork(const char *where);

/* Takes the descriptor. Return: NULL: no memory. */
SealTpm *seal_tpm_new(sd_event *event, int fd, SealTpmDone done, void *userdata);
SealTpm *seal_tpm_free(SealTpm *tpm);

/* content: of a write. Return: 0: it will be answered; -EBUSY an earlier question is not; -EPIPE the child is
 * gone. */
int seal_tpm_ask(SealTpm *tpm, SealTpmWhat what, const SkTpmCell *cell, SkSecret *content);
