/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a LUKS2 header says, as fixed-size facts. LUKS2 does not authenticate its header: whoever had the
 * medium in hand may have written all of this. Numbers are as found unless a problem says otherwise.
 */
#include <stdint.h>

/* The most that cryptsetup itself allows of keyslots; of the others what a medium of ours can need, and some.
 */
#define SK_LUKS_KEYSLOTS_MAX 32
#define SK_LUKS_SEGMENTS_MAX 4
#define SK_LUKS_DIGESTS_MAX 4
#define SK_LUKS_KEYS_MAX 4 /* key ids of a token */
#define SK_LUKS_CIPHER_SIZE 32
#define SK_LUKS_HASH_SIZE 16
#define SK_LUKS_SECRET_SIZE 64 /* digest or salt */
#define SK_LUKS_NAME_SIZE 64
#define SK_LUKS_DYNAMIC UINT64_MAX /* size of a segment: up to the end of the medium */

/* Bits of SkLuksFacts.problems. A medium of ours has none; each one alone is a reason to refuse, but for
 * those of SK_LUKS_INTERRUPTED. */
enum {
	SK_LUKS_NO_HEADER = 1 << 0,	/* no usable copy: nothing else is known */
	SK_LUKS_FIRST_COPY = 1 << 1,	/* the first copy is damaged; facts are of the second */
	SK_LUKS_SECOND_COPY = 1 << 2,	/* the second copy is damaged */
	SK_LUKS_COPIES_DIFFER = 1 << 3, /* both are whole, of the same number, and say different things */
	SK_LUKS_CHECKSUM_ALGORITHM = 1 << 4, /* not SHA-256 */
	SK_LUKS_JSON = 1 << 5,		     /* not JSON, a name twice, too large or too deep */
	SK_LUKS_STRUCTURE = 1 << 6,	     /* a member is missing, of a wrong kind or out of range */
	SK_LUKS_NULL_CIPHER = 1 << 7,	     /* of a segment or of a keyslot's area: it is not encrypted */
	SK_LUKS_SEGMENTS = 1 << 8,	     /* not exactly one */
	SK_LUKS_PLAIN_SEGMENT = 1 << 9,	     /* one that is not encrypted (type other than "crypt") */
	SK_LUKS_SEGMENT_PLACE = 1 << 10,     /* within the header, or beyond the end of the medium */
	SK_LUKS_REENCRYPTION = 1 << 11,	     /* in progress, or interrupted */
	SK_LUKS_REQUIREMENTS = 1 << 12,	     /* mandatory ones that are not known here */
	SK_LUKS_WEAK_KDF = 1 << 13,	     /* a keyslot's cost is below SK_LUKS2_* in lib/luks2/luks2.h */
	SK_LUKS_WEAK_CIPHER = 1 << 14,	     /* not AES-XTS with a key of 512 bits */
	SK_LUKS_KEYSLOT_KIND = 1 << 15,	     /* an unknown type of keyslot, area or key derivation */
	SK_LUKS_TOKEN_KIND = 1 << 16,	     /* a token that is not ours */
	SK_LUKS_TOKENS = 1 << 17,	     /* more than one of ours, or one that is not complete */
	SK_LUKS_DIGEST = 1 << 18,	     /* the segment, or a keyslot, has not exactly one */
	SK_LUKS_EXTRA = 1 << 19,	     /* sections or bytes that do not belong into a header */
	SK_LUKS_COPY_OLDER = 1 << 20, /* both are whole, one has a lower number; facts are of the other */
	SK_LUKS_PROBLEMS_ALL = (1 << 21) - 1,
	/* What remains when a write of the header is cut: the copy that the facts are of is whole. */
	SK_LUKS_INTERRUPTED = SK_LUKS_FIRST_COPY | SK_LUKS_SECOND_COPY | SK_LUKS_COPY_OLDER,
};

enum {
	SK_LUKS_KEYSLOT_PASSPHRASE = 0, /* "luks2" */
	SK_LUKS_KEYSLOT_REENCRYPT,
	SK_LUKS_KEYSLOT_OTHER,
	SK_LUKS_KEYSLOT_MAX_,
};

