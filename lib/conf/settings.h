/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The settings of the agent: /etc/sekisho/sekisho.conf, then /etc/sekisho/sekisho.conf.d/NAME.conf sorted by
 * name, later ones override. The one list of all settings is the table in settings.c; each is described in
 * sekisho.conf(5).
 *
 * Loading makes a new struct and touches nothing else: whoever holds one in force swaps the pointer when it
 * is good.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

typedef enum SkMode {
	SK_MODE_LEARN,	 /* allow, record what would be refused */
	SK_MODE_WARN,	 /* the same, and tell the user */
	SK_MODE_ENFORCE, /* refuse */
} SkMode;

typedef enum SkSecondKeyboard {
	SK_SECOND_KEYBOARD_ALLOW,
	SK_SECOND_KEYBOARD_ASK,
	SK_SECOND_KEYBOARD_REFUSE,
} SkSecondKeyboard;

typedef enum SkImport {
	SK_IMPORT_DIRECT, /* files are read from the medium */
	SK_IMPORT_COPY,	  /* files are copied, scanned as copied, and read from the copy */
} SkImport;

typedef enum SkConsoleRules {
	SK_CONSOLE_RULES_FIRST,	 /* before those of this PC */
	SK_CONSOLE_RULES_ONLY,	 /* those of this PC are not read while there are some of the console */
	SK_CONSOLE_RULES_IGNORE, /* not loaded */
} SkConsoleRules;

typedef enum SkRadio {
	SK_RADIO_ALLOW,
	SK_RADIO_REFUSE, /* one that is on is a finding of the posture */
} SkRadio;

/* A session whose desktop does not lock. */
typedef enum SkLockFallback {
	SK_LOCK_FALLBACK_CONSOLE, /* is covered by a console of ours */
	SK_LOCK_FALLBACK_END,
} SkLockFallback;

/* A device that is plugged in while the screen is locked. */
typedef enum SkHoldDevices {
	SK_HOLD_DEVICES_YES, /* waits until it is unlocked */
	SK_HOLD_DEVICES_NO,
} SkHoldDevices;

/* What shows that a desktop is locked. */
typedef enum SkLockConfirm {
	SK_LOCK_CONFIRM_DESKTOP, /* its locker, which is looked at */
	SK_LOCK_CONFIRM_CONSOLE, /* nothing but a console of ours over it */
} SkLockConfirm;

typedef enum SkConsoleSettings {
	SK_CONSOLE_SETTINGS_TAKE,
	SK_CONSOLE_SETTINGS_IGNORE,
} SkConsoleSettings;

/* How the key of a medium's slot is derived when one is prepared. */
typedef enum SkCarryKdf {
	SK_CARRY_ARGON2ID = 0,
	SK_CARRY_PBKDF2, /* all of it on the CRYPTREC list */
} SkCarryKdf;

/* Archives for receivers with Windows only. */
typedef enum SkHandover {
	SK_HANDOVER_ALLOW = 0, /* under a grant */
	SK_HANDOVER_REFUSE,
} SkHandover;

typedef struct SkCarrySettings {
	SkCarryKdf kdf;
	uint64_t kdf_time, kdf_memory; /* of Argon2 */
	uint64_t kdf_iterations;       /* of PBKDF2 */
	SkHandover handover;
	SkHandover burn; /* the same on discs */
	uint64_t handover_max;
} SkCarrySettings;

/* Types of content that are refused; bits of SkSettings.scan.refuse_types. */
enum {
	SK_REFUSE_PROGRAM = 1 << 0,
	SK_REFUSE_SCRIPT = 1 << 1,
	SK_REFUSE_MACRO_DOCUMENT = 1 << 2,
	SK_REFUSE_ENCRYPTED_ARCHIVE = 1 << 3,
};

/* Sizes are in bytes, times in seconds, ages in days. Strings are never NULL and owned by the struct. */
typedef struct SkSettings {
	struct {
		SkMode mode;
		char *state_directory;
		char *rules_directory;
	} agent;
	struct {
		SkSecondKeyboard second_keyboard;
		uint64_t trial_sec;
	} devices;
	struct {
		SkImport default_import;
		uint64_t import_copy_max;
	} media;
	SkCarrySettings carry;
	struct {
		char *definitions_directory;
		uint64_t definitions_warn_days;
		uint64_t definitions_refuse_days;
		uint64_t idle_sec;
		uint64_t workers; /* 0: by the number of processors */
		uint64_t file_time_sec;
		uint64_t max_file_size;
		uint64_t max_scan_size;
		uint64_t max_archive_depth;
		uint64_t max_archive_files;
		uint32_t refuse_types;
	} scan;
	struct {
		uint64_t reserve_space;
		uint64_t segment_size;
		uint64_t warn_free_space;
	} audit;
	struct {
		SkConsoleRules rules;
		SkConsoleSettings settings;
	} console;
	struct {
		char *proxy; /* URL, or empty */
		uint64_t bandwidth_limit;
		uint64_t spool_size;
	} uplink;
	struct {
		uint64_t interval_sec;
		char *modules_file;
		char *allowed_modules;	  /* words with * and ?, or empty */
		char *forbidden_programs; /* names and paths, or empty */
		uint64_t scan_max_days;
		uint64_t updates_warn_days;
		uint64_t updates_fail_days;
		uint64_t clock_offset_msec;
		SkRadio bluetooth;
		SkRadio wireless;
	} posture;
	struct {
		uint64_t idle_sec; /* 0: not because of time */
		uint64_t inhibit_sec;
		uint64_t end_sec; /* 0: never */
		uint64_t confirm_sec;
		uint64_t pass_max_sec; /* 0: there is no presentation pass */
		SkLockFallback fallback;
		SkHoldDevices hold_devices;
		SkLockConfirm confirm;
		char *lockers; /* paths, or empty */
	} lock;
	struct {
		char *hours;  /* as hours.h reads it; it can be read */
		char *except; /* users and @groups, or empty */
	} sign_in;
} SkSettings;

/*
 * conf_directory: SK_CONFDIR. No file at all means the defaults. *ret_errors (NULL on success) is text for
 * people, one `file:line:column: text` a line, at most SK_SETTINGS_ERRORS_MAX of them; the caller frees it.
 *
 * Return: 0; -EINVAL a file is wrong; others of the system, also told in *ret_errors.
 */
#define SK_SETTINGS_ERRORS_MAX 20
int sk_settings_load(const char *conf_directory, SkSettings **ret_settings, char **ret_errors);

/*
 * The same, then a file that came from the console (NULL: none), if the settings of this PC take it. It can
 * set everything but paths, what is in [Console] and what is in [Uplink]: those belong to this PC. text is
 * borrowed.
 */
typedef struct SkSettingsOverlay {
	const char *name; /* in errors */
	const char *text;
	size_t size;
} SkSettingsOverlay;

int sk_settings_load_overlaid(const char *conf_directory, const SkSettingsOverlay *overlay,
	SkSettings **ret_settings, char **ret_errors);

/* All defaults. Return: 0 or -ENOMEM. */
int sk_settings_new(SkSettings **ret_settings);
void sk_settings_free(SkSettings *settings);
OWN_DEFINE(SkSettings, sk_settings_free)
#define own_settings own_(sk_settings_freep)

/* Words for messages and status output. */
const char *sk_mode_name(SkMode mode);
