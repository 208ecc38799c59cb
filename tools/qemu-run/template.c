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
#include "modules.h"
#include "snapshot.h"
#include "template.h"
#include "template_key.h"

#define SETTLE_NS (500 * 1000000ULL)
#define NO_TEMPLATE "no template with this --qemu (%s): booting cold"

/* place_of() - where the template of @key is, or would be; to be freed */
static char *place_of(const struct setup *setup, const char *key)
{
	return print("%s/templates/%016llx", setup->places.cache, (unsigned long long)hash(key));
}

static int open_in(const char *directory, const char *name, int flags)
{
	char *path = print("%s/%s", directory, name);
	int file = open(path, flags | O_CLOEXEC, 0600);

	free(path);
	return file;
}

/* open_existing() - the template at @directory, if it is what @key asks for. */
static bool open_existing(const char *directory, const char *key, struct template *template)
{
	/* All its files are of one, even if another run makes a new one meanwhile. */
	int pinned = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *place = print("/proc/self/fd/%d", pinned), *path = print("%s/key", place);
	char *made = cache_answer(path, key);
	bool good = made && sscanf(made, "%lld %d", &template->blocks,
				   &template->by_file) == 2;

	template->memory = good ? open_in(place, "memory", O_RDWR) : -1;
	template->state = good ? open_in(place, "state", O_RDONLY) : -1;
	good = template->memory >= 0 && template->state >= 0;
	if (good) {
		/* The least recently used one goes first. */
		utimensat(AT_FDCWD, path, NULL, 0);
	} else {
		close_fd(&template->memory);
		close_fd(&template->state);
	}
	free(made);
	free(path);
	free(place);
	close_fd(&pinned);
	return good;
}

