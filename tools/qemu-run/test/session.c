// SPDX-License-Identifier: GPL-2.0
/*
 * What comes of what a guest says, and of how its machine ends, without a guest. A line of
 * session.cases is
 *
 *	STATUS OUTCOME [template] [OPTION] -- WORD...
 *
 * with "template" if that is to blame, an OPTION of read_option(), the words of
 * tests/guest/hostile.c, and those of act() and flags below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../../tests/guest/forge.h"
#include "../report.h"
#include "../session.h"

static struct session session;
static struct setup setup;
static struct signals signals;
static struct streams streams;
static struct error error;
static struct options options;

/* What the host saw, apart from frames: each word is a flag, or its opposite. */
static const struct {
	const char *word;
	bool *flag;
	bool value;
} flags[] = {
	{ "alive", &session.machine.ended, false },  { "killed", &session.killed, true },
	{ "halted", &session.halted, true },	     { "noise", &session.bad_guest, true },
	{ "input-lost", &session.input_lost, true }, { "output-lost", &streams.lost, true },
	{ "no-file", &session.gets.failed, true },   { "loading", &session.loading, true },
	{ "load-refused", &session.load_refused, true },
	{ "serial", &session.machine.channel.serial, true },
	{ "allowed", &options.allow_splats, true },
};

static void receive(const void *data, size_t length)
{
	struct frame_reader *reader = &session.machine.channel.reader;

	memcpy(reader->buffer + reader->end, data, length);
	reader->end += length;
	session_frames(&session);
}

void send_frame(uint32_t type, const void *data, uint32_t length)
{
	struct frame_header header = { .length = length, .type = type };

	receive(&header, sizeof(header));
	receive(data, length);
}

/* text() - what a word says behind its colon, whose "_" are blanks */
static const char *text(char *word)
{
	char *blank;

	while ((blank = strchr(word, '_')))
		*blank = ' ';
	return strchr(word, ':') + 1;
}

static void act(char *word)
{
	size_t length = strcspn(word, ":");
	long number = word[length] ? strtol(word + length + 1, NULL, 0) : 0;
	struct frame_header header = { .length = number, .type = FRAME_OUTPUT };
	size_t i;

	if (forge_word(word, length, number))
		return;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(word, flags[i].word))
			continue;
		*flags[i].flag = flags[i].value;
		return;
	}
	if (!strncmp(word, "said:", 5)) /* a complaint */
		send_frame(FRAME_COMPLAINT, text(word), strlen(text(word)));
	else if (!strncmp(word, "console:", 8))
		text_print(&session.machine.console.text, "%s\n", text(word));
	else if (!strncmp(word, "qemu:", 5))
		text_print(&session.machine.messages, "%s", text(word));
	else if (!strncmp(word, "header:", 7))
		receive(&header, sizeof(header));
	else if (!strncmp(word, "port:", 5))
		session.machine.wait_status = ((number << 1 | 1) & 0xff) << 8;
	else if (!strncmp(word, "exits:", 6))
		session.machine.wait_status = number << 8;
	else if (!strncmp(word, "dies:", 5))
		session.machine.wait_status = number;
	else if (!strncmp(word, "interrupted:", 12))
		signals.interrupted = number;
	else if (!strncmp(word, "age:", 4))
		session.facts.job_ns -= number * 1000000;
	else if (!strncmp(word, "input:", 6))
		streams.input_sent = number;
	else if (!strcmp(word, "asked")) /* it has its job, and has not answered */
		session.facts = (struct facts){ .hello = true, .job_ns = now_ns() };
	else if (!strcmp(word, "fresh"))
		session.facts = (struct facts){ 0 };
	else if (!strcmp(word, "no-port"))
		session.facts.method = POWEROFF_NONE;
	else if (!strcmp(word, "restored"))
		session.facts.hello = false;
	else if (!strcmp(word, "booted"))
		session.facts.started = false;
	else if (!strcmp(word, "memory"))
		setup.places.cache = "/cache";
	else if (!strcmp(word, "panicking"))
		session.panic_ns = now_ns();
	else if (!strcmp(word, "failed"))
		error_add(&error, "failed");
	else if (strcmp(word, "off") && strcmp(word, "reset"))
		exit(printf("Bail out! %s: no such word\n", word));
}

