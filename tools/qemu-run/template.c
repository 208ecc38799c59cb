// SPDX-License-Identifier: GPL-2.0
/*
 * A template is a directory of files, and its name is made of what was asked for:
 *
 *   key         what was asked for; the blocks that memory had, and whether QEMU restores
 *               the state by file:; the files that it was made of
 *   memory      the guest's; mapped privately by each run
 *   state       of its devices
 *
 * If one of the files is another one now, the next run makes a template in its place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "boot.h"
#include "cache.h"
#include "initramfs.h"
#include "job.h"
#include "last_words.h"
#include "memory_file.h"
#include "snapshot.h"
#include "template.h"
#include "template_key.h"
#include "virtio.h"

#define SETTLE_NS (500 * 1000000ULL)
#define NO_TEMPLATE "no template with this --qemu (%s): booting cold"

static int open_in(const char *directory, const char *name, int flags)
{
	char *path = print("%s/%s", directory, name);
	int file = open(path, flags | O_CLOEXEC, 0600);

	free(path);
	return file;
}

/* find() - looks at the template at @directory, if it is what @key asks for. */
static bool find(const char *directory, const char *key, struct template *template)
{
	char *path = print("%s/key", directory), *made = cache_answer(path, key);
	bool good = made && sscanf(made, "%" SCNu64 " %d", &template->blocks,
				   &template->by_file) == 2;

	/* The least recently used one goes first. */
	if (good)
		utimensat(AT_FDCWD, path, NULL, 0);
	free(made);
	free(path);
	return good;
}

/* open_existing() - the template at @directory, if it is what @key asks for. */
static bool open_existing(const char *directory, const char *key, struct template *template)
{
	/* All its files are of one, even if another run makes a new one meanwhile. */
	int pinned = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *place = print("/proc/self/fd/%d", pinned);
	bool good = pinned >= 0 && find(place, key, template);

	template->memory = good ? open_in(place, "memory", O_RDWR) : -1;
	template->state = good ? open_in(place, "state", O_RDONLY) : -1;
	free(place);
	close_fd(&pinned);
	if (template->memory >= 0 && template->state >= 0)
		return true;
	close_fd(&template->memory);
	close_fd(&template->state);
	return false;
}

/* preload() - the modules that this template keeps */
static int preload(struct session *session)
{
	const struct options *options = session->setup->options;
	const struct job_writer writer = {
		.emit = session_emit,
		.context = session,
		.signals = session->signals,
		.error = session->error,
	};

	if (!options->preload || !options->module_count)
		return 0;
	if (job_modules(session->setup, &writer)) {
		if (session->killed)
			last_words(session);
		return -1;
	}
	/* The guest says hello again when it has loaded them. */
	session->facts.hello = false;
	channel_queue(&session->machine.channel, FRAME_HOLD, NULL, 0);
	return boot_wait(session, "load the modules");
}

/* settle() - lets deferred boot work finish, or every clone repeats it. */
static int settle(struct session *session)
{
	uint64_t end = now_ns() + SETTLE_NS;

	while (now_ns() < end)
		if (session_step(session, end))
			return -1;
	return 0;
}

/* struct making - a template that is being made */
struct making {
	const struct setup *setup;
	struct signals *signals;
	struct error *error;
	const char *directory;
	struct text files;
	int memory;
	int state;
	struct session *session;
};

static int open_files(struct making *making, off_t size)
{
	struct statfs room;

	making->memory = open_in(making->directory, "memory", O_RDWR | O_CREAT | O_EXCL);
	/* QEMU looks for one that can be written and not read. */
	making->state = open_in(making->directory, "state", O_WRONLY | O_CREAT | O_EXCL);
	if (making->memory < 0 || making->state < 0 || ftruncate(making->memory, size))
		return error_add(making->error, "%s: %s", making->directory, strerror(errno));
	/*
	 * A page that finds no room on disk is a SIGBUS for QEMU: better to hear
	 * of it before. A booted guest has touched less than this.
	 */
	if (!fstatfs(making->memory, &room) &&
	    (unsigned long long)room.f_bavail * room.f_bsize < 256ULL << 20)
		return error_add(making->error, "%s: less than 256 MiB free: make room, set XDG_CACHE_HOME to a place with more, or use --cold",
				 making->directory);
	return 0;
}

