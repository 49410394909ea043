/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/options.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/monitor/apply.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/system.h"
#include "config.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2

static const char usage[] =
	"usage: sekisho-monitor [--listen PATH] [--client USER] [--probe PROGRAM] [--probe-user USER]\n"
	"       sekisho-monitor --system-disk MAJOR:MINOR\n"
	"       sekisho-monitor --release\n";

/* For the udev rules, where they cannot tell by themselves. */
static int say_system_disk(const char *text)
{
	dev_t dev;
	int r = sysfs_parse_dev(text, &dev);

	if (r == 0)
		r = system_disk_check(dev);
	if (r < 0) {
		fprintf(stderr, "sekisho-monitor: %s: %s\n", text, strerror(-r));
		return STATUS_FAILED;
	}
	if (r > 0)
		puts("SEKISHO_SYSTEM_DISK=1");
	return 0;
}

static int release(void)
{
	int r = usb_release_all();

	if (r < 0)
		fprintf(stderr, "sekisho-monitor: buses cannot be released: %s\n", strerror(-r));
	return r < 0 ? STATUS_FAILED : 0;
}

static int find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *user = getpwnam(name);

	if (!user) {
		fprintf(stderr, "sekisho-monitor: there is no user %s\n", name);
		return STATUS_FAILED;
	}
	*ret_uid = user->pw_uid;
	*ret_gid = user->pw_gid;
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	own_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (!sk_str_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return own_take_fd(&fd);
}

/* The socket that systemd opened, or our own. */
static int find_socket(const char *path, int *ret_fd)
{
	int r;

	if (path)
		r = listen_at(path);
	else if (sd_listen_fds(true) == 1 &&
		 sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, true) > 0)
		r = SD_LISTEN_FDS_START;
	else
		r = -ENOTCONN;
	if (r < 0) {
		fprintf(stderr, "sekisho-monitor: %s: %s\n", path ? path : "no socket from systemd",
			strerror(-r));
		return STATUS_FAILED;
	}
	*ret_fd = r;
	return 0;
}

/* Values of getopt_long() for what takes a text; the rest are letters. */
enum {
	OPTION_LISTEN,
	OPTION_CLIENT,
	OPTION_PROBE,
	OPTION_PROBE_USER,
	OPTION_ALSO_WRITABLE,
	OPTION_RUN,
	N_TEXTS,
};

static const struct option known[] = {
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"client", required_argument, NULL, OPTION_CLIENT},
	{"probe", required_argument, NULL, OPTION_PROBE},
	{"probe-user", required_argument, NULL, OPTION_PROBE_USER},
	{"also-writable", required_argument, NULL, OPTION_ALSO_WRITABLE},
	{"run", required_argument, NULL, OPTION_RUN},
	{"system-disk", required_argument, NULL, 's'},
	{"release", no_argument, NULL, 'r'},
	{"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int resolve(const char *const texts[N_TEXTS], Options *ret_options)
{
	Options options = {.probe = texts[OPTION_PROBE],
		.also_writable = texts[OPTION_ALSO_WRITABLE],
		.run_directory = texts[OPTION_RUN],
		.conf_directory = SK_CONFDIR};
	gid_t unused;
	int status = find_user(texts[OPTION_CLIENT], &options.core_uid, &unused);

	if (status == 0)
		status = find_user(texts[OPTION_PROBE_USER], &options.probe_uid, &options.probe_gid);
	if (status == 0 && options.probe_uid == 0) {
		fputs("sekisho-monitor: probes never run as root\n", stderr);
		status = STATUS_FAILED;
	}
	if (status == 0)
		status = find_socket(texts[OPTION_LISTEN], &options.listen_fd);
	if (status != 0)
		return status;
	*ret_options = options;
	return OPTIONS_RUN;
}

static int usage_error(void)
{
	fputs(usage, stderr);
	return STATUS_USAGE;
}

/* The options that are answered at once. Return: exit status. */
static int answer(int option)
{
	switch (option) {
	case 's':
		return say_system_disk(optarg);
	case 'r':
		return release();
	case 'v':
		puts("sekisho-monitor " SK_VERSION);
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 0;
	default:
		return usage_error();
	}
}

int options_parse(int argc, char **argv, Options *ret_options)
{
	const char *texts[N_TEXTS] = {
		[OPTION_CLIENT] = "sekisho",
		[OPTION_RUN] = SK_RUNDIR,
		[OPTION_PROBE] = SK_LIBEXECDIR "/sekisho-probe",
		[OPTION_PROBE_USER] = "sekisho-probe",
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option < 0 || option >= N_TEXTS)
			return answer(option);
		texts[option] = optarg;
	}
	return optind == argc ? resolve(texts, ret_options) : usage_error();
}
