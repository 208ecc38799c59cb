// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <unistd.h>
#include "terminal.h"

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

bool terminal_escaped(struct terminal *terminal, const unsigned char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length && terminal->escapes < 3; i++)
		terminal->escapes = data[i] == ']' - '@' ? terminal->escapes + 1 : 0;
	return terminal->escapes >= 3;
}

struct winsize terminal_window(void)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	size.ws_xpixel = 0;
	size.ws_ypixel = 0;
	return size;
}
