/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EQP-1: no forbidden programs, and security updates are installed. */
#include "tests/unit/posture/fixture.h"

#include "agent/posture/packages.h"
#include "agent/posture/rpmdb.h"
#include "agent/posture/updates.h"

#define STATUS                                                                                               \
	"Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1~deb12u2\n"   \
	"Description: x\n Package: badshare\n\n"                                                             \
	"Package: removed\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"           \
	"Package: tzdata\nStatus: hold ok installed\nArchitecture: all\nVersion: 2024a-0+deb12u1\n"
#define LIST                                                                                                 \
	"/var/lib/apt/lists/"                                                                                \
	"security.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages"

static void put_process(const Fixture *f, const char *pid, const char *comm, const char *command, size_t size)
{
	char path[128];

	sk_str_format(path, sizeof(path), "/proc/%s/comm", pid);
	fixture_put(f, path, comm);
	sk_str_format(path, sizeof(path), "/proc/%s/cmdline", pid);
	fixture_put_bytes(f, path, command, size);
}

static void programs(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_programs, SK_POSTURE_UNKNOWN, SK_POSTURE_PACKAGES_UNKNOWN);
	fixture_put(f, "/var/lib/dpkg/status", STATUS);
	put_process(f, "1", "systemd\n", "/sbin/init", 11);
	fixture_expect(f, &check_programs, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/var/lib/dpkg/status",
		STATUS
		"\nPackage: badshare\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n");
	fixture_expect(f, &check_programs, SK_POSTURE_FAIL, SK_POSTURE_PROGRAMS_FOUND);
	assert_string_equal(f->result.value, "package badshare");
	fixture_put(f, "/var/lib/dpkg/status",
		STATUS "\nPackage: badshare\nStatus: deinstall ok config-files\nVersion: 1\n");
	fixture_expect(f, &check_programs, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/opt/worse/bin", "");
	fixture_expect(f, &check_programs, SK_POSTURE_FAIL, SK_POSTURE_PROGRAMS_FOUND);
	assert_string_equal(f->result.value, "file /opt/worse/bin");
}

static void processes(void **state)
{
	static const struct {
		const char *comm, *command;
		size_t size;
		bool found;
	} cases[] = {
		{"badshare\n", "", 0, true},
		{"python3\n", "/usr/bin/python3\0/usr/bin/badshare\0-d", 38, true},
		{"wine\n", "C:\\Program Files\\WINNY\\winny.EXE", 32, true},
		{"worse\n", "/opt/worse/bin\0-x", 17, true},
		{"averylongprogra\n", "", 0, true},
		{"cat\n", "cat\0/etc/passwd\0/x\0/home/x/badshare", 36, false},
		{"badshared\n", "/usr/sbin/badshared", 20, false},
		{"", "", 0, false},
		{"\xff\xfe\n", "\0\0\0\0", 4, false},
	};
	Fixture *f = *state;

	fixture_put(f, "/var/lib/dpkg/status", STATUS);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		put_process(f, "4321", cases[i].comm, cases[i].command, cases[i].size);
		fixture_run(f, &check_programs);
		if ((f->result.state == SK_POSTURE_FAIL) != cases[i].found)
			fail_msg("process %s: state %u, %s", cases[i].comm, f->result.state, f->result.value);
	}
}

