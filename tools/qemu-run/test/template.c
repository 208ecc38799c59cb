// SPDX-License-Identifier: GPL-2.0
/* What a template is of, and which go: no guest, files in a directory of the test's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../cache.h"
#include "../identity.h"
#include "../template_key.h"

static int number, failures;

static void check(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, name);
	failures += !good;
}

static void write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (file < 0 || write_all(file, text, strlen(text)) || close(file))
		abort();
}

/* overwrite() - as cp and touch -r do: the same file, of the same size and time */
static void overwrite(const char *path, const char *text)
{
	struct timespec times[2];
	struct stat st;

	if (stat(path, &st))
		abort();
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	/* Longer than the clock of a file system takes to tick. */
	usleep(20000);
	write_text(path, text);
	if (utimensat(AT_FDCWD, path, times, 0))
		abort();
}

static void test_identity(void)
{
	struct text files = { 0 };

	write_text("file", "one");
	identity_add(&files, "file");
	identity_add(&files, "nothing");
	check(identity_holds(files.data), "files that are what they were hold");
	write_text("new", "one");
	if (rename("new", "file"))
		abort();
	check(identity_holds(files.data), "a file with the same content holds");
	overwrite("file", "two");
	check(!identity_holds(files.data), "one of the same size and time, and of another content");
	overwrite("file", "one");
	write_text("nothing", "");
	check(!identity_holds(files.data), "a file that was not there");
	text_free(&files);

	if (link("file", "name"))
		abort();
	identity_add_below(&files, ".", "file");
	if (link("file", "another"))
		abort();
	check(identity_holds(files.data), "a third name of a file among many");
	unlink("name");
	unlink("another");
	text_free(&files);
	identity_add_below(&files, ".", "file");
	overwrite("file", "two");
	check(!identity_holds(files.data), "the same size and time, by its inode alone");
	text_free(&files);

	if (mkdir("tree", 0700) || mkdir("tree/below", 0700))
		abort();
	identity_add_tree(&files, "tree");
	check(identity_holds(files.data), "a tree");
	write_text("tree/below/file", "");
	check(!identity_holds(files.data), "a file that came into it");
	text_free(&files);
}

static char program[] = "/bin/true", kernel_directory[] = "/kernel", other_kernel[] = "/other";

static void test_key(void)
{
	static char *qemu[] = { "-numa" };
	static struct disk_option disks[] = { { .image.size = 1 }, { .image.size = 2 } };
	static struct module_option module = { .name = "loop", .parameters = "" };
	static struct module_option other = { .name = "loop", .parameters = "max_loop=3" };
	static const struct {
		const char *name;
		struct options options;
	} cases[] = {
		{ "--append", { .append = "quiet" } },
		{ "another --append", { .append = "debug" } },
		{ "--memory", { .memory_mb = 300 } },
		{ "--cpus", { .cpus = 2 } },
		{ "--machine", { .machine = MACHINE_Q35 } },
		{ "--disk", { .disks = disks, .disk_count = 1 } },
		{ "--disk of another size", { .disks = disks + 1, .disk_count = 1 } },
		{ "two of --disk", { .disks = disks, .disk_count = 2 } },
		{ "--net", { .nic = "virtio" } },
		{ "another --nic", { .nic = "e1000" } },
		{ "--no-port", { .no_port = true } },
		{ "--root", { .root = "/" } },
		{ "--root IMAGE", { .image = program } },
		{ "--init", { .init = "/sbin/init" } },
		{ "--init and its sign", { .init = "/sbin/init", .ready = "ready" } },
		{ "--rw", { .share_count = 1 } },
		{ "--qemu", { .qemu = { .items = qemu, .count = 1 } } },
		{ "--preload", { .preload = true, .modules = &module, .module_count = 1 } },
		{ "another parameter", { .preload = true, .modules = &other, .module_count = 1 } },
		{ "nothing", { .timeout_ms = 1000, .json = "file", .verbose = true } },
		{ "-m alone", { .modules = &module, .module_count = 1 } },
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]), SAME = COUNT - 2 };
	struct setup setup = {
		.places = { .top = program, .init = program, .qemu = program },
		.kernel = { .directory = kernel_directory },
	};
	char *keys[COUNT], *key;
	size_t i, j;

	for (i = 0; i < COUNT; i++) {
		bool good = true;

		setup.options = &cases[i].options;
		keys[i] = template_key(&setup);
		for (j = 0; j < i; j++)
			good = good && (!strcmp(keys[i], keys[j])) == (j >= SAME);
		key = print("a template of its own, or none: %s", cases[i].name);
		check(good, key);
		free(key);
	}
	setup.kernel.directory = other_kernel;
	key = template_key(&setup);
	check(strcmp(key, keys[SAME]), "another kernel");
	free(key);
	setup.kernel.directory = kernel_directory;
	setup.kernel.driver = program;
	key = template_key(&setup);
	check(strcmp(key, keys[SAME]), "the driver");
	free(key);
	for (i = 0; i < COUNT; i++)
		free(keys[i]);
}

/* add_template() - one of 1 MiB, used at that time */
static void add_template(const char *name, time_t used)
{
	const struct timespec times[2] = { { .tv_sec = used }, { .tv_sec = used } };
	char *path = print("templates/%s", name), *memory = print("%s/memory", path);
	char *key = print("%s/key", path), *content = must(calloc(1, (1 << 20) + 1));

	memset(content, 'm', 1 << 20);
	if (make_directories(path))
		abort();
	write_text(memory, content);
	write_text(key, "");
	if (utimensat(AT_FDCWD, key, times, 0))
		abort();
	free(content);
	free(key);
	free(memory);
	free(path);
}

static bool there(const char *name)
{
	char *path = print("templates/%s", name);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

static void test_cache(void)
{
	struct places places = { .cache = ".", .cache_limit = (2 << 20) + 65536 };
	struct signals signals = { .fd = -1 };
	char *answer;
	int lock;

	add_template("b", 2000);
	add_template("a", 3000);
	add_template("d", 1000);
	add_template("c", 4000);
	cache_evict(&places, "./templates/d");
	check(there("d") && there("c"), "what is to be kept stays, and the latest used");
	check(!there("a") && !there("b"), "the least recently used go");
	check(!there("b.lock"), "and leave no lock");
	add_template("e.new", 0);
	lock = cache_lock("templates/e.lock", &signals);
	check(cache_drop("./templates/e.new") == -EWOULDBLOCK && there("e.new"),
	      "what another run makes is not removed");
	close(lock);
	cache_clean(&places, false, NULL);
	check(!there("e.new") && !there("e.lock") && there("c"),
	      "what a killed run left goes, and nothing else");
	cache_keep(".", "question\n", "answer", "");
	answer = cache_recall(".", "question\n");
	check(answer && !strcmp(answer, "answer"), "an answer is kept");
	check(!cache_recall(".", "another\n"), "and none to another question");
	free(answer);
}

int main(void)
{
	static char directory[] = "/tmp/qemu-run-test.XXXXXX";

	if (!mkdtemp(directory) || chdir(directory))
		abort();
	test_identity();
	test_key();
	test_cache();
	printf("1..%d\n", number);
	cache_remove(directory);
	return failures ? 1 : 0;
}
