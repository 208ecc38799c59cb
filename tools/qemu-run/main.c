// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "run.h"

/* A restored guest takes a tenth of a second to start the command; files more. */
#define START_NS (120 * 1000000000ULL)
/* How much longer than the guest's own deadline the host waits. */
#define GRACE_NS (5 * 1000000000ULL)
/* From the status to QEMU's end. */
#define END_NS	 (10 * 1000000000ULL)

int fail(struct run *run, const char *format, ...)
{
	va_list arguments;
	char *message;
	size_t length;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	must(message);
	for (length = strlen(message); length && message[length - 1] == '\n';)
		message[--length] = '\0';
	say("%s", message);
	if (run->failure)
		free(message);
	else
		run->failure = message;
	return -1;
}

static int take_signals(struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A parent that ignores our children's end would have the kernel reap them. */
	signal(SIGCHLD, SIG_DFL);
	run->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return run->signals < 0 ? fail(run, "signalfd: %s", strerror(errno)) : 0;
}

/* A stream that is closed here must not be the number of anything we open. */
static void fill_streams(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) < 0)
			_exit(125);
}

static bool foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void look_at_streams(struct run *run)
{
	int fd;

	for (fd = 1; fd <= 2; fd++) {
		struct stat st;

		run->output[fd - 1].fd = fd;
		run->output[fd - 1].regular =
			!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
	}
	if (run->options.terminal < 0)
		run->options.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
					foreground();
	/* Reading it from the background would stop us. */
	run->input_open = !isatty(STDIN_FILENO) || foreground();
	if (!run->options.command.count) {
		list_add(&run->options.command, copy("sh"));
		list_add(&run->options.command, copy("-l"));
	}
}

static int boot_cold(struct run *run)
{
	struct boot boot = { .memory = -1, .state = -1, .initramfs = -1 };
	int err;

	/* Packing one takes a tenth of a boot. */
	if (!run->serial)
		boot.initramfs = template_initramfs(run);
	if (boot.initramfs < 0) {
		/* No name, and so nothing to be left behind. */
		boot.initramfs = memfd_create("initramfs", MFD_CLOEXEC);
		if (boot.initramfs < 0)
			return fail(run, "memfd_create: %s", strerror(errno));
		if (initramfs_make(run, boot.initramfs)) {
			close(boot.initramfs);
			return -1;
		}
	}
	run->phase[PHASE_READY] = now_ns();
	err = qemu_start(run, &boot) || boot_wait(run, "reach init") ? -1 : 0;
	close(boot.initramfs);
	return err;
}

static int start_cold(struct run *run)
{
	lack_find(run);
	if (!run->lack) {
		if (!boot_cold(run))
			return 0;
		if (!run->lack)
			return -1;
		qemu_reset(run);
		run->phase[PHASE_SPAWNED] = 0;
	}
	say("kernel %s lacks %s: no template, and a serial port to talk by: each run boots it, and input and output are slow",
	    run->kernel.release, run->lack);
	run->serial = true;
	run->console.length = 0;
	return boot_cold(run);
}

static int start_restored(struct run *run, struct template *template)
{
	struct boot boot = {
		.memory = template->memory,
		.state = template->state,
		.by_file = template->by_file,
		.initramfs = -1,
	};
	int err;

	run->phase[PHASE_READY] = now_ns();
	run->phase[PHASE_SPAWNED] = 0;
	run->restored = true;
	err = qemu_start(run, &boot);
	close(template->memory);
	close(template->state);
	return err;
}

/* The time by which something has to happen, or 0. */
static uint64_t limit(struct run *run, uint64_t begin)
{
	if (run->have_status || run->refused)
		return run->phase[PHASE_STATUS] ? run->phase[PHASE_STATUS] + END_NS :
						  begin + START_NS + END_NS;
	if (!run->started)
		return begin + START_NS;
	if (run->options.timeout_ms)
		return run->phase[PHASE_STARTED] + run->options.timeout_ms * 1000000 + GRACE_NS;
	return 0;
}

