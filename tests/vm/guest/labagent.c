/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * labagent: runs the commands of the lab in the guest, over virtio-serial ports.
 * It lives in the test guest only and trusts its peer (the host that started the machine).
 *
 * usage: labagent PORT...          one process for each port, one command at a time on each
 *
 * request  "RUN <id> <command bytes> <stdin bytes>\n" command stdin
 *          "CLOCK <id> <seconds> <nanoseconds>\n"       sets the clock; also serves as a ping
 *          "GLOB <id> <pattern bytes> 0\n" pattern      reads small files without starting a process
 * reply    frames: type (1 byte), id (4), length (4, big endian), data
 *          O stdout, E stderr, X the exit status as 4 bytes (128 + signal when killed),
 *          F one match: path, NUL, content (of a symbolic link its target, of a folder nothing)
 *
 * A byte that arrives while a command runs means that the host gave up on it: the command's
 * process group is killed and the new request is read. Stale frames carry the old id.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Job {
	uint32_t id;
	char *command;
	char *input;
	size_t input_len, input_done;
	int in, out, err, pidfd; /* our ends; -1 once closed */
	pid_t pid;
} Job;

static int port;

static void port_write(const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(port, at, len);

		if (n < 0) { /* nobody listens: the host is between two connections */
			usleep(2000);
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

static void port_read(char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = read(port, data, len);

		if (n <= 0) {
			usleep(5000);
			continue;
		}
		data += n;
		len -= (size_t)n;
	}
}

static void frame_send(char type, uint32_t id, const void *data, uint32_t len)
{
	char head[9] = {type};
	uint32_t be_id = htonl(id), be_len = htonl(len);

	memcpy(head + 1, &be_id, 4);
	memcpy(head + 5, &be_len, 4);
	port_write(head, sizeof(head));
	if (len > 0)
		port_write(data, len);
}

static void exit_send(uint32_t id, int status)
{
	uint32_t be = htonl((uint32_t)status);

	frame_send('X', id, &be, sizeof(be));
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child_exec(const Job *job, int in, int out, int err)
{
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	signal(SIGPIPE, SIG_DFL);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	if (chdir("/root") < 0)
		_exit(126);
	execl("/bin/sh", "sh", "-c", job->command, (char *)NULL);
	_exit(127);
}

static int job_start(Job *job)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -1;
	job->pid = fork();
	if (job->pid < 0)
		return -1;
	if (job->pid == 0)
		child_exec(job, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	fcntl(job->in, F_SETFL, O_NONBLOCK);
	if (job->input_len == 0)
		fd_close(&job->in);
	return 0;
}

static void job_feed(Job *job)
{
	ssize_t n = write(job->in, job->input + job->input_done, job->input_len - job->input_done);

	if (n > 0)
		job->input_done += (size_t)n;
	if ((n < 0 && errno != EAGAIN) || job->input_done >= job->input_len)
		fd_close(&job->in);
}

static void job_drain(Job *job, char type, int *fd)
{
	static char buf[65536];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0)
		frame_send(type, job->id, buf, (uint32_t)n);
	else
		fd_close(fd);
}

/* Runs until the process has ended and what it wrote has been sent. A daemon that it left
 * behind may keep the pipes open: nobody waits for that. */
static void job_pump(Job *job)
{
	int ended = 0;

	for (;;) {
		struct pollfd p[] = {
			{job->out, POLLIN, 0},
			{job->err, POLLIN, 0},
			{job->in, POLLOUT, 0},
			{ended ? -1 : job->pidfd, POLLIN, 0},
			{port, POLLIN, 0},
		};
		int n = poll(p, 5, ended ? 0 : -1);

		if (n < 0)
			continue;
		if (p[4].revents & POLLIN) { /* given up by the host */
			kill(-job->pid, SIGKILL);
			return;
		}
		if (p[2].revents)
			job_feed(job);
		if (p[0].revents)
			job_drain(job, 'O', &job->out);
		if (p[1].revents)
			job_drain(job, 'E', &job->err);
		if (ended && !p[0].revents && !p[1].revents)
			return;
		if (p[3].revents)
			ended = 1;
		if (p[4].revents & POLLHUP) /* host away: poll() would spin */
			usleep(5000);
	}
}

static void job_run(Job *job)
{
	int status = 0;

	if (job_start(job) < 0) {
		exit_send(job->id, 126);
		return;
	}
	job_pump(job);
	fd_close(&job->in);
	fd_close(&job->out);
	fd_close(&job->err);
	fd_close(&job->pidfd);
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	exit_send(job->id, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void run_request(uint32_t id, size_t command_len, size_t input_len)
{
	Job job = {.id = id, .input_len = input_len, .in = -1, .out = -1, .err = -1, .pidfd = -1};

	job.command = malloc(command_len + 1);
	job.input = malloc(input_len + 1);
	if (!job.command || !job.input)
		abort();
	port_read(job.command, command_len);
	job.command[command_len] = 0;
	port_read(job.input, input_len);
	job_run(&job);
	free(job.command);
	free(job.input);
}

static void match_send(uint32_t id, const char *path)
{
	static char buf[65536];
	size_t used = strlen(path) + 1;
	ssize_t n = 0;
	struct stat st;

	if (used > 4096 || lstat(path, &st) < 0)
		return;
	memcpy(buf, path, used);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, buf + used, sizeof(buf) - used);
	} else if (S_ISREG(st.st_mode)) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		n = fd < 0 ? -1 : read(fd, buf + used, sizeof(buf) - used);
		fd_close(&fd);
	}
	frame_send('F', id, buf, (uint32_t)(used + (n > 0 ? (size_t)n : 0)));
}

static void glob_request(uint32_t id, size_t pattern_len)
{
	char *pattern = malloc(pattern_len + 1);
	glob_t found;

	if (!pattern)
		abort();
	port_read(pattern, pattern_len);
	pattern[pattern_len] = 0;
	if (glob(pattern, GLOB_BRACE, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			match_send(id, found.gl_pathv[i]);
		globfree(&found);
	}
	free(pattern);
	exit_send(id, 0);
}

static void line_read(char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		port_read(line + n, 1);
		if (line[n] == '\n')
			break;
		if (n + 2 < size)
			n++;
	}
	line[n] = 0;
}

static void serve(const char *path)
{
	char line[128];

	while ((port = open(path, O_RDWR | O_CLOEXEC)) < 0)
		usleep(20000);
	for (;;) {
		unsigned long id, a, b;

		line_read(line, sizeof(line));
		if (sscanf(line, "RUN %lu %lu %lu", &id, &a, &b) == 3 && a < 1UL << 24 && b < 1UL << 31) {
			run_request((uint32_t)id, a, b);
		} else if (sscanf(line, "GLOB %lu %lu", &id, &a) == 2 && a < 1UL << 16) {
			glob_request((uint32_t)id, a);
		} else if (sscanf(line, "CLOCK %lu %lu %lu", &id, &a, &b) == 3) {
			struct timespec now = {(time_t)a, (long)b};

			if (a > 0)
				clock_settime(CLOCK_REALTIME, &now);
			exit_send((uint32_t)id, 0);
		} /* anything else: in step again at the next line */
	}
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(argv[i]);
		}
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
