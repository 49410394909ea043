/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Ownership by attribute. An owned local names its destructor; handing it on is own_take().
 *
 *	own_fd int fd = open(...);
 *	own_free char *name = strdup(...);
 *	*ret_fd = own_take_fd(&fd);
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <errno.h>

#define own_(func) __attribute__((cleanup(func)))

/* Defines the cleanup function `free_func##p` for a pointer type; free_func must accept NULL. */
#define OWN_DEFINE(type, free_func)                                                                          \
	static inline void free_func##p(type **p)                                                            \
	{                                                                                                    \
		if (*p)                                                                                      \
			free_func(*p);                                                                       \
	}

static inline void own_freep_(void *p)
{
	free(*(void **)p);
}

static inline void own_closep_(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void own_fclosep_(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define own_free own_(own_freep_)
#define own_fd own_(own_closep_)
#define own_file own_(own_fclosep_)

/* Moves the pointer out of *p and leaves NULL behind. */
#define own_take(p)                                                                                          \
	({                                                                                                   \
		__typeof__(p) taken_ = (p);                                                                  \
		(p) = NULL;                                                                                  \
		taken_;                                                                                      \
	})

/* Moves the descriptor out of *fd and leaves -1 behind. */
static inline int own_take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}
