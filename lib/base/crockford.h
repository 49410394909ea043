/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Crockford's base32, for ids and for codes that people read out and type: no I, L, O, U. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define SK_CROCKFORD_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/* As people type: small letters too, O for 0, I and L for 1. Return: 0 to 31, or -1. */
int sk_crockford_value(char c);

/*
 * The check digit of a code: a polynomial in GF(32) with x^5 + x^2 + 1, of which x is a generator. Each place
 * has another weight than its neighbours, so a swap shows as a wrong digit does. values: 0 to 31 each.
 */
uint8_t sk_crockford_check(const uint8_t *values, size_t count);
