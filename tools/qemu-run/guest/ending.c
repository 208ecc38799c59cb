// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include "ending.h"

void end_machine(struct port *port, unsigned int code)
{
	struct frame frame;

	/* FRAME_BYE comes by the channel, even if the job came as a file. */
	port_close_packed(port);
	do {
		port_wait_frame(port, &frame);
	} while (frame.type != FRAME_BYE);
	/* The host has the status now, and learns whether input was lost before it. */
	port_acknowledge_all(port);
	poweroff_now(port->deadline->poweroff, code & 0x7f);
}

void refuse(struct port *port, unsigned int status, const char *what, const char *why)
{
	struct {
		uint32_t status;
		char text[REFUSAL_MAX];
	} message = { .status = status };
	int length;

	length = snprintf(message.text, sizeof(message.text), "%s: %s", what, why);
	if (length >= (int)sizeof(message.text))
		length = sizeof(message.text) - 1;
	port_send(port, FRAME_REFUSED, &message, sizeof(message.status) + length);
	end_machine(port, status);
}
