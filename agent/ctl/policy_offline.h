/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the offline commands `sekishoctl policy ...` share: rules from files, the moment, devices of this PC.
 * Whatever goes wrong has been told on stderr when a function fails.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/usb/sysfs.h"
#include "policy/policy.h"

#define OFFLINE_SYSFS "/sys/bus/usb/devices"

/* Prints `file:line:column: text` on stderr. data: size_t that counts the errors, or NULL. */
SkPolicyReport offline_report(size_t *errors);

/*
 * Files, and of a directory every *.rules in the order of their names; no path: the rules of this PC.
 * Return: 0; -EINVAL when the rules are wrong; other negative errno when a file cannot be read.
 */
int offline_load(char *const *paths, size_t n_paths, SkPolicySnapshot **ret_snapshot);

/* The moment of the question: now, and whoever asks, unless options say otherwise. */
typedef struct OfflineContext {
	SkPolicyContext context;
	char *user;
	char **groups;
	size_t n_groups;
} OfflineContext;

void offline_context_init(OfflineContext *context);
void offline_context_free(OfflineContext *context);
#define own_offline_context own_(offline_context_free)

/* Options that several commands take, for getopt_long(); values begin behind those of characters. */
enum {
	OFFLINE_USER = 256,
	OFFLINE_GROUP,
	OFFLINE_SCREEN_LOCKED,
	OFFLINE_TIME,
	OFFLINE_OWN_, /* options of a command of its own */
};
#define OFFLINE_OPTIONS                                                                                      \
	{"user", required_argument, NULL, OFFLINE_USER}, {"group", required_argument, NULL, OFFLINE_GROUP},  \
		{"screen-locked", required_argument, NULL, OFFLINE_SCREEN_LOCKED},                           \
	{                                                                                                    \
		"time", required_argument, NULL, OFFLINE_TIME                                                \
	}
extern const char offline_options_help[];

/* Return: 0, or -EINVAL (told). */
int offline_context_option(OfflineContext *context, int option, const char *value);

/* A device of this PC, as the policy sees it. */
typedef struct OfflineDevice {
	char name[SK_SYSNAME_SIZE];
	char id[10];
	SkUsbFacts facts;
	SkUsbPlace place;
	SkPolicyInterface interfaces[SK_USB_INTERFACES_MAX];
	SkPolicyDevice device; /* points into this struct: do not copy */
} OfflineDevice;

/* sysfs: OFFLINE_SYSFS but in tests. Return: 0, -ENOENT for no such device (not told), other negative errno.
 */
int offline_read_device(const char *sysfs, const char *name, OfflineDevice **ret_device);

/* All USB devices, hubs before what hangs on them. Malformed ones are told and left out. */
int offline_read_devices(const char *sysfs, OfflineDevice ***ret_devices, size_t *ret_n);
void offline_free_devices(OfflineDevice **devices, size_t n);

int ctl_policy_check(int argc, char **argv);
int ctl_policy_decide(int argc, char **argv);
int ctl_policy_explain(int argc, char **argv);
int ctl_policy_generate(int argc, char **argv);
