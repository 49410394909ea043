/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/keystore_kind.h"

#include <string.h>

#include "lib/base/str.h"

int sk_keystore_open(const char *where, SkKeystore **ret_keystore)
{
	static const struct {
		const char *prefix;
		int (*open)(const char *rest, SkKeystore **ret_keystore);
	} kinds[] = {{"file:", sk_keystore_file_open}, {"pkcs11:", sk_keystore_pkcs11_open},
		{"tpm2:", sk_keystore_tpm2_open}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_str_starts(where, kinds[i].prefix))
			return kinds[i].open(where + strlen(kinds[i].prefix), ret_keystore);
	return -EINVAL;
}

void sk_keystore_free(SkKeystore *keystore)
{
	if (keystore)
		keystore->kind->free(keystore);
}

const char *sk_keystore_kind(const SkKeystore *keystore)
{
	return keystore->kind->name;
}

int sk_keystore_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key)
{
	return sk_secret_size(key) == SK_KEYSTORE_KEY_SIZE ? keystore->kind->put(keystore, epoch, key)
							   : -EINVAL;
}

int sk_keystore_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key)
{
	return keystore->kind->get(keystore, epoch, ret_key);
}

int sk_keystore_destroy(SkKeystore *keystore, uint64_t epoch)
{
	return keystore->kind->destroy(keystore, epoch);
}

int sk_keystore_list(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX])
{
	return keystore->kind->list(keystore, ret_epochs);
}