enum {
	SK_LUKS_KDF_NONE = 0,
	SK_LUKS_KDF_PBKDF2,
	SK_LUKS_KDF_ARGON2I,
	SK_LUKS_KDF_ARGON2ID,
	SK_LUKS_KDF_OTHER,
	SK_LUKS_KDF_MAX_,
};

typedef struct SkLuksKeyslot {
	uint8_t number;
	uint8_t type;		     /* SK_LUKS_KEYSLOT_* */
	uint8_t priority;	     /* 0 only when named, 1 normal, 2 first */
	uint8_t kdf;		     /* SK_LUKS_KDF_* */
	uint32_t key_size;	     /* of the volume key, in bytes */
	uint32_t time, memory, cpus; /* of Argon2; memory in KiB */
	uint32_t iterations;	     /* of PBKDF2 */
	uint32_t stripes;	     /* of the anti-forensic splitter */
	uint32_t area_key_size;
	uint64_t area_offset, area_size;
	char kdf_hash[SK_LUKS_HASH_SIZE]; /* of PBKDF2 */
	char af_hash[SK_LUKS_HASH_SIZE];
	char area_encryption[SK_LUKS_CIPHER_SIZE];
} SkLuksKeyslot;

typedef struct SkLuksSegment {
	uint8_t number;
	uint8_t is_crypt; /* else it lies open */
	uint8_t has_integrity;
	uint8_t has_flags; /* "backup-..." of a reencryption, and others */
	uint32_t sector_size;
	uint64_t offset, size; /* size: SK_LUKS_DYNAMIC */
	uint64_t iv_tweak;
	char encryption[SK_LUKS_CIPHER_SIZE];
} SkLuksSegment;

/* Digest and salt tell one volume key from every other: with the UUID they identify the medium. */
typedef struct SkLuksDigest {
	uint8_t number;
	uint8_t digest_size, salt_size;
	uint8_t is_pbkdf2;
	uint32_t iterations;
	uint32_t keyslots, segments; /* bit n: number n */
	char hash[SK_LUKS_HASH_SIZE];
	uint8_t digest[SK_LUKS_SECRET_SIZE];
	uint8_t salt[SK_LUKS_SECRET_SIZE];
} SkLuksDigest;

enum {
	SK_LUKS_MODE_NONE = 0, /* no token of ours */
	SK_LUKS_MODE_BOUND,
	SK_LUKS_MODE_PORTABLE,
	SK_LUKS_MODE_HAND_OVER,
	SK_LUKS_MODE_MAX_,
};

/* Our token:
 * {"type":"sekisho","keyslots":[...],"version":1,"medium":...,"organisation":...,"label":...,"mode":
 * "bound"|"portable"|"hand-over","keys":[...]} */
typedef struct SkLuksToken {
	uint32_t mode; /* SK_LUKS_MODE_* */
	uint32_t keyslots;
	uint32_t n_keys;
	uint32_t reserved;
	char medium[SK_LUKS_NAME_SIZE];
	char organisation[SK_LUKS_NAME_SIZE];
	char label[SK_LUKS_NAME_SIZE];
	char keys[SK_LUKS_KEYS_MAX][SK_LUKS_NAME_SIZE];
} SkLuksToken;

typedef struct SkLuksFacts {
	uint32_t problems;				      /* SK_LUKS_* */
	uint32_t n_keyslots, n_segments, n_digests, n_tokens; /* told; in the arrays as many as fit */
	uint32_t reserved;
	uint64_t header_size, sequence;
	char uuid[40], label[48], subsystem[48];
	SkLuksKeyslot keyslots[SK_LUKS_KEYSLOTS_MAX];
	SkLuksSegment segments[SK_LUKS_SEGMENTS_MAX];
	SkLuksDigest digests[SK_LUKS_DIGESTS_MAX];
	SkLuksToken token;
} SkLuksFacts;
