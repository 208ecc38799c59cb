// SPDX-License-Identifier: GPL-2.0
/*
 * What comes of what a guest says, without a guest. A line of session.cases is
 *
 *	STATUS OUTCOME [--bare | --timeout SECONDS] -- WORD...
 *
 * with the words of tests/guest/hostile.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../../tests/guest/forge.h"
#include "../report.h"
#include "../session.h"

static struct session *session;

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

static void act(const char *word)
{
	size_t length = strcspn(word, ":");
	long number = word[length] ? strtol(word + length + 1, NULL, 0) : 0;
	struct frame_header header = { .length = number, .type = FRAME_OUTPUT };

	if (forge_word(word, length, number))
		return;
	if (!strncmp(word, "header:", 7))
		receive(&header, sizeof(header));
	else if (!strcmp(word, "asked")) /* it has its job, and has not answered */
		session->facts.started = session->facts.answered = false;
	else if (!strncmp(word, "port:", 5))
		session->machine.wait_status = ((number << 1 | 1) & 0xff) << 8;
	else if (strcmp(word, "off") && strcmp(word, "reset"))
		exit(printf("Bail out! %s: no such word\n", word));
}

/* decide() - what comes of a guest that says these words; to be freed */
static char *decide(struct options *options, char *words)
{
	struct setup setup = { .options = options };
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
	gets_init(&session->gets, options, &error);
	while ((word = strsep(&words, " ")))
		act(word);
	verdict = outcome_decide(&session->facts, &(struct ending){
		.ended = true,
		.wait_status = session->machine.wait_status,
		.end_ns = now_ns(),
		.bad_guest = session->bad_guest ||
			     (facts_have_end(&session->facts) &&
			      frame_rest(&session->machine.channel.reader)),
		.gets_complete = gets_complete(&session->gets),
	}, options, "release");
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
		struct options options = { 0 };
		char *name, *words, *got, *option;
		bool good;

		line[strcspn(line, "\n")] = '\0';
		if (*line == '#')
			continue;
		name = copy(line);
		words = strstr(line, " -- ");
		*words = '\0';
		option = strstr(line, " --");
		if (option) {
			options.bare = !strcmp(option, " --bare");
			sscanf(option, " --timeout %" SCNu64, &options.timeout_ms);
			options.timeout_ms *= 1000;
			*option = '\0';
		}
		got = decide(&options, words + strlen(" -- "));
		good = !strcmp(got, line);
		printf("%sok %d - %s\n# %s\n", good ? "" : "not ", ++count, name, got);
		failed += !good;
		free(name);
		free(got);
	}
	printf("1..%d\n", count);
	free(session);
	fclose(cases);
	return failed ? 1 : 0;
}
