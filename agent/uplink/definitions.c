/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virus definitions of the console: a signed list, which core judges, and files by their digest, which core
 * compares with it. What core does not have is fetched into STATE/definitions, goes on where it was cut, and
 * is gone from there when core has copied it. All of it has time: nothing else waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define FOLDER "definitions"
#define LIST_MAX (1u << 20)
#define LIST_SEC 60
#define FILE_SEC (6 * 3600)
#define FILE_MAX (4ull << 30)
#define FILES_MAX 64

static void next_file(Uplink *up);
static void on_given(Uplink *up, int result, const char *detail);
static void on_asked(Uplink *up, int result, const char *detail);
static void on_list_taken(Uplink *up, int result, const char *detail);

static void end_work(Uplink *up)
{
	DefinitionsWork *work = &up->definitions;

	http_cancel(own_take(work->call));
	core_forget(up, on_given);
	core_forget(up, on_asked);
	core_forget(up, on_list_taken);
	work->timer = sd_event_source_disable_unref(work->timer);
	json_decref(work->envelope);
	json_decref(work->files);
	work->envelope = work->files = NULL;
	if (work->fd > 0)
		close(work->fd);
	work->fd = 0;
	work->next = 0;
	work->running = false;
}

void definitions_stop(Uplink *up)
{
	end_work(up);
	up->definitions.failures = 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	up->definitions.timer = sd_event_source_disable_unref(up->definitions.timer);
	end_work(up);
	definitions_push(up, up->definitions.wanted);
	return 0;
}

/* Later, from the beginning: what core has by then is not fetched again, and a part goes on. */
static void try_again(Uplink *up, const char *why, unsigned retry_after)
{
	DefinitionsWork *work = &up->definitions;
	uint64_t delay = link_delay_msec(work->failures++, retry_after);

	if (work->failures == 1)
		sk_log(LOG_NOTICE, "virus definitions of the console: %s", why);
	sd_event_add_time_relative(up->event, &work->timer, CLOCK_MONOTONIC, delay * 1000, 0, on_again, up);
}

/* Nothing more of this list: it is complete, or core does not want it. */
static void finish(Uplink *up)
{
	DefinitionsWork *work = &up->definitions;

	work->done = work->serial;
	work->failures = 0;
	end_work(up);
	if (work->wanted != work->done)
		definitions_push(up, work->wanted);
}

