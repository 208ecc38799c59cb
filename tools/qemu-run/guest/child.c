// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

static int open_terminal(const struct job *job, int *slave)
{
	struct winsize size = { .ws_row = job->window.rows, .ws_col = job->window.columns };
	int master;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -1;
	if (!grantpt(master) && !unlockpt(master)) {
		*slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (*slave >= 0) {
			if (size.ws_row && size.ws_col)
				ioctl(*slave, TIOCSWINSZ, &size);
			return master;
		}
	}
	close(master);
	return -1;
}

/* In the child: only what is safe between vfork(2) and execve(2)'s brothers. */
static void become(char *const argv[], const char *directory, const int streams[3],
		   bool terminal)
{
	sigset_t none;
	int i;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	for (i = 0; i < 3; i++)
		dup2(streams[i], i);
	if (terminal)
		ioctl(0, TIOCSCTTY, 0);
	if (chdir(directory))
		return;
	execvp(argv[0], argv);
}

int child_start(struct child *child, char *const argv[], const char *directory,
		const struct job *job)
{
	int input[2] = { -1, -1 }, output[2] = { -1, -1 }, errors[2] = { -1, -1 };
	bool terminal = job->flags & JOB_TERMINAL;
	bool apart = !terminal || (job->flags & JOB_ERRORS_APART);
	volatile int failure = 0;
	int streams[3], slave = -1;

	if (terminal) {
		output[0] = open_terminal(job, &slave);
		if (output[0] < 0)
			return errno;
	} else if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC)) {
		return errno;
	}
	if (apart && pipe2(errors, O_CLOEXEC))
		return errno;

	streams[0] = terminal ? slave : input[0];
	streams[1] = terminal ? slave : output[1];
	streams[2] = apart ? errors[1] : slave;

	/* Not fork(2): copying init's page tables costs more than the command. */
	child->pid = vfork();
	if (!child->pid) {
		become(argv, directory, streams, terminal);
		failure = errno;
		_exit(127);
	}
	if (child->pid < 0) {
		child->pid = 0;
		return errno;
	}
	if (terminal) {
		close(slave);
		child->input = fcntl(output[0], F_DUPFD_CLOEXEC, 0);
	} else {
		close(input[0]);
		close(output[1]);
		child->input = input[1];
	}
	if (apart)
		close(errors[1]);
	child->output = output[0];
	child->errors = errors[0];
	fcntl(child->input, F_SETFL, O_NONBLOCK);
	fcntl(child->output, F_SETFL, O_NONBLOCK);
	if (apart)
		fcntl(child->errors, F_SETFL, O_NONBLOCK);
	return failure;
}
