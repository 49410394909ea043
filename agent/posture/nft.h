/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ruleset of nf_tables, as far as it says whether what comes in is refused unless a rule allows it. The
 * questions are sent with a privilege (nft_ask()), the answers are read without.
 */
#include <stddef.h>
#include <stdint.h>

typedef enum NftThing {
	NFT_TABLES,
	NFT_CHAINS,
	NFT_RULES,
} NftThing;

/* Asks for all of them. Return: a socket on which the answer comes, or negative errno. Needs CAP_NET_ADMIN.
 */
int nft_ask(NftThing thing);

#define NFT_NAME_SIZE 128
#define NFT_CHAINS_MAX 8192

typedef enum NftVerdict {
	NFT_VERDICT_NONE, /* goes on with what follows */
	NFT_VERDICT_ACCEPT,
	NFT_VERDICT_DROP,
	NFT_VERDICT_JUMP,
	NFT_VERDICT_GOTO,
	NFT_VERDICT_RETURN,
} NftVerdict;

/* A rule without a condition. */
typedef struct NftRule {
	NftVerdict verdict;
	char target[NFT_NAME_SIZE]; /* of JUMP and GOTO */
	struct NftRule *prev, *next;
} NftRule;

typedef struct NftChain {
	uint32_t family; /* NFPROTO_* */
	char table[NFT_NAME_SIZE], name[NFT_NAME_SIZE];
	int hook;	   /* NF_INET_*; -1: only jumped to */
	NftVerdict policy; /* of one with a hook */
	NftRule *rules;	   /* in order */
	struct NftChain *prev, *next;
} NftChain;

typedef struct NftRuleset {
	NftChain *chains;
	size_t count;
} NftRuleset;

/* Reads the three answers. Return: 0; -EOVERFLOW there are too many chains; other negative errno. */
int nft_read(NftRuleset *ruleset, int tables_fd, int chains_fd, int rules_fd);
void nft_free(NftRuleset *ruleset);

/*
 * A chain at the hook "input" that refuses packets of this family (NFPROTO_IPV4, NFPROTO_IPV6) for which no
 * rule says otherwise. Return: it, or NULL: none does.
 */
const NftChain *nft_find_filter(const NftRuleset *ruleset, uint32_t family);
