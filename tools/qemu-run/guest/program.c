// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "program.h"

/* The kernel reads as much of a script's first line. */
#define HEAD_SIZE 256

/* A script's interpreter may be a script. The kernel follows as many. */
#define SCRIPTS_MAX 5

/* Where a reason goes. */
struct reason {
	char *text;
	size_t size;
};

/* As snprintf(3). */
static int __attribute__((format(printf, 2, 3))) say(const struct reason *reason,
						     const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(reason->text, reason->size, format, arguments);
	va_end(arguments);
	return length;
}

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

/* Reads the beginning of a file. Returns its length; NUL follows it. */
static size_t read_head(int start, const char *path, char head[HEAD_SIZE + 1])
{
	int file = openat(start, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = -1;

	if (file >= 0) {
		length = read(file, head, HEAD_SIZE);
		close(file);
	}
	if (length < 0)
		length = 0;
	head[length] = '\0';
	return length;
}

bool program_is_text(const char *path)
{
	char head[HEAD_SIZE + 1];
	size_t length = read_head(AT_FDCWD, path, head);
	char *newline = memchr(head, '\n', length);

	return length && !memchr(head, '\0', newline ? (size_t)(newline - head) : length);
}

/* Whether the name looks like more than the name of a program. */
static bool needs_shell(const char *name)
{
	return strpbrk(name, " \t\n|&;<>()$`*?'\"");
}

static bool is_builtin(const char *name)
{
	/* What BusyBox's sh has, and BusyBox has no program for. */
	static const char *const builtins[] = {
		"!", ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue",
		"eval", "exec", "exit", "export", "fg", "for", "getopts", "hash", "if", "jobs",
		"let", "local", "read", "readonly", "return", "set", "shift", "source", "times",
		"trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
		"{",
	};
	size_t i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (!strcmp(name, builtins[i]))
			return true;
	return false;
}

static void explain_missing(int start, const char *name, struct reason *reason)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(start, name, target, sizeof(target) - 1);

	if (length > 0)
		say(reason, "a link to %.*s, which the guest does not have", (int)length, target);
	else if (needs_shell(name))
		say(reason, "no such program in the guest; a pipe, a redirection or several words in one argument need a shell: sh -c '...'");
	else if (is_builtin(name))
		say(reason, "a builtin of the shell and no program: use sh -c '%s ...'", name);
	else if (strchr(name, '='))
		say(reason, "no such program in the guest; -e NAME=VALUE sets a variable");
	else if (!strchr(name, '/') && *name && !faccessat(start, name, F_OK, 0))
		say(reason, "no such program in PATH; for the file in the directory where the command starts: ./%s",
		    name);
	else
		say(reason, "no such %s in the guest", strchr(name, '/') ? "file" : "program");
}

