/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RESOURCE VERB: one operation, made from its row in the tables of the contract. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "console/admin/admin.h"
#include "console/admin/option.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define own_options own_(admin_options_deinit)
#define BODY_MAX (512 * 1024 * 1024)

static const SkApiOperation *find_operation(const char *resource, const char *verb)
{
	char id[128];

	if (!sk_str_format(id, sizeof(id), "%s.%s", resource, verb))
		return NULL;
	for (size_t i = 0; i < sk_api_operations_size; i++)
		if (sk_str_eq(sk_api_operations[i].id, id) && sk_api_operations[i].audience != SK_API_AGENT)
			return &sk_api_operations[i];
	return NULL;
}

/* resource "": of all. */
static void list_verbs(FILE *out, const char *resource)
{
	size_t length = strlen(resource);
	char name[ADMIN_OPTION_SIZE];

	for (size_t i = 0; i < sk_api_operations_size; i++) {
		const SkApiOperation *operation = &sk_api_operations[i];

		if (operation->audience != SK_API_AGENT && strncmp(operation->id, resource, length) == 0 &&
			(length == 0 || operation->id[length] == '.')) {
			sk_str_copy(name, sizeof(name), operation->id);
			name[strcspn(name, ".")] = ' ';
			fprintf(out, "  %-26s %s\n", name, _(operation->summary));
		}
	}
}

static void list_fields(const SkApiField *fields, size_t count)
{
	char name[ADMIN_OPTION_SIZE];

	for (size_t i = 0; i < count; i++) {
		admin_option_name(fields[i].name, name);
		printf("  --%-24s %s%s", name, fields[i].required ? "* " : "",
			*fields[i].help ? _(fields[i].help) : "");
		for (const char *const *word = fields[i].node->words; word && *word; word++)
			printf("%s%s", word == fields[i].node->words ? " [" : ", ", *word);
		puts(fields[i].node->words ? "]" : "");
	}
}

static int print_help(const SkApiOperation *operation)
{
	const SkApiField *body = NULL;
	size_t n_body = admin_body_fields(operation, &body);

	printf("%s\n\n", _(operation->summary));
	list_fields(operation->path_fields, operation->n_path_fields);
	list_fields(operation->query, operation->n_query);
	list_fields(body, n_body);
	if (operation->body_type)
		printf("  --%-24s %s\n", "body", operation->body_type);
	printf("  --%-24s %s\n  --%-24s %s\n", "json", _("the answer as JSON"), "output",
		_("the file that the answer is written to"));
	puts(_("\n* is needed"));
	return ADMIN_OK;
}

void admin_list_commands(FILE *out)
{
	list_verbs(out, "");
}

/* ---- the request ---- */

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     strchr("-._~", c);

		fprintf(out, plain ? "%c" : "%%%02X", c);
	}
}

static void put_value(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		put_escaped(out, json_string_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "true" : "false", out);
	else
		fprintf(out, "%lld", (long long)json_integer_value(value));
}

/* Return: NULL after having said what is missing. */
static char *make_path(const SkApiOperation *operation, const json_t *values)
{
	char *path = NULL, name[ADMIN_OPTION_SIZE];
	size_t size;
	FILE *out = open_memstream(&path, &size);
	bool first = true, whole = out != NULL;

	for (size_t i = 0; whole && i < operation->n_segments; i++) {
		const char *segment = operation->segments[i];
		const json_t *value;

		fputc('/', out);
		if (segment[0] != '{') {
			fputs(segment, out);
			continue;
		}
		sk_str_format(name, sizeof(name), "%.*s", (int)strlen(segment) - 2, segment + 1);
		value = json_object_get(values, name);
		if (value)
			put_value(out, value);
		else
			fprintf(stderr, _("sekisho-admin: --%s is missing\n"), name);
		whole = value != NULL;
	}
	for (size_t i = 0; whole && i < operation->n_query; i++) {
		const json_t *value = json_object_get(values, operation->query[i].name);

		if (!value)
			continue;
		fprintf(out, "%c%s=", first ? '?' : '&', operation->query[i].name);
		put_value(out, value);
		first = false;
	}
	if (out && fclose(out) == 0 && whole)
		return path;
	free(path);
	return NULL;
}

static int read_body(const char *file, char **ret_text, size_t *ret_size)
{
	int r = sk_io_read_file_at(
		AT_FDCWD, sk_str_eq(file, "-") ? "/dev/stdin" : file, BODY_MAX, ret_text, ret_size);

	if (r < 0)
		fprintf(stderr, "sekisho-admin: %s: %s\n", file, strerror(-r));
	return r;
}

/* The file, whose members the options override; or the options alone. */
static int make_body(
	const SkApiOperation *operation, const AdminOptions *options, char **ret_text, size_t *ret_size)
{
	json_auto_t *joined = NULL;
	own_free char *text = NULL;
	size_t size = 0;
	int r = options->body_file ? read_body(options->body_file, &text, &size) : 0;

	if (r < 0 || !operation->body) {
		*ret_text = r < 0 ? NULL : text ? own_take(text) : strdup("");
		*ret_size = size;
		return r;
	}
	joined = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : json_object();
	if (!joined ||
		(json_object_size(options->body) > 0 && json_object_update(joined, options->body) < 0)) {
		fprintf(stderr, _("sekisho-admin: --body: is no JSON\n"));
		return -EINVAL;
	}
	*ret_text = json_dumps(joined, JSON_COMPACT);
	if (!*ret_text)
		return -ENOMEM;
	*ret_size = strlen(*ret_text);
	return 0;
}

