/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/unlock.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/lock/letters.h"
#include "agent/lock/page.h"
#include "agent/lock/words.h"
#include "lib/jail/jail.h"

#define SERVICE "sekisho-lock"
#define PASSWORD_MAX 512
#define UNLOCK_FAILED 2

#define SAID_MAX 4096
/* Where the kernel waits for the first letter before it shows its framebuffer
 * (CONFIG_FRAMEBUFFER_CONSOLE_DEFERRED_TAKEOVER). */
#define TAKEOVER_MSEC 300
/* UTF-8, an empty screen, the third line: console_codes(4). */
#define CLEAR "\033%G\033[2J\033[H\n\n"
#define RULE "------------------------------------------------------------"

/* Of the process that asks. */
static Page page = {.columns = 80};

static const Words *words(void)
{
	return page.japanese ? &words_japanese : &words_latin;
}

static void say(const char *text, const char *end)
{
	char said[SAID_MAX];

	(void)page_lay(&page, said, sizeof(said), text);
	dprintf(STDOUT_FILENO, "%s%s", said, end);
}

static void greet(const char *user)
{
	dprintf(STDOUT_FILENO, "%s", CLEAR);
	say(words()->locked, "\n");
	say(RULE, "\n");
	say(user, "\n\n");
	say(words()->enter, "\n\n");
}

/* One line, without showing it; what does not fit is thrown away. Return: length, or -1: the console is gone.
 */
static ssize_t read_line(char *line, size_t size)
{
	size_t n = 0;
	char letter;
	ssize_t r;

	while ((r = read(STDIN_FILENO, &letter, 1)) == 1 && letter != '\n')
		if (n < size - 1)
			line[n++] = letter;
	line[n] = 0;
	return r == 1 ? (ssize_t)n : -1;
}

static void answer_free(struct pam_response *answers, int count)
{
	for (int i = 0; answers && i < count; i++)
		if (answers[i].resp) {
			explicit_bzero(answers[i].resp, strlen(answers[i].resp));
			free(answers[i].resp);
		}
	free(answers);
}

/* Libraries of PAM own the answer: it is on the heap, and they wipe it. */
static bool answer_line(const char *question, struct pam_response *answer)
{
	char line[PASSWORD_MAX];

	say(question, "");
	ssize_t n = read_line(line, sizeof(line));

	dprintf(STDOUT_FILENO, "\n");
	if (n < 0)
		_exit(UNLOCK_FAILED); /* the console was hung up; whoever started us starts another */
	answer->resp = strdup(line);
	explicit_bzero(line, sizeof(line));
	return answer->resp != NULL;
}

static int converse(
	int count, const struct pam_message **messages, struct pam_response **ret_answers, void *userdata)
{
	struct pam_response *answers = count > 0 ? calloc((size_t)count, sizeof(*answers)) : NULL;

	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		bool asks = messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
			    messages[i]->msg_style == PAM_PROMPT_ECHO_ON;

		if (!asks)
			say(messages[i]->msg, "\n");
		else if (!answer_line(messages[i]->msg, &answers[i])) {
			answer_free(answers, count);
			return PAM_BUF_ERR;
		}
	}
	*ret_answers = answers;
	return PAM_SUCCESS;
}

static int ask_once(const UnlockAsk *ask)
{
	const struct pam_conv conversation = {.conv = converse};
	pam_handle_t *pam = NULL;
	int r = pam_start(SERVICE, ask->user, &conversation, &pam);

	if (r != PAM_SUCCESS)
		return r;
	pam_set_item(pam, PAM_TTY, ask->console);
	pam_putenv(pam, page.japanese ? "LANG=ja_JP.UTF-8"
				      : "LANG=C.UTF-8"); /* of the letters that modules may use */
	r = pam_authenticate(pam, 0);
	/* An account that has ended, or whose hours are over, does not come back in. */
	if (r == PAM_SUCCESS)
		r = pam_acct_mgmt(pam, 0);
	if (r == PAM_SUCCESS || r == PAM_NEW_AUTHTOK_REQD)
		(void)pam_setcred(pam, PAM_REFRESH_CRED);
	else
		say(r == PAM_AUTH_ERR ? words()->wrong : pam_strerror(pam, r), "\n\n");
	pam_end(pam, r);
	return r == PAM_NEW_AUTHTOK_REQD ? PAM_SUCCESS : r;
}

/* Lines, without echo, and no key that ends a program. */
static void set_terminal(void)
{
	struct termios mode;

	if (tcgetattr(STDIN_FILENO, &mode) < 0)
		return;
	mode.c_iflag |= ICRNL;
	mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT);
	mode.c_oflag |= OPOST | ONLCR;
	mode.c_lflag |= ICANON;
	mode.c_lflag &= ~(tcflag_t)(ISIG | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
	mode.c_cc[VEOF] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &mode);
}

/* Root, so that no program of the user's can end it or look at it; without root's powers. */
static int give_up_powers(void)
{
	const SkJail jail = {.name = "sekisho-lock: asks", .uid = (uid_t)-1, .gid = (gid_t)-1};

	return sk_jail_enter(&jail);
}

static void begin_page(const char *user)
{
	const struct timespec takeover = {.tv_nsec = TAKEOVER_MSEC * 1000000L};
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		page.columns = size.ws_col;
	page.japanese = letters_load(STDIN_FILENO);
	greet(user);
	if (page.japanese)
		return;
	nanosleep(&takeover, NULL);
	page.japanese = letters_load(STDIN_FILENO);
	if (page.japanese)
		greet(user);
}

_Noreturn static void ask_in_child(const UnlockAsk *ask)
{
	const struct timespec pause = {.tv_sec = 2};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setsid() < 0 || ioctl(ask->console_fd, TIOCSCTTY, 1) < 0 ||
		dup2(ask->console_fd, STDIN_FILENO) < 0 || dup2(ask->console_fd, STDOUT_FILENO) < 0 ||
		dup2(ask->console_fd, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0 ||
		give_up_powers() < 0)
		_exit(UNLOCK_FAILED);
	set_terminal();
	begin_page(ask->user);
	if (ask_once(ask) == PAM_SUCCESS)
		_exit(UNLOCK_RIGHT);
	nanosleep(&pause, NULL); /* so that what PAM said can be read */
	_exit(UNLOCK_WRONG);
}

pid_t unlock_start(const UnlockAsk *ask)
{
	pid_t pid = fork();

	if (pid == 0)
		ask_in_child(ask);
	return pid < 0 ? -errno : pid;
}
