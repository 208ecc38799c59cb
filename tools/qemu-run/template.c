// SPDX-License-Identifier: GPL-2.0
/*
 * Templates: a guest booted once, its memory and its devices' state in files.
 *
 *   CACHE/templates/KEY/key     what it was made of, compared whole
 *   CACHE/templates/KEY/memory  mapped privately by each run
 *   CACHE/templates/KEY/state   what QEMU restores by fd:, or else
 *   CACHE/templates/KEY/state.file   by file:
 *   CACHE/templates/KEY/initramfs  what it was booted with, for --cold
 *   CACHE/templates/KEY.lock    held while one makes it and others wait
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "run.h"

/* How long a guest may be silent while it boots. */
#define BOOT_SILENCE_NS (60 * 1000000000ULL)
#define SETTLE_NS	(500 * 1000000ULL)
#define KEY_MAX		(1 << 20)
#define CHUNK		(64 * 1024)
/* In all, unless QEMU_RUN_CACHE_MIB says otherwise. */
#define CACHE_MIB	2048

/* sum_of_tree() - changes when any file below @path does. */
static uint64_t sum_of_tree(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	uint64_t sum = 0;
	char *line;

	line = identity(path);
	if (directory) {
		while ((entry = readdir(directory))) {
			char *child;

			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			child = print("%s/%s", path, entry->d_name);
			/* A sum, since a directory has no order. */
			sum += sum_of_tree(child);
			free(child);
		}
		closedir(directory);
	} else {
		sum = hash(line);
	}
	free(line);
	return sum;
}

static void add_file(struct text *key, const char *what, const char *path)
{
	char *line = identity(path);

	text_print(key, "%s %s\n", what, line);
	free(line);
}

/* Where the distributions have the one that scripts/initramfs packs. */
static const char *const busyboxes[] = {
	"/bin/busybox", "/usr/sbin/busybox", "/usr/bin/busybox-static", "/bin/busybox.static",
};

static char *make_key(struct run *run)
{
	const struct options *options = &run->options;
	struct text key = { 0 };
	char *path;
	size_t i;

	text_print(&key, "qemu-run %d\n", PROTOCOL_VERSION);
	add_file(&key, "kernel", run->kernel.image);
	path = print("%s/modules/modules.dep", run->kernel.directory);
	add_file(&key, "modules", path);
	free(path);
	if (run->kernel.driver)
		add_file(&key, "driver", run->kernel.driver);
	add_file(&key, "init", run->places.init);
	add_file(&key, "qemu", run->places.qemu);
	for (i = 0; i < sizeof(busyboxes) / sizeof(*busyboxes); i++)
		add_file(&key, "busybox", busyboxes[i]);
	path = print("%s/scripts/initramfs", run->places.top);
	add_file(&key, "packer", path);
	free(path);
	path = print("%s/rootfs", run->places.top);
	text_print(&key, "rootfs %s %016llx\n", path, (unsigned long long)sum_of_tree(path));
	free(path);
	text_print(&key, "machine %d\nmemory %u\ncpus %u\ndisks %zu\nnic %s\nappend %s\n",
		   options->machine, options->memory_mb, options->cpus,
		   options->disks.count, options->nic ? options->nic : "none",
		   options->append ? options->append : "");
	text_print(&key, "port %d\n", !options->no_port);
	for (i = 0; options->preload && i < options->modules.count; i++) {
		const char *module = options->modules.items[i];

		path = print("%.*s", (int)strcspn(module, ","), module);
		text_print(&key, "module %s\n", module);
		add_file(&key, "of", path);
		free(path);
	}
	for (i = 0; i < options->qemu.count; i++)
		text_print(&key, "qemu %s\n", options->qemu.items[i]);
	if (run->kvm) {
		/* The guest has seen this host's processor. */
		char *boot = read_file("/proc/sys/kernel/random/boot_id", 4096);

		text_print(&key, "kvm %s", boot ? boot : "\n");
		free(boot);
	}
	return key.data;
}

