/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "config.h"
#include "lib/base/io.h"
#include "lib/base/http_date.h"
#include "lib/base/str.h"
#include "lib/enrol/level.h"

#define CONNECT_SEC 20L
/* A dead console is noticed after about two minutes, a short cut of the network is lived through. */
#define KEEPALIVE_IDLE_SEC 30L
#define KEEPALIVE_EVERY_SEC 15L
#define BUFFER_LEAST 1024L
#define BUFFER_MOST 16384L

typedef struct Socket {
	struct Socket *prev, *next;
	curl_socket_t fd;
	sd_event_source *source;
} Socket;

struct HttpCall {
	struct HttpCall *prev, *next;
	Http *http;
	CURL *easy;
	struct curl_slist *headers;
	HttpDone done;
	void *userdata;
	char *body;
	size_t size, room, most;
	bool too_large;
	int fd;
	uint64_t from;
	unsigned retry_after;
	int64_t date;
	char error[CURL_ERROR_SIZE];
};

struct Http {
	sd_event *event;
	HttpTarget target;
	CURLM *multi;
	sd_event_source *timer;
	sd_event_source *finished; /* what is done is told from the loop, not from within libcurl */
	Socket *sockets;
	HttpCall *calls;
};

int http_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Http *http = userdata;
	int running, action = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			      (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			      (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	curl_multi_socket_action(http->multi, fd, action, &running);
	sd_event_source_set_enabled(http->finished, SD_EVENT_ONESHOT);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	Http *http = userdata;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	sd_event_source_set_enabled(http->finished, SD_EVENT_ONESHOT);
	return 0;
}

static void forget_socket(Http *http, Socket *item)
{
	sd_event_source_disable_unref(item->source);
	DL_DELETE(http->sockets, item);
	free(item);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *known)
{
	uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0u);
	Http *http = userdata;
	Socket *item = known;

	if (what == CURL_POLL_REMOVE) {
		if (item)
			forget_socket(http, item);
		return 0;
	}
	if (item)
		return sd_event_source_set_io_events(item->source, events) < 0 ? -1 : 0;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -1;
	if (sd_event_add_io(http->event, &item->source, fd, events, on_io, http) < 0) {
		free(item);
		return -1;
	}
	item->fd = fd;
	DL_APPEND(http->sockets, item);
	curl_multi_assign(http->multi, fd, item);
	return 0;
}

static int watch_timer(CURLM *multi, long milliseconds, void *userdata)
{
	Http *http = userdata;

	if (milliseconds < 0)
		return sd_event_source_set_enabled(http->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(http->timer, (uint64_t)milliseconds * 1000) < 0)
		return -1;
	return sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

static void call_free(HttpCall *call)
{
	if (call->http)
		curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->body);
	free(call);
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return -EHOSTUNREACH;
	default:
		return -ECONNRESET;
	}
}

static void finish_call(HttpCall *call, CURLcode code)
{
	HttpAnswer answer = {.result = call->too_large ? -EFBIG : errno_of(code),
		.body = call->body ? call->body : "",
		.size = call->size,
		.retry_after = call->retry_after,
		.date = call->date,
		.detail = ""};
	curl_off_t duration = 0;
	long status = 0;

	if (answer.result == 0) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME_T, &duration);
	} else {
		answer.body = "";
		answer.size = 0;
		answer.detail = *call->error ? call->error : curl_easy_strerror(code);
	}
	answer.status = (unsigned)status;
	answer.duration_usec = (uint64_t)duration;
	/* Out of everything: what is done may be the end of the Http itself. */
	DL_DELETE(call->http->calls, call);
	curl_multi_remove_handle(call->http->multi, call->easy);
	call->http = NULL;
	call->done(call->userdata, &answer);
	call_free(call);
}

