/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The passphrase of a medium: at least 13 characters with letters, digits and others among them (MHLW 6.0),
 * of ASCII alone, so that every keyboard and every input method gives the same bytes. Whether it is easy to
 * guess is another question, asked where dictionaries can be read (libpwquality).
 *
 * The guideline also takes 8 characters together with a second factor. None of ours is one: that the
 * console's half is needed (bound media) proves the PC and the approval, not the person, and a lease is
 * opened without it. So 13 hold for every medium.
 */
#include <stdbool.h>
#include <stddef.h>

#define SK_PASSPHRASE_LENGTH 13
#define SK_PASSPHRASE_MAX 256

bool sk_passphrase_is_mixed(const char *passphrase, size_t size);
