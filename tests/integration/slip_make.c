/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slip_make DIRECTORY SERIAL [PATH...]: what a terminal leaves on a medium that holds these files, and what
 * was deleted from it ("-PATH"). Prints the console's public key. The keys are those of fixed seeds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/slip/slip.h"

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static void make_key(uint8_t seed, SkDsseSigner *signer, uint8_t public_key[SK_SIGN_PUBLIC_SIZE])
{
	uint8_t bytes[SK_SIGN_SEED_SIZE];

	memset(bytes, seed, sizeof(bytes));
	require(sk_sign_key_new(bytes, &signer->key, public_key) == 0, "key");
	sk_dsse_key_id(public_key, signer->id);
}

static void write_file(int dir_fd, const char *name, const char *data, size_t size, SkSlipPart *ret_part)
{
	ret_part->size = size;
	sk_sha256(ret_part->sha256, data, size);
	require(sk_io_replace_file_at(dir_fd, name, 0644, data, size) == 0, name);
}

static void add_file(int dir_fd, char *path, FILE *lines, FILE *sums, SkSlip *slip)
{
	SkSlipFile file = {.path = path, .change = SK_SLIP_NEW, .hashed = true};
	own_free char *data = NULL, *line = NULL, *sum = NULL;
	size_t size = 0;

	if (path[0] == '-') {
		file = (SkSlipFile){.path = path + 1, .change = SK_SLIP_DELETED};
	} else {
		require(sk_io_read_file_at(dir_fd, path, 1 << 20, &data, &size) == 0, path);
		file.size = size;
		sk_sha256(file.sha256, data, size);
		require(sk_slip_sum_format(&file, &sum) == 0, path);
		fputs(sum, sums);
		slip->files++;
		slip->bytes += size;
	}
	require(sk_slip_line_format(&file, &line) == 0, path);
	fputs(line, lines);
}

int main(int argc, char **argv)
{
	own_fd int dir_fd = argc > 2 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1, folder_fd = -1;
	SkDsseSigner console, terminal;
	uint8_t console_key[SK_SIGN_PUBLIC_SIZE], terminal_key[SK_SIGN_PUBLIC_SIZE];
	SkSlip slip = {.complete = true,
		.kind = SK_SLIP_CARRY_OUT,
		.medium = "01J0MEDIUM",
		.number = "K-001",
		.label = "紹介状用",
		.terminal = "01J0T"};
	char key[SK_BASE64_SIZE(32)], name[SK_SLIP_NAME_SIZE];
	own_free char *lines = NULL, *sums = NULL, *envelope = NULL, *certificate = NULL, *text = NULL,
		      *file = NULL;
	size_t lines_size, sums_size;
	SkSlipPart ignored;

	require(dir_fd >= 0 && sk_crypt_init() == 0, "DIRECTORY SERIAL");
	mkdirat(dir_fd, SK_SLIP_FOLDER, 0755);
	folder_fd = openat(dir_fd, SK_SLIP_FOLDER, O_RDONLY | O_DIRECTORY);
	slip.serial = strtoull(argv[2], NULL, 10);
	slip.closed = (int64_t)slip.serial;
	make_key(0, &console, console_key);
	make_key(1, &terminal, terminal_key);
	FILE *lines_out = open_memstream(&lines, &lines_size), *sums_out = open_memstream(&sums, &sums_size);

	for (int i = 3; i < argc; i++)
		add_file(dir_fd, argv[i], lines_out, sums_out, &slip);
	fclose(lines_out);
	fclose(sums_out);
	sk_slip_manifest_name(slip.serial, name);
	write_file(folder_fd, name, lines, lines_size, &slip.manifest);
	write_file(folder_fd, SK_SLIP_SUMS, sums, sums_size, &slip.sums);
	require(sk_slip_sign(&slip, &terminal, &envelope) == 0, "slip");
	sk_base64_format(terminal_key, sizeof(terminal_key), key);
	require(asprintf(&text, "{\"terminal\":\"01J0T\",\"key\":\"%s\",\"made\":0}", key) > 0, "statement");
	require(sk_dsse_sign(&console, 1, (SkDssePayload){SK_DSSE_TERMINAL_KEY, text, strlen(text)},
			&certificate) == 0,
		"statement");
	require(sk_slip_file_format(envelope, certificate, &file) == 0, "slip");
	sk_slip_name(slip.serial, name);
	write_file(folder_fd, name, file, strlen(file), &ignored);
	sk_base64_format(console_key, sizeof(console_key), key);
	printf("%s %s\n", console.id, key);
	return EXIT_SUCCESS;
}
