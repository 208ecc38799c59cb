// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <unistd.h>
#include "tsc.h"
#include "util.h"

/* The time, and the counter at that time: not with a pause between the two. */
static uint64_t read_tsc(uint64_t *at)
{
	uint64_t before, ticks;

	do {
		before = now_ns();
		ticks = __builtin_ia32_rdtsc();
		*at = now_ns();
	} while (*at - before > 5000);
	return ticks;
}

unsigned long tsc_khz(void)
{
	uint64_t start, end, ticks;

	ticks = read_tsc(&start);
	usleep(20000);
	ticks = read_tsc(&end) - ticks;
	return ticks * 1000000 / (end - start);
}