static char *directory_for(struct run *run, const char *key)
{
	return print("%s/templates/%016llx", run->places.cache, (unsigned long long)hash(key));
}

static int open_in(const char *directory, const char *name, int flags)
{
	char *path = print("%s/%s", directory, name);
	int file = open(path, flags | O_CLOEXEC, 0600);

	free(path);
	return file;
}

static int rename_in(const char *directory, const char *from, const char *to)
{
	char *old = print("%s/%s", directory, from), *new = print("%s/%s", directory, to);
	int err = rename(old, new) ? -errno : 0;

	free(old);
	free(new);
	return err;
}

/* open_existing() - the template at @directory, if it is the one of @key. */
static bool open_existing(const char *directory, const char *key, struct template *template)
{
	char *path = print("%s/key", directory);
	char *was = read_file(path, KEY_MAX);
	bool good = was && !strcmp(was, key);

	free(was);
	if (good) {
		template->memory = open_in(directory, "memory", O_RDWR);
		template->state = open_in(directory, "state.file", O_RDONLY);
		template->by_file = template->state >= 0;
		if (!template->by_file)
			template->state = open_in(directory, "state", O_RDONLY);
		good = template->memory >= 0 && template->state >= 0;
		/* The least recently used one goes first. */
		if (good)
			utimensat(AT_FDCWD, path, NULL, 0);
		else if (template->memory >= 0)
			close(template->memory);
	}
	free(path);
	return good;
}

static void remove_tree(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *file = print("%s/%s", path, entry->d_name);

		/* There are no directories below. */
		unlink(file);
		free(file);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

/* try_lock() - the lock file at @path, if nobody holds it; -1 with errno. */
static int try_lock(const char *path)
{
	struct stat ours, there;
	int file, err;

	for (;;) {
		file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0)
			return -1;
		if (flock(file, LOCK_EX | LOCK_NB)) {
			err = errno;
			close(file);
			errno = err;
			return -1;
		}
		/* Whoever held it may have removed it: then this one locks nothing. */
		if (!fstat(file, &ours) && !stat(path, &there) && ours.st_ino == there.st_ino &&
		    ours.st_dev == there.st_dev)
			return file;
		close(file);
	}
}

/*
 * sweep() - removes what is of no use: what a run that was killed did not finish,
 * or all of it. Who makes a template holds its lock, and loses it when killed.
 */
static void sweep(struct run *run, bool all)
{
	char *parent = print("%s/templates", run->places.cache), *path, *base, *lock;
	DIR *directory = opendir(parent);
	struct dirent *entry;
	int file;

	while (directory && (entry = readdir(directory))) {
		const char *ending = strchr(entry->d_name, '.');

		if (ending == entry->d_name || (!all && (!ending || strcmp(ending, ".new"))))
			continue;
		base = print("%s/%.*s", parent, (int)strcspn(entry->d_name, "."), entry->d_name);
		path = print("%s/%s", parent, entry->d_name);
		lock = print("%s.lock", base);
		file = try_lock(lock);
		if (file >= 0) {
			if (strcmp(path, lock))
				remove_tree(path);
			if (access(base, F_OK))
				unlink(lock);
			close(file);
		} else if (all && errno == EWOULDBLOCK && ending && !strcmp(ending, ".new")) {
			say("%s: left alone: another run is making it", path);
		}
		free(lock);
		free(path);
		free(base);
	}
	if (directory)
		closedir(directory);
	free(parent);
}

static long long size_of(const char *directory)
{
	char *path = print("%s/memory", directory);
	struct stat st;
	long long size = stat(path, &st) ? 0 : (long long)st.st_blocks * 512;

	free(path);
	return size;
}

