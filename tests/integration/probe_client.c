/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for monitor and core: starts the real sekisho-probe with its jail on, gives it jobs and prints
 * what comes back. Used by the probe_*.py tests.
 *
 *	probe_client PROBE usb DIRECTORY              descriptors, manufacturer, product, serial
 *	probe_client PROBE block FILE
 *	probe_client PROBE mutate SEED COUNT FILE     the block job on COUNT damaged versions of FILE
 *	probe_client PROBE hostile                    jobs that break the protocol
 *	probe_client PROBE time COUNT FILE            block jobs for a probe that is already waiting
 *
 * Exit status: 0, or 1 when the probe did anything but answer (or, for hostile jobs, end with status 1).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_probe.h"

#define HANG_MS 30000
#define COOKIE 0x1122334455667788u
/* An identity that exists nowhere, for runs as root: what monitor passes is of this kind. */
#define TEST_ID 64123

static const char *arg_probe;

typedef struct Run {
	pid_t pid;
	int job_fd;    /* our end of the probe's descriptor 3 */
	int answer_fd; /* our end of the socket that goes with the job */
	int answer_peer;
} Run;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void exec_probe(int fd)
{
	char uid[24], gid[24];

	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(70);
	fcntl(3, F_SETFD, 0);
	snprintf(uid, sizeof(uid), "%u", geteuid() == 0 ? TEST_ID : geteuid());
	snprintf(gid, sizeof(gid), "%u", geteuid() == 0 ? TEST_ID : getegid());
	execl(arg_probe, "sekisho-probe", "--uid", uid, "--gid", gid, (char *)NULL);
	_exit(71);
}

static Run start(void)
{
	int job[2], answer[2];
	Run run;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, job) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, answer) < 0)
		die("socketpair");
	run = (Run){.job_fd = job[0], .answer_fd = answer[0], .answer_peer = answer[1]};
	run.pid = fork();
	if (run.pid < 0)
		die("fork");
	if (run.pid == 0)
		exec_probe(job[1]);
	close(job[1]);
	return run;
}

/* Gives the job away; the answering socket goes last. */
static void give(Run *run, const void *message, const int *fds, size_t n_fds)
{
	int all[SK_PROTO_FDS_MAX];
	own_chan SkChan *chan = sk_chan_new(own_take_fd(&run->job_fd));

	for (size_t i = 0; i < n_fds; i++)
		all[i] = fds[i];
	all[n_fds] = run->answer_peer;
	if (!chan || sk_chan_send(chan, message, all, n_fds + 1) < 0)
		die("send");
	close(own_take_fd(&run->answer_peer));
}

/* Return: size of the answer; 0 none; and the wait status of the probe, which is ended when it hangs. */
static ssize_t finish(Run *run, void *answer, size_t size, int *ret_status)
{
	struct pollfd poll_fd = {.fd = run->answer_fd, .events = POLLIN};
	ssize_t n = 0;

	if (run->answer_peer >= 0)
		close(run->answer_peer);
	if (poll(&poll_fd, 1, HANG_MS) == 0) {
		fputs("the probe hangs\n", stderr);
		kill(run->pid, SIGKILL);
	} else {
		n = recv(run->answer_fd, answer, size, MSG_DONTWAIT | MSG_TRUNC);
	}
	close(run->answer_fd);
	if (run->job_fd >= 0)
		close(run->job_fd);
	if (waitpid(run->pid, ret_status, 0) < 0)
		die("waitpid");
	return n < 0 ? 0 : n;
}

static SkProbeJob job_of(uint16_t type, uint32_t fds)
{
	SkProbeJob job = {.fds = fds};

	sk_head_init(&job.head, type, sizeof(job));
	job.head.cookie = COOKIE;
	return job;
}

