// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "host_root.h"
#include "job.h"
#include "modules.h"
#include "streams.h"
#include "wire/user.h"

/* More of it would not fit a frame. */
#define HOSTS_MAX (16 * 1024)

static int put(const struct job_writer *writer, uint32_t type, const void *data, size_t length)
{
	/* The command line was checked: this came from a file, or from the environment. */
	if (length > FRAME_MAX)
		return error_add(writer->error, "%.40s...: longer than %d bytes",
				 (const char *)data, (int)FRAME_MAX);
	return writer->emit(writer->context, type, data, length) ? -1 : 0;
}

static int put_words(const struct job_writer *writer, uint32_t type, const struct list *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		if (put(writer, type, words->items[i], strlen(words->items[i])))
			return -1;
	return 0;
}

static int put_variable(const struct job_writer *writer, const char *name, const char *value)
{
	char *text = print("%s=%s", name, value);
	int err = put(writer, FRAME_VARIABLE, text, strlen(text));

	free(text);
	return err;
}

/* access_in() - access(2) for a path in a root; returns 0 or a negative errno */
static int access_in(const char *root, const char *path, int mode)
{
	char *whole = print("%s%s", root, path);
	int err = access(whole, mode) ? -errno : 0;

	free(whole);
	return err;
}

static int put_files(const struct options *options, const struct job_writer *writer)
{
	static struct tree_left_out left_out;
	size_t i;

	if (!options->file_count)
		return 0;
	for (i = 0; i < options->file_count; i++) {
		const struct file_option *file = &options->files[i];
		int err = tree_send(file->path, file->name, 0, writer->emit, writer->context,
				    &left_out);

		if (err == -ECONNRESET)
			return -1;
		if (err)
			return error_add(writer->error, "-f %s: %s", file->path,
					 err == -EINVAL ? "neither a file nor a directory" :
							  strerror(-err));
		if (left_out.count)
			say("-f %s: left out, since no files: %u, such as %s", file->path,
			    left_out.count, left_out.first);
	}
	return put(writer, FRAME_END, NULL, 0);
}

static int put_image(const struct module *module, const struct text *image,
		     const struct job_writer *writer)
{
	struct text head = { 0 };
	size_t at, part;
	int err;

	text_add(&head, module->parameters, strlen(module->parameters) + 1);
	text_add(&head, module->path, strlen(module->path));
	if (head.length > 4096) {
		text_free(&head);
		return error_add(writer->error, "-m %s: parameters longer than 4096 bytes",
				 module->path);
	}
	err = put(writer, module->soft ? FRAME_SOFT_MODULE : FRAME_MODULE, head.data,
		  head.length);
	text_free(&head);
	for (at = 0; at < image->length && !err; at += part) {
		part = image->length - at < FRAME_MAX ? image->length - at : FRAME_MAX;
		err = put(writer, FRAME_DATA, image->data + at, part);
	}
	return err ? -1 : put(writer, FRAME_END, NULL, 0);
}

static int put_module(const struct setup *setup, const struct module_option *wanted,
		      const struct job_writer *writer)
{
	struct modules modules = { 0 };
	int err = modules_add(&modules, setup, wanted);
	size_t i;

	for (i = 0; i < modules.count && !err; i++) {
		struct text image = { 0 };

		err = module_read(setup, modules.items[i].path, &image);
		if (!err)
			err = put_image(&modules.items[i], &image, writer);
		text_free(&image);
	}
	modules_free(&modules);
	return err;
}

int job_modules(const struct setup *setup, const struct job_writer *writer)
{
	size_t i;

	for (i = 0; i < setup->options->module_count; i++)
		if (put_module(setup, &setup->options->modules[i], writer))
			return -1;
	return 0;
}

/* Which disks hold something at their beginning that a template's did not. */
static int put_disks(const struct options *options, const struct job_writer *writer)
{
	uint8_t *begun = must(calloc(options->disk_count + 1, 1));
	size_t i;
	int err;

	for (i = 0; i < options->disk_count; i++)
		begun[i] = options->disks[i].image.qcow2 || options->disks[i].image.begun;
	err = options->disk_count ? put(writer, FRAME_DISKS, begun, options->disk_count) : 0;
	free(begun);
	return err;
}

