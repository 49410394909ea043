/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "config.h"
#include "console/admin/admin.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"

#define ANSWER_MAX (256 * 1024 * 1024)
#define KEY_BYTES 16
#define COOKIE "__Host-sekisho="

typedef struct Received {
	AdminAnswer *answer;
	AdminState *state;
} Received;

static size_t on_bytes(char *data, size_t one, size_t size, void *userdata)
{
	AdminAnswer *answer = ((Received *)userdata)->answer;
	char *longer;

	(void)one;
	if (size > ANSWER_MAX - answer->size)
		return 0;
	longer = realloc(answer->bytes, answer->size + size + 1);
	if (!longer)
		return 0;
	memcpy(longer + answer->size, data, size);
	answer->bytes = longer;
	answer->size += size;
	longer[answer->size] = 0;
	return size;
}

/* Set-Cookie: __Host-sekisho=TOKEN; ... */
static size_t on_header(char *data, size_t one, size_t size, void *userdata)
{
	static const char name[] = "Set-Cookie: " COOKIE;
	AdminState *state = ((Received *)userdata)->state;
	size_t length = 0;

	(void)one;
	if (size < sizeof(name) || strncasecmp(data, name, sizeof(name) - 1) != 0)
		return size;
	data += sizeof(name) - 1;
	while (sizeof(name) - 1 + length < size && data[length] != ';' && data[length] != '\r')
		length++;
	admin_wipe(state->token);
	state->token = sk_str_dup(data, length);
	return size;
}

/* Only https, and only the authority of the state. */
static void set_common(CURL *curl, const AdminState *state, const char *url)
{
	struct curl_blob blob = {(void *)state->authority, strlen(state->authority), CURL_BLOB_NOCOPY};

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho-admin/" SK_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[512];
	struct curl_slist *longer;

	if (!value || !sk_str_format(line, sizeof(line), "%s: %s", name, value))
		return list;
	longer = curl_slist_append(list, line);
	return longer ? longer : list;
}

/* The connection broke: what was asked for may have been done. */
static bool is_cut(CURLcode code)
{
	return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
	       code == CURLE_PARTIAL_FILE;
}

/* Done once however often it is sent: by its nature, or because the console knows it by the key. */
static bool may_repeat(const AdminRequest *request, const char *key)
{
	return *key || sk_str_eq(request->method, "GET");
}

static CURLcode run(CURL *curl, const AdminRequest *request, const char *key, AdminAnswer *answer)
{
	CURLcode code = curl_easy_perform(curl);

	if (!is_cut(code) || !may_repeat(request, key))
		return code;
	admin_answer_deinit(answer);
	return curl_easy_perform(curl);
}

/* A POST of who is signed in has a key of its own. */
static void make_key(const AdminState *state, const AdminRequest *request, char key[2 * KEY_BYTES + 1])
{
	uint8_t bytes[KEY_BYTES];

	*key = 0;
	if (!state->token || !*state->token || !sk_str_eq(request->method, "POST"))
		return;
	sk_random_fill(bytes, sizeof(bytes));
	sk_hex_format(key, bytes, sizeof(bytes));
}

static int perform(CURL *curl, AdminState *state, const AdminRequest *request, AdminAnswer *answer)
{
	Received received = {answer, state};
	struct curl_slist *headers = NULL;
	char cookie[256] = "", key[2 * KEY_BYTES + 1];
	CURLcode code;

	if (state->token && *state->token)
		sk_str_format(cookie, sizeof(cookie), COOKIE "%s", state->token);
	headers = add_header(headers, "Cookie", *cookie ? cookie : NULL);
	headers = add_header(headers, "Sekisho-CSRF", state->csrf);
	make_key(state, request, key);
	headers = add_header(headers, "Idempotency-Key", *key ? key : NULL);
	headers = add_header(headers, "Accept-Language", sk_intl_is_japanese() ? "ja" : "en");
	headers = add_header(headers, "Expect", "");
	if (request->type)
		headers = add_header(headers, "Content-Type", request->type);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->type) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size);
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &received);
	code = run(curl, request, key, answer);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		fprintf(stderr, "sekisho-admin: %s: %s\n", state->server, curl_easy_strerror(code));
		return -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	return 0;
}

