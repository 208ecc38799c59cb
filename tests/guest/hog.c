// SPDX-License-Identifier: GPL-2.0
/* A real-time task that never leaves user space, nor its processor. */
#include <sched.h>
#include <stdio.h>

int main(void)
{
	const struct sched_param param = { .sched_priority = 50 };

	if (sched_setscheduler(0, SCHED_FIFO, &param) < 0) {
		perror("sched_setscheduler");
		return 1;
	}
	for (;;)
		;
}
