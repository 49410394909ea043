/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trust bundles, {"certificates": [PEM], "keys": [{"id", "public"}], "organisation", "serial"}, and the files
 * that keep them.
 */
#include <errno.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

#define TRUST_FILE "trust.json"

void trust_deinit(Trust *trust)
{
	json_decref(trust->bundle);
	*trust = (Trust){0};
}

static int parse_key(const json_t *object, SkDsseKey *key)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	const char *public_key = json_string_value(json_object_get(object, "public"));
	uint8_t bytes[SK_SIGN_PUBLIC_SIZE + 2];
	char right_id[SK_DSSE_KEY_ID_SIZE];
	size_t size;

	if (!id || !public_key || strlen(public_key) != SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE) - 1 ||
		sk_base64_parse(public_key, strlen(public_key), bytes, &size) < 0 ||
		size != SK_SIGN_PUBLIC_SIZE)
		return -EBADMSG;
	memcpy(key->public_key, bytes, SK_SIGN_PUBLIC_SIZE);
	/* The id follows from the key: another one would be a key that calls itself by the name of another.
	 */
	sk_dsse_key_id(key->public_key, right_id);
	if (!sk_str_eq(id, right_id))
		return -EBADMSG;
	return sk_str_copy(key->id, sizeof(key->id), id) ? 0 : -EBADMSG;
}

int trust_parse(const char *text, size_t size, Trust *ret_trust)
{
	json_auto_t *bundle = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *keys = json_object_get(bundle, "keys"), *key;
	json_int_t serial = json_integer_value(json_object_get(bundle, "serial"));
	Trust trust = {0};
	size_t i;

	if (serial < 1 || !json_is_string(json_object_get(bundle, "organisation")) ||
		json_array_size(json_object_get(bundle, "certificates")) == 0 || json_array_size(keys) == 0 ||
		json_array_size(keys) > CONSOLE_KEYS_MAX)
		return -EBADMSG;
	json_array_foreach (keys, i, key) {
		if (parse_key(key, &trust.keys[trust.n_keys++]) < 0)
			return -EBADMSG;
	}
	trust.n_kept = trust.n_keys;
	trust.serial = (uint64_t)serial;
	trust.bundle = json_incref(bundle);
	*ret_trust = trust;
	return 0;
}

static bool has_key(const Trust *trust, const SkDsseKey *key)
{
	for (size_t i = 0; i < trust->n_kept; i++)
		if (memcmp(trust->keys[i].public_key, key->public_key, SK_SIGN_PUBLIC_SIZE) == 0)
			return true;
	return false;
}

void trust_follow(Trust *trust, const Trust *before)
{
	for (size_t i = 0; i < before->n_kept && trust->n_kept < SK_ARRAY_SIZE(trust->keys); i++)
		if (!has_key(trust, &before->keys[i]))
			trust->keys[trust->n_kept++] = before->keys[i];
}

bool trust_is_same(const Trust *trust, const Trust *other)
{
	return json_equal(json_object_get(trust->bundle, "keys"), json_object_get(other->bundle, "keys")) &&
	       json_equal(json_object_get(trust->bundle, "certificates"),
		       json_object_get(other->bundle, "certificates"));
}

int trust_load_former(const json_t *former, Trust *trust)
{
	const json_t *key;
	size_t i;

	json_array_foreach (former, i, key) {
		if (trust->n_kept == SK_ARRAY_SIZE(trust->keys) ||
			parse_key(key, &trust->keys[trust->n_kept]) < 0)
			return -EBADMSG;
		trust->n_kept++;
	}
	return 0;
}

/* A new reference; NULL without memory. */
static json_t *former_keys(const Trust *trust)
{
	json_t *former = json_array();

	for (size_t i = trust->n_keys; former && i < trust->n_kept; i++) {
		char text[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];

		sk_base64_format(trust->keys[i].public_key, SK_SIGN_PUBLIC_SIZE, text);
		json_array_append_new(
			former, json_pack("{s:s, s:s}", "id", trust->keys[i].id, "public", text));
	}
	return former;
}

int console_store(const Console *console, const char *name, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = text ? sk_io_replace_file_at(console->dir_fd, name, 0600, text, strlen(text)) : -ENOMEM;

	json_decref(object);
	free(text);
	return r;
}

int console_load(const Console *console, const char *name, size_t max, json_t **ret_object)
{
	char *text = NULL;
	size_t size = 0;
	int r = sk_io_read_file_at(console->dir_fd, name, max, &text, &size);

	if (r < 0)
		return r;
	*ret_object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return *ret_object ? 0 : -EBADMSG;
}

int console_store_trust(Console *console)
{
	return console_store(console, TRUST_FILE,
		json_pack("{s:s, s:s, s:O, s:o}", "terminal", console->terminal, "address", console->address,
			"bundle", console->trust.bundle, "former", former_keys(&console->trust)));
}
