// SPDX-License-Identifier: GPL-2.0
/*
 * outcome_decide() and outcome_blames_template(), case by case: what the guest said, how
 * QEMU ended, and what is made of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../outcome.h"

#define S 1000000000ULL

/* How QEMU ended, as waitpid(2) gives it. */
#define CODE(code)     ((((code) << 1 | 1) & 0xff) << 8)
#define POWERED_OFF    0
#define QEMU_FAILED    (1 << 8)
#define BY_SIGNAL(n)   (n)

/* What the guest said. */
#define BOOTED	       .hello = true, .method = POWEROFF_PORT, .job_ns = 1 * S
#define STARTED	       BOOTED, .started = true, .started_ns = 1 * S
#define RETURNED(c)    STARTED, .have_status = true, .status = { .code = (c) }
#define REFUSED(c)     STARTED, .refused = true, .refused_status = (c)

/* How the machine ended, at a time, by the host's clock. */
#define ENDED_WITHOUT_GETS(s, at) .ended = true, .wait_status = (s), .end_ns = (at)
#define ENDED(s, at)   ENDED_WITHOUT_GETS(s, at), .gets_complete = true

static const struct {
	const char *name;
	struct facts facts;
	struct ending ending;
	struct options options;
	enum outcome outcome;
	int exit_status;
} cases[] = {
	{ "the command returns 0", { RETURNED(0) }, { ENDED(CODE(0), 2 * S) }, { 0 },
	  OUTCOME_EXIT, 0 },
	{ "the command returns 42", { RETURNED(42) }, { ENDED(CODE(42), 2 * S) }, { 0 },
	  OUTCOME_EXIT, 42 },
	{ "the command returns 200, of which the port carries seven bits", { RETURNED(200) },
	  { ENDED(CODE(72), 2 * S) }, { 0 }, OUTCOME_EXIT, 200 },
	{ "a signal ends the command",
	  { STARTED, .have_status = true, .status = { .code = 137, .signal = 9 } },
	  { ENDED(CODE(9), 2 * S) }, { 0 }, OUTCOME_SIGNAL, 137 },
	{ "an oops kills the command",
	  { STARTED, .have_status = true,
	    .splats = 1, .status = { .code = 137, .signal = 9, .taint_after = 1 << 7 } },
	  { ENDED(CODE(9), 2 * S) }, { 0 }, OUTCOME_SPLAT, EXIT_SPLAT },
	{ "an oops kills the command, and is allowed",
	  { STARTED, .have_status = true,
	    .status = { .code = 137, .signal = 9, .taint_after = 1 << 7 } },
	  { ENDED(CODE(9), 2 * S) }, { 0 }, OUTCOME_SIGNAL, 137 },
	{ "an oops kills the command, on a kernel that had one before",
	  { STARTED, .have_status = true, .splats = 1, .oops = true,
	    .status = { .code = 137, .signal = 9, .taint_before = 1 << 7, .taint_after = 1 << 7 } },
	  { ENDED(CODE(9), 2 * S) }, { 0 }, OUTCOME_SPLAT, EXIT_SPLAT },
	{ "a signal ends the command, and the kernel warned",
	  { STARTED, .have_status = true, .splats = 1,
	    .status = { .code = 137, .signal = 9, .taint_after = 1 << 9 } },
	  { ENDED(CODE(9), 2 * S) }, { 0 }, OUTCOME_SIGNAL, 137 },
	{ "status and code differ", { RETURNED(0) }, { ENDED(CODE(1), 2 * S) }, { 0 },
	  OUTCOME_SILENT, EXIT_SILENT },
	{ "a status, and QEMU powers off instead of the code", { RETURNED(0) },
	  { ENDED(POWERED_OFF, 2 * S) }, { 0 }, OUTCOME_SILENT, EXIT_SILENT },
	{ "a status, and no way to the port",
	  { .hello = true, .job_ns = 1 * S, .started = true, .have_status = true },
	  { ENDED(POWERED_OFF, 2 * S) }, { 0 }, OUTCOME_EXIT, 0 },
	{ "--bare: the port is the command's", { RETURNED(0) }, { ENDED(CODE(7), 2 * S) },
	  { .bare = true }, OUTCOME_EXIT, 0 },
	{ "--bare: the command writes the port", { STARTED }, { ENDED(CODE(7), 2 * S) },
	  { .bare = true }, OUTCOME_PORT, 7 },
	{ "0, and a complaint",
	  { STARTED, .have_status = true, .splats = 1 },
	  { ENDED(CODE(0), 2 * S) }, { 0 }, OUTCOME_SPLAT, EXIT_SPLAT },
	{ "0, and a file of --get is missing", { RETURNED(0) },
	  { ENDED_WITHOUT_GETS(CODE(0), 2 * S) }, { 0 }, OUTCOME_CANNOT_RUN,
	  EXIT_CANNOT_RUN },
	{ "0, and something else went wrong here", { RETURNED(0) },
	  { ENDED(CODE(0), 2 * S), .failed = true }, { 0 }, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "42, and a file of --get is missing", { RETURNED(42) },
	  { ENDED_WITHOUT_GETS(CODE(42), 2 * S) }, { 0 }, OUTCOME_EXIT, 42 },
	{ "output is lost, whatever the status", { RETURNED(42) },
	  { ENDED(CODE(42), 2 * S), .output_lost = true }, { 0 }, OUTCOME_CANNOT_RUN,
	  EXIT_CANNOT_RUN },
	{ "input is lost", { STARTED }, { .input_lost = true, .bad_guest = true }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "the deadline, as the guest says", { STARTED, .deadline_passed = true },
	  { ENDED(CODE(124), 4 * S) }, { .timeout_ms = 2000 }, OUTCOME_DEADLINE, EXIT_DEADLINE },
	{ "the deadline, by its code", { STARTED }, { ENDED(CODE(124), 4 * S) },
	  { .timeout_ms = 2000 }, OUTCOME_DEADLINE, EXIT_DEADLINE },
	{ "the deadline's code before the deadline: a power-off", { STARTED },
	  { ENDED(CODE(124), 2 * S) }, { .timeout_ms = 2000 }, OUTCOME_SILENT, EXIT_SILENT },
	{ "the deadline's code without a deadline", { STARTED }, { ENDED(CODE(124), 4 * S) },
	  { 0 }, OUTCOME_SILENT, EXIT_SILENT },
	{ "a panic, by its code", { STARTED }, { ENDED(CODE(121), 2 * S) }, { 0 },
	  OUTCOME_PANIC, EXIT_PANIC },
	{ "a panic, by the console", { STARTED },
	  { ENDED(POWERED_OFF, 2 * S), .spoke = true, .panicked = true }, { 0 }, OUTCOME_PANIC,
	  EXIT_PANIC },
	{ "a reset", { STARTED }, { ENDED(POWERED_OFF, 2 * S) }, { 0 }, OUTCOME_SILENT,
	  EXIT_SILENT },
	{ "a code that means nothing", { STARTED }, { ENDED(CODE(7), 2 * S) }, { 0 },
	  OUTCOME_SILENT, EXIT_SILENT },
	{ "a panic while it boots, that does not end the machine", { 0 },
	  { .halted = true, .spoke = true, .panicked = true }, { 0 }, OUTCOME_PANIC, EXIT_PANIC },
	{ "QEMU does not let a restored guest run, and says why", { 0 },
	  { .loading = true, .killed = true, .messages = "locked" }, { 0 }, OUTCOME_CANNOT_RUN,
	  EXIT_CANNOT_RUN },
	{ "it hung", { STARTED }, { .killed = true }, { 0 }, OUTCOME_HUNG, EXIT_HUNG },
	{ "no such command", { REFUSED(127) }, { ENDED(CODE(127), 2 * S) }, { 0 },
	  OUTCOME_NOT_FOUND, EXIT_NOT_FOUND },
	{ "a command that cannot be executed", { REFUSED(126) }, { ENDED(CODE(126), 2 * S) },
	  { 0 }, OUTCOME_NOT_EXECUTABLE, EXIT_NOT_EXECUTABLE },
	{ "a module that does not load",
	  { BOOTED, .refused = true, .refused_status = 125 }, { ENDED(CODE(125), 2 * S) }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "a refusal that the code contradicts", { REFUSED(127) }, { ENDED(CODE(0), 2 * S) },
	  { 0 }, OUTCOME_SILENT, EXIT_SILENT },
	{ "what is no message", { STARTED }, { .bad_guest = true }, { 0 }, OUTCOME_SILENT,
	  EXIT_SILENT },
	{ "what is no message, of a kernel with one serial port", { 0 },
	  { .bad_guest = true, .serial = true }, { 0 }, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "init says what its kernel lacks", { 0 },
	  { ENDED(CODE(125), 2 * S), .spoke = true, .missing = "virtio_pci" }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "a command says so", { STARTED },
	  { ENDED(POWERED_OFF, 2 * S), .spoke = true, .missing = "virtio_pci" }, { 0 },
	  OUTCOME_SILENT, EXIT_SILENT },
	{ "init cannot begin", { 0 }, { ENDED(CODE(125), 2 * S), .spoke = true }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "QEMU does not start", { 0 }, { ENDED(QEMU_FAILED, 2 * S), .messages = "no" }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "QEMU dies of a signal", { STARTED }, { ENDED(BY_SIGNAL(11), 2 * S) }, { 0 },
	  OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "QEMU finds no room for the guest's memory", { STARTED },
	  { ENDED(BY_SIGNAL(7), 2 * S), .memory_in = "/cache" }, { 0 }, OUTCOME_CANNOT_RUN,
	  EXIT_CANNOT_RUN },
	{ "somebody ends QEMU by SIGTERM", { STARTED },
	  { ENDED(POWERED_OFF, 2 * S), .messages = "qemu: terminating on signal 15 from pid 1" },
	  { 0 }, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "no machine was started", { 0 }, { 0 }, { 0 }, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN },
	{ "--bare: the port before the command has started", { BOOTED },
	  { ENDED(CODE(7), 2 * S), .spoke = true }, { .bare = true }, OUTCOME_SILENT, EXIT_SILENT },
	{ "Ctrl-C, and the command returns 0", { RETURNED(0) },
	  { ENDED(CODE(0), 2 * S), .interrupted = 2 }, { 0 }, OUTCOME_INTERRUPTED, 130 },
	{ "Ctrl-C", { STARTED }, { .interrupted = 2 }, { 0 }, OUTCOME_INTERRUPTED, 130 },
};

