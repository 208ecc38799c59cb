// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads the driver, with parameters of all kinds, while others write
 * and read them; then compares what the kernel holds with what it held before.
 *
 * endure SEED LOADS FILE
 *
 * Prints what it did, and each difference on a line that begins with "grew"; exits
 * with 1 at the first thing that goes otherwise than README.md says.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parameters.h"

#define WRITERS		8
#define READERS		2

/* Between two writes, or reads, of one thread, at most. */
#define PAUSE_US	50000

/* No deadline passes while this runs. */
#define SAFE_DELAY	100000

/* The first loads fill the caches that the kernel keeps. */
#define WARM_UP		200

static atomic_bool stop;
static atomic_ulong writes, reads;

static void __attribute__((noreturn)) fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pause_up_to(uint64_t *state, unsigned int us)
{
	usleep(draw(state) % us);
}

/* The module comes and goes: that a file is not there, or no longer, is no error. */
static bool is_away(int err)
{
	return err == ENOENT || err == ENODEV;
}

static void *keep_writing(void *seed)
{
	uint64_t state = *(uint64_t *)seed;

	while (!atomic_load(&stop)) {
		const struct parameter *parameter = &parameters[draw(&state) % 3];
		long value = draw_between(&state, parameter->min, parameter->max);
		bool bad = !(draw(&state) % 4);
		char path[128], text[32];
		int file, err;

		pause_up_to(&state, PAUSE_US);
		if (!strcmp(parameter->name, "delay") && value != -1)
			value = draw_between(&state, SAFE_DELAY, parameter->max);
		if (bad)
			value = parameter->max + draw_between(&state, 1, 1000000);
		snprintf(path, sizeof(path), SYSFS "%s", parameter->name);
		snprintf(text, sizeof(text), "%ld\n", value);
		file = open(path, O_WRONLY | O_CLOEXEC);
		if (file < 0) {
			if (!is_away(errno))
				fail(path);
			continue;
		}
		err = write(file, text, strlen(text)) < 0 ? errno : 0;
		close(file);
		if (is_away(err))
			continue;
		if (err != (bad ? ERANGE : 0)) {
			printf("%s=%s: error %d\n", parameter->name, text, err);
			exit(1);
		}
		atomic_fetch_add(&writes, 1);
	}
	return NULL;
}

static void read_all(const char *path)
{
	char text[4096];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (file < 0) {
		if (!is_away(errno))
			fail(path);
		return;
	}
	do
		length = read(file, text, sizeof(text));
	while (length > 0);
	if (length < 0 && !is_away(errno))
		fail(path);
	close(file);
	atomic_fetch_add(&reads, 1);
}

static void *keep_reading(void *seed)
{
	static const char *const paths[] = {
		"/proc/ioports", "/proc/modules", SYSFS "code", SYSFS "delay",
		SYSFS "panic_code", SYSFS "remaining", SYSFS "iobase", SYSFS "iosize",
	};
	uint64_t state = *(uint64_t *)seed;

	while (!atomic_load(&stop)) {
		pause_up_to(&state, PAUSE_US);
		read_all(paths[draw(&state) % (sizeof(paths) / sizeof(paths[0]))]);
	}
	return NULL;
}

/* One load: returns the error that is due for the arguments it makes. */
static int make_arguments(uint64_t *state, char *arguments, size_t size)
{
	long delay = draw(state) % 2 ? -1 : draw_between(state, SAFE_DELAY, 2678400);
	long code = draw_between(state, 0, 127), panic_code = draw_between(state, -1, 127);
	long iobase = 0x10f4;
	int due = 0;

	switch (draw(state) % 12) {
	case 0:
		code = draw_between(state, 128, 100000);
		due = ERANGE;
		break;
	case 1:
		delay = draw_between(state, -100000, -2);
		due = ERANGE;
		break;
	case 2:
		/* The first interrupt controller's. */
		iobase = 0x20;
		due = EBUSY;
		break;
	case 3:
		/* Nobody's. */
		iobase = 0x2000;
		due = ENODEV;
		break;
	}
	snprintf(arguments, size, "delay=%ld code=%ld panic_code=%ld iobase=%ld iosize=%d",
		 delay, code, panic_code, iobase, due == EBUSY ? 1 : 4);
	return due;
}

static void load_and_unload(uint64_t *state, int module, unsigned long loads)
{
	unsigned long refused = 0, i;

	for (i = 0; i < loads; i++) {
		char arguments[128];
		int due = make_arguments(state, arguments, sizeof(arguments));
		int err = syscall(SYS_finit_module, module, arguments, 0) ? errno : 0;

		if (err != due) {
			printf("insmod %s: error %d where %d was due\n", arguments, err, due);
			exit(1);
		}
		if (err) {
			refused++;
			continue;
		}
		if (draw(state) % 2)
			pause_up_to(state, 2000);
		if (syscall(SYS_delete_module, "qemu_poweroff", O_NONBLOCK))
			fail("rmmod");
	}
	printf("%lu loads, %lu refused, %lu writes, %lu reads\n", loads, refused,
	       atomic_load(&writes), atomic_load(&reads));
}

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return;
	if (write(file, text, strlen(text)) < 0)
		errno = 0;
	close(file);
}

