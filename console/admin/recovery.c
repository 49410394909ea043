/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done where the recovery key is kept, on a machine without a network: a key pair is made, and what
 * the console gave out is opened with it. It takes two people: one has the file of the key, the other one the
 * passphrase that it is sealed under.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/admin/admin.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/box.h"
#include "lib/crypt/password.h"

#define FILE_MAX ((size_t)64 * 1024)
#define FILE_TYPE "sekisho recovery key 1"
#define SEALED_SIZE (SK_BOX_KEY_SIZE + SK_AEAD_OVERHEAD)
#define BOX_MAX 1024

typedef struct KeyFile {
	uint8_t salt[SK_PASSWORD_SALT_SIZE], public_key[SK_BOX_KEY_SIZE], sealed[SEALED_SIZE];
} KeyFile;

static int fail(const char *file, int error)
{
	fprintf(stderr, "sekisho-admin: %s: %s\n", file, strerror(-error));
	return ADMIN_ERROR;
}

/* The wrap is bound to the public half that stands beside it. */
static SkAeadContext context_of(const KeyFile *key)
{
	return (SkAeadContext){key->public_key, sizeof(key->public_key)};
}

static int write_new(const char *file, const void *data, size_t size)
{
	own_fd int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : sk_io_write_all(fd, data, size);

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? fail(file, r) : ADMIN_OK;
}

/* ---- make ---- */

static int write_key(const char *file, const KeyFile *key)
{
	char salt[SK_BASE64_SIZE(sizeof(key->salt))], public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	char sealed[SK_BASE64_SIZE(SEALED_SIZE)];
	own_free char *text = NULL;
	json_auto_t *object = NULL;

	sk_base64_format(key->salt, sizeof(key->salt), salt);
	sk_base64_format(key->public_key, sizeof(key->public_key), public_key);
	sk_base64_format(key->sealed, sizeof(key->sealed), sealed);
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", FILE_TYPE, "publicKey", public_key,
		"algorithm", SK_BOX_ALGORITHM, "passphrase", SK_PASSWORD_KEY_ALGORITHM, "salt", salt,
		"sealed", sealed);
	text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
	if (!text || write_new(file, text, strlen(text)) != ADMIN_OK)
		return ADMIN_ERROR;
	printf("%s\n", public_key);
	return ADMIN_OK;
}

static int seal_key(const char *passphrase, KeyFile *ret_key)
{
	own_secret SkSecret *secret = NULL;
	uint8_t key[SK_PASSWORD_KEY_SIZE];
	int r = sk_box_key_new(&secret, ret_key->public_key);

	if (r < 0)
		return r;
	sk_random_fill(ret_key->salt, sizeof(ret_key->salt));
	r = sk_password_key(passphrase, ret_key->salt, key);
	if (r == 0)
		sk_aead_seal(
			key, context_of(ret_key), sk_secret_data(secret), SK_BOX_KEY_SIZE, ret_key->sealed);
	sk_secret_wipe(key, sizeof(key));
	return r;
}

static int make(const char *file)
{
	char *first = admin_ask(_("Passphrase of the key: "), true);
	char *second = admin_ask(_("Passphrase again: "), true);
	int status = ADMIN_USAGE, r;
	KeyFile key;

	if (!first || !second || !sk_str_eq(first, second)) {
		fprintf(stderr, _("sekisho-admin: the two are not the same\n"));
	} else if (strlen(first) < ADMIN_PASSPHRASE_MIN) {
		fprintf(stderr, _("sekisho-admin: a passphrase has at least %d characters\n"),
			ADMIN_PASSPHRASE_MIN);
	} else {
		r = seal_key(first, &key);
		status = r < 0 ? fail(file, r) : write_key(file, &key);
	}
	admin_wipe(first);
	admin_wipe(second);
	return status;
}

/* ---- open ---- */

static int read_object(const char *file, json_t **ret_object)
{
	own_free char *text = NULL;
	size_t size;
	int r = sk_io_read_file_at(
		AT_FDCWD, sk_str_eq(file, "-") ? "/dev/stdin" : file, FILE_MAX, &text, &size);

	if (r < 0)
		return fail(file, r);
	*ret_object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	return *ret_object ? ADMIN_OK : fail(file, -EBADMSG);
}

