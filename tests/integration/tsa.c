/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tsa request DIGEST DIRECTORY ANSWER-COMMAND...: asks an authority by a command that reads DIRECTORY/query
 * and writes DIRECTORY/answer, and accepts; the token goes to DIRECTORY/token. tsa verify DIGEST DIRECTORY:
 * verifies DIRECTORY/token. DIRECTORY/authority.pem vouches. Prints the time, or the reason; exits with 0, or
 * with 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/tsa/tsa.h"

static const char *directory;

static char *read_file(const char *name, size_t *ret_size)
{
	char path[4096];
	char *data = calloc(1, SK_TSA_ANSWER_MAX * 2);
	FILE *file;

	sk_str_format(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	if (!file || !data)
		exit(2);
	*ret_size = fread(data, 1, SK_TSA_ANSWER_MAX * 2 - 1, file);
	fclose(file);
	return data;
}

static void write_file(const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *file;

	sk_str_format(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		exit(2);
}

static int end(int r, int64_t time, const char *why)
{
	if (r < 0)
		printf("%s: %s\n", strerror(-r), why);
	else
		printf("%" PRId64 "\n", time);
	return r < 0;
}

static int request(const uint8_t *digest, const char *command)
{
	own_tsa_request SkTsaRequest *query = NULL;
	SkTsaToken token = {0};
	const char *why = "";
	size_t size, n_authorities;
	const uint8_t *der;
	char *authorities = read_file("authority.pem", &n_authorities), *answer;
	int r = sk_tsa_request_new(digest, &query);

	if (r < 0)
		return end(r, 0, "request");
	der = sk_tsa_request_get_der(query, &size);
	write_file("query", der, size);
	if (system(command) != 0)
		return 2;
	answer = read_file("answer", &size);
	r = sk_tsa_request_accept(
		query, (SkTsaDer){(const uint8_t *)answer, size}, authorities, &token, &why);
	if (r == 0)
		write_file("token", token.der, token.size);
	free(token.der);
	free(answer);
	free(authorities);
	return end(r, token.time, why);
}

static int verify(const uint8_t *digest)
{
	const char *why = "";
	size_t size, n_authorities;
	int64_t time = 0;
	char *authorities = read_file("authority.pem", &n_authorities), *token = read_file("token", &size);
	int r = sk_tsa_token_verify(
		(SkTsaDer){(const uint8_t *)token, size}, digest, authorities, &time, &why);

	free(token);
	free(authorities);
	return end(r, time, why);
}

int main(int argc, char **argv)
{
	uint8_t digest[SK_TSA_DIGEST_SIZE];

	if (argc < 4 || sk_hex_parse(digest, sizeof(digest), argv[2]) < 0)
		return 2;
	directory = argv[3];
	if (sk_str_eq(argv[1], "request") && argc == 5)
		return request(digest, argv[4]);
	return sk_str_eq(argv[1], "verify") ? verify(digest) : 2;
}
