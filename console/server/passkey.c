/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/passkey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/server/act.h"
#include "console/server/ceremony.h"
#include "console/server/passkey_verify.h"
#include "console/server/person.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/secret.h"

#define NEW_KEY "passkey.create"
#define OLD_KEY "passkey.get"

static SkPasskeyParty party_of(const SkCall *call)
{
	return (SkPasskeyParty){call->server->host, call->server->origin};
}

int sk_passkey_challenge(SkCall *call, const char *person, char ret_challenge[SK_PASSKEY_CHALLENGE_TEXT])
{
	uint8_t challenge[SK_PASSKEY_CHALLENGE_SIZE];
	SkCeremony ceremony = {.kind = person ? NEW_KEY : OLD_KEY,
		.id = {challenge, sizeof(challenge)},
		.person = person,
		.data = "{}"};

	sk_random_fill(challenge, sizeof(challenge));
	sk_base64url_format(challenge, sizeof(challenge), ret_challenge);
	return sk_ceremony_begin(call->db, &ceremony);
}

/* A member of the body as bytes; the contract has bounded it. Memory the caller frees. */
static int body_bytes(const SkCall *call, const char *name, SkBytes *ret_bytes)
{
	const char *text = sk_call_body_text(call, name);
	size_t length = text ? strlen(text) : 0, size = 0;
	uint8_t *data = malloc(length / 4 * 3 + 3);

	if (!data)
		return -ENOMEM;
	if (sk_base64url_parse(text ? text : "", length, data, &size) < 0) {
		free(data);
		return -EBADMSG;
	}
	*ret_bytes = (SkBytes){data, size};
	return 0;
}

static void free_bytes(SkBytes *bytes)
{
	free((void *)bytes->data);
}
#define own_bytes own_(free_bytes)

/* Also the challenge of what is refused afterwards is used up. */
static int take_challenge(SkCall *call, const char *kind, SkBytes client_data, SkCeremonyTaken *ret_taken)
{
	const SkPasskeyParty party = party_of(call);
	const char *type = sk_str_eq(kind, NEW_KEY) ? "webauthn.create" : "webauthn.get";
	uint8_t challenge[SK_PASSKEY_CHALLENGE_SIZE];
	int r = sk_passkey_client_data(&party, type, client_data, challenge);

	return r < 0 ? r
		     : sk_ceremony_take(call->db, kind, (SkBytes){challenge, sizeof(challenge)}, ret_taken);
}

/* ---- a new key ---- */

typedef struct Making {
	SkPasskey passkey;
	const char *label;
	char id[SK_ID_SIZE];
} Making;

static int insert(const SkActor *actor, void *userdata)
{
	const Making *making = userdata;
	const SkPasskey *passkey = &making->passkey;
	const char *algorithm = sk_passkey_algorithm_name(passkey->algorithm);
	int r = sk_db_exec(actor->db,
		"INSERT INTO credentials (id, person_id, kind, label, handle, public_key, algorithm, "
		"counter, "
		"created) VALUES ($1, $2, 'passkey', $3, $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(making->id), sk_db_text(actor->person), sk_db_text(making->label),
			sk_db_bytes(passkey->handle, passkey->handle_size),
			sk_db_bytes(passkey->key, passkey->key_size), sk_db_text(algorithm),
			sk_db_int(passkey->counter), sk_db_int(actor->now)),
		NULL);

	return r < 0 ? r
		     : sk_actor_record(
			       actor, &(SkFact){.kind = "passkey.registered",
					      .subject_kind = "person",
					      .subject = actor->person,
					      .body = json_pack("{s:s, s:s, s:s}", "credential", making->id,
						      "algorithm", algorithm, "label", making->label)});
}