/* A restored guest. */
#define LOADING	       .loading = true
#define ANSWERED       .job_ns = 1 * S, .answered = true

static char *numa[] = { "-numa" };

static const struct {
	const char *name;
	struct facts facts;
	struct ending ending;
	struct options options;
	bool blames;
} templates[] = {
	{ "QEMU cannot load the state", { 0 },
	  { LOADING, ENDED(QEMU_FAILED, 2 * S), .messages = "load of migration failed: no" },
	  { 0 }, true },
	{ "... nor with the user's --qemu", { 0 },
	  { LOADING, ENDED(QEMU_FAILED, 2 * S), .messages = "load of migration failed: no" },
	  { .qemu = { .items = numa, .count = 1 } }, true },
	{ "QEMU's monitor refuses it", { 0 }, { LOADING, .load_refused = true }, { 0 }, true },
	{ "the guest does not answer", { 0 }, { LOADING, .killed = true }, { 0 }, true },
	{ "... with the user's --qemu in it", { 0 }, { LOADING, .killed = true },
	  { .qemu = { .items = numa, .count = 1 } }, false },
	{ "... with a module of --preload in it", { 0 }, { LOADING, .killed = true },
	  { .preload = true, .module_count = 1 }, false },
	{ "... and a module that it has not got yet", { 0 }, { LOADING, .killed = true },
	  { .module_count = 1 }, true },
	{ "... since QEMU does not let it run", { 0 },
	  { LOADING, .killed = true, .messages = "Failed to get \"write\" lock" }, { 0 }, false },
	{ "the guest ends its machine and has not answered", { 0 },
	  { LOADING, ENDED(CODE(121), 2 * S) }, { 0 }, true },
	{ "the guest sends noise instead of an answer", { 0 }, { LOADING, .bad_guest = true },
	  { 0 }, true },
	{ "a signal ends QEMU", { 0 }, { LOADING, ENDED(BY_SIGNAL(6), 2 * S) }, { 0 }, false },
	{ "QEMU does not make the machine: a disk, a port, no memory", { 0 },
	  { ENDED(QEMU_FAILED, 2 * S), .messages = "no" }, { 0 }, false },
	{ "the guest answered and hangs: in a module", { ANSWERED },
	  { LOADING, .killed = true }, { .module_count = 1 }, false },
	{ "the guest answered and panics", { ANSWERED }, { LOADING, ENDED(CODE(121), 2 * S) },
	  { 0 }, false },
	{ "the job cannot be given: no machine has ended", { ANSWERED }, { LOADING }, { 0 },
	  false },
	{ "Ctrl-C, before the answer", { 0 }, { LOADING, .interrupted = 2 }, { 0 }, false },
};

