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
#include "../util.h"
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

static const char *explain_elf(const char *head, int err)
{
	Elf64_Ehdr program;

	memcpy(&program, head, sizeof(program));
	if (program.e_type == ET_REL)
		return "an object file and no program (a kernel module? load it by -m)";
	if (program.e_machine != EM_X86_64)
		return print("a program for another processor (ELF machine %u)", program.e_machine);
	if (err == ENOENT)
		return print("a dynamically linked program, whose loader is not in this guest: link it with -static");
	return strerror(err);
}

static const char *explain_script(int start, char *line, int err)
{
	char *interpreter = line + strspn(line, " \t");
	char *end = interpreter + strcspn(interpreter, " \t\n");

	*end = '\0';
	if (end > interpreter && end[-1] == '\r')
		return "a script whose lines end with CR LF: remove the CRs (dos2unix)";
	if (faccessat(start, interpreter, F_OK, 0))
		return print("a script for %s, which this guest does not have", interpreter);
	return print("a script for %s: %s", interpreter, strerror(err));
}

static const char *explain_missing(const char *name, int err)
{
	if (err != ENOENT)
		return strerror(err);
	if (strpbrk(name, " \t\n|&;<>()$`*?'\""))
		return print("no such program in the guest; a pipe, a redirection or several words in one argument need a shell: sh -c '...'");
	if (strchr(name, '/'))
		return "no such file in the guest, or a link to nowhere";
	return print("no such program in the guest (a builtin needs a shell: sh -c '...'; a file that is not in PATH: ./FILE)");
}

static const char *explain_file(int start, const char *path, int err)
{
	char head[HEAD_SIZE + 1];
	struct stat st;
	size_t length;

	if (fstatat(start, path, &st, 0))
		return explain_missing(path, err);
	length = S_ISREG(st.st_mode) ? read_start(start, path, head, sizeof(head)) : 0;
	if (S_ISDIR(st.st_mode))
		return "a directory";
	if (S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		return print("not executable (mode %03o)", st.st_mode & 07777);
	if (length > 2 && !memcmp(head, "#!", 2))
		return explain_script(start, head + 2, err);
	if (length >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		return explain_elf(head, err);
	if (err == ENOEXEC)
		return "neither a program nor a script";
	return strerror(err);
}

const char *program_failure(char *const argv[], const char *directory, int err,
			    const char **what)
{
	int start = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char found[PATH_MAX];
	const char *path;

	if (start < 0) {
		*what = directory;
		return print("cannot start there: %s", strerror(errno));
	}
	*what = *argv[0] ? argv[0] : "''";
	if (!*argv[0])
		return "the command is empty";
	path = program_find(argv[0], found, sizeof(found));
	return path ? explain_file(start, path, err) : explain_missing(argv[0], err);
}
