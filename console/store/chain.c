/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/store/chain_inside.h"

#include <string.h>
#include <time.h>

#include "lib/base/str.h"

#define LOCK_SEC 5

static void free_record(SkChainRecord *record)
{
	free(record->kind);
	free(record->actor);
	free(record->body);
	free(record->facility);
	free(record->subject);
	free(record);
}

static SkChainBatch *find_batch(SkChain *chain, const SkDb *db)
{
	SkChainBatch *batch;

	pthread_mutex_lock(&chain->batches_mutex);
	for (batch = chain->batches; batch && batch->db != db; batch = batch->next)
		;
	pthread_mutex_unlock(&chain->batches_mutex);
	return batch;
}

static void drop_batch(SkChainBatch *batch)
{
	SkChain *chain = batch->chain;
	SkChainRecord *record;

	pthread_mutex_lock(&chain->batches_mutex);
	for (SkChainBatch **link = &chain->batches; *link; link = &(*link)->next)
		if (*link == batch) {
			*link = batch->next;
			break;
		}
	pthread_mutex_unlock(&chain->batches_mutex);
	while ((record = batch->first)) {
		batch->first = record->next;
		free_record(record);
	}
	sk_ratchet_free(batch->ratchet);
	free(batch);
}

static int insert(SkChainBatch *batch, const SkChainRecord *record, const SkAuditTime *time, const char *line)
{
	/* The actor without its quotes, for searching. */
	own_free char *actor = sk_str_dup(record->actor + 1, strlen(record->actor) - 2);
	uint8_t hash[SK_SHA256_SIZE];

	if (!actor)
		return -ENOMEM;
	sk_sha256(hash, line, strlen(line));
	return sk_db_exec(batch->db,
		"INSERT INTO console_records (instance_id, seq, hash, at, kind, actor, facility_id, subject, "
		"line)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		SK_DB_ARGS(sk_db_text(batch->chain->instance), sk_db_int((int64_t)batch->head.seq),
			sk_db_bytes(hash, sizeof(hash)), sk_db_int(time->wall / 1000),
			sk_db_text(record->kind), sk_db_text(actor), sk_db_text(record->facility),
			sk_db_text(record->subject), sk_db_text(line)),
		NULL);
}

int sk_chain_write(SkChainBatch *batch, const SkChainRecord *record)
{
	SkChain *chain = batch->chain;
	own_free char *line = malloc(SK_AUDIT_LINE_MAX);
	char prev[sizeof(batch->head.hash)];
	SkLineFields fields = {.seq = batch->head.seq + 1,
		.prev = prev,
		.actor = record->actor,
		.kind = record->kind,
		.body = record->body};
	SkAuditRecord parsed;
	int size, r;

	if (!line)
		return -ENOMEM;
	sk_str_copy(prev, sizeof(prev), batch->head.hash);
	chain->options.now(chain->options.userdata, &fields.time);
	size = sk_line_format(line, SK_AUDIT_LINE_MAX - 1, &fields);
	if (size < 0)
		return size;
	/* With the eyes of the verifier, before it counts. */
	if (sk_line_parse(line, (size_t)size, &parsed) < 0)
		return -EINVAL;
	r = sk_str_eq(record->kind, SK_KIND_SEAL) ? sk_seal_fill(line, (size_t)size, batch->ratchet) : 0;
	if (r < 0)
		return r;
	sk_line_hash(batch->head.hash, line, (size_t)size);
	batch->head.seq = fields.seq;
	return insert(batch, record, &fields.time, line);
}

static int write_seal(SkChainBatch *batch)
{
	char body[160];
	const SkChainRecord record = {
		.kind = (char *)SK_KIND_SEAL, .actor = (char *)SK_CHAIN_ACTOR, .body = body};
	const SkRatchet *due = batch->chain->ratchet;
	int r = batch->ratchet ? 0
			       : sk_ratchet_new(sk_ratchet_key(due), sk_ratchet_epoch(due), &batch->ratchet);

	if (r < 0)
		return r;
	sk_seal_format_body(body, sizeof(body), sk_ratchet_epoch(batch->ratchet));
	r = sk_chain_write(batch, &record);
	if (r < 0)
		return r;
	sk_ratchet_step(batch->ratchet);
	batch->seal = batch->head;
	batch->unsealed = 0;
	return 0;
}

static int lock(SkChainBatch *batch)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOCK_SEC;
	/* Its holder waits for a commit: that of a server which is away. */
	if (pthread_mutex_clocklock(&batch->chain->mutex, CLOCK_MONOTONIC, &until) != 0)
		return -EAGAIN;
	batch->locked = true;
	return 0;
}

/* The last part of the transaction. */
static int write_batch(SkDb *db, void *userdata)
{
	SkChainBatch *batch = userdata;
	SkChain *chain = batch->chain;
	SkAuditHead last;
	int r = lock(batch);

	if (r == 0 && chain->doubtful) {
		r = sk_chain_catch_up(chain, db, &last);
		if (r == 0) {
			/* A server that lost what it had confirmed leaves a gap, not a second record of that
			 * number. */
			if (last.seq > chain->head.seq)
				chain->head = last;
			chain->doubtful = false;
		}
	}
	if (r == 0 && chain->state_due)
		r = sk_chain_store_seal(chain);
	if (r < 0)
		return r;
	batch->head = chain->head;
	batch->unsealed = chain->unsealed;
	for (const SkChainRecord *record = batch->first; record && r == 0; record = record->next) {
		r = sk_chain_write(batch, record);
		batch->unsealed++;
		if (r == 0 && batch->unsealed >= chain->options.seal_every)
			r = write_seal(batch);
	}
	return r;
}

