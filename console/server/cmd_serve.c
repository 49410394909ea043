/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve: two listeners, a clock, and an orderly end. The main thread runs the event loop; requests run on the
 * threads of the listeners.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "console/db/migrate.h"
#include "console/server/certificate.h"
#include "console/server/command.h"
#include "console/server/duty_list.h"
#include "console/server/jail.h"
#include "console/server/keeper.h"
#include "console/server/listen.h"
#include "console/server/renewal.h"
#include "console/server/sending.h"
#include "console/server/server.h"
#include "console/server/wake.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/csv/csv.h"
#include "lib/log/log.h"

#define PEM_MAX (1024 * 1024)
#define CONTRACT_MAX (16 * 1024 * 1024)
#define TICK_US 100000

typedef struct Serving {
	SkServer server;
	SkDb *db; /* the main thread's own */
	char *authority;
	SkListener *people, *agents;
	SkProxies proxies;
	int people_fd, agents_fd;
	SkWake *wake;
	SkKeeper *keeper;
	SkDuties *duties;
	SkSending sending;
	sd_event *event;
	sd_event_source *clock;
	unsigned ticks;
	int64_t stop_until; /* 0: not stopping */
} Serving;

static int read_file(const char *path, size_t max, char **ret_text, size_t *ret_size)
{
	int r = sk_io_read_file_at(AT_FDCWD, path, max, ret_text, ret_size);

	if (r < 0)
		fprintf(stderr, _("sekisho-console: %s: %s\n"), path, strerror(-r));
	return r;
}

static int read_files(Serving *serving, const char *contract)
{
	const SkServerSettings *settings = serving->server.settings;
	size_t ignored;
	int r = read_file(settings->tls.client_authority, PEM_MAX, &serving->authority, &ignored);

	if (r == 0)
		r = read_file(
			contract, CONTRACT_MAX, &serving->server.contract, &serving->server.contract_size);
	return r;
}

/* From systemd by name, or made here. */
static int find_socket(const char *name, uint64_t port)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), fd = -1;

	for (int i = 0; i < n; i++) {
		if (fd < 0 && sk_str_eq(names[i], name) &&
			sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	if (fd < 0)
		fd = sk_listen_at((uint16_t)port);
	if (fd < 0)
		fprintf(stderr, _("sekisho-console: port %u: %s\n"), (unsigned)port, strerror(-fd));
	return fd;
}

static int make_server(Serving *serving)
{
	const SkServerSettings *settings = serving->server.settings;
	int r = sk_limit_new(settings->limits.requests_per_second * 60, settings->limits.requests_burst,
		&serving->server.requests);

	if (r == 0)
		r = sk_limit_new(settings->limits.sign_ins_per_minute, settings->limits.sign_ins_per_minute,
			&serving->server.sign_ins);
	if (r == 0)
		r = sk_poll_new(&serving->server.poll);
	return r;
}

/* What the database, the libraries and files need. */
#define DESCRIPTORS_OF_OURS 512

static void raise_limit(const SkServerSettings *settings)
{
	const rlim_t wanted =
		settings->listen.connections + settings->listen.agent_connections + DESCRIPTORS_OF_OURS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		sk_log(LOG_WARNING,
			"only %llu descriptors are allowed: fewer connections than the settings say",
			(unsigned long long)limit.rlim_cur);
}

/* Where descriptors are few, agents do not take those of people and of ours. */
static unsigned agent_connections(const SkServerSettings *settings)
{
	const rlim_t others = settings->listen.connections + DESCRIPTORS_OF_OURS;
	rlim_t wanted = settings->listen.agent_connections;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < others + wanted)
		wanted = limit.rlim_cur > others + 64 ? limit.rlim_cur - others : 64;
	return (unsigned)wanted;
}

static unsigned thread_count(const SkServerSettings *settings)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (settings->listen.threads > 0)
		return (unsigned)settings->listen.threads;
	return processors < 2 ? 2 : processors > 64 ? 64 : (unsigned)processors;
}

/*
 * To find the one of its waiting connections that goes on, a thread of libmicrohttpd looks at all of them:
 * many threads with few each find it sooner than few with many.
 */
static unsigned agents_thread_count(const SkServerSettings *settings, unsigned people)
{
	unsigned wanted = 4 * people;

	if (settings->listen.threads > 0)
		return (unsigned)settings->listen.threads;
	return wanted < 32 ? 32 : wanted > 64 ? 64 : wanted;
}