/* What a login would set. The command line's own variables come later, and stand. */
static int put_environment(const struct options *options, const struct job_writer *writer,
			   const struct user_entry *user)
{
	return put_variable(writer, "PATH",
			    host_root_is_nixos(options) ? LOGIN_PATH ":" NIXOS_BIN : LOGIN_PATH) ||
	       put_variable(writer, "HOME", user->home) ||
	       put_variable(writer, "LANG", "C.UTF-8") ||
	       (*user->name && (put_variable(writer, "USER", user->name) ||
				put_variable(writer, "LOGNAME", user->name) ||
				put_variable(writer, "SHELL", user->shell)));
}

/* Root of the guest acts for this user: git takes a checkout of the user's for its own. */
static int put_sudo_uid(const struct job_writer *writer)
{
	char *uid = print("%u", getuid());
	int err = put_variable(writer, "SUDO_UID", uid);

	free(uid);
	return err;
}

static int put_user(const struct options *options, const struct user_entry *entry,
		    const struct job_writer *writer)
{
	if (options->root ? put_environment(options, writer, entry) :
			    put_variable(writer, "HOME", entry->home))
		return -1;
	if (!options->user)
		return options->root && getuid() ? put_sudo_uid(writer) : 0;
	return put(writer, FRAME_USER, &entry->ids,
		   offsetof(struct user, groups) + entry->group_count * sizeof(uint32_t));
}

/* Who runs the command, and where: with a root of the host's, where the user stands. */
static int put_person(const struct options *options, const struct job_writer *writer)
{
	const char *user = options->user ? options->user : "0", *why;
	struct user_entry entry;
	char *directory;
	int err;

	/* Only the guest can read the image's lists. */
	if (options->image)
		return put(writer, FRAME_LOGIN, options->user,
			   options->user ? strlen(options->user) : 0);
	why = user_find(&entry, options->root, user);
	if (why)
		return error_add(writer->error, "--user %s: %s", user, why);
	err = put_user(options, &entry, writer);
	if (err || !options->root)
		return err;
	directory = host_root_start(options);
	/* Or in the user's home directory, if the root has it. */
	if (!directory)
		directory = copy(access_in(options->root, entry.home, X_OK) ? "/" : entry.home);
	err = put(writer, FRAME_DIRECTORY, directory, strlen(directory));
	free(directory);
	return err;
}

/*
 * modules_place() - where modprobe looks for the kernel's modules in a root
 *
 * Return: a path in the guest, to be freed; "" if the root has the modules there.
 */
static char *modules_place(const char *root, const char *release)
{
	char *lib = print("%s/lib", root), *place, *list;
	struct stat st;
	bool link = !lstat(lib, &st) && S_ISLNK(st.st_mode);

	place = print("%s/lib/modules/%s", link ? "/usr" : "", release);
	list = print("%s/modules.dep", place);
	if (!access_in(root, list, F_OK))
		*place = '\0';
	free(list);
	free(lib);
	return place;
}

/* hosts() - the name that this guest has, and the root's own /etc/hosts; to be freed */
static char *hosts(const char *root)
{
	char *directory = print("%s/etc", root), *path = print("%s/hosts", directory);
	char *own = read_file(path, HOSTS_MAX), *text;
	struct stat st;

	/* A link, as some systems have for /etc, is not to be covered by a directory. */
	if (lstat(directory, &st) || !S_ISDIR(st.st_mode))
		text = copy("");
	else
		text = print("127.0.1.1 " GUEST_NAME "\n%s",
			     own ? own : "127.0.0.1 localhost\n::1 localhost\n");
	free(own);
	free(path);
	free(directory);
	return text;
}

