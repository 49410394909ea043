/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/scan_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

typedef struct Remembered {
	uint8_t sha256[32];
	uint32_t verdict, type;
	char finding[SK_FINDING_SIZE];
	UT_hash_handle hh;
} Remembered;

struct ScanClient {
	SkChan *chan;
	const ScanEvents *events;
	void *userdata;
	SkScannerState state;
	pid_t walker;
	Remembered *memory;
};

double scan_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

pid_t scan_spawn(const ScanSpawn *spawn)
{
	char uid[16];
	const char *arguments[16] = {spawn->program, spawn->definitions ? "--definitions" : "--config",
		spawn->definitions ? spawn->definitions : spawn->config, "--temporary", spawn->temporary,
		"--listen", spawn->socket, "--client-uid", uid};
	pid_t pid;

	sk_str_format(uid, sizeof(uid), "%d", spawn->client_uid);
	if (spawn->user) {
		arguments[9] = "--user";
		arguments[10] = spawn->user;
	}
	unlink(spawn->socket);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execv(spawn->program, (char **)arguments);
		_exit(127);
	}
	return pid < 0 ? -errno : pid;
}

SkScanOptions scan_options(void)
{
	return (SkScanOptions){.max_file_size = 1u << 30,
		.max_scan_size = 1u << 30,
		.file_time_usec = 60 * 1000000ull,
		.idle_usec = 60 * 1000000ull,
		.max_recursion = 17,
		.max_files = 10000};
}

ScanClient *scan_client_new(const char *socket, const ScanEvents *events, void *userdata)
{
	ScanClient *client = calloc(1, sizeof(*client));
	int fd = -1;

	if (!client)
		return NULL;
	for (unsigned i = 0; i < 500 && (fd = sk_chan_connect(socket)) < 0; i++)
		usleep(10000);
	if (fd >= 0)
		client->chan = sk_chan_new(fd);
	client->events = events;
	client->userdata = userdata;
	client->walker = -1;
	if (!client->chan) {
		free(client);
		return NULL;
	}
	return client;
}

ScanClient *scan_client_free(ScanClient *client)
{
	Remembered *entry, *next;

	if (!client)
		return NULL;
	HASH_ITER (hh, client->memory, entry, next) {
		HASH_DEL(client->memory, entry);
		free(entry);
	}
	sk_chan_free(client->chan);
	free(client);
	return NULL;
}

int scan_client_set_options(ScanClient *client, const SkScanOptions *options)
{
	SkScanOptions message = *options;

	sk_head_init(&message.head, SK_SCAN_OPTIONS, sizeof(message));
	return sk_chan_send(client->chan, &message, NULL, 0);
}

int scan_client_file(ScanClient *client, int fd, uint64_t cookie, const ScanAsk *ask)
{
	SkScanFile message = {
		.volume = ask->volume, .refuse_types = ask->refuse_types, .scan = !ask->hash_only};
	struct stat st;

	if (fstat(fd, &st) == 0)
		message.file = (SkFileId){.dev = st.st_dev,
			.ino = st.st_ino,
			.size = (uint64_t)st.st_size,
			.mtime_nsec = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
			.ctime_nsec = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec};
	sk_head_init(&message.head, SK_SCAN_FILE, sizeof(message));
	message.head.cookie = cookie;
	return sk_chan_send(client->chan, &message, &fd, 1);
}

int scan_client_path(ScanClient *client, const char *path, uint64_t cookie, const ScanAsk *ask)
{
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : scan_client_file(client, fd, cookie, ask);
}

int scan_client_walk(ScanClient *client, const char *folder, const ScanAsk *ask)
{
	SkScanWalk message = {
		.volume = ask->volume, .refuse_types = ask->refuse_types, .scan = !ask->hash_only};
	own_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	sk_head_init(&message.head, SK_SCAN_WALK, sizeof(message));
	return sk_chan_send(client->chan, &message, &fd, 1);
}

int scan_client_cancel(ScanClient *client, uint64_t volume)
{
	SkScanCancel message = {.volume = volume};

	sk_head_init(&message.head, SK_SCAN_CANCEL, sizeof(message));
	return sk_chan_send(client->chan, &message, NULL, 0);
}

static pid_t pid_of(int pidfd)
{
	char path[64], line[256];
	own_file FILE *file = NULL;
	int pid = -1;

	sk_str_format(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sk_str_starts(line, "Pid:"))
			pid = atoi(line + 4);
	return pid;
}

