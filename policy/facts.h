/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a rule can ask about: the device, the medium in it, and the moment. The caller fills these structs and
 * keeps everything they point to alive during the call; the policy copies nothing and changes nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of any value: device strings may hold 0 bytes and text that is not UTF-8. */
typedef struct SkPolicyText {
	const char *data;
	size_t size;
} SkPolicyText;

typedef struct SkPolicyValues {
	const SkPolicyText *items;
	size_t count;
} SkPolicyValues;

/* The text attributes of USBGuard. Comparison is byte by byte, also for ids ("1d6b:0002"). */
typedef enum SkPolicyAttribute {
	SK_POLICY_ID, /* "vvvv:pppp", lower case as the kernel prints it */
	SK_POLICY_SERIAL,
	SK_POLICY_NAME, /* the product string */
	SK_POLICY_HASH,
	SK_POLICY_PARENT_HASH,
	SK_POLICY_VIA_PORT,	     /* "1-2.3" */
	SK_POLICY_WITH_CONNECT_TYPE, /* "hotplug", "hardwired", "unknown", "not used" or "" */
	SK_POLICY_ATTRIBUTE_COUNT_,
} SkPolicyAttribute;

typedef enum SkPolicyBus {
	SK_POLICY_BUS_UNKNOWN, /* no rule with `bus` applies */
	SK_POLICY_BUS_USB,
	SK_POLICY_BUS_SD,
	SK_POLICY_BUS_OPTICAL,
	SK_POLICY_BUS_THUNDERBOLT,
	SK_POLICY_BUS_ESATA,
	SK_POLICY_BUS_COUNT_,
} SkPolicyBus;

/*
 * A fact that may not be known yet. The first evaluation of a USB device comes before anything can be read
 * from its medium, so `registered` and `approved` are unknown then; see `medium_pending` in verdict.h.
 */
typedef enum SkPolicyTruth {
	SK_POLICY_UNKNOWN,
	SK_POLICY_NO,
	SK_POLICY_YES,
} SkPolicyTruth;

typedef struct SkPolicyInterface {
	uint8_t base_class, subclass, protocol;
	uint8_t any; /* SK_POLICY_ANY_*: in patterns only, 0 for a device */
} SkPolicyInterface;

enum {
	SK_POLICY_ANY_SUBCLASS = 1 << 0,
	SK_POLICY_ANY_PROTOCOL = 1 << 1,
};

/*
 * One device. An attribute without any value is one that is not known; a device without a serial number has
 * the value "". `interfaces`: every interface descriptor of every configuration and alternate setting in
 * descriptor order, equal neighbours included, as USBGuard counts them.
 */
typedef struct SkPolicyDevice {
	SkPolicyValues text[SK_POLICY_ATTRIBUTE_COUNT_];
	const SkPolicyInterface *interfaces;
	size_t n_interfaces;
	SkPolicyBus bus;
	SkPolicyTruth registered;		       /* the medium is in the ledger */
	SkPolicyTruth approved;			       /* a grant for carrying out covers it now */
	SkPolicyText own_[SK_POLICY_ATTRIBUTE_COUNT_]; /* what sk_policy_device_set() points to */
} SkPolicyDevice;

/* Gives the attribute the one value (terminated, kept by the caller). The struct must not be copied
 * afterwards. */
void sk_policy_device_set(SkPolicyDevice *device, SkPolicyAttribute attribute, const char *value);

typedef enum SkPolicyMode {
	SK_POLICY_LEARN,   /* allow, record what would be refused */
	SK_POLICY_WARN,	   /* the same, and tell the user */
	SK_POLICY_ENFORCE, /* refuse */
} SkPolicyMode;

/* Local time, broken down by the caller. */
typedef struct SkPolicyTime {
	uint8_t weekday;     /* 0 Sunday .. 6 Saturday */
	uint32_t day_second; /* 0 .. 86399; a leap second counts as the one before */
} SkPolicyTime;

typedef struct SkPolicyQuery SkPolicyQuery;

/* How the caller answers the conditions that have a memory. A NULL function answers "no" (random: never). */
typedef struct SkPolicyCallbacks {
	/* Is there an allowed device for which sk_policy_query_matches() is true? */
	bool (*allowed_matches)(void *data, const SkPolicyQuery *query);
	/* Seconds since rule number `rule` (see verdict.h) last applied or was evaluated; negative: never. */
	double (*since_applied)(void *data, size_t rule);
	double (*since_evaluated)(void *data, size_t rule);
	/* Evenly spread in [0, 1). */
	double (*random)(void *data);
	void *data;
} SkPolicyCallbacks;

/* The moment of a decision. */
typedef struct SkPolicyContext {
	SkPolicyTime now;
	SkPolicyMode mode;	   /* from the settings; a file may state its own */
	const char *user;	   /* who sits at the PC; NULL: nobody is signed in */
	const char *const *groups; /* of that user, ended by NULL; NULL: none */
	SkPolicyTruth screen_locked;
	SkPolicyCallbacks callbacks;
} SkPolicyContext;

/* For allowed_matches(): does the query of the condition apply to this device? */
bool sk_policy_query_matches(const SkPolicyQuery *query, const SkPolicyDevice *device);
