/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check.h"

#include "lib/ipc/proto_media.h"
#include "lib/ipc/proto_monitor.h"
#include "lib/ipc/proto_probe.h"
#include "lib/ipc/proto_scanner.h"

#define ALL_TYPES (SK_TYPE_PROGRAM | SK_TYPE_SCRIPT | SK_TYPE_MACRO_DOCUMENT | SK_TYPE_ENCRYPTED_ARCHIVE)

bool sk_check_answer(const SkHead *message)
{
	const SkAnswer *answer = (const SkAnswer *)message;

	return SK_PROTO_TEXT_OK(answer->detail);
}

bool sk_check_usb_added(const SkHead *message)
{
	const SkUsbAdded *added = (const SkUsbAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->parent) &&
	       SK_PROTO_TEXT_OK(added->connect_type);
}

bool sk_check_usb_removed(const SkHead *message)
{
	const SkUsbRemoved *removed = (const SkUsbRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_block_added(const SkHead *message)
{
	const SkBlockAdded *added = (const SkBlockAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->disk) &&
	       SK_PROTO_TEXT_OK(added->usb) && added->bus < SK_BUS_MAX_;
}

bool sk_check_block_removed(const SkHead *message)
{
	const SkBlockRemoved *removed = (const SkBlockRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_input_added(const SkHead *message)
{
	const SkInputAdded *added = (const SkInputAdded *)message;

	return SK_PROTO_TEXT_OK(added->sysname) && SK_PROTO_TEXT_OK(added->usb);
}

bool sk_check_input_removed(const SkHead *message)
{
	const SkInputRemoved *removed = (const SkInputRemoved *)message;

	return SK_PROTO_TEXT_OK(removed->sysname);
}

bool sk_check_scanner_state(const SkHead *message)
{
	const SkScannerState *state = (const SkScannerState *)message;

	return state->state < SK_SCANNER_STATE_MAX_ && SK_PROTO_TEXT_OK(state->detail);
}

bool sk_check_scan_result(const SkHead *message)
{
	const SkScanResult *result = (const SkScanResult *)message;

	return result->verdict != SK_VERDICT_NONE && result->verdict < SK_VERDICT_MAX_ &&
	       (result->type & ~(uint32_t)ALL_TYPES) == 0 && result->remembered <= 1 &&
	       SK_PROTO_TEXT_OK(result->finding) && SK_PROTO_TEXT_OK(result->mime) &&
	       SK_PROTO_TEXT_OK(result->path);
}

bool sk_check_scan_walk_done(const SkHead *message)
{
	return ((const SkScanWalkDone *)message)->result <= 0;
}

bool sk_check_scan_known(const SkHead *message)
{
	const SkScanKnown *known = (const SkScanKnown *)message;

	return known->verdict < SK_VERDICT_MAX_ && SK_PROTO_TEXT_OK(known->finding);
}

bool sk_check_media_mounted(const SkHead *message)
{
	const SkMediaMounted *mounted = (const SkMediaMounted *)message;

	return mounted->result <= 0 && SK_PROTO_TEXT_OK(mounted->path) && SK_PROTO_TEXT_OK(mounted->detail);
}

bool sk_check_media_mount(const SkHead *message)
{
	const SkMediaMount *mount = (const SkMediaMount *)message;

	return SK_PROTO_TEXT_OK(mount->user) && SK_PROTO_TEXT_OK(mount->label) && mount->import_copy <= 1;
}

bool sk_check_media_unmount(const SkHead *message)
{
	const SkMediaUnmount *unmount = (const SkMediaUnmount *)message;

	return SK_PROTO_TEXT_OK(unmount->path) && unmount->lazy <= 1;
}

bool sk_check_usb_facts(const SkHead *message)
{
	const SkUsbFacts *facts = (const SkUsbFacts *)message;

	return facts->state <= SK_USB_FACTS_UNREADABLE && facts->n_interfaces <= SK_USB_INTERFACES_MAX &&
	       SK_PROTO_TEXT_OK(facts->manufacturer) && SK_PROTO_TEXT_OK(facts->product) &&
	       SK_PROTO_TEXT_OK(facts->serial) && SK_PROTO_TEXT_OK(facts->hash);
}

bool sk_check_block_facts(const SkHead *message)
{
	const SkBlockFacts *facts = (const SkBlockFacts *)message;

	return facts->state <= SK_BLOCK_FACTS_AMBIGUOUS && facts->content < SK_CONTENT_MAX_ &&
	       SK_PROTO_TEXT_OK(facts->table) && SK_PROTO_TEXT_OK(facts->type_name) &&
	       SK_PROTO_TEXT_OK(facts->label) && SK_PROTO_TEXT_OK(facts->uuid);
}