static void shrink_caches(void)
{
	DIR *caches = opendir("/sys/kernel/slab");
	struct dirent *cache;
	char path[512];

	while (caches && (cache = readdir(caches))) {
		if (*cache->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache->d_name);
		put(path, "1");
	}
	if (caches)
		closedir(caches);
}

/*
 * Gives back what the kernel keeps for later use; KASAN's quarantine, too. More than
 * once: RCU frees what was dropped only after a while, and then into the quarantine;
 * and what was looked up of late is not dropped the first time.
 */
static void settle(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		/* What RCU and the workqueues still have to free. */
		sleep(3);
		put("/proc/sys/vm/drop_caches", "3");
		shrink_caches();
	}
}

/**
 * struct holding - something that the kernel holds a number of
 * @name: of the cache, or the line of /proc/meminfo
 * @count: objects, or KiB
 */
struct holding {
	char name[64];
	long count;
};

/**
 * struct holdings - what the kernel holds at one time
 * @items: slab caches with their objects; memory that is no slab's
 * @count: of the items
 * @ports: all of /proc/ioports
 * @modules: all of /proc/modules
 */
struct holdings {
	struct holding items[1024];
	size_t count;
	char ports[16384];
	char modules[16384];
};

static void read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file)
		fail(path);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void read_holdings(const char *path, const char *format, const char *only,
			  struct holdings *holdings)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		struct holding *item = &holdings->items[holdings->count];

		if (sscanf(line, format, item->name, &item->count) != 2 ||
		    (only && !strstr(only, item->name)))
			continue;
		if (++holdings->count == sizeof(holdings->items) / sizeof(holdings->items[0]))
			break;
	}
	fclose(file);
}

static void take_stock(struct holdings *holdings)
{
	settle();
	holdings->count = 0;
	read_holdings("/proc/slabinfo", "%63s %ld", NULL, holdings);
	read_holdings("/proc/meminfo", "%63[^:]: %ld", "VmallocUsed Percpu", holdings);
	read_text("/proc/ioports", holdings->ports, sizeof(holdings->ports));
	read_text("/proc/modules", holdings->modules, sizeof(holdings->modules));
}

/* One object lost in twenty loads is seen; what the threads left lying is not. */
static void compare(const struct holdings *before, const struct holdings *after,
		    unsigned long loads)
{
	size_t i, j;

	for (i = 0; i < after->count; i++)
		for (j = 0; j < before->count; j++) {
			const struct holding *new = &after->items[i], *old = &before->items[j];

			/*
			 * kmemleak keeps one for each object of any cache: a sum of
			 * what is compared one by one.
			 */
			if (strcmp(new->name, old->name) || !strcmp(new->name, "kmemleak_object"))
				continue;
			if (new->count - old->count > 200 + (long)loads / 20)
				printf("grew: %s from %ld to %ld\n", new->name, old->count,
				       new->count);
		}
	if (strcmp(before->ports, after->ports))
		printf("grew: /proc/ioports from:\n%sto:\n%s", before->ports, after->ports);
	if (strcmp(before->modules, after->modules))
		printf("grew: /proc/modules from:\n%sto:\n%s", before->modules,
		       after->modules);
	printf("%zu holdings compared\n", after->count);
}

int main(int count, char **arguments)
{
	static struct holdings before, after;
	pthread_t threads[WRITERS + READERS];
	uint64_t seeds[WRITERS + READERS], state;
	unsigned long loads;
	int module, i;

	if (count != 4) {
		fprintf(stderr, "usage: endure SEED LOADS FILE\n");
		return 2;
	}
	state = strtoull(arguments[1], NULL, 10);
	loads = strtoul(arguments[2], NULL, 10);
	module = open(arguments[3], O_RDONLY | O_CLOEXEC);
	if (module < 0)
		fail(arguments[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);

	load_and_unload(&state, module, WARM_UP);
	take_stock(&before);
	for (i = 0; i < WRITERS + READERS; i++) {
		seeds[i] = draw(&state);
		errno = pthread_create(&threads[i], NULL, i < WRITERS ? keep_writing : keep_reading,
				       &seeds[i]);
		if (errno)
			fail("pthread_create");
	}
	load_and_unload(&state, module, loads);
	atomic_store(&stop, true);
	for (i = 0; i < WRITERS + READERS; i++)
		pthread_join(threads[i], NULL);
	take_stock(&after);
	compare(&before, &after, loads);
	return 0;
}
