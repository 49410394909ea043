/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the name of a PAM service and the terminal tell: is somebody signing in here, and what can he read? */
#include <stdbool.h>

typedef enum ServiceKind {
	SERVICE_SIGN_IN, /* also what is not known: a new display manager must not be a way around */
	SERVICE_UNLOCK,	 /* of a locked session */
	SERVICE_INSIDE,	 /* somebody who is signed in, or nobody: su, sudo, cron, a greeter */
} ServiceKind;

ServiceKind service_kind(const char *service);

/* Is it seen on the kernel's own console, which has no Japanese letters? tty: without /dev/. */
bool service_is_console(const char *service, const char *tty);

/* Does it write "incorrect password" over what a module says to be an error, and leave a message alone? Seen
 * of lightdm-gtk-greeter 2.0. */
bool service_replaces_errors(const char *service);

/* One of SK_LETTERS_...; locale: like LANG, or NULL. */
unsigned service_letters(const char *service, const char *tty, const char *locale);
