// SPDX-License-Identifier: GPL-2.0
/*
 * outcome_blames_template() and facts_add(), case by case. For outcome_decide() see session.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../outcome.h"

#define S 1000000000ULL

/* How QEMU ended, as waitpid(2) gives it. */
#define CODE(code)     ((((code) << 1 | 1) & 0xff) << 8)
#define QEMU_FAILED    (1 << 8)
#define BY_SIGNAL(n)   (n)

/* What the guest said. */
#define BOOTED	       .hello = true, .method = POWEROFF_PORT, .job_ns = 1 * S

/* How the machine ended, at a time, by the host's clock. */
#define ENDED(s, at)   .ended = true, .wait_status = (s), .end_ns = (at)

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
	const size_t more = sizeof(templates) / sizeof(templates[0]);
	const size_t said_count = sizeof(said) / sizeof(said[0]);
	int failed = 0;
	size_t i;

	printf("1..%zu\n", more + said_count);
	for (i = 0; i < more; i++) {
		bool good = outcome_blames_template(&templates[i].facts, &templates[i].ending,
						    &templates[i].options) == templates[i].blames;

		printf("%sok %zu - the template: %s\n", good ? "" : "not ", i + 1,
		       templates[i].name);
		failed += !good;
	}
	for (i = 0; i < said_count; i++) {
		bool good = counts(i);

		printf("%sok %zu - %s\n", good ? "" : "not ", more + i + 1, said[i].name);
		failed += !good;
	}
	return failed ? 1 : 0;
}
