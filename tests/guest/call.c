// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one system call after the other, as its arguments say, and prints what each
 * returned: what a shell cannot do to a device, or cannot see.
 *
 *	call 'open /dev/x rw' 'pwrite abc 0' 'pread 3 0' 'read-bad 3'
 *
 *	open /dev/x rw = 0
 *	pwrite abc 0 = 3
 *	pread 3 0 = 3 abc
 *	read-bad 3 = EFAULT
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define FILES_MAX	8
#define SHOWN_MAX	16
#define PAGE		4096

static int files[FILES_MAX];
static int opened;
static int current;

/* What a read has brought, as far as it is shown. */
static char *data;

static void die(const char *text)
{
	fprintf(stderr, "call: %s\n", text);
	exit(2);
}

/* Room for @length bytes that ends where nothing is mapped. */
static char *fenced(size_t length)
{
	size_t whole = (length + PAGE - 1) / PAGE * PAGE;
	char *start = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || munmap(start + whole, PAGE))
		die("no memory");
	return start + whole - length;
}

static int open_flags(const char *mode)
{
	int flags = strstr(mode, "rw") ? O_RDWR : strchr(mode, 'w') ? O_WRONLY : O_RDONLY;

	return flags | (strchr(mode, 'n') ? O_NONBLOCK : 0) | (strchr(mode, 's') ? O_SYNC : 0) |
	       (strchr(mode, 'd') ? O_DSYNC : 0);
}

static void ignore(int signal)
{
	(void)signal;
}

/* A signal in @ms, with a handler: the call that it interrupts is restarted, or not. */
static int alarm_in(long ms, bool restart)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = restart ? SA_RESTART : 0 };
	struct itimerval timer = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	return sigaction(SIGALRM, &action, NULL) ?: setitimer(ITIMER_REAL, &timer, NULL);
}

/* Until there is something to read (r), or room to write (w): 1, or 0 if neither. */
static int poll_for(const char *events, int ms)
{
	struct pollfd entry = {
		.fd = files[current],
		.events = (strchr(events, 'r') ? POLLIN : 0) | (strchr(events, 'w') ? POLLOUT : 0),
	};

	return poll(&entry, 1, ms);
}

static char *filled(const char *text, size_t length)
{
	char *bytes = fenced(length);

	memset(bytes, *text, length);
	return bytes;
}

static ssize_t make_call(const char *name, const char *one, const char *two, const char *three)
{
	int file = files[current];
	long number = atol(one), second = atol(two);
	char *from;

	if (!strcmp(name, "open")) {
		if (opened == FILES_MAX)
			die("too many files");
		files[opened] = open(one, open_flags(two));
		if (files[opened] < 0)
			return -1;
		current = opened;
		return opened++;
	}
	if (!strcmp(name, "use"))
		return current = number;
	if (!strcmp(name, "read"))
		return read(file, data = fenced(number), number);
	if (!strcmp(name, "pread"))
		return pread(file, data = fenced(number), number, second);
	if (!strcmp(name, "write"))
		return write(file, one, strlen(one));
	if (!strcmp(name, "pwrite"))
		return pwrite(file, one, strlen(one), second);
	/* pfill x LENGTH OFFSET: that many times that letter. */
	if (!strcmp(name, "pfill"))
		return pwrite(file, filled(one, second), second, atol(three));
	/* Whether so many bytes, from the start, are all the same. */
	if (!strcmp(name, "uniform")) {
		from = fenced(number);
		return pread(file, from, number, 0) != number ? -1 :
		       !memcmp(from, from + 1, number - 1);
	}
	/* Memory that is not there. */
	if (!strcmp(name, "read-bad"))
		return read(file, (void *)PAGE, number);
	if (!strcmp(name, "write-bad"))
		return write(file, (void *)PAGE, number);
	/* read-part HAVE ASK: memory for fewer bytes than are asked for. */
	if (!strcmp(name, "read-part"))
		return read(file, data = fenced(number), second);
	/* write-part TEXT ASK: the same. */
	if (!strcmp(name, "write-part")) {
		from = fenced(strlen(one));
		memcpy(from, one, strlen(one));
		return write(file, from, second);
	}
	if (!strcmp(name, "seek"))
		return lseek(file, number, !strcmp(two, "end") ? SEEK_END :
					   !strcmp(two, "cur") ? SEEK_CUR : SEEK_SET);
	if (!strcmp(name, "fsync"))
		return fsync(file);
	if (!strcmp(name, "poll"))
		return poll_for(one, second);
	if (!strcmp(name, "alarm"))
		return alarm_in(number, false);
	if (!strcmp(name, "alarm-restart"))
		return alarm_in(number, true);
	die("no such call");
	return -1;
}

static void show(const char *text, ssize_t result)
{
	ssize_t i;

	if (result < 0) {
		printf("%s = %s\n", text, strerrorname_np(errno));
		return;
	}
	printf("%s = %zd", text, result);
	if (data && result > 0) {
		putchar(' ');
		for (i = 0; i < result && i < SHOWN_MAX; i++)
			putchar(isprint(data[i]) ? data[i] : '.');
		if (result > SHOWN_MAX)
			printf("...%c", isprint(data[result - 1]) ? data[result - 1] : '.');
	}
	putchar('\n');
}

int main(int argc, char *argv[])
{
	char words[4][256];
	int i;

	/* Each line at once: who waits for this program may wait for its text. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i < argc; i++) {
		memset(words, 0, sizeof(words));
		if (sscanf(argv[i], "%255s %255s %255s %255s", words[0], words[1], words[2],
			   words[3]) < 1)
			die("an empty argument");
		data = NULL;
		show(argv[i], make_call(words[0], words[1], words[2], words[3]));
	}
	return 0;
}
