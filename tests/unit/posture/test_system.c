/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DEV-2, MAL-2, MAL-4, MAL-5, LOG-3: modules, definitions, scan, the agent's files, clock; Secure Boot and
 * radios. */
#include "tests/unit/posture/fixture.h"

#include <sys/socket.h>

#include "agent/posture/chrony.h"
#include "lib/base/own.h"

#define EFI "/sys/firmware/efi/efivars/"
#define GLOBAL "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SCAN "/var/lib/sekisho-weekly-scan/result"
#define TIMER "/etc/systemd/system/timers.target.wants/sekisho-weekly-scan.timer"
#define MANIFEST "/usr/share/sekisho/manifest"

static void modules(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_modules, SK_POSTURE_UNKNOWN, SK_POSTURE_CHECK_FAILED);
	fixture_put(f, "/proc/version", "Linux\n");
	fixture_expect(f, &check_modules, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/proc/modules",
		"usb_storage 81920 0 - Live 0x0\next4 1 0 - Live 0x0\nsnd_hda_intel 1 0 - Live 0x0\n");
	fixture_expect(f, &check_modules, SK_POSTURE_UNKNOWN, SK_POSTURE_MODULES_NO_LIST);
	fixture_put(
		f, "/etc/sekisho/modules.allow", "# those of this PC\next4\nusb-storage # - is _\nsnd_*\n");
	fixture_expect(f, &check_modules, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/proc/modules", "ext4 1\nzz 1 0\nfirewire_core 1 0 - Live 0x0 (OE)\n");
	fixture_expect(f, &check_modules, SK_POSTURE_FAIL, SK_POSTURE_MODULES_DRIFT);
	assert_string_equal(f->result.value, "not on the list: 2, firewire_core, zz");
	assert_int_equal(f->result.drift, 1);
	/* A list of the console alone is one, too. */
	fixture_remove(f, "/etc/sekisho/modules.allow");
	strcpy(f->options.allowed_modules, "ext4 firewire-core z?");
	fixture_expect(f, &check_modules, SK_POSTURE_OK, SK_REASON_NONE);
}

static void many_modules(void **state)
{
	Fixture *f = *state;
	own_free char *text = calloc(1, 40000);

	assert_non_null(text);
	for (int i = 0; i < 1000; i++)
		snprintf(text + strlen(text), 40, "module_%04d 1\n", 999 - i);
	fixture_put(f, "/proc/modules", text);
	fixture_put(f, "/etc/sekisho/modules.allow", "ext4\n");
	fixture_expect(f, &check_modules, SK_POSTURE_FAIL, SK_POSTURE_MODULES_DRIFT);
	assert_true(sk_str_eq(f->result.value + strlen(f->result.value) - 3, "..."));
}