/* evict() - removes the least recently used templates beyond the limit. */
static void evict(struct run *run, const char *keep)
{
	const char *text = getenv("QEMU_RUN_CACHE_MIB");
	long long limit = (text && atoll(text) > 0 ? atoll(text) : CACHE_MIB) << 20;
	char *parent = print("%s/templates", run->places.cache);

	for (;;) {
		DIR *directory = opendir(parent);
		struct timespec oldest = { 0 };
		struct dirent *entry;
		long long total = 0;
		char *victim = NULL;
		struct stat st;

		while (directory && (entry = readdir(directory))) {
			char *path, *key;

			if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
				continue;
			path = print("%s/%s", parent, entry->d_name);
			key = print("%s/key", path);
			total += size_of(path);
			if (strcmp(path, keep) && !stat(key, &st) &&
			    (!victim || st.st_mtim.tv_sec < oldest.tv_sec ||
			     (st.st_mtim.tv_sec == oldest.tv_sec &&
			      st.st_mtim.tv_nsec < oldest.tv_nsec))) {
				free(victim);
				victim = copy(path);
				oldest = st.st_mtim;
			}
			free(key);
			free(path);
		}
		if (directory)
			closedir(directory);
		if (total <= limit || !victim) {
			free(victim);
			break;
		}
		/* A run that has it open goes on undisturbed. */
		remove_tree(victim);
		free(victim);
	}
	free(parent);
}

int boot_wait(struct run *run, const char *to)
{
	uint64_t silent_since = now_ns();
	size_t heard = 0;

	while (!run->hello) {
		if (pump(run, silent_since + BOOT_SILENCE_NS)) {
			if (!lack_heard(run))
				outcome_decide(run);
			return -1;
		}
		if (run->console.length != heard) {
			heard = run->console.length;
			silent_since = now_ns();
		}
		if (now_ns() - silent_since >= BOOT_SILENCE_NS) {
			run->killed = true;
			last_words(run);
			fail(run, "kernel %s did not %s: silent for %llu s",
			     run->kernel.release, to, BOOT_SILENCE_NS / 1000000000);
			outcome_decide(run);
			return -1;
		}
	}
	return 0;
}

/*
 * start_saving() - tells QEMU where to write the devices' state
 *
 * By file:, which QEMU 8.2 learned, or else by fd:, which must be no file from 11.1 on:
 * QEMU refuses what it does not know.
 *
 * Return: 1 by file:, 0 by fd:, -1 on an error, having said why.
 */
static int start_saving(struct run *run, int state)
{
	int refused;

	if (qmp_command(run, "{\"execute\":\"add-fd\",\"arguments\":{\"fdset-id\":1}}\n",
			state, NULL))
		return -1;
	refused = qmp_try(run, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"" FILE_URI "\"}}\n");
	if (refused <= 0)
		return refused ? -1 : 1;
	if (qmp_command(run, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}\n",
			state, NULL) ||
	    qmp_command(run, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}\n",
			-1, NULL))
		return -1;
	return 0;
}

/*
 * save() - has QEMU stop the guest and write its devices' state. It runs until
 * then: one that is stopped first is restored stopped.
 *
 * Return: as start_saving().
 */
static int save(struct run *run, int state)
{
	struct text reply = { 0 };
	int err, by_file;

	if (qmp_command(run, "{\"execute\":\"qmp_capabilities\"}\n", -1, NULL) ||
	    qmp_command(run,
			"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
			"[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}\n", -1, NULL))
		return -1;
	by_file = start_saving(run, state);
	if (by_file < 0)
		return -1;
	for (;;) {
		reply.length = 0;
		err = qmp_command(run, "{\"execute\":\"query-migrate\"}\n", -1, &reply);
		if (err || strstr(reply.data, "\"completed\""))
			break;
		if (strstr(reply.data, "\"failed\"") || strstr(reply.data, "\"cancelled\"")) {
			err = fail(run, "QEMU cannot save the guest: %s", reply.data);
			break;
		}
		poll(NULL, 0, 2);
	}
	text_free(&reply);
	return err ? -1 : by_file;
}

