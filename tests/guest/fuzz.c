// SPDX-License-Identifier: GPL-2.0
/*
 * Writes text of all kinds to the driver's parameters, and compares what it makes
 * of it with what README.md promises: an integer in range, decimal, hexadecimal or
 * octal, is accepted; everything else is refused, with EINVAL or ERANGE, and
 * changes nothing.
 *
 * fuzz sysfs SEED ROUNDS          with the driver loaded
 * fuzz insmod SEED ROUNDS FILE    loads it
 *
 * Says what it did, and exits with 1 at the first difference.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parameters.h"

/* The most that one write to sysfs takes. */
#define TEXT_MAX	4096

/* Values below that would end the machine before the run is over. */
#define SAFE_DELAY	100000

/**
 * struct text - what is written
 * @bytes: with a NUL behind them
 * @length: without it
 */
struct text {
	char bytes[TEXT_MAX + 1];
	size_t length;
};

/* What a number can be. */
enum verdict { ACCEPTED, NOT_A_NUMBER, OUT_OF_RANGE };

static uint64_t state;

static size_t below(size_t limit)
{
	return draw(&state) % limit;
}

static void __attribute__((noreturn)) differ(const struct parameter *parameter,
					     const struct text *text, const char *what, ...)
{
	va_list arguments;
	size_t i;

	va_start(arguments, what);
	vprintf(what, arguments);
	va_end(arguments);
	printf(": %s=", parameter->name);
	for (i = 0; i < text->length && i < 200; i++)
		printf(text->bytes[i] > ' ' && text->bytes[i] < 127 ? "%c" : "\\x%02x",
		       (unsigned char)text->bytes[i]);
	printf(" (%zu bytes)\n", text->length);
	exit(1);
}

