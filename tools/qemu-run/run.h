/* SPDX-License-Identifier: GPL-2.0 */
/* One run, from command line to exit status: what the files of qemu-run share. */
#ifndef QEMU_RUN_RUN_H
#define QEMU_RUN_RUN_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>
#include "wire/frame.h"
#include "options.h"
#include "wire/tree.h"
#include "util.h"

/**
 * struct places - where things are
 * @top: holds scripts/, rootfs/ and the driver's sources
 * @build: where the scripts put what they make
 * @cache: where templates are kept; NULL: nowhere
 * @init: the guest's init
 * @qemu: QEMU's binary, by its whole path
 */
struct places {
	char *top;
	char *build;
	char *cache;
	char *init;
	char *qemu;
};

/**
 * struct kernel - the kernel to run
 * @directory: as scripts/kernel prints it
 * @release: as uname -r gives it
 * @image: vmlinux, or else the bzImage
 * @driver: qemu_poweroff.ko for it, or NULL
 */
struct kernel {
	char *directory;
	char *release;
	char *image;
	char *driver;
};

/** enum outcome - how a run ended; the names stand in outcome.c */
enum outcome {
	OUTCOME_NONE,
	OUTCOME_EXIT,
	OUTCOME_SIGNAL,
	OUTCOME_SPLAT,
	OUTCOME_PANIC,
	OUTCOME_SILENT,
	OUTCOME_HUNG,
	OUTCOME_DEADLINE,
	OUTCOME_CANNOT_RUN,
	OUTCOME_NOT_EXECUTABLE,
	OUTCOME_NOT_FOUND,
	OUTCOME_PORT,	     /* --bare: the guest wrote the port itself */
	OUTCOME_INTERRUPTED, /* by a signal to qemu-run */
};

/** enum phase - moments of a run, in its order */
enum phase {
	PHASE_BEGIN,   /* main() */
	PHASE_READY,   /* the kernel and its template are there */
	PHASE_SPAWNED, /* QEMU runs */
	PHASE_STARTED, /* the guest started the command */
	PHASE_STATUS,  /* its status has arrived */
	PHASE_END,     /* QEMU has ended */
	PHASES,
};

/* What is kept of the console. */
#define CONSOLE_KEEP (64 * 1024)
/* What may wait for the guest before the host reads more of its own input. */
#define QUEUE_HIGH (256 * 1024)

/**
 * struct vm - QEMU, and the host's ends of what it is connected to
 * @pid: its process, or 0
 * @pidfd: readable once it has ended
 * @port: the channel to the guest's init
 * @console: the guest's serial console
 * @monitor: QMP
 * @errors: QEMU's stderr
 * @ended: it has been waited for
 * @wait_status: as waitpid(2) gave it
 */
struct vm {
	pid_t pid;
	int pidfd;
	int port;
	int console;
	int monitor;
	int errors;
	bool ended;
	int wait_status;
};

/** struct stream - one of the host's own output streams */
struct stream {
	int fd;
	bool broken;	/* its reader has gone */
	bool told;	/* and the guest knows */
	bool regular;	/* never blocks for long */
	struct text waiting;
};

struct run {
	struct options options;
	struct places places;
	struct kernel kernel;
	bool kvm;
	char *why_no_kvm;
	bool restored;
	bool restore_failed;
	char *lack;  /* what the kernel lacks for virtio-serial, or NULL */
	bool serial; /* the channel is a serial port, and the job is packed */

	struct vm vm;
	int signals; /* signalfd */
	int interrupted; /* the signal that ends this run, or 0 */
	int timer;
	uint64_t timer_at;

	struct frame_reader reader;
	struct text queue; /* frames on their way to the guest */
	size_t in_flight;  /* of them, sent by a serial port and not acknowledged */
	size_t nudged;	   /* so much more than SERIAL_WINDOW may be in flight */
	size_t unsettled;  /* as much as was, at the last nudge, is to be acknowledged yet */
	uint64_t quiet_since; /* in flight, and no word of what has arrived */
	uint32_t sum;	   /* frame_sum() of what was acknowledged */
	int pack;	   /* the file that the job goes to, or -1 */
	struct text console;
	struct text console_line; /* of -v */
	struct text qmp;
	struct text errors;
	struct stream output[2];

	bool input_open;
	bool input_eager; /* the window has room */
	uint32_t input_sent;

	bool terminal_raw;
	unsigned int escapes; /* of them typed in a row */
	struct termios terminal_was;

	/* What the guest has said. */
	bool hello;
	bool started;
	bool have_status;
	bool deadline_passed;
	uint32_t deadline_way;
	bool refused;
	uint32_t refused_status;
	bool bad_guest; /* sent what is no frame */
	bool killed;	/* by the host's timer */
	struct status status;
	struct list complaints;
	char *refusal;

