/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-scanner. Core hands over descriptors; the scanner says what is in them.
 *
 * 1. core sends SkScanOptions; the scanner loads its definitions and answers SkScannerState (again on each
 * change).
 * 2. SkScanFile + 1 fd: a person waits for this file: it goes before everything of a walk. Or, with `later`,
 * nobody does: what was just written to a medium is looked at when there is nothing else to do.
 * 3. SkScanWalk + 1 fd (the root directory of a volume): every regular file beneath it, in the background.
 * 4. before scanning, the scanner sends SkScanLookup with the SHA-256; core answers SkScanKnown from its
 * memory, and a known file is not scanned again.
 * 5. each file ends in one SkScanResult, each walk in one SkScanWalkDone.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lib/ipc/proto.h"

enum {
	/* core -> scanner */
	SK_SCAN_OPTIONS = 0x0301,
	SK_SCAN_FILE,
	SK_SCAN_WALK,
	SK_SCAN_CANCEL, /* SkScanCancel: nothing more of this volume */
	SK_SCAN_KNOWN,
	/* scanner -> core */
	SK_SCAN_STATE = 0x0381,
	SK_SCAN_LOOKUP,
	SK_SCAN_RESULT,
	SK_SCAN_WALK_DONE,
};

/* Content types that the policy can refuse; bits of refuse_types. By content, never by name. */
enum {
	SK_TYPE_PROGRAM = 1 << 0, /* ELF, PE, Mach-O, MSI, class files, APK, JAR, shortcut (.lnk) */
	SK_TYPE_SCRIPT = 1 << 1, /* #! lines, PowerShell, batch, VBScript, JavaScript, HTA, desktop entries */
	SK_TYPE_MACRO_DOCUMENT = 1 << 2, /* OLE2 or OOXML or ODF with macros */
	SK_TYPE_ENCRYPTED_ARCHIVE = 1
				    << 3, /* cannot be looked into: ZIP, 7z, RAR, encrypted PDF is not one */
};

typedef struct SkScanOptions {
	SkHead head;
	uint64_t max_file_size;	 /* bytes; libclamav's own advice: below 2 GiB */
	uint64_t max_scan_size;	 /* unpacked bytes per file */
	uint64_t file_time_usec; /* budget of one file */
	uint64_t idle_usec;	 /* exit after this long without work */
	uint32_t max_recursion;	 /* archive in archive */
	uint32_t max_files;	 /* members of one archive */
	uint32_t workers;	 /* 0: one per core, at most 4 */
	uint32_t reserved;
} SkScanOptions;

enum {
	SK_SCANNER_LOADING = 0,
	SK_SCANNER_READY,
	SK_SCANNER_NO_DEFINITIONS, /* missing or corrupt: nothing can be admitted */
	SK_SCANNER_STATE_MAX_,
};

typedef struct SkScannerState {
	SkHead head;
	uint32_t state;
	uint32_t signatures;
	uint64_t definitions_version; /* changes whenever any definition file does */
	int64_t definitions_time; /* newest build time found in the databases, seconds since 1970; 0 unknown
				   */
	char detail[256];
} SkScannerState;

/*
 * What identifies the file and its content on a volume that is mounted read-only; on one that is written to,
 * as long as nobody has it open for writing. On exfat a number is given anew when the kernel forgot the file,
 * so a changed file under an old number has another ctime.
 */
typedef struct SkFileId {
	uint64_t dev, ino, size;
	int64_t mtime_nsec, ctime_nsec;
} SkFileId;

/* How: what is too large to be checked is hashed only when that was asked for. */
enum { SK_SCAN_HASH = 0, SK_SCAN_CHECK, SK_SCAN_AND_HASH };

typedef struct SkScanFile {
	SkHead head;
	uint64_t volume;
	SkFileId file;	       /* told, so that the scanner need not ask a medium that may not answer */
	uint32_t refuse_types; /* SK_TYPE_* */
	uint32_t scan;	       /* SK_SCAN_HASH: only hash and type are looked at (rule says `scan off`) */
	uint32_t later, reserved;
} SkScanFile;

/* The cookie comes back in each result and at the end. With a second fd: a sealed memfd of SkFileId, sorted
 * by memcmp(), of files that are known. They are only listed (SK_VERDICT_NONE), as all are with list. */
typedef struct SkScanWalk {
	SkHead head;
	uint64_t volume;
	uint32_t refuse_types;
	uint32_t scan;
	uint32_t list, reserved;
} SkScanWalk;

#define SK_SCAN_KNOWN_MAX 1000000

typedef struct SkScanCancel {
	SkHead head;
	uint64_t volume;
} SkScanCancel;

enum {
	SK_VERDICT_NONE = 0,
	SK_VERDICT_CLEAN,
	SK_VERDICT_INFECTED,
	SK_VERDICT_TYPE,  /* refused by type, which one is in `type` */
	SK_VERDICT_LIMIT, /* larger, deeper or slower than the limits: not known to be clean */
	SK_VERDICT_ERROR, /* unreadable, crashed, hung */
	SK_VERDICT_MAX_,
};

typedef struct SkScanLookup {
	SkHead head; /* cookie: chosen by the scanner, comes back in SkScanKnown */
	uint64_t volume;
	uint8_t sha256[32];
} SkScanLookup;

typedef struct SkScanKnown {
	SkHead head;
	uint32_t verdict; /* SK_VERDICT_NONE: not known, scan it */
	uint32_t type;	  /* SK_TYPE_* bits found then */
	char finding[SK_FINDING_SIZE];
} SkScanKnown;

typedef struct SkScanResult {
	SkHead head; /* cookie of SkScanFile or SkScanWalk */
	uint64_t volume;
	SkFileId file;
	uint32_t verdict;    /* SK_VERDICT_*; NONE: only listed */
	uint32_t type;	     /* SK_TYPE_* bits found, whether refused or not */
	uint32_t remembered; /* came from SkScanKnown */
	uint32_t reserved;
	uint64_t elapsed_usec;
	uint8_t sha256[32];
	char finding[SK_FINDING_SIZE]; /* signature name, limit, or error text */
	char mime[64];
	char path[SK_PATH_SIZE]; /* raw bytes below the root of the volume; only in a walk */
} SkScanResult;

typedef struct SkScanWalkDone {
	SkHead head;
	uint64_t volume;
	uint64_t files, bytes, refused;
	uint64_t passed_over; /* could not be opened, or lay too deep: stays closed until it is opened and
				 checked */
	int32_t result;	      /* 0, or why the walk ended early (-EIO, -ENODEV, -ECANCELED) */
	uint32_t reserved;
} SkScanWalkDone;
