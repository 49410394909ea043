/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token keeps an AES-256 object for each epoch, made in it and not to be taken out; the epoch's key is
 * encrypted by it (AES-GCM) into epoch-N.wrap. Who has the file and not the object has nothing;
 * C_DestroyObject is the end of it.
 */
#include "console/keys/keystore_kind.h"

#include <fcntl.h>
#include <inttypes.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

#define IV_SIZE 12
#define TAG_SIZE 16
#define WRAP_SIZE (IV_SIZE + SK_KEYSTORE_KEY_SIZE + TAG_SIZE)
#define LABEL_SIZE 64
#define PIN_MAX 256

typedef struct TokenStore {
	SkKeystore base;
	int dir_fd;
	char directory_id[17]; /* tells the objects of several instances in one token apart */
	CK_FUNCTION_LIST *module;
	CK_SESSION_HANDLE session;
	pthread_mutex_t lock; /* a session does one thing at a time */
} TokenStore;

static int from_ckr(CK_RV rv)
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

static void label_of(const TokenStore *store, uint64_t epoch, char ret_label[LABEL_SIZE])
{
	sk_str_format(ret_label, LABEL_SIZE, "sekisho-epoch-%s-%" PRIu64, store->directory_id, epoch);
}

/* Return: 0, -ENOENT, or an error. Under the lock. */
static int find_object(TokenStore *store, uint64_t epoch, CK_OBJECT_HANDLE *ret_object)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	char label[LABEL_SIZE];
	CK_ULONG count = 0;
	CK_RV rv;

	label_of(store, epoch, label);
	CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, label, strlen(label)}};

	rv = store->module->C_FindObjectsInit(store->session, want, SK_ARRAY_SIZE(want));
	if (rv != CKR_OK)
		return from_ckr(rv);
	rv = store->module->C_FindObjects(store->session, ret_object, 1, &count);
	store->module->C_FindObjectsFinal(store->session);
	if (rv != CKR_OK)
		return from_ckr(rv);
	return count == 1 ? 0 : -ENOENT;
}

static int make_object(TokenStore *store, uint64_t epoch, CK_OBJECT_HANDLE *ret_object)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG size = 32;
	char label[LABEL_SIZE];
	CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};

	label_of(store, epoch, label);
	CK_ATTRIBUTE attributes[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_PRIVATE, &yes, sizeof(yes)},
		{CKA_SENSITIVE, &yes, sizeof(yes)},
		{CKA_EXTRACTABLE, &no, sizeof(no)},
		{CKA_ENCRYPT, &yes, sizeof(yes)},
		{CKA_DECRYPT, &yes, sizeof(yes)},
		{CKA_VALUE_LEN, &size, sizeof(size)},
		{CKA_LABEL, label, strlen(label)},
	};

	return from_ckr(store->module->C_GenerateKey(
		store->session, &mechanism, attributes, SK_ARRAY_SIZE(attributes), ret_object));
}

/* decrypt or encrypt with AES-GCM in the token; the epoch is bound to the result. */
static int crypt_in_token(TokenStore *store, uint64_t epoch, CK_OBJECT_HANDLE object, const uint8_t *iv,
	bool encrypt, SkSecret *key, uint8_t *wrap)
{
	char label[LABEL_SIZE];
	CK_ULONG size = encrypt ? SK_KEYSTORE_KEY_SIZE + TAG_SIZE : SK_KEYSTORE_KEY_SIZE;
	CK_RV rv;

	label_of(store, epoch, label);
	CK_GCM_PARAMS parameters = {
		.iv_ptr = (CK_BYTE *)(uintptr_t)iv,
		.iv_len = IV_SIZE,
		.iv_bits = 8 * IV_SIZE,
		.aad_ptr = (CK_BYTE *)label,
		.aad_len = strlen(label),
		.tag_bits = 8 * TAG_SIZE,
	};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof(parameters)};

	if (encrypt) {
		rv = store->module->C_EncryptInit(store->session, &mechanism, object);
		if (rv == CKR_OK)
			rv = store->module->C_Encrypt(
				store->session, sk_secret_data(key), SK_KEYSTORE_KEY_SIZE, wrap, &size);
		return from_ckr(rv);
	}
	rv = store->module->C_DecryptInit(store->session, &mechanism, object);
	if (rv == CKR_OK)
		rv = store->module->C_Decrypt(
			store->session, wrap, SK_KEYSTORE_KEY_SIZE + TAG_SIZE, sk_secret_data(key), &size);
	return rv == CKR_OK && size != SK_KEYSTORE_KEY_SIZE ? -EBADMSG : from_ckr(rv);
}