static bool answer_ok(const SkHead *head, ssize_t n, size_t size, uint16_t type, int status)
{
	if (status != 0)
		fprintf(stderr, "the probe ended with wait status %#x\n", status);
	if (n != (ssize_t)size)
		fprintf(stderr, "the answer has %zd bytes, not %zu\n", n, size);
	return status == 0 && n == (ssize_t)size && head->type == type && head->size == size &&
	       head->version == SK_PROTO_VERSION && head->cookie == COOKIE;
}

static int run_block(int fd, SkBlockFacts *ret_facts)
{
	const SkProbeJob job = job_of(SK_PROBE_BLOCK, SK_PROBE_FD_BLOCK);
	Run run = start();
	ssize_t n;
	int status;

	give(&run, &job, &fd, 1);
	n = finish(&run, ret_facts, sizeof(*ret_facts), &status);
	return answer_ok(&ret_facts->head, n, sizeof(*ret_facts), SK_PROBE_BLOCK_FACTS, status) ? 0 : -EIO;
}

static void print_escaped(const char *name, const char *text, size_t size)
{
	printf("%s=", name);
	for (size_t i = 0; i < size && text[i]; i++)
		printf((unsigned char)text[i] < 0x21 || (unsigned char)text[i] > 0x7e ? "\\x%02x" : "%c",
			(unsigned char)text[i]);
	putchar('\n');
}

static void print_luks(const SkLuksFacts *luks)
{
	print_escaped("luks_uuid", luks->uuid, sizeof(luks->uuid));
	print_escaped("luks_label", luks->label, sizeof(luks->label));
	print_escaped("luks_cipher", luks->segments[0].encryption, sizeof(luks->segments[0].encryption));
	printf("luks_keyslots=%u\nluks_problems=%08x\n", luks->n_keyslots, luks->problems);
}

static int cmd_block(char **argv)
{
	own_fd int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
	SkBlockFacts facts;
	char digest[65];

	if (fd < 0)
		die(argv[0]);
	if (run_block(fd, &facts) < 0)
		return 1;
	sk_hex_format(digest, facts.identity_digest, 32);
	printf("state=%u\ncontent=%u\nsize=%llu\npartitions=%u\n", facts.state, facts.content,
		(unsigned long long)facts.size, facts.n_partitions);
	print_escaped("table", facts.table, sizeof(facts.table));
	print_escaped("type", facts.type_name, sizeof(facts.type_name));
	print_escaped("label", facts.label, sizeof(facts.label));
	print_escaped("uuid", facts.uuid, sizeof(facts.uuid));
	if (facts.content == SK_CONTENT_LUKS2)
		print_luks(&facts.luks);
	printf("digest=%s\n", digest);
	return 0;
}

static int open_usb(const char *directory, int *fds, uint32_t *ret_bits)
{
	static const char *const names[] = {"descriptors", "manufacturer", "product", "serial"};
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = 0;

	*ret_bits = 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		fds[n] = openat(dir_fd, names[i], O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			continue;
		*ret_bits |= 1u << i;
		n++;
	}
	return n;
}

static int cmd_usb(char **argv)
{
	int fds[SK_PROTO_FDS_MAX], n_fds, status;
	SkUsbFacts facts;
	uint32_t bits;
	SkProbeJob job;
	Run run;
	ssize_t n;

	n_fds = open_usb(argv[0], fds, &bits);
	job = job_of(SK_PROBE_USB, bits);
	run = start();
	give(&run, &job, fds, (size_t)n_fds);
	n = finish(&run, &facts, sizeof(facts), &status);
	if (!answer_ok(&facts.head, n, sizeof(facts), SK_PROBE_USB_FACTS, status))
		return 1;
	printf("state=%u\noffset=%u\nid=%04x:%04x\ninterfaces=%u\n", facts.state, facts.error_offset,
		facts.vendor_id, facts.product_id, facts.n_interfaces);
	print_escaped("manufacturer", facts.manufacturer, sizeof(facts.manufacturer));
	print_escaped("product", facts.product, sizeof(facts.product));
	print_escaped("serial", facts.serial, sizeof(facts.serial));
	print_escaped("hash", facts.hash, sizeof(facts.hash));
	return 0;
}

