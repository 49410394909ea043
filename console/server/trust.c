/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/authority.h"
#include "console/rules/policy_document.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

static json_t *key_json(const SkDsseKey *key)
{
	char text[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];

	sk_base64_format(key->public_key, sizeof(key->public_key), text);
	return json_pack("{s:s, s:s}", "id", key->id, "public", text);
}

static int keys_json(SkDb *db, json_t **ret_keys)
{
	own_free SkDsseKey *keys = NULL;
	json_auto_t *array = json_array();
	size_t count = 0;
	int r = sk_signing_list(db, &keys, &count);

	if (r < 0 || !array)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array, key_json(&keys[i])) < 0)
			return -ENOMEM;
	*ret_keys = json_incref(array);
	return 0;
}

/* The first clinic's name stands for all. */
static int organisation_json(SkDb *db, json_t **ret_name)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "SELECT name FROM facilities ORDER BY id LIMIT 1", SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	*ret_name = json_string(r == 1 ? sk_db_get_text(rows, 0) : "");
	return *ret_name ? 0 : -ENOMEM;
}

int sk_trust_bundle(SkServer *server, SkDb *db, char **ret_bundle)
{
	json_auto_t *keys = NULL, *name = NULL, *bundle = NULL;
	int64_t serial = 1;
	int r = keys_json(db, &keys);

	if (r == 0)
		r = organisation_json(db, &name);
	/* Grows with every key. */
	if (r == 0)
		r = sk_db_query_int(db, "SELECT max(created) FROM public_keys WHERE purpose LIKE 'signing:%'",
			SK_DB_NO_ARGS, &serial);
	if (r < 0)
		return r;
	bundle = json_pack("{s:[s], s:O, s:O, s:I}", "certificates", sk_ca_certificate(server->home.ca),
		"keys", keys, "organisation", name, "serial", (json_int_t)serial);
	*ret_bundle = bundle ? json_dumps(bundle, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return *ret_bundle ? 0 : -ENOMEM;
}

int sk_trust_sign(SkServer *server, const char *type, json_t *payload, json_t **ret_envelope)
{
	own_free char *text = payload ? json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS) : NULL,
		      *envelope = NULL;
	int r;

	json_decref(payload);
	if (!text)
		return -ENOMEM;
	r = sk_signing_sign(server->home.signing, (SkDssePayload){type, text, strlen(text)}, &envelope);
	if (r < 0)
		return r;
	*ret_envelope = json_loads(envelope, 0, NULL);
	return *ret_envelope ? 0 : -ENOMEM;
}

int sk_trust_authority(
	SkServer *server, SkDb *db, const char *terminal, int64_t *ret_revision, json_t **ret_envelopes)
{
	json_t *grants = NULL, *revocations = NULL;
	SkAuthority authority = {0};
	int r = sk_authority_read(db, terminal, &authority);

	/* What is revoked comes first: nothing is granted in between. */
	if (r == 0)
		r = sk_trust_sign(
			server, SK_DSSE_REVOCATION, json_incref(authority.revocations), &revocations);
	if (r == 0)
		r = sk_trust_sign(server, SK_DSSE_GRANT, json_incref(authority.grants), &grants);
	if (r == 0) {
		*ret_revision = authority.revision;
		*ret_envelopes = json_pack("[O, O]", revocations, grants);
		r = *ret_envelopes ? 0 : -ENOMEM;
	}
	json_decref(revocations);
	json_decref(grants);
	sk_authority_deinit(&authority);
	return r;
}

int sk_trust_policy(SkServer *server, SkDb *db, const char *terminal, json_t **ret_envelope)
{
	json_t *payload = NULL;
	int r = sk_policy_document(db, terminal, &payload);

	return r < 0 ? r : sk_trust_sign(server, SK_DSSE_POLICY, payload, ret_envelope);
}
