/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates, the clock, the disk, and whether somebody listens. */
#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "console/server/certificate.h"
#include "console/server/doctor.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

#define DAY 86400
#define ROOT_EARLY_DAYS 365
#define SPACE_LOW (INT64_C(1) << 30)
#define SPACE_GONE (INT64_C(100) << 20)

static void tell_days(SkDoctor *doctor, SkFinding finding, int error, int64_t days)
{
	if (error < 0)
		sk_doctor_tell(doctor, finding, "%s", strerror(-error));
	else
		sk_doctor_tell(doctor, finding, _("%lld days left"), (long long)days);
}

static void check_server(SkDoctor *doctor)
{
	const SkServerSettings *settings = doctor->setup->settings;
	own_certificate_facts SkCertificateFacts facts = {0};
	int r = sk_certificate_look(settings->tls.certificate, &facts);
	int64_t days = (facts.until - time(NULL)) / DAY;

	if (r == 0)
		r = sk_certificate_fits(settings->tls.certificate, settings->tls.key);
	tell_days(doctor,
		(SkFinding){"certificate.server",
			r < 0 ? SK_HEALTH_WRONG
			      : sk_health_by(
					days, SK_CERTIFICATE_RENEW_DAYS / 2, SK_CERTIFICATE_RENEW_DAYS / 8),
			_("the server's certificate is good, and its key fits"),
			_("one of our own authority is renewed while the console serves; another one has to "
			  "be "
			  "replaced in the files of [TLS] Certificate and Key")},
		r, days);
}

static void check_root(SkDoctor *doctor)
{
	own_certificate_facts SkCertificateFacts facts = {0};
	int r = sk_certificate_look(doctor->setup->settings->tls.client_authority, &facts);
	int64_t days = (facts.until - time(NULL)) / DAY;

	tell_days(doctor,
		(SkFinding){"certificate.authority",
			r < 0 ? SK_HEALTH_WRONG : sk_health_by(days, ROOT_EARLY_DAYS, 30),
			_("the authority's certificate is good"),
			_("renew the authority; agents have to be told before it ends")},
		r, days);
}

void sk_doctor_certificates(SkDoctor *doctor)
{
	check_server(doctor);
	check_root(doctor);
}

/* Who keeps the clock; what they leave for others to see. */
static const char *find_clock_service(void)
{
	static const struct {
		const char *path, *name;
	} traces[] = {{"/run/systemd/timesync/synchronized", "systemd-timesyncd"},
		{"/run/chrony/chronyd.pid", "chrony"}, {"/run/chronyd.pid", "chrony"},
		{"/run/ntpd.pid", "ntpd"}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(traces); i++)
		if (access(traces[i].path, F_OK) == 0)
			return traces[i].name;
	return _("no service for it was found");
}

static void check_clock(SkDoctor *doctor)
{
	struct timex clock = {.modes = 0};
	bool good = adjtimex(&clock) != TIME_ERROR;

	sk_doctor_tell(doctor,
		(SkFinding){"machine.clock", sk_health_of(good), _("the clock is synchronised"),
			_("start a service for it, such as chrony or systemd-timesyncd, and give it servers "
			  "that it "
			  "reaches")},
		_("%s; error at most %lld ms"), find_clock_service(), (long long)clock.maxerror / 1000);
}

static void check_disk(SkDoctor *doctor, const char *name, const char *path)
{
	struct statvfs space = {0};
	int r = statvfs(path, &space) < 0 ? -errno : 0;
	int64_t free_bytes = (int64_t)(space.f_bavail * space.f_frsize);
	SkHealth health = r < 0 ? SK_HEALTH_WRONG : sk_health_by(free_bytes, SPACE_LOW, SPACE_GONE);

	if (health == SK_HEALTH_GOOD && space.f_files > 0 && space.f_favail < 1000)
		health = SK_HEALTH_WRONG;
	sk_doctor_tell(doctor,
		(SkFinding){name, health, _("the disk has 1 GiB and more, and room for files"),
			_("free disk space: nothing is taken on that could not be recorded")},
		"%s: %lld MiB%s%s", path, (long long)(free_bytes >> 20), r < 0 ? ": " : "",
		r < 0 ? strerror(-r) : "");
}

static void check_disks(SkDoctor *doctor)
{
	const char *database = doctor->setup->database;

	if (sk_str_starts(database, "sqlite:")) {
		own_free char *copy = strdup(database + strlen("sqlite:"));

		if (copy)
			check_disk(doctor, "disk.database", dirname(copy));
	}
	check_disk(doctor, "disk.keys", doctor->setup->settings->keys.directory);
	check_disk(doctor, "disk.epoch", doctor->setup->settings->keys.epoch_directory);
}

static int connect_to(uint64_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	own_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/* A console that was not started yet is no error of the machine. */
static void check_listener(SkDoctor *doctor, const char *name, const char *what, uint64_t port)
{
	int r = connect_to(port);

	sk_doctor_tell(doctor,
		(SkFinding){name, r < 0 ? SK_HEALTH_WARNING : SK_HEALTH_GOOD, what,
			_("start it: systemctl start sekisho-console")},
		_("port %u%s%s"), (unsigned)port, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
}

void sk_doctor_machine(SkDoctor *doctor)
{
	const SkServerSettings *settings = doctor->setup->settings;

	check_clock(doctor);
	check_disks(doctor);
	check_listener(
		doctor, "listen.people", _("somebody listens for people"), settings->listen.people_port);
	check_listener(
		doctor, "listen.agents", _("somebody listens for agents"), settings->listen.agents_port);
}