/* xorshift64*: the same damage for the same seed on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

typedef struct Damage {
	off_t offset;
	uint8_t before[64], after[64];
	size_t size;
} Damage;

/* Most signatures and tables are in the first KiB, some at 32 KiB, 64 KiB and at the end. */
static off_t choose_offset(uint64_t *seed, off_t size)
{
	const off_t begins[] = {0, 0, 512, 1024, 32768, 65536, size > 16896 ? size - 16896 : 0};
	off_t begin = begins[next_random(seed) % SK_ARRAY_SIZE(begins)];
	off_t offset = begin + (off_t)(next_random(seed) % 1024);

	if (next_random(seed) % 16 == 0)
		offset = (off_t)(next_random(seed) % (uint64_t)size);
	return offset < size ? offset : 0;
}

static void damage(int fd, off_t size, uint64_t *seed, Damage *one)
{
	static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
	ssize_t n;

	one->offset = choose_offset(seed, size);
	n = pread(fd, one->before, 1 + next_random(seed) % sizeof(one->before), one->offset);
	one->size = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < one->size; i++)
		one->after[i] =
			next_random(seed) % 4 ? extremes[next_random(seed) % 6] : (uint8_t)next_random(seed);
	if (one->size > 4 && next_random(seed) % 2)
		one->size = 1 + next_random(seed) % 4;
	if (pwrite(fd, one->after, one->size, one->offset) != (ssize_t)one->size)
		die("pwrite");
}

static int mutate_once(int fd, int read_fd, uint64_t *seed, unsigned states[3])
{
	Damage damages[8];
	struct stat st;
	SkBlockFacts facts;
	size_t n = 1 + next_random(seed) % SK_ARRAY_SIZE(damages);
	int r;

	if (fstat(fd, &st) < 0)
		die("fstat");
	for (size_t i = 0; i < n; i++)
		damage(fd, st.st_size, seed, &damages[i]);
	r = run_block(read_fd, &facts);
	if (r == 0 && facts.state < 3 && facts.content < SK_CONTENT_MAX_)
		states[facts.state]++;
	else
		r = -EIO;
	while (n-- > 0)
		if (pwrite(fd, damages[n].before, damages[n].size, damages[n].offset) < 0)
			die("pwrite");
	return r;
}

static int cmd_mutate(char **argv)
{
	uint64_t seed = strtoull(argv[0], NULL, 10) * 2 + 1;
	unsigned long count = strtoul(argv[1], NULL, 10);
	own_fd int fd = open(argv[2], O_RDWR | O_CLOEXEC);
	own_fd int read_fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	unsigned states[3] = {0, 0, 0};

	if (fd < 0 || read_fd < 0)
		die(argv[2]);
	for (unsigned long i = 0; i < count; i++) {
		if (mutate_once(fd, read_fd, &seed, states) < 0) {
			fprintf(stderr, "%s: mutation %lu of seed %s\n", argv[2], i, argv[0]);
			return 1;
		}
	}
	printf("ok=%u unreadable=%u ambiguous=%u\n", states[0], states[1], states[2]);
	return 0;
}

