/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/gate/fake_group.h"

typedef struct Seen {
	size_t n;
	SkGateEvent *last;
} Seen;

static void keep(void *userdata, SkGate *gate, SkGateEvent *event)
{
	Seen *seen = userdata;

	seen->n++;
	seen->last = event;
}

static void an_event_carries_what_identifies_the_file(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("12345");
	SkFileId file;
	mode_t mode;

	assert_int_equal(sk_gate_file_id(fd, &file, &mode), 0);
	fake_event(&group, fd, 4321, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last->pid, 4321);
	assert_false(seen.last->exec);
	assert_int_equal(seen.last->file.size, 5);
	assert_memory_equal(&seen.last->file, &file, sizeof(file));
	assert_int_equal(seen.last->mode, mode);
	assert_int_equal(sk_gate_outstanding(gate), 1);
	sk_gate_free(gate);
	close(group.kernel);
}

/* The reader does it, in its own time. */
static bool is_closed_soon(int fd)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (fcntl(fd, F_GETFD) < 0)
			return true;
		usleep(1000);
	}
	return false;
}

static void an_answer_names_the_descriptor_and_closes_it(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int files[2] = {fake_file("a"), fake_file("b")};

	for (size_t i = 0; i < 2; i++) {
		fake_event(&group, files[i], 10, i ? FAN_OPEN_EXEC_PERM : FAN_OPEN_PERM);
		assert_int_equal(fake_dispatch(gate), 1);
		assert_int_equal(seen.last->exec, i == 1);
		assert_int_equal(sk_gate_answer(gate, seen.last, i == 0), 0);
		struct fanotify_response answer = fake_answer(&group);

		assert_int_equal(answer.fd, files[i]);
		assert_int_equal(answer.response, i == 0 ? FAN_ALLOW : FAN_DENY);
		assert_true(is_closed_soon(files[i]));
	}
	assert_int_equal(sk_gate_outstanding(gate), 0);
	sk_gate_free(gate);
	close(group.kernel);
}

static void what_cannot_be_looked_at_is_denied(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);

	fake_event(&group, 901, 10, FAN_OPEN_PERM); /* no such descriptor */
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(answer.fd, 901);
	assert_int_equal(answer.response, FAN_DENY);
	assert_int_equal(sk_gate_dispatch(gate), 0);
	assert_int_equal(seen.n, 0);
	sk_gate_free(gate);
	close(group.kernel);
}

