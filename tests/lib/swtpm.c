/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/swtpm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/swtpm"

static int local_socket(unsigned port, bool listening)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if ((listening ? bind(fd, (struct sockaddr *)&address, sizeof(address))
		       : connect(fd, (struct sockaddr *)&address, sizeof(address))) == 0)
		return fd;
	close(fd);
	return -1;
}

/* tpm2-tss wants two ports in a row. */
static unsigned free_ports(void)
{
	for (unsigned port = 20000 + (unsigned)getpid() % 5000 * 2; port < 40000; port += 2) {
		int one = local_socket(port, true), two = local_socket(port + 1, true);

		if (one >= 0)
			close(one);
		if (two >= 0)
			close(two);
		if (one >= 0 && two >= 0)
			return port;
	}
	return 0;
}

static void execute(const Swtpm *chip)
{
	char state[80], server[80], control[80];

	snprintf(state, sizeof(state), "dir=%s", chip->directory);
	snprintf(server, sizeof(server), "type=tcp,bindaddr=127.0.0.1,port=%u", chip->port);
	snprintf(control, sizeof(control), "type=tcp,bindaddr=127.0.0.1,port=%u", chip->port + 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(PROGRAM, "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl",
		control, "--flags", "not-need-init,startup-clear", NULL);
	_exit(127);
}

int swtpm_power_on(Swtpm *chip)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	chip->pid = fork();
	if (chip->pid == 0)
		execute(chip);
	for (int i = 0; i < 500; i++) {
		int fd = local_socket(chip->port + 1, false);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return -1;
}

void swtpm_power_off(Swtpm *chip)
{
	if (chip->pid <= 0)
		return;
	kill(chip->pid, SIGTERM);
	waitpid(chip->pid, NULL, 0);
	chip->pid = 0;
}

int swtpm_start(Swtpm *chip)
{
	memset(chip, 0, sizeof(*chip));
	strcpy(chip->directory, "/tmp/sekisho-tpm-XXXXXX");
	chip->port = free_ports();
	if (chip->port == 0 || !mkdtemp(chip->directory))
		return -1;
	snprintf(chip->where, sizeof(chip->where), "swtpm:host=127.0.0.1,port=%u", chip->port);
	return swtpm_power_on(chip);
}

void swtpm_end(Swtpm *chip)
{
	char command[96];

	swtpm_power_off(chip);
	snprintf(command, sizeof(command), "rm -rf %s", chip->directory);
	if (*chip->directory && system(command) != 0)
		fprintf(stderr, "%s stays\n", chip->directory);
}
