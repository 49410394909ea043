/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log: how fast a long one is verified, and how fast records are acknowledged, one by one and in
 * groups.
 *
 *	bench_audit [RECORDS [DIRECTORY]]
 *
 * Prints one JSON object a line, as tests/bench/run reads them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/audit/audit.h"
#include "lib/audit/verify.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define RECORDS_DEFAULT 300000
#define GROUP 64
#define SINGLE 500
#define VERIFY_GOAL 300000.0

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The size and shape of what core records about a device. */
static json_t *make_body(uint64_t i)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "device", "1-2.3", "name",
		"USB DISK 3.0 \xE9\x96\xA2\xE6\x89\x80", "verdict", "refuse", "rule", (json_int_t)(i % 100),
		"code", "SK-1203", "hash", "pLb8Q0mV3Kxb1yqQy7gkQW0aFvW0Yx1m7nB2o3c4d5E=");
}

/* goal 0: measured, not promised. */
static void print(const char *id, double value, const char *unit, double goal)
{
	printf("{\"id\":\"audit.%s\",\"value\":%.0f,\"unit\":\"%s\",\"peer\":null,\"peer_value\":null,"
	       "\"ratio\":null,",
		id, value, unit);
	if (goal > 0)
		printf("\"goal\":\">= %.0f\",\"met\":%s}\n", goal, value >= goal ? "true" : "false");
	else
		printf("\"goal\":null,\"met\":null}\n");
}

static int write_singles(SkAudit *audit)
{
	double begin = now();

	for (uint64_t i = 0; i < SINGLE; i++) {
		json_t *body = make_body(i);
		int r = sk_audit_append(audit, "device.decided", "sekishod", body, NULL);

		json_decref(body);
		if (r < 0)
			return r;
	}
	print("append", SINGLE / (now() - begin), "records/s, each fsynced", 0);
	return 0;
}

static int write_groups(SkAudit *audit, uint64_t count)
{
	double begin = now();

	for (uint64_t i = 0; i < count; i++) {
		json_t *body = make_body(i);
		int r = sk_audit_queue(audit, "device.decided", "sekishod", body, NULL);

		json_decref(body);
		if (r == 0 && i % GROUP == GROUP - 1)
			r = sk_audit_sync(audit);
		if (r < 0)
			return r;
	}
	if (sk_audit_sync(audit) < 0)
		return -EIO;
	print("append-group", (double)count / (now() - begin), "records/s, fsynced in groups of 64", 0);
	return 0;
}

static int verify(const char *directory, uint64_t expected)
{
	char key_path[300];
	const SkAuditVerifyOptions options = {.directory = directory, .start_key_path = key_path};
	SkAuditReport report;
	double begin = now(), seconds;
	int r;

	sk_str_format(key_path, sizeof(key_path), "%s/" SK_AUDIT_START_KEY, directory);
	r = sk_audit_verify(&options, NULL, NULL, &report);
	seconds = now() - begin;
	if (r < 0 || report.findings > 0 || report.records < expected) {
		fprintf(stderr, "the log is not intact\n");
		return -EBADMSG;
	}
	print("verify", (double)report.records / seconds, "records/s", VERIFY_GOAL);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t count = RECORDS_DEFAULT;
	char directory[256], command[300];
	SkAudit *audit = NULL;
	int r;

	if (argc > 1 && sk_num_parse(argv[1], 10, 100000000, &count) < 0)
		return 2;
	sk_str_format(directory, sizeof(directory), "%s/sekisho-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return 1;
	r = sk_audit_open(directory, NULL, &audit);
	if (r == 0)
		r = write_singles(audit);
	if (r == 0)
		r = write_groups(audit, count);
	if (sk_audit_close(audit) < 0 || r < 0)
		r = 1;
	if (r == 0)
		r = verify(directory, count + SINGLE);
	sk_str_format(command, sizeof(command), "rm -r %s", directory);
	if (system(command) != 0)
		r = 1;
	return r == 0 ? 0 : 1;
}
