/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fleet/console.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "console/db/db.h"
#include "console/store/id.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define START_TRIES 6000 /* two minutes: a machine may be busy */

static void die(const char *what)
{
	fprintf(stderr, "the console of the fleet: %s\n", what);
	exit(1);
}

static void check(const SkDb *db, int r)
{
	if (r < 0) {
		fprintf(stderr, "database: %s: %s\n", strerror(-r), sk_db_message(db));
		exit(1);
	}
}

/* Ends with this program, however that ends. */
static pid_t spawn(const FleetConsole *console, char *const *arguments)
{
	char log[256];
	pid_t pid;
	int fd;

	sk_str_format(log, sizeof(log), "%s/log", console->directory);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid = fd < 0 ? -1 : fork();
	if (pid < 0)
		die(log);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execv(console->program, arguments);
		_exit(127);
	}
	close(fd);
	return pid;
}

/* One command of the console, to its end. */
static int run(const FleetConsole *console, const char *command)
{
	char *const arguments[] = {(char *)console->program, (char *)command, "--config",
		(char *)console->directory, "--database", (char *)console->database, NULL};
	int status = 0;

	waitpid(spawn(console, arguments), &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * A port that stays ours: bound, and never listened at, until this program ends. Otherwise any connection on
 * this machine that looks for a port of its own may get it, before the console starts or while it is down.
 */
static uint16_t hold_port(void)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	struct sockaddr_in old = {.sin_family = AF_INET};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
	const bool six = fd >= 0;
	struct sockaddr *at = six ? (struct sockaddr *)&address : (struct sockaddr *)&old;
	socklen_t size = six ? sizeof(address) : sizeof(old);

	if (!six)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
		bind(fd, at, size) < 0 || getsockname(fd, at, &size) < 0 ||
		/* Afterwards, so that the port is nobody else's now; it lets the console in. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("no port");
	return ntohs(six ? address.sin6_port : old.sin_port);
}

static void write_settings(const FleetConsole *console)
{
	char path[256];
	FILE *file;

	sk_str_format(path, sizeof(path), "%s/console.conf", console->directory);
	file = fopen(path, "we");
	if (!file)
		die(path);
	fprintf(file,
		"[Database]\nFile=%1$s/console.sqlite\nAddressFile=%1$s/no-address\n"
		"[Listen]\nPeoplePort=%2$u\nAgentsPort=%3$u\nConnectionsPerAddress=0\nConnections=100\n"
		"[TLS]\nCertificate=%1$s/tls/server.crt\nKey=%1$s/tls/server.key\nClientAuthority=%1$s/"
		"ca.crt\n"
		"[Session]\nSecretFile=%1$s/secret\n"
		"[Keys]\nDirectory=%1$s/keys\nEpochDirectory=%1$s/epoch\nTokenFile=%1$s/no-token\n"
		"[Limits]\nRequestsPerSecond=100000\nRequestsBurst=1000000\n",
		console->directory, console->people_port, console->agents_port);
	fclose(file);
}

/* Beside the program that runs: build/FOLDER/tests/NAME/program. */
static void find_programs(FleetConsole *console)
{
	char self[200] = "", *top;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		die("/proc/self/exe");
	top = dirname(dirname(dirname(self)));
	sk_str_format(console->program, sizeof(console->program), "%s/console/server/sekisho-console", top);
	sk_str_format(console->contract, sizeof(console->contract), "%s/console/api/openapi.yaml", top);
}

static void make_session(FleetConsole *console)
{
	uint8_t token[32], csrf[18], hash[SK_SHA256_SIZE];
	char id[SK_ID_SIZE], person[SK_ID_SIZE];
	own_db SkDb *db = NULL;
	own_rows SkDbRows *rows = NULL;
	int64_t now = (int64_t)time(NULL) * 1000, end = now + INT64_C(86400000);

	check(db, sk_db_open(console->database, &db));
	check(db, sk_db_query(db, "SELECT p.id, f.id FROM people p, facilities f", SK_DB_NO_ARGS, &rows));
	if (sk_db_next(rows) != 1)
		die("it has no people");
	sk_str_copy(person, sizeof(person), sk_db_get_text(rows, 0));
	sk_str_copy(console->facility, sizeof(console->facility), sk_db_get_text(rows, 1));
	sk_random_fill(token, sizeof(token));
	sk_random_fill(csrf, sizeof(csrf));
	sk_hex_format(console->cookie, token, sizeof(token));
	sk_hex_format(console->csrf, csrf, sizeof(csrf));
	sk_sha256(hash, token, sizeof(token));
	sk_id_new(id);
	sk_db_rows_free(own_take(rows));
	check(db,
		sk_db_exec(db,
			"INSERT INTO sessions (id, token_hash, csrf, person_id, state, method, created, "
			"last_used, idle_until, valid_until, fresh_until, address) VALUES ($1, $2, $3, $4, "
			"'signed-in', 'password', $5, $5, $6, $6, $6, '127.0.0.1')",
			SK_DB_ARGS(sk_db_text(id), sk_db_bytes(hash, sizeof(hash)), sk_db_text(console->csrf),
				sk_db_text(person), sk_db_int(now), sk_db_int(end)),
			NULL));
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
	return remove(path);
}

/* Of the last run, with its agents: another schema, or a database that is gone. */
static bool make_anew(const FleetConsole *console)
{
	nftw(console->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)mkdir(console->directory, 0700);
	write_settings(console);
	return run(console, "init") == 0;
}

void fleet_console_init(FleetConsole *console, const char *directory, const char *database)
{
	*console = (FleetConsole){.people_port = hold_port(), .agents_port = hold_port()};
	(void)mkdir(directory, 0700);
	if (!sk_str_copy(console->directory, sizeof(console->directory), directory))
		die(directory);
	if (database)
		sk_str_copy(console->database, sizeof(console->database), database);
	else
		sk_str_format(
			console->database, sizeof(console->database), "sqlite:%s/console.sqlite", directory);
	sk_str_format(console->authority, sizeof(console->authority), "%s/ca.crt", directory);
	find_programs(console);
	write_settings(console);
	if ((database || access(console->authority, F_OK) < 0 || run(console, "migrate") != 0) &&
		!make_anew(console))
		die("init failed; its log says why");
	make_session(console);
}

static bool answers(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return is;
}

void fleet_console_start(FleetConsole *console)
{
	char *const arguments[] = {console->program, "serve", "--config", console->directory, "--contract",
		console->contract, "--database", console->database, NULL};

	console->pid = spawn(console, arguments);
	for (int i = 0; !answers(console->agents_port); i++) {
		if (waitpid(console->pid, NULL, WNOHANG) != 0)
			die("it ended; its log says why");
		if (i == START_TRIES)
			die("it does not answer");
		usleep(20000);
	}
}

bool fleet_console_is_dead(const FleetConsole *console)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)console->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

void fleet_console_stop(FleetConsole *console, int signal)
{
	if (console->pid <= 0)
		return;
	kill(console->pid, signal);
	waitpid(console->pid, NULL, 0);
	console->pid = 0;
}

void fleet_console_officer(const FleetConsole *console, FleetOfficer *ret_officer)
{
	*ret_officer = (FleetOfficer){.host = "127.0.0.1",
		.port = console->people_port,
		.cookie = console->cookie,
		.csrf = console->csrf,
		.facility = console->facility};
}

static FleetAgent *find_agent(Fleet *fleet, const char *terminal, unsigned *hint)
{
	for (unsigned i = 0; i < fleet->count; i++) {
		FleetAgent *agent = &fleet->agents[(*hint + i) % fleet->count];

		if (sk_str_eq(agent->terminal, terminal)) {
			*hint = (*hint + i + 1) % fleet->count;
			return agent;
		}
	}
	return NULL;
}

void fleet_console_resume(const FleetConsole *console, Fleet *fleet)
{
	own_db SkDb *db = NULL;
	own_rows SkDbRows *rows = NULL;
	unsigned hint = 0;
	int r;

	check(db, sk_db_open(console->database, &db));
	check(db, sk_db_query(db, "SELECT terminal_id, seq, hash FROM chain_heads ORDER BY terminal_id",
			  SK_DB_NO_ARGS, &rows));
	while ((r = sk_db_next(rows)) == 1) {
		FleetAgent *agent = find_agent(fleet, sk_db_get_text(rows, 0), &hint);
		size_t size;
		const void *hash = sk_db_get_bytes(rows, 2, &size);

		if (!agent || size != SK_SHA256_SIZE)
			continue;
		agent->seq = agent->acked = (uint64_t)sk_db_get_int(rows, 1);
		sk_hex_format(agent->hash, hash, size);
		sk_str_copy(agent->acked_hash, sizeof(agent->acked_hash), agent->hash);
	}
	check(db, r);
}

/* One call of the officer. */
typedef struct Said {
	bool done;
	char id[64]; /* of a key it is longer than of other things */
} Said;

static void on_said(void *userdata, const FleetAnswer *answer)
{
	json_auto_t *object = json_loadb(answer->body, answer->size, 0, NULL);
	const char *id = json_string_value(json_object_get(object, "id"));
	Said *said = userdata;

	if (answer->result < 0 || answer->status != 201 || !id ||
		!sk_str_copy(said->id, sizeof(said->id), id)) {
		fprintf(stderr, "%u %s\n", answer->status, answer->body);
		die("a call of the officer was refused");
	}
	said->done = true;
}

static void say(const FleetConsole *console, FleetLoop *loop, const char *path, const char *body, Said *said)
{
	const FleetPeer peer = {.host = "127.0.0.1", .port = console->people_port};
	FleetConn *conn = fleet_conn_new(loop, &peer);
	char headers[512];

	sk_str_format(headers, sizeof(headers), "Cookie: __Host-sekisho=%s\r\nSekisho-CSRF: %s\r\n",
		console->cookie, console->csrf);
	*said = (Said){.done = false};
	fleet_conn_call(conn, &(FleetCall){.method = "POST",
				      .path = path,
				      .headers = headers,
				      .body = body,
				      .size = strlen(body),
				      .done = on_said,
				      .userdata = said});
	while (!said->done)
		fleet_loop_run(loop, fleet_now_us() + 10000, &said->done);
	fleet_conn_free(conn);
}

void fleet_console_medium(const FleetConsole *console, Fleet *fleet, char ret_medium[FLEET_ID_SIZE])
{
	char body[512], number[16];
	Said said;

	sk_str_format(number, sizeof(number), "B-%08llX", (unsigned long long)fleet_random(INT64_C(1) << 32));
	sk_str_format(body, sizeof(body),
		"{\"facility\":\"%s\",\"number\":\"%s\",\"label\":\"x\",\"kind\":\"ssd\"}", console->facility,
		number);
	say(console, &fleet->loop, "/api/v1/media", body, &said);
	sk_str_copy(ret_medium, FLEET_ID_SIZE, said.id);
}

/* The recovery key, of which there is one for all, is the example of the contract. */
static bool has_recovery_key(const FleetConsole *console)
{
	own_db SkDb *db = NULL;
	int64_t count = 0;

	check(db, sk_db_open(console->database, &db));
	check(db, sk_db_query_int(db, "SELECT count(*) FROM public_keys WHERE purpose = 'recovery'",
			  SK_DB_NO_ARGS, &count));
	return count > 0;
}

void fleet_console_give_key(const FleetConsole *console, Fleet *fleet, const char *medium)
{
	char path[128], body[128];
	Said said;

	if (!has_recovery_key(console))
		say(console, &fleet->loop, "/api/v1/recovery-keys",
			"{\"publicKey\":\"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\"}", &said);
	sk_str_format(path, sizeof(path), "/api/v1/media/%s/preparation", medium);
	sk_str_format(body, sizeof(body), "{\"terminal\":\"%s\"}", fleet->agents[0].terminal);
	say(console, &fleet->loop, path, body, &said);
}

void fleet_console_lose(const FleetConsole *console, Fleet *fleet, const char *medium)
{
	char body[512];
	Said said;

	sk_str_format(body, sizeof(body),
		"{\"facility\":\"%s\",\"kind\":\"loss\",\"title\":\"x\",\"known\":\"2026-11-22T03:00:00Z\","
		"\"media\":[\"%s\"]}",
		console->facility, medium);
	fleet->wake_us = fleet_now_us();
	say(console, &fleet->loop, "/api/v1/incidents", body, &said);
}

void fleet_console_lose_medium(const FleetConsole *console, Fleet *fleet)
{
	char medium[FLEET_ID_SIZE];

	fleet_console_medium(console, fleet, medium);
	fleet_console_lose(console, fleet, medium);
}

static double number_of(const char *text, const char *name)
{
	const char *found = strstr(text, name);

	return found ? strtod(found + strlen(name), NULL) : 0;
}

static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	sk_str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		die("it is gone");
	text[n] = 0;
	close(fd);
}

static unsigned count_descriptors(pid_t pid)
{
	unsigned count = 0;
	char path[64];
	DIR *dir;

	sk_str_format(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

void fleet_console_usage(const FleetConsole *console, FleetUsage *ret_usage)
{
	char text[4096], *after;
	unsigned long user = 0, system = 0;

	if (fleet_console_is_dead(console))
		die("it ended; its log says why");
	read_proc(console->pid, "status", text, sizeof(text));
	*ret_usage = (FleetUsage){.resident_mb = number_of(text, "VmRSS:") / 1024,
		.peak_mb = number_of(text, "VmHWM:") / 1024,
		.threads = (unsigned)number_of(text, "Threads:"),
		.descriptors = count_descriptors(console->pid)};
	read_proc(console->pid, "stat", text, sizeof(text));
	after = strrchr(text, ')');
	if (after)
		sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	ret_usage->cpu_sec = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}
