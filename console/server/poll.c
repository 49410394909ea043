/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/poll.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "lib/base/str.h"

/* The times are a wheel of tenths of a second; a time beyond its round stays in its slot for another one. */
#define SLOTS 1024
#define SLOT_MS 100

typedef enum State {
	IDLE,	   /* in no list */
	ARMED,	   /* among those of its terminal */
	WOKEN,	   /* armed, and woken before it was suspended */
	SUSPENDED, /* and in the wheel */
} State;

/* Those who wait for one terminal: mostly one. */
typedef struct Terminal {
	char id[SK_ID_SIZE];
	SkWaiter *waiters;
	UT_hash_handle hh;
} Terminal;

struct SkWaiter {
	State state;
	bool timed_out;
	int64_t until;
	void (*resume)(void *userdata);
	void *userdata;
	Terminal *terminal;
	SkWaiter *prev, *next;		 /* of the terminal */
	SkWaiter *slot_prev, *slot_next; /* of the wheel */
};

struct SkPoll {
	pthread_mutex_t lock;
	Terminal *terminals;
	SkWaiter *wheel[SLOTS];
	int64_t turned; /* the last slot time that was looked at */
	unsigned count;
};

int sk_poll_new(SkPoll **ret_poll)
{
	SkPoll *poll = calloc(1, sizeof(*poll));

	if (!poll)
		return -ENOMEM;
	pthread_mutex_init(&poll->lock, NULL);
	*ret_poll = poll;
	return 0;
}

void sk_poll_free(SkPoll *poll)
{
	if (!poll)
		return;
	pthread_mutex_destroy(&poll->lock);
	free(poll);
}

int sk_waiter_new(void (*resume)(void *userdata), void *userdata, SkWaiter **ret_waiter)
{
	SkWaiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->resume = resume;
	waiter->userdata = userdata;
	*ret_waiter = waiter;
	return 0;
}

/* Out of all lists; the lock is held. */
static void take_out(SkPoll *poll, SkWaiter *waiter)
{
	if (waiter->state == SUSPENDED) {
		DL_DELETE2(poll->wheel[(waiter->until / SLOT_MS) % SLOTS], waiter, slot_prev, slot_next);
		poll->count--;
	}
	if (waiter->terminal) {
		DL_DELETE(waiter->terminal->waiters, waiter);
		if (!waiter->terminal->waiters) {
			HASH_DEL(poll->terminals, waiter->terminal);
			free(waiter->terminal);
		}
		waiter->terminal = NULL;
	}
	waiter->state = IDLE;
}

void sk_waiter_free(SkPoll *poll, SkWaiter *waiter)
{
	if (!waiter)
		return;
	pthread_mutex_lock(&poll->lock);
	take_out(poll, waiter);
	pthread_mutex_unlock(&poll->lock);
	free(waiter);
}

static int join(SkPoll *poll, SkWaiter *waiter, const char *id)
{
	Terminal *terminal;

	HASH_FIND_STR(poll->terminals, id, terminal);
	if (!terminal) {
		terminal = calloc(1, sizeof(*terminal));
		if (!terminal || !sk_str_copy(terminal->id, sizeof(terminal->id), id)) {
			free(terminal);
			return -ENOMEM;
		}
		HASH_ADD_STR(poll->terminals, id, terminal);
	}
	waiter->terminal = terminal;
	DL_APPEND(terminal->waiters, waiter);
	return 0;
}

int sk_poll_arm(SkPoll *poll, SkWaiter *waiter, const char *terminal)
{
	int r;

	pthread_mutex_lock(&poll->lock);
	take_out(poll, waiter);
	waiter->timed_out = false;
	r = join(poll, waiter, terminal);
	if (r == 0)
		waiter->state = ARMED;
	pthread_mutex_unlock(&poll->lock);
	return r;
}

void sk_poll_suspended(SkPoll *poll, SkWaiter *waiter, int64_t until)
{
	pthread_mutex_lock(&poll->lock);
	if (waiter->state == ARMED) {
		waiter->state = SUSPENDED;
		waiter->until = until;
		DL_APPEND2(poll->wheel[(until / SLOT_MS) % SLOTS], waiter, slot_prev, slot_next);
		poll->count++;
	} else {
		take_out(poll, waiter);
		waiter->resume(waiter->userdata);
	}
	pthread_mutex_unlock(&poll->lock);
}

bool sk_waiter_timed_out(const SkWaiter *waiter)
{
	return waiter->timed_out;
}

static void wake(SkPoll *poll, SkWaiter *waiter)
{
	if (waiter->state == SUSPENDED) {
		take_out(poll, waiter);
		waiter->resume(waiter->userdata);
	} else {
		waiter->state = WOKEN;
	}
}

static void wake_terminal(SkPoll *poll, Terminal *terminal)
{
	SkWaiter *waiter, *next;
	/* The last one that goes takes the terminal with it, so its end is found before. */
	SkWaiter *last = terminal->waiters ? terminal->waiters->prev : NULL;

	for (waiter = terminal->waiters; waiter; waiter = next) {
		next = waiter == last ? NULL : waiter->next;
		wake(poll, waiter);
	}
}

void sk_poll_wake(SkPoll *poll, const char *terminal)
{
	Terminal *found, *next;

	pthread_mutex_lock(&poll->lock);
	if (terminal) {
		HASH_FIND_STR(poll->terminals, terminal, found);
		if (found)
			wake_terminal(poll, found);
	} else {
		HASH_ITER (hh, poll->terminals, found, next)
			wake_terminal(poll, found);
	}
	pthread_mutex_unlock(&poll->lock);
}

static void turn(SkPoll *poll, int64_t slot, int64_t now)
{
	SkWaiter *waiter, *next;

	DL_FOREACH_SAFE2(poll->wheel[slot % SLOTS], waiter, next, slot_next)
	{
		if (waiter->until > now)
			continue;
		take_out(poll, waiter);
		waiter->timed_out = true;
		waiter->resume(waiter->userdata);
	}
}

void sk_poll_tick(SkPoll *poll, int64_t now)
{
	int64_t slot = now / SLOT_MS;

	pthread_mutex_lock(&poll->lock);
	if (slot - poll->turned > SLOTS)
		poll->turned = slot - SLOTS;
	/* The slot of now is not over: it is looked at again the next time. */
	for (int64_t i = poll->turned; i <= slot; i++)
		turn(poll, i, now);
	poll->turned = slot;
	pthread_mutex_unlock(&poll->lock);
}

unsigned sk_poll_count(SkPoll *poll)
{
	unsigned count;

	pthread_mutex_lock(&poll->lock);
	count = poll->count;
	pthread_mutex_unlock(&poll->lock);
	return count;
}
