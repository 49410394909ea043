/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/luks2/metadata.h"

#define TOKEN_TYPE "sekisho"
#define TOKEN_VERSION 1

static uint32_t read_mode(const json_t *json, SkLuksFacts *facts)
{
	static const char *const names[SK_LUKS_MODE_MAX_] = {
		[SK_LUKS_MODE_NONE] = "",
		[SK_LUKS_MODE_BOUND] = "bound",
		[SK_LUKS_MODE_PORTABLE] = "portable",
		[SK_LUKS_MODE_HAND_OVER] = "hand-over",
	};
	const char *text = luks2_text(json, "mode", facts);

	for (uint32_t mode = SK_LUKS_MODE_BOUND; mode < SK_LUKS_MODE_MAX_; mode++)
		if (sk_str_eq(text, names[mode]))
			return mode;
	facts->problems |= SK_LUKS_TOKENS;
	return SK_LUKS_MODE_NONE;
}

static void read_keys(const json_t *json, SkLuksToken *token, SkLuksFacts *facts)
{
	const json_t *keys = json_object_get(json, "keys");
	const json_t *key;
	size_t i;

	if (!json_is_array(keys) || json_array_size(keys) > SK_LUKS_KEYS_MAX) {
		facts->problems |= SK_LUKS_TOKENS;
		return;
	}
	json_array_foreach (keys, i, key) {
		const char *text = json_string_value(key);

		if (!text || text[0] == 0 || !sk_str_copy(token->keys[i], sizeof(token->keys[i]), text))
			facts->problems |= SK_LUKS_TOKENS;
	}
	token->n_keys = (uint32_t)json_array_size(keys);
}

static void read_ours(const json_t *json, SkLuksToken *token, SkLuksFacts *facts)
{
	uint32_t before = facts->problems;

	facts->problems &= ~(uint32_t)SK_LUKS_STRUCTURE;
	if (token->mode != SK_LUKS_MODE_NONE || luks2_number(json, "version", facts) != TOKEN_VERSION)
		facts->problems |= SK_LUKS_TOKENS;
	*token = (SkLuksToken){.mode = read_mode(json, facts)};
	token->keyslots = luks2_numbers(json, "keyslots", facts);
	luks2_text_copy(json, "medium", token->medium, sizeof(token->medium), facts);
	luks2_text_copy(json, "organisation", token->organisation, sizeof(token->organisation), facts);
	luks2_text_copy(json, "label", token->label, sizeof(token->label), facts);
	read_keys(json, token, facts);
	if (facts->problems & SK_LUKS_STRUCTURE || token->medium[0] == 0 || token->organisation[0] == 0)
		facts->problems |= SK_LUKS_TOKENS;
	facts->problems |= before;
}

void luks2_tokens_read(const json_t *section, SkLuksFacts *facts)
{
	const char *name;
	json_t *json;
	uint8_t number;

	json_object_foreach ((json_t *)section, name, json) {
		if (!luks2_name_parse(name, &number)) {
			facts->problems |= SK_LUKS_STRUCTURE;
			continue;
		}
		facts->n_tokens++;
		if (sk_str_eq(luks2_text(json, "type", facts), TOKEN_TYPE))
			read_ours(json, &facts->token, facts);
		else
			facts->problems |= SK_LUKS_TOKEN_KIND;
	}
}
