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
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
		const struct parameter *parameter = &parameters[draw(&state) % WRITABLE];
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

/* Returns how many loads were refused, as was due. */
static unsigned long load_and_unload(uint64_t *state, int module, unsigned long loads)
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
	return refused;
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

static void read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file)
		fail(path);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

/**
 * struct cache - a slab cache, or another name for one
 * @name: as in /sys/kernel/slab
 * @shrink: file; written to, the processors let go of the slabs that they have in hand,
 *	what is free in them counting as taken
 * @objects: file; how many are taken
 */
struct cache {
	char name[256];
	int shrink;
	int objects;
};

#define MOST_CACHES 480

/* Opened once: a file that is closed is itself an object that RCU keeps for a while. */
static struct cache caches[MOST_CACHES];
static size_t cache_count;

static const char all_caches[] = "/sys/kernel/slab";

/* Whether the kernel watches timers, works and the like, and where it counts those. */
static int has_debug_objects;
static const char debug_objects[] = "/sys/kernel/debug/debug_objects/stats";

static long count_objects(const struct cache *cache)
{
	char text[64] = "";

	if (pwrite(cache->shrink, "1", 1, 0) < 0 ||
	    pread(cache->objects, text, sizeof(text) - 1, 0) <= 0)
		fail(cache->name);
	return strtol(text, NULL, 10);
}

/* 0 where there is none of that name. */
static ino_t cache_inode(const char *name)
{
	char path[512];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", all_caches, name);
	return stat(path, &status) ? 0 : status.st_ino;
}

static void open_caches(void)
{
	DIR *directory = opendir(all_caches);
	/*
	 * A pool of up to 1024, and 64 for each processor, that is not given back
	 * once it is filled (lib/debugobjects.c): the kernel says how many of it are
	 * in use.
	 */
	ino_t pool = cache_inode("debug_objects_cache");
	/* kmemleak keeps one for each object of any cache. */
	ino_t kmemleak = cache_inode("kmemleak_object");
	/* To count objects takes one of eight bytes, and with it the slab it is from. */
	ino_t smallest = cache_inode("kmalloc-8");
	struct dirent *entry;
	char path[512];

	if (!directory)
		fail(all_caches);
	has_debug_objects = !!pool;
	while ((entry = readdir(directory))) {
		struct cache *cache = &caches[cache_count];
		ino_t inode = cache_inode(entry->d_name);

		if (*entry->d_name == '.' || inode == pool || inode == kmemleak ||
		    inode == smallest)
			continue;
		if (cache_count == MOST_CACHES) {
			printf("no room for %s\n", entry->d_name);
			exit(1);
		}
		snprintf(cache->name, sizeof(cache->name), "%s", entry->d_name);
		snprintf(path, sizeof(path), "%s/%s/shrink", all_caches, cache->name);
		cache->shrink = open(path, O_WRONLY | O_CLOEXEC);
		if (cache->shrink < 0)
			fail(path);
		snprintf(path, sizeof(path), "%s/%s/objects", all_caches, cache->name);
		cache->objects = open(path, O_RDONLY | O_CLOEXEC);
		if (cache->objects < 0)
			fail(path);
		/* The file keeps a buffer from the first time on. */
		count_objects(cache);
		cache_count++;
	}
	closedir(directory);
}

/* The number in the line of that file that NAME begins. */
static long read_number(const char *path, const char *name)
{
	char text[8192], *line;

	read_text(path, text, sizeof(text));
	line = strstr(text, name);
	if (!line) {
		printf("no %s in %s\n", name, path);
		exit(1);
	}
	return strtol(line + strcspn(line, ":") + 1, NULL, 10);
}

static long least(long one, long other)
{
	return one < other ? one : other;
}

/**
 * struct stock - what the kernel holds at one time
 * @objects: of each of @caches
 * @watched: what the kernel watches for being used after its end
 * @vmalloc: KiB
 * @percpu: KiB
 * @ports: all of /proc/ioports
 * @modules: all of /proc/modules
 */
struct stock {
	long objects[MOST_CACHES];
	long watched;
	long vmalloc;
	long percpu;
	char ports[16384];
	char modules[16384];
};

/*
 * The least of several counts, as what is lost stays. In between the kernel gives back
 * what it keeps for later use, KASAN's quarantine, too, and RCU and the workqueues
 * free what they still have to; what was looked up of late is not dropped the first
 * time.
 */
