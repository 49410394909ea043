/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between seal.c (the console's side of the key) and seal_store.c (where it is kept). */
#include <jansson.h>

#include "agent/core/seal.h"
#include "agent/core/seal_tpm.h"

#define SEAL_FILE "seal.json"
#define SEAL_WRAPPED_MAX 256

typedef enum SealPlace {
	SEAL_NOWHERE, /* no key yet */
	SEAL_IN_FILE, /* no TPM, or none that can be used */
	SEAL_IN_TPM,
	SEAL_AWAY, /* in a TPM that was not asked yet, is not there, or does not answer */
	SEAL_LOST, /* in another TPM, or in this one before it was cleared */
	SEAL_PLACE_MAX,
} SealPlace;

struct Seal {
	SkSecret *secret; /* NULL: no key that can be used */
	uint8_t public_key[SK_BOX_KEY_SIZE];
	SkSecret *offline; /* NULL: the console has not answered yet */
	bool asking;
	SealPlace place;
	bool unsaved; /* made, and not yet on the disk */
	SealTpm *tpm;
	SkTpmCell cell;
	bool has_cell;
	SkSecret *wrap_key; /* what is in the cell, or is being written there */
	char *wrapped;	    /* base64, as the file has it: for the next try */
	sd_event_source *again;
	bool waits;    /* for the TPM's answer to what was asked last */
	int tpm_error; /* why it is away: told once */
};

const char *seal_text_of(const json_t *object, const char *name);

/* What there is, and asks the TPM for the rest. Return: 0 or negative errno: it cannot be used. */
int seal_load(Core *core);
/* Return: 0 or negative errno. */
int seal_keep(Core *core);
/* Has the key put into the TPM, where there is one; one that was never kept, else into the file. Return: 0 or
 * negative errno; seal_offer() is called when it is decided. */
int seal_protect(Core *core);
void seal_clear(Seal *seal);

/* What the TPM said; of a key that was forgotten meanwhile it is no answer. */
void seal_on_tpm(void *userdata, SealTpmWhat what, int result, SkSecret **content);
