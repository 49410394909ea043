/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The sessions of people, as logind tells them, with their locks as their desktops tell them. */
#include "agent/lock/lock.h"

#define LOGIND "org.freedesktop.login1"
#define LOGIND_MANAGER LOGIND, "/org/freedesktop/login1", LOGIND ".Manager"

/* Watches them; lock_look() is called when something changes. Return: 0 or negative errno. */
int sessions_open(Lock *lock);
void sessions_close(Lock *lock);

/* Return: NULL when it is not watched, or gone. */
Seen *sessions_find(Lock *lock, const char *id);

/* About which session logind was asked: its answer does not say. */
typedef struct Question {
	Lock *lock;
	char id[64];
	char about[32]; /* a name on the bus, where it was about one */
} Question;

/* Return: NULL without memory; the caller's, until question_sent(). */
Question *question_new(Lock *lock, const Seen *session);

/* The call it is the userdata of was sent: the bus owns both from now on. */
void question_sent(sd_bus_slot *slot);

/* Whose name on the bus question->about is: on_pid() hears the number of the process. Takes the question. */
void sessions_ask_pid(Lock *lock, Question *question, sd_bus_message_handler_t on_pid);

/* Reads the list anew. New ones begin now. */
void sessions_read(Lock *lock);

/* The last sign of the user of each of them; newest: of the input devices. */
void sessions_note_input(Lock *lock, uint64_t now, uint64_t newest);

/* Ask logind: without waiting for what comes of it, which is seen by the session itself. */
void sessions_ask_lock(Lock *lock, const Seen *session);
void sessions_ask_unlock(Lock *lock, const Seen *session);
void sessions_end(Lock *lock, const Seen *session);
void sessions_show(Lock *lock, const char *id);
