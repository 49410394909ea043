/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/authorize.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* polkit: CheckAuthorizationFlags, AllowUserInteraction */
#define ALLOW_INTERACTION 1u
/* Time for a person to type a password into polkit's own dialogue. */
#define POLKIT_USEC (120 * 1000000ULL)

typedef struct Waiting {
	Core *core;
	sd_bus_message *message;
	const char *action;
	AuthorizedCall call;
	char actor[32];
} Waiting;

static void waiting_free(Waiting *waiting)
{
	sd_bus_message_unref(waiting->message);
	free(waiting);
}
OWN_DEFINE(Waiting, waiting_free)

static int deny(sd_bus_message *message, const char *action)
{
	return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
		"polkit does not allow %s to this user; an administrator may", action);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	own_(waiting_freep) Waiting *waiting = userdata;
	int authorized = 0, challenge = 0;

	if (!sd_bus_message_is_method_error(reply, NULL) &&
		sd_bus_message_enter_container(reply, 'r', "bba{ss}") >= 0)
		sd_bus_message_read(reply, "bb", &authorized, &challenge);
	if (!authorized) {
		deny(waiting->message, waiting->action);
		return 0;
	}
	int r = waiting->call(waiting->core, waiting->message, waiting->actor);
	if (r < 0)
		sd_bus_reply_method_errno(waiting->message, r, NULL);
	return 0;
}

static int find_actor(sd_bus_message *message, char actor[32], uid_t *ret_uid)
{
	sd_bus_creds *creds = NULL;
	int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);

	if (r >= 0)
		r = sd_bus_creds_get_euid(creds, ret_uid);
	sd_bus_creds_unref(creds);
	if (r < 0)
		return r;
	sk_str_format(actor, 32, "user:%u", (unsigned)*ret_uid);
	return 0;
}

int authorize(Core *core, sd_bus_message *message, const char *action, AuthorizedCall call)
{
	own_(waiting_freep) Waiting *waiting = calloc(1, sizeof(*waiting));
	unsigned flags =
		sd_bus_message_get_allow_interactive_authorization(message) > 0 ? ALLOW_INTERACTION : 0;
	sd_bus_message *question = NULL;
	uid_t uid;
	int r;

	if (!waiting)
		return -ENOMEM;
	waiting->core = core;
	waiting->action = action;
	waiting->call = call;
	r = find_actor(message, waiting->actor, &uid);
	if (r < 0)
		return deny(message, action);
	if (uid == 0) { /* root owns the machine: it also works where polkit is not installed */
		r = call(core, message, waiting->actor);
		return r < 0 ? r : 1;
	}
	waiting->message = sd_bus_message_ref(message);
	r = sd_bus_message_new_method_call(bus_connection(core), &question, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
			sd_bus_message_get_sender(message), action, 0, flags, "");
	if (r >= 0)
		r = sd_bus_call_async(bus_connection(core), NULL, question, on_answer, waiting, POLKIT_USEC);
	sd_bus_message_unref(question);
	if (r < 0)
		return deny(message, action);
	waiting = NULL; /* on_answer() frees it */
	return 1;
}
