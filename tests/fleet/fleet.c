/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates of a fleet, kept between runs; enrolment; the life of all agents together. */
#include "tests/fleet/conn.h"
#include "tests/fleet/fleet.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audit/clock.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/enrol/code.h"

#define ENROLLERS 8 /* connections */
#define DESCRIPTORS 250000

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static FILE *open_file(const char *folder, unsigned number, const char *mode)
{
	char path[256];

	sk_str_format(path, sizeof(path), "%s/%05u.pem", folder, number);
	return fopen(path, mode);
}

/* The file of an agent: its key, and when it is enrolled its certificate, whose name is the terminal. */
static void load_agent(FleetAgent *agent, const char *folder)
{
	FILE *file = open_file(folder, agent->number, "r");
	X509_NAME *name;

	if (file) {
		agent->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		agent->certificate = agent->key ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
		fclose(file);
	}
	if (!agent->key)
		agent->key = EVP_EC_gen("P-256");
	if (!agent->key)
		die("no key can be made");
	name = agent->certificate ? X509_get_subject_name(agent->certificate) : NULL;
	if (name)
		X509_NAME_get_text_by_NID(name, NID_commonName, agent->terminal, sizeof(agent->terminal));
}

void fleet_store(const Fleet *fleet, const char *folder)
{
	for (unsigned i = 0; i < fleet->count; i++) {
		FILE *file = open_file(folder, i, "w");

		if (!file ||
			PEM_write_PrivateKey(file, fleet->agents[i].key, NULL, NULL, 0, NULL, NULL) != 1 ||
			(fleet->agents[i].certificate &&
				PEM_write_X509(file, fleet->agents[i].certificate) != 1) ||
			fclose(file) != 0)
			die("the keys cannot be kept");
	}
}

void fleet_raise_limit(void)
{
	const struct rlimit wanted = {DESCRIPTORS, DESCRIPTORS};
	struct rlimit limit;

	/* Beyond the limit that root may raise, as far as it goes. */
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < DESCRIPTORS &&
		setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void fleet_init(Fleet *fleet, const char *folder, unsigned count, const char *authority)
{
	*fleet = (Fleet){.count = count, .rhythm = {60000000, 30000000, 1000000}};
	fleet_raise_limit();
	fleet_loop_init(&fleet->loop, authority);
	if (sk_audit_clock_boot(fleet->boot) < 0)
		die("no boot id");
	(void)mkdir(folder, 0700);
	fleet->agents = calloc(count, sizeof(*fleet->agents));
	if (!fleet->agents)
		die("no memory");
	for (unsigned i = 0; i < count; i++) {
		fleet->agents[i] = (FleetAgent){.fleet = fleet, .number = i};
		load_agent(&fleet->agents[i], folder);
	}
}

void fleet_deinit(Fleet *fleet)
{
	fleet_stop(fleet);
	for (unsigned i = 0; i < fleet->count; i++) {
		EVP_PKEY_free(fleet->agents[i].key);
		X509_free(fleet->agents[i].certificate);
		free(fleet->agents[i].lines);
	}
	free(fleet->agents);
	fleet_clear(fleet);
	fleet_loop_deinit(&fleet->loop);
}

/* One connection that enrols one agent after the other. */
typedef struct Enroller {
	Fleet *fleet;
	const FleetOfficer *officer;
	unsigned *next, *done;
	FleetAgent *agent;
	FleetConn *conn;
	char headers[512];
} Enroller;

static void enrol_next(Enroller *enroller);

static void expect(const FleetAnswer *answer, unsigned status, const char *what)
{
	if (answer->result == 0 && answer->status == status)
		return;
	fprintf(stderr, "%s: %d, %u %s\n", what, answer->result, answer->status, answer->body);
	exit(1);
}

static void on_enrolled(void *userdata, const FleetAnswer *answer)
{
	Enroller *enroller = userdata;
	FleetAgent *agent = enroller->agent;
	json_auto_t *object = json_loadb(answer->body, answer->size, 0, NULL);
	const char *terminal = NULL, *pem = NULL;
	BIO *bio;

	expect(answer, 200, "enrolment");
	if (json_unpack(object, "{s:s, s:s}", "terminal", &terminal, "certificate", &pem) < 0)
		die("no certificate in the answer");
	bio = BIO_new_mem_buf(pem, -1);
	agent->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!agent->certificate || !sk_str_copy(agent->terminal, sizeof(agent->terminal), terminal))
		die("no certificate in the answer");
	++*enroller->done;
	enrol_next(enroller);
}