static void end_batch(void *userdata, int result)
{
	SkChainBatch *batch = userdata;
	SkChain *chain = batch->chain;

	if (batch->locked) {
		if (result == 0) {
			chain->head = batch->head;
			chain->unsealed = batch->unsealed;
			/* Not fsynced: it may be older than the chain, never newer. */
			if (sk_head_write(chain->head_fd, chain->head_slot, &chain->head) == 0)
				chain->head_slot++;
			if (batch->ratchet) {
				chain->seal = (SkSealState){1, batch->seal};
				sk_ratchet_free(chain->ratchet);
				chain->ratchet = own_take(batch->ratchet);
				(void)sk_chain_store_seal(chain); /* else with the next record */
			}
		} else if (result == -ENOTCONN) {
			chain->doubtful = true;
		}
		pthread_mutex_unlock(&chain->mutex);
	}
	drop_batch(batch);
}

static int begin_batch(SkChain *chain, SkDb *db, SkChainBatch **ret_batch)
{
	SkChainBatch *batch = calloc(1, sizeof(*batch));
	int r;

	if (!batch)
		return -ENOMEM;
	*batch = (SkChainBatch){.chain = chain, .db = db};
	batch->last = &batch->first;
	r = sk_db_hook(db, &(SkDbHook){write_batch, end_batch, batch});
	if (r < 0) {
		free(batch);
		return r;
	}
	pthread_mutex_lock(&chain->batches_mutex);
	batch->next = chain->batches;
	chain->batches = batch;
	pthread_mutex_unlock(&chain->batches_mutex);
	*ret_batch = batch;
	return 0;
}

static bool is_good_kind(const char *kind)
{
	size_t size = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return size > 0 && !kind[size] && size < SK_AUDIT_KIND_MAX && strchr(kind, '.') && kind[0] != '.' &&
	       kind[size - 1] != '.' && !strstr(kind, "..") && !sk_str_starts(kind, "audit.");
}

static char *copy(const char *text, bool *failed)
{
	char *copied = text ? strdup(text) : NULL;

	*failed |= text && !copied;
	return copied;
}

static int make_record(const SkChainEntry *entry, SkChainRecord **ret_record)
{
	SkChainRecord *record;
	json_t *actor;
	bool failed = false;

	if (!is_good_kind(entry->kind) || strlen(entry->actor) >= SK_AUDIT_ACTOR_MAX ||
		!json_is_object(entry->body))
		return -EINVAL;
	actor = json_string(entry->actor);
	if (!actor)
		return -EINVAL;
	record = calloc(1, sizeof(*record));
	if (record) {
		record->kind = copy(entry->kind, &failed);
		record->facility = copy(entry->facility, &failed);
		record->subject = copy(entry->subject, &failed);
		record->actor = json_dumps(actor, JSON_ENCODE_ANY);
		record->body = json_dumps(entry->body, JSON_COMPACT);
	}
	json_decref(actor);
	if (!record || failed || !record->actor || !record->body) {
		if (record)
			free_record(record);
		return -ENOMEM;
	}
	*ret_record = record;
	return 0;
}

int sk_chain_append(SkChain *chain, SkDb *db, const SkChainEntry *entry)
{
	SkChainBatch *batch = find_batch(chain, db);
	SkChainRecord *record = NULL;
	int r = make_record(entry, &record);

	if (r == 0 && strlen(record->body) + strlen(record->actor) > SK_AUDIT_LINE_MAX - 512)
		r = -EMSGSIZE;
	if (r == 0 && !batch)
		r = begin_batch(chain, db, &batch);
	if (r < 0) {
		if (record)
			free_record(record);
		return r;
	}
	*batch->last = record;
	batch->last = &record->next;
	return 0;
}

static int seal_batch(SkDb *db, void *userdata)
{
	SkChainBatch *batch = userdata;
	int r = write_batch(db, batch);

	if (r < 0 || batch->unsealed == 0)
		return r;
	return write_seal(batch);
}

static int begin_seal(SkDb *db, void *userdata)
{
	SkChain *chain = userdata;
	SkChainBatch *batch = calloc(1, sizeof(*batch));
	int r;

	if (!batch)
		return -ENOMEM;
	*batch = (SkChainBatch){.chain = chain, .db = db};
	batch->last = &batch->first;
	r = sk_db_hook(db, &(SkDbHook){seal_batch, end_batch, batch});
	if (r < 0)
		free(batch);
	return r;
}

int sk_chain_seal(SkChain *chain, SkDb *db)
{
	return sk_db_transact(db, begin_seal, chain);
}

void sk_chain_get_head(SkChain *chain, SkAuditHead *ret_head)
{
	pthread_mutex_lock(&chain->mutex);
	*ret_head = chain->head;
	pthread_mutex_unlock(&chain->mutex);
}