#define W (1 << 9)
#define D (1 << 7)

/* What the guest sends, up to its status, and how much of it is not allowed. */
static const struct {
	const char *name;
	const char *complaints[3];
	const char *allowed;
	bool all;
	uint64_t taint_before;
	uint64_t taint_after;
	size_t splats;
} said[] = {
	{ "a sound kernel, and a module out of tree", .taint_after = 1 << 12 },
	{ "a warning", { "WARNING: CPU: 0" }, .taint_after = W, .splats = 1 },
	{ "a warning that is allowed", { "WARNING: CPU: 0" }, "WARN", .taint_after = W },
	{ "a detail matches, its warning does not", { "WARNING: CPU: 0", "  RIP: f+0x1" }, "RIP",
	  .taint_after = W, .splats = 1 },
	{ "one of two is allowed", { "WARNING: f", "WARNING: g" }, "f$", .splats = 1 },
	{ "taint alone", .taint_after = W, .splats = 1 },
	{ "taint alone, before the command", .taint_before = W, .taint_after = W, .splats = 1 },
	{ "taint that the allowed line does not explain", { "sysfs: twice" }, "sysfs",
	  .taint_after = W, .splats = 1 },
	{ "taint of an oops, and a warning is allowed", { "WARNING: f" }, "WARN",
	  .taint_after = W | D, .splats = 1 },
	{ "an oops by its number", { "general protection fault: 0000 [#1]" }, "general",
	  .taint_after = D },
	{ "taint that is allowed", .allowed = "^taint W: ", .taint_after = W },
	{ "all is allowed", { "BUG: f", "UBSAN: g" }, .all = true, .taint_after = D | 1 << 4 },
};