static const char *machine_name(unsigned int machine)
{
	static const struct {
		unsigned int machine;
		const char *name;
	} names[] = {
		{ EM_386, "32-bit x86" },  { EM_X86_64, "x86-64" }, { EM_ARM, "32-bit ARM" },
		{ EM_AARCH64, "arm64" },   { EM_RISCV, "RISC-V" },  { EM_PPC64, "ppc64" },
		{ EM_S390, "s390" },	   { EM_MIPS, "MIPS" },	    { EM_SPARCV9, "sparc64" },
		{ EM_LOONGARCH, "LoongArch" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another machine";
}

/* The header of an ELF file: of one of the 32-bit class, as the other class has it. */
static Elf64_Ehdr parse_elf(const char head[HEAD_SIZE + 1])
{
	Elf64_Ehdr program;
	Elf32_Ehdr small;

	memcpy(&program, head, sizeof(program));
	if (program.e_ident[EI_CLASS] == ELFCLASS64)
		return program;
	memcpy(&small, head, sizeof(small));
	program.e_phoff = small.e_phoff;
	program.e_phentsize = small.e_phentsize;
	program.e_phnum = small.e_phnum;
	return program;
}

/* Reads the path of a program's loader. Returns false if it has none. */
static bool find_loader(int start, const char *path, const Elf64_Ehdr *program,
			char loader[PATH_MAX])
{
	int file = openat(start, path, O_RDONLY | O_CLOEXEC);
	bool large = program->e_ident[EI_CLASS] == ELFCLASS64;
	union {
		Elf32_Phdr small;
		Elf64_Phdr large;
	} header;
	size_t size = large ? sizeof(header.large) : sizeof(header.small);
	ssize_t length = 0;
	unsigned int i;

	for (i = 0; file >= 0 && i < program->e_phnum; i++) {
		if (pread(file, &header, size, program->e_phoff +
			  (off_t)i * program->e_phentsize) != (ssize_t)size)
			break;
		/* The type comes first in both. */
		if (header.small.p_type != PT_INTERP)
			continue;
		size = large ? header.large.p_filesz : header.small.p_filesz;
		length = pread(file, loader, size < PATH_MAX ? size : PATH_MAX - 1,
			       large ? header.large.p_offset : header.small.p_offset);
		break;
	}
	if (file >= 0)
		close(file);
	if (length <= 0)
		return false;
	loader[length] = '\0';
	return true;
}

static void explain_elf(int start, const char *path, const char head[HEAD_SIZE + 1], int err,
			struct reason *reason)
{
	Elf64_Ehdr program = parse_elf(head);
	char loader[PATH_MAX];

	if (program.e_type == ET_REL)
		say(reason, "an object file and no program (a kernel module? load it by -m)");
	else if (program.e_type == ET_CORE)
		say(reason, "a core dump and no program");
	else if (program.e_machine != EM_X86_64 && err == ENOEXEC)
		say(reason, "a program for %s, which this kernel does not execute",
		    machine_name(program.e_machine));
	else if (find_loader(start, path, &program, loader) && access(loader, F_OK))
		say(reason, "a dynamically linked program: its loader %s is not in this guest: link it with -static",
		    loader);
	else if (err == ENOEXEC)
		say(reason, "a damaged program, or one that this kernel does not execute");
	else
		say(reason, "%s", strerror(err));
}

static void explain_file(int start, const char *path, int err, unsigned int scripts,
			 struct reason *reason);

static void explain_script(int start, char *line, int err, unsigned int scripts,
			   struct reason *reason)
{
	char *interpreter = line + strspn(line, " \t");
	struct reason rest = *reason;
	size_t length;
	int done;

	interpreter[strcspn(interpreter, " \t\n")] = '\0';
	length = strlen(interpreter);
	if (length && interpreter[length - 1] == '\r') {
		interpreter[length - 1] = '\0';
		say(reason, "a script whose lines end with CR LF: its interpreter would be '%s' with a CR behind it; remove the CRs (dos2unix)",
		    interpreter);
		return;
	}
	if (faccessat(start, interpreter, F_OK, 0)) {
		say(reason, "a script for %s, which this guest does not have", interpreter);
		return;
	}
	done = say(reason, "a script for %s: ", interpreter);
	if (done < 0 || (size_t)done >= reason->size)
		return;
	rest.text += done;
	rest.size -= done;
	explain_file(start, interpreter, err, scripts + 1, &rest);
}

static void explain_file(int start, const char *path, int err, unsigned int scripts,
			 struct reason *reason)
{
	char head[HEAD_SIZE + 1];
	struct stat st;
	size_t length;

	if (fstatat(start, path, &st, 0)) {
		if (errno == ENOENT)
			explain_missing(start, path, reason);
		else
			say(reason, "%s", strerror(errno));
		return;
	}
	length = S_ISREG(st.st_mode) ? read_head(start, path, head) : 0;
	if (S_ISDIR(st.st_mode))
		say(reason, "a directory");
	else if (!S_ISREG(st.st_mode))
		say(reason, "not a regular file");
	else if (!(st.st_mode & 0111))
		say(reason, "not executable (mode %03o)", st.st_mode & 07777);
	else if (length > 2 && !memcmp(head, "#!", 2) && scripts < SCRIPTS_MAX)
		explain_script(start, head + 2, err, scripts, reason);
	else if (length >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		explain_elf(start, path, head, err, reason);
	else if (err == ENOEXEC)
		say(reason, "neither a program nor a script");
	else
		say(reason, "%s", strerror(err));
}

unsigned int program_failure(char *const argv[], const char *directory, int err,
			     const char **what, char *why, size_t size)
{
	int start = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct reason reason = { .text = why, .size = size };
	char found[PATH_MAX];
	const char *path;

	*what = argv[0];
	if (start < 0) {
		*what = directory;
		say(&reason, "cannot start there: %s", strerror(errno));
		return err == ENOENT ? 127 : 126;
	}
	path = program_find(argv[0], found, sizeof(found));
	if (!*argv[0]) {
		*what = "''";
		say(&reason, "the command is empty");
	} else if (path) {
		explain_file(start, path, err, 0, &reason);
	} else if (err == ENOENT) {
		explain_missing(start, argv[0], &reason);
	} else {
		say(&reason, "%s", strerror(err));
	}
	close(start);
	return err == ENOENT ? 127 : 126;
}
