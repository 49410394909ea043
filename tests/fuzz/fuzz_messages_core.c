/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core takes from monitor, media, scanner, posture, pack, burn, the probes and where people sign in. */
#include "agent/core/burning.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/handover.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/peer_posture.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/sign_in.h"
#include "agent/core/volume_probe.h"
#include "agent/core/volumes.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	const SkMsgSpec *const tables[] = {peer_monitor_type.specs, peer_media_type.specs,
		peer_scanner_type.specs, device_facts_specs, volume_facts_specs, peer_uplink_type.specs,
		peer_posture_type.specs, peer_pack_type.specs, peer_burn_type.specs, sign_in_specs};

	return i < SK_ARRAY_SIZE(tables) ? tables[i] : NULL;
}

static void require_printable(const char *foreign)
{
	char text[4 * SK_PATH_SIZE];

	sk_utf8_escape(text, sizeof(text), foreign, strlen(foreign));
	fuzz_require(sk_utf8_check(text, strlen(text)));
	for (const char *p = text; *p; p++)
		fuzz_require((unsigned char)*p >= ' ');
}

/* Foreign text becomes printable before anybody sees it. */
void fuzz_use(const SkHead *message)
{
	if (message->type == SK_SCAN_RESULT)
		require_printable(((const SkScanResult *)message)->path);
	else if (message->type == SK_UPLINK_STATE)
		require_printable(((const SkUplinkState *)message)->detail);
	else if (message->type == SK_PROBE_USB_FACTS)
		require_printable(((const SkUsbFacts *)message)->product);
	else if (message->type == SK_PROBE_BLOCK_FACTS)
		require_printable(((const SkBlockFacts *)message)->label);
}
