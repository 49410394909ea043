/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"

_Noreturn static void run(const MediaTool *tool)
{
	static const char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin", NULL};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (dup2(nothing, fd) != fd)
			_exit(120);
	if (close_range(3, ~0u, 0) < 0 || sk_jail_enter(&tool->jail) < 0)
		_exit(121);
	execve(tool->program, (char *const *)tool->arguments, (char *const *)environment);
	_exit(127);
}

int media_tool_run(const MediaTool *tool, MediaDetail *detail)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(tool);
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	sk_str_format(detail->text, sizeof(detail->text), "%s: signal %d", tool->program, WTERMSIG(status));
	return -EIO;
}