	/* What it sends back. */
	size_t get_index;
	bool get_open;
	struct tree_receiver get;
	bool get_failed;
	bool output_lost;

	uint64_t phase[PHASES];
	char *failure; /* the first thing that went wrong here */

	enum outcome outcome;
	int exit_status;
	int qemu_code; /* what the guest wrote to the port, or -1 */
};

/**
 * fail() - says what went wrong and keeps it for the report
 * @run: the run
 * @format: "what: why, what to do"
 *
 * Return: -1.
 */
int fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* places.c */

/**
 * places_find() - finds the scripts, the init, QEMU and the cache
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int places_find(struct run *run);

/* kernel.c */

/**
 * kernel_find() - finds or fetches the kernel, and the driver for it
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int kernel_find(struct run *run);

/**
 * accelerator_choose() - decides between KVM and TCG
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int accelerator_choose(struct run *run);

/* module.c */

/**
 * module_is_there() - whether the kernel's own tree has a module, or says it is built in
 * @run: the run
 * @name: its name
 *
 * Return: 1 or 0; -1 when there is no tree to tell.
 */
int module_is_there(struct run *run, const char *name);

/**
 * module_send() - queues a module of the user's, after what it depends on
 * @run: the run
 * @argument: FILE.ko or NAME, and its parameters
 *
 * Return: 0 or -1, having said why.
 */
int module_send(struct run *run, const char *argument);

/* process.c */

/**
 * run_program() - runs a program of the host's to its end
 * @run: the run
 * @argv: the program
 * @output: receives its stdout, or NULL; NUL-terminated
 * @limit: more output than that is an error
 *
 * A signal to end this run ends the program, too.
 *
 * Return: its exit status, or -1, having said why.
 */
int run_program(struct run *run, const char *const argv[], struct text *output, size_t limit);

/**
 * signals_pending() - takes the signals that have arrived
 * @run: the run
 *
 * Return: whether one of them ends this run.
 */
bool signals_pending(struct run *run);

/* qemu.c */

/**
 * struct boot - how QEMU comes by its guest
 * @initramfs: boot the kernel with it, a file; -1: restore
 * @memory: the file of the guest's memory, or -1
 * @shared: what the guest writes goes to that file
 * @state: the devices' state to restore, or -1
 * @by_file: QEMU reads @state by file:, not by fd:
 */
struct boot {
	int initramfs;
	int memory;
	bool shared;
	int state;
	bool by_file;
};

/**
 * qemu_start() - starts QEMU
 * @run: the run
 * @boot: how
 *
 * Return: 0 or -1, having said why.
 */
int qemu_start(struct run *run, const struct boot *boot);

/**
 * qemu_reset() - ends QEMU, forgets it, and is ready for another
 * @run: the run
 */
void qemu_reset(struct run *run);

/* session.c */

/**
 * pump() - one round of the one loop: waits, and serves what there is
 * @run: the run
 * @until_ns: come back then, at the latest; 0: no limit
 *
 * Return: 0, or -1 once QEMU has ended or the run was interrupted.
 */
int pump(struct run *run, uint64_t until_ns);

/**
 * queue_frame() - queues a frame for the guest
 * @run: the run
 * @type: its type
 * @data: its bytes
 * @length: how many
 *
 * Return: 0, or -1 once QEMU has ended or the run was interrupted.
 */
int queue_frame(struct run *run, uint32_t type, const void *data, size_t length);

/**
 * console_flush() - shows what is left of an unfinished console line, with -v
 * @run: the run
 */
void console_flush(struct run *run);

/* qmp.c */

/**
 * qmp_command() - has QEMU do something, and waits for it
 * @run: the run
 * @command: JSON
 * @fd: goes with it, or -1
 * @reply: receives the reply, or NULL
 *
 * Return: 0 or -1, having said why.
 */
int qmp_command(struct run *run, const char *command, int fd, struct text *reply);

/**
 * qmp_try() - has QEMU do something that it may not know
 * @run: the run
 * @command: JSON
 *
 * Return: 0; 1 if QEMU refuses; -1 on any other error, having said why.
 */
int qmp_try(struct run *run, const char *command);

/* template.c */

/**
 * struct template - a booted guest, open
 * @memory: its memory
 * @state: its devices' state
 * @by_file: QEMU reads @state by file:, not by fd:
 */
struct template {
	int memory;
	int state;
	bool by_file;
};

/* The migration URI of the file in descriptor set 1. */
#define FILE_URI "file:/dev/fdset/1"

/**
 * template_open() - finds the template for this run, or makes it
 * @run: the run
 * @template: receives it
 *
 * Return: 1 when there is one, 0 when this run has to boot cold, -1 when it
 * cannot run at all, having said why.
 */
