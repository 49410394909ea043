/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a chain, whatever happened before:
 *
 * - killed between the commit of a seal and seal-state: the seal proves itself with the key in seal-state:
 * the ratchet steps now
 * - head or seal-state know records that are not there: the database is an older one: the chain goes on
 * behind what was acknowledged, and the gap stays visible for ever
 * - seal-state missing or damaged: a new start key; the verification of seals begins anew
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "console/store/chain_inside.h"
#include "lib/audit/clock.h"
#include "lib/base/str.h"

int sk_chain_store_seal(SkChain *chain)
{
	int r = sk_seal_state_write(chain->dir_fd, &chain->seal, chain->ratchet);

	chain->state_due = r < 0;
	return r;
}

typedef struct Tail {
	SkChain *chain;
	SkAuditHead last;
	uint32_t unsealed;
	uint64_t completed; /* seals whose ratchet had not stepped */
	uint64_t bad;
} Tail;

static void look_at_seal(Tail *tail, const SkAuditRecord *record)
{
	SkChain *chain = tail->chain;
	SkSeal seal;

	if (sk_seal_parse(record, &seal) < 0) {
		tail->bad++;
		return;
	}
	tail->unsealed = 0;
	if (!chain->ratchet || seal.epoch < sk_ratchet_epoch(chain->ratchet))
		return;
	if (seal.epoch > sk_ratchet_epoch(chain->ratchet) || !sk_seal_verify(record, &seal, chain->ratchet)) {
		tail->bad++;
		return;
	}
	sk_ratchet_step(chain->ratchet);
	chain->seal = (SkSealState){1, tail->last};
	chain->state_due = true;
	tail->completed++;
}

static int look_at_line(void *userdata, uint64_t seq, const char *line)
{
	Tail *tail = userdata;
	SkAuditRecord record;

	if (sk_line_parse(line, strlen(line), &record) < 0 || record.seq != seq)
		return -EBADMSG;
	tail->last.seq = seq;
	sk_line_hash(tail->last.hash, line, strlen(line));
	tail->unsealed++;
	if (sk_text_equals(record.kind, SK_KIND_SEAL))
		look_at_seal(tail, &record);
	return 0;
}

static int read_tail(SkChain *chain, SkDb *db, Tail *ret_tail)
{
	Tail tail = {.chain = chain, .last = {0, SK_HASH_NONE}};
	int r = sk_chain_read(db, chain->instance, chain->seal.seal.seq, look_at_line, &tail);

	if (r < 0)
		return r;
	chain->unsealed = tail.unsealed;
	*ret_tail = tail;
	return 0;
}

int sk_chain_catch_up(SkChain *chain, SkDb *db, SkAuditHead *ret_last)
{
	Tail tail;
	int r = read_tail(chain, db, &tail);

	if (r == 0)
		*ret_last = tail.last;
	return r;
}

/* A start key that sealed nothing yet (killed while the chain was begun) is taken again; else a name of its
 * own. */
static int new_key(SkChain *chain, bool replaced)
{
	char name[64];
	int r;

	for (unsigned attempt = 1; attempt < 1000; attempt++) {
		sk_str_format(name, sizeof(name), attempt == 1 ? "%s" : "%s.%u", SK_AUDIT_START_KEY, attempt);
		r = sk_start_key_read(chain->dir_fd, name, &chain->ratchet);
		if (r == 0 && !replaced)
			return 0;
		sk_ratchet_free(own_take(chain->ratchet));
		if (r != -ENOENT)
			continue;
		r = sk_ratchet_new(NULL, 0, &chain->ratchet);
		return r < 0 ? r : sk_start_key_write(chain->dir_fd, name, chain->ratchet);
	}
	return -EEXIST;
}

/* What the opening has to say, each record one of the chain's own. */
typedef struct Opening {
	SkChain *chain;
	bool created, key_replaced, recovered;
	Tail tail;
	uint64_t lost;
	int head_result;
	bool head_changed;
	SkChainBatch batch;
} Opening;

static int write_own(Opening *o, const char *kind, char *body)
{
	const SkChainRecord record = {.kind = (char *)kind, .actor = (char *)SK_CHAIN_ACTOR, .body = body};

	o->batch.unsealed++;
	return sk_chain_write(&o->batch, &record);
}

static int write_key(Opening *o, const char *kind)
{
	char body[192], hex[2 * SK_RATCHET_MAC_SIZE + 1];
	uint8_t id[SK_RATCHET_MAC_SIZE];

	sk_ratchet_id(o->chain->ratchet, id);
	sk_hex_format(hex, id, sizeof(id));
	sk_str_format(body, sizeof(body),
		"{\"format\":1,\"seal\":\"hmac-sha256\",\"key-id\":\"hmac-sha256:%s\"}", hex);
	return write_own(o, kind, body);
}

static int write_recovered(Opening *o)
{
	char body[320];

	sk_str_format(body, sizeof(body),
		"{\"cut-bytes\":0,\"lost-records\":%llu,\"bad-lines\":0,\"seals-completed\":%llu,\"seals-"
		"bad\":%llu,"
		"\"head\":\"%s\"}",
		(unsigned long long)o->lost, (unsigned long long)o->tail.completed,
		(unsigned long long)o->tail.bad,
		o->head_result < 0 ? "missing"
		: o->head_changed  ? "changed"
				   : "kept");
	return write_own(o, SK_KIND_RECOVERED, body);
}

