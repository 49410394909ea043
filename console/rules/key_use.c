/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/key_use.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/use_limit.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn use_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"grant_id", SK_COLUMN_TEXT, R, NULL},
	{"user_name", SK_COLUMN_TEXT, R, NULL},
	{"outcome", SK_COLUMN_TEXT, R | F, NULL},
	{"at", SK_COLUMN_TIME, R | F, NULL},
};

const SkTable sk_key_uses_table = {.name = "key_uses", SK_COLUMNS(use_columns), .facility = "facility_id"};

static const SkKeyLimits usual = {.medium = {20, 60}, .terminal = {60, 300}, .person = {60, 300}};

/* What is in the way of a use, in the order in which it is told when nothing holds. */
typedef struct Found {
	SkReason reason; /* SK_REASON_NONE: grant and person are what it holds by */
	char grant[SK_ID_SIZE], person[SK_ID_SIZE];
} Found;

static SkReason judge(const SkDbRows *rows, const SkKeyQuestion *question)
{
	const char *user = sk_db_get_text(rows, 2);

	if (*user && !sk_str_eq(user, question->user))
		return SK_GRANT_OTHER_USER;
	if (question->now >= sk_db_get_int(rows, 4))
		return SK_GRANT_OVER;
	return question->now < sk_db_get_int(rows, 3) ? SK_GRANT_NOT_YET : SK_REASON_NONE;
}

/* SK_GRANT_NONE < OTHER_USER < OVER < NOT_YET < it holds. */
static int nearness(SkReason reason)
{
	static const SkReason order[] = {
		SK_GRANT_NONE, SK_GRANT_OTHER_USER, SK_GRANT_OVER, SK_GRANT_NOT_YET, SK_REASON_NONE};

	for (size_t i = 0; i < SK_ARRAY_SIZE(order); i++)
		if (order[i] == reason)
			return (int)i;
	return -1;
}

static int find_grant(SkDb *db, const SkKeyQuestion *question, Found *found)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT g.id, g.person_id, g.user_name, g.valid_from, g.valid_until FROM grants g JOIN "
		"terminals t "
		"ON t.id = $2 AND (g.terminal_id = t.id OR g.group_id = t.group_id) WHERE g.medium_id = $1 "
		"AND "
		"g.state = 'live' ORDER BY g.id",
		SK_DB_ARGS(sk_db_text(question->medium), sk_db_text(question->terminal)), &rows);

	found->reason = SK_GRANT_NONE;
	while (r == 0 && found->reason != SK_REASON_NONE && (r = sk_db_next(rows)) == 1) {
		SkReason reason = judge(rows, question);

		r = 0;
		if (nearness(reason) <= nearness(found->reason))
			continue;
		found->reason = reason;
		sk_str_copy(found->grant, sizeof(found->grant), sk_db_get_text(rows, 0));
		sk_str_copy(found->person, sizeof(found->person),
			sk_db_is_null(rows, 1) ? "" : sk_db_get_text(rows, 1));
	}
	return r;
}

/* No grant, because it was taken back everywhere, is worth its own word. */
static int look_at_medium(SkDb *db, const SkKeyQuestion *question, Found *found)
{
	int64_t refused = 0;
	int r = sk_db_query_int(db,
		"SELECT count(*) FROM media m JOIN terminals t ON t.id = $2 AND t.facility_id = "
		"m.facility_id "
		"WHERE m.id = $1 AND m.state IN ('lost', 'revoked', 'found', 'retired')",
		SK_DB_ARGS(sk_db_text(question->medium), sk_db_text(question->terminal)), &refused);

	if (r == 0 && refused > 0)
		found->reason = SK_MEDIUM_FROZEN;
	return r;
}

typedef struct Refusing {
	const SkKeyQuestion *question;
	const Found *found;
	const char *outcome;
} Refusing;

static int write_refusal(SkDb *db, void *userdata)
{
	const Refusing *refusing = userdata;
	const SkKeyUse use = {.medium_id = refusing->question->medium,
		.terminal_id = refusing->question->terminal,
		.grant_id = refusing->found->grant[0] ? refusing->found->grant : NULL,
		.user_name = refusing->question->user};

	return sk_use_note(db, &use, refusing->outcome);
}

/* What was refused is noted in a transaction of its own, because nothing else happened. */
static int refuse(SkDb *db, const SkKeyQuestion *question, const Found *found, SkReason reason)
{
	char code[SK_REASON_CODE_SIZE];
	Refusing refusing = {question, found, code};
	int r;

	sk_reason_format_code(code, reason);
	if (reason == SK_KEY_LIMIT_MEDIUM || reason == SK_KEY_LIMIT_TERMINAL || reason == SK_KEY_LIMIT_PERSON)
		refusing.outcome = "limited";
	r = sk_db_transact(db, write_refusal, &refusing);
	return r < 0 ? r : (int)reason;
}

static SkReason reason_of(int error, const SkKeyUse *use)
{
	if (error == -EDQUOT)
		return sk_str_eq(use->limited, "medium")     ? SK_KEY_LIMIT_MEDIUM
		       : sk_str_eq(use->limited, "terminal") ? SK_KEY_LIMIT_TERMINAL
							     : SK_KEY_LIMIT_PERSON;
	if (error == -EBADMSG)
		return SK_REQUEST_INVALID;
	return error == -ENOENT || error == -EKEYREVOKED ? SK_KEY_DESTROYED : SK_REASON_NONE;
}

static int evaluate(
	SkDb *db, SkVault *vault, const SkKeyQuestion *question, const Found *found, SkKeyReply *reply)
{
	SkKeyUse use = {.medium_id = question->medium,
		.terminal_id = question->terminal,
		.person_id = found->person,
		.grant_id = found->grant,
		.user_name = question->user};
	SkMediumKey key;
	SkReason reason;
	int r = sk_medium_key_find(db, question->medium, &key);

	memcpy(use.blinded, question->blinded, sizeof(use.blinded));
	if (r == 0)
		r = sk_medium_key_evaluate(db, vault, &usual, &use, &reply->answer);
	if (r == 0) {
		sk_str_copy(reply->grant, sizeof(reply->grant), found->grant);
		memcpy(reply->public_key, key.public_key, sizeof(reply->public_key));
		return 0;
	}
	reason = reason_of(r, &use);
	return reason == SK_REASON_NONE ? r : refuse(db, question, found, reason);
}

int sk_key_use(SkDb *db, SkVault *vault, const SkKeyQuestion *question, SkKeyReply *ret_reply)
{
	Found found = {.reason = SK_GRANT_NONE};
	SkKeyReply reply;
	int r = find_grant(db, question, &found);

	if (r == 0 && found.reason == SK_GRANT_NONE)
		r = look_at_medium(db, question, &found);
	if (r < 0)
		return r;
	if (found.reason != SK_REASON_NONE)
		return refuse(db, question, &found, found.reason);
	r = evaluate(db, vault, question, &found, &reply);
	if (r == 0)
		*ret_reply = reply;
	return r;
}

int sk_key_cut(const SkActor *actor, SkVault *vault, const SkKeyCut *cut, bool *ret_gone)
{
	uint64_t epoch;
	int r = vault ? sk_epoch_cut(actor->db, vault,
				&(SkEpochCut){.medium_id = cut->medium,
					.actor = actor->person,
					.reason = cut->reason},
				&epoch)
		      : -ENOENT;

	*ret_gone = r == 0;
	return r == -ENOENT ? 0 : r;
}
