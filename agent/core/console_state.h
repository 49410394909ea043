/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of console*.c. */
#include "agent/core/console.h"
#include "lib/dsse/dsse.h"

#define CONSOLE_KEYS_MAX 16
#define CONSOLE_TERMINAL_SIZE 32

typedef enum DocumentKind {
	DOCUMENT_POLICY,
	DOCUMENT_GRANTS,
	DOCUMENT_REVOCATIONS,
	DOCUMENT_DEFINITIONS,
	DOCUMENT_COMMAND, /* carried out once; only its serial is kept */
	DOCUMENT_MAX,
} DocumentKind;

typedef struct Document {
	json_t *payload; /* NULL: none */
	uint64_t serial; /* 0: none */
	uint8_t digest[32];
} Document;

/* Whom an enrolment is believed. */
typedef struct Trust {
	json_t *bundle; /* as the console published it */
	uint64_t serial;
	SkDsseKey keys[2 * CONSOLE_KEYS_MAX];
	size_t n_keys; /* of the bundle: what comes is believed */
	size_t n_kept; /* and those before them: what was taken while they were believed, and is kept, stays
			*/
} Trust;

typedef struct ConsolePending {
	bool active;
	char fingerprint[33]; /* hexadecimal */
	char secret[65];      /* SHA-256 of its text, hexadecimal */
	char address[320];
	char actor[64];
	Trust trust; /* that has the fingerprint; no bundle: not seen yet */
} ConsolePending;

struct Console {
	int dir_fd;
	char terminal[CONSOLE_TERMINAL_SIZE];
	char address[320];
	Trust trust;
	ConsolePending pending;
	ConsoleDone done; /* who waits for the enrolment, or NULL */
	void *done_userdata;
	Document documents[DOCUMENT_MAX];
	SkSettingsOverlay settings;
	uint64_t countersigned; /* the last record that the console has signed for */
	uint64_t refused_usec;	/* when a refusal was recorded last: a flood must not fill the log */
	uint64_t refused_untold;
};

void trust_deinit(Trust *trust);

/* Reads a bundle; takes no reference on failure. Return: 0 or -EBADMSG. */
int trust_parse(const char *text, size_t size, Trust *ret_trust);

/* The keys of the one before verify from now on what is kept of their time. */
void trust_follow(Trust *trust, const Trust *before);

/* Do both say the same of certificates and keys? The name of the organisation may change. */
bool trust_is_same(const Trust *trust, const Trust *other);

/* What trust.json says beside the bundle; "former" may be missing. Return: 0 or -EBADMSG. */
int trust_load_former(const json_t *former, Trust *trust);

/* Stores trust.json of the console as it is. */
int console_store_trust(Console *console);

/* STATE/console/NAME from an object; takes the reference. */
int console_store(const Console *console, const char *name, json_t *object);
int console_load(const Console *console, const char *name, size_t max, json_t **ret_object);

/* console_documents.c */
void documents_load(Core *core);
void documents_forget(Core *core);
/* type: what the envelope says that it is. Return: -ENOTSUP it is none of these; else as
 * console_take_envelope(). */
int documents_take(
	Core *core, const char *type, const char *text, size_t size, char detail[CONSOLE_DETAIL_SIZE]);
