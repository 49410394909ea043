/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishoctl media copy: the way from one registered medium to another (copy.h), for people and scripts.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/copy.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"

/* A script gets so many of them, and the number of all. */
#define LISTED_MAX 1000

typedef struct Show {
	bool json, on_terminal;
	json_t *found;
	time_t last;
} Show;

static const struct {
	const char *word, *text;
} words[COPY_WHAT_MAX] = {
	[COPY_LEFT_OUT] = {"left-out", N_("left out, it is no file")},
	[COPY_UNREADABLE] = {"unreadable", N_("cannot be read on the first medium")},
	[COPY_NO_NAME] = {"name", N_("the second medium cannot have such a name")},
	[COPY_TOO_LARGE] = {"too-large", N_("too large for the second medium's file system")},
	[COPY_OTHER] = {"other", N_("something else of this name is on the second medium")},
	[COPY_MISSING] = {"missing", N_("not on the second medium")},
	[COPY_CHANGED] = {"changed", N_("the contents differ")},
	[COPY_FAILED] = {"failed", N_("failed")},
};

static void clear_line(const Show *show)
{
	if (show->on_terminal)
		fputs("\r\033[K", stderr);
}

static void on_found(void *userdata, const char *path, CopyWhat what, int error)
{
	char shown[6 * 4096 + 1];
	Show *show = userdata;

	sk_utf8_escape(shown, sizeof(shown), path, strlen(path));
	clear_line(show);
	if (!show->json)
		printf("%s: %s%s%s\n", _(words[what].text), shown, error ? ": " : "",
			error ? strerror(-error) : "");
	else if (json_array_size(show->found) < LISTED_MAX)
		json_array_append_new(
			show->found, json_pack("{s:s, s:s}", "path", shown, "what", words[what].word));
}

static void on_progress(void *userdata, CopyStage stage, uint64_t files, uint64_t bytes)
{
	static const char *const stages[] = {N_("counting"), N_("copying"), N_("comparing")};
	Show *show = userdata;
	time_t now = time(NULL);

	if (!show->on_terminal || now == show->last)
		return;
	show->last = now;
	fputc('\r', stderr);
	fprintf(stderr, _("%s: %llu files, %.1f MB "), _(stages[stage]), (unsigned long long)files,
		(double)bytes / 1e6);
}

static int open_directory(const char *path, const char *name, int *ret_fd)
{
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		*ret_fd = fd;
		return CTL_OK;
	}
	if (path)
		fprintf(stderr, "sekishoctl: %s: %s\n", path, strerror(errno));
	else
		fprintf(stderr, _("sekishoctl: the medium %s is not open; see: sekishoctl media\n"), name);
	return CTL_NO;
}

/* A directory, or a medium as the list shows it. */
static int open_medium(const char *name, int *ret_fd)
{
	json_t *media = NULL;
	const json_t *medium;
	const char *path = NULL;
	size_t i;

	if (name[0] == '/')
		return open_directory(name, name, ret_fd);
	int r = ctl_agent_get("ListMedia", &media);

	if (r != CTL_OK)
		return r;
	json_array_foreach (media, i, medium)
		if (sk_str_eq(ctl_json_text(medium, "volume"), name) &&
			sk_str_eq(ctl_json_text(medium, "state"), "mounted"))
			path = ctl_json_text(medium, "path");
	r = open_directory(path, name, ret_fd);
	json_decref(media);
	return r;
}

static void tell_failed(int error, const CopyResult *result)
{
	switch (error) {
	case -EXDEV:
		fputs(_("sekishoctl: these are not two media\n"), stderr);
		break;
	case -EBUSY:
		fputs(_("sekishoctl: another copy to this medium is running\n"), stderr);
		break;
	case -EROFS:
	case -EACCES:
	case -EPERM:
		fputs(_("sekishoctl: the second medium is not open for writing; that takes a carry-out "
			"approval\n"),
			stderr);
		break;
	case -ENOSPC:
	case -EDQUOT:
		fprintf(stderr,
			_("sekishoctl: the second medium has not the room: %.1f MB are to be written, %.1f "
			  "MB are free\n"),
			(double)result->room_wanted / 1e6, (double)result->room_free / 1e6);
		break;
	default:
		fprintf(stderr, _("sekishoctl: the copy ended: %s; run it again, it goes on where it was\n"),
			strerror(-error));
	}
}

static int show_json(const Show *show, int error, const CopyResult *result)
{
	const char *word = error == -ENOSPC || error == -EDQUOT ? "no-room"
			   : error < 0				? "ended"
			   : result->n_found > 0		? "different"
								: "same";

	return ctl_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "result", word,
		"error", error < 0 ? strerror(-error) : "", "files", (json_int_t)result->all.files, "bytes",
		(json_int_t)result->all.bytes, "copied", (json_int_t)result->copied.files, "copied_bytes",
		(json_int_t)result->copied.bytes, "same", (json_int_t)result->same.files, "differences",
		(json_int_t)result->n_found, "found", show->found));
}

static void show_words(int error, const CopyResult *result)
{
	if (error < 0) {
		tell_failed(error, result);
		return;
	}
	printf(_("%llu files (%.1f MB), %llu of them copied now.\n"), (unsigned long long)result->all.files,
		(double)result->all.bytes / 1e6, (unsigned long long)result->copied.files);
	if (result->n_found > 0)
		printf(_("Not the same: %llu differences, named above.\n"),
			(unsigned long long)result->n_found);
	else
		puts(_("The same: every file was read on both media and compared by SHA-256.\n"
		       "Next: sekishoctl media eject, both. Then have the first one retired at the console, "
		       "or prepared "
		       "again (sekisho-admin grant prepare --again true)."));
}

static int copy(Show *show, const char *from, const char *to, bool replace)
{
	own_fd int from_fd = -1, to_fd = -1;
	CopyResult result;
	int r = open_medium(from, &from_fd);

	if (r == CTL_OK)
		r = open_medium(to, &to_fd);
	if (r != CTL_OK)
		return r;
	show->found = json_array();
	r = copy_run(&(CopyOrder){.from_fd = from_fd,
			     .to_fd = to_fd,
			     .replace = replace,
			     .calls = {on_found, on_progress, show}},
		&result);
	clear_line(show);
	if (show->json)
		show_json(show, r, &result);
	else
		show_words(r, &result);
	json_decref(show->found);
	if (r == -EIO || r == -ENODEV || r == -ENOMEM)
		return CTL_ERROR;
	return r < 0 || result.n_found > 0 ? CTL_NO : CTL_OK;
}

int ctl_media_copy(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"replace", no_argument, NULL, 'r'}, {0}};
	Show show = {.on_terminal = isatty(STDERR_FILENO)};
	bool replace = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		show.json |= option == 'j';
		replace |= option == 'r';
		if (option == '?')
			return CTL_USAGE;
	}
	if (optind + 2 != argc) {
		fputs(_("Usage: sekishoctl media copy [--replace] [--json] FROM TO\n"
			"FROM and TO are open media as sekishoctl media shows them, or directories\n"),
			stderr);
		return CTL_USAGE;
	}
	if (sk_crypt_init() < 0)
		return CTL_ERROR;
	signal(SIGXFSZ, SIG_IGN);
	return copy(&show, argv[optind], argv[optind + 1], replace);
}