static void secure_boot(void **state)
{
	static const uint8_t on[] = {6, 0, 0, 0, 1}, off[] = {6, 0, 0, 0, 0}, odd[] = {6, 0, 0, 0, 7},
			     cut[] = {6, 0};
	Fixture *f = *state;

	fixture_expect(f, &check_boot, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN); /* a BIOS */
	fixture_mkdir(f, EFI "x");
	fixture_expect(f, &check_boot, SK_POSTURE_UNKNOWN, SK_POSTURE_BOOT_UNKNOWN);
	fixture_put_bytes(f, EFI "SecureBoot" GLOBAL, on, sizeof(on));
	fixture_put_bytes(f, EFI "SetupMode" GLOBAL, off, sizeof(off));
	fixture_expect(f, &check_boot, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put_bytes(f, EFI "SetupMode" GLOBAL, on, sizeof(on));
	fixture_expect(f, &check_boot, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN);
	fixture_put_bytes(f, EFI "SecureBoot" GLOBAL, off, sizeof(off));
	fixture_expect(f, &check_boot, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN);
	fixture_put_bytes(f, EFI "SecureBoot" GLOBAL, odd, sizeof(odd));
	fixture_expect(f, &check_boot, SK_POSTURE_UNKNOWN, SK_POSTURE_BOOT_UNKNOWN);
	fixture_put_bytes(f, EFI "SecureBoot" GLOBAL, cut, sizeof(cut));
	fixture_expect(f, &check_boot, SK_POSTURE_UNKNOWN, SK_POSTURE_BOOT_UNKNOWN);
}

static void definitions(void **state)
{
	Fixture *f = *state;
	char header[512];

	fixture_expect(f, &check_definitions, SK_POSTURE_FAIL, SK_POSTURE_DEFINITIONS_MISSING);
	fixture_put(f, "/var/lib/clamav/own.hdb", "x");
	fixture_age(f, "/var/lib/clamav/own.hdb", 40);
	fixture_expect(f, &check_definitions, SK_POSTURE_FAIL, SK_POSTURE_DEFINITIONS_OLD);
	sk_str_format(header, sizeof(header),
		"ClamAV-VDB:01 Jan 2027 08-00 +0000:27461:2077:90:md5:sig:builder:%lld ",
		(long long)FIXTURE_NOW - 10 * FIXTURE_DAY);
	fixture_put(f, "/var/lib/clamav/daily.cld", header);
	fixture_expect(f, &check_definitions, SK_POSTURE_WARN, SK_POSTURE_DEFINITIONS_AGEING);
	assert_string_equal(f->result.value, "daily.cld 27461, 10 days");
	/* Those of the console are newer. */
	sk_str_format(
		header, sizeof(header), "ClamAV-VDB:x:27470:1:90:m:s:b:%lld", (long long)FIXTURE_NOW - 1);
	fixture_put(f, "/var/lib/console/daily.cvd", header);
	fixture_expect(f, &check_definitions, SK_POSTURE_OK, SK_REASON_NONE);
	f->options.definitions_refuse = 0;
	fixture_remove(f, "/var/lib/console/daily.cvd");
	fixture_remove(f, "/var/lib/clamav/daily.cld");
	fixture_expect(f, &check_definitions, SK_POSTURE_WARN, SK_POSTURE_DEFINITIONS_AGEING);
	fixture_put(f, "/var/lib/clamav/main.cvd", "ClamAV-VDB:x:1:1:1:m:s:b:9999999999");
	fixture_expect(f, &check_definitions, SK_POSTURE_UNKNOWN, SK_POSTURE_CLOCK_OFF);
}

static void scan(void **state)
{
	Fixture *f = *state;
	char text[256];

	fixture_expect(f, &check_scan, SK_POSTURE_FAIL, SK_POSTURE_SCAN_LATE);
	fixture_link(f, TIMER, "/usr/lib/systemd/system/sekisho-weekly-scan.timer");
	fixture_expect(f, &check_scan, SK_POSTURE_WARN, SK_POSTURE_SCAN_LATE);
	sk_str_format(text, sizeof(text), "time=%lld\nstate=clean\nfiles=1200\nfound=0\n",
		(long long)FIXTURE_NOW - 3 * FIXTURE_DAY);
	fixture_put(f, SCAN, text);
	fixture_expect(f, &check_scan, SK_POSTURE_OK, SK_REASON_NONE);
	assert_string_equal(f->result.value, "scheduled, last 3 days ago, clean, files: 1200, found: 0");
	fixture_remove(f, TIMER);
	fixture_expect(f, &check_scan, SK_POSTURE_FAIL, SK_POSTURE_SCAN_LATE);
	fixture_link(f, TIMER, "/usr/lib/systemd/system/sekisho-weekly-scan.timer");
	sk_str_format(
		text, sizeof(text), "time=%lld\nstate=clean\n", (long long)FIXTURE_NOW - 9 * FIXTURE_DAY);
	fixture_put(f, SCAN, text);
	fixture_expect(f, &check_scan, SK_POSTURE_FAIL, SK_POSTURE_SCAN_LATE);
	sk_str_format(text, sizeof(text), "time=%lld\nstate=found\nfound=2\n", (long long)FIXTURE_NOW);
	fixture_put(f, SCAN, text);
	fixture_expect(f, &check_scan, SK_POSTURE_FAIL, SK_POSTURE_SCAN_FOUND);
	sk_str_format(text, sizeof(text), "time=%lld\nstate=failed\n", (long long)FIXTURE_NOW);
	fixture_put(f, SCAN, text);
	fixture_expect(f, &check_scan, SK_POSTURE_WARN, SK_POSTURE_SCAN_FAILED);
	fixture_put(f, SCAN, "time=-1\nstate=clean\nfound=99999999999999999999\n");
	fixture_expect(f, &check_scan, SK_POSTURE_WARN, SK_POSTURE_SCAN_LATE);
}

static void agent_files(void **state)
{
	/* sha256sum and md5sum of "one\n". */
	static const char manifest[] = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  "
				       "usr/libexec/sekisho/sekishod\n";
	Fixture *f = *state;

	fixture_expect(f, &check_agent, SK_POSTURE_UNKNOWN, SK_POSTURE_AGENT_NO_LIST);
	fixture_put(f, MANIFEST, manifest);
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	assert_string_equal(f->result.value, "usr/libexec/sekisho/sekishod: missing");
	fixture_put(f, "/usr/libexec/sekisho/sekishod", "one\n");
	fixture_expect(f, &check_agent, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/usr/libexec/sekisho/sekishod", "two\n");
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	fixture_put(f, "/usr/libexec/sekisho/sekishod", "one\n");
	/* The list itself was changed, says dpkg. */
	fixture_put(f, "/var/lib/dpkg/info/sekisho-agent.md5sums",
		"00000000000000000000000000000000  usr/share/sekisho/manifest\n");
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	assert_string_equal(f->result.value, "usr/share/sekisho/manifest: changed");
	fixture_remove(f, "/var/lib/dpkg/info/sekisho-agent.md5sums");
	fixture_put(f, "/etc/systemd/system/sekishod.service.d/x.conf", "[Service]\n");
	fixture_expect(f, &check_agent, SK_POSTURE_WARN, SK_POSTURE_AGENT_OVERRIDDEN);
	fixture_link(f, "/run/systemd/system/sekishod.service", "/dev/null");
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
}

static void others_may_write(void **state)
{
	Fixture *f = *state;
	char full[256];

	fixture_put(f, MANIFEST,
		"2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  "
		"usr/libexec/sekisho/sekishod\n");
	fixture_put(f, "/usr/libexec/sekisho/sekishod", "one\n");
	sk_str_format(full, sizeof(full), "%s/usr/libexec/sekisho/sekishod", f->root);
	assert_int_equal(chmod(full, 0666), 0);
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	/* A list that leads out of the root ends at the root. */
	fixture_put(f, MANIFEST,
		"2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  ../../../../etc/passwd\n");
	fixture_expect(f, &check_agent, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	assert_string_equal(f->result.value, "../../../../etc/passwd: missing");
}

static void radio(const Fixture *f, const char *name, const char *type, const char *soft, const char *hard)
{
	const char *const words[][2] = {{"type", type}, {"soft", soft}, {"hard", hard}, {"name", name}};
	char path[128];

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		sk_str_format(path, sizeof(path), "/sys/class/rfkill/%s/%s", name, words[i][0]);
		fixture_put(f, path, words[i][1]);
	}
}

static void radios(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_bluetooth, SK_POSTURE_UNKNOWN, SK_POSTURE_CHECK_FAILED);
	fixture_mkdir(f, "/sys/class/net");
	fixture_expect(f, &check_bluetooth, SK_POSTURE_OK, SK_REASON_NONE);
	radio(f, "rfkill0", "bluetooth\n", "1\n", "0\n");
	radio(f, "rfkill1", "wlan\n", "0\n", "0\n");
	fixture_expect(f, &check_bluetooth, SK_POSTURE_OK, SK_REASON_NONE);
	assert_string_equal(f->result.value, "rfkill0: off");
	fixture_expect(f, &check_wireless, SK_POSTURE_OK, SK_REASON_NONE); /* may be on */
	f->options.refuse_wireless = 1;
	fixture_expect(f, &check_wireless, SK_POSTURE_WARN, SK_POSTURE_WIRELESS_ON);
	radio(f, "rfkill0", "bluetooth\n", "0\n", "0\n");
	fixture_expect(f, &check_bluetooth, SK_POSTURE_WARN, SK_POSTURE_BLUETOOTH_ON);
	radio(f, "rfkill0", "bluetooth\n", "0\n", "1\n");
	fixture_expect(f, &check_bluetooth, SK_POSTURE_OK, SK_REASON_NONE);
	/* An adapter without a switch. */
	fixture_remove(f, "/sys/class/rfkill/rfkill0/type");
	fixture_mkdir(f, "/sys/class/bluetooth/hci0");
	fixture_expect(f, &check_bluetooth, SK_POSTURE_WARN, SK_POSTURE_BLUETOOTH_ON);
}

static void clocks(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_clock, SK_POSTURE_OK, SK_REASON_NONE);
	f->options.clock_synchronised = 0;
	fixture_expect(f, &check_clock, SK_POSTURE_FAIL, SK_POSTURE_CLOCK_FREE);
}

