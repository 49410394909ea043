/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/fetch.h"

#include <clamav.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/definitions/verify.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define HEADER_SIZE 512
#define HEADER_SEC 60L
/* A mirror that sends less than this for two minutes has gone away. */
#define SLOW_BYTES 100L
#define SLOW_SEC 120L

/* Where an answer goes: memory for the header, or a file. */
typedef struct Sink {
	CURL *curl;
	char *memory;
	int fd;
	uint64_t size, most, kept; /* kept: bytes that were there before */
} Sink;

static int reach(const Sink *sink)
{
	/* The mirror sends it all again: what was there before is not part of it. */
	return ftruncate(sink->fd, 0) < 0 || lseek(sink->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static size_t on_data(char *data, size_t one, size_t size, void *userdata)
{
	Sink *sink = userdata;
	long status = 0;

	curl_easy_getinfo(sink->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 206)
		return size;
	if (status == 200 && sink->kept > 0) {
		if (reach(sink) < 0)
			return 0;
		sink->kept = 0;
	}
	/* Of a header only the beginning is asked for, which a simple server may not know of. */
	if (sink->memory && sink->size + size > sink->most)
		size = (size_t)(sink->most - sink->size);
	if (sink->kept + sink->size + size > sink->most)
		return 0;
	if (sink->memory)
		memcpy(sink->memory + sink->size, data, size);
	else if (sk_io_write_all(sink->fd, data, size) < 0)
		return 0;
	sink->size += size;
	return size;
}

static int errno_of(SkOutgoingCall *call, long status)
{
	if (status == 200 || status == 206)
		return 0;
	sk_str_format(call->error, sizeof(call->error), "the mirror answers %ld", status);
	return status == 404 ? -ENOENT : status == 429 || status == 503 ? -EBUSY : -EPROTO;
}

/* Return: 0; errno_of(); as sk_outgoing_run(). */
static int get(SkOutgoingCall *call, const char *url, const char *range, long seconds, Sink *sink)
{
	own_curl CURL *curl = NULL;
	char agent[64];
	long status = 0;
	int r = sk_outgoing_handle(call, seconds, &curl);

	if (r < 0)
		return r;
	/* The official mirrors answer nobody else. */
	sk_str_format(agent, sizeof(agent), "ClamAV/%s (sekisho)", cl_retver());
	sink->curl = curl;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 3L);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, agent);
	curl_easy_setopt(curl, CURLOPT_RANGE, range);
	curl_easy_setopt(curl, CURLOPT_PROXY, call->outgoing->proxy);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_SEC);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
	r = sk_outgoing_run(call, curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	/* A header that came with the whole file behind it was cut by us. */
	if (r < 0 && !(sink->memory && sink->size == sink->most))
		return r;
	return errno_of(call, status);
}

/* "ClamAV-VDB:22 Jun 2021 14-58 -0400:1:...": only a hint; what counts is in the file that is signed. */
static int read_number(const char *header, int64_t *ret_number)
{
	const char *field = header;
	uint64_t number = 0;

	if (!sk_str_starts(header, "ClamAV-VDB:"))
		return -EBADMSG;
	for (int i = 0; i < 2 && field; i++)
		field = strchr(field, ':') ? strchr(field, ':') + 1 : NULL;
	if (!field)
		return -EBADMSG;
	for (; *field >= '0' && *field <= '9' && number < 1000000000; field++)
		number = number * 10 + (uint64_t)(*field - '0');
	*ret_number = (int64_t)number;
	return *field == ':' && number > 0 ? 0 : -EBADMSG;
}

static int look(SkOutgoingCall *call, const char *url, int64_t *ret_number)
{
	char header[HEADER_SIZE + 1] = "";
	Sink sink = {.memory = header, .fd = -1, .most = HEADER_SIZE};
	int r = get(call, url, "0-511", HEADER_SEC, &sink);

	if (r == 0 && read_number(header, ret_number) < 0) {
		sk_str_copy(call->error, sizeof(call->error), "what the mirror sends is no database");
		r = -EBADMSG;
	}
	return r;
}

/* Parts of other versions are of no use any more. */
static void sweep_parts(const Store *store, const char *name, const char *part)
{
	int fd = openat(store->files_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] == '.' && sk_str_starts(entry->d_name + 1, name) &&
			!sk_str_eq(entry->d_name, part))
			unlinkat(store->files_fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static int fetch_part(
	Store *store, const MirrorSettings *settings, SkOutgoingCall *call, const char *url, const char *part)
{
	own_fd int fd = openat(store->files_fd, part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	Sink sink = {.fd = fd, .most = settings->mirror.size_max};
	char range[40];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_END) < 0)
		return -errno;
	sink.kept = (uint64_t)st.st_size;
	sk_str_format(range, sizeof(range), "%llu-", (unsigned long long)sink.kept);
	return get(call, url, sink.kept > 0 ? range : NULL, (long)settings->mirror.time_sec, &sink);
}

static int take(
	Store *store, const MirrorSettings *settings, SkOutgoingCall *call, const char *part, StoreFile *file)
{
	own_fd int fd = openat(store->files_fd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char directory[PATH_MAX];
	Verified verified;
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && !sk_str_format(directory, sizeof(directory), "%s/files", settings->mirror.directory))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = verify_database(directory, part, &verified);
	/* Another version than the header told is what a mirror in between two versions sends. */
	if (r == 0 && verified.number != file->number)
		r = -EBADMSG;
	if (r < 0) {
		sk_str_copy(call->error, sizeof(call->error), "it has no valid signature of ClamAV");
		unlinkat(store->files_fd, part, 0);
		return r;
	}
	file->built = verified.built;
	r = store_digest(fd, file);
	return r < 0 ? r : store_take(store, part, file);
}

int fetch_database(Store *store, const MirrorSettings *settings, SkOutgoingCall *call, const char *name,
	Fetched *ret_fetched)
{
	StoreFile file = {.source = "mirror"};
	char url[1024], part[96];
	int r;

	if (!sk_str_format(file.name, sizeof(file.name), "%s.cvd", name) ||
		!sk_str_format(url, sizeof(url), "%s/%s", settings->mirror.address, file.name))
		return -ENAMETOOLONG;
	r = look(call, url, &file.number);
	if (r < 0)
		return r;
	*ret_fetched = (Fetched){.before = store_number(store, file.name), .now = file.number};
	if (file.number <= ret_fetched->before) {
		ret_fetched->now = ret_fetched->before;
		return 0;
	}
	sk_str_format(part, sizeof(part), ".%s-%lld.cvd", name, (long long)file.number);
	sweep_parts(store, name, part);
	r = fetch_part(store, settings, call, url, part);
	/* All of it was there already, only nobody had looked at it. */
	if (r == -EPROTO && sk_str_eq(call->error, "the mirror answers 416"))
		r = 0;
	return r < 0 ? r : take(store, settings, call, part, &file);
}
