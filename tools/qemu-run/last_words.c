// SPDX-License-Identifier: GPL-2.0
/* What a hung guest can still be made to say, before it is killed. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include "run.h"

/* How long a hung guest may take to answer, each time it is asked. */
#define POKE_NS	 (2 * 1000000000ULL)
/*
 * And to panic: the processor that does so waits a second for the others to stop
 * before it shows anything, and its emulator may be short of time, too.
 */
#define PANIC_NS (10 * 1000000000ULL)
/* And it has said all when its console is silent for so long. */
#define QUIET_NS (300 * 1000000ULL)

/* order() - has QEMU do something, if it does it in time. */
static bool order(struct run *run, const char *command, uint64_t end)
{
	text_free(&run->qmp);
	if (run->vm.monitor < 0 || write_all(run->vm.monitor, command, strlen(command)))
		return false;
	while (!run->qmp.data ||
	       (!strstr(run->qmp.data, "\"return\"") && !strstr(run->qmp.data, "\"error\"")))
		if (now_ns() >= end || pump(run, end))
			return false;
	return true;
}

/* said() - whether a text is on the console after its first bytes, @from of them. */
static bool said(const struct run *run, size_t from, const char *text)
{
	/* Of a console that grew so much, the beginning has gone. */
	if (run->console.length < from)
		from = 0;
	return run->console.length > from && strcasestr(run->console.data + from, text);
}

/*
 * press() - a key of the kernel's sysrq, on its console: after a break. Waits for
 * what it has to say. Returns 1 when it says something, 0 when it does not, and -1
 * when it is QEMU that does not answer.
 */
static int press(struct run *run, char key)
{
	uint64_t end = now_ns() + POKE_NS, quiet_since, until;
	size_t from = run->console.length, heard = from;

	if (!order(run,
		   "{\"execute\":\"chardev-send-break\",\"arguments\":{\"id\":\"console\"}}\n",
		   end) ||
	    send(run->vm.console, &key, 1, MSG_NOSIGNAL) != 1)
		return -1;
	for (quiet_since = now_ns();;) {
		bool answered;

		answered = said(run, from, "sysrq");
		until = answered && quiet_since + QUIET_NS < end ? quiet_since + QUIET_NS : end;
		if (now_ns() >= until || pump(run, until))
			return answered;
		if (run->console.length != heard) {
			heard = run->console.length;
			quiet_since = now_ns();
		}
	}
}

void last_words(struct run *run)
{
	uint64_t end = now_ns() + POKE_NS;
	int answer;

	/* Those of a restored guest were settled before it was. */
	if (!run->restored && !order(run, "{\"execute\":\"qmp_capabilities\"}\n", end))
		return;
	answer = press(run, 'w');
	if (answer > 0) {
		size_t from = run->console.length;

		press(run, 'l');
		/*
		 * A kernel whose console is a thread, as on PREEMPT_RT, may have said
		 * it and not come to print it. A panic does.
		 */
		answer = said(run, from, "Comm: ");
	}
	if (answer)
		return;
	end = now_ns() + PANIC_NS;
	if (!order(run, "{\"execute\":\"inject-nmi\"}\n", end))
		return;
	while (now_ns() < end)
		if (pump(run, end))
			return;
}
