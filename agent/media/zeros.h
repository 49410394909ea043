/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* For workers: long stretches of zeros on a device. */
#include <stddef.h>
#include <stdint.h>

#define MEDIA_PIECE (1u << 20)

typedef struct MediaZeros {
	int device_fd;
	uint8_t *piece; /* MEDIA_PIECE bytes; aligned to pages where the device is open with O_DIRECT */
	uint64_t from, to;
	void (*tell)(void *userdata, uint64_t at); /* after each piece; NULL: nobody wants to know */
	void *userdata;
	uint64_t at; /* out: as far as it went */
} MediaZeros;

/* Memory for a piece; the caller frees it. */
uint8_t *media_piece_new(void);

/* Return: 0 or negative errno of the device. */
int media_zeros_write(MediaZeros *zeros);
/* Return: 0; -EBADMSG something else is there; negative errno of the device. */
int media_zeros_check(MediaZeros *zeros);
