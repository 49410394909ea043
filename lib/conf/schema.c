/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/schema.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/base/str.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define DAY UINT64_C(86400)

static const SkWord mode_words[] = {
	{"learn", SK_MODE_LEARN},
	{"warn", SK_MODE_WARN},
	{"enforce", SK_MODE_ENFORCE},
	{0},
};

static const SkWord second_keyboard_words[] = {
	{"allow", SK_SECOND_KEYBOARD_ALLOW},
	{"ask", SK_SECOND_KEYBOARD_ASK},
	{"refuse", SK_SECOND_KEYBOARD_REFUSE},
	{0},
};

static const SkWord import_words[] = {
	{"direct", SK_IMPORT_DIRECT},
	{"copy", SK_IMPORT_COPY},
	{0},
};

static const SkWord carry_kdf_words[] = {
	{"argon2id", SK_CARRY_ARGON2ID},
	{"pbkdf2", SK_CARRY_PBKDF2},
	{NULL, 0},
};

static const SkWord handover_words[] = {
	{"allow", SK_HANDOVER_ALLOW},
	{"refuse", SK_HANDOVER_REFUSE},
	{NULL, 0},
};

static const SkWord console_rules_words[] = {
	{"first", SK_CONSOLE_RULES_FIRST},
	{"only", SK_CONSOLE_RULES_ONLY},
	{"ignore", SK_CONSOLE_RULES_IGNORE},
	{0},
};

static const SkWord console_settings_words[] = {
	{"take", SK_CONSOLE_SETTINGS_TAKE},
	{"ignore", SK_CONSOLE_SETTINGS_IGNORE},
	{0},
};

static const SkWord lock_fallback_words[] = {
	{"console", SK_LOCK_FALLBACK_CONSOLE},
	{"end", SK_LOCK_FALLBACK_END},
	{0},
};

static const SkWord hold_devices_words[] = {
	{"yes", SK_HOLD_DEVICES_YES},
	{"no", SK_HOLD_DEVICES_NO},
	{NULL},
};

static const SkWord lock_confirm_words[] = {
	{"desktop", SK_LOCK_CONFIRM_DESKTOP},
	{"console", SK_LOCK_CONFIRM_CONSOLE},
	{0},
};

static const SkWord radio_words[] = {
	{"allow", SK_RADIO_ALLOW},
	{"refuse", SK_RADIO_REFUSE},
	{0},
};

static const SkWord refuse_words[] = {
	{"program", SK_REFUSE_PROGRAM},
	{"script", SK_REFUSE_SCRIPT},
	{"macro-document", SK_REFUSE_MACRO_DOCUMENT},
	{"encrypted-archive", SK_REFUSE_ENCRYPTED_ARCHIVE},
	{0},
};

/* clang-format off */
#define AT(member) offsetof(SkSettings, member)
#define PATH { SK_VALUE_PATH, 0, 0, NULL }
#define PROXY { SK_VALUE_PROXY, 0, 0, NULL }
#define WORD(words) { SK_VALUE_WORD, 0, 0, words }
#define WORD_SET(words) { SK_VALUE_WORD_SET, 0, 0, words }
#define INTEGER(min, max) { SK_VALUE_INTEGER, min, max, NULL }
#define DURATION(min, max) { SK_VALUE_DURATION, min, max, NULL }
#define SIZE(min, max) { SK_VALUE_SIZE, min, max, NULL }
#define TEXT { SK_VALUE_TEXT, 0, 0, NULL }
#define HOURS { SK_VALUE_HOURS, 0, 0, NULL }

/*
 * Sizes of scanned files stay below 1 GiB: libclamav's own advice for its limits, beyond which parsers of 32
 * bit offsets in it have failed.
 */
#define SCAN_SIZE_MAX (1023 * MIB)

/* File sharing, which the guideline wants gone from PCs that are carried; the last ones run in wine. */
#define SK_FILE_SHARING "amule amule-daemon deluge deluged frostwire gtk-gnutella ktorrent mldonkey-server nicotine qbittorrent " \
	"qbittorrent-nox retroshare rtorrent transmission-daemon transmission-gtk transmission-qt tribler " \
	"Share.exe Winny.exe WinMX.exe"

