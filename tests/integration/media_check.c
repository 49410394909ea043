/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * media-check SERVER TYPE DEVICE: the real sekisho-media with one medium, as core and as users see it. Runs
 * on any machine whose kernel knows TYPE, as root; also in the lab. DEVICE is a read-only block device with
 *	clean.txt	"clean\n"
 *	evil.txt	"EVIL\n"
 *	sub/日本語.txt	"clean\n"
 * The gate is answered here: a file that begins with "EVIL" is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/gate/gate.h"
#include "lib/ipc/proto_probe.h"
#include "tests/lib/media_client.h"

#define CLIENT_UID 65534 /* nobody */
#define USER_UID 51500
#define OTHER_UID 51600
#define SCANNER_UID 51700
#define SCANNER_GID 51700

static char directory[] = "/tmp/sekisho-media-XXXXXX";
static char socket_path[64], media_path[64];
#define NO_NAMESPACES 249

static pid_t server;
static int n_failed;

static const struct {
	const char *name;
	uint32_t content;
} types[] = {
	{"vfat", SK_CONTENT_VFAT},
	{"exfat", SK_CONTENT_EXFAT},
	{"ntfs", SK_CONTENT_NTFS},
	{"ext4", SK_CONTENT_EXT},
	{"iso9660", SK_CONTENT_ISO9660},
	{"udf", SK_CONTENT_UDF},
};

#define CHECK(condition) check((condition), #condition, __LINE__)

static bool check(bool holds, const char *what, int line)
{
	printf("%s line %d: %s\n", holds ? "ok  " : "FAIL", line, what);
	fflush(stdout);
	n_failed += !holds;
	return holds;
}

/* ---- what users try; each returns 0 or the errno that stopped it ---- */

static const char *root; /* of the medium, as the user sees it */

