/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Token buckets for many keys in bounded memory. Each key has a bucket that fills at a rate up to a burst;
 * when the table is full the bucket that was untouched longest is given to the new key, so that somebody with
 * very many addresses makes room for himself, and never takes memory. For any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

typedef struct SkLimit SkLimit;

/* rate: tokens a minute. Return: 0 or -ENOMEM. */
int sk_limit_new(uint64_t rate, uint64_t burst, SkLimit **ret_limit);
void sk_limit_free(SkLimit *limit);

/* Takes a token at the time now (ms, any clock that does not go back). Return: 0, or the ms until there is
 * one. */
uint64_t sk_limit_take(SkLimit *limit, const void *key, size_t key_size, uint64_t now);
