/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Codes, enrolment, renewal and the end of terminals on real databases. Serves EQP-1. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/rules/terminals.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define LIFE_MS (INT64_C(90) * 86400000)

typedef struct Pc {
	SkCsrKey *key;
	SkTerminalEnrolled enrolled;
} Pc;

static SkCa *ca;

/* As an agent makes its request. */
static SkCsrKey *make_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	SkCsrKey *read = NULL;
	char *pem;
	long size;

	X509_REQ_set_pubkey(request, key);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
	size = BIO_get_mem_data(bio, &pem);
	assert_int_equal(sk_csr_read(pem, (size_t)size, &read), 0);
	BIO_free(bio);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return read;
}

static void pc_free(Pc *pc)
{
	sk_csr_key_free(pc->key);
	free(pc->enrolled.certificate);
	*pc = (Pc){.key = NULL};
}

static int setup(void **state)
{
	int r = rules_setup(state);
	const Fixture *f = *state;
	char path[128];

	sk_str_format(path, sizeof(path), "%s/authority", f->directory);
	if (r < 0 || mkdir(path, 0700) < 0)
		return -1;
	return sk_ca_create(path, "Test clinic", 10, &ca);
}

static int teardown(void **state)
{
	sk_ca_free(ca);
	ca = NULL;
	return rules_teardown(state);
}

static void hash_of(const char *secret, uint8_t ret_hash[32])
{
	memset(ret_hash, 0, 32);
	memcpy(ret_hash, secret, strlen(secret));
}

static int run_create(Step *s)
{
	SkEnrolmentOrder order = {.facility = s->id, .name = "受付1", .expires = s->actor.now + s->version};

	hash_of(s->text, order.secret_hash);
	return sk_enrolment_create(&s->actor, &order, s->made);
}

static int create(Fixture *f, const char *facility, const char *secret, int64_t life, char ret_id[SK_ID_SIZE])
{
	Step step = {.run = run_create, .id = facility, .text = secret, .version = life};
	int r = as(f, OFFICER, &step);

	if (ret_id)
		sk_str_copy(ret_id, SK_ID_SIZE, step.made);
	return r;
}

static Pc *asking;

static int run_enrol(Step *s)
{
	json_auto_t *facts = json_pack("{s:s, s:s}", "name", "pc-7", "machine", "abc");
	SkTerminalRequest request = {.issuer = {ca, LIFE_MS}, .key = asking->key, .facts = facts};

	s->actor.person = NULL;
	s->actor.scope = SK_SCOPE_ALL;
	hash_of(s->text, request.secret_hash);
	return sk_terminal_enrol(&s->actor, &request, &asking->enrolled);
}

static int enrol(Fixture *f, const char *secret, Pc *pc)
{
	asking = pc;
	return as(f, NULL, &(Step){.run = run_enrol, .text = secret});
}

static void test_a_code_makes_one_terminal(void **state)
{
	Fixture *f = *state;
	Pc pc = {.key = make_key()}, thief = {.key = make_key()};
	char terminal[SK_ID_SIZE];

	must(f, create(f, CLINIC, "secret", HOUR, NULL));
	assert_int_equal(enrol(f, "secreT", &pc), SK_ENROLMENT_REFUSED);
	must(f, enrol(f, "secret", &pc));
	assert_non_null(strstr(pc.enrolled.certificate, "BEGIN CERTIFICATE"));
	sk_str_copy(terminal, sizeof(terminal), pc.enrolled.terminal);
	assert_int_equal(sk_terminal_check(f->db, terminal), 0);
	check_field(f, &sk_terminals_table, terminal, "name", "受付1");
	check_field(f, &sk_terminals_table, terminal, "host", "pc-7");
	/* It did not hear the answer and asks again: the same terminal. Another key: nobody. */
	must(f, enrol(f, "secret", &pc));
	assert_string_equal(pc.enrolled.terminal, terminal);
	assert_int_equal(enrol(f, "secret", &thief), SK_ENROLMENT_REFUSED);
	assert_int_equal(count(f, "SELECT count(*) FROM terminals WHERE id <> $1", ""), 1);
	assert_int_equal(count(f, "SELECT count(*) FROM terminal_groups WHERE facility_id = $1", CLINIC), 1);
	pc_free(&pc);
	pc_free(&thief);
}

static int run_revoke(Step *s)
{
	return sk_enrolment_revoke(&s->actor, &(SkRowKey){s->id, s->version});
}

