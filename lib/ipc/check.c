/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check.h"

#include "lib/base/str.h"
#include "lib/ipc/proto_media.h"
#include "lib/ipc/proto_monitor.h"
#include "lib/ipc/proto_probe.h"
#include "lib/ipc/proto_scanner.h"

#define ALL_TYPES (SK_TYPE_PROGRAM | SK_TYPE_SCRIPT | SK_TYPE_MACRO_DOCUMENT | SK_TYPE_ENCRYPTED_ARCHIVE)

bool sk_check_answer(const SkHead *message)
{
	const SkAnswer *answer = (const SkAnswer *)message;

	return SK_PROTO_TEXT_OK(answer->detail);
}

bool sk_check_usb_added(const SkHead *message)
{
	const SkUsbAdded *added = (const SkUsbAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->parent) &&
	       SK_PROTO_TEXT_OK(added->connect_type);
}

bool sk_check_usb_removed(const SkHead *message)
{
	const SkUsbRemoved *removed = (const SkUsbRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_block_added(const SkHead *message)
{
	const SkBlockAdded *added = (const SkBlockAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->disk) &&
	       SK_PROTO_TEXT_OK(added->usb) && added->bus < SK_BUS_MAX_;
}

bool sk_check_block_removed(const SkHead *message)
{
	const SkBlockRemoved *removed = (const SkBlockRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_input_added(const SkHead *message)
{
	const SkInputAdded *added = (const SkInputAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->usb);
}

bool sk_check_input_removed(const SkHead *message)
{
	const SkInputRemoved *removed = (const SkInputRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_scanner_state(const SkHead *message)
{
	const SkScannerState *state = (const SkScannerState *)message;

	return state->state < SK_SCANNER_STATE_MAX_ && SK_PROTO_TEXT_OK(state->detail);
}

bool sk_check_scan_result(const SkHead *message)
{
	const SkScanResult *result = (const SkScanResult *)message;

	return (result->verdict != SK_VERDICT_NONE || result->path[0]) && result->verdict < SK_VERDICT_MAX_ &&
	       (result->type & ~(uint32_t)ALL_TYPES) == 0 && result->remembered <= 1 &&
	       SK_PROTO_TEXT_OK(result->finding) && SK_PROTO_TEXT_OK(result->mime) &&
	       SK_PROTO_TEXT_OK(result->path);
}

bool sk_check_scan_walk_done(const SkHead *message)
{
	return ((const SkScanWalkDone *)message)->result <= 0;
}

bool sk_check_scan_known(const SkHead *message)
{
	const SkScanKnown *known = (const SkScanKnown *)message;

	return known->verdict < SK_VERDICT_MAX_ && SK_PROTO_TEXT_OK(known->finding);
}

bool sk_check_media_mounted(const SkHead *message)
{
	const SkMediaMounted *mounted = (const SkMediaMounted *)message;

	return mounted->result <= 0 && SK_PROTO_TEXT_OK(mounted->path) && SK_PROTO_TEXT_OK(mounted->detail);
}

bool sk_check_media_place(const SkHead *message)
{
	const SkMediaPlace *place = (const SkMediaPlace *)message;

	return SK_PROTO_TEXT_OK(place->path);
}

bool sk_check_media_mount(const SkHead *message)
{
	const SkMediaMount *mount = (const SkMediaMount *)message;

	return SK_PROTO_TEXT_OK(mount->user) && SK_PROTO_TEXT_OK(mount->label) && mount->import_copy <= 1;
}

bool sk_check_media_unmount(const SkHead *message)
{
	const SkMediaUnmount *unmount = (const SkMediaUnmount *)message;

	return SK_PROTO_TEXT_OK(unmount->path) && unmount->lazy <= 1;
}

bool sk_check_usb_facts(const SkHead *message)
{
	const SkUsbFacts *facts = (const SkUsbFacts *)message;

	return facts->state <= SK_USB_FACTS_UNREADABLE && facts->n_interfaces <= SK_USB_INTERFACES_MAX &&
	       SK_PROTO_TEXT_OK(facts->manufacturer) && SK_PROTO_TEXT_OK(facts->product) &&
	       SK_PROTO_TEXT_OK(facts->serial) && SK_PROTO_TEXT_OK(facts->hash);
}

static bool check_keyslot(const SkLuksKeyslot *slot)
{
	return slot->number < 32 && slot->type < SK_LUKS_KEYSLOT_MAX_ && slot->kdf < SK_LUKS_KDF_MAX_ &&
	       slot->priority <= 2 && SK_PROTO_TEXT_OK(slot->kdf_hash) && SK_PROTO_TEXT_OK(slot->af_hash) &&
	       SK_PROTO_TEXT_OK(slot->area_encryption);
}

static bool check_segment(const SkLuksSegment *segment)
{
	return segment->number < 32 && segment->is_crypt <= 1 && segment->has_integrity <= 1 &&
	       segment->has_flags <= 1 && SK_PROTO_TEXT_OK(segment->encryption);
}

static bool check_digest(const SkLuksDigest *digest)
{
	return digest->number < 32 && digest->digest_size <= sizeof(digest->digest) &&
	       digest->salt_size <= sizeof(digest->salt) && digest->is_pbkdf2 <= 1 &&
	       SK_PROTO_TEXT_OK(digest->hash);
}

static bool check_token(const SkLuksToken *token)
{
	for (uint32_t i = 0; i < SK_LUKS_KEYS_MAX; i++)
		if (!SK_PROTO_TEXT_OK(token->keys[i]))
			return false;
	return token->mode < SK_LUKS_MODE_MAX_ && token->n_keys <= SK_LUKS_KEYS_MAX &&
	       SK_PROTO_TEXT_OK(token->medium) && SK_PROTO_TEXT_OK(token->organisation) &&
	       SK_PROTO_TEXT_OK(token->label);
}

bool sk_check_luks_facts(const SkLuksFacts *facts)
{
	for (uint32_t i = 0; i < SK_LUKS_KEYSLOTS_MAX; i++)
		if (!check_keyslot(&facts->keyslots[i]))
			return false;
	for (uint32_t i = 0; i < SK_LUKS_SEGMENTS_MAX; i++)
		if (!check_segment(&facts->segments[i]))
			return false;
	for (uint32_t i = 0; i < SK_LUKS_DIGESTS_MAX; i++)
		if (!check_digest(&facts->digests[i]))
			return false;
	return (facts->problems & ~(uint32_t)SK_LUKS_PROBLEMS_ALL) == 0 &&
	       facts->n_keyslots <= SK_LUKS_KEYSLOTS_MAX && facts->n_segments <= 32 &&
	       facts->n_digests <= 32 && facts->n_tokens <= 32 && SK_PROTO_TEXT_OK(facts->uuid) &&
	       SK_PROTO_TEXT_OK(facts->label) && SK_PROTO_TEXT_OK(facts->subsystem) &&
	       check_token(&facts->token);
}

bool sk_check_block_facts(const SkHead *message)
{
	const SkBlockFacts *facts = (const SkBlockFacts *)message;

	return facts->state <= SK_BLOCK_FACTS_AMBIGUOUS && facts->content < SK_CONTENT_MAX_ &&
	       SK_PROTO_TEXT_OK(facts->table) && SK_PROTO_TEXT_OK(facts->type_name) &&
	       SK_PROTO_TEXT_OK(facts->label) && SK_PROTO_TEXT_OK(facts->uuid) &&
	       sk_check_luks_facts(&facts->luks);
}

const char *sk_luks_problem_name(uint32_t bit)
{
	static const char *const names[] = {"no-header", "first-copy-damaged", "second-copy-damaged",
		"copies-differ", "checksum-algorithm", "not-json", "structure", "null-cipher",
		"segment-count", "plain-segment", "segment-place", "reencryption", "unknown-requirement",
		"weak-key-derivation", "weak-cipher", "unknown-keyslot", "foreign-token", "token-incomplete",
		"digest", "extra-data", "copy-older"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (bit == 1u << i)
			return names[i];
	return NULL;
}

bool sk_check_media_evaluate(const SkHead *message)
{
	const SkMediaEvaluate *evaluate = (const SkMediaEvaluate *)message;

	return SK_PROTO_TEXT_OK(evaluate->medium) && evaluate->medium[0] &&
	       evaluate->purpose < SK_MEDIA_FOR_MAX_;
}

bool sk_check_media_lease_ask(const SkHead *message)
{
	const SkMediaLeaseAsk *ask = (const SkMediaLeaseAsk *)message;

	return SK_PROTO_TEXT_OK(ask->medium) && ask->medium[0] && ask->what < SK_MEDIA_LEASE_MAX_ &&
	       ask->box_size <= sizeof(ask->box) && (ask->what == SK_MEDIA_LEASE_KEEP) == (ask->box_size > 0);
}