/* punch_zeroes() - pages of zeroes need no room on disk. */
static int punch_zeroes(int file, off_t size)
{
	static const char zeroes[CHUNK];
	static char part[CHUNK];
	off_t at, data;

	for (at = 0; at < size; at += CHUNK) {
		data = lseek(file, at, SEEK_DATA);
		if (data < 0)
			break;
		at = data / CHUNK * CHUNK;
		if (pread(file, part, CHUNK, at) != CHUNK)
			return -errno;
		if (!memcmp(part, zeroes, CHUNK) &&
		    fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, CHUNK))
			return errno == EOPNOTSUPP ? 0 : -errno;
	}
	return 0;
}

/* preload() - the modules that this template keeps */
static int preload(struct run *run)
{
	if (!run->options.preload || !run->options.modules.count)
		return 0;
	if (job_preload(run)) {
		if (run->vm.ended)
			outcome_decide(run);
		return -1;
	}
	return boot_wait(run, "load the modules");
}

/* settle() - what a boot left to do, each clone would do again. */
static int settle(struct run *run)
{
	uint64_t end = now_ns() + SETTLE_NS;

	while (now_ns() < end)
		if (pump(run, end)) {
			outcome_decide(run);
			return -1;
		}
	return 0;
}

static int fill(struct run *run, const char *directory, const char *key)
{
	off_t size = (off_t)run->options.memory_mb << 20;
	struct boot boot = { .shared = true, .state = -1, .memory = -1, .initramfs = -1 };
	int state, file, by_file, err = -1;
	struct statfs room;

	boot.initramfs = open_in(directory, "initramfs", O_RDWR | O_CREAT | O_EXCL);
	boot.memory = open_in(directory, "memory", O_RDWR | O_CREAT | O_EXCL);
	/* QEMU looks for one that can be written and not read. */
	state = open_in(directory, "state", O_WRONLY | O_CREAT | O_EXCL);
	if (boot.initramfs < 0 || boot.memory < 0 || state < 0 || ftruncate(boot.memory, size)) {
		fail(run, "%s: %s", directory, strerror(errno));
		goto out;
	}
	/*
	 * A page that finds no room on disk is a SIGBUS for QEMU: better to hear
	 * of it before. A booted guest has touched less than this.
	 */
	if (!fstatfs(boot.memory, &room) &&
	    (unsigned long long)room.f_bavail * room.f_bsize < 256ULL << 20) {
		fail(run, "%s: less than 256 MiB free: make room, set XDG_CACHE_HOME to a place with more, or use --cold",
		     directory);
		goto out;
	}
	if (initramfs_make(run, boot.initramfs) || qemu_start(run, &boot))
		goto out;
	if (boot_wait(run, "reach init") || preload(run) || settle(run))
		goto out_vm;
	by_file = save(run, state);
	if (by_file < 0)
		goto out_vm;
	qemu_reset(run);
	err = punch_zeroes(boot.memory, size);
	/* A key that survives a power failure must find its memory there. */
	if (!err && (fdatasync(boot.memory) || fdatasync(state)))
		err = -errno;
	if (!err && by_file)
		err = rename_in(directory, "state", "state.file");
	file = err ? -1 : open_in(directory, "key", O_WRONLY | O_CREAT | O_EXCL);
	if (!err && file < 0)
		err = -errno;
	if (!err)
		err = write_all(file, key, strlen(key));
	if (file >= 0 && close(file) && !err)
		err = -errno;
	if (err)
		err = fail(run, "%s: %s", directory, strerror(-err));
out_vm:
	qemu_reset(run);
out:
	if (boot.memory >= 0)
		close(boot.memory);
	if (state >= 0)
		close(state);
	if (boot.initramfs >= 0)
		close(boot.initramfs);
	return err;
}

/* lock() - waits for whoever else makes this template. */
static int lock(struct run *run, const char *path)
{
	int file;

	while ((file = try_lock(path)) < 0) {
		struct pollfd event = { .fd = run->signals, .events = POLLIN };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (poll(&event, 1, 20) > 0 && signals_pending(run))
			return -1;
	}
	return file;
}