int template_open(struct run *run, struct template *template);

/**
 * template_initramfs() - the initramfs that the template was booted with
 * @run: the run
 *
 * Return: the file, open, or -1 when there is none.
 */
int template_initramfs(struct run *run);

/**
 * template_discard() - removes the template for this run: it does not work
 * @run: the run
 */
void template_discard(struct run *run);

/**
 * template_clean() - removes all templates
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int template_clean(struct run *run);

/**
 * boot_wait() - waits until a guest says hello: it has booted, or done what came next
 * @run: the run
 * @to: what it is about to do, for the line that says that it did not
 *
 * Return: 0 or -1: either the run lacks something, by lack_heard(), or the
 * outcome is set and the reason said.
 */
int boot_wait(struct run *run, const char *to);

/* initramfs.c */

/**
 * initramfs_make() - packs the guest's root
 * @run: the run
 * @file: where to
 *
 * For a guest on a serial port with its job inside.
 *
 * Return: 0 or -1, having said why.
 */
int initramfs_make(struct run *run, int file);

/* lack.c */

/**
 * lack_find() - what the kernel lacks for a channel by virtio, and so to be restored
 * @run: the run; its lack is set when there is one
 *
 * By the kernel's configuration and its modules, or by what an earlier boot said.
 */
void lack_find(struct run *run);

/**
 * lack_heard() - the same, by what the guest said at the end of its boot
 * @run: the run; its lack is set when there is one
 *
 * Keeps what it hears for the runs to come.
 *
 * Return: whether there is one.
 */
bool lack_heard(struct run *run);

/**
 * lack_modules() - what a kernel needs for it
 * @run: to know the machine from
 *
 * Return: names of modules, NULL at the end.
 */
const char *const *lack_modules(const struct run *run);

/* job.c */

/**
 * job_put() - gives the guest a frame of its job
 * @run: the run
 * @type: its type
 * @data: its bytes
 * @length: how many
 *
 * To the file that the job is packed into, or by the channel: then it waits
 * while too much is under way.
 *
 * Return: 0 or -1, having said why unless QEMU has ended.
 */
int job_put(struct run *run, uint32_t type, const void *data, size_t length);

/**
 * job_pack() - writes the bulk of the job to a file for the guest
 * @run: the run
 * @file: where to
 *
 * Return: 0 or -1, having said why.
 */
int job_pack(struct run *run, int file);

/**
 * job_preload() - gives the guest the modules that its template keeps
 * @run: the run
 *
 * It says hello again when it has loaded them.
 *
 * Return: 0 or -1, having said why unless QEMU has ended.
 */
int job_preload(struct run *run);

/**
 * job_send() - gives the guest its job
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int job_send(struct run *run);

/**
 * job_check() - looks at what the command line names before anything is started
 * @run: the run
 *
 * Return: 0 or -1, having said why.
 */
int job_check(struct run *run);

/* get.c */

/**
 * get_frame() - takes a frame of what --get asked for
 * @run: the run
 * @frame: FRAME_ENTRY, FRAME_DATA or FRAME_END
 *
 * Return: 0, or -1 for a frame that no honest guest sends.
 */
int get_frame(struct run *run, const struct frame *frame);

/* last_words.c */

/**
 * last_words() - has a hung guest say on its console what it hangs in
 * @run: the run
 *
 * Its blocked tasks and what its processors do, by sysrq. A guest that takes no
 * interrupts cannot be asked: a non-maskable one makes it panic, and the trace of
 * that names what it was doing. Takes 16 seconds at most.
 */
void last_words(struct run *run);

/* terminal.c */

void terminal_begin(struct run *run);
void terminal_end(struct run *run);
struct window terminal_window(void);

/* outcome.c */

/**
 * outcome_decide() - what to make of how QEMU ended
 * @run: the run
 */
void outcome_decide(struct run *run);

/**
 * outcome_set() - decides it here and now
 * @run: the run
 * @outcome: the outcome
 * @exit_status: what to exit with
 */
void outcome_set(struct run *run, enum outcome outcome, int exit_status);

/**
 * lack_said() - what the guest said last that its kernel lacks
 * @run: the run
 *
 * Return: the text, to be freed, or NULL.
 */
char *lack_said(struct run *run);

/**
 * outcome_report() - the line on stderr, and the file of --json
 * @run: the run
 *
 * Return: the exit status.
 */
int outcome_report(struct run *run);

/** outcome_name() - as it stands in the file of --json */
const char *outcome_name(enum outcome outcome);

/** json_write() - the file of --json; 0 or a negative errno */
int json_write(struct run *run);

#endif