static void test_codes_end(void **state)
{
	Fixture *f = *state;
	Pc pc = {.key = make_key()};
	char id[SK_ID_SIZE];

	assert_int_equal(create(f, CLINIC, "past", -HOUR, NULL), SK_REQUEST_INVALID);
	assert_int_equal(create(f, OTHER, "other", HOUR, NULL), SK_NOT_FOUND);
	must(f, create(f, CLINIC, "late", HOUR, NULL));
	must(f, create(f, CLINIC, "revoked", HOUR, id));
	must(f, as(f, OFFICER, &(Step){.run = run_revoke, .id = id, .version = 1}));
	assert_int_equal(
		as(f, OFFICER, &(Step){.run = run_revoke, .id = id, .version = 2}), SK_ENROLMENT_OVER);
	assert_int_equal(enrol(f, "revoked", &pc), SK_ENROLMENT_REFUSED);
	f->now += 2 * HOUR;
	assert_int_equal(enrol(f, "late", &pc), SK_ENROLMENT_REFUSED);
	assert_int_equal(count(f, "SELECT count(*) FROM terminals WHERE id <> $1", ""), 0);
	pc_free(&pc);
}

static int run_renew(Step *s)
{
	s->actor.terminal = s->id;
	return sk_terminal_renew(&s->actor, &(SkTerminalIssuer){ca, LIFE_MS}, asking->key, &asking->enrolled);
}

static int run_report(Step *s)
{
	json_auto_t *status = json_pack("{s:s, s:s, s:i, s:s, s:n}", "version", "0.1.0", "mode", "learn",
		"freeBytes", 1000, "clock", "synchronised", "definitionsTime");
	const int64_t offset = -90000;
	int r;

	s->actor.terminal = s->id;
	r = sk_terminal_report(
		&s->actor, status, &(SkTerminalContact){"192.0.2.1", s->flag ? &offset : NULL});
	return r < 0 ? r : sk_terminal_confirm(&s->actor, 1);
}

static int run_retire(Step *s)
{
	return sk_terminal_retire(&s->actor, &(SkRowKey){s->id, s->version}, "scrapped");
}

static void test_a_life(void **state)
{
	Fixture *f = *state;
	Pc pc = {.key = make_key()}, next = {.key = make_key()};
	char id[SK_ID_SIZE];
	SkTerminalNews news;
	int64_t revision, retired;

	must(f, create(f, CLINIC, "secret", HOUR, NULL));
	must(f, enrol(f, "secret", &pc));
	sk_str_copy(id, sizeof(id), pc.enrolled.terminal);
	asking = &next;
	must(f, as(f, NULL, &(Step){.run = run_renew, .id = id}));
	assert_int_equal(count(f, "SELECT count(*) FROM agent_certificates WHERE terminal_id = $1", id), 2);
	must(f, as(f, NULL, &(Step){.run = run_report, .id = id, .flag = true}));
	assert_int_equal(
		count(f, "SELECT clock_offset FROM terminal_status WHERE terminal_id = $1", id), -90000);
	/* An older agent does not say what time it is, and then nobody knows. */
	must(f, as(f, NULL, &(Step){.run = run_report, .id = id}));
	assert_int_equal(count(f,
				 "SELECT count(*) FROM terminal_status WHERE clock_offset IS NULL AND "
				 "terminal_id = $1",
				 id),
		1);
	assert_int_equal(count(f, "SELECT revision FROM terminal_status WHERE terminal_id = $1", id), 1);
	assert_int_equal(sk_terminal_news(f->db, id, &news), 0);
	revision = news.revision;
	/* Somebody of another clinic does not see it. */
	assert_int_equal(
		as(f, OFFICER,
			&(Step){.run = run_retire, .id = id, .version = 1, .scope = &rules_other_scope}),
		-ENOENT);
	must(f, as(f, OFFICER, &(Step){.run = run_retire, .id = id, .version = 1}));
	assert_int_equal(
		as(f, OFFICER, &(Step){.run = run_retire, .id = id, .version = 2}), SK_TERMINAL_RETIRED);
	assert_int_equal(sk_terminal_check(f->db, id), -ENOENT);
	assert_int_equal(sk_terminal_news(f->db, id, &news), -ENOENT);
	/* Raised to the time at least: above what a terminal saw before a backup. */
	retired = count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", id);
	assert_true(retired > revision && retired >= f->now);
	assert_int_equal(as(f, NULL, &(Step){.run = run_renew, .id = id}), -ENOENT);
	assert_int_equal(enrol(f, "secret", &pc), SK_ENROLMENT_REFUSED);
	assert_int_equal(
		count(f, "SELECT count(*) FROM agent_certificates WHERE revoked IS NULL AND terminal_id = $1",
			id),
		0);
	pc_free(&pc);
	pc_free(&next);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_code_makes_one_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_codes_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_life, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