int admin_send(AdminState *state, const AdminRequest *request, AdminAnswer *ret_answer)
{
	own_admin_answer AdminAnswer answer = {.status = 0};
	own_free char *url = NULL;
	CURL *curl;
	int r;

	if (asprintf(&url, "%s%s", state->server, request->path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	curl = curl_easy_init();
	if (!curl)
		return -ENOMEM;
	set_common(curl, state, url);
	r = perform(curl, state, request, &answer);
	curl_easy_cleanup(curl);
	if (r < 0)
		return r;
	if (answer.size > 0)
		answer.json = json_loadb(answer.bytes, answer.size, JSON_REJECT_DUPLICATES, NULL);
	*ret_answer = answer;
	answer = (AdminAnswer){.status = 0};
	return 0;
}

void admin_answer_deinit(AdminAnswer *answer)
{
	free(answer->bytes);
	json_decref(answer->json);
	*answer = (AdminAnswer){.status = 0};
}

/* ---- the authority, before anything is believed ---- */

/* The text between the lines of a PEM, as DER. Return: 0 or -EBADMSG. */
static int digest_of_pem(const char *pem, uint8_t ret_digest[SK_SHA256_SIZE])
{
	const char *begin = strstr(pem, "-----BEGIN CERTIFICATE-----"),
		   *end = strstr(pem, "-----END CERTIFICATE-----");
	own_free char *text = NULL;
	own_free uint8_t *der = NULL;
	size_t length = 0, size;

	if (!begin || !end || end < begin)
		return -EBADMSG;
	text = malloc((size_t)(end - begin) + 1);
	der = malloc((size_t)(end - begin) + 1);
	if (!text || !der)
		return -ENOMEM;
	for (const char *c = begin + strlen("-----BEGIN CERTIFICATE-----"); c < end; c++)
		if (*c != '\n' && *c != '\r')
			text[length++] = *c;
	if (sk_base64_parse(text, length, der, &size) < 0)
		return -EBADMSG;
	sk_sha256(ret_digest, der, size);
	return 0;
}

/* Does one of the certificates of the chain have the fingerprint? */
static int choose(const struct curl_certinfo *chain, const uint8_t wanted[SK_SHA256_SIZE], char **ret_pem)
{
	for (int i = 0; i < chain->num_of_certs; i++)
		for (const struct curl_slist *row = chain->certinfo[i]; row; row = row->next) {
			uint8_t digest[SK_SHA256_SIZE];

			if (!sk_str_starts(row->data, "Cert:") || digest_of_pem(row->data, digest) < 0 ||
				memcmp(digest, wanted, sizeof(digest)) != 0)
				continue;
			*ret_pem = strdup(row->data + strlen("Cert:"));
			return *ret_pem ? 0 : -ENOMEM;
		}
	fprintf(stderr, _("sekisho-admin: no certificate of the server has this fingerprint: do not sign in "
			  "there\n"));
	return -EKEYREJECTED;
}

int admin_fetch_authority(const char *server, const char *fingerprint, char **ret_pem)
{
	uint8_t wanted[SK_SHA256_SIZE];
	struct curl_certinfo *chain = NULL;
	CURL *curl;
	CURLcode code;
	int r;

	if (sk_hex_parse(wanted, sizeof(wanted), fingerprint) < 0) {
		fprintf(stderr, _("sekisho-admin: a fingerprint has 64 hexadecimal digits\n"));
		return -EINVAL;
	}
	curl = curl_easy_init();
	if (!curl)
		return -ENOMEM;
	curl_easy_setopt(curl, CURLOPT_URL, server);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	/* Nothing is sent and nothing believed: only the certificates are looked at, against the fingerprint.
	 */
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		fprintf(stderr, "sekisho-admin: %s: %s\n", server, curl_easy_strerror(code));
		r = -EIO;
	} else {
		curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain);
		r = chain ? choose(chain, wanted, ret_pem) : -EIO;
	}
	curl_easy_cleanup(curl);
	return r;
}
