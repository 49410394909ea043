/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sekisho-posture reads, any bytes: the first byte chooses a file of the PC, an answer of chronyd, or a
 * header of rpm's database; every check that reads it ends with a sound result. Not what the kernel says of
 * nf_tables: libnftnl believes the kernel, and so do we, in a jail.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/chrony.h"
#include "agent/posture/rpmdb.h"
#include "agent/posture/sums.h"
#include "agent/posture/updates.h"
#include "lib/base/str.h"
#include "lib/ipc/check_posture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *path;
	const PostureCheck *check;
} files[] = {{"proc/1/mountinfo", &check_disk}, {"proc/swaps", &check_disk}, {"proc/modules", &check_modules},
	{"modules.allow", &check_modules}, {"var/lib/dpkg/status", &check_programs},
	{"etc/passwd", &check_accounts}, {"etc/lightdm/lightdm.conf", &check_autologin},
	{"etc/systemd/system/getty@tty1.service", &check_autologin}, {"daily.cvd", &check_definitions},
	{"var/lib/sekisho-weekly-scan/result", &check_scan}, {"usr/share/sekisho/manifest", &check_agent},
	{"var/lib/apt/lists/x_dists_y-security_main_binary-amd64_Packages", &check_updates}};

static char root[] = "/tmp/sekisho-fuzz-posture-XXXXXX";
static int root_fd = -1;

static void require(int condition)
{
	if (!condition)
		abort();
}

static void make_parents(const char *path)
{
	char copy[256];

	require(sk_str_copy(copy, sizeof(copy), path));
	for (char *slash = copy; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdirat(root_fd, copy, 0700);
		*slash = '/';
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

static void remove_root(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_root(void)
{
	require(mkdtemp(root) != NULL);
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(root_fd >= 0 && sums_init() == 0 && atexit(remove_root) == 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++)
		make_parents(files[i].path);
}

static int memory_with(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void fuzz_file(size_t i, const uint8_t *data, size_t size)
{
	static const SkPostureOptions options = {.definitions = {"/"},
		.modules_file = "/modules.allow",
		.allowed_modules = "ext4 usb*",
		.forbidden = "badshare /bin/bad"};
	Posture posture = {
		.root_fd = root_fd, .options = &options, .now = 1800000000, .fds = {-1, -1, -1, -1, -1}};
	PostureResult result;
	int fd = openat(root_fd, files[i].path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (files[i].check == &check_accounts)
		posture.fds.shadow = memory_with(data, size);
	posture_result_init(&result, files[i].check);
	files[i].check->run(&posture, &result);
	require(sk_check_posture_result(&result.head));
	if (posture.fds.shadow >= 0)
		close(posture.fds.shadow);
	require(unlinkat(root_fd, files[i].path, 0) == 0);
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	Packages packages = {.kind = PACKAGES_RPM};
	char *text = sk_str_dup((const char *)data, size);

	require(text && packages_add(&packages, "vim", "x86_64", "0:1.0-1") == 0);
	updates_take_dnf(text, &packages);
	packages_free(&packages);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ChronyTracking tracking;
	RpmHeader header;

	if (root_fd < 0)
		make_root();
	if (size == 0 || size > 100000)
		return 0;
	if (data[0] < SK_ARRAY_SIZE(files))
		fuzz_file(data[0], data + 1, size - 1);
	else if (data[0] == 'C')
		chrony_parse(data + 1, size - 1, &tracking);
	else if (data[0] == 'R')
		rpm_header_parse(data + 1, size - 1, &header);
	else if (data[0] == 'X')
		fuzz_text(data + 1, size - 1);
	return 0;
}
