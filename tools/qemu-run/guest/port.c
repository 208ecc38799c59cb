// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "log.h"
#include "boot.h"
#include "channel.h"
#include "port.h"

/* After so long without a byte, no more bytes are on their way by a serial port. */
#define QUIET_MS 100

/* Rounds of 10 ms: a host that has been gone for a second does not come back. */
#define ABSENT_MAX 100

void port_open(struct port *port, bool serial, const struct deadline *deadline)
{
	port->packed = -1;
	port->deadline = deadline;
	port->serial = serial;
	port->sum = FRAME_SUM;
	port->fd = channel_open(serial);
	if (port->fd < 0) {
		errno = -port->fd;
		die("no way to the host");
	}
}

/*
 * QEMU ends with qemu-run, unless a script started QEMU and that script was killed.
 * A serial port cannot tell that its host has gone.
 */
void port_watch_host(struct port *port, short revents)
{
	if (!(revents & POLLHUP)) {
		port->absent = 0;
		return;
	}
	if (++port->absent > ABSENT_MAX) {
		log_line("the host has gone");
		poweroff_now(125);
	}
	usleep(10000);
}

/* Writes all of @data, or ends the machine at the deadline. */
static void write_out(struct port *port, const void *data, size_t length)
{
	const char *from = data;

	while (length) {
		ssize_t done = write(port->fd, from, length);

		if (done > 0) {
			from += done;
			length -= done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd events[] = {
				{ .fd = port->fd, .events = POLLOUT },
				{ .fd = port->deadline->timer, .events = POLLIN },
			};

			poll(events, 2, -1);
			if (events[1].revents)
				deadline_end_machine(port->deadline);
			port_watch_host(port, events[0].revents);
		} else if (done < 0 && errno == EINTR) {
			continue;
		} else {
			die("port");
		}
	}
}

/* Sends port->output. One write is one exit from the guest to QEMU. */
static void send_output(struct port *port, uint32_t type, uint32_t length)
{
	struct frame_header header = { .length = length, .type = type };

	memcpy(port->output, &header, sizeof(header));
	write_out(port, port->output, sizeof(header) + length);
}

void port_send(struct port *port, uint32_t type, const void *data, uint32_t length)
{
	if (length)
		memcpy(port->output + sizeof(struct frame_header), data, length);
	send_output(port, type, length);
}

ssize_t port_send_from(struct port *port, int stream, uint32_t type)
{
	ssize_t length = read(stream, port->output + sizeof(struct frame_header), FRAME_MAX);

	if (length > 0)
		send_output(port, type, length);
	return length;
}

void port_send_hello(struct port *port)
{
	struct hello hello = {
		.version = PROTOCOL_VERSION,
		.method = poweroff_method(),
	};

	memcpy(hello.driver_error, driver_error, sizeof(driver_error));
	port_send(port, FRAME_HELLO, &hello,
		  offsetof(struct hello, driver_error) + strlen(hello.driver_error));
}

void port_acknowledge(struct port *port)
{
	struct ack ack = { .bytes = port->unacknowledged, .sum = port->sum };

	port->unacknowledged = 0;
	port_send(port, FRAME_ACK, &ack, sizeof(ack));
}

/* Waits until a serial port has sent what was written to it: the host may read nothing. */
static void drain(const struct port *port)
{
	unsigned int state;
	int tries;

	if (!port->serial)
		return;
	/* tcdrain(3) would wait for as long as the host does not read. */
	for (tries = 0; tries < 1000; tries++) {
		if (ioctl(port->fd, TIOCSERGETLSR, &state) || (state & TIOCSER_TEMT))
			return;
		usleep(1000);
	}
}

/* For the last time. The host compares sums: it learns whether input was lost. */
static void acknowledge_all(struct port *port)
{
	if (port->serial)
		port_acknowledge(port);
	drain(port);
}

void port_report_deadline(const struct port *port)
{
	struct {
		struct frame_header header;
		uint32_t method;
	} frame = {
		.header = { .length = sizeof(frame.method), .type = FRAME_DEADLINE },
		.method = poweroff_method(),
	};

	/* One write, which the channel takes whole or not at all. */
	(void)!write(port->fd, &frame, sizeof(frame));
	drain(port);
}

void port_bad_frame(struct port *port)
{
	acknowledge_all(port);
	errno = EPROTO;
	die("frame");
}

bool port_receive(struct port *port)
{
	struct frame_reader *reader = &port->reader;
	ssize_t length = frame_read(reader, port->fd);

	if (length > 0) {
		if (!port->serial)
			return true;
		port->unacknowledged += length;
		port->sum = frame_sum(port->sum, reader->buffer + reader->end - length, length);
		if (port->unacknowledged >= SERIAL_WINDOW / 4)
			port_acknowledge(port);
		return true;
	}
	/* Nobody has the other end open: the host has gone, or has not come yet. */
	if (length == 0)
		usleep(1000);
	else if (errno != EAGAIN && errno != EINTR)
		die("port");
	return false;
}

bool port_parse(struct port *port, struct frame *frame)
{
	int got = frame_next(&port->reader, frame);

	if (got < 0)
		port_bad_frame(port);
	return got;
}

/*
 * If some of what the host sent was lost, the host waits for FRAME_ACK before
 * it sends more. So the bytes that did arrive are acknowledged after a pause.
 */
int port_patience_ms(const struct port *port)
{
	return port->serial && port->unacknowledged ? QUIET_MS : -1;
}

static void wait_for_bytes(struct port *port)
{
	while (!port_receive(port)) {
		struct pollfd event = { .fd = port->fd, .events = POLLIN };

		if (!poll(&event, 1, port_patience_ms(port)))
			port_acknowledge(port);
		else
			port_watch_host(port, event.revents);
	}
}

static void read_packed(struct port *port)
{
	ssize_t length = frame_read(&port->packed_reader, port->packed);

	if (length <= 0) {
		if (!length)
			errno = EPROTO;
		die(PACKED_JOB);
	}
}

static void open_packed(struct port *port)
{
	port->packed = open("/" PACKED_JOB, O_RDONLY | O_CLOEXEC);
	if (port->packed < 0)
		die(PACKED_JOB);
	/* Once it has been read, its memory is free for the command. */
	unlink("/" PACKED_JOB);
}

static void close_packed(struct port *port)
{
	if (port->packed >= 0)
		close(port->packed);
	port->packed = -1;
}

void port_wait_frame(struct port *port, struct frame *frame)
{
	int got;

	for (;;) {
		if (port->packed < 0) {
			while (!port_parse(port, frame))
				wait_for_bytes(port);
		} else {
			while (!(got = frame_next(&port->packed_reader, frame)))
				read_packed(port);
			if (got < 0)
				port_bad_frame(port);
		}
		if (frame->type == FRAME_PACKED)
			open_packed(port);
		else if (frame->type == FRAME_PACKED_END)
			close_packed(port);
		else
			return;
	}
}

void end_machine(struct port *port, unsigned int code)
{
	struct frame frame;

	/* FRAME_BYE comes by the channel, even if the job came as a file. */
	close_packed(port);
	do {
		port_wait_frame(port, &frame);
	} while (frame.type != FRAME_BYE);
	/* The host has the status now, and learns whether input was lost before it. */
	acknowledge_all(port);
	poweroff_now(code & 0x7f);
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
