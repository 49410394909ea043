/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Like lib/ipc/check.h, for the messages of proto_uplink.h.
 */
#include <stdbool.h>

#include "lib/ipc/proto.h"

/* Of core */
bool sk_check_uplink_options(const SkHead *message);
bool sk_check_uplink_enrol(const SkHead *message);
bool sk_check_uplink_head(const SkHead *message);
bool sk_check_uplink_records(const SkHead *message);
bool sk_check_uplink_call(const SkHead *message);

/* Of the uplink, which talks to the network */
bool sk_check_uplink_state(const SkHead *message);
bool sk_check_uplink_want_records(const SkHead *message);
bool sk_check_uplink_acked(const SkHead *message);
bool sk_check_uplink_result(const SkHead *message);
bool sk_check_uplink_definition(const SkHead *message);
