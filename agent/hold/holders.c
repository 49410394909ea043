/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/hold/holders.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define own_message own_(sd_bus_message_unrefp)

/* A manager that hangs is asked again at the next change. */
#define TIMEOUT_USEC (2 * 1000000ULL)

/* GNOME and MATE: one object a program. */
#define GNOME "org.gnome.SessionManager"
#define GNOME_ONE GNOME ".Inhibitor"
#define GNOME_IDLE 8u
/* KDE Plasma. */
#define KDE "org.kde.Solid.PowerManagement.PolicyAgent"
#define KDE_PATH "/org/kde/Solid/PowerManagement/PolicyAgent"
#define KDE_SCREEN 4u
/* Xfce: names without a reason. */
#define XFCE "org.freedesktop.PowerManagement"
#define XFCE_PATH "/org/freedesktop/PowerManagement/Inhibit"
#define XFCE_INTERFACE XFCE ".Inhibit"

const char *const holders_signals[] = {
	"type='signal',interface='" GNOME "',member='InhibitorAdded'",
	"type='signal',interface='" GNOME "',member='InhibitorRemoved'",
	"type='signal',interface='" KDE "',member='InhibitionsChanged'",
	/* A manager came or went. */
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" GNOME "'",
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" KDE "'",
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" XFCE "'",
	NULL,
};

/* xfce4-power-manager 4.18 has a signal for it in its interface, and does not send it. */
const char *const holders_calls[] = {
	"type='method_call',interface='" XFCE_INTERFACE "',member='Inhibit'",
	"type='method_call',interface='" XFCE_INTERFACE "',member='UnInhibit'",
	NULL,
};

typedef struct Target {
	const char *service, *path, *interface;
} Target;

static const Target gnome = {GNOME, "/org/gnome/SessionManager", GNOME};
static const Target kde = {KDE, KDE_PATH, KDE};
static const Target xfce = {XFCE, XFCE_PATH, XFCE_INTERFACE};

/* Nobody is started by our asking. Return: NULL: no answer. */
static sd_bus_message *ask(
	sd_bus *session, const Target *target, const char *method, const uint32_t *argument)
{
	own_message sd_bus_message *call = NULL;
	sd_bus_message *answer = NULL;

	if (sd_bus_message_new_method_call(
		    session, &call, target->service, target->path, target->interface, method) < 0 ||
		sd_bus_message_set_auto_start(call, false) < 0 ||
		(argument && sd_bus_message_append(call, "u", *argument) < 0) ||
		sd_bus_call(session, call, TIMEOUT_USEC, NULL, &answer) < 0)
		return NULL;
	return answer;
}

static void note(Holder *holder, const char *who, const char *why)
{
	*holder = (Holder){0};
	sk_utf8_escape(holder->who, sizeof(holder->who), who[0] ? who : "?", who[0] ? strlen(who) : 1);
	sk_utf8_escape(holder->why, sizeof(holder->why), why, strlen(why));
}

bool holders_same(const Holder *one, const Holder *other)
{
	return sk_str_eq(one->who, other->who) && sk_str_eq(one->why, other->why);
}

static bool ask_gnome_one(sd_bus *session, const char *path, Holder *ret_holder)
{
	const Target one = {GNOME, path, GNOME_ONE};
	own_message sd_bus_message *flags = ask(session, &one, "GetFlags", NULL);
	uint32_t bits = 0;
	const char *who = "", *why = "";

	if (!flags || sd_bus_message_read(flags, "u", &bits) < 0 || !(bits & GNOME_IDLE))
		return false;
	own_message sd_bus_message *name = ask(session, &one, "GetAppId", NULL);
	own_message sd_bus_message *reason = ask(session, &one, "GetReason", NULL);

	if (name)
		(void)sd_bus_message_read(name, "s", &who);
	if (reason)
		(void)sd_bus_message_read(reason, "s", &why);
	note(ret_holder, who, why);
	return true;
}

static bool ask_gnome(sd_bus *session, Holder *ret_holder)
{
	own_message sd_bus_message *list = ask(session, &gnome, "GetInhibitors", NULL);
	const char *path;

	if (!list || sd_bus_message_enter_container(list, 'a', "o") < 0)
		return false;
	while (sd_bus_message_read(list, "o", &path) > 0)
		if (ask_gnome_one(session, path, ret_holder))
			return true;
	return false;
}

/* Its list does not say what each of them holds, so it is asked first whether anything holds the screen. */
static bool ask_kde(sd_bus *session, const Holder *ours, Holder *ret_holder)
{
	const uint32_t screen = KDE_SCREEN;
	own_message sd_bus_message *held = ask(session, &kde, "HasInhibition", &screen);
	own_message sd_bus_message *list = held ? ask(session, &kde, "ListInhibitions", NULL) : NULL;
	const char *who, *why;
	int holds = 0;

	if (!list || sd_bus_message_read(held, "b", &holds) < 0 || !holds ||
		sd_bus_message_enter_container(list, 'a', "(ss)") < 0)
		return false;
	while (sd_bus_message_read(list, "(ss)", &who, &why) > 0) {
		note(ret_holder, who, why);
		if (!holders_same(ret_holder, ours))
			return true;
	}
	return false;
}

static bool ask_xfce(sd_bus *session, Holder *ret_holder)
{
	own_message sd_bus_message *list = ask(session, &xfce, "GetInhibitors", NULL);
	const char *who;

	if (!list || sd_bus_message_enter_container(list, 'a', "s") < 0 ||
		sd_bus_message_read(list, "s", &who) <= 0)
		return false;
	note(ret_holder, who, "");
	ret_holder->silent = true;
	return true;
}

bool holders_find(sd_bus *session, const Holder *ours, Holder *ret_holder)
{
	return ask_gnome(session, ret_holder) || ask_kde(session, ours, ret_holder) ||
	       ask_xfce(session, ret_holder);
}
