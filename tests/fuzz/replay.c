/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls a fuzzer's entry with each file of the folders and files given: the corpus as an ordinary test. An
 * empty or missing folder is an error, so that the test cannot pass for want of inputs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/own.h"

#define INPUT_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int replay_file(int dir_fd, const char *path)
{
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, path, INPUT_MAX, &data, &size);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	/* A copy of the exact size, so that the sanitizer sees the first byte too far. */
	own_free uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		return -ENOMEM;
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	replayed++;
	return 0;
}

static int replay(const char *path)
{
	struct dirent *entry;
	struct stat st;
	DIR *directory;
	int r = 0;

	if (stat(path, &st) < 0) {
		r = -errno;
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(AT_FDCWD, path);
	directory = opendir(path);
	if (!directory)
		return -errno;
	while (r == 0 && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			r = replay_file(dirfd(directory), entry->d_name);
	closedir(directory);
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) < 0)
			return 1;
	printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
