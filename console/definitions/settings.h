/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The settings of the mirror: definitions.conf, described in sekisho-definitions(8). */
#include <stdint.h>

#include "lib/base/own.h"

typedef struct MirrorSettings {
	struct {
		char *directory;
		char *keys;	    /* file: whose bundles are believed; need not exist */
		char *address;	    /* of the mirror; "": none */
		char *proxy;	    /* "": none */
		char *authorities;  /* file: PEM, more than those of the system; need not exist */
		uint32_t databases; /* bits of DATABASE_* */
		uint64_t size_max;
		uint64_t time_sec;
	} mirror;
} MirrorSettings;

enum {
	DATABASE_MAIN = 1 << 0,
	DATABASE_DAILY = 1 << 1,
	DATABASE_BYTECODE = 1 << 2,
};

/* As sk_settings_load() of lib/conf/settings.h. */
int mirror_settings_load(const char *conf_directory, MirrorSettings **ret_settings, char **ret_errors);
void mirror_settings_free(MirrorSettings *settings);
OWN_DEFINE(MirrorSettings, mirror_settings_free)
#define own_mirror_settings own_(mirror_settings_freep)
