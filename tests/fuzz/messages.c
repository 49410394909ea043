/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of any bytes to the decoder of one process: the receiver's own tables, without the process. What
 * is accepted must be of its type's size, with its descriptors, its texts ended and its numbers in range; the
 * list of those is written here a second time, so that a forgotten check is found.
 *
 * Input: which table (1 byte), how many descriptors (1 byte), the message. It is tried as it is, and again
 * with a head and a size that are right for its type.
 */
#include "tests/fuzz/messages.h"

#include <stddef.h>
#include <stdlib.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/proto_burn.h"
#include "lib/ipc/proto_carry.h"
#include "lib/ipc/proto_media.h"
#include "lib/ipc/proto_monitor.h"
#include "lib/ipc/proto_pack.h"
#include "lib/ipc/proto_posture.h"
#include "lib/ipc/proto_probe.h"
#include "lib/ipc/proto_scanner.h"
#include "lib/ipc/proto_sign_in.h"
#include "lib/ipc/proto_uplink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Field {
	uint16_t type;
	size_t offset, size;
	uint64_t limit; /* the first number that is too large */
} Field;

#define TEXT(type_, struct_, field_)                                                                         \
	{                                                                                                    \
		type_, offsetof(struct_, field_), sizeof(((struct_ *)0)->field_), 0                          \
	}
#define NUMBER(type_, struct_, field_, limit_)                                                               \
	{                                                                                                    \
		type_, offsetof(struct_, field_), sizeof(((struct_ *)0)->field_), limit_                     \
	}
/* Zero or a negative errno: as an unsigned number zero, or the upper half. */
#define ERRNO(type_, struct_, field_) NUMBER(type_, struct_, field_, UINT64_MAX)

