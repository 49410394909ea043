/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/home_join.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/server/home_copy.h"
#include "console/server/home_inside.h"
#include "lib/base/str.h"

/* A vault here belongs to an instance that was let in already, or to another database. */
static int check_empty(const SkServerSettings *settings, SkHome *home, const char *vault)
{
	own_keystore SkKeystore *keystore = NULL;
	SkVaultReport report;
	int r = sk_home_keystore(settings, home, &keystore);

	if (r < 0)
		return r;
	r = sk_vault_check(vault, keystore, &report);
	return r == -ENOENT ? 0 : sk_home_fail(home, vault, r < 0 ? r : -EALREADY);
}

int sk_home_make_place(const SkServerSettings *settings, SkHome *home, char vault[PATH_MAX])
{
	int r = sk_home_make_directory(home, settings->keys.directory);

	if (r == 0)
		r = sk_home_path(settings, "vault", vault);
	if (r == 0)
		r = sk_home_make_directory(home, vault);
	if (r == 0)
		r = sk_home_make_directory(home, settings->keys.epoch_directory);
	return r < 0 ? r : check_empty(settings, home, vault);
}

int sk_home_join_ask(const SkServerSettings *settings, SkDb *db, SkHome *home, SkHomeJoin *ret_join)
{
	SkHomeJoin join = {.join = NULL};
	char vault[PATH_MAX];
	int64_t epochs = 0;
	int r = sk_db_query_int(db, "SELECT COUNT(*) FROM epochs", SK_DB_NO_ARGS, &epochs);

	if (r == 0 && epochs == 0)
		r = -ENOENT;
	if (r < 0)
		return sk_home_fail(home, "the database", r);
	r = sk_home_make_place(settings, home, vault);
	if (r == 0)
		r = sk_vault_name_instance(vault, join.instance);
	if (r == 0)
		r = sk_home_add_instance(db, join.instance);
	if (r == 0)
		r = sk_join_ask(db, join.instance, &join.join, join.fingerprint);
	if (r < 0)
		return home->what[0] ? r : sk_home_fail(home, vault, r);
	*ret_join = join;
	return 0;
}

int sk_home_open_authority(const SkServerSettings *settings, SkHome *home, const char *host)
{
	char path[PATH_MAX];
	int r = sk_home_path(settings, "ca", path);

	if (r == 0)
		r = sk_ca_open(path, &home->ca);
	if (r < 0)
		return sk_home_fail(home, path, r);
	return sk_home_ensure_certificate(settings, home, host);
}

/* The vault last: where it is, all is. */
static int take_vault(const SkServerSettings *settings, SkDb *db, SkHome *home, SkHomeJoin *join)
{
	SkKeystore *keystore = NULL;
	SkEpochNews news;
	char path[PATH_MAX];
	int r = sk_home_path(settings, "vault", path);

	if (r == 0)
		r = sk_home_keystore(settings, home, &keystore);
	if (r < 0)
		return r;
	r = sk_join_take(db, join->join, path, keystore, &home->vault);
	if (r < 0) {
		sk_keystore_free(keystore);
		return sk_home_fail(home, path, r);
	}
	r = sk_epoch_apply(db, home->vault, &news);
	return r < 0 ? sk_home_fail(home, "the epochs of the vault", r) : 0;
}

int sk_home_join_take(
	const SkServerSettings *settings, SkDb *db, const char *host, SkHome *home, SkHomeJoin *join)
{
	own_secret SkSecret *copy = NULL;
	int r = sk_join_home(db, join->join, &copy);

	if (r < 0)
		return r == -EAGAIN ? r : sk_home_fail(home, "what was handed over", r);
	r = sk_home_paste(settings, home, copy);
	if (r == 0)
		r = sk_home_open_authority(settings, home, host);
	return r < 0 ? r : take_vault(settings, db, home, join);
}

void sk_home_join_deinit(SkHomeJoin *join)
{
	sk_join_free(join->join);
	*join = (SkHomeJoin){.join = NULL};
}