int sk_passkey_register(SkCall *call, char ret_id[SK_ID_SIZE])
{
	own_bytes SkBytes client_data = {NULL, 0}, attestation = {NULL, 0};
	const SkPasskeyParty party = party_of(call);
	Making making = {.label = sk_call_body_text(call, "label")};
	SkCeremonyTaken taken = {.data = NULL};
	int r = body_bytes(call, "clientData", &client_data);

	if (r == 0)
		r = body_bytes(call, "attestation", &attestation);
	if (r == 0)
		r = take_challenge(call, NEW_KEY, client_data, &taken);
	free(taken.data);
	if (r == 0 && !sk_str_eq(taken.person, call->caller.person))
		r = -EBADMSG;
	if (r == 0)
		r = sk_passkey_attest(&party, client_data, attestation, &making.passkey);
	if (r < 0)
		return r;
	sk_id_new(making.id);
	r = sk_call_act(call, insert, &making);
	if (r == 0)
		sk_str_copy(ret_id, SK_ID_SIZE, making.id);
	return r;
}

/* ---- a proof ---- */

static int find(SkCall *call, SkBytes handle, SkPasskeyOwner *owner, SkPasskey *ret_passkey)
{
	own_rows SkDbRows *rows = NULL;
	const void *key;
	size_t size;
	int r = sk_db_query(call->db,
		"SELECT c.id, c.person_id, p.login, p.state, c.public_key, c.algorithm, c.counter FROM "
		"credentials c JOIN people p ON p.id = c.person_id WHERE c.handle = $1 AND c.kind = "
		"'passkey' "
		"AND c.removed IS NULL",
		SK_DB_ARGS(sk_db_bytes(handle.data, handle.size)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	sk_str_copy(owner->credential, sizeof(owner->credential), sk_db_get_text(rows, 0));
	sk_str_copy(owner->person, sizeof(owner->person), sk_db_get_text(rows, 1));
	sk_str_copy(owner->login, sizeof(owner->login), sk_db_get_text(rows, 2));
	owner->active = sk_str_eq(sk_db_get_text(rows, 3), "active");
	key = sk_db_get_bytes(rows, 4, &size);
	if (!key || size > sizeof(ret_passkey->key))
		return -EBADMSG;
	*ret_passkey =
		(SkPasskey){.algorithm = sk_passkey_algorithm(sk_db_get_text(rows, 5)), .key_size = size};
	memcpy(ret_passkey->key, key, size);
	return 0;
}

/*
 * Authenticators that count do not count backwards: two that show the same key are a copy. Of two proofs that
 * come at once, one finds the counter as it was.
 */
static int step_counter(SkCall *call, const char *credential, uint32_t counter)
{
	int64_t changed = 0;
	int r = sk_db_exec(call->db,
		"UPDATE credentials SET counter = $1, last_used = $2 WHERE id = $3 AND removed IS NULL AND "
		"(counter < $1 OR (counter = 0 AND $1 = 0))",
		SK_DB_ARGS(sk_db_int(counter), sk_db_int(sk_time_now()), sk_db_text(credential)), &changed);

	return r < 0 ? r : changed == 1 ? 0 : -EBADMSG;
}

/* The authenticator gives back who it made the key for; it may leave that out where the id was asked for. */
static int check_owner(const SkCall *call, const char *person, const SkPasskeyOwner *owner)
{
	own_bytes SkBytes user = {NULL, 0};
	int r = 0;

	if (sk_call_body_text(call, "userHandle"))
		r = body_bytes(call, "userHandle", &user);
	if (r < 0)
		return r;
	if (user.data &&
		(user.size != strlen(owner->person) || memcmp(user.data, owner->person, user.size) != 0))
		return -EBADMSG;
	return owner->active && (!person || sk_str_eq(person, owner->person)) ? 0 : -EBADMSG;
}

static int judge(SkCall *call, const char *person, const SkPasskeyProof *proof, SkPasskeyOwner *owner)
{
	own_bytes SkBytes handle = {NULL, 0};
	const SkPasskeyParty party = party_of(call);
	uint32_t counter = 0;
	SkPasskey passkey;
	int r = body_bytes(call, "id", &handle);

	if (r == 0)
		r = find(call, handle, owner, &passkey);
	if (r == 0)
		r = sk_passkey_assert(&party, &passkey, proof, &counter);
	if (r == 0)
		r = check_owner(call, person, owner);
	return r < 0 ? r : step_counter(call, owner->credential, counter);
}

int sk_passkey_prove(SkCall *call, const char *person, SkPasskeyOwner *ret_owner)
{
	own_bytes SkBytes client_data = {NULL, 0}, authenticator_data = {NULL, 0}, signature = {NULL, 0};
	SkCeremonyTaken taken = {.data = NULL};
	int r = body_bytes(call, "clientData", &client_data);

	*ret_owner = (SkPasskeyOwner){.active = false};
	if (r == 0)
		r = body_bytes(call, "authenticatorData", &authenticator_data);
	if (r == 0)
		r = body_bytes(call, "signature", &signature);
	if (r == 0)
		r = take_challenge(call, OLD_KEY, client_data, &taken);
	free(taken.data);
	if (r < 0)
		return r;
	return judge(call, person, &(SkPasskeyProof){client_data, authenticator_data, signature}, ret_owner);
}

/* ---- what is there ---- */

static int read_rows(SkDbRows *rows, json_t *items)
{
	int r;

	while ((r = sk_db_next(rows)) == 1)
		if (json_array_append_new(
			    items, json_pack("{s:s, s:s, s:o, s:o}", "id", sk_db_get_text(rows, 0), "label",
					   sk_db_get_text(rows, 1), "created", sk_person_time(rows, 2),
					   "lastUsed", sk_person_time(rows, 3))) < 0)
			return -ENOMEM;
	return r;
}

#define SELECT_PASSKEY                                                                                       \
	"SELECT id, label, created, last_used FROM credentials WHERE kind = 'passkey' AND removed IS NULL "

int sk_passkey_list(SkDb *db, const char *person, json_t **ret_items)
{
	json_auto_t *items = json_array();
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, SELECT_PASSKEY "AND person_id = $1 ORDER BY id LIMIT 100",
		SK_DB_ARGS(sk_db_text(person)), &rows);

	if (r == 0)
		r = read_rows(rows, items);
	if (r == 0)
		*ret_items = own_take(items);
	return r;
}

int sk_passkey_describe(SkDb *db, const char *id, json_t **ret_passkey)
{
	json_auto_t *items = json_array();
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, SELECT_PASSKEY "AND id = $1", SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = read_rows(rows, items);
	if (r == 0 && json_array_size(items) == 0)
		r = -ENOENT;
	if (r == 0)
		*ret_passkey = json_incref(json_array_get(items, 0));
	return r;
}

int sk_passkey_remove(const SkActor *actor, const char *id)
{
	int64_t changed = 0, left = 0;
	int r = sk_db_exec(actor->db,
		"UPDATE credentials SET removed = $1, removed_by = $2 WHERE id = $3 AND person_id = $2 AND "
		"kind "
		"= 'passkey' AND removed IS NULL",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person), sk_db_text(id)), &changed);

	if (r == 0 && changed == 0)
		return SK_PASSKEY_UNKNOWN;
	if (r == 0)
		r = sk_db_query_int(actor->db,
			"SELECT COUNT(*) FROM credentials WHERE person_id = $1 AND " SK_SECOND_FACTORS,
			SK_DB_ARGS(sk_db_text(actor->person)), &left);
	if (r < 0 || left == 0)
		return r < 0 ? r : SK_SECOND_FACTOR_LAST;
	return sk_actor_record(actor, &(SkFact){.kind = "passkey.removed",
					      .subject_kind = "person",
					      .subject = actor->person,
					      .body = json_pack("{s:s}", "credential", id)});
}
