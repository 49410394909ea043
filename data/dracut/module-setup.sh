#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut: puts in what admits the learned keyboard while the passphrase of the disk is asked for.

check() {
	[ -e @CONFDIR@/enforce ] || return 255
}

depends() {
	echo udev-rules
}

installkernel() {
	hostonly='' instmods usbhid hid_generic xhci_pci ehci_pci ohci_pci uhci_hcd
}

install() {
	local helper=@LIBEXECDIR@/sekisho-boot-input list=@CONFDIR@/boot-input.list

	"$helper" learn || dwarn "sekisho: the input devices that work now could not be learned"
	inst_script "$helper" "$helper"
	inst_simple @DATADIR@/59-sekisho-boot-input.rules /usr/lib/udev/rules.d/59-sekisho-boot-input.rules
	if [ -s "$list" ]; then
		inst_simple "$list"
	else
		dwarn "sekisho: no USB input device is known; only a built-in keyboard will type a passphrase"
	fi
}
