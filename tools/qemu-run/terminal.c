// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <unistd.h>
#include "run.h"

void terminal_begin(struct run *run)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &run->terminal_was))
		return;
	raw = run->terminal_was;
	cfmakeraw(&raw);
	run->terminal_raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void terminal_end(struct run *run)
{
	if (run->terminal_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &run->terminal_was);
	run->terminal_raw = false;
}

struct window terminal_window(void)
{
	struct window window = { 0 };
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) {
		window.rows = size.ws_row;
		window.columns = size.ws_col;
	}
	return window;
}
