/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

#define PEM_MAX (1024 * 1024)
#define CHAIN_MAX 8

static int read_datum(const char *path, gnutls_datum_t *ret_datum)
{
	char *text;
	size_t size;
	int r = sk_io_read_file_at(AT_FDCWD, path, PEM_MAX, &text, &size);

	if (r == 0)
		*ret_datum = (gnutls_datum_t){(unsigned char *)text, (unsigned)size};
	return r;
}

/* Of a key: no copy stays behind. */
static void wipe_datum(gnutls_datum_t *datum)
{
	if (datum->data)
		sk_secret_wipe(datum->data, datum->size);
	free(datum->data);
}

static int import(const char *path, gnutls_x509_crt_t *ret_certificate)
{
	gnutls_datum_t text;
	gnutls_x509_crt_t certificate;
	int r = read_datum(path, &text);

	if (r < 0)
		return r;
	r = gnutls_x509_crt_init(&certificate) < 0 ? -ENOMEM : 0;
	if (r == 0 && gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM) < 0) {
		gnutls_x509_crt_deinit(certificate);
		r = -EBADMSG;
	}
	free(text.data);
	if (r == 0)
		*ret_certificate = certificate;
	return r;
}

/* Return: whether there is another name after this one. */
static bool take_name(gnutls_x509_crt_t certificate, unsigned i, SkCertificateFacts *facts, size_t *count)
{
	char name[256], text[INET6_ADDRSTRLEN];
	size_t size = sizeof(name) - 1;
	int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);

	if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || kind == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return kind == GNUTLS_E_SHORT_MEMORY_BUFFER;
	if (kind == GNUTLS_SAN_DNSNAME) {
		name[size] = 0;
		facts->names[(*count)++] = strdup(name);
	} else if (kind == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16) &&
		   inet_ntop(size == 4 ? AF_INET : AF_INET6, name, text, sizeof(text))) {
		facts->names[(*count)++] = strdup(text);
	}
	return kind >= 0;
}

int sk_certificate_look(const char *path, SkCertificateFacts *ret_facts)
{
	gnutls_x509_crt_t certificate;
	SkCertificateFacts facts = {0};
	size_t count = 0;
	int r = import(path, &certificate);

	if (r < 0)
		return r;
	facts.until = gnutls_x509_crt_get_expiration_time(certificate);
	for (unsigned i = 0; count < SK_CERTIFICATE_NAMES_MAX && take_name(certificate, i, &facts, &count);
		i++)
		if (count > 0 && !facts.names[count - 1])
			r = -ENOMEM;
	gnutls_x509_crt_deinit(certificate);
	if (r < 0)
		sk_certificate_facts_deinit(&facts);
	else
		*ret_facts = facts;
	return r;
}

void sk_certificate_facts_deinit(SkCertificateFacts *facts)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(facts->names); i++)
		free(facts->names[i]);
	*facts = (SkCertificateFacts){0};
}

