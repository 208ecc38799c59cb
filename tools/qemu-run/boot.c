// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include "boot.h"
#include "last_words.h"

/* How long a guest may be silent while it boots, and how long it may take in all. */
#define BOOT_SILENCE_NS (60 * 1000000000ULL)
#define BOOT_NS		(900 * 1000000000ULL)

/* How long one may be silent that has panicked, until it has said all. */
#define PANIC_SILENCE_NS (2 * 1000000000ULL)

/* spoke() - whether the kernel has: firmware writes a few lines, too */
static bool spoke(const struct console *console)
{
	return console->text.length > 4096 || console_has(console, 0, "Linux version ");
}

int boot_wait(struct session *session, const char *to)
{
	const struct console *console = &session->machine.console;
	uint64_t wanted_ns = session->setup->options->boot_timeout_ms * 1000000;
	uint64_t end = now_ns() + (wanted_ns ? wanted_ns : BOOT_NS), silent = end;
	bool panicked = false;
	size_t heard = 0;

	if (!wanted_ns)
		silent = now_ns() + BOOT_SILENCE_NS;
	while (!session->facts.hello) {
		if (session_step(session, silent < end ? silent : end))
			return -1;
		if (console->text.length != heard) {
			panicked = panicked || console_has(console, heard > 64 ? heard - 64 : 0,
							   CONSOLE_PANIC);
			heard = console->text.length;
			if (panicked || !wanted_ns)
				silent = now_ns() + (panicked ? PANIC_SILENCE_NS : BOOT_SILENCE_NS);
		}
		if (now_ns() < silent && now_ns() < end)
			continue;
		session->killed = true;
		/* Before the kernel has read panic=-1, a panic does not end the machine. */
		if (panicked)
			return -1;
		error_add(session->error, "kernel %s did not %s%s %g s%s",
			  session->setup->kernel.release, to,
			  silent < end ? ": silent for" : " in",
			  (silent < end ? BOOT_SILENCE_NS : wanted_ns ? wanted_ns : BOOT_NS) / 1e9,
			  spoke(console) ? "" :
			  "; it has said nothing: it may lack CONFIG_SERIAL_8250_CONSOLE, or die in its first steps");
		last_words(session);
		return -1;
	}
	return 0;
}
