// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process.h"

/* How long a program that is to end may take. */
#define END_MS 2000

static pid_t start(const char *const argv[], int output)
{
	sigset_t none;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(output, STDOUT_FILENO);
	/* It may ask nothing of the user: stdin is the command's. */
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	execvp(argv[0], (char *const *)argv);
	say("%s: %s", argv[0], strerror(errno));
	_exit(127);
}

int process_run(const char *const argv[], struct text *output, size_t limit,
		struct signals *signals, struct error *error)
{
	int ends[2], pidfd, status;
	bool too_much = false;
	char part[65536];
	pid_t pid;

	text_add(output, "", 0);
	if (pipe2(ends, O_CLOEXEC))
		return error_add(error, "pipe: %s", strerror(errno));
	pid = start(argv, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return error_add(error, "%s: %s", argv[0], strerror(errno));
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	/* Without a pidfd (valgrind has none) there is only waitpid(2), below. */
	while (pidfd >= 0 || ends[0] >= 0) {
		struct pollfd events[] = {
			{ .fd = signals->fd, .events = POLLIN },
			{ .fd = ends[0], .events = POLLIN },
			{ .fd = ends[0] >= 0 ? -1 : pidfd, .events = POLLIN },
		};

		if (poll(events, 3, -1) < 0 && errno != EINTR)
			break;
		if (events[0].revents && signals_read(signals)) {
			kill(pid, SIGTERM);
			events[0] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
			/* It may clean up, and not for ever. */
			if (pidfd >= 0 && !poll(events, 1, END_MS))
				kill(pid, SIGKILL);
			break;
		}
		if (events[1].revents) {
			ssize_t length = read(ends[0], part, sizeof(part));

			if (length > 0 && output->length + length <= limit) {
				text_add(output, part, length);
				continue;
			}
			too_much = length > 0;
			close_fd(&ends[0]);
		}
		if (events[2].revents)
			break;
	}
	close_fd(&ends[0]);
	close_fd(&pidfd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (signals->interrupted)
		return -1;
	/* It may have ended well all the same: a pipe takes some without a reader. */
	if (too_much)
		return error_add(error, "%s: more output than %zu bytes", argv[0], limit);
	if (WIFSIGNALED(status))
		return error_add(error, "%s: ended by signal %d", argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}
