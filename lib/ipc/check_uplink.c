/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_uplink.h"

#include "lib/ipc/proto_uplink.h"

#define KEY_DIGITS 32
#define HASH_DIGITS 64

static bool is_hex(const char *text, size_t size)
{
	return strlen(text) == size && strspn(text, "0123456789abcdef") == size;
}

/* It becomes part of a URL. */
static bool is_operation(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size && text[0] != '.' &&
	       text[size - 1] != '.' && !strstr(text, "..");
}

bool sk_check_uplink_options(const SkHead *message)
{
	const SkUplinkOptions *options = (const SkUplinkOptions *)message;

	return SK_PROTO_TEXT_OK(options->proxy) && SK_PROTO_TEXT_OK(options->terminal) &&
	       options->enrolled <= 1;
}

bool sk_check_uplink_enrol(const SkHead *message)
{
	const SkUplinkEnrol *enrol = (const SkUplinkEnrol *)message;

	return SK_PROTO_TEXT_OK(enrol->code);
}

bool sk_check_uplink_head(const SkHead *message)
{
	const SkUplinkHead *head = (const SkUplinkHead *)message;

	return SK_PROTO_TEXT_OK(head->hash) && (head->hash[0] == 0 || is_hex(head->hash, HASH_DIGITS));
}

bool sk_check_uplink_records(const SkHead *message)
{
	const SkUplinkRecords *records = (const SkUplinkRecords *)message;

	return records->first <= records->last && (records->first != 0) == (records->last != 0);
}

bool sk_check_uplink_call(const SkHead *message)
{
	const SkUplinkCall *call = (const SkUplinkCall *)message;

	return call->flag < SK_UPLINK_CALL_MAX_ && SK_PROTO_TEXT_OK(call->operation) &&
	       is_operation(call->operation) && SK_PROTO_TEXT_OK(call->key) && is_hex(call->key, KEY_DIGITS);
}

bool sk_check_uplink_state(const SkHead *message)
{
	const SkUplinkState *state = (const SkUplinkState *)message;

	return state->state < SK_UPLINK_STATE_MAX_ && state->cause < SK_UPLINK_CAUSE_MAX_ &&
	       state->clock_known <= 1 && state->key_in_tpm <= 1 && SK_PROTO_TEXT_OK(state->console) &&
	       SK_PROTO_TEXT_OK(state->detail);
}

bool sk_check_uplink_want_records(const SkHead *message)
{
	const SkUplinkWantRecords *want = (const SkUplinkWantRecords *)message;

	return want->from > 0 && want->size > 0 && want->size <= SK_UPLINK_RECORDS_MAX;
}

bool sk_check_uplink_acked(const SkHead *message)
{
	const SkUplinkAcked *acked = (const SkUplinkAcked *)message;

	return acked->seq > 0 && SK_PROTO_TEXT_OK(acked->hash) && is_hex(acked->hash, HASH_DIGITS);
}

bool sk_check_uplink_definition(const SkHead *message)
{
	const SkUplinkDefinition *definition = (const SkUplinkDefinition *)message;

	return SK_PROTO_TEXT_OK(definition->sha256) && is_hex(definition->sha256, HASH_DIGITS);
}

bool sk_check_uplink_result(const SkHead *message)
{
	const SkUplinkResult *result = (const SkUplinkResult *)message;

	return result->result <= 0 && result->status <= 999 && result->flag < SK_UPLINK_CALL_MAX_ &&
	       SK_PROTO_TEXT_OK(result->operation) && is_operation(result->operation) &&
	       SK_PROTO_TEXT_OK(result->key) && is_hex(result->key, KEY_DIGITS);
}
