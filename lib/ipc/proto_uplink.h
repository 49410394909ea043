/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-uplink. The uplink carries; it is never believed. What decides anything comes as a DSSE
 * envelope that core verifies itself (SK_UPLINK_ENVELOPE); everything else the uplink says is shown to people
 * and no more.
 *
 * JSON and records travel in sealed memfds (lib/ipc/memfd.h), each with the largest size named here.
 *
 * 1. core sends SkUplinkOptions, also after each change of its settings.
 * 2. SkUplinkEnrol: the uplink fetches the trust bundle and shows it (SK_UPLINK_TRUST); core says whether it
 * is the one of the code; the uplink enrols, shows the signed statement of that (SK_UPLINK_ENVELOPE), and
 * answers.
 * 3. core tells the newest record (SkUplinkHead); the uplink asks for lines (SkUplinkWantRecords) from the
 * one that the console has not acknowledged, and tells what was acknowledged (SkUplinkAcked). Records are not
 * kept twice.
 * 4. SkUplinkCall with SPOOL is answered by SkAnswer once it is on the disk, then by SkUplinkResult, at least
 * once; the uplink forgets the call when core has answered that.
 */
#include "lib/ipc/proto.h"

enum {
	/* core -> uplink */
	SK_UPLINK_OPTIONS = 0x0501, /* SkUplinkOptions */
	SK_UPLINK_ENROL,	    /* SkUplinkEnrol -> SkAnswer */
	SK_UPLINK_LEAVE,	    /* SkHead -> SkAnswer */
	SK_UPLINK_STATUS,	    /* SkHead + 1 fd: what the terminal says of itself, JSON -> SkAnswer, when
				       the console has it and no newer one took its place */
	SK_UPLINK_HEAD,		    /* SkUplinkHead */
	SK_UPLINK_RECORDS,	    /* SkUplinkRecords + 1 fd: lines; answers WANT_RECORDS */
	SK_UPLINK_CALL,		    /* SkUplinkCall + 1 fd: JSON -> SkAnswer, SkUplinkResult */
	SK_UPLINK_TAKEN,	    /* SkAnswer: to TRUST, ENVELOPE, RESULT and DEFINITION */
	/* uplink -> core */
	SK_UPLINK_ANSWER = 0x0581, /* SkAnswer */
	SK_UPLINK_STATE,	   /* SkUplinkState */
	SK_UPLINK_TRUST,	   /* SkHead + 1 fd: the trust bundle -> TAKEN */
	SK_UPLINK_ENVELOPE,	   /* SkHead + 1 fd: a DSSE envelope -> TAKEN */
	SK_UPLINK_WANT_RECORDS,	   /* SkUplinkWantRecords -> RECORDS */
	SK_UPLINK_ACKED,	   /* SkUplinkAcked + 1 fd: the countersigned head, a DSSE envelope */
	SK_UPLINK_RESULT,	   /* SkUplinkResult + 1 fd: JSON (may be empty) -> TAKEN */
	SK_UPLINK_DEFINITION,	   /* SkUplinkDefinition, with the file or without it -> TAKEN */
};

#define SK_UPLINK_JSON_MAX (1u << 20)
#define SK_UPLINK_TRUST_MAX (256u << 10)
#define SK_UPLINK_ENVELOPE_MAX (16u << 20)
#define SK_UPLINK_RECORDS_MAX (1u << 20)

typedef struct SkUplinkOptions {
	SkHead head;
	char proxy[512];     /* URL, or empty */
	uint64_t bandwidth;  /* bytes a second, each way; 0: no limit */
	uint64_t spool_size; /* bytes that calls may take while the console is away */
	uint32_t enrolled;   /* core has trust and a terminal id; else the uplink forgets what it has */
	uint32_t reserved;
	char terminal[32]; /* whose they are; empty when not enrolled */
} SkUplinkOptions;

typedef struct SkUplinkEnrol {
	SkHead head;
	char code[384]; /* lib/enrol/code.h */
} SkUplinkEnrol;

