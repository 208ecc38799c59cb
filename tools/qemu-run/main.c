// SPDX-License-Identifier: GPL-2.0
/* The way of a run: options, setup, a machine, a session, an outcome, a report. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "boot.h"
#include "cache.h"
#include "initramfs.h"
#include "inputs.h"
#include "modules.h"
#include "report.h"
#include "serve.h"
#include "template.h"
#include "template_key.h"

/* struct run - one run of qemu-run */
struct run {
	struct options options;		/* the command line */
	struct setup setup;		/* what its machines are made from */
	struct signals signals;		/* to this process */
	struct streams streams;		/* of this process */
	struct error error;		/* what went wrong */
	struct session *session;	/* of the machine that counts, or NULL */
	uint64_t ready_ns;		/* when the kernel and its template were there, or 0 */
};

/*
 * A stream that is closed here must not be the number of anything we open. What fills it
 * fails as it would: input that is not to be read, output that is not to be written.
 */
static void fill_streams(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(EXIT_CANNOT_RUN);
}

/* check_kernel() - whether the kernel has what the options need, as far as is known */
static int check_kernel(const struct run *run, struct error *error)
{
	const struct options *options = &run->options;
	const char *share = options->root	? "--root" :
			    !options->share_count ? NULL :
			    options->shares->writable ? "--rw" : "--ro";
	const char *net = options->nic ? "--net" : NULL;
	const struct {
		const char *asked;
		const char *module;
		const char *option;
	} needs[] = {
		{ "qemu-run", NULL, "CONFIG_64BIT" },
		{ "qemu-run", NULL, "CONFIG_BINFMT_ELF" },
		{ "qemu-run", NULL, "CONFIG_BLK_DEV_INITRD" },
		{ "qemu-run", NULL, "CONFIG_PROC_FS" },
		{ options->module_count ? "-m" : NULL, NULL, "CONFIG_MODULES" },
		{ options->disk_count ? "--disk" : NULL, "virtio_blk", "CONFIG_VIRTIO_BLK" },
		{ net, NULL, "CONFIG_INET" },
		{ net && !strcmp(options->nic, "virtio") ? net : NULL, "virtio_net",
		  "CONFIG_VIRTIO_NET" },
		{ options->image ? "--root" : NULL, "virtio_blk", "CONFIG_VIRTIO_BLK" },
		{ options->image ? "--root" : NULL, "overlay", "CONFIG_OVERLAY_FS" },
		{ share, "9pnet_virtio", "CONFIG_NET_9P_VIRTIO" },
		{ share, "9p", "CONFIG_9P_FS" },
		{ options->root ? share : NULL, "overlay", "CONFIG_OVERLAY_FS" },
	};
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		char lack = needs[i].asked ? modules_lack(&run->setup.kernel, needs[i].module,
							  needs[i].option) : '\0';

		if (lack)
			return error_add(error, "%s needs %s%s, which kernel %s lacks%s",
					 needs[i].asked, needs[i].option,
					 lack == 'm' ? " with its module" : "",
					 run->setup.kernel.release, needs[i].asked == share ?
					 "; -f and --get do without" : "");
	}
	return 0;
}

/* print_kconfig() - what a kernel is to be configured with; returns the exit status. */
static int print_kconfig(struct run *run)
{
	char *path = print("%s/scripts/kernel.config", run->setup.places.top);
	char *text = read_file(path, 1 << 20);
	bool good = text && fputs(text, stdout) >= 0 && !fflush(stdout);

	if (!good)
		error_add(&run->error, "--kconfig: %s: %s", path, strerror(errno));
	free(text);
	free(path);
	return good ? 0 : EXIT_CANNOT_RUN;
}

static int open_console(struct run *run)
{
	const char *path = run->options.console;

	if (!path)
		return 0;
	/* Not blocking: a FIFO without a reader is an error, not a wait. */
	run->streams.console = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
				    0666);
	return run->streams.console < 0 ?
		       error_add(&run->error, "--console %s: %s", path, strerror(errno)) : 0;
}

static int prepare(struct run *run)
{
	struct setup *setup = &run->setup;

	if (open_console(run) || inputs_check(&run->options, &run->error) ||
	    kernel_find(setup) || check_kernel(run, &run->error))
		return -1;
	return kernel_choose_accelerator(setup);
}

static void start(struct run *run, const struct boot *boot)
{
	run->ready_ns = now_ns();
	run->session = session_start(&run->setup, boot, &run->streams);
}

/* start_cold() - boots a guest; returns whether it waits for its job. */
static bool start_cold(struct run *run, bool serial)
{
	struct boot boot = { .memory = -1, .state = -1, .serial = serial };

	boot.initramfs = initramfs_make(&run->setup, serial);
	if (boot.initramfs < 0)
		return false;
	start(run, &boot);
	close(boot.initramfs);
	return run->session && !boot_init(run->session);
}