static bool add(struct facts *facts, const struct options *options, uint32_t type,
		const void *data, uint32_t length)
{
	struct frame frame = { .type = type, .data = (unsigned char *)data, .length = length };

	return !facts_add(facts, &frame, options);
}

static bool counts(size_t i)
{
	struct facts facts = { BOOTED, .answered = true };
	struct options options = { .allow_splats = said[i].all };
	struct status status = { .method = POWEROFF_PORT, .taint_before = said[i].taint_before,
				 .taint_after = said[i].taint_after };
	regex_t allowed;
	size_t line;
	bool good;

	if (said[i].allowed) {
		options.allowed = &allowed;
		options.allowed_count = 1;
		regcomp(&allowed, said[i].allowed, REG_EXTENDED | REG_NOSUB);
	}
	good = add(&facts, &options, FRAME_STARTED, NULL, 0);
	for (line = 0; line < 3 && said[i].complaints[line]; line++)
		good &= add(&facts, &options, FRAME_COMPLAINT, said[i].complaints[line],
			    strlen(said[i].complaints[line]));
	good &= add(&facts, &options, FRAME_RETURNED, NULL, 0) &&
		add(&facts, &options, FRAME_STATUS, &status, sizeof(status)) &&
		facts.splats == said[i].splats;
	if (said[i].allowed)
		regfree(&allowed);
	facts_free(&facts);
	return good;
}

int main(void)
{
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	const size_t more = sizeof(templates) / sizeof(templates[0]);
	const size_t said_count = sizeof(said) / sizeof(said[0]);
	int failed = 0;
	size_t i;

	printf("1..%zu\n", count + more + said_count);
	for (i = 0; i < count; i++) {
		struct verdict verdict = outcome_decide(&cases[i].facts, &cases[i].ending,
							&cases[i].options, "release");
		bool good = verdict.outcome == cases[i].outcome &&
			    verdict.exit_status == cases[i].exit_status;

		printf("%sok %zu - %s\n# %s, status %d\n", good ? "" : "not ", i + 1,
		       cases[i].name, outcome_name(verdict.outcome), verdict.exit_status);
		failed += !good;
		free(verdict.why);
	}
	for (i = 0; i < more; i++) {
		bool good = outcome_blames_template(&templates[i].facts, &templates[i].ending,
						    &templates[i].options) == templates[i].blames;

		printf("%sok %zu - the template: %s\n", good ? "" : "not ", count + i + 1,
		       templates[i].name);
		failed += !good;
	}
	for (i = 0; i < said_count; i++) {
		bool good = counts(i);

		printf("%sok %zu - %s\n", good ? "" : "not ", count + more + i + 1, said[i].name);
		failed += !good;
	}
	return failed ? 1 : 0;
}
