// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel makes the number of a boot once: all clones of a template would have the same.
 * Programs read it from a file, over which another file is mounted, to be written by each
 * clone. systemd's programs read it once and keep it. journald puts it into each entry of the
 * journal, and "journalctl -b" and "systemctl status" look for entries that have it. So it is
 * replaced in the memory of these programs, too, in binary and as digits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "../util.h"
#include "boot_id.h"
#include "log.h"

#define FILE_NAME "/proc/sys/kernel/random/boot_id"
#define COVER	  "/run/.boot_id"
#define BINARY	  16
#define DIGITS	  32
#define PLACES	  64
/* A mapping that is larger has other things in it. */
#define LARGE	  (64 << 20)

static struct {
	int memory; /* /proc/PID/mem */
	off_t offset;
	size_t length; /* BINARY or DIGITS */
} places[PLACES];
static size_t count;
static int cover = -1;

/* Of a text such as "1b4e28ba-2fa1-11d2-883f-0016d3cca427". */
static void parse(const char *text, char digits[DIGITS + 1], unsigned char binary[BINARY])
{
	size_t i, length = 0;
	char pair[3] = "";

	for (; *text && length < DIGITS; text++)
		if (*text != '-' && *text != '\n')
			digits[length++] = *text;
	digits[length] = '\0';
	for (i = 0; i < BINARY; i++) {
		memcpy(pair, digits + 2 * i, 2);
		binary[i] = strtoul(pair, NULL, 16);
	}
}

static void find(int memory, off_t begin, const char *content, size_t size, const void *what,
		 size_t length)
{
	const char *at = content, *end = content + size;

	while (count < PLACES && (at = memmem(at, end - at, what, length))) {
		places[count].memory = memory;
		places[count].offset = begin + (at - content);
		places[count++].length = length;
		at += length;
	}
}

/* search() - the memory of a process that no other shares: the journal's files are not meant. */
static void search(const char *directory, const char *digits, const unsigned char *binary)
{
	char *path = print("%s/maps", directory), line[512], rights[8], *content;
	unsigned long begin, end;
	FILE *maps = fopen(path, "re");
	size_t before = count;
	ssize_t length;
	int memory;

	free(path);
	path = print("%s/mem", directory);
	memory = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	while (maps && memory >= 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) != 3 ||
		    strcmp(rights, "rw-p") || end - begin > LARGE)
			continue;
		content = must(malloc(end - begin));
		length = pread(memory, content, end - begin, begin);
		if (length > 0) {
			find(memory, begin, content, length, binary, BINARY);
			find(memory, begin, content, length, digits, DIGITS);
		}
		free(content);
	}
	if (maps)
		fclose(maps);
	if (memory >= 0 && count == before)
		close(memory);
}

void boot_id_prepare(void)
{
	unsigned char binary[BINARY];
	char text[64], digits[DIGITS + 1];
	glob_t systemd;
	size_t i;

	if (!read_start(AT_FDCWD, FILE_NAME, text, sizeof(text)))
		return;
	cover = open(COVER, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (cover < 0 || write_all(cover, text, strlen(text)) ||
	    mount(COVER, FILE_NAME, NULL, MS_BIND, NULL) ||
	    mount(NULL, FILE_NAME, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		log_line("boot_id is the template's: %s", strerror(errno));
	unlink(COVER);
	parse(text, digits, binary);
	if (glob("/proc/[0-9]*/exe", 0, NULL, &systemd))
		return;
	for (i = 0; i < systemd.gl_pathc; i++) {
		char program[512] = "";

		if (readlink(systemd.gl_pathv[i], program, sizeof(program) - 1) < 0 ||
		    !strstr(program, "/systemd"))
			continue;
		*strrchr(systemd.gl_pathv[i], '/') = '\0';
		search(systemd.gl_pathv[i], digits, binary);
	}
	globfree(&systemd);
}

void boot_id_renew(void)
{
	unsigned char binary[BINARY];
	char text[64], digits[DIGITS + 1];
	size_t i;

	if (cover < 0 ||
	    !read_start(AT_FDCWD, "/proc/sys/kernel/random/uuid", text, sizeof(text)))
		return;
	(void)!pwrite(cover, text, strlen(text), 0);
	parse(text, digits, binary);
	for (i = 0; i < count; i++)
		(void)!pwrite(places[i].memory,
			      places[i].length == BINARY ? (void *)binary : digits,
			      places[i].length, places[i].offset);
}