const SkSetting sk_settings_schema[] = {
	{ "Agent", "Mode", WORD(mode_words), AT(agent.mode), "learn",
	  "learn: allow and record; warn: also tell the user; enforce: refuse" },
	{ "Agent", "StateDirectory", PATH, AT(agent.state_directory), SK_STATEDIR,
	  "device memory, verdicts and the audit log" },
	{ "Agent", "RulesDirectory", PATH, AT(agent.rules_directory), SK_CONFDIR "/rules.d",
	  "rule files, NAME.rules" },

	{ "Devices", "SecondKeyboard", WORD(second_keyboard_words), AT(devices.second_keyboard), "ask",
	  "what happens to one more keyboard while another one works" },
	{ "Devices", "TrialSec", DURATION(60, DAY), AT(devices.trial_sec), "15min",
	  "how long a new policy runs on trial before it is taken back unless confirmed" },

	{ "Media", "DefaultImport", WORD(import_words), AT(media.default_import), "direct",
	  "read files from the medium, or from a scanned copy" },
	{ "Media", "ImportCopyMax", SIZE(MIB, 1024 * GIB), AT(media.import_copy_max), "2G",
	  "memory that the copies of one medium may take" },

	{ "CarryOut", "KeyDerivation", WORD(carry_kdf_words), AT(carry.kdf), "argon2id",
	  "how the passphrase of a medium that is prepared becomes a key; pbkdf2: CRYPTREC's list only" },
	{ "CarryOut", "Argon2Memory", SIZE(64 * MIB, 4 * GIB), AT(carry.kdf_memory), "256M",
	  "memory of Argon2; whoever opens the medium needs as much" },
	{ "CarryOut", "Argon2Time", INTEGER(4, 100), AT(carry.kdf_time), "4",
	  "passes of Argon2 over this memory" },
	{ "CarryOut", "Pbkdf2Iterations", INTEGER(600000, 100000000), AT(carry.kdf_iterations), "1000000",
	  "iterations of PBKDF2 with SHA-256" },
	{ "CarryOut", "HandOver", WORD(handover_words), AT(carry.handover), "allow",
	  "archives for receivers without Sekisho: allow under a grant, or refuse" },
	{ "CarryOut", "Burn", WORD(handover_words), AT(carry.burn), "refuse",
	  "such archives on discs that are written once: allow under a grant, or refuse" },
	{ "CarryOut", "HandOverMax", SIZE(MIB, 1024 * GIB), AT(carry.handover_max), "16G",
	  "size of one such archive, and of the files in it" },

	{ "Scan", "DefinitionsDirectory", PATH, AT(scan.definitions_directory), "/var/lib/clamav",
	  "the definitions of ClamAV" },
	{ "Scan", "DefinitionsWarnDays", INTEGER(0, 3650), AT(scan.definitions_warn_days), "7",
	  "warn about definitions older than this" },
	{ "Scan", "DefinitionsRefuseDays", INTEGER(0, 3650), AT(scan.definitions_refuse_days), "30",
	  "admit no medium with definitions older than this; 0: never refuse" },
	{ "Scan", "IdleSec", DURATION(10, DAY), AT(scan.idle_sec), "5min",
	  "the scanner exits and gives its memory back after this" },
	{ "Scan", "Workers", INTEGER(0, 64), AT(scan.workers), "0",
	  "files scanned at the same time; 0: by the number of processors" },
	{ "Scan", "FileTimeSec", DURATION(5, 3600), AT(scan.file_time_sec), "2min",
	  "a file that takes longer is refused" },
	{ "Scan", "MaxFileSize", SIZE(MIB, SCAN_SIZE_MAX), AT(scan.max_file_size), "512M",
	  "a larger file is refused" },
	{ "Scan", "MaxScanSize", SIZE(MIB, SCAN_SIZE_MAX), AT(scan.max_scan_size), "1000M",
	  "an archive that unpacks to more is refused" },
	{ "Scan", "MaxArchiveDepth", INTEGER(1, 64), AT(scan.max_archive_depth), "17",
	  "an archive nested deeper is refused" },
	{ "Scan", "MaxArchiveFiles", INTEGER(1, 1000000), AT(scan.max_archive_files), "10000",
	  "an archive of more files is refused" },
	{ "Scan", "RefuseTypes", WORD_SET(refuse_words), AT(scan.refuse_types),
	  "program script macro-document encrypted-archive",
	  "types of content that are refused whatever the scan says" },

	{ "Audit", "ReserveSpace", SIZE(0, GIB), AT(audit.reserve_space), "64M",
	  "kept for records when the disk is full" },
	{ "Audit", "SegmentSize", SIZE(64 * KIB, GIB), AT(audit.segment_size), "16M",
	  "a file of the audit log is closed at this size" },
	{ "Audit", "WarnFreeSpace", SIZE(0, 1024 * GIB), AT(audit.warn_free_space), "256M",
	  "warn when less is free for the audit log" },

	{ "Console", "Rules", WORD(console_rules_words), AT(console.rules), "first",
	  "rules of the console: before those of this PC, instead of them, or not at all" },
	{ "Console", "Settings", WORD(console_settings_words), AT(console.settings), "take",
	  "settings of the console override those of this PC, or not" },

	{ "Uplink", "Proxy", PROXY, AT(uplink.proxy), "none",
	  "the proxy on the way to the console" },
	{ "Uplink", "BandwidthLimit", SIZE(0, GIB), AT(uplink.bandwidth_limit), "0",
	  "bytes a second to the console and from it; 0: no limit" },
	{ "Uplink", "SpoolSize", SIZE(MIB, GIB), AT(uplink.spool_size), "64M",
	  "what may wait for a console that is away" },

	{ "Posture", "IntervalSec", DURATION(60, DAY), AT(posture.interval_sec), "15min",
	  "how often the PC is checked" },
	{ "Posture", "ModulesFile", PATH, AT(posture.modules_file), SK_CONFDIR "/modules.allow",
	  "the kernel modules that may be loaded, one a line" },
	{ "Posture", "AllowedModules", TEXT, AT(posture.allowed_modules), "none",
	  "kernel modules that may be loaded besides those of the file" },
	{ "Posture", "ForbiddenPrograms", TEXT, AT(posture.forbidden_programs), SK_FILE_SHARING,
	  "names of packages and processes, and paths, that must not be there" },
	{ "Posture", "ScanMaxDays", INTEGER(1, 365), AT(posture.scan_max_days), "8",
	  "the last scan of the PC may be so old" },
	{ "Posture", "UpdatesWarnDays", INTEGER(1, 3650), AT(posture.updates_warn_days), "7",
	  "warn when it was not looked for security updates for so long" },
	{ "Posture", "UpdatesFailDays", INTEGER(1, 3650), AT(posture.updates_fail_days), "30",
	  "after this it is a failure" },
	{ "Posture", "ClockOffsetMSec", INTEGER(1, 3600000), AT(posture.clock_offset_msec), "1000",
	  "how far the clock may be off" },
	{ "Posture", "Bluetooth", WORD(radio_words), AT(posture.bluetooth), "refuse",
	  "is Bluetooth that is on a finding?" },
	{ "Posture", "Wireless", WORD(radio_words), AT(posture.wireless), "allow",
	  "is a wireless network adapter that is on a finding?" },

	{ "Lock", "IdleSec", DURATION(0, DAY), AT(lock.idle_sec), "15min",
	  "a session nobody touches for so long is locked; one over the network is ended; 0: none is" },
	{ "Lock", "InhibitSec", DURATION(0, DAY), AT(lock.inhibit_sec), "0",
	  "so much later while a program keeps the session open, as players of films do; 0: none can" },
	{ "Lock", "EndSec", DURATION(0, DAY), AT(lock.end_sec), "0",
	  "a session nobody touches for so long is ended, locked or not; 0: never" },
	{ "Lock", "ConfirmSec", DURATION(1, 60), AT(lock.confirm_sec), "3",
	  "so long a desktop has to show that it locked" },
	{ "Lock", "PassMaxSec", DURATION(0, DAY), AT(lock.pass_max_sec), "0",
	  "the longest presentation pass, while which the limits do not apply; 0: there is none" },
	{ "Lock", "HoldDevices", WORD(hold_devices_words), AT(lock.hold_devices), "yes",
	  "what is plugged in while the screen is locked waits, but for known keyboards, pointers, FIDO keys" },
	{ "Lock", "Fallback", WORD(lock_fallback_words), AT(lock.fallback), "console",
	  "a session that does not lock: covered by a console that asks for the password, or ended" },
	{ "Lock", "Confirm", WORD(lock_confirm_words), AT(lock.confirm), "desktop",
	  "what shows that a desktop is locked: its locker, or nothing but a console over it" },
	{ "Lock", "Lockers", TEXT, AT(lock.lockers), "none",
	  "paths of more programs that are believed when they say that they locked" },

	{ "SignIn", "Hours", HOURS, AT(sign_in.hours), "any",
	  "when people may sign in, and unlock: Mon-Fri 07:00-20:00, Sat 08:00-13:00" },
	{ "SignIn", "Except", TEXT, AT(sign_in.except), "none",
	  "users and @groups whom the hours do not bind; root at the PC itself is one always" },
	{ 0 },
};
/* clang-format on */

