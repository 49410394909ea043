/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every file that a check reads, as whatever somebody may have put there: each check ends soon, with a sound
 * result.
 */
#include "tests/unit/posture/fixture.h"

#include <time.h>

static const char *const files[] = {"/proc/1/mountinfo", "/proc/swaps", "/proc/modules", "/proc/net/if_inet6",
	"/proc/4321/comm", "/proc/4321/cmdline", "/sys/dev/block/8:1/dm/uuid", "/sys/class/block/sda1/dev",
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	"/sys/class/rfkill/rfkill0/type", "/sys/class/rfkill/rfkill0/name", "/etc/passwd",
	"/etc/gdm3/daemon.conf", "/etc/lightdm/lightdm.conf.d/x.conf",
	"/etc/systemd/system/getty@tty1.service", "/etc/sekisho/modules.allow", "/var/lib/dpkg/status",
	"/var/lib/dpkg/info/sekisho-agent.md5sums", "/var/lib/clamav/daily.cvd", "/var/lib/rpm/rpmdb.sqlite",
	"/var/lib/sekisho-weekly-scan/result", "/usr/share/sekisho/manifest",
	"/var/lib/apt/lists/x_dists_bookworm-security_main_binary-amd64_Packages",
	"/var/lib/apt/lists/y_dists_bookworm-security_main_binary-amd64_Packages.gz",
	"/var/cache/dnf/updates-1/repodata/1-updateinfo.xml.zst"};

static char noise[30000];

static void fill_noise(unsigned seed)
{
	srandom(seed);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)random();
}

/* What a text file would have, in the wrong places. */
static void fill_words(unsigned seed)
{
	static const char *const words[] = {"Package: ", "\n", " - ", "Status: install ok installed\n", ":",
		"[daemon]", "=", "  ", "/", "\\040", "ClamAV-VDB", "<update type=\"security\"",
		"<package name=\"", "\"", ">", "8:1", "\xff", "\033[2J", "..", "9999999999999999999999",
		"ExecStart=", "--autologin", "*", "?", "#", "0:1", "state=found", "time="};
	size_t used = 0;

	srandom(seed);
	while (used < sizeof(noise) - 100) {
		const char *word = words[(size_t)random() % SK_ARRAY_SIZE(words)];

		memcpy(noise + used, word, strlen(word));
		used += strlen(word);
	}
	memset(noise + used, '\n', sizeof(noise) - used);
}

static void run_all(Fixture *f)
{
	for (const PostureCheck *const *check = posture_checks; *check; check++)
		fixture_run(f, *check);
}

static void remove_all(const Fixture *f)
{
	char full[1024];

	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		fixture_path(f, files[i], full, sizeof(full));
		if (unlink(full) < 0)
			rmdir(full);
	}
}

static void bytes(void **state)
{
	Fixture *f = *state;

	for (unsigned seed = 0; seed < 12; seed++) {
		if (seed % 2)
			fill_noise(seed);
		else
			fill_words(seed);
		for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++)
			fixture_put_bytes(f, files[i], noise, seed % 3 ? sizeof(noise) : 100 * seed);
		run_all(f);
	}
}

static void make_fifo(const Fixture *f, const char *path, char *full)
{
	assert_int_equal(mkfifo(full, 0644), 0);
}

static void make_directory(const Fixture *f, const char *path, char *full)
{
	assert_int_equal(mkdir(full, 0755), 0);
}

static void make_loop(const Fixture *f, const char *path, char *full)
{
	assert_int_equal(symlink(path, full), 0);
}

static void make_dangling(const Fixture *f, const char *path, char *full)
{
	assert_int_equal(symlink("/nowhere/at/all", full), 0);
}

/* Out of the root: it ends in the root. */
static void make_outward(const Fixture *f, const char *path, char *full)
{
	assert_int_equal(symlink("../../../../../../../../../../etc/hostname", full), 0);
}

static void make_sparse(const Fixture *f, const char *path, char *full)
{
	int fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	close(fd);
}

/* What waits, loops, leads away or never ends. */
static void kinds(void **state)
{
	void (*const makers[])(const Fixture *, const char *, char *) = {
		make_fifo, make_directory, make_loop, make_dangling, make_outward, make_sparse};
	Fixture *f = *state;
	time_t start = time(NULL);
	char full[1024];

	for (size_t m = 0; m < SK_ARRAY_SIZE(makers); m++) {
		for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
			fixture_path(f, files[i], full, sizeof(full));
			makers[m](f, files[i], full);
		}
		run_all(f);
		remove_all(f);
	}
	assert_in_range(time(NULL) - start, 0, 20);
}

/* The checks of the list, each once, each with an id and a requirement. */
static void table(void **state)
{
	for (const PostureCheck *const *a = posture_checks; *a; a++) {
		assert_int_equal(strspn((*a)->id, "abcdefghijklmnopqrstuvwxyz-"), strlen((*a)->id));
		for (const PostureCheck *const *b = a + 1; *b; b++)
			assert_string_not_equal((*a)->id, (*b)->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(bytes), fixture_test(kinds), cmocka_unit_test(table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
