/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A console of our own in front of everything, which the kernel lets nobody leave (VT_LOCKSWITCH). It needs
 * no desktop, and it stays when we are killed: whoever comes after finds it by its note in the run directory.
 */
#include <stdbool.h>
#include <sys/types.h>

typedef struct Vt {
	int number; /* 0: there is none */
	int before; /* what was in front */
	int fd;	    /* of the console, while it is ours */
	bool up;    /* in front, and locked */
	uid_t uid;  /* who may unlock it */
	char user[64];
	char session[64];
} Vt;

/* picture: somebody shows one there, and no text. Return: the number of the console in front; 0 or negative
 * errno: there is none. */
int vt_in_front(bool *picture);

/* The note of one before us, if it is still in front. directory: /run/sekisho/lock. */
void vt_resume(Vt *vt, const char *directory);

/* Asks the kernel to bring one to the front; vt_look() tells when it is. One that did not come is tried anew.
 * Return: 0 or negative errno. */
int vt_take(Vt *vt, const char *directory, const char *session, const char *user, uid_t uid);

/* Is it in front? Then it is locked there. Return: vt->up. */
bool vt_look(Vt *vt);

/* When who asked on it ends, the kernel hangs it up for everybody who had it open. Return: 0 or negative
 * errno. */
int vt_open_again(Vt *vt);

/* What was in front comes back. */
void vt_give_back(Vt *vt, const char *directory);
