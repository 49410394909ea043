/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define BUFFER_SIZE (64u << 10)
#define WAIT_SEC 3
#define JUMPS_MAX 16
#define SEQUENCE 1

int nft_ask(NftThing thing)
{
	static const uint16_t messages[] = {NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE};
	own_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct timeval patience = {.tv_sec = WAIT_SEC};
	char buffer[256] __attribute__((aligned(8)));
	const struct nlmsghdr *head;

	if (fd < 0)
		return -errno;
	head = nftnl_nlmsg_build_hdr(buffer, messages[thing], NFPROTO_UNSPEC, NLM_F_DUMP, SEQUENCE);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
		sendto(fd, head, head->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return own_take_fd(&fd);
}

static NftChain *find_chain(const NftRuleset *ruleset, uint32_t family, const char *table, const char *name)
{
	NftChain *chain;

	DL_FOREACH (ruleset->chains, chain)
		if (chain->family == family && sk_str_eq(chain->table, table) && sk_str_eq(chain->name, name))
			return chain;
	return NULL;
}

static void free_chain(NftChain *chain)
{
	while (chain->rules) {
		NftRule *rule = chain->rules;

		DL_DELETE(chain->rules, rule);
		free(rule);
	}
	free(chain);
}

static int on_chain(const struct nlmsghdr *head, void *userdata)
{
	struct nftnl_chain *parsed = nftnl_chain_alloc();
	own_free NftChain *chain = calloc(1, sizeof(*chain));
	NftRuleset *ruleset = userdata;
	bool ok = parsed && chain && nftnl_chain_nlmsg_parse(head, parsed) == 0 &&
		  nftnl_chain_is_set(parsed, NFTNL_CHAIN_TABLE) &&
		  nftnl_chain_is_set(parsed, NFTNL_CHAIN_NAME);

	if (ok) {
		chain->family = nftnl_chain_get_u32(parsed, NFTNL_CHAIN_FAMILY);
		chain->hook = nftnl_chain_is_set(parsed, NFTNL_CHAIN_HOOKNUM)
				      ? (int)nftnl_chain_get_u32(parsed, NFTNL_CHAIN_HOOKNUM)
				      : -1;
		chain->policy = nftnl_chain_is_set(parsed, NFTNL_CHAIN_POLICY) &&
						nftnl_chain_get_u32(parsed, NFTNL_CHAIN_POLICY) == NF_DROP
					? NFT_VERDICT_DROP
					: NFT_VERDICT_ACCEPT;
		ok = sk_str_copy(chain->table, sizeof(chain->table),
			     nftnl_chain_get_str(parsed, NFTNL_CHAIN_TABLE)) &&
		     sk_str_copy(
			     chain->name, sizeof(chain->name), nftnl_chain_get_str(parsed, NFTNL_CHAIN_NAME));
	}
	nftnl_chain_free(parsed);
	if (!ok)
		return -EBADMSG;
	if (++ruleset->count > NFT_CHAINS_MAX)
		return -EOVERFLOW;
	DL_APPEND(ruleset->chains, chain);
	chain = NULL;
	return 0;
}

/* A table that sleeps filters nothing: its chains are taken for ones that are only jumped to. */
static int on_table(const struct nlmsghdr *head, void *userdata)
{
	struct nftnl_table *table = nftnl_table_alloc();
	NftRuleset *ruleset = userdata;
	bool ok = table && nftnl_table_nlmsg_parse(head, table) == 0 &&
		  nftnl_table_is_set(table, NFTNL_TABLE_NAME);
	NftChain *chain;

	if (ok && nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT)
		DL_FOREACH (ruleset->chains, chain)
			if (chain->family == nftnl_table_get_u32(table, NFTNL_TABLE_FAMILY) &&
				sk_str_eq(chain->table, nftnl_table_get_str(table, NFTNL_TABLE_NAME)))
				chain->hook = -1;
	nftnl_table_free(table);
	return ok ? 0 : -EBADMSG;
}

typedef struct Look {
	NftRule rule;
	bool conditional;
	bool to_whom; /* whether the packet is for this PC was loaded, and is compared next */
} Look;

/* "" where the kernel left it out. */
static const char *expression_text(const struct nftnl_expr *expr, uint16_t attribute)
{
	const char *text = nftnl_expr_is_set(expr, attribute) ? nftnl_expr_get_str(expr, attribute) : NULL;

	return text ? text : "";
}

static void look_at_verdict(const struct nftnl_expr *expr, NftRule *rule)
{
	static const struct {
		int code;
		NftVerdict verdict;
	} verdicts[] = {{NF_ACCEPT, NFT_VERDICT_ACCEPT}, {NF_DROP, NFT_VERDICT_DROP},
		{NFT_JUMP, NFT_VERDICT_JUMP}, {NFT_GOTO, NFT_VERDICT_GOTO}, {NFT_RETURN, NFT_VERDICT_RETURN}};
	int code;

	if (!nftnl_expr_is_set(expr, NFTNL_EXPR_IMM_VERDICT))
		return; /* loads a number */
	code = (int)nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT);
	for (size_t i = 0; i < SK_ARRAY_SIZE(verdicts); i++)
		if (verdicts[i].code == code)
			rule->verdict = verdicts[i].verdict;
	if (nftnl_expr_is_set(expr, NFTNL_EXPR_IMM_CHAIN))
		sk_str_copy(rule->target, sizeof(rule->target), expression_text(expr, NFTNL_EXPR_IMM_CHAIN));
}