/* "r" or "w", and where */
static int put_share(const struct share_option *share, const struct job_writer *writer)
{
	char *text = print("%c%s", share->writable ? 'w' : 'r',
			   share->guest ? share->guest : share->host);
	int err = put(writer, FRAME_SHARE, text, strlen(text));

	free(text);
	return err;
}

static int put_root(const struct setup *setup, const struct job_writer *writer)
{
	const struct options *options = setup->options;
	const char *modules;
	struct text frame = { 0 };
	struct list shown = { 0 };
	char *real, *place, *names;
	size_t i;
	int err = 0;

	if (options->root) {
		real = realpath(setup->kernel.modules, NULL);
		modules = real ? path_below(options->root, real) : NULL;
		if (!modules || path_is_own(modules))
			modules = "";
		place = modules_place(options->root, setup->kernel.release);
		text_add(&frame, place, strlen(place) + 1);
		text_add(&frame, modules, strlen(modules) + 1);
		/* This user, for whom QEMU reads, cannot look into root's home there. */
		if (access_in(options->root, HOME, R_OK | X_OK) == -EACCES)
			text_add(&frame, HOME, strlen(HOME));
		text_add(&frame, "", 1);
		names = hosts(options->root);
		text_add(&frame, names, strlen(names) + 1);
		free(names);
		host_root_shown(options, &shown);
		for (i = 0; i < shown.count; i++)
			text_add(&frame, shown.items[i], strlen(shown.items[i]) + 1);
		list_free(&shown);
		err = put(writer, FRAME_ROOT, frame.data, frame.length);
		text_free(&frame);
		free(place);
		free(real);
		if (err)
			return err;
	}
	for (i = 0; i < options->share_count && !err; i++)
		err = put_share(&options->shares[i], writer);
	return err;
}

int job_head(struct job *job, const struct options *options, struct error *error)
{
	struct timespec now;
	size_t i;

	*job = (struct job){ .timeout_ms = options->timeout_ms };
	clock_gettime(CLOCK_REALTIME, &now);
	job->realtime_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (!options->no_stdin)
		job->flags |= streams_input_flags();
	/* What --qemu adds may be a disk. */
	if (options->disk_count || options->qemu.count)
		job->flags |= JOB_DISKS;
	for (i = 0; i < options->share_count; i++)
		if (options->shares[i].writable)
			job->flags |= JOB_DISKS;
	if (getrandom(job->seed, sizeof(job->seed), 0) != sizeof(job->seed))
		return error_add(error, "getrandom: %s", strerror(errno));
	if (options->terminal) {
		job->flags |= JOB_TERMINAL;
		if (!isatty(STDERR_FILENO))
			job->flags |= JOB_ERRORS_APART;
		job->window = terminal_window();
	}
	return 0;
}

int job_body(const struct setup *setup, bool modules_are_loaded,
	     const struct job_writer *writer)
{
	const struct options *options = setup->options;
	bool virtio_net = options->nic && !strcmp(options->nic, "virtio");
	const char *terminal = getenv("TERM");
	size_t i;

	if ((options->root || options->image || options->user) && put_person(options, writer))
		return -1;
	if ((options->terminal && put_variable(writer, "TERM", terminal ? terminal : "dumb")) ||
	    put_words(writer, FRAME_VARIABLE, &options->variables) ||
	    put_words(writer, FRAME_ARGUMENT, &options->command) ||
	    (options->directory && !options->root &&
	     put(writer, FRAME_DIRECTORY, options->directory, strlen(options->directory))) ||
	    put_disks(options, writer) ||
	    (!modules_are_loaded && job_modules(setup, writer)))
		return -1;
	/* The driver of another card is the user's, who may mean to load it later. */
	if (options->nic && put(writer, FRAME_NETWORK, &virtio_net, sizeof(virtio_net)))
		return -1;
	/* What came before is done with BusyBox; files go into the new root. */
	if (put_root(setup, writer) || put_files(options, writer))
		return -1;
	for (i = 0; i < options->get_count; i++)
		if (put(writer, FRAME_GET, options->gets[i].guest, strlen(options->gets[i].guest)))
			return -1;
	return 0;
}
