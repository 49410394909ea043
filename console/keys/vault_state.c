/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/vault_state.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "console/keys/keystore_kind.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define MAGIC "SKVAULT1"
#define MAGIC_SIZE 8
#define HEAD_SIZE (MAGIC_SIZE + SK_VAULT_ID_SIZE - 1 + 8 + 4)
#define STATE_MAX ((size_t)64 * 1024 * 1024)

int sk_vault_state_new(SkVaultState **ret_state)
{
	*ret_state = calloc(1, sizeof(**ret_state));
	return *ret_state ? 0 : -ENOMEM;
}

void sk_vault_state_free(SkVaultState *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->count; i++)
		sk_key_tree_free(state->trees[i].tree);
	free(state);
}

SkKeyTree *sk_vault_state_tree(const SkVaultState *state, uint32_t generation)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->trees[i].generation == generation)
			return state->trees[i].tree;
	return NULL;
}

int sk_vault_state_add(SkVaultState *state, uint32_t generation, SkKeyTree *tree)
{
	int r = sk_vault_state_tree(state, generation) ? -EEXIST : 0;

	if (r == 0 && state->count == SK_VAULT_GENERATIONS_MAX)
		r = -E2BIG;
	if (r < 0) {
		sk_key_tree_free(tree);
		return r;
	}
	state->trees[state->count++] = (SkVaultTree){generation, tree};
	return 0;
}

/* All but this one go; a state without it stays as it is, for then the order is not for this vault. */
void sk_vault_state_keep(SkVaultState *state, uint32_t generation)
{
	SkKeyTree *kept = sk_vault_state_tree(state, generation);

	if (!kept)
		return;
	for (size_t i = 0; i < state->count; i++)
		if (state->trees[i].tree != kept)
			sk_key_tree_free(state->trees[i].tree);
	state->trees[0] = (SkVaultTree){generation, kept};
	state->count = 1;
}

static uint8_t *put32(uint8_t *p, uint32_t number)
{
	number = htobe32(number);
	memcpy(p, &number, sizeof(number));
	return p + sizeof(number);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t number;

	memcpy(&number, p, sizeof(number));
	return be32toh(number);
}

int sk_vault_state_format(const SkVaultState *state, SkSecret **ret_bytes)
{
	uint64_t epoch = htobe64(state->epoch);
	size_t size = HEAD_SIZE;
	uint8_t *p;
	int r;

	for (size_t i = 0; i < state->count; i++)
		size += 8 + sk_key_tree_size(state->trees[i].tree);
	r = sk_secret_new(size, ret_bytes);
	if (r < 0)
		return r;
	p = sk_secret_data(*ret_bytes);
	memcpy(p, MAGIC, MAGIC_SIZE);
	memcpy(p + MAGIC_SIZE, state->id, SK_VAULT_ID_SIZE - 1);
	memcpy(p + HEAD_SIZE - 12, &epoch, sizeof(epoch));
	p = put32(p + HEAD_SIZE - 4, (uint32_t)state->count);
	for (size_t i = 0; i < state->count; i++) {
		size = sk_key_tree_size(state->trees[i].tree);
		p = put32(put32(p, state->trees[i].generation), (uint32_t)size);
		sk_key_tree_format(state->trees[i].tree, p);
		p += size;
	}
	return 0;
}

static int parse_trees(const uint8_t *p, const uint8_t *end, uint32_t count, SkVaultState *state)
{
	for (uint32_t i = 0; i < count; i++) {
		SkKeyTree *tree = NULL;
		uint32_t generation, size;
		int r;

		if (end - p < 8)
			return -EBADMSG;
		generation = get32(p);
		size = get32(p + 4);
		p += 8;
		if ((size_t)(end - p) < size)
			return -EBADMSG;
		r = sk_key_tree_parse(p, size, &tree);
		if (r == 0)
			r = sk_vault_state_add(state, generation, tree);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
		p += size;
	}
	return p == end ? 0 : -EBADMSG;
}

int sk_vault_state_parse(const uint8_t *bytes, size_t size, SkVaultState **ret_state)
{
	own_vault_state SkVaultState *state = NULL;
	uint64_t epoch;
	int r;

	if (size < HEAD_SIZE || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
		return -EBADMSG;
	r = sk_vault_state_new(&state);
	if (r < 0)
		return r;
	memcpy(state->id, bytes + MAGIC_SIZE, SK_VAULT_ID_SIZE - 1);
	memcpy(&epoch, bytes + HEAD_SIZE - 12, sizeof(epoch));
	state->epoch = be64toh(epoch);
	r = parse_trees(bytes + HEAD_SIZE, bytes + size, get32(bytes + HEAD_SIZE - 4), state);
	if (r < 0)
		return r;
	*ret_state = own_take(state);
	return 0;
}

int sk_vault_state_copy(const SkVaultState *state, SkVaultState **ret_copy)
{
	own_secret SkSecret *bytes = NULL;
	int r = sk_vault_state_format(state, &bytes);

	return r < 0 ? r : sk_vault_state_parse(sk_secret_data(bytes), sk_secret_size(bytes), ret_copy);
}

static SkAeadContext context_of(uint64_t epoch, char text[64])
{
	sk_str_format(text, 64, "sekisho vault state 1 %" PRIu64, epoch);
	return (SkAeadContext){text, strlen(text)};
}

int sk_vault_state_write(const SkVaultState *state, int dir_fd, SkSecret *key)
{
	own_secret SkSecret *bytes = NULL;
	own_free uint8_t *sealed = NULL;
	char name[SK_EPOCH_FILE_SIZE], text[64];
	int r = sk_vault_state_format(state, &bytes);

	if (r < 0)
		return r;
	sealed = malloc(sk_secret_size(bytes) + SK_AEAD_OVERHEAD);
	if (!sealed)
		return -ENOMEM;
	sk_aead_seal(sk_secret_data(key), context_of(state->epoch, text), sk_secret_data(bytes),
		sk_secret_size(bytes), sealed);
	sk_epoch_file_name(state->epoch, "state", name);
	return sk_epoch_file_write(dir_fd, name, sealed, sk_secret_size(bytes) + SK_AEAD_OVERHEAD);
}

int sk_vault_state_read(int dir_fd, uint64_t epoch, SkSecret *key, SkVaultState **ret_state)
{
	own_vault_state SkVaultState *state = NULL;
	own_secret SkSecret *bytes = NULL;
	own_free char *sealed = NULL;
	char name[SK_EPOCH_FILE_SIZE], text[64];
	size_t size;
	int r;

	sk_epoch_file_name(epoch, "state", name);
	r = sk_io_read_file_at(dir_fd, name, STATE_MAX, &sealed, &size);
	if (r == 0)
		r = sk_aead_open(sk_secret_data(key), context_of(epoch, text), sealed, size, &bytes);
	if (r == 0)
		r = sk_vault_state_parse(sk_secret_data(bytes), sk_secret_size(bytes), &state);
	if (r == 0 && state->epoch != epoch)
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret_state = own_take(state);
	return 0;
}
