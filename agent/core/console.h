/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What core knows of the console it belongs to, beneath STATE/console, and what it believes:
 *
 * - trust.json: terminal id, organisation, keys that sign: pinned at the enrolment, replaced only by what one
 *   of them signed
 * - pending.json: an enrolment under way: what the code said, and the trust bundle that fits it
 * - NAME.json: the newest envelope of each kind of document (console_documents.c), verified again at each
 *   start
 *
 * The uplink brings everything and is believed nothing: a trust bundle has the fingerprint of the code that
 * an administrator typed here, everything else a signature of a pinned key, this terminal's id, and a serial
 * that only grows.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf/settings.h"

typedef struct Core Core;
typedef struct Console Console;

#define CONSOLE_DETAIL_SIZE 256

/* Reads what is there. Return: 0 or negative errno. */
int console_open(Core *core);
void console_close(Core *core);

/* Is there a console that this PC belongs to, or one being enrolled with? Else the uplink is not needed. */
bool console_enrolled(const Core *core);
bool console_enrolling(const Core *core);

/* "" when not enrolled. */
const char *console_terminal(const Core *core);

/*
 * An administrator typed a code. done is called once, with 0 and the terminal's id, or negative errno and
 * words. Return: 0; -EINVAL or -EBADMSG it is no code; others.
 */
typedef void (*ConsoleDone)(void *userdata, int result, const char *detail);
int console_enrol(Core *core, const char *code, const char *actor, ConsoleDone done, void *userdata);

/* What the uplink answered to it; detail is not escaped. */
void console_enrol_finished(Core *core, int result, const char *detail);

/* Forgets the console: its rules are not loaded any more. Return: 0, -ENOENT. */
int console_leave(Core *core, const char *actor);

/* From the uplink. Return: 0 taken; -EALREADY older than what is here; negative errno refused (and recorded).
 */
int console_take_trust(Core *core, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE]);
int console_take_envelope(Core *core, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE]);

/*
 * Something else that the console signed, of this type: its payload, a new reference. Return: 0, or as
 * sk_dsse_verify(); -EKEYREJECTED without a console.
 */
int console_verify(const Core *core, const char *type, const char *text, size_t most, json_t **ret_payload);

/* The same of what was verified when it came, and is kept: also by keys that the console has replaced since.
 */
int console_verify_kept(
	const Core *core, const char *type, const char *text, size_t most, json_t **ret_payload);

/* The countersigned head of our records. Return: 0, or negative errno: it is not about them. */
int console_take_head(Core *core, uint64_t seq, const char *hash, const char *text, size_t size);

/* Rules of the console: [{name, text}], or NULL; settings, or NULL. Borrowed until the next policy. */
const json_t *console_rules(const Core *core);
const SkSettingsOverlay *console_settings(const Core *core);

/* Revocations as signed for this terminal; the grants are judged in grants.h. */
bool console_medium_revoked(const Core *core, const char *medium);
bool console_grant_revoked(const Core *core, const char *grant);

/* Offline codes that were taken back, [{counter, start}], and those of the emergency function that are
 * sealed,
 * [{id, verifier, minutes, expires}]. Borrowed until the next list; NULL: none. */
const json_t *console_revoked_codes(const Core *core);
const json_t *console_emergency_codes(const Core *core);

/* For status: {enrolled, terminal, organisation, policy, ...}. */
json_t *console_to_json(Core *core);
