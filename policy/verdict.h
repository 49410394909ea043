/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The answer of the policy: a value. Its pointers lead into the snapshot and live as long as that.
 */
#include "policy/facts.h"

typedef enum SkPolicyTarget {
	SK_POLICY_ALLOW,
	SK_POLICY_BLOCK,  /* not authorised, stays visible */
	SK_POLICY_REJECT, /* removed from the system */
	SK_POLICY_MATCH,  /* USBGuard's `match` and `device`: in a rule file they decide nothing, */
	SK_POLICY_DEVICE, /* but end the search; the effective target is block */
} SkPolicyTarget;

/* What becomes of the media in an allowed device. A rule that does not say means read-only. */
typedef enum SkPolicyMedia {
	SK_POLICY_MEDIA_NONE, /* the device is not allowed */
	SK_POLICY_MEDIA_REFUSE,
	SK_POLICY_MEDIA_READ_ONLY,
	SK_POLICY_MEDIA_CARRY_OUT, /* read-write, in the ledger, encrypted and approved */
} SkPolicyMedia;

/* A rule that does not say means required. */
typedef enum SkPolicyScan {
	SK_POLICY_SCAN_NONE, /* the device is not allowed */
	SK_POLICY_SCAN_REQUIRED,
	SK_POLICY_SCAN_OFF,
} SkPolicyScan;

typedef enum SkPolicyImport {
	SK_POLICY_IMPORT_UNSET, /* as the settings say */
	SK_POLICY_IMPORT_DIRECT,
	SK_POLICY_IMPORT_COPY,
} SkPolicyImport;

/* Kinds of content, by content and never by name; the bits of the scanner. */
enum {
	SK_POLICY_TYPE_PROGRAM = 1 << 0,
	SK_POLICY_TYPE_SCRIPT = 1 << 1,
	SK_POLICY_TYPE_MACRO_DOCUMENT = 1 << 2,
	SK_POLICY_TYPE_ENCRYPTED_ARCHIVE = 1 << 3,
};

#define SK_POLICY_NO_RULE SIZE_MAX
#define SK_POLICY_FOREVER UINT32_MAX

typedef struct SkPolicyVerdict {
	SkPolicyTarget target;	    /* ALLOW, BLOCK or REJECT: what to do in enforce mode */
	SkPolicyMode mode;	    /* of the file of the rule, else of the context */
	size_t rule;		    /* number in the snapshot, SK_POLICY_NO_RULE: the default (block) */
	SkPolicyTarget rule_target; /* as written in the rule */
	const char *id;		    /* `id "..."` or BASENAME:LINE; "default" */
	const char *file;	    /* name given to the parser; "" for the default */
	uint32_t line;		    /* 0 for the default */

	/* Interfaces that may be bound; NULL: all of them. Ask sk_policy_verdict_grants(). */
	const SkPolicyInterface *grants;
	size_t n_grants;

	SkPolicyMedia media;
	SkPolicyScan scan;
	SkPolicyImport import;
	uint32_t allow_types;  /* SK_POLICY_TYPE_* this rule lets through although the settings refuse them */
	uint32_t refuse_types; /* ... it refuses although the settings do not */

	const char *message, *message_ja; /* for the user; NULL: none */

	/*
	 * An earlier rule depends on facts of the medium that are not known yet: authorise the device as this
	 * verdict says, admit nothing, read the medium and evaluate again with `registered` and `approved`.
	 */
	bool medium_pending;

	/* The answer surely holds for this many seconds as far as time is concerned; then evaluate again. */
	uint32_t valid_for_sec;
} SkPolicyVerdict;

/* May this interface be bound? False for every interface unless target is ALLOW. */
bool sk_policy_verdict_grants(const SkPolicyVerdict *verdict, const SkPolicyInterface *interface);

/* What refuse_types of the settings become under this verdict. */
uint32_t sk_policy_verdict_refuse_types(const SkPolicyVerdict *verdict, uint32_t settings);

const char *sk_policy_target_name(SkPolicyTarget target);