const size_t sk_settings_schema_size = SK_ARRAY_SIZE(sk_settings_schema) - 1;
_Static_assert(SK_ARRAY_SIZE(sk_settings_schema) <= SK_SETTINGS_MAX, "room for every setting");

const SkSettingPair sk_settings_pairs[] = {
	{AT(scan.definitions_warn_days), AT(scan.definitions_refuse_days)},
	{AT(scan.max_file_size), AT(scan.max_scan_size)},
	{AT(posture.updates_warn_days), AT(posture.updates_fail_days)},
};

const size_t sk_settings_pairs_size = SK_ARRAY_SIZE(sk_settings_pairs);

void sk_setting_store(const SkSetting *setting, SkSettings *settings, SkValue value)
{
	char *at = (char *)settings + setting->offset;

	switch (setting->rule.type) {
	case SK_VALUE_WORD:
	case SK_VALUE_WORD_SET:
		*(uint32_t *)at = (uint32_t)value.number;
		break;
	case SK_VALUE_INTEGER:
	case SK_VALUE_DURATION:
	case SK_VALUE_SIZE:
		*(uint64_t *)at = value.number;
		break;
	case SK_VALUE_PATH:
	case SK_VALUE_PROXY:
	case SK_VALUE_TEXT:
	case SK_VALUE_HOURS:
		free(*(char **)at);
		*(char **)at = value.path;
		break;
	}
}

_Static_assert(sizeof(SkMode) == sizeof(uint32_t) && sizeof(SkImport) == sizeof(uint32_t) &&
		       sizeof(SkSecondKeyboard) == sizeof(uint32_t) &&
		       sizeof(SkConsoleRules) == sizeof(uint32_t) &&
		       sizeof(SkConsoleSettings) == sizeof(uint32_t) && sizeof(SkRadio) == sizeof(uint32_t),
	"words are stored as uint32_t");
