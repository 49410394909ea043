/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of media, requests and incidents. Their content goes out as bytes to be saved, never to be shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/attachments.h"
#include "console/server/act.h"
#include "console/server/file_type.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

static int list_of(SkCall *call, const char *kind)
{
	const char *subject = sk_call_text(call, kind);
	const SkFilter filters[] = {{"subject_kind", SK_FILTER_EQUAL, kind},
		{"subject_id", SK_FILTER_EQUAL, subject}, {"removed", SK_FILTER_NULL, "true"}};
	char facility[SK_ID_SIZE];
	int r = sk_attachment_subject(call->db, &call->caller.scope, kind, subject, facility);

	return r < 0 ? r : sk_call_answer_list(call, &sk_attachments_table, filters, SK_ARRAY_SIZE(filters));
}

typedef struct Adding {
	SkAttachment attachment;
	char made[SK_ID_SIZE];
} Adding;

static int add(const SkActor *actor, void *userdata)
{
	Adding *adding = userdata;

	return sk_attachment_add(actor, &adding->attachment, adding->made);
}

static int add_to(SkCall *call, const char *kind)
{
	const char *text = sk_call_body_text(call, "content");
	size_t size = strlen(text);
	own_free uint8_t *content = malloc(size / 4 * 3 + 1);
	char type[SK_FILE_TYPE_SIZE];
	Adding adding = {.attachment = {.subject_kind = kind,
				 .subject = sk_call_text(call, kind),
				 .name = sk_call_body_text(call, "name"),
				 .type = type,
				 .content = content}};
	int r = content ? sk_base64_parse(text, size, content, &adding.attachment.size) : -ENOMEM;

	if (r == -EBADMSG)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/content", "no base64");
	if (r < 0)
		return r;
	sk_file_type_of(call->server->types, content, adding.attachment.size, type);
	r = sk_call_act(call, add, &adding);
	return sk_call_answer_row(call, r, 201, &sk_attachments_table, adding.made);
}

int sk_api_medium_attachments(SkCall *call)
{
	return list_of(call, "medium");
}

int sk_api_medium_attach(SkCall *call)
{
	return add_to(call, "medium");
}

int sk_api_request_attachments(SkCall *call)
{
	return list_of(call, "request");
}

int sk_api_request_attach(SkCall *call)
{
	return add_to(call, "request");
}

int sk_api_incident_attachments(SkCall *call)
{
	return list_of(call, "incident");
}

int sk_api_incident_attach(SkCall *call)
{
	return add_to(call, "incident");
}

int sk_api_attachment_show(SkCall *call)
{
	void *bytes = NULL;
	size_t size = 0;
	int r = sk_attachment_read(
		call->db, &call->caller.scope, sk_call_text(call, "attachment"), &bytes, &size);

	return r < 0 ? r : sk_call_answer_bytes(call, "application/octet-stream", bytes, size);
}

static int remove_attachment(const SkActor *actor, void *userdata)
{
	return sk_attachment_remove(actor, userdata);
}

int sk_api_attachment_remove(SkCall *call)
{
	int r = sk_call_act(call, remove_attachment, (void *)sk_call_text(call, "attachment"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}
