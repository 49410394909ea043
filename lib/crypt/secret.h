/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Memory for keys and passphrases: between guard pages, locked, out of core dumps, zeroed when freed. Never
 * formatted, never logged. A machine that cannot lock the page gets an error, not an unlocked secret.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

typedef struct SkSecret SkSecret;

/* Zero-filled. Return: 0, -EINVAL for size 0, -ENOMEM (also: cannot be locked). */
int sk_secret_new(size_t size, SkSecret **ret_secret);
void sk_secret_free(SkSecret *secret);
OWN_DEFINE(SkSecret, sk_secret_free)
#define own_secret own_(sk_secret_freep)

uint8_t *sk_secret_data(SkSecret *secret);
size_t sk_secret_size(const SkSecret *secret);

/* Zeroes memory in a way that the compiler keeps. */
void sk_secret_wipe(void *memory, size_t size);

/* Compares in a time that does not depend on the contents. */
bool sk_secret_equal(const void *a, const void *b, size_t size);

/* Bytes nobody can guess. */
void sk_random_fill(void *memory, size_t size);