static int start_listeners(Serving *serving)
{
	const SkServerSettings *settings = serving->server.settings;
	SkListenOptions people = {.audience = SK_API_PEOPLE,
		.fd = serving->people_fd,
		.proxies = &serving->proxies,
		.threads = thread_count(settings),
		.connections = (unsigned)settings->listen.connections,
		.connections_per_address = (unsigned)settings->listen.connections_per_address};
	SkListenOptions agents = people;
	int r = sk_writer_new(serving->server.database, &serving->server.writer);

	if (r == 0)
		r = sk_wake_new(serving->server.database, serving->server.poll, &serving->wake);
	if (r == 0)
		r = sk_keeper_new(serving->server.database, &serving->server.home, &serving->keeper);
	if (r < 0)
		return r;
	r = sk_listener_new(&serving->server, &people, &serving->people);
	serving->people_fd = -1;
	if (r < 0)
		return r;
	agents.audience = SK_API_AGENT;
	agents.threads = agents_thread_count(settings, people.threads);
	agents.fd = serving->agents_fd;
	agents.authority = serving->authority;
	agents.connections = agent_connections(settings);
	agents.connections_per_address = (unsigned)settings->listen.agent_connections_per_address;
	r = sk_listener_new(&serving->server, &agents, &serving->agents);
	serving->agents_fd = -1;
	return r;
}

static int start_duties(Serving *serving)
{
	const SkHome *home = &serving->server.home;

	return sk_duties_new(&(SkDutyHost){.database = serving->server.database,
				     .instance = sk_vault_instance(home->vault),
				     .chain = home->chain,
				     .server = &serving->server},
		sk_duty_list, &serving->duties);
}