/* One a turn: the done function may end everything. */
static int on_finished(sd_event_source *source, void *userdata)
{
	Http *http = userdata;
	CURLMsg *message;
	HttpCall *call;
	int left = 0;

	do {
		message = curl_multi_info_read(http->multi, &left);
	} while (message && message->msg != CURLMSG_DONE);
	if (!message)
		return 0;
	if (left > 0)
		sd_event_source_set_enabled(http->finished, SD_EVENT_ONESHOT);
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
	finish_call(call, message->data.result);
	return 0;
}

static int prepare_sources(Http *http)
{
	int r = sd_event_add_time_relative(
		http->event, &http->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, http);

	if (r >= 0)
		r = sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(http->event, &http->finished, on_finished, http);
	if (r >= 0)
		r = sd_event_source_set_enabled(http->finished, SD_EVENT_OFF);
	return r;
}

int http_new(sd_event *event, const HttpTarget *target, Http **ret_http)
{
	Http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return -ENOMEM;
	http->event = event;
	http->target = *target;
	r = prepare_sources(http);
	http->multi = curl_multi_init();
	if (r < 0 || !http->multi) {
		http_free(http);
		return r < 0 ? r : -ENOMEM;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 4L);
	*ret_http = http;
	return 0;
}

void http_free(Http *http)
{
	Socket *item, *next;

	if (!http)
		return;
	while (http->calls)
		http_cancel(http->calls);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	DL_FOREACH_SAFE(http->sockets, item, next)
	{
		forget_socket(http, item);
	}
	sd_event_source_disable_unref(http->timer);
	sd_event_source_disable_unref(http->finished);
	free(http);
}

/* Return: bytes taken; another number than size ends the call. */
static size_t write_body(HttpCall *call, const char *data, size_t size, long status)
{
	/* A server that sends it all again does not know what we have. */
	if (status == 200 && call->from > 0) {
		if (ftruncate(call->fd, 0) < 0 || lseek(call->fd, 0, SEEK_SET) < 0)
			return 0;
		call->from = 0;
	}
	if (size > call->most - call->size || call->size + call->from + size > call->most) {
		call->too_large = true;
		return 0;
	}
	if (sk_io_write_all(call->fd, data, size) < 0)
		return 0;
	call->size += size;
	return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *userdata)
{
	HttpCall *call = userdata;
	long status = 0;

	if (call->fd > 0)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 || status == 206)
		return write_body(call, data, size, status);
	if (size > call->most - call->size) {
		call->too_large = true;
		return 0;
	}
	if (call->size + size + 1 > call->room) {
		size_t room = 2 * (call->size + size) + 4096;
		char *grown = realloc(call->body, room);

		if (!grown)
			return 0;
		call->body = grown;
		call->room = room;
	}
	memcpy(call->body + call->size, data, size);
	call->size += size;
	call->body[call->size] = 0;
	return size;
}

static bool header_value(const char *line, size_t size, const char *name, char *dst, size_t dst_size)
{
	size_t length = strlen(name);

	if (size <= length || strncasecmp(line, name, length) != 0)
		return false;
	line += length;
	size -= length;
	while (size > 0 && (*line == ' ' || *line == '\t'))
		line++, size--;
	while (size > 0 && (unsigned char)line[size - 1] <= ' ')
		size--;
	return sk_str_format(dst, dst_size, "%.*s", (int)size, line);
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
	HttpCall *call = userdata;
	uint64_t seconds;
	char value[64];

	if (header_value(line, size, "Date:", value, sizeof(value)))
		call->date = (int64_t)curl_getdate(value, NULL);
	if (call->date < 0)
		call->date = 0;
	if (header_value(line, size, "Retry-After:", value, sizeof(value)) &&
		sk_num_parse(value, 10, 86400, &seconds) == 0)
		call->retry_after = (unsigned)seconds;
	return size;
}

