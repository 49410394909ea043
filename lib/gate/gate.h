/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The reading side of a fanotify permission group: whoever opens a file of a gated volume waits in the kernel
 * until an answer is written here. The group is made by sekisho-media (the kernel wants CAP_SYS_ADMIN for
 * that); reading and answering needs no privilege, so core does it.
 *
 * The kernel names an unanswered event only by the number that its descriptor got in the process that read
 * it. Two rules follow, and this file keeps them: a descriptor stays open until its event is answered, and a
 * process that inherits a group calls sk_gate_deny_outstanding() before it reads from it, lest its answer to
 * a new event falls on an old one of the same number.
 *
 * A medium that does not answer holds up nobody here: a thread of the gate's own reads, looks and closes
 * (reader.h). What is declared here belongs to one thread; no function calls back but sk_gate_dispatch().
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ipc/proto_scanner.h"

typedef struct SkGate SkGate;

/*
 * One open() that waits; or the end of one that was for writing, for which nobody waits: then written is set,
 * and to answer it is to let its descriptor go. Owned by the gate; valid until it is answered. `fd` was
 * opened by the kernel for reading, raises no events itself, and may be handed on (a duplicate of it): it is
 * closed after the answer. Calls that touch the file (fstat, read, close) may never return.
 */
typedef struct SkGateEvent {
	struct SkGateEvent *prev, *next;
	struct SkGateEvent *waiter_prev, *waiter_next; /* for the table */
	int fd;
	pid_t pid; /* thread group of the opener as seen from here; 0 from outside our pid namespace */
	uid_t uid; /* whose rights the opener had, (uid_t)-1: not known */
	bool exec; /* to be executed, not only read */
	bool written;
	bool leased; /* by sk_gate_lease(); it may have broken since */
	bool taken;  /* by sk_gate_take() */
	bool judged; /* for the receiver to set: its content was judged, and may be opened from now on without
			being asked for, as sk_gate_keep() says */
	mode_t mode; /* type and permissions */
	SkFileId file;
	void *userdata; /* the receiver's own */
} SkGateEvent;

/* Called for each event that is not settled by trust. Answers now or keeps the event to answer later. It must
 * not free the gate. */
typedef void (*SkGateHandler)(void *userdata, SkGate *gate, SkGateEvent *event);

/* Waiting opens of one volume. Each costs a descriptor here, and a user can make thousands of threads:
 * beyond this many the event is denied at once (EPERM), and no other volume suffers. */
#define SK_GATE_OUTSTANDING_MAX 512

/* Takes the descriptor (made non-blocking). Return: NULL without memory; the descriptor is closed then. */
SkGate *sk_gate_new(int group_fd, SkGateHandler handle, void *userdata);

/* Denies what is unanswered, and has the group closed as soon as nothing holds its reader up. While no other
 * process holds a duplicate of it, that ends the gate: the kernel then lets everyone in. So unmount first.
 * Accepts NULL, returns NULL. */
SkGate *sk_gate_free(SkGate *gate);

/*
 * What becomes of files whose opens were answered with allow and that are `judged`: nothing; or they are
 * opened without events from then on, as long as the volume is mounted (marked: nobody may be able to write
 * to it) or until somebody opens them for writing (leased: only those for which sk_gate_lease() had a lease
 * before they were read). What was kept before is forgotten.
 */
typedef enum SkGateKeep {
	SK_GATE_KEEP_NONE = 0,
	SK_GATE_KEEP_MARKED,
	SK_GATE_KEEP_LEASED,
} SkGateKeep;
void sk_gate_keep(SkGate *gate, SkGateKeep keep);

/* What is kept has events again, until it was judged again. */
void sk_gate_forget(SkGate *gate);

/* Sets event->leased. While a lease holds nobody can write to the file, and nobody could since it was taken:
 * so it is taken before the file is given to who reads it. */
void sk_gate_lease(SkGate *gate, SkGateEvent *event);

/* An event of something written that is held for long counts no more among those that wait. Return: false:
 * too many are held, by all gates together. */
#define SK_GATE_TAKEN_MAX 2048
bool sk_gate_take(SkGate *gate, SkGateEvent *event);

/* An empty file was opened: nobody was asked, there is nothing in it. */
typedef void (*SkGateOpened)(void *userdata, const SkFileId *file, uid_t uid);

/* Who wants to hear what was written (the group has to be marked for that); NULL: nobody. With opened, after
 * sk_gate_start(), opens of empty files are let through at once, and told a moment later. */
void sk_gate_watch(SkGate *gate, SkGateHandler written, SkGateOpened opened);

/* The owner calls sk_gate_flush() whenever its loop has nothing else to do: what becomes of descriptors that
 * are not needed any more is told to the reader then, many at once. */
void sk_gate_gather(SkGate *gate);
void sk_gate_flush(SkGate *gate);

/* done is called once, when everything that happened before now was handled. One at a time. */
void sk_gate_sync(SkGate *gate, void (*done)(void *userdata), void *userdata);

/* From now on events are read. Return: 0 or negative errno. */
int sk_gate_start(SkGate *gate);

/* For poll(), once it was started: readable when an open waits. */
int sk_gate_fd(const SkGate *gate);

/* The group itself, for sk_gate_is_needed(). */
int sk_gate_group(const SkGate *gate);

/* Denies what is unanswered; what comes from now on is another's to decide, and nobody is trusted. */
void sk_gate_hand_over(SkGate *gate, SkGateHandler handle, void *userdata);

/*
 * Opens by this process and by its children need no verdict, as long as it lives: the scanner. `pidfd` is
 * duplicated; -1 takes the trust back. Return: 0 or negative errno.
 */
int sk_gate_trust(SkGate *gate, pid_t pid, int pidfd);

/*
 * Denies what an earlier holder of this group had read but not answered. To be called before sk_gate_start()
 * on an inherited group. Return: how many were denied, or negative errno.
 */
int sk_gate_deny_outstanding(SkGate *gate);

/*
 * Reads what waits, without blocking, and at most SK_GATE_BATCH events so that a busy volume does not starve
 * the others. Return: number of events seen (0: nothing there), or negative errno: the group cannot be read
 * any more.
 */
#define SK_GATE_BATCH 128
int sk_gate_dispatch(SkGate *gate);

/*
 * Lets the opener go on, or makes its open() fail with EPERM. Closes and frees the event in every case.
 * Return: 0, also when the opener was killed meanwhile; negative errno: the kernel took no answer.
 */
int sk_gate_answer(SkGate *gate, SkGateEvent *event, bool allow);

/*
 * Does the file system behind the gate (sk_gate_group()) still exist? After unmounting it may: programs that
 * stand in it or have files open, mount namespaces that users made. As long as it does, closing the group
 * would open the gate to them; keep it and deny. Return: true also when that cannot be found out.
 */
bool sk_gate_is_needed(int group_fd);

/* How many events wait for an answer. */
size_t sk_gate_outstanding(const SkGate *gate);

/* What identifies the file behind fd while its volume stays mounted read-only. Return: 0 or negative errno.
 */
int sk_gate_file_id(int fd, SkFileId *ret_file, mode_t *ret_mode);
