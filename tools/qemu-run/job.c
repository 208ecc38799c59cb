// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "run.h"

/* split_file() - PATH[:NAME] of -f; the path is the caller's to free. */
static char *split_file(const char *argument, char **name)
{
	char *path = copy(argument), *colon, *base;
	size_t length;

	/* A path that exists as it stands is no pair, whatever colons it has. */
	colon = access(path, F_OK) ? strrchr(path, ':') : NULL;
	if (colon && colon != path && colon[1]) {
		*colon = '\0';
		*name = copy(colon + 1);
		return path;
	}
	base = realpath(path, NULL);
	if (!base) {
		*name = NULL;
		return path;
	}
	/* "dir/" and "." are called as the directory is. A link keeps its own name. */
	length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	colon = memrchr(path, '/', length);
	*name = print("%.*s", (int)(colon ? path + length - colon - 1 : (long)length),
		      colon ? colon + 1 : path);
	if (!**name || !strcmp(*name, ".") || !strcmp(*name, "..")) {
		free(*name);
		*name = copy(strrchr(base, '/') + 1);
	}
	free(base);
	return path;
}

/* check_forward() - whether that port of the host's is free, as QEMU will ask for it */
static int check_forward(struct run *run, const struct forward *forward)
{
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(forward->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, err = 0;

	inet_pton(AF_INET, forward->address, &place.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&place, sizeof(place)) || listen(fd, 1))
		err = fail(run, "--forward: port %u of %s: %s", forward->port, forward->address,
			   strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

int job_check(struct run *run)
{
	size_t i;

	for (i = 0; i < run->options.forward_count; i++)
		if (check_forward(run, &run->options.forwards[i]))
			return -1;

	for (i = 0; i < run->options.files.count; i++) {
		char *name, *path = split_file(run->options.files.items[i], &name);
		int bad = access(path, R_OK);

		if (bad)
			fail(run, "-f %s: %s", path, strerror(errno));
		else if (!name || !*name || name[0] == '/' || strstr(name, ".."))
			bad = fail(run, "-f %s: give a name below /root in the guest", path);
		free(name);
		free(path);
		if (bad)
			return -1;
	}
	for (i = 0; i < run->options.modules.count; i++) {
		char *name = copy(run->options.modules.items[i]);
		struct stat st;
		int bad = 0;
		bool file;

		name[strcspn(name, ",")] = '\0';
		file = strstr(name, ".ko");
		if (file && (access(name, R_OK) || stat(name, &st)))
			bad = fail(run, "-m %s: %s", name, strerror(errno));
		else if (file && !S_ISREG(st.st_mode))
			bad = fail(run, "-m %s: not a regular file", name);
		free(name);
		if (bad)
			return -1;
	}
	for (i = 0; i < run->options.disks.count; i++) {
		char *name = copy(run->options.disks.items[i]), *comma = strrchr(name, ',');
		bool keep = comma && !strcmp(comma, ",rw");
		int bad;

		if (keep)
			*comma = '\0';
		bad = access(name, keep ? R_OK | W_OK : R_OK);
		if (bad)
			fail(run, "--disk %s: %s", name, strerror(errno));
		free(name);
		if (bad)
			return -1;
	}
	return 0;
}

int job_put(struct run *run, uint32_t type, const void *data, size_t length)
{
	struct frame_header header = { .length = length, .type = type };
	int err;

	if (run->pack >= 0) {
		err = write_all(run->pack, &header, sizeof(header));
		if (!err)
			err = write_all(run->pack, data, length);
		return err ? fail(run, "cannot pack the job: %s", strerror(-err)) : 0;
	}
	queue_frame(run, type, data, length);
	while (run->queue.length > QUEUE_HIGH)
		if (pump(run, 0))
			return -1;
	return 0;
}

static int emit(void *context, uint32_t type, const void *data, uint32_t length)
{
	return job_put(context, type, data, length) ? -ECONNRESET : 0;
}

static int send_files(struct run *run)
{
	size_t i;

	if (!run->options.files.count)
		return 0;
	for (i = 0; i < run->options.files.count; i++) {
		char *name, *path = split_file(run->options.files.items[i], &name);
		int err = name ? tree_send(path, name, 0, emit, run) : -ENOENT;

		if (err && err != -ECONNRESET)
			fail(run, "-f %s: %s", path, strerror(-err));
		free(path);
		free(name);
		if (err)
			return -1;
	}
	return job_put(run, FRAME_END, NULL, 0);
}

static int send_head(struct run *run)
{
	struct job job = { .timeout_ms = run->options.timeout_ms };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	job.realtime_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (getrandom(job.seed, sizeof(job.seed), 0) != sizeof(job.seed))
		return fail(run, "getrandom: %s", strerror(errno));
	if (run->options.terminal) {
		job.flags |= JOB_TERMINAL;
		if (!isatty(STDERR_FILENO))
			job.flags |= JOB_ERRORS_APART;
		job.window = terminal_window();
	}
	queue_frame(run, FRAME_JOB, &job, sizeof(job));
	explicit_bzero(&job, sizeof(job));
	return 0;
}

static int send_words(struct run *run, uint32_t type, const struct list *words)
{
	size_t i;

	for (i = 0; i < words->count; i++) {
		if (strlen(words->items[i]) > FRAME_MAX)
			return fail(run, "an argument is longer than %d bytes", (int)FRAME_MAX);
		if (job_put(run, type, words->items[i], strlen(words->items[i])))
			return -1;
	}
	return 0;
}

static int send_modules(struct run *run)
{
	size_t i;

	for (i = 0; i < run->options.modules.count; i++)
		if (module_send(run, run->options.modules.items[i]))
			return -1;
	return 0;
}

int job_preload(struct run *run)
{
	if (send_modules(run))
		return -1;
	/* Whatever it is that the guest says next, it is about them. */
	run->hello = false;
	return queue_frame(run, FRAME_HOLD, NULL, 0);
}

static int send_body(struct run *run)
{
	struct options *options = &run->options;
	bool virtio_net = options->nic && !strcmp(options->nic, "virtio");
	size_t i;

	if (options->terminal) {
		const char *kind = getenv("TERM");
		char *variable = print("TERM=%s", kind ? kind : "dumb");
		int err = job_put(run, FRAME_VARIABLE, variable, strlen(variable));

		free(variable);
		if (err)
			return -1;
	}
	if (send_words(run, FRAME_VARIABLE, &options->variables) ||
	    send_words(run, FRAME_ARGUMENT, &options->command))
		return -1;
	if (options->directory &&
	    job_put(run, FRAME_DIRECTORY, options->directory, strlen(options->directory)))
		return -1;
	if (send_files(run))
		return -1;
	if (options->disks.count && module_send(run, "virtio_blk"))
		return -1;
	if (virtio_net && module_send(run, "virtio_net"))
		return -1;
	/* What the template keeps is loaded. */
	if (!(options->preload && run->restored) && send_modules(run))
		return -1;
	/* The driver of another card is the user's, who may mean to load it later. */
	if (options->nic && job_put(run, FRAME_NETWORK, &virtio_net, sizeof(virtio_net)))
		return -1;
	for (i = 0; i < options->gets.count; i++)
		if (job_put(run, FRAME_GET, options->gets.items[i],
			    strchr(options->gets.items[i], ':') - options->gets.items[i]))
			return -1;
	return 0;
}

int job_pack(struct run *run, int file)
{
	int err;

	run->pack = file;
	err = send_body(run);
	if (!err)
		err = job_put(run, FRAME_PACKED_END, NULL, 0);
	run->pack = -1;
	return err;
}

int job_send(struct run *run)
{
	if (send_head(run))
		return -1;
	/* All but the clock and the seed is there already. */
	if (run->serial)
		queue_frame(run, FRAME_PACKED, NULL, 0);
	else if (send_body(run))
		return -1;
	queue_frame(run, FRAME_START, NULL, 0);
	/* A terminal that is not ours to read: its end is what the command sees. */
	return run->input_open ? 0 : queue_frame(run, FRAME_INPUT, NULL, 0);
}
