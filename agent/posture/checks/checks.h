/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* One file of this folder each. */
#include "agent/posture/posture.h"

extern const PostureCheck check_accounts;
extern const PostureCheck check_agent;
extern const PostureCheck check_autologin;
extern const PostureCheck check_bluetooth;
extern const PostureCheck check_boot;
extern const PostureCheck check_clock;
extern const PostureCheck check_definitions;
extern const PostureCheck check_disk;
extern const PostureCheck check_firewall;
extern const PostureCheck check_modules;
extern const PostureCheck check_programs;
extern const PostureCheck check_scan;
extern const PostureCheck check_updates;
extern const PostureCheck check_wireless;
