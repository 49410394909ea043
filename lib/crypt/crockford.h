/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Crockford's base32, for codes that people read out and type: no I, L, O, U. */

#define SK_CROCKFORD_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/* As people type: small letters too, O for 0, I and L for 1. Return: 0 to 31, or -1. */
int sk_crockford_value(char c);
