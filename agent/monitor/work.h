/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Calls that a device can make slow (authorising it, opening its disk) run on threads, so that a
 * device that does not answer holds up no other. Jobs with the same key run one after another, in the order
 * in which they were given; threads share nothing but their own job.
 */
#include <systemd/sd-event.h>

#include "lib/ipc/proto.h"

typedef struct Work Work;
typedef struct Job Job;

/* First member of every job; the rest belongs to its kind. */
struct Job {
	Job *prev, *next, *next_ready;
	char key[SK_SYSNAME_SIZE];
	int running;
	void (*run)(Job *job);			/* on the thread; touches only its job */
	void (*done)(void *userdata, Job *job); /* back on the loop; frees the job */
};

/* Threads at the same time; further jobs wait. */
#define WORK_THREADS_MAX 32

/* userdata is handed to every done(). Return: 0 or negative errno. */
int work_new(sd_event *event, void *userdata, Work **ret_work);

/* Takes the job. One that cannot get a thread runs on the loop at once: late is better than never. */
void work_start(Work *work, Job *job);

/* Has a thread wait for the first job. Threads keep the jail of the one that made them: call it inside. */
void work_warm(Work *work);