/* As agent/uplink/key.c makes it. */
static char *make_request(EVP_PKEY *key)
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
		(const unsigned char *)"sekisho-terminal", -1, -1, 0);
	if (X509_REQ_set_pubkey(request, key) != 1 || X509_REQ_sign(request, key, EVP_sha256()) <= 0 ||
		PEM_write_bio_X509_REQ(bio, request) != 1)
		die("no request can be made");
	size = BIO_get_mem_data(bio, &data);
	text = calloc(1, (size_t)size + 1);
	if (!text)
		die("no memory");
	memcpy(text, data, (size_t)size);
	BIO_free(bio);
	X509_REQ_free(request);
	return text;
}

static void on_code(void *userdata, const FleetAnswer *answer)
{
	Enroller *enroller = userdata;
	json_auto_t *object = json_loadb(answer->body, answer->size, 0, NULL), *body = NULL;
	own_free char *request = make_request(enroller->agent->key), *text = NULL;
	char secret[SK_ENROL_SECRET_TEXT_SIZE], name[32];
	const char *written = NULL;
	SkEnrolCode code;

	expect(answer, 201, "enrolment code");
	if (json_unpack(object, "{s:s}", "code", &written) < 0 || sk_enrol_code_parse(written, &code) < 0)
		die("no code in the answer");
	sk_enrol_secret_format(secret, code.secret);
	sk_str_format(name, sizeof(name), "pc-%05u", enroller->agent->number);
	body = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "secret", secret, "request", request,
		"terminal", "name", name, "system", "Debian GNU/Linux 12", "kernel", "6.1.0", "machine", "",
		"version", "0.1.0");
	text = json_dumps(body, JSON_COMPACT);
	fleet_conn_call(enroller->conn, &(FleetCall){.method = "POST",
						.path = "/api/v1/agent/enrol",
						.body = text,
						.size = strlen(text),
						.done = on_enrolled,
						.userdata = enroller});
}

static void enrol_next(Enroller *enroller)
{
	Fleet *fleet = enroller->fleet;
	char body[160];

	while (*enroller->next < fleet->count && fleet->agents[*enroller->next].certificate)
		++*enroller->next;
	if (*enroller->next >= fleet->count)
		return;
	enroller->agent = &fleet->agents[(*enroller->next)++];
	sk_str_format(body, sizeof(body), "{\"facility\":\"%s\",\"host\":\"localhost\"}",
		enroller->officer->facility);
	fleet_conn_call(enroller->conn, &(FleetCall){.method = "POST",
						.path = "/api/v1/enrolments",
						.headers = enroller->headers,
						.body = body,
						.size = strlen(body),
						.done = on_code,
						.userdata = enroller});
}

unsigned fleet_enrol(Fleet *fleet, const FleetOfficer *officer)
{
	Enroller enrollers[ENROLLERS];
	unsigned next = 0, done = 0, wanted = 0;

	for (unsigned i = 0; i < fleet->count; i++)
		wanted += !fleet->agents[i].certificate;
	for (size_t i = 0; i < ENROLLERS; i++) {
		enrollers[i] = (Enroller){.fleet = fleet, .officer = officer, .next = &next, .done = &done};
		enrollers[i].conn = fleet_conn_new(
			&fleet->loop, &(FleetPeer){.host = officer->host, .port = officer->port});
		sk_str_format(enrollers[i].headers, sizeof(enrollers[i].headers),
			"Cookie: __Host-sekisho=%s\r\nSekisho-CSRF: %s\r\n", officer->cookie, officer->csrf);
		enrol_next(&enrollers[i]);
	}
	while (done < wanted)
		fleet_loop_run(&fleet->loop, fleet_now_us() + 20000, NULL);
	for (size_t i = 0; i < ENROLLERS; i++)
		fleet_conn_free(enrollers[i].conn);
	fleet_conn_free_ended(&fleet->loop);
	return done;
}

void fleet_start(Fleet *fleet, unsigned first, unsigned count, int64_t within_us)
{
	for (unsigned i = first; i < first + count && i < fleet->count; i++)
		fleet_agent_start(&fleet->agents[i], fleet_random(within_us));
}

void fleet_stop(Fleet *fleet)
{
	for (unsigned i = 0; i < fleet->count; i++)
		fleet_agent_stop(&fleet->agents[i]);
	fleet_conn_free_ended(&fleet->loop);
}

void fleet_clear(Fleet *fleet)
{
	for (size_t i = 0; i < FLEET_KINDS; i++) {
		fleet_stats_clear(&fleet->took[i]);
		fleet->answers[i] = fleet->failed[i] = 0;
	}
	fleet_stats_clear(&fleet->woken);
	fleet_stats_clear(&fleet->loop.handshakes);
	fleet_stats_clear(&fleet->loop.lag);
}
