/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds a token by its label in a PKCS#11 module, and logs in with the PIN of a file. */
#include <fcntl.h>
#include <string.h>

#include "console/keys/keystore_token.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define PIN_MAX 256

int sk_token_error(CK_RV rv)
{
	static const struct {
		CK_RV rv;
		int error;
	} table[] = {
		{CKR_OK, 0},
		{CKR_PIN_INCORRECT, -EACCES},
		{CKR_PIN_LOCKED, -EACCES},
		{CKR_PIN_LEN_RANGE, -EACCES},
		{CKR_USER_NOT_LOGGED_IN, -EACCES},
		{CKR_HOST_MEMORY, -ENOMEM},
		{CKR_DEVICE_MEMORY, -ENOSPC},
		{CKR_ENCRYPTED_DATA_INVALID, -EBADMSG},
		{CKR_ENCRYPTED_DATA_LEN_RANGE, -EBADMSG},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(table); i++)
		if (table[i].rv == rv)
			return table[i].error;
	return -EIO;
}

/* MODULE?dir=…&token=…&pin=… in pieces of a copy. */
typedef struct Words {
	char text[1024];
	const char *module, *dir, *token, *pin_file;
} Words;

static int parse_words(const char *words, Words *ret_words)
{
	char *rest, *word;

	if (!sk_str_copy(ret_words->text, sizeof(ret_words->text), words))
		return -EINVAL;
	ret_words->module = ret_words->text;
	rest = strchr(ret_words->text, '?');
	if (!rest)
		return -EINVAL;
	*rest++ = '\0';
	while ((word = strsep(&rest, "&")) != NULL) {
		if (sk_str_starts(word, "dir="))
			ret_words->dir = word + 4;
		else if (sk_str_starts(word, "token="))
			ret_words->token = word + 6;
		else if (sk_str_starts(word, "pin="))
			ret_words->pin_file = word + 4;
		else
			return -EINVAL;
	}
	return ret_words->dir && ret_words->token && ret_words->pin_file ? 0 : -EINVAL;
}

static bool is_token(const CK_TOKEN_INFO *info, const char *label)
{
	size_t size = sizeof(info->label);

	while (size > 0 && info->label[size - 1] == ' ')
		size--;
	return size == strlen(label) && memcmp(info->label, label, size) == 0;
}

static int find_slot(TokenStore *store, const char *token, CK_SLOT_ID *ret_slot)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = SK_ARRAY_SIZE(slots);
	CK_RV rv = store->module->C_GetSlotList(CK_TRUE, slots, &count);

	if (rv != CKR_OK)
		return sk_token_error(rv);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (store->module->C_GetTokenInfo(slots[i], &info) == CKR_OK && is_token(&info, token)) {
			*ret_slot = slots[i];
			return 0;
		}
	}
	return -ENOENT;
}

static int log_in(TokenStore *store, const Words *words)
{
	own_free char *pin = NULL;
	size_t size;
	CK_SLOT_ID slot = 0;
	CK_RV rv;
	int r = find_slot(store, words->token, &slot);

	if (r == 0)
		r = sk_io_read_file_at(AT_FDCWD, words->pin_file, PIN_MAX, &pin, &size);
	if (r < 0)
		return r;
	size = strcspn(pin, "\r\n");
	rv = store->module->C_OpenSession(
		slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &store->session);
	if (rv == CKR_OK)
		rv = store->module->C_Login(store->session, CKU_USER, (CK_UTF8CHAR *)pin, size);
	sk_secret_wipe(pin, size);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? 0 : sk_token_error(rv);
}

/* A name for this instance's objects: chance, kept beside the wraps. */
static int name_directory(TokenStore *store)
{
	own_free char *data = NULL;
	uint8_t chance[8];
	size_t size;
	int r = sk_io_read_file_at(store->dir_fd, "token-name", 16, &data, &size);

	if (r == -ENOENT) {
		sk_random_fill(chance, sizeof(chance));
		sk_hex_format(store->directory_id, chance, sizeof(chance));
		return sk_epoch_file_write(store->dir_fd, "token-name", store->directory_id, 16);
	}
	if (r < 0)
		return r;
	if (size != 16 || sk_hex_parse(chance, sizeof(chance), data) < 0)
		return -EBADMSG;
	sk_str_copy(store->directory_id, sizeof(store->directory_id), data);
	return 0;
}

int sk_keystore_pkcs11_open(const char *text, SkKeystore **ret_keystore)
{
	own_keystore SkKeystore *keystore = NULL;
	TokenStore *store;
	Words words = {0};
	int r = parse_words(text, &words);

	if (r < 0)
		return r;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->base.kind = &sk_token_kind;
	pthread_mutex_init(&store->lock, NULL);
	keystore = &store->base;
	store->dir_fd = sk_key_dir_open(words.dir);
	if (store->dir_fd < 0)
		return store->dir_fd;
	r = name_directory(store);
	if (r < 0)
		return r;
	store->module = p11_kit_module_load(words.module, 0);
	if (!store->module)
		return -ENOENT;
	if (p11_kit_module_initialize(store->module) != CKR_OK)
		return -EIO;
	r = log_in(store, &words);
	if (r < 0)
		return r;
	*ret_keystore = own_take(keystore);
	return 0;
}