/* One job that must be refused: status 1, no answer. */
static bool refused(const char *what, const void *message, size_t n_fds)
{
	own_fd int fd = memfd_create("empty", MFD_CLOEXEC);
	const int fds[SK_PROTO_FDS_MAX] = {fd, fd, fd, fd, fd, fd, fd, fd};
	Run run = start();
	char answer[64];
	ssize_t n;
	int status;

	give(&run, message, fds, n_fds);
	n = finish(&run, answer, sizeof(answer), &status);
	if (n == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return true;
	fprintf(stderr, "%s: answer of %zd bytes, wait status %#x\n", what, n, status);
	return false;
}

static bool refused_job(const char *what, uint16_t type, uint32_t bits, size_t n_fds)
{
	const SkProbeJob job = job_of(type, bits);

	return refused(what, &job, n_fds);
}

static int cmd_hostile(char **argv)
{
	SkProbeJob version = job_of(SK_PROBE_USB, SK_PROBE_FD_DESCRIPTORS);
	struct {
		SkProbeJob job;
		char more[64];
	} longer = {.job = version};
	SkHead alone;
	bool ok = true;

	version.head.version++;
	longer.job.head.size = sizeof(longer);
	sk_head_init(&alone, SK_PROBE_BLOCK, sizeof(alone));
	ok &= refused("unknown type", &(SkHead){SK_PROTO_VERSION, 0x7777, sizeof(SkHead), 0}, 0);
	ok &= refused("another version", &version, 1);
	ok &= refused("too long", &longer, 1);
	ok &= refused("too short", &alone, 1);
	ok &= refused_job("too many descriptors", SK_PROBE_USB, SK_PROBE_FD_DESCRIPTORS, 7);
	ok &= refused_job("one descriptor too many", SK_PROBE_BLOCK, SK_PROBE_FD_BLOCK, 2);
	ok &= refused_job("only the way to core", SK_PROBE_BLOCK, SK_PROBE_FD_BLOCK, 0);
	ok &= refused_job("no descriptors file", SK_PROBE_USB, SK_PROBE_FD_SERIAL, 1);
	ok &= refused_job("no thing at all", SK_PROBE_USB, 0, 0);
	ok &= refused_job("a disk as a device", SK_PROBE_USB, SK_PROBE_FD_BLOCK, 1);
	ok &= refused_job("a device as a disk", SK_PROBE_BLOCK, SK_PROBE_FD_DESCRIPTORS, 1);
	ok &= refused_job("unknown bits", SK_PROBE_USB, 1u << 31 | SK_PROBE_FD_DESCRIPTORS, 2);
	ok &= refused_job("facts instead of a job", SK_PROBE_USB_FACTS, SK_PROBE_FD_DESCRIPTORS, 1);
	puts(ok ? "every hostile job was refused" : "a hostile job was taken");
	return ok ? 0 : 1;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int cmd_time(char **argv)
{
	size_t count = strtoul(argv[0], NULL, 10);
	own_fd int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	own_free double *times = calloc(count + 1, sizeof(*times));
	const SkProbeJob job = job_of(SK_PROBE_BLOCK, SK_PROBE_FD_BLOCK);
	SkBlockFacts facts;

	if (fd < 0 || !times || count == 0)
		die(argv[1]);
	for (size_t i = 0; i < count; i++) {
		Run run = start();
		struct pollfd poll_fd = {.fd = run.answer_fd, .events = POLLIN};
		int status;

		nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL); /* until it waits in its jail */
		times[i] = now_ms();
		give(&run, &job, &fd, 1);
		poll(&poll_fd, 1, HANG_MS);
		times[i] = now_ms() - times[i];
		if (finish(&run, &facts, sizeof(facts), &status) != sizeof(facts))
			return 1;
	}
	qsort(times, count, sizeof(*times), compare_double);
	printf("median_ms=%.3f p95_ms=%.3f\n", times[count / 2], times[count * 95 / 100]);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int n_arguments;
		int (*run)(char **argv);
	} commands[] = {
		{"usb", 1, cmd_usb},
		{"block", 1, cmd_block},
		{"mutate", 3, cmd_mutate},
		{"hostile", 0, cmd_hostile},
		{"time", 2, cmd_time},
	};

	for (size_t i = 0; argc >= 3 && i < SK_ARRAY_SIZE(commands); i++) {
		if (!sk_str_eq(argv[2], commands[i].name) || argc - 3 != commands[i].n_arguments)
			continue;
		arg_probe = argv[1];
		return commands[i].run(argv + 3);
	}
	fputs("usage: probe_client PROBE usb|block|mutate|hostile|time ...\n", stderr);
	return 1;
}
