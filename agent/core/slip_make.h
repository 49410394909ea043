/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What is common to all slips that this terminal signs. */
#include <jansson.h>

#include "lib/slip/slip.h"

typedef struct Core Core;

/* What is certain before anything is written: who, where, by which grant (may be NULL). */
void slip_head(const Core *core, const json_t *grant, const char *kind, SkSlip *ret_slip);

void slip_set_part(SkSlipPart *part, const char *data, size_t size);

typedef struct SlipTexts {
	char *envelope; /* of the slip alone */
	char *lines, *sums;
	size_t lines_size, sums_size;
} SlipTexts;

void slip_texts_deinit(SlipTexts *texts);
#define own_texts __attribute__((cleanup(slip_texts_deinit)))

/* Of these files, sorted by path; slip: from slip_head(), counts and parts are filled in. Return: 0; -ENOKEY
 * this terminal was never at its console; -ENOMEM; -EINVAL. */
typedef struct SlipFiles {
	const SkSlipFile *files;
	size_t n;
} SlipFiles;
int slip_sign_files(const Core *core, SkSlip *slip, const SlipFiles *files, SlipTexts *ret_texts);

/* Slip, manifest and sums as sealed memfds, for who stores them; the caller closes them. Return: 0; -ENOKEY
 * the console has not vouched for this terminal's key; -ENOMEM. */
int slip_memfds(const Core *core, const SlipTexts *texts, int ret_fds[3]);
