// SPDX-License-Identifier: GPL-2.0
/*
 * What comes of what a guest says, and of how its machine ends, without a guest. A line of
 * session.cases is
 *
 *	STATUS OUTCOME [--bare | --timeout SECONDS | --allow-splat=REGEX] -- WORD...
 *
 * with the words of tests/guest/hostile.c, and those of act() and flags below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../../tests/guest/forge.h"
#include "../report.h"
#include "../session.h"

static struct session *session;
static struct ending ending;
static struct options options;

/* What the host saw, apart from frames: each word is a flag, or its opposite. */
static const struct {
	const char *word;
	bool *flag;
	bool value;
} flags[] = {
	{ "alive", &ending.ended, false },	  { "killed", &ending.killed, true },
	{ "halted", &ending.halted, true },	  { "noise", &ending.bad_guest, true },
	{ "input-lost", &ending.input_lost, true }, { "output-lost", &ending.output_lost, true },
	{ "no-file", &ending.gets_complete, false }, { "failed", &ending.failed, true },
	{ "spoke", &ending.spoke, true },	  { "panicked", &ending.panicked, true },
	{ "serial", &ending.serial, true },	  { "loading", &ending.loading, true },
	{ "allowed", &options.allow_splats, true },
};

static void receive(const void *data, size_t length)
{
	struct frame_reader *reader = &session->machine.channel.reader;

	memcpy(reader->buffer + reader->end, data, length);
	reader->end += length;
	session_frames(session);
}

void send_frame(uint32_t type, const void *data, uint32_t length)
{
	struct frame_header header = { .length = length, .type = type };

	receive(&header, sizeof(header));
	receive(data, length);
}

/* said:TEXT is a complaint; its "_" are blanks. */
static void complain(char *text)
{
	char *blank;

	while ((blank = strchr(text, '_')))
		*blank = ' ';
	send_frame(FRAME_COMPLAINT, text, strlen(text));
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
	if (!strncmp(word, "said:", 5))
		complain(word + 5);
	else if (!strncmp(word, "header:", 7))
		receive(&header, sizeof(header));
	else if (!strncmp(word, "port:", 5))
		ending.wait_status = ((number << 1 | 1) & 0xff) << 8;
	else if (!strncmp(word, "exits:", 6))
		ending.wait_status = number << 8;
	else if (!strncmp(word, "dies:", 5))
		ending.wait_status = number;
	else if (!strncmp(word, "interrupted:", 12))
		ending.interrupted = number;
	else if (!strncmp(word, "age:", 4))
		session->facts.job_ns -= number * 1000000;
	else if (!strncmp(word, "input:", 6))
		session->streams->input_sent = number;
	else if (!strcmp(word, "asked")) /* it has its job, and has not answered */
		session->facts = (struct facts){ .hello = true, .job_ns = now_ns() };
	else if (!strcmp(word, "fresh"))
		session->facts = (struct facts){ 0 };
	else if (!strcmp(word, "no-port"))
		session->facts.method = POWEROFF_NONE;
	else if (!strcmp(word, "restored"))
		session->facts.hello = false;
	else if (!strcmp(word, "booted"))
		session->facts.started = false;
	else if (!strcmp(word, "memory"))
		ending.memory_in = "/cache";
	else if (!strcmp(word, "missing"))
		ending.missing = "virtio_pci";
	else if (!strcmp(word, "complains"))
		ending.messages = "no";
	else if (!strcmp(word, "terminated"))
		ending.messages = "qemu: terminating on signal 15";
	else if (strcmp(word, "off") && strcmp(word, "reset"))
		exit(printf("Bail out! %s: no such word\n", word));
}

/* decide() - what comes of a guest that says these words; to be freed */
static char *decide(char *words)
{
	struct setup setup = { .options = &options };
	struct streams streams = { 0 };
	struct error error = { 0 };
	struct verdict verdict;
	char *word, *got;

	*session = (struct session){
		.setup = &setup,
		.streams = &streams,
		.error = &error,
		.facts = { .hello = true, .answered = true, .started = true, .job_ns = now_ns() },
	};
	session->facts.method = POWEROFF_PORT;
	/* No reader of ours is slow then. */
	session->machine.ended = true;
	status = (struct status){ .method = POWEROFF_PORT };
	channel_init(&session->machine.channel, -1, false);
	gets_init(&session->gets, &options, &error);
	ending = (struct ending){ .ended = true, .gets_complete = true };
	while ((word = strsep(&words, " ")))
		act(word);
	ending.end_ns = now_ns();
	ending.bad_guest |= session->bad_guest ||
			    (facts_have_end(&session->facts) &&
			     frame_rest(&session->machine.channel.reader));
	ending.gets_complete &= gets_complete(&session->gets);
	verdict = outcome_decide(&session->facts, &ending, &options, "release");
	got = print("%d %s", verdict.exit_status, outcome_name(verdict.outcome));
	free(verdict.why);
	gets_free(&session->gets);
	channel_free(&session->machine.channel);
	facts_free(&session->facts);
	streams_free(&streams);
	error_free(&error);
	return got;
}

int main(void)
{
	FILE *cases = must(fopen("test/session.cases", "r"));
	int count = 0, failed = 0;
	char line[4096];

	session = must(calloc(1, sizeof(*session)));
	while (fgets(line, sizeof(line), cases)) {
		char *name, *words, *got, *option, allowed[64];
		regex_t regex;
		bool good;

		line[strcspn(line, "\n")] = '\0';
		if (*line == '#')
			continue;
		options = (struct options){ 0 };
		name = copy(line);
		words = strstr(line, " -- ");
		*words = '\0';
		option = strstr(line, " --");
		if (option) {
			options.bare = !strcmp(option, " --bare");
			if (sscanf(option, " --timeout %" SCNu64, &options.timeout_ms) == 1)
				options.timeout_ms *= 1000;
			if (sscanf(option, " --allow-splat=%63s", allowed) == 1) {
				options.allowed_count = !regcomp(&regex, allowed, REG_EXTENDED);
				options.allowed = &regex;
			}
			*option = '\0';
		}
		got = decide(words + strlen(" -- "));
		if (options.allowed_count)
			regfree(&regex);
		good = !strcmp(got, line);
		printf("%sok %d - %s\n# %s, status %d\n", good ? "" : "not ", ++count, name,
		       strchr(got, ' ') + 1, atoi(got));
		failed += !good;
		free(name);
		free(got);
	}
	printf("1..%d\n", count);
	free(session);
	fclose(cases);
	return failed ? 1 : 0;
}