static const char *below(const char *name)
{
	static char path[1024];

	sk_str_format(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static int read_path(const char *path, const char *expected)
{
	char text[16] = "";
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		return errno;
	return sk_str_eq(text, expected) ? 0 : EBADMSG;
}

static int read_clean(void)
{
	return read_path(below("clean.txt"), "clean\n");
}

static int read_japanese(void)
{
	return read_path(below("sub/日本語.txt"), "clean\n");
}

static int read_evil(void)
{
	return read_path(below("evil.txt"), "EVIL\n");
}

static int write_clean(void)
{
	own_fd int fd = open(below("clean.txt"), O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int create_file(void)
{
	own_fd int fd = open(below("new.txt"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int execute_clean(void)
{
	execl(below("clean.txt"), "clean", NULL);
	return errno;
}

static int list_parent(void)
{
	char path[256];

	sk_str_format(path, sizeof(path), "%s/doctor", media_path);
	own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int become_root_of_a_namespace(void)
{
	char users[32], groups[32];

	/* Who changed its user is not dumpable, and its files in /proc are root's. */
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	if (sk_io_write_attr_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
		sk_io_write_attr_at(AT_FDCWD, "/proc/self/uid_map", users) < 0 ||
		sk_io_write_attr_at(AT_FDCWD, "/proc/self/gid_map", groups) < 0)
		return errno;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0;
}

/* The way round the gate that overlayfs was (agent/media/stack.h). */
static int read_evil_through_overlay(void)
{
	char options[1200];
	int error = become_root_of_a_namespace();

	if (error != 0)
		return NO_NAMESPACES;
	if (mount("t", "/tmp", "tmpfs", 0, NULL) < 0 && errno != 0)
		return errno;
	if (mkdir("/tmp/empty", 0755) < 0 || mkdir("/tmp/over", 0755) < 0)
		return errno;
	own_fd int medium = open(root, O_RDONLY | O_DIRECTORY);

	if (medium < 0) /* it lies below /tmp, which is covered now: reach it through the working directory */
		sk_str_format(options, sizeof(options), "lowerdir=.:/tmp/empty");
	else
		sk_str_format(options, sizeof(options), "lowerdir=%s:/tmp/empty", root);
	if (mount("o", "/tmp/over", "overlay", 0, options) < 0)
		return errno;
	return read_path("/tmp/over/evil.txt", "EVIL\n");
}

static int overlay_attempt(void)
{
	/* Before the namespace hides the path. */
	return chdir(root) < 0 ? errno : read_evil_through_overlay();
}

static int root_fd = -1;

static int scan_clean(void)
{
	own_fd int fd = openat(root_fd, "sub/日本語.txt", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? errno : 0;
}

/* ---- running them ---- */

static void decide(void *userdata, SkGate *gate, SkGateEvent *event)
{
	char start[4] = "";
	ssize_t n = pread(event->fd, start, sizeof(start), 0);

	sk_gate_answer(gate, event, n >= 0 && memcmp(start, "EVIL", 4) != 0);
}

/* Runs `action` as that user while the gate is answered. */
static int run_as(SkGate *gate, uid_t uid, gid_t gid, int (*action)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(255);
		alarm(20);
		_exit(action());
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd waiting = {.fd = sk_gate_fd(gate), .events = POLLIN};

		if (poll(&waiting, 1, 10) > 0)
			sk_gate_dispatch(gate);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void start_server(const char *path)
{
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		umask(0);
		/* LeakSanitizer stops and traces its process, which the jail does not allow. */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		execl(path, path, "--listen", socket_path, "--client", "nobody", "--media-dir", media_path,
			"--ntfs-user", "nobody", "--idle", "1", "--kept", "2", NULL);
		_exit(127);
	}
}

static SkMediaMount make_request(uint32_t content)
{
	SkMediaMount request = {
		.volume = 42,
		.content = content,
		.uid = USER_UID,
		.gid = USER_UID,
		.scanner_gid = SCANNER_GID,
		.user = "doctor",
		.label = "USB \xe2\x80\xae/1", /* with a character that turns the direction of text */
	};

	return request;
}

static void check_strangers(void)
{
	own_chan SkChan *chan = NULL;
	SkAnswer answer;

	CHECK(media_client_connect(socket_path, OTHER_UID, &chan) == 0);
	CHECK(media_client_unmount(chan, "/media/a/b", false, &answer) < 0);
}

static void check_bad_requests(SkChan *chan, uint32_t content, int device_fd)
{
	SkMediaMount request = make_request(content);
	SkMediaMounted answer;
	SkAnswer unmounted;
	int fds[2];
	own_fd int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(media_client_mount(chan, &request, file, &answer, fds) == 0 && answer.result == -ENOTBLK);
	CHECK(fds[0] == -1 && fds[1] == -1);
	request.content = SK_CONTENT_OTHER;
	CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == -ENOSYS);
	request = make_request(content);
	sk_str_copy(request.user, sizeof(request.user), "../etc");
	CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == -EINVAL);
	CHECK(media_client_unmount(chan, "/proc", false, &unmounted) == 0 && unmounted.result == -EINVAL);
}

/* The probe said one thing, the medium is another: as with a damaged one. */
static void check_damaged(SkChan *chan, uint32_t content, int device_fd)
{
	SkMediaMount request = make_request(content == SK_CONTENT_EXT ? SK_CONTENT_NTFS : SK_CONTENT_EXT);
	SkMediaMounted answer;
	int fds[2];

	CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == -EUCLEAN);
	CHECK(answer.path[0] == 0 && fds[0] == -1);
}

static void check_users(SkGate *gate)
{
	struct statvfs fs;

	CHECK(run_as(gate, USER_UID, USER_UID, read_clean) == 0);
	CHECK(run_as(gate, USER_UID, USER_UID, read_japanese) == 0);
	CHECK(run_as(gate, USER_UID, USER_UID, read_evil) == EPERM);
	CHECK(run_as(gate, USER_UID, USER_UID, write_clean) != 0);
	CHECK(run_as(gate, USER_UID, USER_UID, create_file) != 0);
	CHECK(run_as(gate, USER_UID, USER_UID, execute_clean) == EACCES);
	CHECK(run_as(gate, USER_UID, USER_UID, list_parent) == 0);
	CHECK(run_as(gate, OTHER_UID, OTHER_UID, list_parent) == EACCES);
	CHECK(run_as(gate, OTHER_UID, OTHER_UID, read_clean) == EACCES);
	CHECK(run_as(gate, SCANNER_UID, SCANNER_GID, scan_clean) == 0);
	int attempt = run_as(gate, USER_UID, USER_UID, overlay_attempt);

	printf("     overlay: %s\n",
		attempt == NO_NAMESPACES ? "users of this machine may not even try" : strerror(attempt));
	CHECK(attempt == EPERM || attempt == EINVAL || attempt == NO_NAMESPACES);
	CHECK(statvfs(root, &fs) == 0 && (fs.f_flag & ST_RDONLY) && (fs.f_flag & ST_NOSUID) &&
		(fs.f_flag & ST_NODEV) && (fs.f_flag & ST_NOEXEC));
}

/* What umount(8) would be told of mounts here, by the process in its jail. */
static bool is_listed(void)
{
	own_free char *text = NULL;
	char place[96];
	size_t size;

	snprintf(place, sizeof(place), " TARGET=%s/doctor/", media_path);
	return sk_io_read_file_at(AT_FDCWD, "/run/mount/utab", 65536, &text, &size) == 0 &&
	       strstr(text, place) != NULL && strstr(text, "OPTS=uhelper=sekisho,x-gvfs-show\n") != NULL;
}

/* A program of the user stands in the medium. */
static void check_busy(SkChan *chan, SkGate *gate, const char *path)
{
	SkAnswer answer;
	char number[16];
	int ready[2];

	/* Closed by the exec: before that nobody may look at a process that changed its user. */
	if (pipe2(ready, O_CLOEXEC) < 0)
		exit(1);
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(USER_UID, USER_UID, USER_UID) < 0 ||
			setresuid(USER_UID, USER_UID, USER_UID) < 0 || chdir(path) < 0)
			_exit(1);
		execl("/bin/sleep", "sleep", "30", NULL);
		_exit(1);
	}
	char byte;

	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 0);
	CHECK(media_client_unmount(chan, path, false, &answer) == 0 && answer.result == -EBUSY);
	printf("     busy: %s\n", answer.detail);
	snprintf(number, sizeof(number), "(%d)", pid);
	CHECK(strstr(answer.detail, number) != NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
}

/* What a user mounts there, over it and on it (FUSE lets everybody), neither hides it nor keeps it. */
static void cover(const char *path)
{
	char inside[600];

	snprintf(inside, sizeof(inside), "%s/sub", path);
	CHECK(mount("none", inside, "tmpfs", 0, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(mount("none", path, "tmpfs", i ? MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC : 0,
			      NULL) == 0);
}

static void check_mount(SkChan *chan, uint32_t content, int device_fd, bool copy)
{
	SkMediaMount request = make_request(content);
	SkMediaMounted answer, second;
	SkAnswer unmounted;
	int fds[2], others[2];

	request.import_copy = copy;
	request.copy_max = 4 << 20;
	if (!CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == 0)) {
		printf("     result %d %s\n", answer.result, answer.detail);
		return;
	}
	printf("     at %s\n", answer.path);
	CHECK(strstr(answer.path, "/doctor/USB \\u{202e}_1") != NULL);
	SkGate *gate = sk_gate_new(fds[0], decide, NULL);

	if (!CHECK(gate && sk_gate_start(gate) == 0))
		return;

	root = answer.path;
	root_fd = fds[1];
	CHECK(media_client_kept(chan, 42, &unmounted) == 0 && unmounted.result == 0);
	CHECK(media_client_kept(chan, 42, &unmounted) == 0 && unmounted.result == -ENOENT);
	check_users(gate);
	CHECK(media_client_mount(chan, &request, device_fd, &second, others) == 0 &&
		(second.result == 0 || second.result == -EBUSY));
	if (second.result == 0) {
		CHECK(strstr(second.path, "_1-2") != NULL);
		CHECK(media_client_unmount(chan, second.path, false, &unmounted) == 0 &&
			unmounted.result == 0);
		close(others[0]);
		close(others[1]);
	}
	check_busy(chan, gate, answer.path);
	CHECK(is_listed());
	cover(answer.path);
	/* The scanner's descriptor of the root is still open, and keeps nobody. */
	CHECK(media_client_unmount(chan, answer.path, false, &unmounted) == 0 && unmounted.result == 0);
	CHECK(access(answer.path, F_OK) < 0 && errno == ENOENT);
	CHECK(!is_listed());
	close(root_fd);
	sk_gate_free(gate);
}

static void check_too_large(SkChan *chan, uint32_t content, int device_fd)
{
	SkMediaMount request = make_request(content);
	SkMediaMounted answer;
	int fds[2];

	request.import_copy = 1;
	request.copy_max = 4;
	CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == -EFBIG);
}

/* Pulled out while somebody looks at it. */
static void check_lazy(SkChan *chan, uint32_t content, int device_fd)
{
	SkMediaMount request = make_request(content);
	SkMediaMounted answer;
	SkAnswer unmounted;
	int fds[2];

	if (!CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == 0))
		return;
	own_fd int inside = open(answer.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(media_client_unmount(chan, answer.path, true, &unmounted) == 0 && unmounted.result == 0);
	CHECK(access(answer.path, F_OK) < 0);
	close(fds[0]);
	close(fds[1]);
}

/* What is mounted is told, and a call of its own closes it, whoever looks on. Nobody else's mount is touched.
 */
static void check_close(SkChan *chan, uint32_t content, int device_fd, const char *program)
{
	SkMediaMount request = make_request(content);
	SkMediaMounted answer;
	MediaPlaces places;
	char command[256], other[96];
	int fds[2];

	if (!CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 && answer.result == 0))
		return;
	snprintf(other, sizeof(other), "%s/doctor/other", media_path);
	CHECK(mkdir(other, 0755) == 0 &&
		mount("none", other, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
	CHECK(media_client_list(chan, &places) == 0 && places.n == 1 &&
		strcmp(places.paths[0], answer.path) == 0);
	own_fd int inside = open(answer.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(command, sizeof(command), "'%s' --close --media-dir '%s' >/dev/null 2>&1", program,
		media_path);
	CHECK(system(command) == 0);
	CHECK(access(answer.path, F_OK) < 0);
	CHECK(media_client_list(chan, &places) == 0 && places.n == 0);
	CHECK(umount(other) == 0 && rmdir(other) == 0);
	close(fds[0]);
	close(fds[1]);
}

/* Core dies before it could put the gate in safety. Nobody may find it open. */
static void check_not_kept(uint32_t content, int device_fd)
{
	own_chan SkChan *chan = NULL;
	SkMediaMount request = make_request(content);
	SkMediaMounted answer;
	int fds[2];

	if (!CHECK(media_client_connect(socket_path, CLIENT_UID, &chan) == 0) ||
		!CHECK(media_client_mount(chan, &request, device_fd, &answer, fds) == 0 &&
			answer.result == 0))
		return;
	int inside = open(answer.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(fds[0]);
	close(fds[1]);
	chan = sk_chan_free(chan);
	pid_t pid = fork();

	if (pid == 0)
		_exit(openat(inside, "clean.txt", O_RDONLY) < 0 ? errno : 0);
	usleep(300000);
	CHECK(waitpid(pid, NULL, WNOHANG) == 0);
	for (int i = 0; i < 80 && access(answer.path, F_OK) == 0; i++)
		usleep(100000);
	CHECK(access(answer.path, F_OK) < 0);
	CHECK(waitpid(pid, NULL, WNOHANG) == 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(inside);
}

static void check_idle_exit(void)
{
	int status = -1;

	for (int i = 0; i < 500 && waitpid(server, &status, WNOHANG) == 0; i++)
		usleep(10000);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	printf("     server status %#x\n", (unsigned)status);
}

static int find_content(const char *name, uint32_t *ret_content)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(types); i++)
		if (sk_str_eq(types[i].name, name)) {
			*ret_content = types[i].content;
			return 0;
		}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	uint32_t content;
	own_fd int device_fd = argc == 4 ? open(argv[3], O_RDONLY | O_CLOEXEC) : -1;

	if (device_fd < 0 || find_content(argv[2], &content) < 0 || !mkdtemp(directory)) {
		fprintf(stderr, "usage: media-check SERVER TYPE DEVICE\n");
		return 2;
	}
	chmod(directory, 0755);
	snprintf(socket_path, sizeof(socket_path), "%s/media.sock", directory);
	snprintf(media_path, sizeof(media_path), "%s/media", directory);
	start_server(argv[1]);
	check_strangers();

	own_chan SkChan *chan = NULL;

	if (CHECK(media_client_connect(socket_path, CLIENT_UID, &chan) == 0)) {
		check_bad_requests(chan, content, device_fd);
		check_damaged(chan, content, device_fd);
		check_mount(chan, content, device_fd, false);
		check_mount(chan, content, device_fd, true);
		check_too_large(chan, content, device_fd);
		check_lazy(chan, content, device_fd);
		check_close(chan, content, device_fd, argv[1]);
	}
	chan = sk_chan_free(chan);
	check_not_kept(content, device_fd);
	check_idle_exit();
	if (n_failed == 0) {
		char command[128];

		snprintf(command, sizeof(command), "rm -rf --one-file-system '%s'", directory);
		(void)!system(command);
	}
	printf("%s: %s\n", argv[2], n_failed ? "FAILED" : "passed");
	return n_failed ? 1 : 0;
}
