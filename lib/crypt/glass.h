/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Codes of the emergency function: 20 characters of Crockford's base32 (100 bits), shown as
 * XXXX-XXXX-XXXX-XXXX-XXXX, in a sealed envelope. A terminal checks one with a verifier, SHA-256 over label,
 * id and code, without the network; who has the verifier cannot find the code.
 */
#include <stdbool.h>
#include <stdint.h>

#define SK_GLASS_CODE_SIZE 25
#define SK_GLASS_VERIFIER_SIZE 32

void sk_glass_code_new(char ret_code[SK_GLASS_CODE_SIZE]);

/* As people type: small letters, blanks, O for 0, I and L for 1. Return: false: that is no such code. */
bool sk_glass_code_parse(const char *text, char ret_code[SK_GLASS_CODE_SIZE]);

/* code: as sk_glass_code_new() writes it. */
void sk_glass_verifier(const char *id, const char *code, uint8_t ret_verifier[SK_GLASS_VERIFIER_SIZE]);