static void __attribute__((noreturn)) fail(const char *what)
{
	perror(what);
	exit(1);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* The promise: [+-](0x HEX | 0 OCTAL | DECIMAL), and one newline at most. */
static enum verdict judge(const struct parameter *parameter, const char *text, long *value)
{
	bool negative = *text == '-';
	const long huge = 1L << 40;
	int base = 10;
	long number = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (*text == '0' && (text[1] | 0x20) == 'x' && digit(text[2]) < 16) {
		base = 16;
		text += 2;
	} else if (*text == '0') {
		base = 8;
	}
	if (digit(*text) >= base)
		return NOT_A_NUMBER;
	for (; digit(*text) < base; text++)
		if (number < huge)
			number = number * base + digit(*text);
	if (*text == '\n')
		text++;
	if (*text)
		return NOT_A_NUMBER;
	*value = negative ? -number : number;
	return *value < parameter->min || *value > parameter->max ? OUT_OF_RANGE : ACCEPTED;
}

static void append(struct text *text, const char *format, ...)
{
	size_t room = TEXT_MAX + 1 - text->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* A number at some edge, or anywhere, as somebody may write it. */
static void make_number(const struct parameter *parameter, struct text *text)
{
	static const char *const formats[] = { "%lu", "%lu", "0x%lx", "0X%lX", "0%lo", "%lx" };
	static const char *const signs[] = { "", "", "", "+", "-", "--", "+-", "-+", " ", "- " };
	static const char *const tails[] = {
		"", "", "", "\n", "\n\n", "\r\n", " ", "\t", "x", "0", ".", ".0", "e1", ",", "u",
		"\n1", "-", "\xa0", "\xb2",
	};
	const long edges[] = {
		0, 1, 8, 10, 16, 127, 128, 255, 256, parameter->min, parameter->max,
		SHRT_MAX, USHRT_MAX, INT_MAX, UINT_MAX, LONG_MAX, (long)ULONG_MAX,
		INT_MIN, LONG_MIN, 1L << 32, SAFE_DELAY,
	};
	long edge = edges[below(sizeof(edges) / sizeof(edges[0]))] + (long)below(5) - 2;
	const char *sign = signs[below(sizeof(signs) / sizeof(signs[0]))];

	if (!below(4))
		edge = draw_between(&state, parameter->min, parameter->max);
	if (edge < 0 && below(4)) {
		sign = "-";
		edge = -edge;
	}
	append(text, "%s", sign);
	if (!below(16))
		append(text, "%0*d", (int)below(TEXT_MAX - 100), 0);
	append(text, formats[below(sizeof(formats) / sizeof(formats[0]))], edge);
	append(text, "%s", tails[below(sizeof(tails) / sizeof(tails[0]))]);
}

static void make_noise(struct text *text)
{
	static const char likely[] = "0123456789abcdefxXoO+-. \n\t\v,_eE\"\\%";
	size_t length = below(8) ? below(24) : below(TEXT_MAX);
	bool any = below(2);

	while (text->length < length)
		text->bytes[text->length++] =
			any ? (char)below(256) : likely[below(sizeof(likely))];
}

/* As it should be. */
static void make_good(const struct parameter *parameter, struct text *text)
{
	static const char *const formats[] = { "%lu", "0x%lx", "0X%lX", "0%lo" };
	long value = draw_between(&state, parameter->min, parameter->max);

	append(text, "%s", value < 0 ? "-" : below(4) ? "" : "+");
	append(text, formats[below(sizeof(formats) / sizeof(formats[0]))], labs(value));
	append(text, "%s", below(2) ? "\n" : "");
}

static void make(const struct parameter *parameter, struct text *text)
{
	text->length = 0;
	switch (below(4)) {
	case 0:
		make_noise(text);
		break;
	case 1:
		make_good(parameter, text);
		break;
	default:
		make_number(parameter, text);
	}
	/* One byte of it is another. */
	if (text->length && !below(8))
		text->bytes[below(text->length)] = (char)below(256);
	text->bytes[text->length] = '\0';
}

/* A deadline that is near would end the machine: rightly, but here too early. */
static bool ends_machine(const struct parameter *parameter, enum verdict verdict, long value)
{
	return !strcmp(parameter->name, "delay") && verdict == ACCEPTED && value >= 0 &&
	       value < SAFE_DELAY;
}

/* 0, or the error that the driver gave. */
static int write_parameter(const struct parameter *parameter, const struct text *text)
{
	char path[128];
	ssize_t length;
	int file, err;

	snprintf(path, sizeof(path), SYSFS "%s", parameter->name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		fail(path);
	length = write(file, text->bytes, text->length);
	err = length < 0 ? errno : 0;
	close(file);
	if (!err && (size_t)length != text->length)
		differ(parameter, text, "%zd bytes were taken", length);
	return err;
}

static long read_parameter(const struct parameter *parameter)
{
	char path[128], text[32] = "";
	int file;

	snprintf(path, sizeof(path), SYSFS "%s", parameter->name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
		fail(path);
	close(file);
	return strtol(text, NULL, 10);
}

static void check(const struct parameter *parameter, const struct text *text,
		  enum verdict verdict, int err)
{
	if (verdict == ACCEPTED ? err : err != EINVAL && err != ERANGE)
		differ(parameter, text, "error %d where %s was due", err,
		       verdict == ACCEPTED ? "none" : "EINVAL or ERANGE");
	if (verdict == OUT_OF_RANGE && err != ERANGE)
		differ(parameter, text, "error %d where ERANGE was due", err);
}

static void fuzz_sysfs(unsigned long rounds)
{
	unsigned long accepted = 0, refused = 0;
	struct text text;

	while (rounds--) {
		const struct parameter *parameter = &parameters[below(WRITABLE)];
		long before = read_parameter(parameter), value = 0, after;
		enum verdict verdict;

		make(parameter, &text);
		/* What comes behind a NUL is not text any more. */
		verdict = judge(parameter, text.bytes, &value);
		if (!text.length || ends_machine(parameter, verdict, value))
			continue;
		check(parameter, &text, verdict, write_parameter(parameter, &text));
		after = read_parameter(parameter);
		if (after != (verdict == ACCEPTED ? value : before))
			differ(parameter, &text, "%ld became %ld", before, after);
		if (verdict == ACCEPTED)
			accepted++;
		else
			refused++;
	}
	printf("sysfs: %lu accepted, %lu refused\n", accepted, refused);
}

/* The kernel ends an argument there; 0xa0 is a blank to it, too. */
static void cut_at_blank(struct text *text)
{
	text->length = strcspn(text->bytes, " \t\n\v\f\r\xa0");
	text->bytes[text->length] = '\0';
}

/* Beyond the last port; the other of the two is at its default. */
static bool ends_beyond(const struct parameter *parameter, long value)
{
	return (strcmp(parameter->name, "iosize") ? value + 4 : 0x10f4 + value) > 0x10000;
}

static bool loaded(void)
{
	return !access("/sys/module/qemu_poweroff", F_OK);
}

static void fuzz_insmod(unsigned long rounds, const char *path)
{
	unsigned long accepted = 0, refused = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct text text;

	if (file < 0)
		fail(path);
	while (rounds--) {
		const struct parameter *parameter = &parameters[below(PARAMETERS)];
		char arguments[TEXT_MAX + 64];
		enum verdict verdict;
		long value = 0;
		int err;

		make(parameter, &text);
		/* Quotes are the kernel's own, and keep blanks in. */
		if (strchr(text.bytes, '"'))
			continue;
		snprintf(arguments, sizeof(arguments), "delay=-1 %s=%s", parameter->name,
			 text.bytes);
		cut_at_blank(&text);
		verdict = judge(parameter, text.bytes, &value);
		if (ends_machine(parameter, verdict, value))
			continue;
		err = syscall(SYS_finit_module, file, arguments, 0) ? errno : 0;
		if (loaded() == !!err)
			differ(parameter, &text, "error %d, and the module is%s there", err,
			       err ? "" : " not");
		if (!err && verdict == ACCEPTED && read_parameter(parameter) != value)
			differ(parameter, &text, "became %ld", read_parameter(parameter));
		/* Another range may have no device, an owner, or no end. */
		if (verdict == ACCEPTED && *parameter->name == 'i' &&
		    (ends_beyond(parameter, value) ? err == ERANGE :
						     err == EBUSY || err == ENODEV))
			err = syscall(SYS_finit_module, file, "delay=-1", 0) ? errno : 0;
		check(parameter, &text, verdict, err);
		if (verdict == ACCEPTED)
			accepted++;
		else
			refused++;
		if (!err && syscall(SYS_delete_module, "qemu_poweroff", O_NONBLOCK))
			fail("rmmod");
	}
	close(file);
	printf("insmod: %lu accepted, %lu refused\n", accepted, refused);
}

int main(int count, char **arguments)
{
	bool insmod = count == 5 && !strcmp(arguments[1], "insmod");
	unsigned long rounds;

	if (!insmod && (count != 4 || strcmp(arguments[1], "sysfs"))) {
		fprintf(stderr, "usage: fuzz sysfs SEED ROUNDS | fuzz insmod SEED ROUNDS FILE\n");
		return 2;
	}
	state = strtoull(arguments[2], NULL, 10);
	rounds = strtoul(arguments[3], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (insmod)
		fuzz_insmod(rounds, arguments[4]);
	else
		fuzz_sysfs(rounds);
	return 0;
}