static void too_many_waiting_opens_are_denied(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("x");

	for (size_t i = 0; i < SK_GATE_OUTSTANDING_MAX; i++) {
		fake_event(&group, fcntl(fd, F_DUPFD_CLOEXEC, 3), 10, FAN_OPEN_PERM);
		assert_int_equal(fake_dispatch(gate), 1);
	}
	assert_int_equal(seen.n, SK_GATE_OUTSTANDING_MAX);
	assert_int_equal(fake_answer(&group).fd, -1);
	fake_event(&group, fd, 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(seen.n, SK_GATE_OUTSTANDING_MAX);
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(answer.fd, fd);
	assert_int_equal(answer.response, FAN_DENY);
	close(group.kernel);
	sk_gate_free(gate);
}

static void freeing_denies_what_waits(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("x");

	fake_event(&group, fd, 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	sk_gate_free(gate);
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(answer.fd, fd);
	assert_int_equal(answer.response, FAN_DENY);
	close(group.kernel);
}

static void freeing_denies_what_nobody_has_taken(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("x");

	fake_event(&group, fd, 10, FAN_OPEN_PERM);
	assert_true(fake_wait(sk_gate_fd(gate), 5000));
	sk_gate_free(gate);
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(seen.n, 0);
	assert_int_equal(answer.fd, fd);
	assert_int_equal(answer.response, FAN_DENY);
	assert_true(is_closed_soon(fd));
	close(group.kernel);
}

static void another_takes_over_what_comes(void **state)
{
	FakeGroup group = fake_group_new();
	Seen first = {0}, second = {0};
	SkGate *gate = fake_gate(&group, keep, &first);
	int waits = fake_file("x");

	fake_event(&group, waits, 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	sk_gate_hand_over(gate, keep, &second);
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(answer.fd, waits);
	assert_int_equal(answer.response, FAN_DENY);
	fake_event(&group, fake_file("y"), 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(first.n, 1);
	assert_int_equal(second.n, 1);
	sk_gate_free(gate);
	close(group.kernel);
}

static void one_that_is_never_started_lets_nobody_wait_for_it(void **state)
{
	FakeGroup group = fake_group_new();
	SkGate *gate = sk_gate_new(group.reader, keep, NULL);

	assert_int_equal(sk_gate_group(gate), group.reader);
	sk_gate_free(gate);
	assert_int_equal(fcntl(group.reader, F_GETFD), -1);
	close(group.kernel);
}

/* The numbers of our own events would be denied with those of the one before. */
static void a_gate_is_cleared_before_it_is_started(void **state)
{
	FakeGroup group = fake_group_new();
	SkGate *gate = fake_gate(&group, keep, NULL);

	assert_int_equal(sk_gate_start(gate), -EALREADY);
	assert_int_equal(sk_gate_deny_outstanding(gate), -EBUSY);
	sk_gate_free(gate);
	close(group.kernel);
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void trust_ends_with_the_trusted_process(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	pid_t pid = start_sleeper();
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_int_equal(sk_gate_trust(gate, pid, pidfd), 0);
	fake_event(&group, fake_file("x"), pid, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(seen.n, 0);
	assert_int_equal(fake_answer(&group).response, FAN_ALLOW);

	/* A number that somebody else may have by now. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fake_event(&group, fake_file("y"), pid, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(seen.n, 1);
	close(pidfd);
	sk_gate_free(gate);
	close(group.kernel);
}

static void children_of_the_trusted_process_are_trusted(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t child = start_sleeper();

	assert_int_equal(sk_gate_trust(gate, getpid(), pidfd), 0);
	fake_event(&group, fake_file("x"), child, FAN_OPEN_PERM);
	fake_event(&group, fake_file("y"), getppid(), FAN_OPEN_PERM);
	for (int n = 0; n < 2;)
		n += fake_dispatch(gate);
	assert_int_equal(fake_answer(&group).response, FAN_ALLOW);
	assert_int_equal(seen.n, 1); /* the parent is not */
	assert_int_equal(sk_gate_trust(gate, 0, -1), 0);
	fake_event(&group, fake_file("z"), child, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(seen.n, 2);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pidfd);
	sk_gate_free(gate);
	close(group.kernel);
}

static void nobody_trusts_process_0_or_1(void **state)
{
	FakeGroup group = fake_group_new();
	SkGate *gate = fake_gate(&group, keep, NULL);
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	assert_int_equal(sk_gate_trust(gate, 0, pidfd), -EINVAL);
	assert_int_equal(sk_gate_trust(gate, 1, pidfd), -EINVAL);
	close(pidfd);
	sk_gate_free(gate);
	close(group.kernel);
}

static void another_version_of_the_interface_is_an_error(void **state)
{
	FakeGroup group = fake_group_new();
	SkGate *gate = fake_gate(&group, keep, NULL);
	struct fanotify_event_metadata event = {
		.event_len = sizeof(event), .vers = FANOTIFY_METADATA_VERSION + 1, .fd = -1};

	assert_int_equal(write(group.kernel, &event, sizeof(event)), sizeof(event));
	assert_int_equal(fake_dispatch(gate), -EPROTO);
	sk_gate_free(gate);
	close(group.kernel);
}

static void a_group_that_ended_is_an_error(void **state)
{
	FakeGroup group = fake_group_new();
	SkGate *gate = fake_gate(&group, keep, NULL);

	assert_int_equal(sk_gate_dispatch(gate), 0);
	close(group.kernel);
	assert_int_equal(fake_dispatch(gate), -EPIPE);
	assert_null(sk_gate_free(gate));
	assert_null(sk_gate_free(NULL));
}

typedef struct Opened {
	Seen seen; /* first: it is what keep() gets */
	size_t n;
	uid_t uid;
	SkFileId file;
} Opened;

static void note_opened(void *userdata, const SkFileId *file, uid_t uid)
{
	Opened *opened = userdata;

	opened->n++;
	opened->file = *file;
	opened->uid = uid;
}

static void who_makes_a_file_waits_for_no_decision_while_it_is_watched(void **state)
{
	FakeGroup group = fake_group_new();
	Opened opened = {.n = 0};
	SkGate *gate = fake_gate(&group, keep, &opened);
	int empty = fake_file(""), full = fake_file("x");

	sk_gate_watch(gate, keep, note_opened);
	fake_event(&group, empty, getpid(), FAN_OPEN_PERM);
	struct fanotify_response answer = fake_answer(&group);

	assert_int_equal(answer.fd, empty);
	assert_int_equal(answer.response, FAN_ALLOW);
	assert_true(is_closed_soon(empty));
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(opened.n, 1);
	assert_int_equal(opened.uid, geteuid());
	assert_int_equal(opened.file.size, 0);
	assert_int_equal(opened.seen.n, 0);
	fake_event(&group, full, getpid(), FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(opened.seen.n, 1);
	sk_gate_watch(gate, keep, NULL);
	fake_event(&group, fake_file(""), getpid(), FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_int_equal(opened.seen.n, 2);
	assert_int_equal(opened.n, 1);
	sk_gate_free(gate);
	close(group.kernel);
}

static void descriptors_are_closed_when_it_is_time(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("x");

	sk_gate_gather(gate);
	fake_event(&group, fd, 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	sk_gate_answer(gate, seen.last, true);
	assert_int_equal(fake_answer(&group).fd, fd);
	usleep(50000);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	sk_gate_flush(gate);
	assert_true(is_closed_soon(fd));
	sk_gate_free(gate);
	close(group.kernel);
}

/* As the unit of core has it: what is held for long is above the numbers of events. */
static void raise_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void what_is_taken_for_long_keeps_no_place_of_those_that_wait(void **state)
{
	FakeGroup group = fake_group_new();
	Seen seen = {0};
	SkGate *gate = fake_gate(&group, keep, &seen);
	int fd = fake_file("x");

	raise_limit();
	sk_gate_watch(gate, keep, NULL);
	fake_event(&group, fd, 10, FAN_CLOSE_WRITE);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_true(seen.last->written);
	assert_true(sk_gate_take(gate, seen.last));
	assert_int_equal(sk_gate_outstanding(gate), 0);
	sk_gate_answer(gate, seen.last, true);
	assert_true(is_closed_soon(fd));
	fake_event(&group, fake_file("y"), 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(gate), 1);
	assert_false(sk_gate_take(gate, seen.last)); /* somebody waits for it */
	assert_int_equal(sk_gate_outstanding(gate), 1);
	sk_gate_free(gate);
	close(group.kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_carries_what_identifies_the_file),
		cmocka_unit_test(an_answer_names_the_descriptor_and_closes_it),
		cmocka_unit_test(what_cannot_be_looked_at_is_denied),
		cmocka_unit_test(too_many_waiting_opens_are_denied),
		cmocka_unit_test(freeing_denies_what_waits),
		cmocka_unit_test(freeing_denies_what_nobody_has_taken),
		cmocka_unit_test(another_takes_over_what_comes),
		cmocka_unit_test(one_that_is_never_started_lets_nobody_wait_for_it),
		cmocka_unit_test(a_gate_is_cleared_before_it_is_started),
		cmocka_unit_test(trust_ends_with_the_trusted_process),
		cmocka_unit_test(children_of_the_trusted_process_are_trusted),
		cmocka_unit_test(who_makes_a_file_waits_for_no_decision_while_it_is_watched),
		cmocka_unit_test(descriptors_are_closed_when_it_is_time),
		cmocka_unit_test(what_is_taken_for_long_keeps_no_place_of_those_that_wait),
		cmocka_unit_test(nobody_trusts_process_0_or_1),
		cmocka_unit_test(another_version_of_the_interface_is_an_error),
		cmocka_unit_test(a_group_that_ended_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
