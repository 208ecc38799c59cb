// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "streams.h"

/* How much a pipe takes without waiting, once poll(2) says that it does. */
#define WRITE_MAX 4096
/* How much of what -v shows waits for a slow reader. */
#define SHOWN_MAX (256 * 1024)

static bool foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void streams_init(struct streams *streams)
{
	int i;

	*streams = (struct streams){ .console = -1 };
	for (i = 0; i < 2; i++) {
		struct stat st = { 0 };

		streams->output[i].fd = i + 1;
		fstat(i + 1, &st);
		streams->output[i].regular = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
		streams->output[i].socket = S_ISSOCK(st.st_mode);
	}
	/* Reading a terminal from the background would stop this process. */
	streams->input_open = isatty(STDIN_FILENO) ? foreground() : !streams_input_flags();
}

uint32_t streams_input_flags(void)
{
	struct stat st;

	if ((fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return JOB_INPUT_UNREADABLE;
	return !fstat(STDIN_FILENO, &st) && S_ISDIR(st.st_mode) ? JOB_INPUT_DIRECTORY : 0;
}

bool streams_are_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && foreground();
}

void streams_unblock(void)
{
	char path[32];
	int fd, own;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		struct stat st;

		if (!isatty(fd) && (fstat(fd, &st) || !S_ISFIFO(st.st_mode)))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, (fd ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		/* It may be another user's: then it is used as it is. */
		if (own < 0)
			continue;
		dup2(own, fd);
		close(own);
	}
}

bool streams_full(const struct streams *streams)
{
	return streams->output[0].waiting.length || streams->output[1].waiting.length;
}

void streams_add(struct streams *streams, int number, const void *data, size_t length)
{
	if (!streams->output[number].broken)
		text_add(&streams->output[number].waiting, data, length);
}

void streams_show(struct streams *streams, const struct text *text)
{
	static const char note[] = "qemu-run: stderr is slow: lines are left out here\n";
	bool room = streams->output[1].waiting.length < SHOWN_MAX;

	if (room)
		streams_add(streams, 1, text->data, text->length);
	else if (!streams->left_out)
		streams_add(streams, 1, note, sizeof(note) - 1);
	streams->left_out = !room;
}

bool streams_write(struct streams *streams, int number, struct error *error)
{
	struct stream *stream = &streams->output[number];
	size_t length = stream->waiting.length;
	ssize_t done;

	if (!stream->regular && length > WRITE_MAX)
		length = WRITE_MAX;
	done = stream->socket ? send(stream->fd, stream->waiting.data, length, MSG_DONTWAIT) :
				write(stream->fd, stream->waiting.data, length);
	if (done >= 0) {
		text_drop(&stream->waiting, done);
		return false;
	}
	if (errno == EAGAIN || errno == EINTR)
		return false;
	/* The command learns of EPIPE as it would here: by SIGPIPE. */
	if (errno != EPIPE) {
		error_add(error, "%s: %s", number ? "stderr" : "stdout", strerror(errno));
		streams->lost = true;
	}
	stream->broken = true;
	text_free(&stream->waiting);
	return true;
}

void streams_give_up(struct streams *streams, struct error *error)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stream *stream = &streams->output[i];

		if (!stream->waiting.length)
			continue;
		error_add(error, "%s: not read in time: %zu bytes are lost", i ? "stderr" : "stdout",
			  stream->waiting.length);
		streams->lost = true;
		stream->broken = true;
		text_free(&stream->waiting);
	}
}

size_t streams_input_room(const struct streams *streams, const struct channel *channel)
{
	size_t window = channel->serial ? 2 * SERIAL_WINDOW : INPUT_WINDOW;

	return streams->input_sent < window ? window - streams->input_sent : 0;
}

/* terminal_escaped() - whether the user wants out: Ctrl-] three times in a row */
static bool terminal_escaped(struct terminal *terminal, const unsigned char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length && terminal->escapes < 3; i++)
		terminal->escapes = data[i] == ']' - '@' ? terminal->escapes + 1 : 0;
	return terminal->escapes >= 3;
}

int streams_input(struct streams *streams, struct channel *channel)
{
	static unsigned char part[FRAME_MAX];
	size_t room = streams_input_room(streams, channel);
	ssize_t length;
	int err;

	length = read(STDIN_FILENO, part, room < sizeof(part) ? room : sizeof(part));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* A terminal that has gone is the end; anything else has lost input. */
	err = length < 0 ? -errno : 0;
	if (err && !isatty(STDIN_FILENO))
		return err;
	if (length <= 0) {
		length = 0;
		streams->input_open = false;
	}
	if (streams->terminal.raw && terminal_escaped(&streams->terminal, part, length))
		return 1;
	streams->input_sent += length;
	channel_queue(channel, FRAME_INPUT, part, length);
	return 0;
}

int streams_credit(struct streams *streams, const struct frame *frame)
{
	uint32_t number;

	if (frame->length != sizeof(number))
		return -1;
	memcpy(&number, frame->data, sizeof(number));
	if (number > streams->input_sent)
		return -1;
	streams->input_sent -= number;
	return 0;
}

void terminal_begin(struct terminal *terminal)
{
	struct termios modes, raw;

	if (tcgetattr(STDIN_FILENO, &modes))
		return;
	raw = modes;
	cfmakeraw(&raw);
	/* After SIGCONT they may be raw still: nothing had stopped this process. */
	if (!terminal->raw || modes.c_lflag & ICANON)
		terminal->was = modes;
	terminal->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void terminal_end(struct terminal *terminal)
{
	if (terminal->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal->was);
	terminal->raw = false;
}

struct winsize terminal_window(void)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	size.ws_xpixel = 0;
	size.ws_ypixel = 0;
	return size;
}

void streams_free(struct streams *streams)
{
	text_free(&streams->output[0].waiting);
	text_free(&streams->output[1].waiting);
}