static int write_opening(SkDb *db, void *userdata)
{
	Opening *o = userdata;
	int r = 0;

	o->batch = (SkChainBatch){
		.chain = o->chain, .db = db, .head = o->chain->head, .unsealed = o->chain->unsealed};
	if (o->created)
		r = write_key(o, SK_KIND_CREATED);
	if (r == 0 && o->key_replaced)
		r = write_key(o, SK_KIND_KEY_REPLACED);
	if (r == 0 && o->recovered)
		r = write_recovered(o);
	return r;
}

static void raise_to(SkAuditHead *last, const SkAuditHead *other)
{
	if (other->seq > last->seq)
		*last = *other;
}

/* The record that head names, as it is in the database. */
static int check_head(SkChain *chain, SkDb *db, const SkAuditHead *head, bool *ret_changed)
{
	own_rows SkDbRows *rows = NULL;
	char hash[SK_SHA256_HEX_SIZE];
	int r = sk_db_query(db, "SELECT line FROM console_records WHERE instance_id = $1 AND seq = $2",
		SK_DB_ARGS(sk_db_text(chain->instance), sk_db_int((int64_t)head->seq)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	*ret_changed = false;
	if (r <= 0)
		return r;
	sk_line_hash(hash, sk_db_get_text(rows, 0), strlen(sk_db_get_text(rows, 0)));
	*ret_changed = !sk_str_eq(hash, head->hash);
	return 0;
}

static int prepare_files(SkChain *chain, Opening *o, SkAuditHead *head)
{
	int r = sk_seal_state_read(chain->dir_fd, &chain->seal, &chain->ratchet);

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	if (r < 0)
		chain->seal = (SkSealState){1, {0, SK_HASH_NONE}};
	o->head_result = sk_head_read(chain->dir_fd, head);
	if (o->head_result < 0 && o->head_result != -ENOENT && o->head_result != -EBADMSG)
		return o->head_result;
	return 0;
}

/* Finds out where the chain stands. */
static int examine(SkChain *chain, SkDb *db, Opening *o)
{
	SkAuditHead head = {0, SK_HASH_NONE};
	bool had_key;
	int r = prepare_files(chain, o, &head);

	had_key = chain->ratchet != NULL;
	if (r == 0)
		r = read_tail(chain, db, &o->tail);
	if (r == 0 && o->head_result == 0 && head.seq > 0)
		r = check_head(chain, db, &head, &o->head_changed);
	if (r < 0)
		return r;
	chain->head = o->tail.last;
	raise_to(&chain->head, &head);
	raise_to(&chain->head, &chain->seal.seal);
	o->lost = chain->head.seq - o->tail.last.seq;
	o->created = chain->head.seq == 0;
	o->key_replaced = !o->created && !had_key;
	o->recovered = !o->created && (o->lost > 0 || o->tail.bad > 0 || o->tail.completed > 0 ||
					      o->head_changed || o->head_result < 0);
	if (!had_key) {
		r = new_key(chain, o->key_replaced);
		chain->state_due = true;
	}
	if (r == 0 && chain->state_due)
		r = sk_chain_store_seal(chain);
	return r;
}

static int open_head(SkChain *chain, int head_result)
{
	if (head_result < 0)
		return sk_head_create(chain->dir_fd, &chain->head, &chain->head_fd);
	chain->head_fd = openat(chain->dir_fd, SK_HEAD_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (chain->head_fd < 0)
		return -errno;
	return sk_head_write(chain->head_fd, chain->head_slot++, &chain->head);
}

static int open_chain(SkChain *chain, SkDb *db)
{
	Opening o = {.chain = chain};
	int r = examine(chain, db, &o);

	if (r == 0 && (o.created || o.key_replaced || o.recovered)) {
		r = sk_db_transact(db, write_opening, &o);
		if (r == 0) {
			chain->head = o.batch.head;
			chain->unsealed = o.batch.unsealed;
		}
	}
	return r == 0 ? open_head(chain, o.head_result) : r;
}

static int set_up(SkChain *chain, const char *instance, const char *directory, const SkAuditOptions *options)
{
	pthread_mutex_init(&chain->mutex, NULL);
	pthread_mutex_init(&chain->batches_mutex, NULL);
	chain->head_fd = -1;
	if (options)
		chain->options = *options;
	if (chain->options.seal_every == 0)
		chain->options.seal_every = SK_AUDIT_SEAL_EVERY;
	if (!chain->options.now) {
		chain->options.now = sk_audit_clock_now;
		chain->options.userdata = chain->boot;
	}
	chain->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chain->dir_fd < 0)
		return -errno;
	if (!sk_str_copy(chain->instance, sizeof(chain->instance), instance))
		return -EINVAL;
	if (flock(chain->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return sk_audit_clock_boot(chain->boot);
}

int sk_chain_open(SkDb *db, const char *instance, const char *directory, const SkAuditOptions *options,
	SkChain **ret_chain)
{
	SkChain *chain = calloc(1, sizeof(*chain));
	int r;

	if (!chain)
		return -ENOMEM;
	r = set_up(chain, instance, directory, options);
	if (r == 0)
		r = open_chain(chain, db);
	if (r < 0) {
		sk_chain_free(chain);
		return r;
	}
	*ret_chain = chain;
	return 0;
}

void sk_chain_free(SkChain *chain)
{
	if (!chain)
		return;
	sk_ratchet_free(chain->ratchet);
	if (chain->head_fd >= 0)
		close(chain->head_fd);
	if (chain->dir_fd >= 0)
		close(chain->dir_fd);
	pthread_mutex_destroy(&chain->mutex);
	pthread_mutex_destroy(&chain->batches_mutex);
	free(chain);
}