static const Field texts[] = {
	TEXT(SK_POSTURE_OPTIONS, SkPostureOptions, definitions[0]),
	TEXT(SK_POSTURE_OPTIONS, SkPostureOptions, definitions[1]),
	TEXT(SK_POSTURE_OPTIONS, SkPostureOptions, modules_file),
	TEXT(SK_POSTURE_OPTIONS, SkPostureOptions, allowed_modules),
	TEXT(SK_POSTURE_OPTIONS, SkPostureOptions, forbidden),
	TEXT(SK_POSTURE_RESULT, SkPostureResult, id),
	TEXT(SK_POSTURE_RESULT, SkPostureResult, requirement),
	TEXT(SK_POSTURE_RESULT, SkPostureResult, value),
	TEXT(SK_POSTURE_RESULT, SkPostureResult, threshold),
	TEXT(SK_BURN_BEGIN, SkBurnBegin, sysname),
	TEXT(SK_BURN_BEGIN, SkBurnBegin, name),
	TEXT(SK_BURN_READY, SkBurnReady, disc),
	TEXT(SK_BURN_FAILED, SkBurnFailed, detail),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, user),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, service),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, tty),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, host),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, seat),
	TEXT(SK_SIGN_IN_MAY, SkSignIn, session),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, user),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, service),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, tty),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, host),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, seat),
	TEXT(SK_SIGN_IN_BEGUN, SkSignIn, session),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, user),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, service),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, tty),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, host),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, seat),
	TEXT(SK_SIGN_IN_FAILED, SkSignIn, session),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, user),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, service),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, tty),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, host),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, seat),
	TEXT(SK_SIGN_IN_ENDED, SkSignIn, session),
	TEXT(SK_PACK_OFFER, SkPackOffer, path),
	TEXT(SK_PACK_FILE, SkPackFile, path),
	TEXT(SK_PACK_FAILED, SkPackFailed, detail),
	TEXT(SK_MEDIA_HAND_OVER, SkMediaHandOver, name),
	TEXT(SK_MONITOR_ANSWER, SkAnswer, detail),
	TEXT(SK_MONITOR_USB_ADDED, SkUsbAdded, sysname),
	TEXT(SK_MONITOR_USB_ADDED, SkUsbAdded, parent),
	TEXT(SK_MONITOR_USB_ADDED, SkUsbAdded, connect_type),
	TEXT(SK_MONITOR_USB_REMOVED, SkUsbRemoved, sysname),
	TEXT(SK_MONITOR_BLOCK_ADDED, SkBlockAdded, sysname),
	TEXT(SK_MONITOR_BLOCK_ADDED, SkBlockAdded, disk),
	TEXT(SK_MONITOR_BLOCK_ADDED, SkBlockAdded, usb),
	TEXT(SK_MONITOR_BLOCK_CHANGED, SkBlockAdded, sysname),
	TEXT(SK_MONITOR_BLOCK_CHANGED, SkBlockAdded, disk),
	TEXT(SK_MONITOR_BLOCK_CHANGED, SkBlockAdded, usb),
	TEXT(SK_MONITOR_BLOCK_REMOVED, SkBlockRemoved, sysname),
	TEXT(SK_MONITOR_INPUT_ADDED, SkInputAdded, sysname),
	TEXT(SK_MONITOR_INPUT_ADDED, SkInputAdded, usb),
	TEXT(SK_MONITOR_INPUT_REMOVED, SkInputRemoved, sysname),
	TEXT(SK_PROBE_USB_FACTS, SkUsbFacts, manufacturer),
	TEXT(SK_PROBE_USB_FACTS, SkUsbFacts, product),
	TEXT(SK_PROBE_USB_FACTS, SkUsbFacts, serial),
	TEXT(SK_PROBE_USB_FACTS, SkUsbFacts, hash),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, table),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, type_name),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, label),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, uuid),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.uuid),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.label),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.segments[0].encryption),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.keyslots[31].area_encryption),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.token.medium),
	TEXT(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.token.keys[3]),
	TEXT(SK_SCAN_STATE, SkScannerState, detail),
	TEXT(SK_SCAN_RESULT, SkScanResult, finding),
	TEXT(SK_SCAN_RESULT, SkScanResult, mime),
	TEXT(SK_SCAN_RESULT, SkScanResult, path),
	TEXT(SK_SCAN_KNOWN, SkScanKnown, finding),
	TEXT(SK_UPLINK_OPTIONS, SkUplinkOptions, proxy),
	TEXT(SK_UPLINK_OPTIONS, SkUplinkOptions, terminal),
	TEXT(SK_UPLINK_ENROL, SkUplinkEnrol, code),
	TEXT(SK_UPLINK_HEAD, SkUplinkHead, hash),
	TEXT(SK_UPLINK_CALL, SkUplinkCall, operation),
	TEXT(SK_UPLINK_CALL, SkUplinkCall, key),
	TEXT(SK_UPLINK_TAKEN, SkAnswer, detail),
	TEXT(SK_UPLINK_ANSWER, SkAnswer, detail),
	TEXT(SK_UPLINK_STATE, SkUplinkState, console),
	TEXT(SK_UPLINK_STATE, SkUplinkState, detail),
	TEXT(SK_UPLINK_ACKED, SkUplinkAcked, hash),
	TEXT(SK_UPLINK_RESULT, SkUplinkResult, operation),
	TEXT(SK_UPLINK_RESULT, SkUplinkResult, key),
	TEXT(SK_MEDIA_ANSWER, SkAnswer, detail),
	TEXT(SK_MEDIA_PLACE, SkMediaPlace, path),
	TEXT(SK_MEDIA_MOUNTED, SkMediaMounted, path),
	TEXT(SK_MEDIA_MOUNTED, SkMediaMounted, detail),
	TEXT(SK_MEDIA_MOUNT, SkMediaMount, user),
	TEXT(SK_MEDIA_MOUNT, SkMediaMount, label),
	TEXT(SK_MEDIA_UNMOUNT, SkMediaUnmount, path),
	TEXT(SK_MEDIA_REKEY, SkMediaRekey, change.wanted.medium),
	TEXT(SK_MEDIA_REKEY, SkMediaRekey, change.wanted.uuid),
	TEXT(SK_MEDIA_REKEY, SkMediaRekey, change.plan.medium),
	TEXT(SK_MEDIA_REKEYED, SkMediaRekeyed, made.uuid),
	TEXT(SK_MEDIA_REKEYED, SkMediaRekeyed, detail),
	TEXT(SK_MEDIA_ERASE, SkMediaErase, medium),
	TEXT(SK_MEDIA_ERASE, SkMediaErase, uuid),
	TEXT(SK_MEDIA_ERASED, SkMediaErased, detail),
	TEXT(SK_LUKS_REKEYED, SkLuksRekeyed, made.uuid),
	TEXT(SK_LUKS_REKEYED, SkLuksRekeyed, detail),
};

