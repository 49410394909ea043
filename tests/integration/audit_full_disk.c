/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log on a full disk: a small tmpfs in a mount namespace of our own.
 *
 * Exit: 0 good, 1 not, 77 cannot be tried here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/audit/audit.h"
#include "lib/audit/reader.h"
#include "lib/audit/verify.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define SKIPPED 77
#define RESERVE (256 * 1024)

#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                       \
			return 1;                                                                            \
		}                                                                                            \
	} while (0)

static int write_text(const char *path, const char *text)
{
	own_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : sk_io_write_all(fd, text, strlen(text));
}

static int enter_small_disk(const char *directory)
{
	char map[64];

	sk_str_format(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (geteuid() != 0) {
		if (unshare(CLONE_NEWUSER) < 0 || write_text("/proc/self/setgroups", "deny") < 0 ||
			write_text("/proc/self/uid_map", map) < 0)
			return -EPERM;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", directory, "tmpfs", MS_NODEV | MS_NOSUID, "size=2m") < 0)
		return -errno;
	return 0;
}

static void fill_disk(const char *directory)
{
	char path[256], block[4096] = "x";
	own_fd int fd = -1;

	sk_str_format(path, sizeof(path), "%s/filler", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
}

static int append(SkAudit *audit)
{
	json_t *body = json_pack("{s:s}", "text", "about the fault");
	int r = sk_audit_append(audit, "test.record", "writer", body, NULL);

	json_decref(body);
	return r;
}

static unsigned count_kind(const char *directory, const char *kind)
{
	own_audit_reader SkAuditReader *reader = NULL;
	SkAuditRecord record;
	unsigned count = 0;

	if (sk_audit_reader_open(directory, 0, &reader) < 0)
		return 0;
	while (sk_audit_reader_next(reader, &record) == 1)
		count += sk_audit_kind_covers(kind, record.kind);
	return count;
}

static uint64_t findings(const char *directory, const SkAuditHead *head)
{
	char key_path[256];
	const SkAuditVerifyOptions options = {
		.directory = directory, .start_key_path = key_path, .expected_head = head};
	SkAuditReport report;

	sk_str_format(key_path, sizeof(key_path), "%s/" SK_AUDIT_START_KEY, directory);
	if (sk_audit_verify(&options, NULL, NULL, &report) < 0 || report.seals != report.seals_checked)
		return UINT64_MAX;
	return report.findings;
}

static int run(const char *directory)
{
	const SkAuditOptions options = {.reserve_size = RESERVE, .segment_size = 64 * 1024};
	char filler[256];
	unsigned written = 0, more = 0;
	SkAuditSpace space;
	SkAuditHead head;
	SkAudit *audit = NULL;

	CHECK(sk_audit_open(directory, &options, &audit) == 0);
	CHECK(sk_audit_get_space(audit, &space) == 0 && space.reserve == RESERVE && !space.reserve_opened);
	CHECK(append(audit) == 0);
	fill_disk(directory);
	while (written < 100000 && append(audit) == 0)
		written++;
	/* The reserve of 256 KiB holds some 700 records of 360 bytes with their seals. */
	CHECK(written > 500 && written < 2000);
	CHECK(append(audit) == -ENOSPC);
	CHECK(sk_audit_get_space(audit, &space) == 0 && space.reserve == 0 && space.reserve_opened);
	CHECK(count_kind(directory, "audit.reserve-opened") == 1);
	CHECK(count_kind(directory, "test.record") == written + 1);
	sk_audit_get_head(audit, &head);
	CHECK(findings(directory, &head) == 0);
	CHECK(sk_audit_restore_reserve(audit) == -ENOSPC);
	printf("%u records went into the reserve, then ENOSPC\n", written);

	sk_str_format(filler, sizeof(filler), "%s/filler", directory);
	CHECK(unlink(filler) == 0);
	while (more < 100 && append(audit) == 0)
		more++;
	CHECK(more == 100);
	CHECK(sk_audit_restore_reserve(audit) == 0);
	CHECK(count_kind(directory, "audit.reserve-restored") == 1);
	CHECK(sk_audit_get_space(audit, &space) == 0 && space.reserve == RESERVE && !space.reserve_opened);
	sk_audit_get_head(audit, &head);
	CHECK(sk_audit_close(audit) == 0);
	CHECK(findings(directory, &head) == 0);

	/* A start on a full disk: the log opens, and records go into the reserve again. */
	fill_disk(directory);
	CHECK(sk_audit_open(directory, &options, &audit) == 0);
	CHECK(append(audit) == 0);
	CHECK(sk_audit_close(audit) == 0);
	CHECK(count_kind(directory, "audit.reserve-opened") == 2);
	CHECK(findings(directory, NULL) == 0);
	puts("room again: records, reserve and seals are back; no finding");
	return 0;
}

int main(void)
{
	char directory[] = "/tmp/sekisho-full-XXXXXX";
	int r;

	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return 1;
	if (enter_small_disk(directory) < 0) {
		puts("no mount namespace can be made here");
		rmdir(directory);
		return SKIPPED;
	}
	r = run(directory);
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	return r;
}
