/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which of two versions is newer, as dpkg and rpm say. Return: less than, equal to or more than 0. */

/* [EPOCH:]UPSTREAM[-REVISION] (deb-version(7)). */
int version_compare_deb(const char *a, const char *b);

/* [EPOCH:]VERSION[-RELEASE] (rpm-version(7)), with ~ and ^. */
int version_compare_rpm(const char *a, const char *b);
