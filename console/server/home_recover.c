/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/home_recover.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/handover.h"
#include "console/rules/key_copies.h"
#include "console/server/home_copy.h"
#include "console/server/home_inside.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

static int find_vault(SkDb *db, char ret_vault[SK_VAULT_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(
		db, "SELECT vault FROM epochs ORDER BY number DESC LIMIT 1", SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_vault, SK_VAULT_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EBADMSG;
}

int sk_home_recover_ask(
	const SkServerSettings *settings, SkDb *db, SkHome *home, SkHomeRecovery *ret_recovery)
{
	SkHomeRecovery recovery = {.secret = NULL};
	char path[PATH_MAX];
	int r = find_vault(db, recovery.vault);

	if (r < 0)
		return sk_home_fail(home, "the database", r);
	r = sk_home_make_place(settings, home, path);
	if (r == 0)
		r = sk_box_key_new(&recovery.secret, recovery.public_key);
	if (r == 0)
		*ret_recovery = recovery;
	return r;
}

/* Return: 0, -EBADMSG it is not there, or not sealed to us for this vault, -ENOMEM. */
static int open_box(const SkHomeRecovery *recovery, const json_t *handed, const char *name, const char *info,
	SkSecret **ret_data)
{
	const char *text = json_string_value(json_object_get(handed, name));
	own_free uint8_t *box = malloc(text ? strlen(text) + 4 : 1);
	size_t size = 0;
	int r;

	if (!box)
		return -ENOMEM;
	if (!text || sk_base64_parse(text, strlen(text), box, &size) < 0)
		return -EBADMSG;
	r = sk_box_open(
		recovery->secret, (SkBoxLabel){.info = info, .aad = recovery->vault}, box, size, ret_data);
	return r == -EOPNOTSUPP || r == -EINVAL ? -EBADMSG : r;
}

/* A renewal since then has changed every wrap. Said before anything is written; the vault knows for sure. */
static int check_age(SkDb *db, const json_t *handed)
{
	int64_t later = 0;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM epochs WHERE number > $1 AND kind IN ('renew', 'drop', 'restore')",
		SK_DB_ARGS(sk_db_int(json_integer_value(json_object_get(handed, "epoch")))), &later);

	return r < 0 ? r : later > 0 ? -ESTALE : 0;
}

/* It holds the vault from now on; the ones that are gone are struck off by a person. */
static int become_holder(SkDb *db, void *userdata)
{
	const char *instance = userdata;
	int r = sk_home_add_instance(db, instance);

	if (r == 0)
		r = sk_handover_add_holder(db, instance);
	if (r == 0)
		r = sk_db_exec(db, "UPDATE instances SET joined = started, state = 'active' WHERE id = $1",
			SK_DB_ARGS(sk_db_text(instance)), NULL);
	return r;
}

static int take_vault(const SkServerSettings *settings, SkDb *db, SkSecret *state, SkHome *home)
{
	SkKeystore *keystore = NULL;
	char path[PATH_MAX];
	int r = sk_home_path(settings, "vault", path);

	if (r == 0)
		r = sk_home_keystore(settings, home, &keystore);
	if (r < 0)
		return r;
	r = sk_vault_import(path, keystore, state, &home->vault);
	if (r < 0) {
		sk_keystore_free(keystore);
		return sk_home_fail(home, path, r);
	}
	r = sk_db_transact(db, become_holder, (void *)sk_vault_instance(home->vault));
	if (r == 0)
		r = sk_epoch_apply(db, home->vault, NULL);
	return r < 0 ? sk_home_fail(home, "the epochs of the vault", r) : 0;
}

int sk_home_recover_take(const SkServerSettings *settings, SkDb *db, const SkHomeRecovery *recovery,
	const SkHandedBack *handed, SkHome *home)
{
	own_secret SkSecret *state = NULL, *copy = NULL;
	json_auto_t *object = json_loadb(handed->text, handed->size, JSON_REJECT_DUPLICATES, NULL);
	int r = open_box(recovery, object, "vaultBox", SK_VAULT_COPY_INFO, &state);

	if (r == 0)
		r = check_age(db, object);
	if (r == 0)
		r = open_box(recovery, object, "homeBox", SK_HOME_COPY_INFO, &copy);
	if (r < 0)
		return sk_home_fail(home, "what was handed back", r);
	/* The vault last: where it is, all is. */
	r = sk_home_paste(settings, home, copy);
	if (r == 0)
		r = sk_home_open_authority(settings, home, handed->host);
	return r < 0 ? r : take_vault(settings, db, state, home);
}

void sk_home_recovery_deinit(SkHomeRecovery *recovery)
{
	sk_secret_free(recovery->secret);
	*recovery = (SkHomeRecovery){.secret = NULL};
}
