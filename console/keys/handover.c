/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/handover.h"

#include <inttypes.h>
#include <string.h>

#include "console/store/time.h"
#include "lib/base/str.h"

#define MESSAGE_SIZE (64 + SK_VAULT_ID_SIZE + SK_BOX_KEY_SIZE)
#define AAD_SIZE 64

/* What the MAC of a published key is about: whose key it is. */
static SkAeadContext message_of(
	uint8_t message[MESSAGE_SIZE], const char *instance_id, const uint8_t key[SK_BOX_KEY_SIZE])
{
	int size = snprintf((char *)message, 64 + SK_VAULT_ID_SIZE, "sekisho holder 1 %s ", instance_id);

	memcpy(message + size, key, SK_BOX_KEY_SIZE);
	return (SkAeadContext){message, (size_t)size + SK_BOX_KEY_SIZE};
}

static int publish(SkDb *db, void *userdata)
{
	SkVault *vault = userdata;
	const uint8_t *key = sk_vault_box_public(vault);
	const char *instance = sk_vault_instance(vault);
	uint8_t message[MESSAGE_SIZE], mac[32];
	int r = sk_vault_sign(vault, sk_vault_generation(vault), message_of(message, instance, key), mac);

	if (r < 0)
		return r;
	return sk_db_exec(db, "UPDATE vault_holders SET box_key = $2, box_mac = $3 WHERE instance_id = $1",
		SK_DB_ARGS(sk_db_text(instance), sk_db_bytes(key, SK_BOX_KEY_SIZE),
			sk_db_bytes(mac, sizeof(mac))),
		NULL);
}

int sk_handover_publish(SkDb *db, SkVault *vault)
{
	return sk_db_transact(db, publish, vault);
}

int sk_handover_end_holder(SkDb *db, const char *instance_id)
{
	int r = sk_db_exec(db,
		"UPDATE vault_holders SET ended = $2, box_key = NULL, box_mac = NULL WHERE instance_id = $1",
		SK_DB_ARGS(sk_db_text(instance_id), sk_db_int(sk_time_now())), NULL);

	if (r < 0)
		return r;
	r = sk_db_exec(db, "DELETE FROM epoch_confirmations WHERE instance_id = $1 AND confirmed IS NULL",
		SK_DB_ARGS(sk_db_text(instance_id)), NULL);
	if (r < 0)
		return r;
	return sk_db_exec(db,
		"UPDATE epochs SET destroyed = $1 WHERE destroyed IS NULL AND number NOT IN"
		" (SELECT epoch FROM epoch_confirmations WHERE confirmed IS NULL)",
		SK_DB_ARGS(sk_db_int(sk_time_now())), NULL);
}

static SkBoxLabel label_of(char aad[AAD_SIZE], uint64_t epoch, const char *instance_id)
{
	sk_str_format(aad, AAD_SIZE, "%" PRIu64 " %s", epoch, instance_id);
	return (SkBoxLabel){.info = "sekisho handover 1", .aad = aad};
}

typedef struct Receiver {
	char instance[SK_VAULT_ID_SIZE];
	uint8_t key[SK_BOX_KEY_SIZE];
} Receiver;

static int read_receiver(SkVault *vault, const SkDbRows *rows, Receiver *ret_receiver)
{
	size_t key_size, mac_size;
	const void *key = sk_db_get_bytes(rows, 1, &key_size), *mac = sk_db_get_bytes(rows, 2, &mac_size);
	uint8_t message[MESSAGE_SIZE], expected[32];

	if (!sk_str_copy(ret_receiver->instance, sizeof(ret_receiver->instance), sk_db_get_text(rows, 0)) ||
		key_size != SK_BOX_KEY_SIZE || mac_size != sizeof(expected))
		return -EHOSTDOWN;
	if (sk_vault_sign(vault, sk_vault_generation(vault), message_of(message, ret_receiver->instance, key),
		    expected) < 0 ||
		!sk_secret_equal(mac, expected, sizeof(expected)))
		return -EHOSTDOWN;
	memcpy(ret_receiver->key, key, key_size);
	return 0;
}