static bool open_part(Uplink *up, uint64_t *ret_size)
{
	DefinitionsWork *work = &up->definitions;
	char path[128];
	struct stat st;

	if (mkdirat(up->state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		return false;
	sk_str_format(path, sizeof(path), FOLDER "/%s", work->sha256);
	work->fd = openat(up->state_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (work->fd < 0 || fstat(work->fd, &st) < 0 || lseek(work->fd, 0, SEEK_END) < 0) {
		work->fd = 0;
		return false;
	}
	*ret_size = (uint64_t)st.st_size;
	return true;
}

static void forget_part(Uplink *up)
{
	DefinitionsWork *work = &up->definitions;
	char path[128];

	if (work->fd > 0)
		close(work->fd);
	work->fd = 0;
	sk_str_format(path, sizeof(path), FOLDER "/%s", work->sha256);
	unlinkat(up->state_fd, path, 0);
}

static void on_given(Uplink *up, int result, const char *detail)
{
	forget_part(up);
	if (result == 0) {
		up->definitions.next++;
		next_file(up);
	} else {
		try_again(up, *detail ? detail : strerror(-result), 0);
	}
}

static void give(Uplink *up, TicketDone done, int fd)
{
	SkUplinkDefinition message = {0};

	sk_head_init(&message.head, SK_UPLINK_DEFINITION, sizeof(message));
	sk_str_copy(message.sha256, sizeof(message.sha256), up->definitions.sha256);
	message.head.cookie = core_expect(up, done);
	if (message.head.cookie == 0)
		try_again(up, strerror(ENOMEM), 0);
	else
		core_send(up, &message, fd > 0 ? &fd : NULL, fd > 0);
}

static void on_file(void *userdata, const HttpAnswer *answer)
{
	Uplink *up = userdata;
	DefinitionsWork *work = &up->definitions;

	work->call = NULL;
	/* Some of it came: that is no failure, only the end of one answer. */
	if (answer->size > 0)
		work->failures = 0;
	if (answer->result == 0 && (answer->status == 200 || answer->status == 206)) {
		give(up, on_given, work->fd);
		return;
	}
	if (answer->result == 0)
		forget_part(up);
	try_again(up, answer->result < 0 ? answer->detail : "a file is not there", answer->retry_after);
}

static void fetch_file(Uplink *up)
{
	DefinitionsWork *work = &up->definitions;
	uint64_t size = 0;
	char path[128];
	HttpRequest request = {.method = "GET",
		.path = path,
		.timeout_sec = FILE_SEC,
		.most = FILE_MAX,
		.done = on_file,
		.userdata = up};

	if (!open_part(up, &size)) {
		try_again(up, strerror(errno), 0);
		return;
	}
	/* All of it is here: core had not looked at it yet. */
	if (size > 0 && size == work->size) {
		give(up, on_given, work->fd);
		return;
	}
	sk_str_format(path, sizeof(path), "/api/v1/agent/definitions/%s", work->sha256);
	request.fd = work->fd;
	request.from = size < work->size ? size : 0;
	if (size > work->size && (ftruncate(work->fd, 0) < 0 || lseek(work->fd, 0, SEEK_SET) < 0))
		try_again(up, strerror(errno), 0);
	else if (http_start(up->http, &request, &work->call) < 0)
		try_again(up, strerror(ENOMEM), 0);
}

static void on_asked(Uplink *up, int result, const char *detail)
{
	if (result == 0) {
		up->definitions.next++;
		next_file(up);
	} else if (result == -ENOENT && up->http) {
		fetch_file(up);
	} else {
		try_again(up, *detail ? detail : strerror(-result), 0);
	}
}

static void next_file(Uplink *up)
{
	DefinitionsWork *work = &up->definitions;
	const json_t *file = json_array_get(work->files, work->next);
	const char *sha256 = json_string_value(json_object_get(file, "sha256"));

	if (!file) {
		finish(up);
		return;
	}
	work->size = (uint64_t)json_integer_value(json_object_get(file, "size"));
	if (!sha256 || strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		finish(up);
	else {
		sk_str_copy(work->sha256, sizeof(work->sha256), sha256);
		give(up, on_asked, 0);
	}
}

/* What core has just verified, read only to know what to ask it about. */
static json_t *read_files(const json_t *envelope)
{
	const char *payload = json_string_value(json_object_get(envelope, "payload"));
	size_t size = payload ? strlen(payload) : 0;
	own_free uint8_t *data = size > 0 ? malloc(size / 4 * 3 + 3) : NULL;
	json_auto_t *object = NULL;

	if (data && sk_base64_parse(payload, size, data, &size) == 0)
		object = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	return json_incref(json_object_get(object, "files"));
}

static void on_list_taken(Uplink *up, int result, const char *detail)
{
	DefinitionsWork *work = &up->definitions;

	work->files = result == 0 ? read_files(work->envelope) : NULL;
	if (result < 0)
		sk_log(LOG_NOTICE, "the console's list of virus definitions was not taken: %s",
			*detail ? detail : strerror(-result));
	if (!json_is_array(work->files) || json_array_size(work->files) > FILES_MAX)
		finish(up);
	else
		next_file(up);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;
	DefinitionsWork *work = &up->definitions;
	own_free char *text = json_dumps(work->envelope, JSON_COMPACT);

	work->timer = sd_event_source_disable_unref(work->timer);
	if (text)
		core_ask(up, SK_UPLINK_ENVELOPE, text, strlen(text), on_list_taken);
	else
		try_again(up, strerror(ENOMEM), 0);
	return 0;
}

static void on_list(void *userdata, const HttpAnswer *answer)
{
	Uplink *up = userdata;
	DefinitionsWork *work = &up->definitions;
	json_auto_t *object = NULL;
	uint64_t random;
	json_int_t spread;

	work->call = NULL;
	if (answer->result < 0 || answer->status != 200) {
		try_again(up, answer->result < 0 ? answer->detail : "there is no list", answer->retry_after);
		return;
	}
	object = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL);
	work->envelope = json_incref(json_object_get(object, "envelope"));
	spread = json_integer_value(json_object_get(object, "spread"));
	if (!work->envelope || spread < 0 || spread > 86400) {
		try_again(up, "the list cannot be understood", 0);
		return;
	}
	/* All terminals heard of it at once. */
	sk_random_fill(&random, sizeof(random));
	sd_event_add_time_relative(up->event, &work->timer, CLOCK_MONOTONIC,
		random % ((uint64_t)spread * 1000000 + 1), 0, on_turn, up);
}

static void fetch_list(Uplink *up)
{
	const HttpRequest request = {.method = "GET",
		.path = "/api/v1/agent/definitions",
		.timeout_sec = LIST_SEC,
		.most = LIST_MAX,
		.done = on_list,
		.userdata = up};

	if (http_start(up->http, &request, &up->definitions.call) < 0)
		try_again(up, strerror(ENOMEM), 0);
}

void definitions_push(Uplink *up, uint64_t serial)
{
	DefinitionsWork *work = &up->definitions;

	work->wanted = serial;
	if (serial == 0 || serial == work->done || work->running || !link_is_up(up))
		return;
	work->running = true;
	work->serial = serial;
	fetch_list(up);
}
