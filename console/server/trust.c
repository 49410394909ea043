/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/authority.h"
#include "console/rules/lock_orders.h"
#include "console/rules/policy_document.h"
#include "console/store/time.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

static json_t *key_json(const SkDsseKey *key)
{
	char text[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];

	sk_base64_format(key->public_key, sizeof(key->public_key), text);
	return json_pack("{s:s, s:s}", "id", key->id, "public", text);
}

int sk_trust_keys(SkDb *db, json_t **ret_keys)
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
	int r = sk_trust_keys(db, &keys);

	if (r == 0)
		r = organisation_json(db, &name);
	/* Grows with every key that comes or goes. */
	if (r == 0)
		r = sk_db_query_int(db,
			"SELECT MAX(CASE WHEN retired <= $1 AND retired > created THEN retired ELSE created "
			"END) "
			"FROM public_keys WHERE purpose LIKE 'signing:%'",
			SK_DB_ARGS(sk_db_int(sk_time_now())), &serial);
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

/* payload: borrowed; NULL: there is nothing to say. */
static int add_signed(SkServer *server, const char *type, json_t *payload, json_t *envelopes)
{
	json_t *envelope = NULL;
	int r = payload ? sk_trust_sign(server, type, json_incref(payload), &envelope) : 0;

	if (r < 0 || !envelope)
		return r;
	return json_array_append_new(envelopes, envelope) < 0 ? -ENOMEM : 0;
}

/* When a key came or went since the terminal was enrolled, and since it heard of anything. */
static int add_trust(SkServer *server, SkDb *db, const char *terminal, int64_t known, json_t *envelopes)
{
	own_free char *bundle = NULL;
	json_auto_t *payload = NULL;
	int64_t newer = 0;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM public_keys p, terminals t WHERE t.id = $1 AND p.purpose LIKE "
		"'signing:%' "
		"AND CASE WHEN p.retired <= $2 AND p.retired > p.created THEN p.retired ELSE p.created END > "
		"CASE "
		"WHEN t.enrolled > $3 THEN t.enrolled ELSE $3 END",
		SK_DB_ARGS(sk_db_text(terminal), sk_db_int(sk_time_now()), sk_db_int(known)), &newer);

	if (r < 0 || newer == 0)
		return r;
	r = sk_trust_bundle(server, db, &bundle);
	if (r < 0)
		return r;
	payload = json_loads(bundle, 0, NULL);
	return payload ? add_signed(server, SK_DSSE_TRUST, payload, envelopes) : -ENOMEM;
}

int sk_trust_authority(
	SkServer *server, SkDb *db, const char *terminal, int64_t *revision, json_t **ret_envelopes)
{
	json_auto_t *envelopes = json_array(), *command = NULL;
	SkAuthority authority = {0};
	int r = envelopes ? sk_authority_read(db, terminal, *revision, &authority) : -ENOMEM;

	if (r == 0)
		r = add_trust(server, db, terminal, *revision, envelopes);
	/* What is revoked comes first: nothing is granted in between. */
	if (r == 0)
		r = add_signed(server, SK_DSSE_REVOCATION, authority.revocations, envelopes);
	if (r == 0)
		r = add_signed(server, SK_DSSE_GRANT, authority.grants, envelopes);
	if (r == 0)
		r = sk_lock_order_read(db, terminal, &command);
	if (r == 0)
		r = add_signed(server, SK_DSSE_COMMAND, command, envelopes);
	if (r == 0) {
		*revision = authority.revision;
		*ret_envelopes = own_take(envelopes);
	}
	sk_authority_deinit(&authority);
	return r;
}

int sk_trust_policy(SkServer *server, SkDb *db, const char *terminal, json_t **ret_envelope)
{
	json_t *payload = NULL;
	int r = sk_policy_document(db, terminal, &payload);

	return r < 0 ? r : sk_trust_sign(server, SK_DSSE_POLICY, payload, ret_envelope);
}