static int seal_to(SkDb *db, const Receiver *receiver, uint64_t epoch, SkSecret *tree)
{
	const size_t size = sk_secret_size(tree) + SK_BOX_OVERHEAD;
	own_free uint8_t *box = malloc(size);
	char aad[AAD_SIZE];
	int r = box ? sk_box_seal(receiver->key, label_of(aad, epoch, receiver->instance),
			      sk_secret_data(tree), sk_secret_size(tree), box)
		    : -ENOMEM;

	if (r < 0)
		return r == -EINVAL ? -EHOSTDOWN : r;
	return sk_db_exec(db, "INSERT INTO epoch_handovers (epoch, instance_id, box) VALUES ($1, $2, $3)",
		SK_DB_ARGS(sk_db_int((int64_t)epoch), sk_db_text(receiver->instance), sk_db_bytes(box, size)),
		NULL);
}

#define HOLDERS_MAX 64

int sk_handover_seal(SkDb *db, SkVault *vault, uint64_t epoch, SkSecret *tree)
{
	Receiver receivers[HOLDERS_MAX];
	size_t count = 0;
	SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT instance_id, box_key, box_mac FROM vault_holders WHERE ended IS NULL AND instance_id "
		"<> $1",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1)
		r = count < HOLDERS_MAX ? read_receiver(vault, rows, &receivers[count++]) : -E2BIG;
	if (rows)
		sk_db_rows_free(rows);
	for (size_t i = 0; i < count && r == 0; i++)
		r = seal_to(db, &receivers[i], epoch, tree);
	return r;
}

/* Return: 0, -ESTALE nothing for us, or nothing that we can open. */
static int take_tree(SkDb *db, SkVault *vault, uint64_t epoch, SkSecret **ret_tree)
{
	own_rows SkDbRows *rows = NULL;
	char aad[AAD_SIZE];
	const void *box;
	size_t size;
	int r = sk_db_query(db, "SELECT box FROM epoch_handovers WHERE epoch = $1 AND instance_id = $2",
		SK_DB_ARGS(sk_db_int((int64_t)epoch), sk_db_text(sk_vault_instance(vault))), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ESTALE : r;
	box = sk_db_get_bytes(rows, 0, &size);
	r = sk_box_open(sk_vault_box_secret(vault), label_of(aad, epoch, sk_vault_instance(vault)), box, size,
		ret_tree);
	return r == -EBADMSG || r == -EOPNOTSUPP ? -ESTALE : r;
}

static int forget_handover(SkDb *db, SkVault *vault, uint64_t epoch)
{
	return sk_db_exec(db, "DELETE FROM epoch_handovers WHERE epoch = $1 AND instance_id = $2",
		SK_DB_ARGS(sk_db_int((int64_t)epoch), sk_db_text(sk_vault_instance(vault))), NULL);
}

/* The tree died with the process that made it, and nothing is wrapped under it. */
static int abandon(SkDb *db, SkVault *vault, uint64_t epoch)
{
	int64_t others;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM vault_holders WHERE ended IS NULL AND instance_id <> $1",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), &others);

	if (r == 0 && others > 0)
		r = -ESTALE;
	if (r == 0)
		r = sk_db_exec(db,
			"UPDATE epochs SET generation = NULL, reason = 'abandoned' WHERE number = $1",
			SK_DB_ARGS(sk_db_int((int64_t)epoch)), NULL);
	return r < 0 ? r : sk_vault_change(vault, &(SkVaultChange){.epoch = epoch});
}

int sk_handover_apply(SkDb *db, SkVault *vault, uint64_t epoch, uint32_t generation)
{
	own_secret SkSecret *tree = NULL;
	int r;

	if (generation == 0)
		return sk_vault_change(vault, &(SkVaultChange){.epoch = epoch});
	r = take_tree(db, vault, epoch, &tree);
	if (r == -ESTALE)
		return abandon(db, vault, epoch);
	if (r == 0)
		r = sk_vault_change(vault,
			&(SkVaultChange){.epoch = epoch, .add_generation = generation, .add_tree = tree});
	return r < 0 ? r : forget_handover(db, vault, epoch);
}
