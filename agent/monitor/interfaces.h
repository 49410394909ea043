/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Grants the interfaces of an authorised USB device one by one, and takes the others away.
 */
#include "lib/ipc/proto_monitor.h"

/*
 * device_fd: the device's directory. First the refused interfaces lose their driver, then all granted ones
 * are authorised, then each gets its driver: drivers of several interfaces (serial, sound) need them all at
 * once. A granted interface that works already is not touched. Numbers that the active configuration does not
 * have are passed over. Return: 0 or negative errno; ret_detail says what was granted.
 */
int interfaces_grant(int device_fd, const SkUsbApply *order, char ret_detail[256]);