/* Exactly size bytes. */
static bool read_bytes(const json_t *object, const char *name, uint8_t *ret_bytes, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));
	uint8_t bytes[BOX_MAX];
	size_t got;

	if (!text || strlen(text) / 4 * 3 > sizeof(bytes) ||
		sk_base64_parse(text, strlen(text), bytes, &got) < 0 || got != size)
		return false;
	memcpy(ret_bytes, bytes, size);
	return true;
}

static int read_key(const char *file, KeyFile *ret_key)
{
	json_auto_t *object = NULL;
	const char *type, *passphrase;
	int status = read_object(file, &object);

	if (status != ADMIN_OK)
		return status;
	type = json_string_value(json_object_get(object, "type"));
	passphrase = json_string_value(json_object_get(object, "passphrase"));
	if (!type || !sk_str_eq(type, FILE_TYPE) || !passphrase ||
		!sk_str_eq(passphrase, SK_PASSWORD_KEY_ALGORITHM) ||
		!read_bytes(object, "salt", ret_key->salt, sizeof(ret_key->salt)) ||
		!read_bytes(object, "publicKey", ret_key->public_key, sizeof(ret_key->public_key)) ||
		!read_bytes(object, "sealed", ret_key->sealed, sizeof(ret_key->sealed)))
		return fail(file, -EBADMSG);
	return ADMIN_OK;
}

static int unseal_key(const KeyFile *key, SkSecret **ret_secret)
{
	char *passphrase = admin_ask(_("Passphrase of the key: "), true);
	uint8_t bytes[SK_PASSWORD_KEY_SIZE];
	int r = passphrase ? sk_password_key(passphrase, key->salt, bytes) : -EINVAL;

	if (r == 0)
		r = sk_aead_open(bytes, context_of(key), key->sealed, sizeof(key->sealed), ret_secret);
	sk_secret_wipe(bytes, sizeof(bytes));
	admin_wipe(passphrase);
	return r;
}

/* What `sekisho-admin recovery take --json` printed. */
static int open_box(const json_t *taken, SkSecret *secret, SkSecret **ret_data)
{
	const char *medium = json_string_value(json_object_get(taken, "medium"));
	const char *info = json_string_value(json_object_get(taken, "info"));
	const char *text = json_string_value(json_object_get(taken, "box"));
	uint8_t box[BOX_MAX];
	size_t size;

	if (!medium || !info || !text || strlen(text) / 4 * 3 > sizeof(box) ||
		sk_base64_parse(text, strlen(text), box, &size) < 0)
		return -EINVAL;
	return sk_box_open(secret, (SkBoxLabel){.info = info, .aad = medium}, box, size, ret_data);
}

/* The secret half of the file, by a passphrase that is asked for. */
static int unlock(const KeyFile *key, SkSecret **ret_secret, const char *file)
{
	int r = unseal_key(key, ret_secret);

	if (r == -EBADMSG || r == -EINVAL) {
		fprintf(stderr, _("sekisho-admin: that is not the passphrase of this key\n"));
		return ADMIN_REFUSED;
	}
	return r < 0 ? fail(file, r) : ADMIN_OK;
}

static int say_opened(int r, const char *file)
{
	if (r == -EBADMSG || r == -EOPNOTSUPP || r == -EINVAL) {
		fprintf(stderr, _("sekisho-admin: %s: this key does not open it\n"), file);
		return ADMIN_REFUSED;
	}
	return r < 0 ? fail(file, r) : ADMIN_OK;
}

static int open_taken(const char *key_file, const char *box_file, const char *output)
{
	own_secret SkSecret *secret = NULL, *data = NULL;
	json_auto_t *taken = NULL;
	KeyFile key;
	int status = read_key(key_file, &key), r;

	if (status == ADMIN_OK)
		status = read_object(box_file, &taken);
	if (status != ADMIN_OK)
		return status;
	status = unlock(&key, &secret, key_file);
	if (status != ADMIN_OK)
		return status;
	r = open_box(taken, secret, &data);
	return r < 0 ? say_opened(r, box_file)
		     : write_new(output, sk_secret_data(data), sk_secret_size(data));
}

