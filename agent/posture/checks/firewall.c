/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is what comes in from the network refused unless a rule allows it? Asked of the kernel, whatever program
 * made the rules (nftables, firewalld, ufw, iptables by way of nf_tables), and whether or not one is
 * installed.
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "agent/posture/nft.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define FILE_MAX (1u << 20)

/* Does any line of a file have this word, first (a module) or last (an interface), or another one? */
static bool has_line(const Posture *posture, const char *path, bool (*matches)(char *line))
{
	own_free char *text = NULL;
	char *rest, *line;

	if (file_read(posture, path, FILE_MAX, &text, NULL) < 0)
		return false;
	rest = text;
	while ((line = file_next_line(&rest)))
		if (matches(line))
			return true;
	return false;
}

static bool is_legacy_filter(char *line)
{
	const char *name = file_next_word(&line);

	return name && (sk_str_eq(name, "iptable_filter") || sk_str_eq(name, "ip6table_filter"));
}

/* An address of an interface: the name of it is the last word. */
static bool is_not_loopback(char *line)
{
	const char *word, *last = NULL;

	while ((word = file_next_word(&line)))
		last = word;
	return last && !sk_str_eq(last, "lo");
}

static bool look(const NftRuleset *ruleset, uint32_t family, const char *name, PostureResult *result)
{
	const NftChain *chain = nft_find_filter(ruleset, family);

	if (chain)
		posture_value(result, "%s: refused by %s %s", name, chain->table, chain->name);
	else
		posture_value(result, "%s: OPEN", name);
	return chain != NULL;
}

static void run(const Posture *posture, PostureResult *result)
{
	bool need_6 = has_line(posture, "/proc/net/if_inet6", is_not_loopback), has_4, has_6;
	NftRuleset ruleset = {0};
	int r = 0;

	posture_threshold(result, "input refused by default");
	/* Where nf_tables is not loaded the kernel was not asked, and nothing filters. */
	if (posture->fds.chains >= 0)
		r = nft_read(&ruleset, posture->fds.tables, posture->fds.chains, posture->fds.rules);
	else if (file_exists(posture, "/sys/module/nf_tables") || !file_exists(posture, "/proc/modules"))
		r = -EPERM;
	if (r < 0) {
		posture_value(result, "the kernel does not tell its rules");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_FIREWALL_UNKNOWN);
		nft_free(&ruleset);
		return;
	}
	has_4 = look(&ruleset, NFPROTO_IPV4, "IPv4", result);
	has_6 = !need_6 || look(&ruleset, NFPROTO_IPV6, "IPv6", result);
	nft_free(&ruleset);
	if (has_4 && has_6)
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
	else if (has_line(posture, "/proc/modules", is_legacy_filter)) {
		posture_value(result, "rules of the old iptables are there");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_FIREWALL_UNKNOWN);
	} else
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_FIREWALL_OPEN);
}

static const char *const paths[] = {"/proc", "/sys/module", NULL};

const PostureCheck check_firewall = {.id = "firewall", .requirement = "EQP-1", .paths = paths, .run = run};
