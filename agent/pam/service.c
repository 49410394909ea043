/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/pam/service.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/ipc/proto_sign_in.h"

static const char *const inside[] = {"atd", "chfn", "chsh", "cron", "crond", "gdm-launch-environment",
	"lightdm-greeter", "newusers", "passwd", "polkit-1", "runuser", "runuser-l", "sddm-greeter", "su",
	"su-l", "sudo", "sudo-i", "systemd-user", NULL};

static const char *const lockers[] = {"cinnamon-screensaver", "gnome-screensaver", "i3lock", "kde",
	"kde-fingerprint", "kscreensaver", "light-locker", "mate-screensaver", "sekisho-lock", "swaylock",
	"vlock", "xfce4-screensaver", "xscreensaver", NULL};

/* They draw, whichever console they have. */
static const char *const display_managers[] = {"gdm", "lightdm", "lxdm", "sddm", "slim", "wdm", "xdm", NULL};

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (sk_str_eq(*names, name))
			return true;
	return false;
}

ServiceKind service_kind(const char *service)
{
	if (is_one_of(inside, service))
		return SERVICE_INSIDE;
	return is_one_of(lockers, service) ? SERVICE_UNLOCK : SERVICE_SIGN_IN;
}

/* "gdm-password" is one of gdm's. */
static bool draws(const char *service)
{
	for (const char *const *name = display_managers; *name; name++) {
		size_t length = strlen(*name);

		if (sk_str_starts(service, *name) && (service[length] == 0 || service[length] == '-'))
			return true;
	}
	return false;
}

bool service_is_console(const char *service, const char *tty)
{
	return sk_str_starts(tty, "tty") && tty[3] >= '0' && tty[3] <= '9' && !draws(service);
}

bool service_replaces_errors(const char *service)
{
	return sk_str_starts(service, "lightdm");
}

unsigned service_letters(const char *service, const char *tty, const char *locale)
{
	bool japanese = locale && sk_str_starts(locale, "ja");

	/* Our own console may have them, and says so. */
	if (service_is_console(service, tty) && !(japanese && sk_str_eq(service, "sekisho-lock")))
		return SK_LETTERS_ASCII;
	if (japanese)
		return SK_LETTERS_JAPANESE;
	return locale && sk_str_starts(locale, "en") ? SK_LETTERS_ENGLISH : SK_LETTERS_BOTH;
}
