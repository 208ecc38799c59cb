// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host_root.h"
#include "machine.h"
#include "qemu_arguments.h"

static void show_arguments(const struct list *arguments)
{
	struct text line = { 0 };
	size_t i;

	for (i = 0; i < arguments->count; i++)
		text_print(&line, strpbrk(arguments->items[i], " *?$&;|<>()'\"") ? " '%s'" : " %s",
			   arguments->items[i]);
	say("+%s", line.data);
	text_free(&line);
}

/*
 * refuse_set_user_id() - has the kernel refuse that bit of a mode to QEMU
 *
 * What an ordinary user's guest writes to --rw is that user's. It must leave nothing there
 * by which others become that user.
 */
static void refuse_set_user_id(void)
{
	/* The calls, and which argument of each is the mode. 452: fchmodat2(2), from 6.6 on. */
	static const unsigned int calls[][2] = {
		{ SYS_chmod, 1 }, { SYS_fchmod, 1 }, { SYS_fchmodat, 2 }, { 452, 2 },
		{ SYS_open, 2 }, { SYS_openat, 3 }, { SYS_mknodat, 2 },
	};
	enum { CALLS = sizeof(calls) / sizeof(calls[0]) };
	struct sock_filter filter[1 + 5 * CALLS + 1], *next = filter;
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	size_t i;

	*next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (i = 0; i < CALLS; i++) {
		*next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i][0],
						       0, 4);
		*next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						       offsetof(struct seccomp_data, args) +
						       8 * calls[i][1]);
		*next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, S_ISUID, 0, 1);
		*next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
		*next++ = allow;
	}
	*next = allow;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(127);
}

/* In the child, between fork() and exec(). */
static void become(char *const argv[], pid_t parent, int fds[], int errors, bool shares)
{
	sigset_t none;
	int i, low;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* However this run ends, its machine ends with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* Ctrl-C is for the run to decide about, not for QEMU to die of. */
	setpgid(0, 0);
	/* First out of each other's way, then to their places. */
	for (i = 0; i <= FD_LAST - FD_PORT; i++) {
		if (fds[i] < 0)
			continue;
		low = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_LAST + 1);
		if (low < 0)
			_exit(127);
		fds[i] = low;
	}
	errors = fcntl(errors, F_DUPFD_CLOEXEC, FD_LAST + 1);
	for (i = 0; i <= FD_LAST - FD_PORT; i++)
		if (fds[i] >= 0)
			dup2(fds[i], FD_PORT + i);
	dup2(errors, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	if (shares && geteuid())
		refuse_set_user_id();
	execv(argv[0], argv);
	_exit(127);
}

static int make_pair(int *ours, int *theirs)
{
	int pair[2], size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	*ours = pair[0];
	*theirs = pair[1];
	setsockopt(*ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(*theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/*
 * Has QEMU listen to commands and tell of events, and restore: the commands wait in its
 * monitor before it starts. QEMU 7.2 has no option for this capability, only the command.
 */
static int order(int monitor, bool restored, bool by_file, struct error *error)
{
	char *uri = by_file ? copy(FILE_URI) : print("fd:%d", FD_STATE);
	struct text commands = { 0 };
	int err;

	text_print(&commands, QMP_BEGIN "\n");
	if (restored)
		text_print(&commands, QMP_IGNORE_SHARED "\n"
			   "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"%s\"}}\n",
			   uri);
	err = write_all(monitor, commands.data, commands.length);
	text_free(&commands);
	free(uri);
	return err ? error_add(error, "QEMU's monitor: %s", strerror(-err)) : 0;
}

/* fork_qemu() - starts QEMU with the guest's ends of the connections. */
static int fork_qemu(struct machine *machine, const struct setup *setup, char *const argv[],
		     int fds[], int errors)
{
	pid_t parent = getpid();

	machine->pid = fork();
	if (!machine->pid)
		become(argv, parent, fds, errors, setup->options->share_count);
	if (machine->pid < 0)
		return error_add(setup->error, "cannot start QEMU: %s", strerror(errno));
	machine->start_ns = now_ns();
	machine->pidfd = syscall(SYS_pidfd_open, machine->pid, 0);
	/* Without a pidfd, SIGCHLD tells the same, a little less directly. */
	if (machine->pidfd < 0 && errno != ENOSYS)
		return error_add(setup->error, "pidfd_open: %s", strerror(errno));
	return 0;
}

int machine_start(struct machine *machine, const struct setup *setup, const struct boot *boot)
{
	bool wanted = setup->options->root && !boot->shared;
	int root = wanted ? host_root_open(setup->options) : -1;
	int fds[] = { -1, -1, -1, boot->memory, boot->state, boot->initramfs, root };
	int errors[2] = { -1, -1 }, port = -1, result;
	struct list arguments = { 0 };

	*machine = (struct machine){
		.pidfd = -1,
		.console = { .fd = -1, .copy = -1 },
		.monitor = -1,
		.restored = boot->initramfs < 0,
	};
	qemu_arguments(setup, boot, root >= 0, &arguments);
	if (setup->options->verbose) {
		if (wanted && root < 0)
			say("--root: its guest can read /tmp, /run and /proc of this host: %s",
			    strerror(-root));
		show_arguments(&arguments);
	}
	if (make_pair(&port, &fds[0]) || make_pair(&machine->console.fd, &fds[1]) ||
	    make_pair(&machine->monitor, &fds[2]) || pipe2(errors, O_CLOEXEC))
		result = error_add(setup->error, "cannot connect to QEMU: %s", strerror(errno));
	else
		result = order(machine->monitor, machine->restored, boot->by_file, setup->error);
	channel_init(&machine->channel, port, boot->serial);
	machine->stderr_fd = errors[0];
	if (!result) {
		fcntl(machine->stderr_fd, F_SETFL, O_NONBLOCK);
		result = fork_qemu(machine, setup, arguments.items, fds, errors[1]);
	}
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	close_fd(&fds[2]);
	close_fd(&errors[1]);
	close_fd(&root);
	list_free(&arguments);
	if (result)
		machine_free(machine);
	return result;
}

bool machine_wait(struct machine *machine)
{
	siginfo_t info = { 0 };

	if (!machine->ended &&
	    !waitid(P_PID, machine->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid) {
		/* QEMU= may be a script that was killed, and QEMU go on writing. */
		kill(-machine->pid, SIGKILL);
		waitpid(machine->pid, &machine->wait_status, 0);
		machine->ended = true;
		machine->end_ns = now_ns();
	}
	return machine->ended;
}

void machine_free(struct machine *machine)
{
	if (machine->pid > 0 && !machine->ended) {
		/* QEMU= may be a script that has QEMU as a child. */
		kill(-machine->pid, SIGKILL);
		kill(machine->pid, SIGKILL);
		while (waitpid(machine->pid, &machine->wait_status, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(&machine->pidfd);
	close_fd(&machine->monitor);
	close_fd(&machine->stderr_fd);
	channel_free(&machine->channel);
	console_free(&machine->console);
	text_free(&machine->replies);
	text_free(&machine->messages);
}
