/* SPDX-License-Identifier: GPL-2.0 */
/* Frames to the host and from it. */
#ifndef QEMU_RUN_GUEST_PORT_H
#define QEMU_RUN_GUEST_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "../wire/frame.h"
#include "deadline.h"

/* What the host takes is 4096 bytes, with the status before the text. */
#define REFUSAL_MAX 4092

/**
 * struct port - the connection to the host, as frames
 * @fd: open, not blocking
 * @serial: it is a serial port: what is read from it has to be acknowledged
 * @unacknowledged: bytes read from a serial port since the last FRAME_ACK
 * @sum: frame_sum() of all bytes that were read from a serial port
 * @deadline: holds while the port waits for the host to read
 * @packed: the file that frames are read from just now, or -1: the channel
 * @absent: how often in a row the host was found to be gone
 * @reader: what was read from the channel
 * @packed_reader: what was read from the file
 * @output: a frame on its way out
 */
struct port {
	int fd;
	bool serial;
	uint32_t unacknowledged;
	uint32_t sum;
	const struct deadline *deadline;
	int packed;
	unsigned int absent;
	struct frame_reader reader;
	struct frame_reader packed_reader;
	unsigned char output[sizeof(struct frame_header) + FRAME_MAX];
};

/**
 * port_open() - opens the connection to the host
 * @port: receives it; all zeroes before
 * @serial: by the second serial port, and not by virtio
 * @deadline: as prepared
 *
 * Ends the machine if it cannot.
 */
void port_open(struct port *port, bool serial, const struct deadline *deadline);

/**
 * port_send() - sends a frame
 * @port: the port
 * @type: of the frame
 * @data: what follows the header
 * @length: of @data
 *
 * Waits for a host that is slow, until the deadline.
 */
void port_send(struct port *port, uint32_t type, const void *data, uint32_t length);

/**
 * port_send_from() - sends what a stream holds just now, as one frame
 * @port: the port
 * @stream: a descriptor that does not block
 * @type: of the frame
 *
 * Return: as read(2) on the stream; a frame was sent if that is more than 0.
 */
ssize_t port_send_from(struct port *port, int stream, uint32_t type);

/**
 * port_send_hello() - says that init waits for a job, or for more of it
 * @port: the port
 */
void port_send_hello(struct port *port);

/**
 * port_receive() - reads what has come from the host, without waiting
 * @port: the port
 *
 * Return: whether something had come.
 */
bool port_receive(struct port *port);

/**
 * port_parse() - parses the next frame out of what was received
 * @port: the port
 * @frame: receives the frame
 *
 * Return: whether there was a whole frame.
 */
bool port_parse(struct port *port, struct frame *frame);

/**
 * port_wait_frame() - the next frame, from the channel or from the packed job
 * @port: the port
 * @frame: receives the frame
 */
void port_wait_frame(struct port *port, struct frame *frame);

/**
 * port_patience_ms() - how long to wait for the host before port_acknowledge()
 * @port: the port
 *
 * Return: milliseconds, or -1 for no limit: a timeout for poll(2).
 */
int port_patience_ms(const struct port *port);

/**
 * port_acknowledge() - tells the host how many bytes were read off a serial port
 * @port: the port
 */
void port_acknowledge(struct port *port);

/**
 * port_report_deadline() - tells the host that the deadline has passed
 * @port: the port; not in the middle of a frame
 *
 * The exit code does not always say so: the guest may have no way to write the port,
 * or the port may be the command's. Does not wait for a host that reads nothing, or
 * for a second if it is a serial port.
 */
void port_report_deadline(const struct port *port);

/**
 * port_watch_host() - ends the machine if the host has been gone for a second
 * @port: the port
 * @revents: of the channel, from poll(2)
 */
void port_watch_host(struct port *port, short revents);

/**
 * port_bad_frame() - ends the machine because of a frame that no host sends
 * @port: the port
 *
 * On a serial port such a frame may be what is left of two frames.
 */
void port_bad_frame(struct port *port) __attribute__((noreturn));

/**
 * end_machine() - waits for the host's FRAME_BYE, and ends the machine
 * @port: the port; the host knows by now what has become of the job
 * @code: the exit code; its lower seven bits count
 */
void end_machine(struct port *port, unsigned int code) __attribute__((noreturn));

/**
 * refuse() - tells the host why there will be no command, and ends the machine
 * @port: the port
 * @status: qemu-run's exit status: 125, 126 or 127
 * @what: the option or the program that failed
 * @why: the reason; what does not fit REFUSAL_MAX bytes is cut off
 */
void refuse(struct port *port, unsigned int status, const char *what, const char *why)
	__attribute__((noreturn));

#endif
