/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What core remembers between starts, in one SQLite database (STATE/history.db): every device ever seen, the
 * verdicts about file contents, and allowances for a time. All of it can be lost without harm to security: a
 * lost verdict costs a scan, a lost allowance has to be asked for again, the records keep what happened.
 */
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "lib/ipc/proto_probe.h"
#include "lib/ipc/proto_scanner.h"

typedef struct Core Core;
typedef struct History History;

int history_open(Core *core);
void history_close(Core *core);

/* A device as the inventory keeps it. Strings are borrowed, escaped and never NULL. */
typedef struct HistoryDevice {
	const char *hash; /* USBGuard's device hash: the key */
	uint16_t vendor_id, product_id;
	const char *serial, *name, *interfaces; /* interfaces: "08:06:50 03:01:01" */
	const char *user;			/* who sat at the PC, or "" */
	const char *code;			/* of the verdict */
} HistoryDevice;

/* Notes that the device was seen now. Return: 0 or negative errno. */
int history_note_device(History *history, const HistoryDevice *device);

/*
 * Was a device of this id and serial ever allowed with other interfaces than these? Empty serials never are.
 */
bool history_serial_had_other_interfaces(History *history, const HistoryDevice *device);

/* Was this very device (by hash) ever allowed? */
bool history_was_allowed(History *history, const char *hash);

/* It was allowed by mistake. */
void history_withdraw(History *history, const char *hash);

/* All devices, newest first: [{hash, id, serial, name, interfaces, first_seen, last_seen, user, code}]. */
json_t *history_list_devices(History *history);

/* Verdicts on contents. A verdict counts for the definitions it was made with, a finding of malware for ever.
 */
typedef struct HistoryVerdict {
	uint32_t verdict; /* SK_VERDICT_* */
	uint32_t type;	  /* SK_TYPE_* */
	char finding[SK_FINDING_SIZE];
} HistoryVerdict;

bool history_find_verdict(
	History *history, const uint8_t sha256[32], uint64_t definitions, HistoryVerdict *ret_verdict);
void history_keep_verdict(
	History *history, const uint8_t sha256[32], uint64_t definitions, const HistoryVerdict *verdict);

/* Allowances for a time, by device hash; until: seconds since 1970. */
int history_allow(History *history, const char *hash, int64_t until, const char *actor);
int64_t history_allowed_until(History *history, const char *hash); /* 0: not allowed now */
int history_end_allowance(History *history, const char *hash);
