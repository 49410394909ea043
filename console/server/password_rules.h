/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is a new password good enough (ACC-1)? 13 characters of three kinds, or 8 for who has a second factor; and
 * libpwquality finds no word, name or pattern in it. For any thread.
 */
#include <stdbool.h>
#include <stddef.h>

/* Return: NULL, or what is wrong with it, in English. */
const char *sk_password_fault(const char *password, const char *login, bool second_factor);

/* A one-time password that nobody guesses and everybody can type: groups of letters and digits. */
#define SK_PASSWORD_MADE_SIZE 20
void sk_password_make(char ret_password[SK_PASSWORD_MADE_SIZE]);