static int token_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key)
{
	TokenStore *store = (TokenStore *)keystore;
	uint8_t wrap[WRAP_SIZE];
	char name[SK_EPOCH_FILE_SIZE];
	CK_OBJECT_HANDLE object;
	int r;

	pthread_mutex_lock(&store->lock);
	r = find_object(store, epoch, &object);
	r = r == 0 ? -EEXIST : r == -ENOENT ? make_object(store, epoch, &object) : r;
	if (r == 0) {
		sk_random_fill(wrap, IV_SIZE);
		r = crypt_in_token(store, epoch, object, wrap, true, key, wrap + IV_SIZE);
	}
	pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return r;
	sk_epoch_file_name(epoch, "wrap", name);
	return sk_epoch_file_write(store->dir_fd, name, wrap, sizeof(wrap));
}

static int token_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key)
{
	TokenStore *store = (TokenStore *)keystore;
	own_secret SkSecret *key = NULL;
	own_free char *wrap = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	CK_OBJECT_HANDLE object;
	size_t size;
	int r;

	sk_epoch_file_name(epoch, "wrap", name);
	r = sk_io_read_file_at(store->dir_fd, name, WRAP_SIZE, &wrap, &size);
	if (r == 0 && size != WRAP_SIZE)
		r = -EBADMSG;
	if (r == 0)
		r = sk_secret_new(SK_KEYSTORE_KEY_SIZE, &key);
	if (r < 0)
		return r;
	pthread_mutex_lock(&store->lock);
	r = find_object(store, epoch, &object);
	if (r == 0)
		r = crypt_in_token(
			store, epoch, object, (uint8_t *)wrap, false, key, (uint8_t *)wrap + IV_SIZE);
	pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return r;
	*ret_key = own_take(key);
	return 0;
}

/* The object first: that is what counts. */
static int token_destroy(SkKeystore *keystore, uint64_t epoch)
{
	TokenStore *store = (TokenStore *)keystore;
	char name[SK_EPOCH_FILE_SIZE];
	CK_OBJECT_HANDLE object;
	int r;

	pthread_mutex_lock(&store->lock);
	while ((r = find_object(store, epoch, &object)) == 0) {
		r = from_ckr(store->module->C_DestroyObject(store->session, object));
		if (r < 0)
			break;
	}
	pthread_mutex_unlock(&store->lock);
	if (r != -ENOENT)
		return r;
	sk_epoch_file_name(epoch, "wrap", name);
	return sk_epoch_file_destroy(store->dir_fd, name);
}

/* The epochs of this instance's objects in the token. Under the lock. */
static int list_objects(TokenStore *store, uint64_t *ret_epochs)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE want = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE object;
	CK_ULONG found;
	char prefix[LABEL_SIZE];
	int count = 0;
	CK_RV rv = store->module->C_FindObjectsInit(store->session, &want, 1);

	if (rv != CKR_OK)
		return from_ckr(rv);
	sk_str_format(prefix, sizeof(prefix), "sekisho-epoch-%s-", store->directory_id);
	while (count < SK_KEYSTORE_EPOCHS_MAX &&
		store->module->C_FindObjects(store->session, &object, 1, &found) == CKR_OK && found == 1) {
		char label[LABEL_SIZE] = "";
		CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof(label) - 1};

		if (store->module->C_GetAttributeValue(store->session, object, &attribute, 1) != CKR_OK)
			continue;
		if (sk_str_starts(label, prefix) &&
			sk_num_parse(label + strlen(prefix), 10, INT64_MAX, &ret_epochs[count]) == 0)
			count++;
	}
	store->module->C_FindObjectsFinal(store->session);
	return count;
}

/* Objects, and files whose object is gone already. */
static int token_list(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX])
{
	TokenStore *store = (TokenStore *)keystore;
	uint64_t files[SK_KEYSTORE_EPOCHS_MAX];
	int count, n_files = sk_epoch_files_list(store->dir_fd, "wrap", files);

	if (n_files < 0)
		return n_files;
	pthread_mutex_lock(&store->lock);
	count = list_objects(store, ret_epochs);
	pthread_mutex_unlock(&store->lock);
	for (int i = 0; i < n_files && count >= 0 && count < SK_KEYSTORE_EPOCHS_MAX; i++) {
		bool known = false;

		for (int j = 0; j < count; j++)
			known |= ret_epochs[j] == files[i];
		if (!known)
			ret_epochs[count++] = files[i];
	}
	return count;
}

static void token_free(SkKeystore *keystore)
{
	TokenStore *store = (TokenStore *)keystore;

	if (store->module) {
		if (store->session)
			store->module->C_CloseSession(store->session);
		p11_kit_module_finalize(store->module);
		p11_kit_module_release(store->module);
	}
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static const SkKeystoreKind kind = {"pkcs11", token_put, token_get, token_destroy, token_list, token_free};

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
		return from_ckr(rv);
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
	CK_SLOT_ID slot;
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
	return rv == CKR_USER_ALREADY_LOGGED_IN ? 0 : from_ckr(rv);
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
	store->base.kind = &kind;
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