/* ---- the answer ---- */

static int write_output(const char *file, const AdminAnswer *answer)
{
	own_fd int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : sk_io_write_all(fd, answer->bytes ? answer->bytes : "", answer->size);

	if (r < 0)
		fprintf(stderr, "sekisho-admin: %s: %s\n", file, strerror(-r));
	return r < 0 ? ADMIN_ERROR : ADMIN_OK;
}

static int print_answer(const AdminOptions *options, const AdminAnswer *answer)
{
	if (options->output)
		return write_output(options->output, answer);
	if (answer->size == 0)
		return ADMIN_OK;
	if (!answer->json)
		return sk_io_write_all(STDOUT_FILENO, answer->bytes, answer->size) < 0 ? ADMIN_ERROR
										       : ADMIN_OK;
	if (options->json) {
		json_dumpf(answer->json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		admin_print(answer->json);
	}
	return ADMIN_OK;
}

static bool wants_proof(const AdminAnswer *answer)
{
	const char *code = json_string_value(json_object_get(answer->json, "code"));

	return code && sk_str_eq(code, "SK-5107") && isatty(STDIN_FILENO);
}

static int send_and_print(AdminState *state, const AdminRequest *request, const AdminOptions *options)
{
	own_admin_answer AdminAnswer answer = {.status = 0};
	own_free char *token = state->token ? strdup(state->token) : NULL;
	int r = admin_send(state, request, &answer), status;

	if (r == 0 && wants_proof(&answer)) {
		status = admin_prove(state);
		if (status != ADMIN_OK)
			return status;
		admin_answer_deinit(&answer);
		r = admin_send(state, request, &answer);
	}
	if (r < 0)
		return ADMIN_ERROR;
	if (token && state->token && !sk_str_eq(token, state->token)) {
		const char *csrf = json_string_value(json_object_get(answer.json, "csrf"));

		admin_wipe(state->csrf);
		state->csrf = strdup(csrf ? csrf : "");
		(void)admin_state_save(state);
	}
	return answer.status >= 200 && answer.status < 300 ? print_answer(options, &answer)
							   : admin_explain(&answer);
}

static int run(const SkApiOperation *operation, const AdminOptions *options)
{
	own_admin_state AdminState state = {.server = NULL};
	own_free char *path = NULL, *body = NULL;
	AdminRequest request = {.method = sk_api_method_name(operation->method)};
	int r = admin_state_load(&state);

	if (r < 0) {
		fprintf(stderr, _("sekisho-admin: nobody is signed in: sekisho-admin login\n"));
		return ADMIN_NOT_SIGNED_IN;
	}
	request.path = path = make_path(operation, options->values);
	if (!path)
		return ADMIN_USAGE;
	if (operation->body_type) {
		if (make_body(operation, options, &body, &request.size) < 0)
			return ADMIN_USAGE;
		request.body = body;
		request.type = operation->body_type;
	}
	return send_and_print(&state, &request, options);
}

int admin_call(int argc, char **argv)
{
	const SkApiOperation *operation = argc > 1 ? find_operation(argv[0], argv[1]) : NULL;
	own_options AdminOptions options = {.values = NULL};

	if (!operation) {
		fprintf(stderr, _("sekisho-admin: there is no such command; there are:\n"));
		list_verbs(stderr, argc > 1 && find_operation(argv[0], "list") ? argv[0] : "");
		return ADMIN_USAGE;
	}
	if (admin_options_parse(operation, argc - 2, argv + 2, &options) < 0)
		return ADMIN_USAGE;
	return options.help ? print_help(operation) : run(operation, &options);
}

/* ---- for the shell ---- */

static void complete_fields(const SkApiField *fields, size_t count)
{
	char name[ADMIN_OPTION_SIZE];

	for (size_t i = 0; i < count; i++) {
		admin_option_name(fields[i].name, name);
		printf("--%s\n", name);
	}
}

int admin_complete(int argc, char **argv)
{
	const SkApiOperation *operation = argc > 2 ? find_operation(argv[1], argv[2]) : NULL;
	const SkApiField *body = NULL;
	size_t n_body;

	if (operation) {
		n_body = admin_body_fields(operation, &body);
		complete_fields(operation->path_fields, operation->n_path_fields);
		complete_fields(operation->query, operation->n_query);
		complete_fields(body, n_body);
		puts("--json\n--help\n--output");
		return ADMIN_OK;
	}
	for (size_t i = 0; i < sk_api_operations_size; i++) {
		const char *id = sk_api_operations[i].id, *dot = strchr(id, '.');

		if (sk_api_operations[i].audience == SK_API_AGENT)
			continue;
		if (argc < 2)
			printf("%.*s\n", (int)(dot - id), id);
		else if (strlen(argv[1]) == (size_t)(dot - id) &&
			 strncmp(id, argv[1], (size_t)(dot - id)) == 0)
			puts(dot + 1);
	}
	return ADMIN_OK;
}
