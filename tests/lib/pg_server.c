/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/pg_server.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"

#define NOBODY 65534
#define ARGUMENTS_MAX 64
#define PATIENCE 2400 /* looks, 50 ms apart: a machine may be busy */

static void die(const char *what)
{
	fprintf(stderr, "pg_server: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* SEKISHO_PEERS: where tools/unpack-packages put what packages/unpack.txt names. */
static bool find_program(const char *name, char *ret_path, size_t size)
{
	const char *peers = getenv("SEKISHO_PEERS");
	const char *roots[] = {peers ? peers : "/nonexistent", ""};
	bool found = false;

	for (size_t i = 0; i < SK_ARRAY_SIZE(roots) && !found; i++) {
		char pattern[512];
		glob_t paths;

		sk_str_format(pattern, sizeof(pattern), "%s/usr/lib/postgresql/*/bin/%s", roots[i], name);
		if (glob(pattern, 0, NULL, &paths) != 0)
			continue;
		found = paths.gl_pathc > 0 && sk_str_copy(ret_path, size, paths.gl_pathv[paths.gl_pathc - 1]);
		globfree(&paths);
	}
	return found;
}

bool pg_server_is_there(void)
{
	char path[512];

	return find_program("initdb", path, sizeof(path)) && find_program("postgres", path, sizeof(path));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

/* A tree that only root may walk into, such as a checkout in /root. */
static bool is_hidden_from_nobody(const char *path)
{
	bool hidden;

	if (seteuid(NOBODY) < 0)
		die("seteuid");
	hidden = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0;
	if (seteuid(0) < 0)
		die("seteuid");
	return hidden;
}

/* PostgreSQL refuses to run as root. */
static void drop_root(const char *program)
{
	if (geteuid() != 0)
		return;
	if (is_hidden_from_nobody(program)) {
		/* With the rights of root over files, but under another name. */
		if (unshare(CLONE_NEWUSER) < 0)
			die("unshare: move the tree to where everybody may read, or allow user namespaces");
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/gid_map", "65534 0 1");
		write_file("/proc/self/uid_map", "65534 0 1");
	} else if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		   setresuid(NOBODY, NOBODY, NOBODY) < 0) {
		die("setresuid");
	}
}

static pid_t spawn(const PgServer *server, const char *const *arguments)
{
	char log[128];
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	drop_root(arguments[0]);
	prctl(PR_SET_PDEATHSIG, SIGQUIT); /* a change of identity has cleared it */
	sk_str_format(log, sizeof(log), "%s/log", server->directory);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || chdir(server->directory) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	execv(arguments[0], (char *const *)arguments);
	_exit(127);
}

static void show_log(const PgServer *server)
{
	char command[128];

	sk_str_format(command, sizeof(command), "tail -n 20 %s/log >&2", server->directory);
	if (system(command) != 0)
		fprintf(stderr, "pg_server: no log\n");
}

static void make_cluster(PgServer *server)
{
	char initdb[512], data[128];
	const char *arguments[] = {initdb, "-D", data, "-U", "sekisho", "-A", "trust", "-E", "UTF8",
		"--no-locale", "--no-sync", "--no-instructions", NULL};
	int status = -1;

	sk_str_format(data, sizeof(data), "%s/data", server->directory);
	if (!find_program("initdb", initdb, sizeof(initdb)))
		die("no initdb: install postgresql, or run tools/unpack-packages");
	if (waitpid(spawn(server, arguments), &status, 0) < 0 || status != 0) {
		show_log(server);
		die("initdb failed");
	}
}

static bool answers(const PgServer *server)
{
	return PQping(server->url) == PQPING_OK;
}

static void run_server(PgServer *server, const char *const *options)
{
	char program[512], data[128];
	const char *arguments[ARGUMENTS_MAX] = {program, "-D", data, "-k", server->directory, "-c",
		"listen_addresses=", "-c", "jit=off", "-c", "fsync=off", "-c", "max_connections=200", "-c",
		"shared_buffers=32MB"};
	size_t n = 15;

	if (!find_program("postgres", program, sizeof(program)))
		die("no postgres");
	sk_str_format(data, sizeof(data), "%s/data", server->directory);
	for (size_t i = 0; options && options[i] && n + 3 < ARGUMENTS_MAX; i++) {
		arguments[n++] = "-c";
		arguments[n++] = options[i];
	}
	server->pid = spawn(server, arguments);
	for (int i = 0; i < PATIENCE; i++) {
		if (answers(server))
			return;
		if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
			break;
		usleep(50000);
	}
	show_log(server);
	die("the server does not come up");
}

/* A directory that the server's user may write. */
static void make_directory(PgServer *server)
{
	char initdb[512];

	*server = (PgServer){.directory = "/tmp/sekisho-pg-XXXXXX"};
	if (!mkdtemp(server->directory))
		die("mkdtemp");
	if (geteuid() == 0 && find_program("initdb", initdb, sizeof(initdb)) &&
		!is_hidden_from_nobody(initdb) && chown(server->directory, NOBODY, NOBODY) < 0)
		die("chown");
	/* The socket is for everybody: a console in its jail has no rights of root. */
	if (chmod(server->directory, 0711) < 0)
		die("chmod");
	sk_str_format(server->url, sizeof(server->url), "postgresql://sekisho@/postgres?host=%s",
		server->directory);
}

void pg_server_start(PgServer *server, const char *const *options)
{
	make_directory(server);
	make_cluster(server);
	run_server(server, options);
}

void pg_server_follow(PgServer *standby, const PgServer *primary, const char *const *options)
{
	char program[512], data[128];
	const char *arguments[] = {program, "-h", primary->directory, "-U", "sekisho", "-D", data, "-R", "-X",
		"stream", "-c", "fast", "--no-sync", NULL};
	int status = -1;

	make_directory(standby);
	sk_str_format(data, sizeof(data), "%s/data", standby->directory);
	if (!find_program("pg_basebackup", program, sizeof(program)))
		die("no pg_basebackup");
	if (waitpid(spawn(standby, arguments), &status, 0) < 0 || status != 0) {
		show_log(standby);
		die("pg_basebackup failed");
	}
	run_server(standby, options);
}

void pg_server_await_follower(const PgServer *primary)
{
	PGconn *connection = PQconnectdb(primary->url);
	bool there = false;

	for (int i = 0; i < PATIENCE && !there; i++) {
		PGresult *result = PQexec(connection,
			"SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = "
			"'sync'");

		there = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
		PQclear(result);
		if (!there)
			usleep(50000);
	}
	PQfinish(connection);
	if (!there) {
		show_log(primary);
		die("nobody follows");
	}
}

void pg_server_promote(const PgServer *standby)
{
	PGconn *connection = PQconnectdb(standby->url);
	/* What follows it, if anything, is chosen anew. */
	PGresult *result = PQexec(connection, "SELECT pg_promote(true, 30)");

	if (PQresultStatus(result) != PGRES_TUPLES_OK || strcmp(PQgetvalue(result, 0, 0), "t") != 0)
		die("pg_promote");
	PQclear(result);
	PQfinish(connection);
}

void pg_server_stop(PgServer *server, int signal)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, signal);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void pg_server_restart(PgServer *server, const char *const *options)
{
	pg_server_stop(server, SIGINT);
	run_server(server, options);
}

void pg_server_free(PgServer *server)
{
	char command[128];

	pg_server_stop(server, SIGINT);
	sk_str_format(command, sizeof(command), "rm -rf %s", server->directory);
	if (system(command) != 0)
		die("rm");
}