/* boot_and_save() - boots the guest and saves it; as snapshot_save(). */
static int boot_and_save(struct making *making)
{
	struct boot boot = {
		.memory = making->memory,
		.shared = true,
		.state = -1,
	};
	struct session *session;

	boot.initramfs = initramfs_make(making->setup, false, making->signals, making->error);
	if (boot.initramfs < 0)
		return -1;
	session = session_start(making->setup, &boot, making->signals, NULL, making->error);
	close(boot.initramfs);
	making->session = session;
	if (!session || boot_init(session) || preload(session) || settle(session))
		return -1;
	return snapshot_save(session, making->state);
}

/* finish() - makes what QEMU wrote a template. */
static int finish(struct making *making, int by_file, const char *key)
{
	char *made, *path;
	int err;

	/* QEMU must not write any more. */
	session_free(making->session);
	making->session = NULL;
	err = memory_file_punch(making->memory);
	/* A key that survives a power failure must find its memory there. */
	if (!err && (fdatasync(making->memory) || fdatasync(making->state)))
		err = -errno;
	made = print("%" PRIu64 " %d", memory_file_blocks(making->memory), by_file);
	path = print("%s/key", making->directory);
	if (!err)
		err = cache_note(path, key, made, making->files.data);
	free(path);
	free(made);
	return err ? error_add(making->error, "%s: %s", making->directory, strerror(-err)) : 0;
}

/* make() - fills an empty directory with a template. */
static int make(const struct setup *setup, const char *directory, const char *key,
		struct signals *signals, struct session **failed, struct error *error)
{
	off_t size = (off_t)setup->options->memory_mb << 20;
	struct making making = {
		.setup = setup,
		.signals = signals,
		.error = error,
		.directory = directory,
		.memory = -1,
		.state = -1,
	};
	int by_file = -1, err;

	/* First: what changes from here on makes the template an old one. */
	err = template_files(setup, &making.files, signals, error);
	if (!err)
		err = open_files(&making, size);
	if (!err)
		by_file = boot_and_save(&making);
	if (!err)
		err = by_file < 0 ? -1 : finish(&making, by_file, key);
	*failed = making.session;
	text_free(&making.files);
	close_fd(&making.memory);
	close_fd(&making.state);
	return err;
}

/* announce() - on a terminal, says what takes so long */
static void announce(const struct options *options, char *line)
{
	if (isatty(STDERR_FILENO) && !options->verbose)
		write_patiently(STDERR_FILENO, line, strlen(line));
	free(line);
}

/* build() - makes a template beside its place and moves it there. */
static int build(const struct setup *setup, const char *directory, const char *key,
		 struct signals *signals, struct session **failed, struct error *error)
{
	char *new = print("%s.new", directory);
	uint64_t begin = now_ns();
	int err;

	/* What killed runs left behind, one for this template too: its lock is ours. */
	cache_sweep(&setup->places);
	cache_remove(new);
	if (mkdir(new, 0700)) {
		err = error_add(error, "%s: %s", new, strerror(errno));
		free(new);
		return err;
	}
	announce(setup->options, print("qemu-run: booting %s once, to keep as a template...",
				       setup->kernel.release));
	err = make(setup, new, key, signals, failed, error);
	if (!err) {
		cache_remove(directory);
		if (rename(new, directory))
			err = error_add(error, "%s: %s", directory, strerror(errno));
	}
	if (err)
		cache_remove(new);
	else
		cache_evict(&setup->places, directory);
	announce(setup->options, err ? copy(" failed\n") :
				       print(" %.1f s, %lld MiB\n", (now_ns() - begin) / 1e9,
					     cache_size(directory) >> 20));
	free(new);
	return err;
}

