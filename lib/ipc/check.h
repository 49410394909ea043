/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which contents of a message between processes are believed: texts end inside their arrays, numbers that
 * stand for something are one of those that do. Pure functions for the `check` column of a receiver's table;
 * the message has the size of its type. What depends on the state of the receiver is its handlers' matter.
 */
#include <stdbool.h>

#include "lib/ipc/proto.h"
#include "lib/ipc/proto_luks.h"

/* Of siblings */
bool sk_check_answer(const SkHead *message);
bool sk_check_usb_added(const SkHead *message);
bool sk_check_usb_removed(const SkHead *message);
bool sk_check_block_added(const SkHead *message);
bool sk_check_block_removed(const SkHead *message);
bool sk_check_input_added(const SkHead *message);
bool sk_check_input_removed(const SkHead *message);
bool sk_check_scanner_state(const SkHead *message);
bool sk_check_scan_result(const SkHead *message);
bool sk_check_scan_walk_done(const SkHead *message);
bool sk_check_media_mounted(const SkHead *message);
bool sk_check_media_place(const SkHead *message);
bool sk_check_media_evaluate(const SkHead *message);
bool sk_check_media_lease_ask(const SkHead *message);

/* Of core */
bool sk_check_scan_known(const SkHead *message);
bool sk_check_media_mount(const SkHead *message);
bool sk_check_media_unmount(const SkHead *message);

/* Of the probe, which was fed by a stranger */
bool sk_check_usb_facts(const SkHead *message);
bool sk_check_block_facts(const SkHead *message);
/* A part of those. */
bool sk_check_luks_facts(const SkLuksFacts *facts);

/* Name of one bit of their problems for records ("null-cipher"), or NULL. Stable. */
const char *sk_luks_problem_name(uint32_t bit);
