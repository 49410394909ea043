/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills a process that writes an audit log, then opens and verifies the log.
 *
 *	audit_kill every		at each of its system calls in turn, from the first start on
 *	audit_kill random COUNT DIR	at COUNT random moments, on the file system of DIR
 *	audit_kill write COUNT DIR	not at all: only writes COUNT records, for other tests
 *
 * Nothing that was acknowledged may be missing, nothing may be a finding. Exit: 0 good, 1 not, 77 cannot be
 * tried here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/audit/audit.h"
#include "lib/audit/reader.h"
#include "lib/audit/verify.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define SKIPPED 77

/* Small, so that seals and new segments are among what is interrupted. */
static const SkAuditOptions options = {.segment_size = 4096, .seal_every = 3, .reserve_size = 65536};

/* What the writer tells after sk_audit_append() returned. */
typedef struct Ack {
	uint64_t seq;
	uint64_t number;
} Ack;

static int append(SkAudit *audit, uint64_t number, uint64_t *ret_seq)
{
	json_t *body = json_pack("{s:I}", "number", (json_int_t)number);
	int r = sk_audit_append(audit, "test.record", "writer", body, ret_seq);

	json_decref(body);
	return r;
}

/* Writes records and acknowledges each; limit 0: until killed. */
static int write_records(const char *directory, int ack_fd, uint64_t first, uint64_t limit)
{
	SkAudit *audit = NULL;
	int r = sk_audit_open(directory, &options, &audit);

	for (uint64_t number = first; r == 0 && (limit == 0 || number < first + limit); number++) {
		Ack ack = {.number = number};

		r = append(audit, number, &ack.seq);
		if (r == 0)
			r = sk_io_write_all(ack_fd, &ack, sizeof(ack));
	}
	return r == 0 ? sk_audit_close(audit) : r;
}

static void print_finding(void *userdata, const SkAuditFinding *finding)
{
	if (!sk_audit_finding_is_information(finding->kind))
		printf("  %s:%llu: %s: %s\n", finding->file, (unsigned long long)finding->line,
			sk_audit_finding_name(finding->kind), finding->detail);
}

/* Every acknowledged record stands where it was acknowledged, with the content it had. */
static int check_acks(const char *directory, const Ack *acks, size_t count)
{
	own_audit_reader SkAuditReader *reader = NULL;
	SkAuditRecord record;
	size_t next = 0;
	int r = sk_audit_reader_open(directory, 0, &reader);

	while (r == 0 && next < count && (r = sk_audit_reader_next(reader, &record)) == 1) {
		char expected[64];

		r = 0;
		if (record.seq != acks[next].seq)
			continue;
		sk_str_format(expected, sizeof(expected), "{\"number\":%llu}",
			(unsigned long long)acks[next].number);
		if (record.body.size != strlen(expected) ||
			memcmp(record.body.text, expected, record.body.size) != 0)
			break;
		next++;
	}
	if (next == count)
		return 0;
	printf("  record %llu was acknowledged and is not there\n", (unsigned long long)acks[next].seq);
	return -EBADMSG;
}

/* Opens as the next start of the agent would, appends, verifies. */
static int check_log(const char *directory, const Ack *acks, size_t count)
{
	char key_path[256];
	const SkAuditVerifyOptions verify = {.directory = directory, .start_key_path = key_path};
	SkAuditReport report;
	SkAudit *audit = NULL;
	int r = sk_audit_open(directory, &options, &audit);

	if (r == 0)
		r = append(audit, 0, NULL);
	if (r == 0)
		r = sk_audit_close(audit);
	sk_str_format(key_path, sizeof(key_path), "%s/" SK_AUDIT_START_KEY, directory);
	if (r == 0)
		r = sk_audit_verify(&verify, print_finding, NULL, &report);
	if (r < 0) {
		printf("  %s\n", strerror(-r));
		return r;
	}
	if (report.findings > 0 || report.seals_checked != report.seals) {
		printf("  %llu findings, %llu of %llu seals checked\n", (unsigned long long)report.findings,
			(unsigned long long)report.seals_checked, (unsigned long long)report.seals);
		return -EBADMSG;
	}
	return check_acks(directory, acks, count);
}

typedef struct Writer {
	pid_t pid;
	int ack_fd;
} Writer;

static int start_writer(
	const char *directory, uint64_t first, uint64_t limit, bool traced, Writer *ret_writer)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0))
			_exit(SKIPPED);
		_exit(write_records(directory, fds[1], first, limit) == 0 ? 0 : 1);
	}
	close(fds[1]);
	*ret_writer = (Writer){pid, fds[0]};
	return 0;
}

