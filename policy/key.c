/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of 64 bits stand for values. Two values of one key cost a comparison more, never a wrong answer: every
 * rule found by a key is still asked in full.
 */
#include <string.h>

#include "policy/rule.h"

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio: spreads neighbouring values */

static uint64_t mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * MULTIPLIER;
	return state ^ state >> 29;
}

static uint64_t text_key(uint64_t seed, const char *data, size_t size)
{
	uint64_t key = mix(seed, size), word;

	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		key = mix(key, word);
	}
	word = 0;
	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)(unsigned char)data[i] << 8 * i;
	return mix(key, word);
}

static uint64_t interface_key(const SkPolicyInterface *interface, uint8_t any)
{
	uint32_t subclass = any & SK_POLICY_ANY_SUBCLASS ? 0 : interface->subclass;
	uint32_t protocol = any & SK_POLICY_ANY_PROTOCOL ? 0 : interface->protocol;

	return mix(SK_DIMENSION_INTERFACE,
		(uint32_t)any << 24 | (uint32_t)interface->base_class << 16 | subclass << 8 | protocol);
}

/* Length of the vendor of an id with its colon; all vendors' ids look alike in length, so a seed parts them.
 */
static uint64_t vendor_key(const SkPolicyText *id)
{
	const char *colon = memchr(id->data, ':', id->size);
	size_t size = colon ? (size_t)(colon - id->data) : id->size;

	return text_key(SK_DIMENSION_COUNT_, id->data, size);
}

static bool device_text_keys(const SkPolicyValues *values, unsigned dimension, SkKeys *keys, uint32_t *n)
{
	if (values->count > SK_KEYS_PER_TEXT_MAX / 2)
		return false;
	for (size_t i = 0; i < values->count; i++) {
		const SkPolicyText *text = &values->items[i];

		keys->keys[(*n)++] = text_key(dimension, text->data, text->size);
		if (dimension == SK_POLICY_ID && text->size)
			keys->keys[(*n)++] = vendor_key(text);
	}
	return true;
}

static bool device_interface_keys(const SkPolicyDevice *device, SkKeys *keys, uint32_t *n)
{
	static const uint8_t any[] = {
		0, SK_POLICY_ANY_PROTOCOL, SK_POLICY_ANY_PROTOCOL | SK_POLICY_ANY_SUBCLASS};
	uint32_t first = *n;

	for (size_t i = 0; i < device->n_interfaces; i++) {
		uint64_t key = interface_key(&device->interfaces[i], 0);
		bool known = false;

		/* alternate settings repeat the same three numbers many times */
		for (uint32_t k = first; k < *n && !known; k += 3)
			known = keys->keys[k] == key;
		if (known)
			continue;
		if (*n - first + 3 > SK_KEYS_MAX)
			return false;
		for (size_t k = 0; k < 3; k++)
			keys->keys[(*n)++] = interface_key(&device->interfaces[i], any[k]);
	}
	return true;
}

bool sk_keys_of_device(const SkPolicyDevice *device, uint32_t dimensions, SkKeys *ret_keys)
{
	uint32_t n = 0;

	for (unsigned dimension = 0; dimension < SK_DIMENSION_COUNT_; dimension++) {
		bool ok = true;

		ret_keys->begin[dimension] = n;
		if (!(dimensions & 1u << dimension))
			continue;
		if (dimension == SK_DIMENSION_INTERFACE)
			ok = device_interface_keys(device, ret_keys, &n);
		else
			ok = device_text_keys(&device->text[dimension], dimension, ret_keys, &n);
		if (!ok)
			return false;
	}
	ret_keys->begin[SK_DIMENSION_COUNT_] = n;
	return true;
}

static bool is_wildcard_id(const SkConstraint *constraint, uint32_t number)
{
	return constraint->kind == SK_POLICY_ID && constraint->texts[number].data[0] == '*';
}

uint32_t sk_constraint_keys(const SkConstraint *constraint)
{
	uint32_t count = 0;

	if (constraint->kind >= SK_DIMENSION_COUNT_ || constraint->count == 0)
		return 0;
	if (constraint->op == SK_SET_EQUALS || constraint->op == SK_SET_ALL_OF ||
		constraint->op == SK_SET_EQUALS_ORDERED)
		count = 1;
	if (constraint->op == SK_SET_ONE_OF)
		count = constraint->count;
	for (uint32_t i = 0; i < count; i++)
		if (is_wildcard_id(constraint, i))
			return 0;
	return count;
}

uint64_t sk_constraint_key(const SkConstraint *constraint, uint32_t number)
{
	const SkPolicyText *text = &constraint->texts[number];

	if (constraint->kind == SK_CONSTRAINT_INTERFACE)
		return interface_key(&constraint->interfaces[number], constraint->interfaces[number].any);
	if (constraint->kind == SK_POLICY_ID && text->data[text->size - 1] == '*')
		return vendor_key(text);
	return text_key(constraint->kind, text->data, text->size);
}