/* Targets of iptables, which go on beneath nf_tables. */
static void look_at_target(const char *name, Look *look)
{
	static const char *const harmless[] = {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TRACE"};

	if (sk_str_eq(name, "REJECT")) {
		look->rule.verdict = NFT_VERDICT_DROP;
		return;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(harmless); i++)
		if (sk_str_eq(name, harmless[i]))
			return;
	look->conditional = true;
}

/* What only counts, logs or marks is no condition; what is not known here is one. */
static bool is_harmless(const struct nftnl_expr *expr, const char *name)
{
	static const char *const always[] = {"counter", "log", "notrack", "objref"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(always); i++)
		if (sk_str_eq(name, always[i]))
			return true;
	if (sk_str_eq(name, "match"))
		return sk_str_eq(expression_text(expr, NFTNL_EXPR_MT_NAME), "comment");
	return (sk_str_eq(name, "meta") && nftnl_expr_is_set(expr, NFTNL_EXPR_META_SREG)) ||
	       (sk_str_eq(name, "ct") && nftnl_expr_is_set(expr, NFTNL_EXPR_CT_SREG));
}

/* Whether the packet is for this PC: that one is followed here, for ufw drops all others before it looks. */
static bool asks_to_whom(const struct nftnl_expr *expr, const char *name)
{
	return sk_str_eq(name, "fib") &&
	       nftnl_expr_get_u32(expr, NFTNL_EXPR_FIB_RESULT) == NFT_FIB_RESULT_ADDRTYPE &&
	       nftnl_expr_get_u32(expr, NFTNL_EXPR_FIB_FLAGS) == NFTA_FIB_F_DADDR;
}

static bool is_to_us(const struct nftnl_expr *expr, const char *name)
{
	uint32_t size = 0, type = 0;
	const void *data = sk_str_eq(name, "cmp") ? nftnl_expr_get(expr, NFTNL_EXPR_CMP_DATA, &size) : NULL;

	if (!data || size != sizeof(type))
		return false;
	memcpy(&type, data, sizeof(type));
	return type == RTN_LOCAL && nftnl_expr_get_u32(expr, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ;
}

/* The same, as iptables says it. */
static bool matches_to_us(const struct nftnl_expr *expr, const char *name)
{
	uint32_t size = 0;
	const struct xt_addrtype_info_v1 *info;

	if (!sk_str_eq(name, "match") || !sk_str_eq(expression_text(expr, NFTNL_EXPR_MT_NAME), "addrtype") ||
		nftnl_expr_get_u32(expr, NFTNL_EXPR_MT_REV) != 1)
		return false;
	info = nftnl_expr_get(expr, NFTNL_EXPR_MT_INFO, &size);
	return info && size >= sizeof(*info) && info->source == 0 && info->dest == XT_ADDRTYPE_LOCAL &&
	       info->flags == 0;
}

static int on_expression(struct nftnl_expr *expr, void *userdata)
{
	const char *name = expression_text(expr, NFTNL_EXPR_NAME);
	Look *look = userdata;
	bool compared = look->to_whom;

	look->to_whom = asks_to_whom(expr, name);
	if (look->to_whom || matches_to_us(expr, name) || (compared && is_to_us(expr, name)))
		return 0;
	if (sk_str_eq(name, "immediate"))
		look_at_verdict(expr, &look->rule);
	else if (sk_str_eq(name, "reject"))
		look->rule.verdict = NFT_VERDICT_DROP;
	else if (sk_str_eq(name, "target"))
		look_at_target(expression_text(expr, NFTNL_EXPR_TG_NAME), look);
	else if (!is_harmless(expr, name))
		look->conditional = true;
	return 0;
}

static int on_rule(const struct nlmsghdr *head, void *userdata)
{
	struct nftnl_rule *parsed = nftnl_rule_alloc();
	NftRuleset *ruleset = userdata;
	Look look = {0};
	NftChain *chain;
	NftRule *rule;
	int r = -EBADMSG;

	if (parsed && nftnl_rule_nlmsg_parse(head, parsed) == 0 &&
		nftnl_rule_is_set(parsed, NFTNL_RULE_TABLE) && nftnl_rule_is_set(parsed, NFTNL_RULE_CHAIN)) {
		nftnl_expr_foreach(parsed, on_expression, &look);
		chain = find_chain(ruleset, nftnl_rule_get_u32(parsed, NFTNL_RULE_FAMILY),
			nftnl_rule_get_str(parsed, NFTNL_RULE_TABLE),
			nftnl_rule_get_str(parsed, NFTNL_RULE_CHAIN));
		r = 0;
		if (chain && !look.conditional && look.rule.verdict != NFT_VERDICT_NONE) {
			rule = malloc(sizeof(*rule));
			r = rule ? 0 : -ENOMEM;
			if (rule) {
				*rule = look.rule;
				DL_APPEND(chain->rules, rule);
			}
		}
	}
	nftnl_rule_free(parsed);
	return r;
}

typedef int (*OnMessage)(const struct nlmsghdr *head, void *userdata);

/* One packet of an answer. Return: 1 it was the last; 0; negative errno. */
static int take_packet(const char *buffer, int size, OnMessage on_message, NftRuleset *ruleset)
{
	const struct nlmsghdr *head = (const struct nlmsghdr *)buffer;
	int r = 0;

	for (; r == 0 && mnl_nlmsg_ok(head, size); head = mnl_nlmsg_next(head, &size)) {
		if (head->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN; /* it changed meanwhile */
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))
				       ? ((const struct nlmsgerr *)mnl_nlmsg_get_payload(head))->error
				       : -EBADMSG;
		if (head->nlmsg_len < NLMSG_LENGTH(sizeof(struct nfgenmsg)))
			return -EBADMSG;
		r = on_message(head, ruleset);
	}
	return r;
}

static int read_answer(int fd, OnMessage on_message, NftRuleset *ruleset)
{
	own_free char *buffer = malloc(BUFFER_SIZE);
	int r = 0;

	if (!buffer)
		return -ENOMEM;
	while (r == 0) {
		ssize_t n = recv(fd, buffer, BUFFER_SIZE, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		r = take_packet(buffer, (int)n, on_message, ruleset);
	}
	return r < 0 ? r : 0;
}

int nft_read(NftRuleset *ruleset, int tables_fd, int chains_fd, int rules_fd)
{
	int r = read_answer(chains_fd, on_chain, ruleset);

	if (r == 0)
		r = read_answer(tables_fd, on_table, ruleset);
	return r < 0 ? r : read_answer(rules_fd, on_rule, ruleset);
}

void nft_free(NftRuleset *ruleset)
{
	while (ruleset->chains) {
		NftChain *chain = ruleset->chains;

		DL_DELETE(ruleset->chains, chain);
		free_chain(chain);
	}
}

/* What becomes of a packet for this PC that meets no other condition. */
static NftVerdict follow(const NftRuleset *ruleset, const NftChain *chain, unsigned jumps)
{
	const NftRule *rule;

	DL_FOREACH (chain->rules, rule) {
		const NftChain *target;
		NftVerdict verdict;

		if (rule->verdict == NFT_VERDICT_ACCEPT || rule->verdict == NFT_VERDICT_DROP)
			return rule->verdict;
		if (rule->verdict == NFT_VERDICT_RETURN)
			return NFT_VERDICT_NONE;
		target = find_chain(ruleset, chain->family, chain->table, rule->target);
		verdict = target && jumps < JUMPS_MAX ? follow(ruleset, target, jumps + 1) : NFT_VERDICT_NONE;
		if (verdict != NFT_VERDICT_NONE || rule->verdict == NFT_VERDICT_GOTO)
			return verdict;
	}
	return NFT_VERDICT_NONE;
}

const NftChain *nft_find_filter(const NftRuleset *ruleset, uint32_t family)
{
	const NftChain *chain;

	DL_FOREACH (ruleset->chains, chain) {
		NftVerdict verdict;

		if (chain->hook != NF_INET_LOCAL_IN ||
			(chain->family != family && chain->family != NFPROTO_INET))
			continue;
		verdict = follow(ruleset, chain, 0);
		if (verdict == NFT_VERDICT_NONE)
			verdict = chain->policy;
		if (verdict == NFT_VERDICT_DROP)
			return chain;
	}
	return NULL;
}
