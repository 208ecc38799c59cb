// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that a guest can send: frames, the trees of --get, the console, and
 * what is printed and written of them. Built with libFuzzer, see make fuzz.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include "../session.c"

static char sandbox[] = "/dev/shm/qemu-run-fuzz.XXXXXX";
static char *outside;

int fail(struct run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!run->failure && vasprintf(&run->failure, format, arguments) < 0)
		run->failure = NULL;
	va_end(arguments);
	return -1;
}

bool signals_pending(struct run *run)
{
	return run->interrupted;
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	if (where->level)
		remove(path);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!mkdtemp(sandbox))
		abort();
	outside = print("%s/outside", sandbox);
	return 0;
}

/* Nothing but the two destinations may appear. */
static void check_outside(const char *inside)
{
	char *path = print("%s/escaped", sandbox);

	if (!access(path, F_OK))
		abort();
	free(path);
	(void)inside;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	char *inside = print("%s/inside", sandbox), *link = print("%s/link", inside);
	size_t at = 0, room, part;
	unsigned char *where;
	int i;

	memset(&run, 0, sizeof(run));
	run.vm = (struct vm){ .pidfd = -1, .port = -1, .console = -1, .monitor = -1, .errors = -1 };
	run.get = (struct tree_receiver){ .root = -1, .file = -1 };
	run.qemu_code = -1;
	run.signals = -1;
	run.started = size && data[0] & 1;
	run.serial = size && data[0] & 2;
	mkdir(inside, 0700);
	/* A way out for whoever follows it. */
	(void)!symlink("..", link);
	list_add(&run.options.gets, print("x:%s", inside));
	list_add(&run.options.gets, print("y:%s/file", inside));
	list_add(&run.options.gets, print("z:%s/tree", inside));
	run.options.json = "/dev/null";

	while (at < size) {
		where = frame_space(&run.reader, &room);
		part = size - at < room ? size - at : room;
		/* In pieces, as a socket brings them. */
		if (part > 1 + data[at] * 16u)
			part = 1 + data[at] * 16u;
		memcpy(where, data + at, part);
		frame_added(&run.reader, part);
		at += part;
		/* Under way to a guest on a serial port, for it to acknowledge. */
		if (run.serial && run.queue.length < SERIAL_WINDOW)
			text_add(&run.queue, data, size);
		run.in_flight = run.serial ? run.queue.length : 0;
		if (take_frames(&run))
			break;
		for (i = 0; i < 2; i++)
			text_free(&run.output[i].waiting);
		if (!run.serial)
			text_free(&run.queue);
	}
	text_add(&run.console, data, size);
	run.vm.ended = true;
	run.vm.wait_status = size ? data[size - 1] << 8 : 0;
	outcome_decide(&run);
	outcome_report(&run);

	if (run.get_open) {
		tree_finish(&run.get);
		close(run.get.root);
		free((char *)run.get.only);
	}
	check_outside(inside);
	nftw(inside, remove_node, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(inside);
	list_free(&run.options.gets);
	list_free(&run.complaints);
	text_free(&run.console);
	text_free(&run.queue);
	for (i = 0; i < 2; i++)
		text_free(&run.output[i].waiting);
	free(run.refusal);
	free(run.failure);
	free(inside);
	free(link);
	return 0;
}
