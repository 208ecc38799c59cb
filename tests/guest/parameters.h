/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What README.md promises of the driver's parameters, told a second time, so that
 * the programs here can judge the driver by it.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSFS	"/sys/module/qemu_poweroff/parameters/"

/**
 * struct parameter - one of the driver's
 * @name: as a user types it
 * @min: smallest value that is accepted
 * @max: largest
 * @writable: through sysfs
 */
struct parameter {
	const char *name;
	long min;
	long max;
	bool writable;
};

static const struct parameter parameters[] = {
	{ "code", 0, 127, true },
	{ "panic_code", -1, 127, true },
	{ "delay", -1, 2678400, true },
	{ "sync", 0, 1, true },
	{ "nowayout", 0, 1, false },
	{ "iobase", 0, 0xffff, false },
	{ "iosize", 1, 0x10000, false },
};

#define PARAMETERS	(sizeof(parameters) / sizeof(parameters[0]))

/* How many of them are writable, from the first on. */
#define WRITABLE	4

/* Splitmix64: a seed gives the same run again. */
static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* A number from @min to @max. */
static inline long draw_between(uint64_t *state, long min, long max)
{
	return min + (long)(draw(state) % (uint64_t)(max - min + 1));
}

#endif
