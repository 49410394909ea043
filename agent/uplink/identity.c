/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "agent/uplink/key.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define IDENTITY_FILE "identity.json"
#define PENDING_FILE "pending.json"
#define KEY_PREFIX "key-"
#define FILE_MAX (512u << 10)
#define FORMAT 1

OWN_DEFINE(X509, X509_free)
OWN_DEFINE(BIO, BIO_free)

void identity_free(Identity *identity)
{
	if (!identity)
		return;
	free(identity->ca);
	free(identity->certificate);
	X509_free(identity->x509);
	EVP_PKEY_free(identity->key);
	free(identity);
}

static int64_t time_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int identity_set_certificate(Identity *identity, const char *pem)
{
	own_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	own_(X509_freep) X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	char *copy;

	if (!x509 || X509_check_private_key(x509, identity->key) != 1)
		return -EBADMSG;
	copy = strdup(pem);
	if (!copy)
		return -ENOMEM;
	free(identity->certificate);
	X509_free(identity->x509);
	identity->certificate = copy;
	identity->valid_from = time_of(X509_get0_notBefore(x509));
	identity->valid_until = time_of(X509_get0_notAfter(x509));
	identity->x509 = own_take(x509);
	return 0;
}

int identity_copy(const Identity *identity, Identity **ret_copy)
{
	Identity *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *identity;
	copy->ca = strdup(identity->ca);
	copy->certificate = identity->certificate ? strdup(identity->certificate) : NULL;
	if (copy->x509)
		X509_up_ref(copy->x509);
	if (copy->key)
		EVP_PKEY_up_ref(copy->key);
	if (!copy->ca) {
		identity_free(copy);
		return -ENOMEM;
	}
	*ret_copy = copy;
	return 0;
}

/* A file of ours: an object of this format. */
static int load_object(int dir_fd, const char *name, json_t **ret_object)
{
	own_free char *text = NULL;
	size_t size = 0;
	int r = sk_io_read_file_at(dir_fd, name, FILE_MAX, &text, &size);
	json_t *object;

	if (r < 0)
		return r;
	object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (!object)
		return -EBADMSG;
	*ret_object = object;
	return 0;
}

static int store_object(int dir_fd, const char *name, json_t *object)
{
	own_free char *text = object ? json_dumps(object, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;

	json_decref(object);
	return text ? sk_io_replace_file_at(dir_fd, name, 0600, text, strlen(text)) : -ENOMEM;
}

static int read_identity(json_t *object, Identity *identity, const char **ret_certificate)
{
	const char *host, *terminal, *ca, *key;
	int format, port;

	if (json_unpack(object, "{s:i, s:s, s:i, s:s, s:s, s:s, s:s}", "format", &format, "host", &host,
		    "port", &port, "terminal", &terminal, "ca", &ca, "certificate", ret_certificate, "key",
		    &key) < 0 ||
		format != FORMAT || port <= 0 || port > 65535 ||
		!sk_str_copy(identity->host, sizeof(identity->host), host) ||
		!sk_str_copy(identity->terminal, sizeof(identity->terminal), terminal) ||
		!sk_str_copy(identity->key_name, sizeof(identity->key_name), key) ||
		!sk_str_starts(key, KEY_PREFIX) || strchr(key, '/'))
		return -EBADMSG;
	identity->port = (uint16_t)port;
	identity->ca = strdup(ca);
	return identity->ca ? 0 : -ENOMEM;
}

int identity_load(int dir_fd, Identity **ret_identity)
{
	json_auto_t *object = NULL;
	own_identity Identity *identity = NULL;
	const char *certificate = NULL;
	int r = load_object(dir_fd, IDENTITY_FILE, &object);

	if (r < 0)
		return r;
	identity = calloc(1, sizeof(*identity));
	if (!identity)
		return -ENOMEM;
	r = read_identity(object, identity, &certificate);
	if (r == 0)
		r = key_load(dir_fd, identity->key_name, &identity->key);
	if (r == -ENOENT)
		r = -EBADMSG;
	if (r == 0)
		r = identity_set_certificate(identity, certificate);
	if (r == 0)
		*ret_identity = own_take(identity);
	return r;
}

int identity_store(int dir_fd, const Identity *identity)
{
	return store_object(dir_fd, IDENTITY_FILE,
		json_pack("{s:i, s:s, s:i, s:s, s:s, s:s, s:s}", "format", FORMAT, "host", identity->host,
			"port", (int)identity->port, "terminal", identity->terminal, "ca", identity->ca,
			"certificate", identity->certificate, "key", identity->key_name));
}

int pending_load(int dir_fd, Pending *ret_pending)
{
	json_auto_t *object = NULL;
	Pending pending = {0};
	const char *code, *key;
	int format, r = load_object(dir_fd, PENDING_FILE, &object);

	if (r < 0)
		return r;
	if (json_unpack(object, "{s:i, s:s, s:s}", "format", &format, "code", &code, "key", &key) < 0 ||
		format != FORMAT || !sk_str_copy(pending.code, sizeof(pending.code), code) ||
		!sk_str_copy(pending.key_name, sizeof(pending.key_name), key) ||
		!sk_str_starts(key, KEY_PREFIX) || strchr(key, '/'))
		return -EBADMSG;
	*ret_pending = pending;
	return 0;
}

int pending_store(int dir_fd, const Pending *pending)
{
	return store_object(dir_fd, PENDING_FILE,
		json_pack("{s:i, s:s, s:s}", "format", FORMAT, "code", pending->code, "key",
			pending->key_name));
}

void pending_forget(int dir_fd)
{
	unlinkat(dir_fd, PENDING_FILE, 0);
	fsync(dir_fd);
}

void identity_next_key_name(int dir_fd, char ret_name[IDENTITY_KEY_NAME_SIZE])
{
	for (unsigned number = 1;; number++) {
		sk_str_format(ret_name, IDENTITY_KEY_NAME_SIZE, KEY_PREFIX "%u", number);
		if (faccessat(dir_fd, ret_name, F_OK, 0) < 0)
			return;
	}
}

/* Keys with another name than one of these two (NULL: none). */
static void remove_keys(int dir_fd, const char *keep, const char *keep_too)
{
	int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(directory)))
		if (sk_str_starts(entry->d_name, KEY_PREFIX) && (!keep || !sk_str_eq(entry->d_name, keep)) &&
			(!keep_too || !sk_str_eq(entry->d_name, keep_too)))
			unlinkat(dir_fd, entry->d_name, 0);
	closedir(directory);
}

void identity_sweep(int dir_fd)
{
	json_auto_t *object = NULL;
	const char *key = NULL;
	Pending pending;
	bool has_pending = pending_load(dir_fd, &pending) == 0;

	if (load_object(dir_fd, IDENTITY_FILE, &object) == 0)
		key = json_string_value(json_object_get(object, "key"));
	remove_keys(dir_fd, key, has_pending ? pending.key_name : NULL);
}

void identity_forget(int dir_fd)
{
	unlinkat(dir_fd, IDENTITY_FILE, 0);
	unlinkat(dir_fd, PENDING_FILE, 0);
	remove_keys(dir_fd, NULL, NULL);
	fsync(dir_fd);
}
