// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "signals.h"

int signals_init(struct signals *signals, struct error *error)
{
	static const int caught[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT, SIGCHLD,
	};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* If our parent ignored SIGCHLD, the kernel would reap our children. */
	signal(SIGCHLD, SIG_DFL);
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
