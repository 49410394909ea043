/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "lib/base/str.h"
#include "lib/ipc/proto_media.h"

#define IDLE_SECONDS 30

const char arguments_usage[] =
	"usage: sekisho-media [--listen PATH] [--client NAME] [--media-dir PATH]\n"
	"                     [--ntfs-user NAME] [--luks-user NAME] [--idle SECONDS] [--kept SECONDS]\n"
	"       sekisho-media --close [--media-dir PATH]\n";

int arguments_parse(int argc, char **argv, Arguments *ret_arguments)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"client", required_argument, NULL, 'c'},
		{"media-dir", required_argument, NULL, 'm'},
		{"ntfs-user", required_argument, NULL, 'n'},
		{"luks-user", required_argument, NULL, 'L'},
		{"idle", required_argument, NULL, 'i'},
		{"kept", required_argument, NULL, 'k'},
		{"close", no_argument, NULL, 'C'},
		{0},
	};
	Arguments arguments = {.client = "sekisho",
		.base = "/media",
		.ntfs_user = "sekisho-ntfs",
		.luks_user = "sekisho-luks",
		.idle_seconds = IDLE_SECONDS,
		.kept_seconds = SK_MEDIA_KEPT_SECONDS};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'l':
			arguments.listen = optarg;
			break;
		case 'c':
			arguments.client = optarg;
			break;
		case 'm':
			arguments.base = optarg;
			break;
		case 'n':
			arguments.ntfs_user = optarg;
			break;
		case 'L':
			arguments.luks_user = optarg;
			break;
		case 'i':
			if (sk_num_parse(optarg, 10, 86400, &arguments.idle_seconds) < 0)
				return -EINVAL;
			break;
		case 'k':
			if (sk_num_parse(optarg, 10, 86400, &arguments.kept_seconds) < 0)
				return -EINVAL;
			break;
		case 'C':
			arguments.close = true;
			break;
		default:
			return -EINVAL;
		}
	*ret_arguments = arguments;
	return optind == argc ? 0 : -EINVAL;
}
