/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time of a decision and of parsing, beside USBGuard's library on the same rules and devices in the same run.
 *
 * Prints one JSON object a line. USBGuard's side is the program peer_policy beside this one; where that was
 * not built, ours is measured alone and the goals that compare are open.
 *
 * Rules are such as `policy generate` writes, mixed with shorter ones, and a few by class at the end. Of the
 * devices half match a rule somewhere, spread evenly over the file, and half match none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "policy/policy.h"

#define N_DEVICES 128
#define BATCH_NS 20000000 /* long enough for the clock, short enough to repeat */
#define BATCHES 9

static const size_t sizes[] = {10, 1000, 10000, 100000};

/* Time of the processor, on both sides: a busy machine shall not decide. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The n-th thing of each kind: scattered, but the same in every run. */
static uint32_t scatter(uint64_t n)
{
	return (uint32_t)((n + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static void write_device(FILE *out, size_t n, const char *class)
{
	fprintf(out,
		"%04x:%04x serial \"S%08X\" name \"Device %zu of the clinic\" "
		"hash \"%08x%08xAbCdEfGhIjKlMnOpQrStUvWxYz1=\" parent-hash "
		"\"%08xAbCdEfGhIjKlMnOpQrStUvWxYz1+/Ab=\" "
		"via-port \"1-%zu.%zu\" with-interface %s",
		scatter(n) & 0xFFFF, scatter(n) >> 16, scatter(n), n, scatter(n), scatter(n + 7),
		scatter(n % 9), n % 7 + 1, n % 4 + 1, class);
}

static void write_rule(FILE *out, size_t n)
{
	fputs("allow ", out);
	switch (n % 10) {
	case 0:
	case 1:
		fprintf(out, "%04x:%04x", scatter(n) & 0xFFFF, scatter(n) >> 16);
		break;
	case 2:
		fprintf(out, "name \"Device %zu of the clinic\" with-interface one-of { 08:06:* 08:05:* }",
			n);
		break;
	case 3:
		fprintf(out, "serial one-of { \"S%08X\" \"T%zu\" \"U%zu\" }", scatter(n), n, n);
		break;
	default:
		write_device(out, n, "08:06:50");
		break;
	}
	fputc('\n', out);
}

static int write_files(const char *directory, size_t n)
{
	char path[512];
	own_file FILE *rules = NULL, *devices = NULL;

	sk_str_format(path, sizeof(path), "%s/rules", directory);
	rules = fopen(path, "we");
	sk_str_format(path, sizeof(path), "%s/devices", directory);
	devices = fopen(path, "we");
	if (!rules || !devices)
		return -1;
	for (size_t i = 0; i + 4 < n; i++)
		write_rule(rules, i);
	fputs("block with-interface all-of { 08:*:* 03:*:* }\nallow with-interface equals { 09:*:* }\n"
	      "allow with-interface one-of { 03:00:01 03:01:01 }\nreject with-interface one-of { e0:*:* "
	      "02:*:* }\n",
		rules);
	for (size_t i = 0; i < N_DEVICES; i++) {
		if (i % 2)
			write_device(devices, i * n / N_DEVICES, "08:06:50");
		else
			write_device(devices, 1000000 + i, "07:01:02");
		fputc('\n', devices);
	}
	return 0;
}

static char *read_all(const char *directory, const char *name, size_t *ret_size)
{
	char path[512];
	own_file FILE *in = NULL;
	char *text;
	long size;

	sk_str_format(path, sizeof(path), "%s/%s", directory, name);
	in = fopen(path, "re");
	if (!in || fseek(in, 0, SEEK_END) < 0 || (size = ftell(in)) < 0)
		return NULL;
	rewind(in);
	text = malloc((size_t)size + 1);
	if (text && fread(text, 1, (size_t)size, in) != (size_t)size)
		abort();
	*ret_size = (size_t)size;
	return text;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

/* Nanoseconds a rule, text to file structure. */
static double measure_parse(const char *text, size_t size, size_t n_rules)
{
	double times[BATCHES];

	for (size_t batch = 0; batch < BATCHES; batch++) {
		uint64_t begin = now_ns(), rounds = 0, spent;

		do {
			own_policy_file SkPolicyFile *file = NULL;

			if (sk_policy_parse(text, size, "bench.rules", NULL, &file) < 0)
				abort();
			rounds++;
			spent = now_ns() - begin;
		} while (spent < BATCH_NS);
		times[batch] = (double)spent / (double)(rounds * n_rules);
	}
	return median(times, BATCHES);
}

typedef struct Decider {
	SkPolicySnapshot *snapshot;
	SkPolicyDescription *devices[N_DEVICES];
	size_t matched; /* keeps the compiler from dropping the work, and must agree with the peer */
	double compile_ms;
} Decider;

static void prepare(Decider *decider, const char *directory)
{
	size_t rules_size, devices_size, n = 0;
	own_free char *rules = read_all(directory, "rules", &rules_size);
	own_free char *devices = read_all(directory, "devices", &devices_size);
	SkPolicyFile *file = NULL;
	uint64_t begin;

	if (!rules || !devices || sk_policy_parse(rules, rules_size, "bench.rules", NULL, &file) < 0)
		abort();
	begin = now_ns();
	if (sk_policy_compile(&file, 1, NULL, &decider->snapshot) < 0)
		abort();
	decider->compile_ms = (double)(now_ns() - begin) / 1e6;
	for (const char *at = devices; n < N_DEVICES; n++) {
		const char *feed = memchr(at, '\n', devices_size - (size_t)(at - devices));

		if (!feed ||
			sk_policy_describe(at, (size_t)(feed - at),
				(SkPolicySource){"devices", (uint32_t)n + 1}, NULL, &decider->devices[n]) < 0)
			abort();
		at = feed + 1;
	}
}

static double measure_decide(Decider *decider)
{
	SkPolicyContext context = {.mode = SK_POLICY_ENFORCE};
	double times[BATCHES];

	for (size_t batch = 0; batch < BATCHES; batch++) {
		uint64_t begin = now_ns(), decisions = 0, spent;

		do {
			decider->matched = 0;
			for (size_t i = 0; i < N_DEVICES; i++) {
				SkPolicyVerdict verdict;

				sk_policy_evaluate(decider->snapshot,
					sk_policy_description_device(decider->devices[i]), &context,
					&verdict);
				decider->matched += verdict.line;
			}
			decisions += N_DEVICES;
			spent = now_ns() - begin;
		} while (spent < BATCH_NS);
		times[batch] = (double)spent / (double)decisions;
	}
	return median(times, BATCHES);
}

typedef struct Peer {
	double parse_ns, decide_ns;
	size_t matched;
} Peer;

/* The peer prints "PARSE_NS DECIDE_NS SUM_OF_LINES". */
static bool ask_peer(const char *program, const char *directory, Peer *ret_peer)
{
	char command[1100];
	FILE *pipe;
	int fields;

	if (!*program)
		return false;
	sk_str_format(command, sizeof(command), "'%s' '%s'", program, directory);
	pipe = popen(command, "re");
	if (!pipe)
		return false;
	fields = fscanf(pipe, "%lf %lf %zu", &ret_peer->parse_ns, &ret_peer->decide_ns, &ret_peer->matched);
	return pclose(pipe) == 0 && fields == 3;
}

typedef struct Row {
	const char *id, *unit, *goal, *met;
	double value, peer;
} Row;

static void print_row(const Row *row)
{
	printf("{\"id\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",", row->id, row->value, row->unit);
	if (row->peer > 0)
		printf("\"peer\":\"usbguard\",\"peer_value\":%.4f,\"ratio\":%.6f,", row->peer,
			row->value / row->peer);
	else
		printf("\"peer\":null,\"peer_value\":null,\"ratio\":null,");
	printf("\"goal\":\"%s\",\"met\":%s}\n", row->goal, row->met);
	fflush(stdout);
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static int bench_size(const char *directory, const char *program, size_t n)
{
	Decider decider = {0};
	Peer peer = {0};
	char parse_id[48], decide_id[48];
	size_t size;
	own_free char *text = NULL;
	bool has_peer;
	double parse, decide;

	if (write_files(directory, n) < 0)
		return 1;
	text = read_all(directory, "rules", &size);
	if (!text)
		return 1;
	parse = measure_parse(text, size, n);
	prepare(&decider, directory);
	decide = measure_decide(&decider);
	has_peer = ask_peer(program, directory, &peer);
	sk_str_format(parse_id, sizeof(parse_id), "policy.parse-%zu", n);
	sk_str_format(decide_id, sizeof(decide_id), "policy.decide-%zu", n);
	print_row(&(Row){
		decide_id, "us", "<= 1 us", truth(decide <= 1000), decide / 1e3, peer.decide_ns / 1e3});
	print_row(&(Row){parse_id, "us/rule", "ratio <= 0.2",
		has_peer ? truth(parse * 5 <= peer.parse_ns) : "null", parse / 1e3, peer.parse_ns / 1e3});
	sk_str_format(decide_id, sizeof(decide_id), "policy.compile-%zu", n);
	print_row(&(Row){decide_id, "ms", "", "null", decider.compile_ms, 0});
	sk_policy_snapshot_free(decider.snapshot);
	for (size_t i = 0; i < N_DEVICES; i++)
		sk_policy_description_free(decider.devices[i]);
	if (has_peer && peer.matched != decider.matched) {
		fprintf(stderr, "the answers differ from USBGuard's at %zu rules\n", n);
		return 1;
	}
	return 0;
}

static void clean(const char *directory)
{
	char path[512];

	sk_str_format(path, sizeof(path), "%s/rules", directory);
	unlink(path);
	sk_str_format(path, sizeof(path), "%s/devices", directory);
	unlink(path);
	rmdir(directory);
}

/* Return: false when it was not built. */
static bool find_peer(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n < 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	return slash && sk_str_copy(slash + 1, size - (size_t)(slash + 1 - path), "peer_policy") &&
	       access(path, X_OK) == 0;
}

int main(void)
{
	char directory[] = "/tmp/bench-policy-XXXXXX", peer[1024];
	int r = 0;

	if (!mkdtemp(directory))
		return 1;
	if (!find_peer(peer, sizeof(peer)))
		*peer = 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(sizes); i++)
		r |= bench_size(directory, peer, sizes[i]);
	clean(directory);
	return r;
}
