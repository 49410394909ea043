/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Settings files of any program: a table says which settings there are and where their values go in a struct
 * of the program's own. Paths in that struct are owned by it. See settings.h for how files and errors look.
 */
#include "lib/conf/schema.h"

typedef struct SkSettingTable {
	const char *name;	 /* of the file, of the drop-in directory (NAME.d) and of the manual page:
				    "console.conf" */
	size_t size;		 /* of the struct */
	const SkSetting *schema; /* ends with a NULL section; at most SK_SETTINGS_MAX */
	const SkSettingPair *pairs;
	size_t n_pairs;
} SkSettingTable;

/* Return: as sk_settings_load(). */
int sk_setting_table_load(
	const SkSettingTable *table, const char *conf_directory, void **ret_settings, char **ret_errors);

/* All defaults. Return: 0 or -ENOMEM. */
int sk_setting_table_new(const SkSettingTable *table, void **ret_settings);
void sk_setting_table_free(const SkSettingTable *table, void *settings);
