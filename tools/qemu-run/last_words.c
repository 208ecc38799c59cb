// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include "last_words.h"
#include "monitor.h"

/* How long a hung guest may take to answer, each time it is asked. */
#define POKE_NS	 (2 * 1000000000ULL)
/*
 * And to panic: the processor that does so waits a second for the others to stop
 * before it shows anything, and its emulator may be short of time, too.
 */
#define PANIC_NS (30 * 1000000000ULL)
/* And it has said all when its console is silent for so long. */
#define QUIET_NS (300 * 1000000ULL)

/* order() - has QEMU do something, if it does it in time. */
static bool order(struct session *session, const char *command, uint64_t end)
{
	json_t *reply = monitor_try(session, command, -1, end);
	bool done = reply;

	json_decref(reply);
	return done;
}

/*
 * press() - a key of the kernel's sysrq, on its console: after a break. Waits for
 * what it has to say. Returns 1 when it says something, 0 when it does not, and -1
 * when it is QEMU that does not answer.
 */
static int press(struct session *session, char key)
{
	uint64_t end = now_ns() + POKE_NS, quiet_since, until;
	size_t from = session->machine.console.text.length, heard = from;

	if (!order(session, "{\"execute\":\"chardev-send-break\",\"arguments\":{\"id\":\"console\"}}",
		   end) ||
	    send(session->machine.console.fd, &key, 1, MSG_NOSIGNAL) != 1)
		return -1;
	for (quiet_since = now_ns();;) {
		bool answered;

		answered = console_has(&session->machine.console, from, "sysrq");
		until = answered && quiet_since + QUIET_NS < end ? quiet_since + QUIET_NS : end;
		if (now_ns() >= until || session_step(session, until))
			return answered;
		if (session->machine.console.text.length != heard) {
			heard = session->machine.console.text.length;
			quiet_since = now_ns();
		}
	}
}

void last_words(struct session *session)
{
	uint64_t end;
	int answer;

	answer = press(session, 'w');
	if (answer > 0) {
		size_t from = session->machine.console.text.length;

		press(session, 'l');
		/*
		 * A kernel whose console is a thread, as on PREEMPT_RT, may have said
		 * it and not come to print it. A panic does.
		 */
		answer = console_has(&session->machine.console, from, "Comm: ");
	}
	if (answer)
		return;
	end = now_ns() + PANIC_NS;
	if (!order(session, "{\"execute\":\"inject-nmi\"}", end))
		return;
	while (now_ns() < end)
		if (session_step(session, end))
			return;
}
