/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/greeter.h"

#include <stdlib.h>

#include "agent/lock/lock.h"
#include "agent/lock/process.h"
#include "agent/lock/sessions.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define SEAT "seat0" /* the one that has the consoles */

bool greeter_is_known(const char *path)
{
	static const char *const managers[] = {
		"/usr/sbin/lightdm", "/usr/sbin/gdm3", "/usr/sbin/gdm", "/usr/bin/gdm", "/usr/bin/sddm"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(managers); i++)
		if (sk_str_eq(path, managers[i]))
			return true;
	return false;
}

/* Any user may tell logind to unlock his own session: who did is asked before it counts. */
static int on_pid(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const Question *question = userdata;
	Seen *seen = sessions_find(question->lock, question->id);
	char path[PROCESS_PATH_MAX];
	uint32_t pid;
	uid_t uid;

	if (!seen || sd_bus_message_is_method_error(message, NULL) ||
		sd_bus_message_read(message, "u", &pid) < 0)
		return 0;
	/* Of root's own: whoever may start that program as himself may also bend it from within. */
	if (!process_user((pid_t)pid, &uid) || uid != 0 || !process_program((pid_t)pid, path, sizeof(path)) ||
		!greeter_is_known(path))
		return 0;
	seen->let_in = true;
	lock_look(question->lock);
	return 0;
}

void greeter_hear(Lock *lock, sd_bus_message *message)
{
	const char *name = sd_bus_message_get_sender(message), *id;

	if (!name || !sd_bus_message_is_method_call(message, NULL, "UnlockSession") ||
		sd_bus_message_read(message, "s", &id) < 0)
		return;
	const Seen *seen = id[0] ? sessions_find(lock, id) : NULL;
	own_free Question *question = seen ? question_new(lock, seen) : NULL;

	if (question && sk_str_copy(question->about, sizeof(question->about), name))
		sessions_ask_pid(lock, own_take(question), on_pid);
}

static bool waits(const char *id)
{
	own_free char *class = NULL, *state = NULL;

	return sd_session_get_class(id, &class) >= 0 && sk_str_eq(class, "greeter") &&
	       sd_session_get_state(id, &state) >= 0 && sk_str_eq(state, "online");
}

static bool is_somebody_in_front(void)
{
	own_free char *id = NULL;

	/* The seat may still name the one that is gone. */
	return sd_seat_get_active(SEAT, &id, NULL) >= 0 && sd_session_is_active(id) > 0;
}

void greeter_show(Lock *lock)
{
	char **ids = NULL;
	bool done = is_somebody_in_front();

	lock->deserted = false;
	(void)sd_seat_get_sessions(SEAT, &ids, NULL, NULL);
	for (char **id = ids; id && *id; id++) {
		if (!done && waits(*id)) {
			sessions_show(lock, *id);
			done = true;
		}
		free(*id);
	}
	free(ids);
}