/* Return: how many acknowledgements there were; the writer is gone. */
static size_t collect(Writer *writer, Ack *acks, size_t max)
{
	ssize_t n = sk_io_read_up_to(writer->ack_fd, acks, max * sizeof(*acks));

	close(writer->ack_fd);
	return n < 0 ? 0 : (size_t)n / sizeof(*acks);
}

#define RECORDS_TRACED 8

/* Return: 1 killed, 0 it came to its end first, negative errno. */
static int run_until_call(const char *directory, unsigned call, Ack *acks, size_t *ret_count)
{
	Writer writer;
	int status, r = start_writer(directory, 1, RECORDS_TRACED, true, &writer);

	if (r < 0)
		return r;
	if (waitpid(writer.pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -EPERM;
	for (unsigned stops = 0; !WIFEXITED(status) && !WIFSIGNALED(status); stops++) {
		if (stops == call)
			kill(writer.pid, SIGKILL);
		else if (ptrace(PTRACE_SYSCALL, writer.pid, NULL, NULL) < 0)
			return -errno;
		if (waitpid(writer.pid, &status, 0) < 0)
			return -errno;
	}
	*ret_count = collect(&writer, acks, RECORDS_TRACED);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? 0 : -EIO;
	return 1;
}

static int remove_directory(const char *directory)
{
	char command[300];

	sk_str_format(command, sizeof(command), "rm -rf %s", directory);
	return system(command) == 0 ? 0 : -EIO;
}

static int make_directory(char *directory, size_t size, const char *where)
{
	sk_str_format(directory, size, "%s/sekisho-kill-XXXXXX", where);
	return mkdtemp(directory) ? 0 : -errno;
}

static int kill_at_every_call(void)
{
	unsigned call = 0;
	int r = 1;

	while (r == 1) {
		char directory[256];
		Ack acks[RECORDS_TRACED];
		size_t count = 0;

		r = make_directory(
			directory, sizeof(directory), access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (r == 0)
			r = run_until_call(directory, call++, acks, &count);
		if (r == -EPERM) {
			puts("ptrace is not allowed here");
			return SKIPPED;
		}
		if (r < 0 || check_log(directory, acks, count) < 0) {
			printf("killed at call %u: bad, see %s\n", call, directory);
			return 1;
		}
		remove_directory(directory);
	}
	printf("killed at each of %u stops before and behind a system call: nothing lost, no finding\n",
		call - 1);
	return call > 200 ? 0 : 1;
}

#define ACKS_MAX 200000

static int kill_at_random(unsigned count, const char *where)
{
	own_free Ack *acks = calloc(ACKS_MAX, sizeof(*acks));
	char directory[256];
	size_t total = 0;

	if (!acks || make_directory(directory, sizeof(directory), where) < 0)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		Writer writer;
		unsigned random = 0;
		int status;

		if (start_writer(directory, 1 + 1000000 * (uint64_t)i, 0, false, &writer) < 0)
			return 1;
		if (getrandom(&random, sizeof(random), 0) < 0)
			return 1;
		/* 1 to 100 ms, most of them short: the start is where most can go wrong. */
		usleep(1000 + random % 1000 * (random / 1000 % 100));
		kill(writer.pid, SIGKILL);
		total += collect(&writer, acks + total, ACKS_MAX - total);
		waitpid(writer.pid, &status, 0);
		if (!WIFSIGNALED(status)) {
			puts("the writer ended by itself");
			return 1;
		}
		if (check_log(directory, acks, total) < 0) {
			printf("kill %u: bad, see %s\n", i + 1, directory);
			return 1;
		}
	}
	remove_directory(directory);
	printf("%u kills, %zu records acknowledged: nothing lost, no finding\n", count, total);
	return total > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (sk_crypt_init() < 0)
		return 1;
	if (argc == 2 && sk_str_eq(argv[1], "every"))
		return kill_at_every_call();
	if (argc == 4 && sk_str_eq(argv[1], "random") && sk_num_parse(argv[2], 10, 100000, &count) == 0)
		return kill_at_random((unsigned)count, argv[3]);
	if (argc == 4 && sk_str_eq(argv[1], "write") && sk_num_parse(argv[2], 10, 100000, &count) == 0) {
		own_fd int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		return write_records(argv[3], null_fd, 1, count) == 0 ? 0 : 1;
	}
	fputs("Usage: audit_kill every | random COUNT DIRECTORY | write COUNT DIRECTORY\n", stderr);
	return 2;
}
