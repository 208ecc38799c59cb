// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "program.h"

/* Of a file: as much of a script's first line as the kernel reads. */
#define HEAD_SIZE 256

const char *program_find(const char *name, char *path, size_t size)
{
	const char *from = getenv("PATH"), *end;

	if (strchr(name, '/') || !from)
		return name;
	if (!*name)
		return NULL;
	for (;; from = end + 1) {
		end = strchrnul(from, ':');
		if ((size_t)snprintf(path, size, "%.*s/%s", (int)(end - from), from, name) < size &&
		    !access(path, X_OK))
			return path;
		if (!*end)
			return NULL;
	}
}

bool program_is_text(const char *path)
{
	char head[HEAD_SIZE + 1];
	size_t length = read_start(AT_FDCWD, path, head, sizeof(head));
	char *newline = memchr(head, '\n', length);

	return length && !memchr(head, '\0', newline ? (size_t)(newline - head) : length);
}

static void explain_elf(const char *head, int err, char *why, size_t size)
{
	Elf64_Ehdr program;

	memcpy(&program, head, sizeof(program));
	if (program.e_type == ET_REL)
		snprintf(why, size, "an object file and no program (a kernel module? load it by -m)");
	else if (program.e_machine != EM_X86_64)
		snprintf(why, size, "a program for another processor (ELF machine %u)",
			 program.e_machine);
	else if (err == ENOENT)
		snprintf(why, size, "a dynamically linked program, whose loader is not in this guest: link it with -static");
	else
		snprintf(why, size, "%s", strerror(err));
}

static void explain_script(int start, char *line, int err, char *why, size_t size)
{
	char *interpreter = line + strspn(line, " \t");
	char *end = interpreter + strcspn(interpreter, " \t\n");

	*end = '\0';
	if (end > interpreter && end[-1] == '\r')
		snprintf(why, size, "a script whose lines end with CR LF: remove the CRs (dos2unix)");
	else if (faccessat(start, interpreter, F_OK, 0))
		snprintf(why, size, "a script for %s, which this guest does not have", interpreter);
	else
		snprintf(why, size, "a script for %s: %s", interpreter, strerror(err));
}

static void explain_missing(const char *name, int err, char *why, size_t size)
{
	if (err != ENOENT)
		snprintf(why, size, "%s", strerror(err));
	else if (strpbrk(name, " \t\n|&;<>()$`*?'\""))
		snprintf(why, size, "no such program in the guest; a pipe, a redirection or several words in one argument need a shell: sh -c '...'");
	else if (strchr(name, '/'))
		snprintf(why, size, "no such file in the guest, or a link to nowhere");
	else
		snprintf(why, size, "no such program in the guest (a builtin needs a shell: sh -c '...'; a file that is not in PATH: ./FILE)");
}

static void explain_file(int start, const char *path, int err, char *why, size_t size)
{
	char head[HEAD_SIZE + 1];
	struct stat st;
	size_t length;

	if (fstatat(start, path, &st, 0)) {
		explain_missing(path, err, why, size);
		return;
	}
	length = S_ISREG(st.st_mode) ? read_start(start, path, head, sizeof(head)) : 0;
	if (S_ISDIR(st.st_mode))
		snprintf(why, size, "a directory");
	else if (S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		snprintf(why, size, "not executable (mode %03o)", st.st_mode & 07777);
	else if (length > 2 && !memcmp(head, "#!", 2))
		explain_script(start, head + 2, err, why, size);
	else if (length >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		explain_elf(head, err, why, size);
	else if (err == ENOEXEC)
		snprintf(why, size, "neither a program nor a script");
	else
		snprintf(why, size, "%s", strerror(err));
}

unsigned int program_failure(char *const argv[], const char *directory, int err,
			     const char **what, char *why, size_t size)
{
	int start = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char found[PATH_MAX];
	const char *path;

	*what = *argv[0] ? argv[0] : "''";
	path = program_find(argv[0], found, sizeof(found));
	if (start < 0) {
		*what = directory;
		snprintf(why, size, "cannot start there: %s", strerror(errno));
	} else if (!*argv[0]) {
		snprintf(why, size, "the command is empty");
	} else if (path) {
		explain_file(start, path, err, why, size);
	} else {
		explain_missing(argv[0], err, why, size);
	}
	if (start >= 0)
		close(start);
	return err == ENOENT ? 127 : 126;
}
