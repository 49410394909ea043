/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Telling people and programs that something happened or is due: a mail to each receiver in their language,
 * and each webhook that wants it. What is said is the entry of the catalogue (lib/reason), the details, and
 * what the clinic added in its own words.
 *
 * Receivers are words: "role:security-officer" (who holds it in the facility, or everywhere), "person:ID",
 * "mail:ADDRESS".
 */
#include "console/rules/actor.h"
#include "lib/reason/reason.h"

typedef struct SkNotice {
	const char *facility; /* NULL: of the console itself */
	const char *kind;     /* what webhooks choose by: "return-late" */
	const char *matter;   /* once for each receiver; "": always */
	SkReason code;
	const char *about;	 /* what it is about, as people call it: "受付PC" */
	const json_t *details;	 /* an object: notice_text.c knows how its members are called; may be NULL */
	const json_t *receivers; /* an array of words */
	const char *words;	 /* of the clinic, with {member} of the details; NULL: none */
} SkNotice;

/* Inside of a transaction: the messages wait in the outbox. Return: as in actor.h. */
int sk_notice_send(const SkActor *actor, const SkNotice *notice);

/* To one webhook, whether it wants this kind or not. Return: as above. */
int sk_notice_try(const SkActor *actor, const char *webhook, const SkNotice *notice);

/* Can it be among receivers? */
bool sk_notice_is_receiver(const char *word);

/* What is read; owned. */
typedef struct SkNoticeText {
	char *title, *text;
} SkNoticeText;

/* In a language ("ja", else English). facility: its name; NULL: none. Return: 0, -EINVAL, -ENOMEM. */
int sk_notice_write(const SkNotice *notice, const char *facility, const char *language, int64_t now,
	SkNoticeText *ret_text);
void sk_notice_text_deinit(SkNoticeText *text);