static void apt(void **state)
{
	Fixture *f = *state;

	fixture_put(f, "/var/lib/dpkg/status", STATUS);
	fixture_age(f, "/var/lib/dpkg/status", 2);
	fixture_expect(f, &check_updates, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_NO_SOURCE);
	fixture_put(f, LIST,
		"Package: openssl\nArchitecture: amd64\nVersion: 3.0.11-1~deb12u2\n\n"
		"Package: removed\nArchitecture: amd64\nVersion: 2\n\n"
		"Package: tzdata\nArchitecture: all\nVersion: 2023c\n");
	fixture_age(f, "/var/lib/apt/lists", 1);
	fixture_expect(f, &check_updates, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_age(f, "/var/lib/apt/lists", 8);
	fixture_expect(f, &check_updates, SK_POSTURE_WARN, SK_POSTURE_UPDATES_STALE);
	fixture_age(f, "/var/lib/apt/lists", 31);
	fixture_expect(f, &check_updates, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_STALE);
	/* An update of something that is held, and of another architecture. */
	fixture_put(f, LIST,
		"Package: openssl\nArchitecture: i386\nVersion: 9\n\nPackage: tzdata\nArchitecture: "
		"all\nVersion: 2025b-0+deb12u1\n");
	fixture_age(f, "/var/lib/apt/lists", 1);
	fixture_expect(f, &check_updates, SK_POSTURE_WARN, SK_POSTURE_UPDATES_PENDING);
	assert_string_equal(
		f->result.value, "pending: 1, tzdata, lists of 1 days ago, last installation 2 days ago");
	fixture_age(f, "/var/lib/dpkg/status", 31);
	fixture_expect(f, &check_updates, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_PENDING);
	/* Other lists are not asked. */
	fixture_remove(f, LIST);
	fixture_put(f, "/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages",
		"Package: openssl\nArchitecture: amd64\nVersion: 9\n");
	fixture_expect(f, &check_updates, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_NO_SOURCE);
}

/* A list that cannot be unpacked is no list without updates. */
static void broken_list(void **state)
{
	Fixture *f = *state;

	fixture_put(f, "/var/lib/dpkg/status", STATUS);
	fixture_put_bytes(f, LIST ".xz",
		"\xfd"
		"7zXZ\0\0\4garbage and more of it",
		30);
	fixture_expect(f, &check_updates, SK_POSTURE_UNKNOWN, SK_POSTURE_PACKAGES_UNKNOWN);
}

static void dnf(void **state)
{
	char text[] = "<?xml version=\"1.0\"?><updates>"
		      "<update from=\"x\" type=\"bugfix\"><pkglist><collection>"
		      "<package name=\"vim\" version=\"9.9\" release=\"1\" epoch=\"2\" "
		      "arch=\"x86_64\"/></collection></pkglist></update>"
		      "<update type=\"security\" status=\"final\"><id>FEDORA-1</id><pkglist><collection>"
		      "<package name=\"openssl\" version=\"3.0.9\" release=\"2.fc39\" epoch=\"1\" "
		      "arch=\"x86_64\" src=\"x\"><filename>x</filename></package>"
		      "<package arch=\"x86_64\" release=\"1\" version=\"1\" name=\"vim\" />"
		      "<package name=\"absent\" version=\"9\" release=\"1\" arch=\"x86_64\"></package>"
		      "</collection></pkglist></update></updates>";
	char cut[] = "<update type=\"security\"><package name=\"vim\" version=\"99";
	Packages packages = {.kind = PACKAGES_RPM};

	assert_int_equal(packages_add(&packages, "openssl", "x86_64", "1:3.0.8-1.fc39"), 0);
	assert_int_equal(packages_add(&packages, "vim", "x86_64", "2:9.0-1"), 0);
	updates_take_dnf(text, &packages);
	assert_true(packages_find(&packages, "openssl", "x86_64")->pending);
	assert_false(packages_find(&packages, "vim", "x86_64")->pending);
	updates_take_dnf(cut, &packages);
	assert_false(packages_find(&packages, "vim", "x86_64")->pending);
	/* Of two kernels the newer one counts. */
	assert_int_equal(packages_add(&packages, "kernel", "x86_64", "0:6.1-1"), 0);
	assert_int_equal(packages_add(&packages, "kernel", "x86_64", "0:6.5-1"), 0);
	assert_int_equal(packages_add(&packages, "kernel", "x86_64", "0:6.2-1"), 0);
	assert_string_equal(packages_find(&packages, "kernel", "x86_64")->version, "0:6.5-1");
	packages_free(&packages);
}

/* Headers whose numbers lie about where things are. */
static void rpm_headers(void **state)
{
	uint8_t header[8 + 2 * 16 + 8] = {0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 3, 0xe8, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0,
		0, 1,						   /* name, text, at 0 */
		0, 0, 3, 0xe9, 0, 0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1, /* version, at 4 */
		'v', 'i', 'm', 0, '9', '.', '0', 0};
	RpmHeader parsed;

	assert_true(rpm_header_parse(header, sizeof(header), &parsed));
	assert_string_equal(parsed.name, "vim");
	assert_string_equal(parsed.version, "9.0");
	assert_string_equal(parsed.release, "");
	for (size_t size = 0; size < sizeof(header); size++)
		assert_false(rpm_header_parse(header, size, &parsed));
	header[sizeof(header) - 1] = 'x'; /* no end */
	assert_true(rpm_header_parse(header, sizeof(header), &parsed));
	assert_string_equal(parsed.version, "");
	memset(header + 8 + 8, 0xff, 4); /* far away */
	assert_false(rpm_header_parse(header, sizeof(header), &parsed));
	memset(header, 0xff, 8);
	assert_false(rpm_header_parse(header, sizeof(header), &parsed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(programs), fixture_test(processes), fixture_test(apt),
		fixture_test(broken_list), cmocka_unit_test(dnf), cmocka_unit_test(rpm_headers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
