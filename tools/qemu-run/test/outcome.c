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

int main(void)
{
	const size_t more = sizeof(templates) / sizeof(templates[0]);
	int failed = 0;
	size_t i;

	printf("1..%zu\n", more);
	for (i = 0; i < more; i++) {
		bool good = outcome_blames_template(&templates[i].facts, &templates[i].ending,
						    &templates[i].options) == templates[i].blames;

		printf("%sok %zu - the template: %s\n", good ? "" : "not ", i + 1,
		       templates[i].name);
		failed += !good;
	}
	return failed ? 1 : 0;
}
