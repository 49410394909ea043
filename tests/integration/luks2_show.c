/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luks2_show FILE: the facts that lib/luks2 reads from the start of a file, as JSON. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/ipc/check.h"
#include "lib/luks2/luks2.h"

static json_t *problems(const SkLuksFacts *facts)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 32; i++)
		if (facts->problems & 1u << i)
			json_array_append_new(list, json_string(sk_luks_problem_name(1u << i)));
	return list;
}

static json_t *keyslots(const SkLuksFacts *facts)
{
	static const char *const kdfs[] = {"none", "pbkdf2", "argon2i", "argon2id", "other"};
	json_t *list = json_array();

	for (uint32_t i = 0; i < facts->n_keyslots; i++) {
		const SkLuksKeyslot *s = &facts->keyslots[i];

		json_array_append_new(
			list, json_pack("{s:i,s:i,s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s}",
				      "number", s->number, "type", s->type, "priority", s->priority, "kdf",
				      kdfs[s->kdf], "key_size", (json_int_t)s->key_size, "time",
				      (json_int_t)s->time, "memory", (json_int_t)s->memory, "cpus",
				      (json_int_t)s->cpus, "iterations", (json_int_t)s->iterations, "stripes",
				      (json_int_t)s->stripes, "area_key_size", (json_int_t)s->area_key_size,
				      "area_offset", (json_int_t)s->area_offset, "area_size",
				      (json_int_t)s->area_size, "kdf_hash", s->kdf_hash, "af_hash",
				      s->af_hash, "area_encryption", s->area_encryption));
	}
	return list;
}

static json_t *segments(const SkLuksFacts *facts)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < facts->n_segments && i < SK_LUKS_SEGMENTS_MAX; i++) {
		const SkLuksSegment *s = &facts->segments[i];

		json_array_append_new(
			list, json_pack("{s:i,s:b,s:b,s:I,s:I,s:I,s:s}", "number", s->number, "crypt",
				      s->is_crypt, "integrity", s->has_integrity, "sector_size",
				      (json_int_t)s->sector_size, "offset", (json_int_t)s->offset, "size",
				      s->size == SK_LUKS_DYNAMIC ? (json_int_t)-1 : (json_int_t)s->size,
				      "encryption", s->encryption));
	}
	return list;
}

static json_t *digests(const SkLuksFacts *facts)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < facts->n_digests && i < SK_LUKS_DIGESTS_MAX; i++) {
		const SkLuksDigest *d = &facts->digests[i];
		char digest[2 * SK_LUKS_SECRET_SIZE + 1], salt[2 * SK_LUKS_SECRET_SIZE + 1];

		sk_hex_format(digest, d->digest, d->digest_size);
		sk_hex_format(salt, d->salt, d->salt_size);
		json_array_append_new(list,
			json_pack("{s:I,s:I,s:I,s:s,s:s,s:s}", "iterations", (json_int_t)d->iterations,
				"keyslots", (json_int_t)d->keyslots, "segments", (json_int_t)d->segments,
				"hash", d->hash, "digest", digest, "salt", salt));
	}
	return list;
}

static json_t *token(const SkLuksToken *token)
{
	json_t *keys = json_array();

	for (uint32_t i = 0; i < token->n_keys; i++)
		json_array_append_new(keys, json_string(token->keys[i]));
	return json_pack("{s:I,s:s,s:s,s:s,s:o}", "mode", (json_int_t)token->mode, "medium", token->medium,
		"organisation", token->organisation, "label", token->label, "keys", keys);
}

static int show(const SkLuksFacts *facts)
{
	json_auto_t *json = json_pack("{s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "problems",
		problems(facts), "uuid", facts->uuid, "label", facts->label, "subsystem", facts->subsystem,
		"header_size", (json_int_t)facts->header_size, "sequence", (json_int_t)facts->sequence,
		"n_segments", (json_int_t)facts->n_segments, "n_digests", (json_int_t)facts->n_digests,
		"n_tokens", (json_int_t)facts->n_tokens, "keyslots", keyslots(facts), "segments",
		segments(facts), "digests", digests(facts), "token", token(&facts->token));

	return json && json_dumpf(json, stdout, JSON_INDENT(1)) == 0 && puts("") >= 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static uint8_t data[2 * SK_LUKS2_COPY_MAX];
	static SkLuksFacts facts;
	own_fd int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || sk_crypt_init() < 0) {
		fputs("usage: luks2_show FILE\n", stderr);
		return 2;
	}
	n = read(fd, data, sizeof(data));
	sk_luks2_read(data, n < 0 ? 0 : (size_t)n, (uint64_t)st.st_size, &facts);
	if (!sk_check_luks_facts(&facts)) {
		fputs("facts out of range\n", stderr);
		return 1;
	}
	return show(&facts);
}
