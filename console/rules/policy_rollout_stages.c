/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who comes in which stage: by chance, so that one corner of the house does not stand for all, but those who
 * are in contact come first, because a PC that is switched off tells nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/policy_rollout_inside.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define CONTACT_MS INT64_C(900000)

typedef struct Member {
	char terminal[SK_ID_SIZE], group[SK_ID_SIZE], facility[SK_ID_SIZE];
	uint8_t chance[SK_SHA256_SIZE];
	bool away;
	int64_t stage; /* 0: none yet */
} Member;

typedef struct Members {
	Member *items;
	size_t count, room, placed;
} Members;

static void members_deinit(Members *members)
{
	free(members->items);
}

static int add(Members *members, const char *rollout, const SkDbRows *rows, int64_t now)
{
	char text[2 * SK_ID_SIZE];
	Member *member;

	if (members->count == members->room) {
		size_t room = members->room ? 2 * members->room : 256;
		Member *grown = reallocarray(members->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		members->items = grown;
		members->room = room;
	}
	member = &members->items[members->count++];
	*member = (Member){.away = sk_db_get_int(rows, 3) < now - CONTACT_MS};
	sk_str_copy(member->terminal, sizeof(member->terminal), sk_db_get_text(rows, 0));
	sk_str_copy(member->group, sizeof(member->group), sk_db_get_text(rows, 1));
	sk_str_copy(member->facility, sizeof(member->facility), sk_db_get_text(rows, 2));
	sk_str_format(text, sizeof(text), "%s%s", rollout, member->terminal);
	sk_sha256(member->chance, text, strlen(text));
	return 0;
}

static int read_group(const SkActor *actor, const char *rollout, const char *group, Members *members)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT t.id, t.group_id, t.facility_id, COALESCE(s.last_contact, 0) FROM terminals t LEFT "
		"JOIN terminal_status s ON s.terminal_id = t.id WHERE t.state = 'enrolled' AND t.group_id = "
		"$1",
		SK_DB_ARGS(sk_db_text(group)), &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1)
		r = add(members, rollout, rows, actor->now);
	return r;
}

static int by_chance(const void *a, const void *b)
{
	const Member *one = a, *other = b;

	if (one->away != other->away)
		return one->away ? 1 : -1;
	return memcmp(one->chance, other->chance, sizeof(one->chance));
}

static int64_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void place(Members *members, Member *member, int64_t stage)
{
	if (member->stage == 0) {
		member->stage = stage;
		members->placed++;
	}
}

/* Return: false when it says nothing, or two things. */
static bool place_stage(Members *members, const json_t *stage, int64_t which)
{
	const char *group = sk_row_text(stage, "group");
	int64_t count = number(stage, "count"), share = number(stage, "share");
	size_t target;

	if ((*group != 0) + (count > 0) + (share > 0) != 1)
		return false;
	target = count > 0 ? (size_t)count : (members->count * (size_t)share + 99) / 100;
	for (size_t i = 0; i < members->count; i++)
		if (*group ? sk_str_eq(members->items[i].group, group) : members->placed < target)
			place(members, &members->items[i], which);
	return true;
}

static int store(const SkActor *actor, const char *rollout, const Member *member)
{
	return sk_db_exec(actor->db,
		"INSERT INTO rollout_terminals (rollout_id, terminal_id, facility_id, stage, changed, "
		"previous_version_id, previous_mode) SELECT $1, t.id, t.facility_id, $3, $4, "
		"p.policy_version_id, COALESCE(p.mode, g.mode) FROM terminals t JOIN terminal_groups g ON "
		"g.id = t.group_id LEFT JOIN terminal_policies p ON p.terminal_id = t.id WHERE t.id = $2",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_text(member->terminal), sk_db_int(member->stage),
			sk_db_int(actor->now)),
		NULL);
}

int rollout_assign_stages(const SkActor *actor, const char *rollout, const json_t *fields, int64_t *ret_count)
{
	const json_t *groups = json_object_get(fields, "groups"), *stages = json_object_get(fields, "stages");
	own_(members_deinit) Members members = {NULL};
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach (groups, i, item)
		if (r == 0)
			r = read_group(actor, rollout, json_string_value(item), &members);
	if (r < 0)
		return r;
	if (members.count > 0)
		qsort(members.items, members.count, sizeof(*members.items), by_chance);
	json_array_foreach (stages, i, item)
		if (!place_stage(&members, item, (int64_t)i + 1))
			return SK_ROLLOUT_WRONG;
	if (members.count == 0 || members.placed < members.count)
		return SK_ROLLOUT_WRONG;
	for (i = 0; r == 0 && i < members.count; i++)
		r = store(actor, rollout, &members.items[i]);
	*ret_count = (int64_t)members.count;
	return r;
}