/* The key may be in a TPM: it is given as an object, never as bytes. */
static CURLcode set_identity(CURL *easy, void *context, void *userdata)
{
	const Http *http = userdata;

	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	if (!http->target.key || !http->target.certificate)
		return CURLE_OK;
	if (SSL_CTX_use_certificate(context, http->target.certificate) != 1 ||
		SSL_CTX_use_PrivateKey(context, http->target.key) != 1)
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

static bool add_header(HttpCall *call, const char *name, const char *value)
{
	char line[256];
	struct curl_slist *grown;

	if (!sk_str_format(line, sizeof(line), "%s: %s", name, value))
		return false;
	grown = curl_slist_append(call->headers, line);
	if (!grown)
		return false;
	call->headers = grown;
	return true;
}

/* The console compares it with its own clock. */
static bool add_date(HttpCall *call)
{
	char date[SK_HTTP_DATE_SIZE];

	sk_http_date_format(date, (int64_t)time(NULL));
	return add_header(call, "Date", date);
}

static bool set_headers(HttpCall *call, const HttpRequest *request)
{
	bool ok = add_date(call) && add_header(call, SK_LEVEL_HEADER, SK_LEVEL_TEXT) &&
		  add_header(call, "Accept", "application/json");

	if (ok && request->body)
		ok = add_header(call, "Content-Type", request->type ? request->type : "application/json");
	if (ok && request->key)
		ok = add_header(call, "Idempotency-Key", request->key);
	/* No waiting for "100 Continue": a round trip for nothing. */
	return ok && add_header(call, "Expect", "") &&
	       curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

static void set_tls(CURL *easy, Http *http)
{
	const HttpTarget *target = &http->target;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_identity);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, http);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	if (target->ca) {
		struct curl_blob blob = {.data = (void *)target->ca, .len = strlen(target->ca)};

		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
	} else {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* libcurl looks at the limit after up to a hundred buffers: that is to be about a second's worth. */
static long buffer_for(uint64_t bandwidth)
{
	uint64_t size = bandwidth / 64;

	return size < BUFFER_LEAST ? BUFFER_LEAST : size > BUFFER_MOST ? BUFFER_MOST : (long)size;
}

static void set_transfer(HttpCall *call, const HttpRequest *request)
{
	const HttpTarget *target = &call->http->target;
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sekisho-uplink/" SK_VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)request->timeout_sec);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_SEC);
	/* The environment does not decide where records go: an empty proxy is none. */
	curl_easy_setopt(easy, CURLOPT_PROXY, target->proxy ? target->proxy : "");
	curl_easy_setopt(easy, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)target->bandwidth);
	curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)target->bandwidth);
	if (target->bandwidth > 0)
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_for(target->bandwidth));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

static bool set_request(HttpCall *call, const HttpRequest *request)
{
	char url[1024], range[32];

	if (!sk_str_format(url, sizeof(url), "https://%s:%u%s", call->http->target.host,
		    call->http->target.port, request->path) ||
		curl_easy_setopt(call->easy, CURLOPT_URL, url) != CURLE_OK)
		return false;
	if (request->body) {
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size);
		if (curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, request->body) != CURLE_OK)
			return false;
	}
	if (curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, request->method) != CURLE_OK)
		return false;
	if (request->from > 0) {
		sk_str_format(range, sizeof(range), "%llu-", (unsigned long long)request->from);
		if (curl_easy_setopt(call->easy, CURLOPT_RANGE, range) != CURLE_OK)
			return false;
	}
	return set_headers(call, request);
}

int http_start(Http *http, const HttpRequest *request, HttpCall **ret_call)
{
	HttpCall *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->http = http;
	call->done = request->done;
	call->userdata = request->userdata;
	call->most = request->most;
	call->fd = request->fd;
	call->from = request->from;
	call->easy = curl_easy_init();
	if (!call->easy || !set_request(call, request)) {
		call_free(call);
		return -ENOMEM;
	}
	set_tls(call->easy, http);
	set_transfer(call, request);
	if (curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return -ENOMEM;
	}
	DL_APPEND(http->calls, call);
	if (ret_call)
		*ret_call = call;
	return 0;
}

void http_cancel(HttpCall *call)
{
	if (!call)
		return;
	DL_DELETE(call->http->calls, call);
	call_free(call);
}
