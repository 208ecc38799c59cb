// SPDX-License-Identifier: GPL-2.0
/*
 * The command's process. Init makes it before a template is saved, and it waits.
 * To fork and to make pipes and a session runs kernel code, which the emulator of
 * each clone would have to translate again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include "child.h"
#include "program.h"
#include "root.h"

extern char **environ;

/*
 * Init and the waiting process share their memory until the process executes the
 * command's program. The kernel sets @pid to 0 and wakes init when the process
 * executes a program, or ends.
 */
static struct {
	uint32_t go;
	pid_t pid;
	int failure;
	const struct guest_job *job;
	const char *terminal; /* its slave's path, or NULL */
	bool apart;
	int streams[3];
} launch;

static _Alignas(16) char stack[64 * 1024];

static void futex_wait(void *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* By system call: the C library would take the other process for a thread of this one. */
static int become_user(const struct user_entry *user)
{
	const struct user *ids = &user->ids;
	int i;

	/* /dev/stdout and its like are opened anew, with the owner's rights. */
	for (i = 0; i < 3; i++)
		(void)!fchown(launch.streams[i], ids->uid, ids->gid);
	if (syscall(SYS_setgroups, user->group_count, ids->groups) ||
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) ||
	    syscall(SYS_setresuid, ids->uid, ids->uid, ids->uid))
		return errno;
	return 0;
}

static int become(void)
{
	const struct guest_job *job = launch.job;
	char *const *argv = job->arguments.items;
	static char found[PATH_MAX];
	int i, terminal = -1, err;
	const char *path;
	sigset_t none;

	if (job->rooted) {
		err = -root_follow();
		if (err)
			return err;
	}
	if (launch.terminal) {
		terminal = open(launch.terminal, O_RDWR | O_CLOEXEC);
		if (terminal < 0)
			return errno;
		ioctl(terminal, TIOCSCTTY, 0);
	}
	/* What cannot be read on the host cannot be read here: EISDIR, EBADF. */
	if (job->options.flags & JOB_INPUT_DIRECTORY)
		launch.streams[0] = open("/", O_RDONLY | O_CLOEXEC);
	else if (job->options.flags & JOB_INPUT_UNREADABLE)
		launch.streams[0] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (i = 0; i < 3; i++)
		if (dup2(terminal >= 0 && !(i == 2 && launch.apart) ? terminal : launch.streams[i],
			 i) < 0)
			return errno;
	if (job->user) {
		err = become_user(job->user);
		if (err)
			return err;
	}
	if (chdir(job->directory))
		return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* execvp(3) would call execve(2) for each directory of PATH. */
	path = program_find(argv[0], found, sizeof(found));
	if (path)
		execv(path, argv);
	err = errno;
	/* execvp(3) tells "not found" from "not executable"; sh runs a script without "#!". */
	if (path && (err != ENOEXEC || !program_is_text(path)))
		return err;
	execvp(argv[0], argv);
	return errno;
}

static int wait_and_become(void *unused)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)unused;
	setsid();
	sigaction(SIGPIPE, &action, NULL);
	while (!__atomic_load_n(&launch.go, __ATOMIC_ACQUIRE))
		futex_wait(&launch.go, 0);
	launch.failure = become();
	_exit(127);
}

int child_prepare(struct child *child)
{
	int input[2], output[2], errors[2];

	*child = (struct child){ .input = -1, .output = -1, .errors = -1 };
	if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC) || pipe2(errors, O_CLOEXEC))
		return -1;
	launch.streams[0] = input[0];
	launch.streams[1] = output[1];
	launch.streams[2] = errors[1];
	child->pid = clone(wait_and_become, stack + sizeof(stack),
			   CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
			   &launch.pid, NULL, &launch.pid);
	if (child->pid < 0)
		return -1;
	close(input[0]);
	close(output[1]);
	close(errors[1]);
	child->input = input[1];
	child->output = output[0];
	child->errors = errors[0];
	fcntl(child->input, F_SETFL, O_NONBLOCK);
	fcntl(child->output, F_SETFL, O_NONBLOCK);
	fcntl(child->errors, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Replaces the pipes by a terminal. Returns 0 or an errno, positive. */
static int open_terminal(struct child *child, const struct guest_job *job)
{
	const struct winsize *size = &job->options.window;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (master < 0)
		return errno;
	if (grantpt(master) || unlockpt(master))
		return errno;
	launch.terminal = must(strdup(ptsname(master)));
	if (job->user && chown(launch.terminal, job->user->ids.uid, -1))
		return errno;
	if (size->ws_row && size->ws_col)
		ioctl(master, TIOCSWINSZ, size);
	close(child->input);
	close(child->output);
	child->output = master;
	child->input = fcntl(master, F_DUPFD_CLOEXEC, 0);
	launch.apart = job->options.flags & JOB_ERRORS_APART;
	if (!launch.apart) {
		close(child->errors);
		child->errors = -1;
	}
	return 0;
}

int child_start(struct child *child, const struct guest_job *job)
{
	pid_t pid;
	int err;

	if (job->options.flags & JOB_TERMINAL) {
		err = open_terminal(child, job);
		if (err)
			return err;
	}
	launch.job = job;
	__atomic_store_n(&launch.go, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &launch.go, FUTEX_WAKE, 1, NULL, NULL, 0);
	while ((pid = __atomic_load_n(&launch.pid, __ATOMIC_ACQUIRE)))
		futex_wait(&launch.pid, pid);
	return launch.failure;
}