/* decide() - what comes of a guest that says these words; to be freed */
static char *decide(char *words)
{
	struct verdict verdict;
	char *word, *got;

	setup = (struct setup){ .options = &options };
	signals = (struct signals){ 0 };
	streams = (struct streams){ 0 };
	session = (struct session){
		.setup = &setup,
		.signals = &signals,
		.streams = &streams,
		.error = &error,
		.facts = {
			.hello = true,
			.method = POWEROFF_PORT,
			.answered = true,
			.started = true,
			.job_ns = now_ns(),
		},
		/* It has ended: then no reader of ours is slow. */
		.machine = {
			.pidfd = -1,
			.monitor = -1,
			.stderr_fd = -1,
			.console.fd = -1,
			.ended = true,
			.restored = true,
		},
	};
	status = (struct status){ .method = POWEROFF_PORT };
	version = PROTOCOL_VERSION;
	channel_init(&session.machine.channel, -1, false);
	gets_init(&session.gets, &options, &error);
	while ((word = strsep(&words, " ")))
		act(word);
	session.machine.end_ns = now_ns();
	session.bad_guest |= facts_have_end(&session.facts) &&
			     frame_rest(&session.machine.channel.reader);
	verdict = outcome_decide(&session, signals.interrupted);
	got = print("%d %s%s%s", verdict.exit_status, outcome_name(verdict.outcome),
		    outcome_blames_template(&session) ? " template" : "",
		    session.panic_ns ? " panicking" : "");
	free(verdict.why);
	gets_free(&session.gets);
	machine_free(&session.machine);
	facts_free(&session.facts);
	streams_free(&streams);
	error_free(&error);
	return got;
}

/* read_option() - an option of a case; @regex: receives what it allows */
static void read_option(const char *option, regex_t *regex)
{
	static struct module_option module;
	static char *qemu[] = { "-numa" };
	char allowed[64];

	options = (struct options){ 0 };
	if (!option)
		return;
	options.bare = !strcmp(option, " --bare");
	options.preload = !strcmp(option, " --preload -m");
	if (strstr(option, " -m")) {
		options.modules = &module;
		options.module_count = 1;
	}
	if (!strcmp(option, " --qemu"))
		options.qemu = (struct list){ .items = qemu, .count = 1 };
	if (sscanf(option, " --timeout %" SCNu64, &options.timeout_ms) == 1)
		options.timeout_ms *= 1000;
	if (sscanf(option, " --allow-splat=%63s", allowed) == 1) {
		options.allowed_count = !regcomp(regex, allowed, REG_EXTENDED);
		options.allowed = regex;
	}
}

int main(void)
{
	FILE *cases = must(fopen("test/session.cases", "r"));
	int count = 0, failed = 0;
	char line[4096];

	while (fgets(line, sizeof(line), cases)) {
		char *name, *words, *got, *option;
		regex_t regex;
		bool good;

		line[strcspn(line, "\n")] = '\0';
		if (*line == '#')
			continue;
		name = copy(line);
		words = strstr(line, " -- ");
		*words = '\0';
		option = strstr(line, " -");
		read_option(option, &regex);
		if (option)
			*option = '\0';
		got = decide(words + strlen(" -- "));
		if (options.allowed_count)
			regfree(&regex);
		good = !strcmp(got, line);
		printf("%sok %d - %s\n# %s\n", good ? "" : "not ", ++count, name, got);
		failed += !good;
		free(name);
		free(got);
	}
	printf("1..%d\n", count);
	fclose(cases);
	return failed ? 1 : 0;
}
