/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/grants_fixture.h"

#include <sys/stat.h>

#include "console/keys/epoch.h"
#include "console/keys/medium_key.h"
#include "console/rules/grants.h"
#include "console/rules/requests.h"
#include "console/store/time.h"
#include "lib/base/str.h"

SkVault *grants_vault;
SkSigning *grants_signing;

static void add_group(Fixture *f, const char *id, const char *facility)
{
	exec(f, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, $1, 1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(facility)));
}

static void add_terminal(Fixture *f, const char *id, const char *group, const char *facility)
{
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, $1, "
		"1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(facility), sk_db_text(group)));
	exec(f, "INSERT INTO terminal_revisions (terminal_id, changed) VALUES ($1, 1)",
		SK_DB_ARGS(sk_db_text(id)));
}

static int start_vault(SkDb *db, void *userdata)
{
	int r = sk_db_exec(db,
		"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, $1, 'h', "
		"'0', 1, 1)",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(grants_vault))), NULL);

	return r < 0 ? r : sk_epoch_start(db, grants_vault, OFFICER);
}

static void open_keys(Fixture *f)
{
	char path[128], words[160];
	SkKeystore *keystore;
	SkEpochNews news;

	sk_str_format(path, sizeof(path), "%s/keys", f->directory);
	mkdir(path, 0700);
	sk_str_format(words, sizeof(words), "file:%s", path);
	must(f, sk_keystore_open(words, &keystore));
	must(f, sk_vault_create(path, keystore, &grants_vault));
	must(f, sk_db_transact(f->db, start_vault, NULL));
	must(f, sk_epoch_apply(f->db, grants_vault, &news));
	sk_str_format(path, sizeof(path), "%s/signing", f->directory);
	mkdir(path, 0700);
	must(f, sk_signing_open(f->db, path, sk_vault_instance(grants_vault), &grants_signing));
}

int grants_setup(void **state)
{
	Fixture *f;

	if (rules_setup(state) < 0)
		return -1;
	f = *state;
	open_keys(f);
	add_group(f, GROUP, CLINIC);
	add_group(f, GROUP2, CLINIC);
	add_group(f, "01J0000000000000000000GRP9", OTHER);
	add_terminal(f, PC, GROUP, CLINIC);
	add_terminal(f, PC2, GROUP, CLINIC);
	add_terminal(f, PC3, GROUP2, CLINIC);
	add_terminal(f, PC_THERE, "01J0000000000000000000GRP9", OTHER);
	return 0;
}

int grants_teardown(void **state)
{
	sk_signing_free(own_take(grants_signing));
	sk_vault_free(own_take(grants_vault));
	return rules_teardown(state);
}

static int run_create(Step *s)
{
	return sk_request_create(&s->actor, s->fields, s->made);
}

static int run_approve(Step *s)
{
	bool done = false;
	int r = sk_request_decide(&s->actor, &(SkRequestDecision){.request = s->id, .approved = true}, &done);

	return r == 0 && done ? sk_grants_of_request(&s->actor, grants_signing, s->id) : r;
}

static int make_key(SkDb *db, void *userdata)
{
	SkMediumKey key;

	return sk_medium_key_new(db, grants_vault, userdata, CLINIC, &key);
}

static int cut(SkDb *db, void *userdata)
{
	uint64_t epoch;

	return sk_epoch_cut(db, grants_vault,
		&(SkEpochCut){.medium_id = userdata, .actor = OFFICER, .reason = "lost"}, &epoch);
}

void grants_cut(Fixture *f, char *medium)
{
	must(f, sk_db_transact(f->db, cut, medium));
}

/* In an approved request of this kind for 24 hours from now. */
static void approve(
	Fixture *f, const char *terminal, const char *kind, const char *medium, char ret_request[SK_ID_SIZE])
{
	char begin[SK_TIME_SIZE], end[SK_TIME_SIZE];
	Step step = {.run = run_create};

	sk_time_format(begin, f->now);
	sk_time_format(end, f->now + 24 * HOUR);
	step.fields = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "facility",
		CLINIC, "kind", kind, "outFrom", begin, "due", end, "terminal", terminal, "userName",
		"tanaka", "destination", "県立病院", "reason", "紹介", "dataSummary", "画像", "risk", "紛失",
		"onLoss", "報告", "media", medium);
	must(f, as(f, ASKER, &step));
	json_decref(step.fields);
	sk_str_copy(ret_request, SK_ID_SIZE, step.made);
	step = (Step){.run = run_approve, .id = ret_request};
	must(f, as(f, BOSS, &step));
}

static void new_medium(Fixture *f, char ret_medium[SK_ID_SIZE])
{
	static unsigned number;
	char name[16];

	sk_str_format(name, sizeof(name), "USB-%u", ++number);
	register_medium(f, name, ret_medium);
}

void grants_approve(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE])
{
	new_medium(f, ret_medium);
	prepare(f, ret_medium);
	must(f, sk_db_transact(f->db, make_key, ret_medium));
	approve(f, terminal, "carry-out", ret_medium, ret_request);
}

void grants_approve_hand_over(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE])
{
	new_medium(f, ret_medium);
	approve(f, terminal, "hand-over", ret_medium, ret_request);
}

void grants_approve_disc(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE])
{
	new_medium(f, ret_medium);
	exec(f, "UPDATE media SET kind = 'optical' WHERE id = $1", SK_DB_ARGS(sk_db_text(ret_medium)));
	approve(f, terminal, "optical", ret_medium, ret_request);
}