static void take_stock(struct stock *stock)
{
	size_t i;
	int round;

	stock->watched = has_debug_objects ? LONG_MAX : 0;
	stock->vmalloc = LONG_MAX;
	stock->percpu = LONG_MAX;
	for (i = 0; i < cache_count; i++)
		stock->objects[i] = LONG_MAX;
	for (round = 0; round < 4; round++) {
		sleep(3);
		put("/proc/sys/vm/drop_caches", "3");
		for (i = 0; i < cache_count; i++)
			stock->objects[i] = least(stock->objects[i], count_objects(&caches[i]));
		if (has_debug_objects)
			stock->watched = least(stock->watched,
					       read_number(debug_objects, "pool_used"));
		stock->vmalloc = least(stock->vmalloc,
				       read_number("/proc/meminfo", "VmallocUsed"));
		stock->percpu = least(stock->percpu, read_number("/proc/meminfo", "Percpu"));
	}
	if (has_debug_objects && stock->watched <= 0) {
		printf("the kernel has given up to watch objects: see its log\n");
		exit(1);
	}
	read_text("/proc/ioports", stock->ports, sizeof(stock->ports));
	read_text("/proc/modules", stock->modules, sizeof(stock->modules));
}

/*
 * What may be more at the end, whoever holds it: objects of a cache; KiB of memory, as
 * each processor keeps two stacks of threads that have ended, with KASAN of 32 KiB, and
 * the memory of the processors is given back a page for each at a time, with some to
 * spare.
 */
#define OBJECTS_SLACK	50
#define VMALLOC_SLACK	200
#define PERCPU_SLACK	16

/* Returns by how much it grew. */
static long compare_count(const char *name, long before, long after, long slack)
{
	if (after - before > slack)
		printf("grew: %s from %ld to %ld\n", name, before, after);
	return after - before;
}

static void compare_text(const char *name, const char *before, const char *after)
{
	if (strcmp(before, after))
		printf("grew: %s from:\n%sto:\n%s", name, before, after);
}

/* One object lost at every other of 200 loads is seen, or at every fiftieth of 10,000. */
static void compare(const struct stock *before, const struct stock *after, unsigned long loads)
{
	long watched, vmalloc, percpu, most = 0, lost = loads / 100;
	const char *name = "none";
	size_t i;

	for (i = 0; i < cache_count; i++) {
		long grown = compare_count(caches[i].name, before->objects[i], after->objects[i],
					   OBJECTS_SLACK + lost);

		if (grown > most) {
			most = grown;
			name = caches[i].name;
		}
	}
	watched = compare_count("watched objects", before->watched, after->watched,
				OBJECTS_SLACK + lost);
	vmalloc = compare_count("VmallocUsed", before->vmalloc, after->vmalloc,
				VMALLOC_SLACK + lost);
	percpu = compare_count("Percpu", before->percpu, after->percpu, PERCPU_SLACK + lost);
	compare_text("/proc/ioports", before->ports, after->ports);
	compare_text("/proc/modules", before->modules, after->modules);
	printf("%zu caches compared; most grown: %s by %ld; watched by %ld; ", cache_count, name,
	       most, watched);
	printf("vmalloc by %ld KiB, percpu by %ld\n", vmalloc, percpu);
}

int main(int count, char **arguments)
{
	static struct stock before, after;
	pthread_t threads[WRITERS + READERS];
	uint64_t seeds[WRITERS + READERS], state;
	unsigned long loads, refused;
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
	open_caches();
	take_stock(&before);
	for (i = 0; i < WRITERS + READERS; i++) {
		seeds[i] = draw(&state);
		errno = pthread_create(&threads[i], NULL, i < WRITERS ? keep_writing : keep_reading,
				       &seeds[i]);
		if (errno)
			fail("pthread_create");
	}
	refused = load_and_unload(&state, module, loads);
	atomic_store(&stop, true);
	for (i = 0; i < WRITERS + READERS; i++)
		pthread_join(threads[i], NULL);
	printf("%lu loads, %lu refused, %lu writes, %lu reads\n", loads, refused,
	       atomic_load(&writes), atomic_load(&reads));
	take_stock(&after);
	compare(&before, &after, loads);
	return 0;
}
