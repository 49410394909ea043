/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The table of all settings, for the loader, for tests and for tools that print it.
 */
#include <stddef.h>

#include "lib/conf/settings.h"
#include "lib/conf/value.h"

typedef struct SkSetting {
	const char *section;
	const char *key;
	SkValueRule rule;
	size_t offset;	      /* of its member in SkSettings */
	const char *fallback; /* the default, as it would stand in a file */
	const char *doc;      /* one line */
} SkSetting;

/* Ends with a NULL section; settings of a section stand together. */
#define SK_SETTINGS_MAX 64
extern const SkSetting sk_settings_schema[];
extern const size_t sk_settings_schema_size;

/* Two settings that must fit together: low <= high, where a high of 0 means "no limit". */
typedef struct SkSettingPair {
	size_t low_offset;
	size_t high_offset;
} SkSettingPair;

extern const SkSettingPair sk_settings_pairs[];
extern const size_t sk_settings_pairs_size;

/* Puts a parsed value into its member; a path is handed over. */
void sk_setting_store(const SkSetting *setting, SkSettings *settings, SkValue value);
