// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "signals.h"

/* What a fault of our own raises, and what stops this process, does so at once. */
static const int not_caught[] = {
	SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
};

/* What was ignored from the start stays so: nohup(1) and a script's background do that. */
static bool ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

int signals_init(struct signals *signals, struct error *error)
{
	sigset_t set;
	size_t i;
	int number;

	/* A write says it: EPIPE, EFBIG. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* If our parent ignored SIGCHLD, the kernel would reap our children. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&set);
	for (i = 0; i < sizeof(not_caught) / sizeof(not_caught[0]); i++)
		sigdelset(&set, not_caught[i]);
	for (number = 1; number <= SIGRTMAX; number++)
		if (ignored(number))
			sigdelset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*signals = (struct signals){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) };
	return signals->fd < 0 ? error_add(error, "signalfd: %s", strerror(errno)) : 0;
}

bool signals_read(struct signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			signals->resized = true;
		else if (info.ssi_signo == SIGCONT)
			signals->continued = true;
		else if (info.ssi_signo != SIGCHLD && !signals->interrupted)
			signals->interrupted = info.ssi_signo;
	}
	return signals->interrupted;
}
