// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdlib.h>
#include "boot.h"
#include "last_words.h"
#include "wire/protocol.h"

/* How long a guest may be silent while it boots, and how long it may take in all. */
#define BOOT_SILENCE_NS (60 * 1000000000ULL)
#define BOOT_NS		(900 * 1000000000ULL)

/* A kernel writes more on the console; firmware does not. */
#define FIRMWARE_BYTES	1024

int boot_wait(struct session *session, const char *to)
{
	const struct console *console = &session->machine.console;
	uint64_t wanted_ns = session->setup->options->boot_timeout_ms * 1000000;
	uint64_t end = now_ns() + (wanted_ns ? wanted_ns : BOOT_NS), silent = end;
	size_t heard = SIZE_MAX;

	while (!session->facts.hello) {
		if (!wanted_ns && console->text.length != heard) {
			heard = console->text.length;
			silent = now_ns() + BOOT_SILENCE_NS;
		}
		if (now_ns() < silent && now_ns() < end) {
			if (session_step(session, silent < end ? silent : end))
				return -1;
			continue;
		}
		session->killed = true;
		error_add(session->error, "kernel %s did not %s%s %g s%s",
			  session->setup->kernel.release, to,
			  silent < end ? ": silent for" : " in",
			  (silent < end ? BOOT_SILENCE_NS : wanted_ns ? wanted_ns : BOOT_NS) / 1e9,
			  console->text.length > FIRMWARE_BYTES ? "" :
			  "; it has said nothing: it may lack CONFIG_SERIAL_8250_CONSOLE, or die in its first steps");
		last_words(session);
		return -1;
	}
	return 0;
}

int boot_init(struct session *session)
{
	char *failed;

	if (boot_wait(session, session->setup->options->init ?
				       "get its system ready" : "reach init"))
		return -1;
	failed = console_said(&session->machine.console, LOG_FAILED);
	if (failed)
		say("--init: units that failed while it booted: %s", failed);
	free(failed);
	return 0;
}

char *virtio_missing_said(const struct session *session)
{
	return session->facts.hello ? NULL : console_said(&session->machine.console, LOG_MISSING);
}
