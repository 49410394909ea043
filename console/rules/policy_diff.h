/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What differs between two versions of a policy, rule by rule: for people who decide whether it may be
 * published. Comments and blank lines do not count. A rule that stands at another place of the order in which
 * rules are evaluated, or in another file, was moved. Pure.
 */
#include <jansson.h>

/* More than these are counted, not listed. */
#define SK_POLICY_DIFF_MAX 5000

/*
 * before, after: files as sk_policy_files_sort() made them. *ret_diff, the caller's:
 *	{rules: [{change, before, after}], settings: [{change, section, key, before, after}], text, leftOff}
 * change: "added", "removed", "moved" or "changed"; before, after: {file, line, text} or null, of settings
 * the value. text: the same for people to read. Return: 0 or -ENOMEM.
 */
int sk_policy_diff(const json_t *before, const json_t *after, json_t **ret_diff);