static const Field numbers[] = {
	NUMBER(SK_SIGN_IN_MAY, SkSignIn, unlocks, 2),
	NUMBER(SK_SIGN_IN_MAY, SkSignIn, letters, SK_LETTERS_MAX_),
	NUMBER(SK_SIGN_IN_BEGUN, SkSignIn, unlocks, 2),
	NUMBER(SK_SIGN_IN_BEGUN, SkSignIn, letters, SK_LETTERS_MAX_),
	NUMBER(SK_SIGN_IN_FAILED, SkSignIn, unlocks, 2),
	NUMBER(SK_SIGN_IN_FAILED, SkSignIn, letters, SK_LETTERS_MAX_),
	NUMBER(SK_SIGN_IN_ENDED, SkSignIn, unlocks, 2),
	NUMBER(SK_SIGN_IN_ENDED, SkSignIn, letters, SK_LETTERS_MAX_),
	NUMBER(SK_POSTURE_OPTIONS, SkPostureOptions, clock_synchronised, 2),
	NUMBER(SK_POSTURE_OPTIONS, SkPostureOptions, refuse_bluetooth, 2),
	NUMBER(SK_POSTURE_OPTIONS, SkPostureOptions, refuse_wireless, 2),
	NUMBER(SK_POSTURE_RESULT, SkPostureResult, state, SK_POSTURE_STATE_MAX_),
	NUMBER(SK_POSTURE_RESULT, SkPostureResult, code, 10000),
	NUMBER(SK_PACK_FAILED, SkPackFailed, code, 10000),
	NUMBER(SK_BURN_FAILED, SkBurnFailed, code, 10000),
	NUMBER(SK_BURN_PROGRESS, SkBurnProgress, step, SK_BURN_STEP_MAX_),
	NUMBER(SK_BURN_PROGRESS, SkBurnProgress, percent, 101),
	NUMBER(SK_POSTURE_RESULT, SkPostureResult, drift, 2),
	NUMBER(SK_POSTURE_DONE, SkPostureDone, count, SK_POSTURE_CHECKS_MAX + 1),
	NUMBER(SK_UPLINK_OPTIONS, SkUplinkOptions, enrolled, 2),
	NUMBER(SK_UPLINK_CALL, SkUplinkCall, flag, SK_UPLINK_CALL_MAX_),
	NUMBER(SK_UPLINK_STATE, SkUplinkState, state, SK_UPLINK_STATE_MAX_),
	NUMBER(SK_UPLINK_STATE, SkUplinkState, cause, SK_UPLINK_CAUSE_MAX_),
	NUMBER(SK_UPLINK_WANT_RECORDS, SkUplinkWantRecords, size, SK_UPLINK_RECORDS_MAX + 1),
	NUMBER(SK_UPLINK_RESULT, SkUplinkResult, flag, SK_UPLINK_CALL_MAX_),
	NUMBER(SK_UPLINK_RESULT, SkUplinkResult, status, 1000),
	ERRNO(SK_UPLINK_RESULT, SkUplinkResult, result),
	NUMBER(SK_MONITOR_BLOCK_ADDED, SkBlockAdded, bus, SK_BUS_MAX_),
	NUMBER(SK_MONITOR_BLOCK_CHANGED, SkBlockAdded, bus, SK_BUS_MAX_),
	NUMBER(SK_PROBE_USB_FACTS, SkUsbFacts, state, SK_USB_FACTS_UNREADABLE + 1),
	NUMBER(SK_PROBE_USB_FACTS, SkUsbFacts, n_interfaces, SK_USB_INTERFACES_MAX + 1),
	NUMBER(SK_PROBE_BLOCK_FACTS, SkBlockFacts, state, SK_BLOCK_FACTS_AMBIGUOUS + 1),
	NUMBER(SK_PROBE_BLOCK_FACTS, SkBlockFacts, content, SK_CONTENT_MAX_),
	NUMBER(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.n_keyslots, SK_LUKS_KEYSLOTS_MAX + 1),
	NUMBER(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.digests[0].digest_size, SK_LUKS_SECRET_SIZE + 1),
	NUMBER(SK_PROBE_BLOCK_FACTS, SkBlockFacts, luks.token.mode, SK_LUKS_MODE_MAX_),
	NUMBER(SK_SCAN_STATE, SkScannerState, state, SK_SCANNER_STATE_MAX_),
	NUMBER(SK_SCAN_RESULT, SkScanResult, verdict, SK_VERDICT_MAX_),
	NUMBER(SK_SCAN_RESULT, SkScanResult, type, SK_TYPE_ENCRYPTED_ARCHIVE << 1),
	NUMBER(SK_SCAN_RESULT, SkScanResult, remembered, 2),
	ERRNO(SK_SCAN_WALK_DONE, SkScanWalkDone, result),
	NUMBER(SK_SCAN_KNOWN, SkScanKnown, verdict, SK_VERDICT_MAX_),
	ERRNO(SK_MEDIA_MOUNTED, SkMediaMounted, result),
	NUMBER(SK_MEDIA_MOUNT, SkMediaMount, import_copy, 2),
	NUMBER(SK_MEDIA_UNMOUNT, SkMediaUnmount, lazy, 2),
	NUMBER(SK_MEDIA_REKEY, SkMediaRekey, change.how, SK_LUKS_REKEY_MAX_),
	NUMBER(SK_MEDIA_REKEY, SkMediaRekey, change.wanted.digest_size, SK_LUKS_SECRET_SIZE + 1),
	NUMBER(SK_MEDIA_REKEYED, SkMediaRekeyed, code, 10000),
	NUMBER(SK_MEDIA_REKEYED, SkMediaRekeyed, made.digest_size, SK_LUKS_SECRET_SIZE + 1),
	NUMBER(SK_MEDIA_REKEYED, SkMediaRekeyed, made.box_size, 129),
	NUMBER(SK_MEDIA_ERASED, SkMediaErased, code, 10000),
	NUMBER(SK_MEDIA_ERASED, SkMediaErased, discarded, 2),
	NUMBER(SK_MEDIA_PROGRESS, SkMediaProgress, step, SK_MEDIA_STEP_MAX_),
	NUMBER(SK_MEDIA_PROGRESS, SkMediaProgress, percent, 101),
	NUMBER(SK_LUKS_REKEYED, SkLuksRekeyed, made.box_size, 129),
};

