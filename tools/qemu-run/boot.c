// SPDX-License-Identifier: GPL-2.0
#include "boot.h"
#include "last_words.h"

/* How long a guest may be silent while it boots. */
#define BOOT_SILENCE_NS (60 * 1000000000ULL)

int boot_wait(struct session *session, const char *to)
{
	const struct text *console = &session->machine.console.text;
	uint64_t silent_since = now_ns();
	size_t heard = 0;

	while (!session->facts.hello) {
		if (session_step(session, silent_since + BOOT_SILENCE_NS))
			return -1;
		if (console->length != heard) {
			heard = console->length;
			silent_since = now_ns();
		}
		if (now_ns() - silent_since >= BOOT_SILENCE_NS) {
			session->killed = true;
			last_words(session);
			return error_add(session->error, "kernel %s did not %s: silent for %llu s",
					 session->setup->kernel.release, to,
					 BOOT_SILENCE_NS / 1000000000);
		}
	}
	return 0;
}
