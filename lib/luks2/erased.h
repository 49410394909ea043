/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The mark on a medium that is being erased, or was: it takes the place of the first page of its header, so
 * that the keys are dead and it is still known which medium this was. What it says is a claim, as a header's
 * is.
 */
#include <stdbool.h>
#include <stdint.h>

/* The first page of a medium; the mark is within the first sector of it, which a device writes whole or not.
 */
#define SK_ERASED_PAGE_SIZE 4096
#define SK_ERASED_SECTOR_SIZE 512

typedef struct SkErasedMark {
	char medium[32]; /* its id in the ledger */
	char uuid[40];	 /* of the LUKS2 header that was there */
	bool done;	 /* all was overwritten and read back */
} SkErasedMark;

void sk_erased_mark_format(const SkErasedMark *mark, uint8_t ret_page[SK_ERASED_PAGE_SIZE]);
/* Return: false: it is none. */
bool sk_erased_mark_parse(const uint8_t sector[SK_ERASED_SECTOR_SIZE], SkErasedMark *ret_mark);