static void attend(struct run *run)
{
	uint64_t begin = now_ns(), until;

	for (;;) {
		until = limit(run, begin);
		if (until && now_ns() >= until) {
			/* Our own reader's slowness is no fault of the guest's. */
			if (run->output[0].waiting.length || run->output[1].waiting.length) {
				until = now_ns() + END_NS;
			} else {
				run->killed = true;
				last_words(run);
				return;
			}
		}
		if (pump(run, until))
			return;
	}
}

/* What QEMU left for our readers, who may be slow. */
static void drain(struct run *run)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stream *stream = &run->output[i];

		while (stream->waiting.length && !stream->broken && !run->interrupted) {
			struct pollfd events[] = {
				{ .fd = run->signals, .events = POLLIN },
				{ .fd = stream->fd, .events = POLLOUT },
			};
			size_t length = stream->waiting.length;
			ssize_t done;

			if (poll(events, 2, -1) < 0)
				continue;
			if (events[0].revents && signals_pending(run))
				break;
			if (!events[1].revents)
				continue;
			done = write(stream->fd, stream->waiting.data,
				     stream->regular || length < 4096 ? length : 4096);
			if (done > 0) {
				text_drop(&stream->waiting, done);
			} else if (done < 0 && errno != EINTR && errno != EAGAIN) {
				if (errno != EPIPE) {
					fail(run, "%s: %s", i ? "stderr" : "stdout",
					     strerror(errno));
					run->output_lost = true;
				}
				stream->broken = true;
			}
		}
	}
}

static void serve(struct run *run)
{
	if (run->options.terminal)
		terminal_begin(run);
	if (!job_send(run) || run->refused)
		attend(run);
	else if (!run->vm.ended && !run->interrupted && !run->bad_guest)
		outcome_set(run, OUTCOME_CANNOT_RUN, 125);
	drain(run);
	terminal_end(run);
}

/* Whether another program took a port of --forward after it had been found free. */
static bool lost_forward(struct run *run)
{
	return run->options.forward_count && run->errors.length &&
	       strstr(run->errors.data, "host forwarding");
}

/* Whether the machine ended before the guest said anything: a bad template. */
static bool stillborn(struct run *run)
{
	return run->restored && (run->vm.ended || run->restore_failed) && !run->started &&
	       !run->refused && !run->console.length && !run->interrupted &&
	       !lost_forward(run);
}

static void perform(struct run *run)
{
	struct template template = { .memory = -1, .state = -1 };
	int got = 0;

	if (places_find(run))
		return;
	if (run->options.clean) {
		if (!template_clean(run))
			outcome_set(run, OUTCOME_EXIT, 0);
		return;
	}
	look_at_streams(run);
	if (job_check(run) || kernel_find(run) || accelerator_choose(run))
		return;
	if (!run->options.cold) {
		got = template_open(run, &template);
		if (got < 0)
			return;
	}
	run->console.length = 0;
	if (got) {
		if (start_restored(run, &template))
			return;
		serve(run);
		if (!stillborn(run)) {
			outcome_decide(run);
			return;
		}
		say("the template does not restore (%.200s): removed it, booting cold",
		    run->errors.length ? run->errors.data :
		    run->qmp.length    ? run->qmp.data :
					 "QEMU does not say why");
		template_discard(run);
		qemu_reset(run);
		text_free(&run->errors);
		run->restored = false;
		run->restore_failed = false;
		run->killed = false;
	}
	if (start_cold(run))
		return;
	serve(run);
	outcome_decide(run);
}

int main(int argc, char **argv)
{
	static struct run run = {
		.vm = { .pidfd = -1, .port = -1, .console = -1, .monitor = -1, .errors = -1 },
		.get = { .root = -1, .file = -1 },
		.pack = -1,
		.sum = FRAME_SUM,
		.qemu_code = -1,
	};
	int status;

	run.phase[PHASE_BEGIN] = now_ns();
	fill_streams();
	status = options_parse(&run.options, argc, argv);
	if (status >= 0)
		return status;
	if (!take_signals(&run))
		perform(&run);
	if (run.interrupted)
		outcome_set(&run, OUTCOME_INTERRUPTED, 128 + run.interrupted);
	status = outcome_report(&run);
	qemu_reset(&run);
	return status;
}
