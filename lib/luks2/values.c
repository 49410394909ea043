/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/luks2/metadata.h"

void luks2_json_init(void)
{
	json_object_seed(0);
}

static void wrong(SkLuksFacts *facts)
{
	facts->problems |= SK_LUKS_STRUCTURE;
}

const char *luks2_text(const json_t *object, const char *name, SkLuksFacts *facts)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text)
		return text;
	wrong(facts);
	return "";
}

void luks2_text_copy(const json_t *object, const char *name, char *dst, size_t size, SkLuksFacts *facts)
{
	if (!sk_str_copy(dst, size, luks2_text(object, name, facts)))
		wrong(facts);
}

uint32_t luks2_number(const json_t *object, const char *name, SkLuksFacts *facts)
{
	const json_t *value = json_object_get(object, name);
	json_int_t number = json_integer_value(value);

	if (json_is_integer(value) && number >= 0 && number <= UINT32_MAX)
		return (uint32_t)number;
	wrong(facts);
	return 0;
}

uint64_t luks2_large_number(const json_t *object, const char *name, SkLuksFacts *facts)
{
	uint64_t number;

	if (sk_num_parse(luks2_text(object, name, facts), 10, UINT64_MAX, &number) == 0)
		return number;
	wrong(facts);
	return 0;
}

bool luks2_name_parse(const char *name, uint8_t *ret_number)
{
	uint64_t number;

	/* One way to write each number: "1" and "01" would be two members. */
	if ((name[0] == '0' && name[1] != 0) || sk_num_parse(name, 10, LUKS2_NUMBERS - 1, &number) < 0)
		return false;
	*ret_number = (uint8_t)number;
	return true;
}

uint32_t luks2_numbers(const json_t *object, const char *name, SkLuksFacts *facts)
{
	const json_t *list = json_object_get(object, name);
	uint32_t bits = 0;
	const json_t *item;
	size_t i;

	if (!json_is_array(list))
		wrong(facts);
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		uint8_t number;

		if (text && luks2_name_parse(text, &number) && !(bits & 1u << number))
			bits |= 1u << number;
		else
			wrong(facts);
	}
	return bits;
}

uint8_t luks2_bytes(
	const json_t *object, const char *name, uint8_t dst[SK_LUKS_SECRET_SIZE], SkLuksFacts *facts)
{
	uint8_t bytes[SK_LUKS_SECRET_SIZE + 2]; /* base64 comes in threes */
	const char *text = luks2_text(object, name, facts);
	size_t text_size = strlen(text), size = 0;

	memset(dst, 0, SK_LUKS_SECRET_SIZE);
	if (text_size / 4 * 3 > sizeof(bytes) || sk_base64_parse(text, text_size, bytes, &size) < 0 ||
		size == 0 || size > SK_LUKS_SECRET_SIZE) {
		wrong(facts);
		return 0;
	}
	memcpy(dst, bytes, size);
	return (uint8_t)size;
}