/* An answer of chronyd 4.3 (tests/integration/posture.py asks a real one). */
static void answer(uint8_t *bytes, uint32_t correction, uint16_t leap)
{
	memset(bytes, 0, 104);
	memcpy(bytes, (const uint8_t[]){6, 2, 0, 0, 0, 33, 0, 5}, 8);
	memcpy(bytes + 16, (const uint8_t[]){0x73, 0x6b, 0x69, 0x73}, 4);
	bytes[55] = (uint8_t)leap;
	for (int i = 0; i < 4; i++)
		bytes[68 + i] = (uint8_t)(correction >> (24 - 8 * i));
}

static void chrony(void **state)
{
	Fixture *f = *state;
	ChronyTracking tracking;
	uint8_t bytes[104];
	int fds[2];

	/* 2.5 s: coefficient 0x0a00000 / 2^25 * 2^3 */
	answer(bytes, (3u << 25) | 0x0a00000, 0);
	assert_true(chrony_parse(bytes, sizeof(bytes), &tracking));
	assert_true(tracking.offset_sec > 2.49 && tracking.offset_sec < 2.51 && tracking.synchronised);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	f->posture.fds.chrony = fds[0];
	assert_int_equal(send(fds[1], bytes, sizeof(bytes), 0), sizeof(bytes));
	fixture_expect(f, &check_clock, SK_POSTURE_WARN, SK_POSTURE_CLOCK_OFF);
	assert_string_equal(f->result.value, "chrony, offset 2500.000 ms");
	answer(bytes, 0, 3);
	assert_int_equal(send(fds[1], bytes, sizeof(bytes), 0), sizeof(bytes));
	fixture_expect(f, &check_clock, SK_POSTURE_FAIL, SK_POSTURE_CLOCK_FREE);
	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_false(chrony_parse(bytes, size, &tracking));
	bytes[16] ^= 1; /* an answer to somebody else */
	assert_false(chrony_parse(bytes, sizeof(bytes), &tracking));
	close(fds[0]);
	close(fds[1]);
	f->posture.fds.chrony = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(modules), fixture_test(many_modules),
		fixture_test(secure_boot), fixture_test(definitions), fixture_test(scan),
		fixture_test(agent_files), fixture_test(others_may_write), fixture_test(radios),
		fixture_test(clocks), fixture_test(chrony)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