/* ---- pass ---- */

/* What is in both boxes of a copy of the keys, sealed again to who takes it (sekisho-console recover). */
typedef struct Passing {
	const json_t *copy;
	SkSecret *secret;
	uint8_t to[SK_BOX_KEY_SIZE];
} Passing;

static int pass_box(const Passing *passing, const char *name, const char *info, char **ret_text)
{
	const char *vault = json_string_value(json_object_get(passing->copy, "vault"));
	const char *text = json_string_value(json_object_get(passing->copy, name));
	const SkBoxLabel label = {.info = info, .aad = vault};
	own_secret SkSecret *data = NULL;
	own_free uint8_t *box = malloc(text ? strlen(text) + 4 : 1);
	own_free char *sealed = malloc(text ? strlen(text) + 8 : 1);
	size_t size = 0;
	int r;

	if (!box || !sealed)
		return -ENOMEM;
	if (!vault || !text || sk_base64_parse(text, strlen(text), box, &size) < 0)
		return -EINVAL;
	r = sk_box_open(passing->secret, label, box, size, &data);
	/* As large as before. */
	if (r == 0)
		r = sk_box_seal(passing->to, label, sk_secret_data(data), sk_secret_size(data), box);
	if (r < 0)
		return r;
	sk_base64_format(box, size, sealed);
	*ret_text = own_take(sealed);
	return 0;
}

static int pass_copy(const Passing *passing, const char *output)
{
	own_free char *vault = NULL, *home = NULL, *text = NULL;
	json_auto_t *object = NULL;
	int r = pass_box(passing, "vaultBox", "sekisho vault copy 1", &vault);

	if (r == 0)
		r = pass_box(passing, "homeBox", "sekisho home copy 1", &home);
	if (r < 0)
		return r;
	object = json_pack("{s:s, s:s, s:O?}", "vaultBox", vault, "homeBox", home, "epoch",
		json_object_get(passing->copy, "epoch"));
	text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
	return !text ? -ENOMEM : write_new(output, text, strlen(text)) == ADMIN_OK ? 0 : -EIO;
}

static int pass(const char *key_file, const char *copy_file, const char *to, const char *output)
{
	own_secret SkSecret *secret = NULL;
	json_auto_t *copy = NULL, *wanted = json_pack("{s:s}", "to", to);
	Passing passing = {.secret = NULL};
	KeyFile key;
	int status, r;

	if (!read_bytes(wanted, "to", passing.to, sizeof(passing.to))) {
		fprintf(stderr, _("sekisho-admin: %s: this is no public key\n"), to);
		return ADMIN_USAGE;
	}
	status = read_key(key_file, &key);
	if (status == ADMIN_OK)
		status = read_object(copy_file, &copy);
	if (status == ADMIN_OK)
		status = unlock(&key, &secret, key_file);
	if (status != ADMIN_OK)
		return status;
	passing.copy = copy;
	passing.secret = secret;
	r = pass_copy(&passing, output);
	return r == -EIO ? ADMIN_ERROR : say_opened(r, copy_file);
}

int admin_recovery(int argc, char **argv, int *ret_status)
{
	bool is_make = argc == 3 && sk_str_eq(argv[0], "recovery-key") && sk_str_eq(argv[1], "make");
	bool is_open = argc == 5 && sk_str_eq(argv[0], "recovery") && sk_str_eq(argv[1], "open");
	bool is_pass = argc == 6 && sk_str_eq(argv[0], "recovery") && sk_str_eq(argv[1], "pass");

	if (is_make)
		*ret_status = make(argv[2]);
	else if (is_open)
		*ret_status = open_taken(argv[2], argv[3], argv[4]);
	else if (is_pass)
		*ret_status = pass(argv[2], argv[3], argv[4], argv[5]);
	return is_make || is_open || is_pass;
}
