/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The side of core that talks to sekisho-uplink: started only on a PC that belongs to a console, or is about
 * to.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/peer.h"
#include "lib/ipc/proto_uplink.h"
#include "lib/reason/reason.h"

extern const PeerType peer_uplink_type;

/* Connects when there is a console. */
int uplink_open(Core *core);
void uplink_close(Core *core);

void uplink_tell_options(Core *core);
void uplink_tell_status(Core *core);

/* Something was recorded and is on the disk. */
void uplink_tell_head(Core *core);

void uplink_enrol(Core *core, const char *code);
void uplink_leave(Core *core);

/*
 * Asks the console. done: 0 and the status of HTTP with its JSON (may be empty), or negative errno: -ENOTCONN
 * the console is away, -ENOTSUP it does not know the call. With SK_UPLINK_CALL_SPOOL done hears only that the
 * call is on the disk (status 0; outbox.h), before this returns, and may be NULL; what the console says to it
 * later is a record. Return: 0; negative errno: done is not called.
 */
typedef void (*UplinkDone)(void *userdata, int result, unsigned status, const char *json);
typedef struct UplinkRequest {
	const char *operation; /* "loss.report" */
	json_t *body;	       /* borrowed */
	uint32_t flag;	       /* SK_UPLINK_CALL_* */
	UplinkDone done;
	void *userdata;
} UplinkRequest;

int uplink_call(Core *core, const UplinkRequest *request);

/* For outbox.c: to the uplink, which takes it on its own disk. key: the console does it once. */
#define UPLINK_KEY_SIZE 33
void uplink_key_new(char ret_key[UPLINK_KEY_SIZE]);
int uplink_hand_over(Core *core, const UplinkRequest *request, const char *key);

/* The code of a problem document that the console answered with; SK_CONSOLE_NEEDED: none that is known. */
SkReason uplink_code_of(const json_t *problem);

/* Members about the connection, for status. */
void uplink_add_state(const Core *core, json_t *object);

/* Where the key is with which this PC signs in: "tpm", "file"; NULL: not known yet. */
const char *uplink_key_kind(void);