typedef struct SkUplinkHead {
	SkHead head;
	uint64_t seq;  /* of the newest record that is on the disk */
	char hash[72]; /* 64 hexadecimal digits */
} SkUplinkHead;

/* The lines are whole, each with its line break, in order and without a gap. */
typedef struct SkUplinkRecords {
	SkHead head;
	uint64_t first, last; /* both 0: there is none from there */
} SkUplinkRecords;

typedef struct SkUplinkWantRecords {
	SkHead head;
	uint64_t from;
	uint32_t size; /* at most so many bytes, and one line at least */
	uint32_t reserved;
} SkUplinkWantRecords;

typedef struct SkUplinkAcked {
	SkHead head;
	uint64_t seq;
	char hash[72];
} SkUplinkAcked;

enum {
	SK_UPLINK_CALL_NOW = 0, /* -ENOTCONN at once when the console is away */
	SK_UPLINK_CALL_SPOOL,	/* survives; delivered in order */
	SK_UPLINK_CALL_MAX_,
};

typedef struct SkUplinkCall {
	SkHead head;
	uint32_t flag; /* SK_UPLINK_CALL_* */
	uint32_t reserved;
	char operation[64]; /* "loss.report": words of a-z, 0-9 and -, with points between */
	char key[40];	    /* idempotency key: 32 hexadecimal digits */
} SkUplinkCall;

typedef struct SkUplinkResult {
	SkHead head;
	int32_t result;	 /* 0 the console answered; negative errno: -ENOTCONN, -ETIMEDOUT, -ENOTSUP no such
			    call there */
	uint32_t status; /* of HTTP; 0 when result is not 0 */
	uint32_t flag; /* as it was called. NOW: the cookie is core's; SPOOL: it is the uplink's, for TAKEN */
	uint32_t reserved;
	char operation[64];
	char key[40];
} SkUplinkResult;

/*
 * A file of virus definitions that the signed list names. Without a descriptor it is a question: 0, core has
 * it; -ENOENT, it wants it. With one core copies it and looks whether it is the one of the list.
 */
typedef struct SkUplinkDefinition {
	SkHead head;
	char sha256[72]; /* 64 hexadecimal digits */
} SkUplinkDefinition;

enum {
	SK_UPLINK_NOT_ENROLLED = 0,
	SK_UPLINK_ENROLLING,
	SK_UPLINK_OFFLINE,
	SK_UPLINK_CONNECTED,
	SK_UPLINK_STATE_MAX_,
};

/* Why it is offline, or what is wrong although it is not. */
enum {
	SK_UPLINK_CAUSE_NONE = 0,
	SK_UPLINK_CAUSE_NETWORK,     /* no answer: no network, name, route, proxy */
	SK_UPLINK_CAUSE_TLS,	     /* the server is not the console that was enrolled with */
	SK_UPLINK_CAUSE_CERTIFICATE, /* our certificate ran out or was refused */
	SK_UPLINK_CAUSE_RETIRED,     /* the console does not know this terminal any more */
	SK_UPLINK_CAUSE_SERVER,	     /* it answers with errors */
	SK_UPLINK_CAUSE_RECORDS,     /* it does not accept our records: they are not those it knows */
	SK_UPLINK_CAUSE_SPOOL,	     /* the spool is full */
	SK_UPLINK_CAUSE_KEY,	     /* our key cannot sign: no TPM, or another one */
	SK_UPLINK_CAUSE_MAX_,
};

typedef struct SkUplinkState {
	SkHead head;
	uint32_t state;		   /* SK_UPLINK_* */
	uint32_t cause;		   /* SK_UPLINK_CAUSE_* */
	uint64_t since;		   /* seconds since 1970 */
	int64_t clock_offset_msec; /* the console's clock minus ours */
	uint32_t clock_known;
	uint32_t key_in_tpm;
	uint64_t certificate_until; /* seconds since 1970; 0: none */
	uint64_t acked;		    /* the last record that the console has */
	uint64_t spooled;	    /* calls */
	uint64_t spooled_bytes;
	char console[320]; /* HOST:PORT */
	char detail[256];
} SkUplinkState;
