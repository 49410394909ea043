#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What was mounted from the encrypted disk is the writable layer of the lab's PC: lays it over the read-only one.
mkdir -p /run/lab /run/lab-lower
mount -t erofs -o ro /dev/vda /run/lab-lower
mount --bind "$NEWROOT" /run/lab
umount "$NEWROOT"
mount -t overlay -o lowerdir=/run/lab-lower,upperdir=/run/lab/up,workdir=/run/lab/work root "$NEWROOT"
