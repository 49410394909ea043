/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token keeps an AES-256 object for each epoch, made in it and not to be taken out; the epoch's key is
 * encrypted by it (AES-GCM) into epoch-N.wrap. Who has the file and not the object has nothing;
 * C_DestroyObject is the end of it.
 */
#include "console/keys/keystore_token.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

#define IV_SIZE 12
#define TAG_SIZE 16
/* A key and its tag. Tokens want this much room for what they decrypt, too. */
#define SEALED_SIZE (SK_KEYSTORE_KEY_SIZE + TAG_SIZE)
#define WRAP_SIZE (IV_SIZE + SEALED_SIZE)
#define LABEL_SIZE 64

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
		return sk_token_error(rv);
	rv = store->module->C_FindObjects(store->session, ret_object, 1, &count);
	store->module->C_FindObjectsFinal(store->session);
	if (rv != CKR_OK)
		return sk_token_error(rv);
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

	return sk_token_error(store->module->C_GenerateKey(
		store->session, &mechanism, attributes, SK_ARRAY_SIZE(attributes), ret_object));
}

/* AES-GCM in the token; the epoch is bound to the result. In place, in SEALED_SIZE bytes. */
static int crypt_in_token(
	TokenStore *store, uint64_t epoch, const uint8_t *iv, bool encrypt, SkSecret *in_out)
{
	uint8_t *data = sk_secret_data(in_out);
	CK_ULONG size = SEALED_SIZE;
	CK_OBJECT_HANDLE object;
	char label[LABEL_SIZE];
	CK_RV rv;
	int r = find_object(store, epoch, &object);

	if (r < 0)
		return r;
	label_of(store, epoch, label);
	CK_GCM_PARAMS parameters = {
		.pIv = (CK_BYTE *)(uintptr_t)iv,
		.ulIvLen = IV_SIZE,
		.ulIvBits = 8 * IV_SIZE,
		.pAAD = (CK_BYTE *)label,
		.ulAADLen = strlen(label),
		.ulTagBits = 8 * TAG_SIZE,
	};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof(parameters)};

	rv = encrypt ? store->module->C_EncryptInit(store->session, &mechanism, object)
		     : store->module->C_DecryptInit(store->session, &mechanism, object);
	if (rv == CKR_OK)
		rv = encrypt ? store->module->C_Encrypt(
				       store->session, data, SK_KEYSTORE_KEY_SIZE, data, &size)
			     : store->module->C_Decrypt(store->session, data, SEALED_SIZE, data, &size);
	if (rv == CKR_OK && size != (encrypt ? SEALED_SIZE : SK_KEYSTORE_KEY_SIZE))
		return -EBADMSG;
	return sk_token_error(rv);
}

static int token_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key)
{
	TokenStore *store = (TokenStore *)keystore;
	own_secret SkSecret *buffer = NULL;
	uint8_t wrap[WRAP_SIZE];
	char name[SK_EPOCH_FILE_SIZE];
	CK_OBJECT_HANDLE object;
	int r = sk_secret_new(SEALED_SIZE, &buffer);

	if (r < 0)
		return r;
	memcpy(sk_secret_data(buffer), sk_secret_data(key), SK_KEYSTORE_KEY_SIZE);
	sk_random_fill(wrap, IV_SIZE);
	pthread_mutex_lock(&store->lock);
	r = find_object(store, epoch, &object);
	r = r == 0 ? -EEXIST : r == -ENOENT ? make_object(store, epoch, &object) : r;
	if (r == 0)
		r = crypt_in_token(store, epoch, wrap, true, buffer);
	pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return r;
	memcpy(wrap + IV_SIZE, sk_secret_data(buffer), SEALED_SIZE);
	sk_epoch_file_name(epoch, "wrap", name);
	return sk_epoch_file_write(store->dir_fd, name, wrap, sizeof(wrap));
}

static int token_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key)
{
	TokenStore *store = (TokenStore *)keystore;
	own_secret SkSecret *buffer = NULL;
	own_free char *wrap = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	size_t size;
	int r;

	sk_epoch_file_name(epoch, "wrap", name);
	r = sk_io_read_file_at(store->dir_fd, name, WRAP_SIZE, &wrap, &size);
	if (r == 0 && size != WRAP_SIZE)
		r = -EBADMSG;
	if (r == 0)
		r = sk_secret_new(SEALED_SIZE, &buffer);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(buffer), wrap + IV_SIZE, SEALED_SIZE);
	pthread_mutex_lock(&store->lock);
	r = crypt_in_token(store, epoch, (const uint8_t *)wrap, false, buffer);
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = sk_secret_new(SK_KEYSTORE_KEY_SIZE, ret_key);
	if (r == 0)
		memcpy(sk_secret_data(*ret_key), sk_secret_data(buffer), SK_KEYSTORE_KEY_SIZE);
	return r;
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
		r = sk_token_error(store->module->C_DestroyObject(store->session, object));
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
		return sk_token_error(rv);
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

const SkKeystoreKind sk_token_kind = {"pkcs11", token_put, token_get, token_destroy, token_list, token_free};