/* preload() - the modules that this template keeps */
static int preload(struct session *session)
{
	const struct options *options = session->setup->options;
	const struct job_writer writer = {
		.emit = session_emit,
		.context = session,
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

/* create_files() - the files of a template to be made */
static int create_files(const struct setup *setup, const char *directory,
			struct template *template)
{
	off_t size = (off_t)setup->options->memory_mb << 20;
	struct statfs room;

	template->memory = open_in(directory, "memory", O_RDWR | O_CREAT | O_EXCL);
	/* QEMU looks for one that can be written and not read. */
	template->state = open_in(directory, "state", O_WRONLY | O_CREAT | O_EXCL);
	if (template->memory < 0 || template->state < 0 || ftruncate(template->memory, size))
		return error_add(setup->error, "%s: %s", directory, strerror(errno));
	/*
	 * A page that finds no room on disk is a SIGBUS for QEMU: better to hear
	 * of it before. A booted guest has touched less than this.
	 */
	if (!fstatfs(template->memory, &room) &&
	    (unsigned long long)room.f_bavail * room.f_bsize < 256ULL << 20)
		return error_add(setup->error, "%s: less than 256 MiB free: make room, set XDG_CACHE_HOME to a place with more, or use --cold",
				 directory);
	return 0;
}

/* boot_and_save() - boots the guest of @session and saves it in the template's files. */
static int boot_and_save(const struct setup *setup, struct template *template,
			 struct session **session)
{
	struct boot boot = {
		.memory = template->memory,
		.shared = true,
		.state = -1,
	};

	boot.initramfs = initramfs_make(setup, false);
	if (boot.initramfs < 0)
		return -1;
	*session = session_start(setup, &boot, NULL);
	close(boot.initramfs);
	if (!*session || boot_init(*session) || preload(*session) || settle(*session))
		return -1;
	template->by_file = snapshot_save(*session, template->state);
	return template->by_file < 0 ? -1 : 0;
}

/* finish() - makes what QEMU wrote a template. */
static int finish(const struct setup *setup, const char *directory, const char *key,
		  const char *files, const struct template *template)
{
	int err = snapshot_punch(template->memory);
	struct stat st = { 0 };
	char *made, *path;

	/* A key that survives a power failure must find its memory there. */
	if (!err && (fdatasync(template->memory) || fdatasync(template->state) ||
		     fstat(template->memory, &st)))
		err = -errno;
	made = print("%lld %d", (long long)st.st_blocks, template->by_file);
	path = print("%s/key", directory);
	if (!err)
		err = cache_note(path, key, made, files);
	free(path);
	free(made);
	return err ? error_add(setup->error, "%s: %s", directory, strerror(-err)) : 0;
}

/* make() - fills an empty directory with a template. */
static int make(const struct setup *setup, const char *directory, const char *key,
		struct session **failed)
{
	struct template template = { .memory = -1, .state = -1 };
	struct text files = { 0 };
	/* First: what changes from here on makes the template an old one. */
	int err = template_files(setup, &files);

	if (!err)
		err = create_files(setup, directory, &template);
	if (!err)
		err = boot_and_save(setup, &template, failed);
	if (!err) {
		/* QEMU must not write any more. */
		session_free(*failed);
		*failed = NULL;
		err = finish(setup, directory, key, files.data, &template);
	}
	text_free(&files);
	close_fd(&template.memory);
	close_fd(&template.state);
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
		 struct session **failed)
{
	char *new = print("%s.new", directory);
	uint64_t begin = now_ns();
	int err;

	/* What killed runs left behind, one for this template too: its lock is ours. */
	(void)cache_clean(&setup->places, false, setup->error);
	cache_remove(new);
	if (mkdir(new, 0700)) {
		err = error_add(setup->error, "%s: %s", new, strerror(errno));
		free(new);
		return err;
	}
	announce(setup->options, print("qemu-run: booting %s once, to keep as a template...",
				       setup->kernel.release));
	err = make(setup, new, key, failed);
	if (!err) {
		cache_remove(directory);
		if (rename(new, directory))
			err = error_add(setup->error, "%s: %s", directory, strerror(errno));
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

char *virtio_missing(const struct setup *setup)
{
	bool microvm = setup->options->machine == MACHINE_MICROVM;
	const char *const needs[][2] = {
		{ microvm ? "virtio_mmio" : "virtio_pci",
		  microvm ? "CONFIG_VIRTIO_MMIO" : "CONFIG_VIRTIO_PCI" },
		{ "virtio_console", "CONFIG_VIRTIO_CONSOLE" },
	};
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		char lack = modules_lack(&setup->kernel, needs[i][0], needs[i][1]);

		if (lack)
			return print(lack == 'm' ? "the module %s (%s=m)" : "%s (%s)", needs[i][0],
				     needs[i][1]);
	}
	return template_recall(setup, "lacks");
}

/* is_hopeless() - whether there can be no template, as far as is known; may say so */
static bool is_hopeless(const struct setup *setup)
{
	char *missing = virtio_missing(setup);
	char *refusal = missing ? NULL : template_recall(setup, "refusal");
	bool hopeless = missing || refusal;

	if (refusal)
		say(NO_TEMPLATE, refusal);
	free(refusal);
	free(missing);
	return hopeless;
}

/*
 * clashes() - whether a template failed by the user's --qemu: says so, and forgets it
 *
 * QEMU does not start, or does not save its guest: a device may have no state to save. It
 * takes a boot to find that out, so that it is kept.
 */
static bool clashes(const struct setup *setup, const struct session *failed)
{
	const struct machine *machine = &failed->machine;
	bool saving = failed->facts.hello;
	const char *text = saving ? error_first(setup->error) : machine->messages.data;
	char *why;

	if (!setup->options->qemu.count || !text || failed->facts.refused ||
	    (!saving && (!machine->ended || machine->console.text.length)))
		return false;
	why = print("%.*s", (int)strcspn(text, "\n"), text);
	say(NO_TEMPLATE, why);
	if (saving)
		template_keep(setup, "refusal", why);
	free(why);
	error_free(setup->error);
	return true;
}

/* open_locked() - as template_open(), with the lock of the template held */
static int open_locked(struct template *template, const struct setup *setup,
		       const char *directory, const char *key, struct session **failed)
{
	char *missing = NULL;

	/* The run that had the lock before may have made it, or found out. */
	if (open_existing(directory, key, template))
		return 1;
	if (is_hopeless(setup))
		return 0;
	if (!build(setup, directory, key, failed))
		return open_existing(directory, key, template) ? 1 : 0;
	if (!*failed || setup->signals->interrupted)
		return -1;
	if ((*failed)->machine.ended)
		missing = virtio_missing_said(*failed);
	if (missing)
		template_keep(setup, "lacks", missing);
	else if (!clashes(setup, *failed))
		return -1;
	free(missing);
	session_free(*failed);
	*failed = NULL;
	return 0;
}

int template_open(struct template *template, const struct setup *setup,
		  struct session **failed)
{
	char *key, *directory, *path;
	int lock, result = 0;

	*failed = NULL;
	if (!setup->places.cache) {
		say("no place for templates (XDG_CACHE_HOME, HOME and TMPDIR cannot be written): booting cold");
		return 0;
	}
	key = template_key(setup);
	directory = place_of(setup, key);
	if (open_existing(directory, key, template)) {
		result = 1;
	} else if (!is_hopeless(setup)) {
		path = print("%s/templates", setup->places.cache);
		make_directories(path);
		free(path);
		path = print("%s.lock", directory);
		lock = cache_lock(path, setup->signals);
		if (lock >= 0) {
			result = open_locked(template, setup, directory, key, failed);
			/* A lock of nothing is litter. */
			if (result != 1)
				unlink(path);
			close(lock);
		} else if (setup->signals->interrupted) {
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
	snapshot_shrink(template->memory, template->blocks);
	close(template->memory);
	close(template->state);
}

void template_discard(const struct setup *setup)
{
	char *key = template_key(setup), *directory = place_of(setup, key);

	(void)cache_drop(directory);
	free(directory);
	free(key);
}
