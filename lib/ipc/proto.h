/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What all messages between the processes of one agent share. They travel over SOCK_SEQPACKET, one struct a
 * packet, between processes of the same build on the same machine: host byte order, fixed sizes, no pointers.
 * Text fields are terminated inside their array; a receiver checks that with SK_PROTO_TEXT_OK before use.
 *
 * proto_monitor.h  core <-> sekisho-monitor        proto_scanner.h  core <-> sekisho-scanner
 * proto_probe.h    sekisho-probe -> core           proto_media.h    core <-> sekisho-media
 * proto_luks.h     a part of its facts               proto_carry.h    and of carry-out media; sekisho-luks
 * proto_posture.h  core <-> sekisho-posture         proto_pack.h     core <-> sekisho-pack
 * proto_lock.h     core <-> sekisho-lock            proto_burn.h     core <-> sekisho-burn
 * proto_sign_in.h  pam_sekisho <-> core
 *
 * Bump SK_PROTO_VERSION when any struct or enum in these files changes.
 */
#include <stdint.h>
#include <string.h>

#define SK_PROTO_VERSION 18
#define SK_PROTO_SIZE_MAX 16384
#define SK_PROTO_FDS_MAX 8

/* First member of every message. `cookie` is chosen by the asking side and comes back in the answer. */
typedef struct SkHead {
	uint16_t version;
	uint16_t type;
	uint32_t size; /* of the whole message */
	uint64_t cookie;
} SkHead;

/* Kernel names of devices ("1-2.3", "sda1"): sysfs names are far shorter than this. */
#define SK_SYSNAME_SIZE 64
/* A relative path of a file on a medium, as shown in results. Longer ones are cut and say so. */
#define SK_PATH_SIZE 4096
/* Name of a finding of the scanner. */
#define SK_FINDING_SIZE 128

#define SK_PROTO_TEXT_OK(field) (memchr((field), 0, sizeof(field)) != NULL)

/* The generic answer: result is 0 or a negative errno; detail says more for the record. */
typedef struct SkAnswer {
	SkHead head;
	int32_t result;
	uint32_t reserved;
	char detail[256];
} SkAnswer;
