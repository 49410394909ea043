/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/inhibit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lock/lock.h"
#include "agent/lock/sessions.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* What it was started from would need the right to trace it; its name may be read by everybody. */
static void read_program(char *name, size_t size, pid_t pid)
{
	char path[32];

	name[0] = 0;
	if (!sk_str_format(path, sizeof(path), "/proc/%d/comm", (int)pid))
		return;
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, name, size - 1);

	name[n > 0 ? n : 0] = 0;
	name[strcspn(name, "\n")] = 0;
}

bool inhibit_note(Holder *holder, const Inhibitor *inhibitor, uid_t user)
{
	if (inhibitor->uid != user || !sk_str_eq(inhibitor->mode, "block") ||
		!sk_str_has_word(inhibitor->what, ":", "idle")) /* "sleep:idle:shutdown" */
		return false;
	(void)sk_str_copy(holder->who, sizeof(holder->who), inhibitor->who[0] ? inhibitor->who : "?");
	(void)sk_str_copy(holder->why, sizeof(holder->why), inhibitor->why);
	read_program(holder->program, sizeof(holder->program), inhibitor->pid);
	return true;
}

/* What cannot be read is no reason to leave a session open. */
static bool find_holder(sd_bus_message *answer, Holder *holder, uid_t user)
{
	Inhibitor one;
	bool found = false;

	if (sd_bus_message_is_method_error(answer, NULL) ||
		sd_bus_message_enter_container(answer, 'a', "(ssssuu)") < 0)
		return false;
	while (!found && sd_bus_message_read(answer, "(ssssuu)", &one.what, &one.who, &one.why, &one.mode,
				 &one.uid, &one.pid) > 0)
		found = inhibit_note(holder, &one, user);
	return found;
}

static int on_list(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	const Question *question = userdata;
	Seen *seen = sessions_find(question->lock, question->id);

	/* Its user came back before the answer: it is worth nothing now. */
	if (!seen || seen->hold == LOCK_HOLD_UNKNOWN)
		return 0;
	seen->hold = find_holder(answer, &seen->holder, seen->uid) ? LOCK_HOLD_SOME : LOCK_HOLD_NONE;
	lock_look(question->lock);
	return 0;
}

static void send_question(Lock *lock, const Seen *session)
{
	own_free Question *question = question_new(lock, session);
	sd_bus_slot *slot = NULL;

	if (!question || sd_bus_call_method_async(lock->bus, &slot, LOGIND_MANAGER, "ListInhibitors", on_list,
				 question, NULL) < 0)
		return; /* the limit does not wait for ever */
	own_take(question);
	question_sent(slot);
}

void inhibit_ask(Lock *lock, Seen *session)
{
	session->hold = LOCK_HOLD_ASKED;
	send_question(lock, session);
}

void inhibit_ask_again(Lock *lock)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (seen->id[0] && seen->hold == LOCK_HOLD_SOME)
			send_question(lock, seen);
}

void inhibit_forget(Seen *session)
{
	session->hold = LOCK_HOLD_UNKNOWN;
	session->holder = (Holder){0};
}
