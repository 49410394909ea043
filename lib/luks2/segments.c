/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/luks2/metadata.h"

static uint64_t read_size(const json_t *segment, SkLuksFacts *facts)
{
	if (sk_str_eq(luks2_text(segment, "size", facts), "dynamic"))
		return SK_LUKS_DYNAMIC;
	return luks2_large_number(segment, "size", facts);
}

static bool is_sector_size(uint32_t size)
{
	return size == 512 || size == 1024 || size == 2048 || size == 4096;
}

static bool is_in_place(const SkLuksSegment *segment, uint64_t start, uint64_t medium_size)
{
	if (segment->offset < start || segment->offset >= medium_size || segment->offset % 512 != 0)
		return false;
	return segment->size == SK_LUKS_DYNAMIC ||
	       (segment->size > 0 && segment->size <= medium_size - segment->offset);
}

static void read_crypt(const json_t *json, SkLuksSegment *segment, SkLuksFacts *facts)
{
	segment->is_crypt = 1;
	segment->iv_tweak = luks2_large_number(json, "iv_tweak", facts);
	segment->sector_size = luks2_number(json, "sector_size", facts);
	segment->has_integrity = json_object_get(json, "integrity") != NULL;
	luks2_text_copy(json, "encryption", segment->encryption, sizeof(segment->encryption), facts);
	luks2_cipher_check(segment->encryption, SK_LUKS2_KEY_SIZE, facts);
	if (!is_sector_size(segment->sector_size))
		facts->problems |= SK_LUKS_STRUCTURE;
}

/* cryptsetup marks what it moves: "in-reencryption", "backup-previous", "backup-final". */
static void read_flags(const json_t *json, SkLuksSegment *segment, SkLuksFacts *facts)
{
	if (!json_object_get(json, "flags"))
		return;
	segment->has_flags = 1;
	facts->problems |= SK_LUKS_REENCRYPTION;
}

static void read_segment(
	const json_t *json, uint64_t start, uint64_t medium_size, SkLuksSegment *segment, SkLuksFacts *facts)
{
	segment->offset = luks2_large_number(json, "offset", facts);
	segment->size = read_size(json, facts);
	if (!is_in_place(segment, start, medium_size))
		facts->problems |= SK_LUKS_SEGMENT_PLACE;
	read_flags(json, segment, facts);
	if (sk_str_eq(luks2_text(json, "type", facts), "crypt"))
		read_crypt(json, segment, facts);
	else
		facts->problems |= SK_LUKS_PLAIN_SEGMENT;
}

void luks2_segments_read(const json_t *section, uint64_t start, uint64_t medium_size, SkLuksFacts *facts)
{
	const char *name;
	json_t *json;

	json_object_foreach ((json_t *)section, name, json) {
		SkLuksSegment segment = {0};

		if (!luks2_name_parse(name, &segment.number)) {
			facts->problems |= SK_LUKS_STRUCTURE;
			continue;
		}
		read_segment(json, start, medium_size, &segment, facts);
		if (facts->n_segments < SK_LUKS_SEGMENTS_MAX)
			facts->segments[facts->n_segments] = segment;
		facts->n_segments++;
	}
	if (facts->n_segments != 1)
		facts->problems |= SK_LUKS_SEGMENTS;
}