static int build(struct run *run, const char *directory, const char *key)
{
	char *new = print("%s.new", directory);
	bool show = isatty(STDERR_FILENO) && !run->options.verbose;
	uint64_t begin = now_ns();
	char *line;
	int err;

	/* What one that was killed left behind, this one among them: its lock is ours. */
	sweep(run, false);
	remove_tree(new);
	if (mkdir(new, 0700)) {
		err = fail(run, "%s: %s", new, strerror(errno));
		free(new);
		return err;
	}
	if (show) {
		line = print("qemu-run: booting %s once, to keep as a template...",
			     run->kernel.release);
		write_all(STDERR_FILENO, line, strlen(line));
		free(line);
	}
	err = fill(run, new, key);
	if (!err) {
		remove_tree(directory);
		if (rename(new, directory))
			err = fail(run, "%s: %s", directory, strerror(errno));
	}
	if (err)
		remove_tree(new);
	else
		evict(run, directory);
	if (show) {
		line = err ? copy(" failed\n") :
			     print(" %.1f s, %lld MiB\n", (now_ns() - begin) / 1e9,
				   size_of(directory) >> 20);
		write_all(STDERR_FILENO, line, strlen(line));
		free(line);
	}
	free(new);
	return err;
}

int template_open(struct run *run, struct template *template)
{
	char *key, *directory, *path;
	int file, result = 0;

	if (!run->places.cache) {
		say("no place for templates (XDG_CACHE_HOME, HOME and TMPDIR cannot be written): booting cold");
		return 0;
	}
	key = make_key(run);
	directory = directory_for(run, key);
	if (open_existing(directory, key, template)) {
		result = 1;
		goto out;
	}
	lack_find(run);
	if (run->lack)
		goto out;
	path = print("%s/templates", run->places.cache);
	make_directories(path);
	free(path);
	path = print("%s.lock", directory);
	file = lock(run, path);
	if (file < 0) {
		if (!run->interrupted)
			say("%s: %s: booting cold", path, strerror(errno));
		result = run->interrupted ? -1 : 0;
	} else {
		/* Whoever had the lock before may have found out. */
		lack_find(run);
		if (open_existing(directory, key, template))
			result = 1;
		else if (run->lack)
			result = 0;
		else if (build(run, directory, key))
			result = run->lack ? 0 : -1;
		else
			result = open_existing(directory, key, template) ? 1 : 0;
		/* A lock of nothing is litter. */
		if (result != 1)
			unlink(path);
		close(file);
	}
	free(path);
out:
	free(directory);
	free(key);
	return result;
}

int template_initramfs(struct run *run)
{
	char *key, *directory, *path, *was;
	int file = -1;

	if (!run->places.cache)
		return -1;
	key = make_key(run);
	directory = directory_for(run, key);
	path = print("%s/key", directory);
	was = read_file(path, KEY_MAX);
	if (was && !strcmp(was, key))
		file = open_in(directory, "initramfs", O_RDONLY);
	free(was);
	free(path);
	free(directory);
	free(key);
	return file;
}

void template_discard(struct run *run)
{
	char *key = make_key(run), *directory = directory_for(run, key);

	remove_tree(directory);
	free(directory);
	free(key);
}

/* remove_files() - the files in a directory of the cache's: all, or half-written ones. */
static void remove_files(struct run *run, const char *name, bool all)
{
	char *parent = print("%s/%s", run->places.cache, name);
	DIR *directory = opendir(parent);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *path = print("%s/%s", parent, entry->d_name);

		if (entry->d_name[0] != '.' && (all || strchr(entry->d_name, '.')))
			unlink(path);
		free(path);
	}
	if (directory)
		closedir(directory);
	free(parent);
}

int template_clean(struct run *run)
{
	if (!run->places.cache)
		return 0;
	sweep(run, true);
	remove_files(run, "lacks", true);
	remove_files(run, "kernels", false);
	return 0;
}