static bool lacks_virtio(const struct setup *setup)
{
	char *missing = virtio_missing(setup);
	bool lacks = missing;

	free(missing);
	return lacks;
}

/* refused_before() - whether QEMU made no template of this in an earlier run; says so */
static bool refused_before(const struct setup *setup, const char *key)
{
	char *why = cache_recall(setup->places.cache, "refusal", key);
	bool refused = why;

	if (refused)
		say(NO_TEMPLATE, why);
	free(why);
	return refused;
}

/*
 * clashes() - whether a template failed by the user's --qemu: says so, and forgets it
 *
 * QEMU does not start, or does not save its guest: a device may have no state to save. It
 * takes a boot to find that out, so that it is kept.
 */
static bool clashes(const struct setup *setup, const char *key, struct session **failed,
		    struct error *error)
{
	const struct machine *machine = &(*failed)->machine;
	bool saving = (*failed)->facts.hello;
	const char *text = saving ? error_first(error) : machine->messages.data;
	char *why;
	struct text files = { 0 };

	if (!setup->options->qemu.count || !text || (*failed)->facts.refused ||
	    (!saving && (!machine->ended || machine->console.text.length)))
		return false;
	why = print("%.*s", (int)strcspn(text, "\n"), text);
	say(NO_TEMPLATE, why);
	if (saving) {
		template_machine(setup, &files);
		cache_keep(setup->places.cache, "refusal", key, why, files.data);
		text_free(&files);
	}
	free(why);
	error_free(error);
	return true;
}

/* open_locked() - as template_open(), with the lock of the template held */
static int open_locked(struct template *template, const struct setup *setup,
		       const char *directory, const char *key, struct signals *signals,
		       struct session **failed, struct error *error)
{
	char *missing = NULL;

	/* The run that had the lock before may have made it, or found out. */
	if (open_existing(directory, key, template))
		return 1;
	if (lacks_virtio(setup))
		return 0;
	if (!build(setup, directory, key, signals, failed, error))
		return open_existing(directory, key, template) ? 1 : 0;
	if (!*failed || signals->interrupted)
		return -1;
	if ((*failed)->machine.ended)
		missing = virtio_missing_said(*failed);
	if (missing)
		virtio_missing_keep(setup, missing);
	else if (!clashes(setup, key, failed, error))
		return -1;
	free(missing);
	session_free(*failed);
	*failed = NULL;
	return 0;
}

int template_open(struct template *template, const struct setup *setup,
		  struct signals *signals, struct session **failed, struct error *error)
{
	char *key, *directory, *path;
	int lock, result = 0;

	*failed = NULL;
	if (!setup->places.cache) {
		say("no place for templates (XDG_CACHE_HOME, HOME and TMPDIR cannot be written): booting cold");
		return 0;
	}
	key = template_key(setup);
	directory = cache_directory(&setup->places, key);
	if (open_existing(directory, key, template)) {
		result = 1;
	} else if (!lacks_virtio(setup) && !refused_before(setup, key)) {
		path = print("%s/templates", setup->places.cache);
		make_directories(path);
		free(path);
		path = print("%s.lock", directory);
		lock = cache_lock(path, signals);
		if (lock >= 0) {
			result = open_locked(template, setup, directory, key, signals, failed,
					     error);
			/* A lock of nothing is litter. */
			if (result != 1)
				unlink(path);
			close(lock);
		} else if (signals->interrupted) {
			result = -1;
		} else {
			say("%s: %s: booting cold", path, strerror(errno));
		}
		free(path);
	}
	free(directory);
	free(key);
	return result;
}

void template_close(struct template *template)
{
	memory_file_shrink(template->memory, template->blocks);
	close(template->memory);
	close(template->state);
}

void template_discard(const struct setup *setup)
{
	char *key = template_key(setup), *directory = cache_directory(&setup->places, key);

	(void)cache_drop(directory);
	free(directory);
	free(key);
}
