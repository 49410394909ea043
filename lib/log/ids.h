/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * MESSAGE_ID of the journal: one for each event that somebody may want to search for or alarm on. Never reused.
 */
#define SK_MESSAGE_STARTED           ""
#define SK_MESSAGE_STOPPED           ""
#define SK_MESSAGE_SETTINGS_LOADED   ""
#define SK_MESSAGE_SETTINGS_BAD      ""
#define SK_MESSAGE_RULES_LOADED      ""
#define SK_MESSAGE_RULES_BAD         ""
#define SK_MESSAGE_DEVICE_ALLOWED    ""
#define SK_MESSAGE_DEVICE_REFUSED    ""
#define SK_MESSAGE_DEVICE_REMOVED    ""
#define SK_MESSAGE_MEDIA_ADMITTED    ""
#define SK_MESSAGE_MEDIA_REFUSED     ""
#define SK_MESSAGE_MEDIA_REMOVED     ""
#define SK_MESSAGE_FILE_REFUSED      ""
#define SK_MESSAGE_SCANNER_FAULT     ""
#define SK_MESSAGE_DEFINITIONS_LOADED ""
#define SK_MESSAGE_DEFINITIONS_OLD   ""
#define SK_MESSAGE_AUDIT_RECOVERED   ""
#define SK_MESSAGE_AUDIT_SPACE_LOW   ""
#define SK_MESSAGE_AUDIT_FAULT       ""
#define SK_MESSAGE_PEER_LOST         ""
#define SK_MESSAGE_PROTOCOL_BROKEN   ""
#define SK_MESSAGE_JAIL_FAILED       ""
#define SK_MESSAGE_KERNEL_UNFIT      ""
