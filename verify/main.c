/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"
#include "verify/verify.h"

typedef struct Arguments {
	const char *key, *slip, *directory;
	bool version, wrong;
} Arguments;

static Arguments parse(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
		{"slip", required_argument, NULL, 's'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}, {0}};
	Arguments arguments = {.key = NULL};
	int option;

	while ((option = getopt_long(argc, argv, "k:", options, NULL)) >= 0) {
		if (option == 'k')
			arguments.key = optarg;
		else if (option == 's')
			arguments.slip = optarg;
		arguments.version |= option == 'V';
		arguments.wrong |= option == '?' || option == 'h';
	}
	arguments.wrong |= !arguments.version && (!arguments.key || argc != optind + 1);
	arguments.directory = argv[optind];
	return arguments;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The newest by its name; whether it is one is seen by its signature. */
static bool find_slip(int dir_fd, char ret_path[2 * SK_SLIP_NAME_SIZE])
{
	int fd = tree_open(dir_fd, SK_SLIP_FOLDER, O_RDONLY | O_DIRECTORY);
	own_(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t best = 0, serial;
	bool found = false;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (!sk_slip_serial_of(entry->d_name, &serial) || (found && serial <= best))
			continue;
		best = serial;
		found = sk_str_format(ret_path, 2 * SK_SLIP_NAME_SIZE, SK_SLIP_FOLDER "/%s", entry->d_name);
	}
	return found;
}

static int read_slip(int dir_fd, const Arguments *arguments, char **ret_text, size_t *ret_size)
{
	char path[2 * SK_SLIP_NAME_SIZE];
	own_fd int fd = -1;
	struct stat st;

	if (arguments->slip)
		return sk_io_read_file_at(AT_FDCWD, arguments->slip, SK_SLIP_FILE_MAX, ret_text, ret_size);
	if (!find_slip(dir_fd, path))
		return -ENOENT;
	fd = tree_open(dir_fd, path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	*ret_text = malloc(SK_SLIP_FILE_MAX + 1);
	if (!*ret_text)
		return -ENOMEM;
	ssize_t n = sk_io_read_up_to(fd, *ret_text, SK_SLIP_FILE_MAX + 1);

	*ret_size = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

/* Return: 0 and the slip, or the exit status. */
static int take_slip(int dir_fd, const Arguments *arguments, const SkSlipTrust *trust, SkSlip *ret_slip)
{
	own_free char *text = NULL;
	const char *name = arguments->slip ? arguments->slip : arguments->directory;
	size_t size = 0;
	int r = read_slip(dir_fd, arguments, &text, &size);

	if (r < 0) {
		words_say(stderr, WORD_NO_SLIP);
		return VERIFY_NO_SLIP;
	}
	r = sk_slip_verify(text, size, trust, ret_slip);
	if (r < 0) {
		words_say(stderr, r == -EKEYREJECTED ? WORD_WRONG_SIGNER : WORD_BAD_SLIP, name);
		return VERIFY_NO_SLIP;
	}
	return 0;
}

static void show_slip(const SkSlip *slip)
{
	char label[1024], number[512], organisation[1024], when[64];
	time_t closed = (time_t)(slip->closed / 1000);
	struct tm tm;

	sk_utf8_escape(label, sizeof(label), slip->label, strlen(slip->label));
	sk_utf8_escape(number, sizeof(number), slip->number, strlen(slip->number));
	sk_utf8_escape(organisation, sizeof(organisation), slip->organisation, strlen(slip->organisation));
	gmtime_r(&closed, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	words_say(stdout, WORD_SIGNED, (unsigned long long)slip->serial, number, label, slip->terminal,
		organisation);
	words_say(
		stdout, WORD_OPENED, when, (unsigned long long)slip->files, (unsigned long long)slip->bytes);
}

static int judge(const SkSlip *slip, const Comparison *found)
{
	bool same = found->changed + found->added + found->missing + found->infected == 0;

	words_say(stdout, WORD_SUMMARY, found->same, found->changed, found->added, found->missing,
		found->unreadable);
	if (!slip->complete)
		words_say(stdout, WORD_INCOMPLETE, slip->reason);
	if (found->unreadable > 0) {
		words_say(stdout, WORD_UNKNOWN);
		return VERIFY_UNREADABLE;
	}
	same = same && slip->complete;
	words_say(stdout, same ? WORD_SAME : WORD_DIFFERENT);
	return same ? VERIFY_SAME : VERIFY_DIFFERENT;
}

static int verify(const Arguments *arguments, const SkSlipTrust *trust)
{
	own_fd int dir_fd = open(arguments->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	Comparison comparison = {.same = 0};
	SkSlip slip;
	int r;

	if (dir_fd < 0) {
		words_say(stderr, WORD_NO_DIRECTORY, arguments->directory, strerror(errno));
		return VERIFY_UNREADABLE;
	}
	r = take_slip(dir_fd, arguments, trust, &slip);
	if (r != 0)
		return r;
	show_slip(&slip);
	r = compare(dir_fd, &slip, &comparison);
	if (r == -EBADMSG) {
		char name[SK_SLIP_NAME_SIZE];

		sk_slip_manifest_name(slip.serial, name);
		words_say(stderr, WORD_BAD_MANIFEST, name);
		return VERIFY_DIFFERENT;
	}
	if (r < 0) {
		words_say(stderr, WORD_NO_DIRECTORY, arguments->directory, strerror(-r));
		return VERIFY_UNREADABLE;
	}
	return judge(&slip, &comparison);
}

int main(int argc, char **argv)
{
	Arguments arguments = parse(argc, argv);
	SkDsseKey keys[VERIFY_KEYS_MAX];
	SkSlipTrust trust = {.keys = keys};
	int r;

	words_init();
	if (arguments.wrong) {
		words_say(stderr, WORD_USAGE);
		return VERIFY_USAGE;
	}
	if (arguments.version) {
		puts("sekisho-verify " SK_VERSION);
		return 0;
	}
	if (sk_crypt_init() < 0)
		return VERIFY_UNREADABLE;
	r = keys_read(arguments.key, keys, &trust.n_keys);
	if (r < 0) {
		words_say(stderr, WORD_NO_KEY, arguments.key, strerror(-r));
		return VERIFY_USAGE;
	}
	r = verify(&arguments, &trust);
	/* What could not be shown was not seen. */
	return fflush(stdout) == 0 ? r : VERIFY_UNREADABLE;
}