static int on_state(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	ScanClient *client = userdata;

	client->state = *(const SkScannerState *)head;
	if (n_fds > 0)
		client->walker = pid_of(fds[0]);
	if (client->events->state)
		client->events->state(client->userdata, &client->state);
	return 0;
}

static int on_lookup(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkScanLookup *lookup = (const SkScanLookup *)head;
	ScanClient *client = userdata;
	SkScanKnown known = {.verdict = SK_VERDICT_NONE};
	Remembered *entry;

	sk_head_init(&known.head, SK_SCAN_KNOWN, sizeof(known));
	known.head.cookie = head->cookie;
	HASH_FIND(hh, client->memory, lookup->sha256, sizeof(lookup->sha256), entry);
	if (entry) {
		known.verdict = entry->verdict;
		known.type = entry->type;
		memcpy(known.finding, entry->finding, sizeof(known.finding));
	}
	return sk_chan_send(client->chan, &known, NULL, 0);
}

static int remember(ScanClient *client, const Remembered *values)
{
	Remembered *entry;

	HASH_FIND(hh, client->memory, values->sha256, sizeof(values->sha256), entry);
	if (entry)
		return 0;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = *values;
	HASH_ADD(hh, client->memory, sha256, sizeof(entry->sha256), entry);
	return 0;
}

static int on_result(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkScanResult *result = (const SkScanResult *)head;
	ScanClient *client = userdata;
	Remembered values = {.verdict = result->verdict, .type = result->type};

	memcpy(values.sha256, result->sha256, sizeof(values.sha256));
	memcpy(values.finding, result->finding, sizeof(values.finding));
	if (result->verdict == SK_VERDICT_CLEAN || result->verdict == SK_VERDICT_INFECTED)
		remember(client, &values);
	if (client->events->result)
		client->events->result(client->userdata, result);
	return 0;
}

static int on_walk_done(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	ScanClient *client = userdata;

	if (client->events->walk_done)
		client->events->walk_done(client->userdata, (const SkScanWalkDone *)head);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_SCAN_STATE, SK_CHAN_FDS_UP_TO | 1, sizeof(SkScannerState), on_state},
	{SK_SCAN_LOOKUP, 0, sizeof(SkScanLookup), on_lookup},
	{SK_SCAN_RESULT, 0, sizeof(SkScanResult), on_result},
	{SK_SCAN_WALK_DONE, 0, sizeof(SkScanWalkDone), on_walk_done},
	{0},
};

int scan_client_pump(ScanClient *client, int timeout_msec)
{
	struct pollfd poll_fd = {.fd = sk_chan_fd(client->chan),
		.events = (short)(POLLIN | (sk_chan_pending(client->chan) ? POLLOUT : 0))};
	int r = sk_chan_dispatch(client->chan, specs, client);

	if (r == -EAGAIN) {
		if (poll(&poll_fd, 1, timeout_msec) <= 0)
			return 0;
		if (poll_fd.revents & POLLOUT)
			sk_chan_flush(client->chan);
		r = sk_chan_dispatch(client->chan, specs, client);
	}
	if (r == -EAGAIN)
		return 1;
	return r == 0 ? -ECONNRESET : r;
}

const SkScannerState *scan_client_state(const ScanClient *client)
{
	return &client->state;
}

int scan_client_wait_ready(ScanClient *client)
{
	while (client->state.head.type == 0 || client->state.state == SK_SCANNER_LOADING) {
		int r = scan_client_pump(client, 60000);

		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : r;
	}
	return 0;
}

pid_t scan_client_walker(const ScanClient *client)
{
	return client->walker;
}

/* The file: one fixed-size entry after the other, as in memory but for the table's own links. */
#define ENTRY_SIZE offsetof(Remembered, hh)

int scan_client_load(ScanClient *client, const char *path)
{
	own_file FILE *file = fopen(path, "re");
	Remembered values;

	if (!file)
		return -errno;
	memset(&values, 0, sizeof(values));
	while (fread(&values, ENTRY_SIZE, 1, file) == 1)
		if (remember(client, &values) < 0)
			return -ENOMEM;
	return 0;
}

int scan_client_save(const ScanClient *client, const char *path)
{
	own_file FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	for (const Remembered *entry = client->memory; entry; entry = entry->hh.next)
		if (fwrite(entry, ENTRY_SIZE, 1, file) != 1)
			return -EIO;
	return 0;
}