static int on_clock(sd_event_source *source, uint64_t due, void *userdata)
{
	Serving *serving = userdata;
	int64_t now = sk_monotonic_ms();

	sk_poll_tick(serving->server.poll, now);
	if (serving->ticks++ % 10 == 0) {
		sk_connections_tick(sk_listener_connections(serving->people), now);
		sk_connections_tick(sk_listener_connections(serving->agents), now);
		sk_renewal_tick(serving->server.settings, &serving->server.home, now);
	}
	if (sk_keeper_is_lost(serving->keeper))
		return sd_event_exit(serving->event, -ESTALE);
	if (serving->stop_until > 0 &&
		(atomic_load(&serving->server.running) == 0 || now >= serving->stop_until))
		return sd_event_exit(serving->event, 0);
	sd_event_source_set_time_relative(source, TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* No new connections; who waits is answered now; what runs may end. */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	Serving *serving = userdata;

	if (serving->stop_until > 0)
		return 0;
	sd_notify(0, "STOPPING=1");
	sk_log_event(&(SkLogEvent){.priority = LOG_INFO, .id = SK_MESSAGE_STOPPED},
		"stopping; %u requests are running", atomic_load(&serving->server.running));
	serving->stop_until =
		sk_monotonic_ms() + (int64_t)serving->server.settings->listen.stop_sec * 1000 + 1;
	sk_listener_quiesce(serving->people);
	sk_listener_quiesce(serving->agents);
	atomic_store(&serving->server.stopping, true);
	sk_poll_wake(serving->server.poll, NULL);
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	Serving *serving = userdata;

	sk_renewal_now(serving->server.settings, &serving->server.home);
	return 0;
}

static int loop(Serving *serving)
{
	int r = sd_event_new(&serving->event);

	if (r >= 0)
		r = sd_event_add_signal(serving->event, NULL, SIGTERM, on_stop, serving);
	if (r >= 0)
		r = sd_event_add_signal(serving->event, NULL, SIGINT, on_stop, serving);
	if (r >= 0)
		r = sd_event_add_signal(serving->event, NULL, SIGHUP, on_reload, serving);
	if (r >= 0)
		r = sd_event_add_time_relative(
			serving->event, &serving->clock, CLOCK_MONOTONIC, TICK_US, 10000, on_clock, serving);
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(serving->clock, true);
	if (r >= 0)
		r = sd_event_set_watchdog(serving->event, true);
	if (r < 0)
		return r;
	sk_log_event(&(SkLogEvent){.priority = LOG_INFO, .id = SK_MESSAGE_STARTED},
		"version " SK_VERSION " answers people at port %u and agents at port %u",
		(unsigned)serving->server.settings->listen.people_port,
		(unsigned)serving->server.settings->listen.agents_port);
	sd_notify(0, "READY=1");
	return sd_event_loop(serving->event);
}

static void deinit(Serving *serving)
{
	/* Whoever still waits is let go: a connection may not be suspended when its listener ends. */
	if (serving->server.poll)
		sk_poll_wake(serving->server.poll, NULL);
	sk_duties_free(serving->duties);
	if (serving->server.writer)
		sk_writer_end(serving->server.writer);
	sk_listener_free(serving->people);
	sk_listener_free(serving->agents);
	sk_writer_free(serving->server.writer);
	sd_event_source_disable_unref(serving->clock);
	sd_event_unref(serving->event);
	sk_wake_free(serving->wake);
	sk_keeper_free(serving->keeper);
	sk_poll_free(serving->server.poll);
	sk_limit_free(serving->server.requests);
	sk_limit_free(serving->server.sign_ins);
	sk_certificate_unload();
	free(serving->authority);
	free(serving->server.contract);
	sk_server_forget_origin(&serving->server);
	sk_provider_free(serving->server.provider);
	sk_sending_deinit(&serving->sending);
	sk_file_type_free(serving->server.types);
	sk_home_close(&serving->server.home, serving->db);
	sk_db_free(serving->db);
}

/* The schema must fit; the keys are opened before the jail is closed. */
static int open_home(Serving *serving)
{
	SkHome *home = &serving->server.home;
	int r = sk_db_open(serving->server.database, &serving->db);

	if (r == 0)
		r = sk_db_schema_check(serving->db, &sk_migrations);
	if (r == -ENOENT)
		fprintf(stderr, _("sekisho-console: the database is older than this version: sekisho-console "
				  "migrate\n"));
	else if (r < 0)
		fprintf(stderr, _("sekisho-console: database: %s: %s\n"), strerror(-r),
			sk_db_message(serving->db));
	if (r < 0)
		return r;
	r = sk_home_open(serving->server.settings, serving->db, home);
	if (r == 0) {
		r = sk_server_find_origin(&serving->server, serving->db);
		if (r < 0)
			sk_str_copy(home->what, sizeof(home->what), "[Web] Origin");
	}
	if (r == 0)
		r = sk_renewal_start(serving->server.settings, home);
	if (r < 0)
		fprintf(stderr, _("sekisho-console: %s: %s\n"), home->what, strerror(-r));
	if (r < 0 && sk_home_advice(r))
		fprintf(stderr, "sekisho-console: %s\n", _(sk_home_advice(r)));
	return r;
}

static int prepare(Serving *serving, const char *contract)
{
	const SkServerSettings *settings = serving->server.settings;
	int r = read_files(serving, contract);

	if (r == 0)
		r = sk_proxies_parse(settings->listen.trusted_proxies, &serving->proxies);
	if (r == -EINVAL)
		fprintf(stderr, _("sekisho-console: TrustedProxies: not a list of addresses and networks\n"));
	if (r < 0)
		return r;
	serving->people_fd = find_socket("people", settings->listen.people_port);
	if (serving->people_fd < 0)
		return serving->people_fd;
	serving->agents_fd = find_socket("agents", settings->listen.agents_port);
	if (serving->agents_fd < 0)
		return serving->agents_fd;
	raise_limit(settings);
	r = sk_sending_init(settings, &serving->sending);
	serving->server.sending = &serving->sending;
	if (r == 0)
		r = sk_file_type_new(&serving->server.types);
	if (r == 0) {
		r = sk_provider_new(settings, &serving->sending.outgoing, &serving->server.provider);
		if (r < 0)
			fprintf(stderr, _("sekisho-console: %s: %s\n"), "[Provider]", strerror(-r));
	}
	if (r == 0)
		r = open_home(serving);
	/* The converter is a library, which the jail would not let in later; without it only UTF-8 is read.
	 */
	if (r == 0 && sk_csv_init() < 0)
		sk_log(LOG_WARNING, "no converter for Shift_JIS: lists are read in UTF-8 only");
	if (r == 0)
		r = make_server(serving);
	if (r == 0)
		r = jail_enter(settings, serving->server.database,
			sk_home_owns_certificate(settings, &serving->server.home));
	return r;
}

int console_serve(int argc, char **argv)
{
	const char *contract = SK_CONSOLEDATADIR "/openapi.yaml";
	const ConsoleOption options[] = {{"contract", &contract, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	Serving serving = {.people_fd = -1, .agents_fd = -1};
	sigset_t signals;
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	sk_log_init("sekisho-console");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	serving.server.settings = setup.settings;
	serving.server.database = setup.database;
	r = prepare(&serving, contract);
	if (r == 0)
		r = start_listeners(&serving);
	if (r == 0)
		r = start_duties(&serving);
	if (r == 0)
		r = loop(&serving);
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	deinit(&serving);
	return r < 0 ? CONSOLE_ERROR : CONSOLE_OK;
}
