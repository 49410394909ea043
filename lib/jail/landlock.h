/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Landlock by its raw system calls: glibc has no wrapper, and no library of Debian 12 has one. */
#include "lib/jail/jail.h"

/* Return: 0 (also where the kernel has no Landlock) or negative errno. */
int sk_landlock_apply(const SkJailPath *paths, unsigned reads_anywhere);
