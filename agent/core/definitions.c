/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/definitions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/records.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/log/log.h"

#define HAVE_FILE "definitions-have.json"
#define HAVE_MAX (1u << 20)
#define PART ".part"
#define FILES_MAX 64
#define SIZE_MAX_BYTES (4ll << 30)
/* At once, and then a pause: a device that is plugged in is not held up, nor is anybody of lower priority. */
#define SLICE (256u << 10)
#define PAUSE_USEC 4000

static struct {
	int dir_fd;   /* -1: there is none */
	json_t *have; /* NAME -> {sha256, size, mtime}: what was copied here and looked at */
	sd_event_source *copying;
	int in_fd, out_fd;
	SkSha256 hash;
	int64_t size;
	char sha256[SK_SHA256_HEX_SIZE];
	uint64_t cookie;
	DefinitionsDone done;
} definitions = {.dir_fd = -1, .in_fd = -1, .out_fd = -1};

/* NAME.cvd or NAME.cld: nothing that is a path, hidden, or read as something else. */
static bool is_name(const char *name)
{
	size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return stem > 0 && stem < 32 && (sk_str_eq(name + stem, ".cvd") || sk_str_eq(name + stem, ".cld"));
}

int definitions_check_list(const json_t *payload)
{
	const json_t *files = json_object_get(payload, "files"), *file;
	size_t i;

	if (!json_is_array(files) || json_array_size(files) > FILES_MAX)
		return -EBADMSG;
	json_array_foreach (files, i, file) {
		json_int_t size = json_integer_value(json_object_get(file, "size"));
		const char *sha256 = text_of(file, "sha256");

		if (!is_name(text_of(file, "name")) || size < 1 || size > SIZE_MAX_BYTES ||
			strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
			return -EBADMSG;
	}
	return 0;
}

static const json_t *list_of(const Core *core)
{
	return json_object_get(core->console->documents[DOCUMENT_DEFINITIONS].payload, "files");
}

static const json_t *find_wanted(const Core *core, const char *sha256)
{
	const json_t *file;
	size_t i;

	json_array_foreach (list_of(core), i, file)
		if (sk_str_eq(text_of(file, "sha256"), sha256))
			return file;
	return NULL;
}

void definitions_open(Core *core)
{
	char path[PATH_MAX];

	if (!sk_str_format(
		    path, sizeof(path), "%s" DEFINITIONS_SUFFIX, core->settings->agent.state_directory))
		return;
	definitions.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (console_load(core->console, HAVE_FILE, HAVE_MAX, &definitions.have) < 0)
		definitions.have = json_object();
}

static void end_copy(void)
{
	definitions.copying = sd_event_source_disable_unref(definitions.copying);
	if (definitions.in_fd >= 0)
		close(own_take_fd(&definitions.in_fd));
	if (definitions.out_fd >= 0)
		close(own_take_fd(&definitions.out_fd));
}

void definitions_close(Core *core)
{
	end_copy();
	if (definitions.dir_fd >= 0)
		close(own_take_fd(&definitions.dir_fd));
	json_decref(definitions.have);
	definitions.have = NULL;
}

/* As it was when we looked at it? The directory is ours alone, but disks are restored from backups. */
static bool is_here(const json_t *file)
{
	const json_t *have = json_object_get(definitions.have, text_of(file, "name"));
	struct stat st;

	return have && sk_str_eq(text_of(have, "sha256"), text_of(file, "sha256")) &&
	       fstatat(definitions.dir_fd, text_of(file, "name"), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == json_integer_value(json_object_get(have, "size")) &&
	       st.st_mtim.tv_sec == json_integer_value(json_object_get(have, "mtime"));
}

static bool is_complete(const Core *core)
{
	const json_t *files = list_of(core), *file;
	size_t i;

	json_array_foreach (files, i, file)
		if (!is_here(file))
			return false;
	return json_array_size(files) > 0;
}

static bool is_named(const Core *core, const char *name)
{
	const json_t *file;
	size_t i;

	json_array_foreach (list_of(core), i, file)
		if (sk_str_eq(text_of(file, "name"), name))
			return true;
	return false;
}

/* What an earlier list named and this one does not. */
static void sweep(const Core *core)
{
	own_fd int fd = openat(definitions.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return;
	own_take_fd(&fd);
	while ((entry = readdir(dir)))
		if (is_name(entry->d_name) && !is_named(core, entry->d_name))
			unlinkat(definitions.dir_fd, entry->d_name, 0);
	closedir(dir);
}

static void record_complete(Core *core)
{
	record_write(core, &(Record){.kind = "definitions.complete",
				   .actor = "console",
				   .code = SK_CONSOLE_DEFINITIONS,
				   .body = json_pack("{s:O, s:I}", "files", list_of(core), "built",
					   (json_int_t)definitions_built(core))});
}

static void keep(Core *core, const json_t *file)
{
	struct stat st;

	if (fstatat(definitions.dir_fd, text_of(file, "name"), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	json_object_set_new(definitions.have, text_of(file, "name"),
		json_pack("{s:s, s:I, s:I}", "sha256", text_of(file, "sha256"), "size",
			(json_int_t)st.st_size, "mtime", (json_int_t)st.st_mtim.tv_sec));
	console_store(core->console, HAVE_FILE, json_incref(definitions.have));
	if (is_complete(core)) {
		sweep(core);
		record_complete(core);
	}
}

/* All bytes are there: is it the one? */
static int end_file(Core *core)
{
	const json_t *file = find_wanted(core, definitions.sha256);
	uint8_t digest[SK_SHA256_SIZE];
	char sha256[SK_SHA256_HEX_SIZE];

	sk_sha256_final(&definitions.hash, digest);
	sk_hex_format(sha256, digest, sizeof(digest));
	if (!file || !sk_str_eq(sha256, definitions.sha256))
		return -EBADMSG;
	if (fchmod(definitions.out_fd, 0644) < 0 || fsync(definitions.out_fd) < 0 ||
		renameat(definitions.dir_fd, PART, definitions.dir_fd, text_of(file, "name")) < 0 ||
		fsync(definitions.dir_fd) < 0)
		return -errno;
	keep(core, file);
	return 0;
}

void definitions_uplink_lost(void)
{
	if (definitions.copying)
		end_copy();
}

static void finish(Core *core, int result)
{
	end_copy();
	unlinkat(definitions.dir_fd, PART, 0);
	if (result < 0)
		record_write(core, &(Record){.kind = "definitions.refused",
					   .actor = "console",
					   .code = SK_CONSOLE_DEFINITIONS_REFUSED,
					   .body = json_pack("{s:s, s:s}", "sha256", definitions.sha256,
						   "error", strerror(-result))});
	definitions.done(core, definitions.cookie, result);
}

static int on_slice(sd_event_source *source, uint64_t usec, void *userdata)
{
	static char buffer[SLICE];
	Core *core = userdata;
	ssize_t n = read(definitions.in_fd, buffer, sizeof(buffer));
	int r = n < 0 ? -errno : 0;

	if (n > 0) {
		definitions.size += n;
		sk_sha256_update(&definitions.hash, buffer, (size_t)n);
		r = definitions.size > SIZE_MAX_BYTES
			    ? -EFBIG
			    : sk_io_write_all(definitions.out_fd, buffer, (size_t)n);
		if (r == 0) {
			sd_event_source_set_time_relative(source, PAUSE_USEC);
			return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		}
	}
	finish(core, r == 0 ? end_file(core) : r);
	return 0;
}

static int begin_copy(Core *core, const char *sha256, int fd)
{
	struct stat st;
	int r;

	/* Reading must not wait for anybody. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADMSG;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	definitions.in_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	definitions.out_fd =
		openat(definitions.dir_fd, PART, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (definitions.in_fd < 0 || definitions.out_fd < 0)
		return -errno;
	sk_sha256_init(&definitions.hash);
	definitions.size = 0;
	sk_str_copy(definitions.sha256, sizeof(definitions.sha256), sha256);
	r = sd_event_add_time_relative(
		core->event, &definitions.copying, CLOCK_MONOTONIC, 0, 0, on_slice, core);
	return r < 0 ? r : sd_event_source_set_priority(definitions.copying, SD_EVENT_PRIORITY_IDLE);
}

void definitions_take(Core *core, const char *sha256, int fd, uint64_t cookie, DefinitionsDone done)
{
	const json_t *file = find_wanted(core, sha256);
	int r;

	if (!file)
		r = -EBADMSG;
	else if (definitions.dir_fd < 0)
		r = -ENOTDIR;
	else if (is_here(file))
		r = 0;
	else if (fd < 0)
		r = -ENOENT;
	else if (definitions.copying)
		r = -EBUSY;
	else if ((r = begin_copy(core, sha256, fd)) == 0) {
		definitions.cookie = cookie;
		definitions.done = done;
		return;
	} else {
		end_copy();
	}
	done(core, cookie, r);
}

void definitions_list_changed(Core *core)
{
	/* A list that only leaves something out is complete at once. */
	if (definitions.dir_fd >= 0 && is_complete(core))
		sweep(core);
}

int64_t definitions_built(const Core *core)
{
	json_int_t newest = 0, built;
	const json_t *file;
	size_t i;

	if (definitions.dir_fd < 0 || !core->console)
		return 0;
	json_array_foreach (list_of(core), i, file) {
		built = json_integer_value(json_object_get(file, "built"));
		if (is_here(file) && built > newest)
			newest = built;
	}
	return newest;
}