/* end_session() - forgets a machine that does not count. */
static void end_session(struct run *run)
{
	session_free(run->session);
	run->session = NULL;
}

/* Boots a guest, which talks by virtio or, for want of it, by a serial port. */
static void run_cold(struct run *run)
{
	char *missing = virtio_missing(&run->setup);

	if (!missing) {
		if (start_cold(run, false)) {
			serve(run->session);
			return;
		}
		if (!run->session || !run->session->machine.ended || run->signals.interrupted)
			return;
		missing = virtio_missing_said(run->session);
		if (!missing)
			return;
		template_keep(&run->setup, "lacks", missing);
		end_session(run);
	}
	say("kernel %s lacks %s: no template, and a serial port to talk by: each run boots it, and input and output are slow; the way out is make kvm_guest.config, or what --kconfig prints",
	    run->setup.kernel.release, missing);
	free(missing);
	if (start_cold(run, true))
		serve(run->session);
}

static void run_restored(struct run *run, struct template *template)
{
	const struct boot boot = {
		.initramfs = -1,
		.memory = template->memory,
		.state = template->state,
		.by_file = template->by_file,
	};

	start(run, &boot);
	if (run->session)
		serve(run->session);
	template_close(template);
}

/* template_is_damaged() - whether to boot cold instead of what was restored; says so */
static bool template_is_damaged(const struct run *run)
{
	const char *messages = run->session ? run->session->machine.messages.data : NULL;
	bool damaged = run->session && outcome_blames_template(run->session);

	if (damaged)
		say("the template does not restore (%.200s): removed it, booting cold",
		    messages ? messages : "its guest does not answer");
	return damaged;
}

static void perform(struct run *run)
{
	struct template template;
	int found = 0;

	if (!run->options.cold)
		found = template_open(&template, &run->setup, &run->session);
	if (found < 0)
		return;
	if (found) {
		run_restored(run, &template);
		if (!template_is_damaged(run))
			return;
		template_discard(&run->setup);
		end_session(run);
		error_free(&run->error);
	}
	run_cold(run);
}

/*
 * bisect_status() - what git bisect run takes
 *
 * 0 for a good commit, 1 for a bad one, 125 for one that cannot be tested. From 128 on it
 * ends the bisection: that is for a signal to this process.
 */
static int bisect_status(int status)
{
	return status == 0					     ? 0 :
	       status >= EXIT_CANNOT_RUN && status <= EXIT_NOT_FOUND ? EXIT_CANNOT_RUN : 1;
}

/* conclude() - tells the user; returns the exit status. */
static int conclude(const struct run *run, uint64_t begin_ns)
{
	static const struct session none;
	struct report report = {
		.setup = &run->setup,
		.session = run->session ? run->session : &none,
		.error = &run->error,
		.begin_ns = begin_ns,
		.ready_ns = run->ready_ns,
		.verdict = outcome_decide(run->session, run->signals.interrupted),
	};
	int status = report.verdict.exit_status, err;

	if (run->session && run->session->machine.console.copy_lost)
		say("--console %s: not all of it could be written", run->options.console);
	report_lines(&report);
	if (run->options.json) {
		err = report_json(&report);
		if (err)
			say("--json %s: %s", run->options.json, strerror(-err));
		if (err && !status)
			status = EXIT_CANNOT_RUN;
	}
	free(report.verdict.why);
	return run->options.bisect && !run->signals.interrupted ? bisect_status(status) : status;
}

int main(int argc, char **argv)
{
	struct run run = {
		.setup = {
			.options = &run.options,
			.signals = &run.signals,
			.error = &run.error,
		},
	};
	uint64_t begin_ns = now_ns();
	int status;

	fill_streams();
	status = options_parse(&run.options, argc, argv);
	if (status >= 0)
		return status;
	streams_init(&run.streams);
	if (run.options.no_stdin)
		run.streams.input_open = false;
	if (run.options.terminal < 0)
		run.options.terminal = streams_are_terminal() && !run.options.no_stdin;
	if (signals_init(&run.signals, &run.error) ||
	    places_find(&run.setup.places, &run.error)) {
		status = conclude(&run, begin_ns);
	} else if (run.options.clean) {
		status = cache_clean(&run.setup.places, true, &run.error) ? EXIT_CANNOT_RUN : 0;
		error_say(&run.error);
	} else if (run.options.kconfig) {
		status = print_kconfig(&run);
		error_say(&run.error);
	} else {
		if (!prepare(&run))
			perform(&run);
		status = conclude(&run, begin_ns);
	}
	session_free(run.session);
	streams_free(&run.streams);
	error_free(&run.error);
	kernel_free(&run.setup.kernel);
	places_free(&run.setup.places);
	options_free(&run.options);
	return status;
}