bool sk_certificate_is_of(const char *path, const char *authority)
{
	gnutls_datum_t text = {(unsigned char *)authority, (unsigned)strlen(authority)};
	gnutls_x509_crt_t certificate, root;
	unsigned status = 0;
	bool is = false;

	if (import(path, &certificate) < 0)
		return false;
	if (gnutls_x509_crt_init(&root) >= 0) {
		/* The end of its time is what this is asked for. */
		is = gnutls_x509_crt_import(root, &text, GNUTLS_X509_FMT_PEM) >= 0 &&
		     gnutls_x509_crt_verify(
			     certificate, &root, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 &&
		     status == 0;
		gnutls_x509_crt_deinit(root);
	}
	gnutls_x509_crt_deinit(certificate);
	return is;
}

/* ---- what is in force ---- */

/* One that was replaced stays: a handshake may just use it. They are few. */
typedef struct Pair {
	struct Pair *before;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned count;
	gnutls_privkey_t key;
	struct timespec certificate_changed, key_changed;
	ino_t certificate_inode, key_inode;
} Pair;

static _Atomic(Pair *) current;

static Pair *free_pair(Pair *pair)
{
	Pair *before = pair->before;

	for (unsigned i = 0; i < pair->count; i++)
		gnutls_pcert_deinit(&pair->chain[i]);
	if (pair->key)
		gnutls_privkey_deinit(pair->key);
	free(pair);
	return before;
}

/* gnutls_certificate_credentials knows how to say whether both fit. */
static int check_pair(const gnutls_datum_t *certificate, const gnutls_datum_t *key)
{
	gnutls_certificate_credentials_t credentials;
	int r;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return -ENOMEM;
	r = gnutls_certificate_set_x509_key_mem(credentials, certificate, key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return r < 0 ? -EBADMSG : 0;
}

static int read_pair(const char *certificate, const char *key, gnutls_datum_t texts[2])
{
	int r = read_datum(certificate, &texts[0]);

	if (r == 0)
		r = read_datum(key, &texts[1]);
	return r < 0 ? r : check_pair(&texts[0], &texts[1]);
}

int sk_certificate_fits(const char *certificate, const char *key)
{
	gnutls_datum_t texts[2] = {{NULL, 0}, {NULL, 0}};
	int r = read_pair(certificate, key, texts);

	free(texts[0].data);
	wipe_datum(&texts[1]);
	return r;
}

static int fill_pair(Pair *pair, const gnutls_datum_t texts[2])
{
	pair->count = CHAIN_MAX;
	if (gnutls_pcert_list_import_x509_raw(pair->chain, &pair->count, &texts[0], GNUTLS_X509_FMT_PEM, 0) <
		0) {
		pair->count = 0;
		return -EBADMSG;
	}
	if (gnutls_privkey_init(&pair->key) < 0)
		return -ENOMEM;
	return gnutls_privkey_import_x509_raw(pair->key, &texts[1], GNUTLS_X509_FMT_PEM, NULL, 0) < 0
		       ? -EBADMSG
		       : 0;
}

static bool is_same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Before the files are read: what comes later is another change. */
static int note_change(Pair *pair, const char *certificate, const char *key)
{
	const Pair *now = atomic_load(&current);
	struct stat st;

	if (stat(certificate, &st) < 0)
		return -errno;
	pair->certificate_changed = st.st_mtim;
	pair->certificate_inode = st.st_ino;
	if (stat(key, &st) < 0)
		return -errno;
	pair->key_changed = st.st_mtim;
	pair->key_inode = st.st_ino;
	return now && is_same(&now->certificate_changed, &pair->certificate_changed) &&
			       is_same(&now->key_changed, &pair->key_changed) &&
			       now->certificate_inode == pair->certificate_inode &&
			       now->key_inode == pair->key_inode
		       ? -EALREADY
		       : 0;
}

int sk_certificate_load(const char *certificate, const char *key)
{
	gnutls_datum_t texts[2] = {{NULL, 0}, {NULL, 0}};
	Pair *pair = calloc(1, sizeof(*pair));
	int r = pair ? note_change(pair, certificate, key) : -ENOMEM;

	if (r == 0)
		r = read_pair(certificate, key, texts);
	if (r == 0)
		r = fill_pair(pair, texts);
	free(texts[0].data);
	wipe_datum(&texts[1]);
	if (r < 0) {
		if (pair)
			free_pair(pair);
		return r;
	}
	pair->before = atomic_load(&current);
	atomic_store(&current, pair);
	return 0;
}

int sk_certificate_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
	const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
	unsigned *ret_count, gnutls_privkey_t *ret_key)
{
	Pair *pair = atomic_load(&current);

	if (!pair)
		return -1;
	*ret_chain = pair->chain;
	*ret_count = pair->count;
	*ret_key = pair->key;
	return 0;
}

void sk_certificate_unload(void)
{
	Pair *pair = atomic_exchange(&current, NULL);

	while (pair)
		pair = free_pair(pair);
}
