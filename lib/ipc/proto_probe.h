/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-probe: descriptor in, facts out, exit.
 *
 * monitor -> probe: one SkProbeJob with the descriptors of the thing, and as the LAST descriptor the socket
 * on which the facts go to core. probe -> core: one SkUsbFacts or SkBlockFacts.
 *
 * Facts are made from hostile bytes, by a process that may have been taken over by them: core checks every
 * field against its range (counts, terminators, enums) and believes none of them more than the device itself.
 */
#include "lib/ipc/proto.h"
#include "lib/ipc/proto_luks.h"

enum {
	SK_PROBE_USB = 0x0101,
	SK_PROBE_BLOCK,
	SK_PROBE_USB_FACTS,
	SK_PROBE_BLOCK_FACTS,
};

/* Which descriptors follow, in this order; the bit is unset when the device has none. */
enum {
	SK_PROBE_FD_DESCRIPTORS = 1 << 0,
	SK_PROBE_FD_MANUFACTURER = 1 << 1,
	SK_PROBE_FD_PRODUCT = 1 << 2,
	SK_PROBE_FD_SERIAL = 1 << 3,
	SK_PROBE_FD_BLOCK = 1 << 4,
};

typedef struct SkProbeJob {
	SkHead head;  /* type SK_PROBE_USB or SK_PROBE_BLOCK; cookie comes back in the facts */
	uint32_t fds; /* SK_PROBE_FD_* */
	uint32_t reserved;
} SkProbeJob;

/* USB strings have at most 126 UTF-16 units, 378 bytes of UTF-8. Kept as the device gave them (valid UTF-8 or
 * not). */
#define SK_USB_STRING_SIZE 384
/* More interface descriptors than this (all configurations and alternate settings) are refused as malformed.
 */
#define SK_USB_INTERFACES_MAX 255
#define SK_USB_HASH_SIZE 48 /* base64 of SHA-256, as USBGuard prints it */

typedef struct SkUsbInterface {
	uint8_t configuration; /* bConfigurationValue */
	uint8_t number;
	uint8_t alternate;
	uint8_t base_class;
	uint8_t subclass;
	uint8_t protocol;
} SkUsbInterface;

enum {
	SK_USB_FACTS_OK = 0,
	SK_USB_FACTS_MALFORMED, /* lengths or counts contradict each other */
	SK_USB_FACTS_UNREADABLE,
};

typedef struct SkUsbFacts {
	SkHead head;
	uint32_t state;	       /* SK_USB_FACTS_*; the rest is meaningful only when OK */
	uint32_t error_offset; /* byte in `descriptors` where parsing stopped */
	uint16_t vendor_id, product_id, device_release, usb_release;
	uint8_t base_class, subclass, protocol, n_configurations;
	uint32_t n_interfaces;
	SkUsbInterface interfaces[SK_USB_INTERFACES_MAX]; /* in descriptor order */
	char manufacturer[SK_USB_STRING_SIZE];
	char product[SK_USB_STRING_SIZE]; /* USBGuard's `name` */
	char serial[SK_USB_STRING_SIZE];
	char hash[SK_USB_HASH_SIZE];	/* USBGuard's device hash */
	uint8_t descriptors_digest[32]; /* SHA-256 of the raw `descriptors` file */
} SkUsbFacts;

enum {
	SK_BLOCK_FACTS_OK = 0,
	SK_BLOCK_FACTS_UNREADABLE, /* I/O error or no medium */
	SK_BLOCK_FACTS_AMBIGUOUS,  /* several signatures contradict each other */
};

enum {
	SK_CONTENT_EMPTY = 0, /* no signature known */
	SK_CONTENT_PARTITIONS,
	SK_CONTENT_VFAT,
	SK_CONTENT_EXFAT,
	SK_CONTENT_NTFS,
	SK_CONTENT_EXT, /* ext2, ext3, ext4 */
	SK_CONTENT_ISO9660,
	SK_CONTENT_UDF,
	SK_CONTENT_LUKS1,
	SK_CONTENT_LUKS2,
	SK_CONTENT_OTHER,  /* a signature that is never admitted: xfs, btrfs, RAID member, swap ...; name in
			      type_name */
	SK_CONTENT_ERASED, /* lib/luks2/erased.h; label: the medium, uuid: the one it had, type_name: "begun"
			      or "done" */
	SK_CONTENT_MAX_,
};

typedef struct SkBlockFacts {
	SkHead head;
	uint32_t state;	  /* SK_BLOCK_FACTS_* */
	uint32_t content; /* SK_CONTENT_* */
	uint64_t size;	  /* of the device in bytes */
	uint32_t n_partitions;
	uint32_t reserved;
	char table[16];	    /* "dos", "gpt" or empty */
	char type_name[32]; /* as libblkid names it */
	char label[256];
	char uuid[64];
	uint8_t identity_digest[32]; /* SHA-256 of the identifying structures: first 64 KiB and, for GPT, the
					last 16 KiB */
	SkLuksFacts luks;	     /* of SK_CONTENT_LUKS2; else zero */
} SkBlockFacts;