void fuzz_require(int condition)
{
	if (!condition)
		abort();
}

static void check_number(const Field *field, const char *message)
{
	uint32_t wide = 0;

	if (field->limit == UINT64_MAX) {
		int32_t result;

		memcpy(&result, message + field->offset, sizeof(result));
		fuzz_require(result <= 0);
		return;
	}
	/* The agent runs on little-endian machines only. */
	memcpy(&wide, message + field->offset, field->size);
	fuzz_require(wide < field->limit);
}

static void check_accepted(const SkMsgSpec *spec, const SkHead *message, size_t size, size_t n_fds)
{
	const char *bytes = (const char *)message;

	fuzz_require(size == spec->size && message->size == size && message->type == spec->type);
	fuzz_require(message->version == SK_PROTO_VERSION);
	fuzz_require(n_fds <= (spec->n_fds & ~SK_CHAN_FDS_UP_TO));
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		if (texts[i].type == message->type)
			fuzz_require(strnlen(bytes + texts[i].offset, texts[i].size) < texts[i].size);
	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++)
		if (numbers[i].type == message->type)
			check_number(&numbers[i], bytes);
	fuzz_use(message);
}

static void decode(const SkMsgSpec *specs, const void *message, size_t size, size_t n_fds)
{
	const SkMsgSpec *spec = sk_msg_decode(specs, message, size, n_fds);

	if (spec)
		check_accepted(spec, message, size, n_fds);
}

/* The row of the type that the input names, or any. */
static const SkMsgSpec *choose_row(const SkMsgSpec *specs, uint16_t type)
{
	size_t n = 0;

	for (; specs[n].type != 0; n++)
		if (specs[n].type == type)
			return &specs[n];
	return &specs[type % n];
}

/* The same contents with all around them right: only they decide. */
static void decode_contents(const SkMsgSpec *spec, const SkMsgSpec *specs, const uint8_t *data, size_t size)
{
	own_free SkHead *message = calloc(1, spec->size);

	fuzz_require(message != NULL);
	memcpy(message, data, size < spec->size ? size : spec->size);
	message->version = SK_PROTO_VERSION;
	message->type = spec->type;
	message->size = spec->size;
	decode(specs, message, spec->size, spec->n_fds & ~SK_CHAN_FDS_UP_TO);
	if (!spec->check)
		fuzz_require(
			sk_msg_decode(specs, message, spec->size, spec->n_fds & ~SK_CHAN_FDS_UP_TO) == spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const SkMsgSpec *specs;
	size_t n_tables = 0;
	own_free void *exact = NULL;
	uint16_t type = 0;

	if (size < 2)
		return 0;
	exact = malloc(size > 2 ? size - 2 : 1);
	fuzz_require(exact != NULL);
	while (fuzz_table(n_tables))
		n_tables++;
	specs = fuzz_table(data[0] % n_tables);
	memcpy(exact, data + 2, size - 2);
	decode(specs, exact, size - 2, data[1]);
	if (size - 2 >= sizeof(SkHead))
		type = ((const SkHead *)exact)->type;
	decode_contents(choose_row(specs, type), specs, data + 2, size - 2);
	return 0;
}
