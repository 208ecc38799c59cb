// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first and only process of ours: boots, says so, takes one job,
 * runs it, reports, ends the machine with the job's status.
 *
 * A program and not a shell script: after a restore nothing but this process
 * and the command should run. Each program that a script would start costs more
 * under emulation than all of what is done here.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "../wire/tree.h"
#include "init.h"

/* How much later than this process the driver acts, should this one not. */
#define DRIVER_GRACE_S 1

/* How long disks may take to be written to and unmounted at the end. */
#define SETTLE_MS 30000
/* ... and past the deadline: less than DRIVER_GRACE_S. */
#define SETTLE_LATE_MS 800
/* ... and between: the host gives the guest five seconds more than the timeout. */
#define SETTLE_GRACE_MS 3000

/* A serial port that has been quiet for so long has nothing under way. */
#define QUIET_MS 100

struct list {
	char **items;
	size_t count;
};

struct session {
	struct channel channel;
	int packed; /* the file that frames come from just now, or -1 */
	int signals;
	int deadline;
	int complaints; /* the kernel's log */
	int tainted;
	int random;
	int mounts;
	struct poweroff poweroff;

	bool watching; /* complaints has its place in the log */
	struct job job;
	struct list arguments;
	struct list fetches;
	char *directory;
	struct tree_receiver files;

	struct child child;
	unsigned int alone; /* rounds without a host */
	bool ended;	  /* the command has */
	int wait_status;
	struct timespec started;
	uint64_t taint_before;

	/* Input that has arrived and not yet gone to the command. */
	bool input_end;
	size_t input_start;
	size_t input_length;

	unsigned char input[INPUT_WINDOW];
	unsigned char output[sizeof(struct frame_header) + FRAME_MAX];
	struct frame_reader reader;
	struct frame_reader packed_reader;
};

static void die(const char *what)
{
	struct poweroff poweroff;

	log_line("%s: %s", what, strerror(errno));
	poweroff_find(&poweroff);
	poweroff_now(&poweroff, 125);
}

static void *check(void *memory)
{
	if (!memory)
		die("memory");
	return memory;
}

static void list_add(struct list *list, const void *text, size_t length)
{
	char *item = check(malloc(length + 1));

	memcpy(item, text, length);
	item[length] = '\0';
	list->items = check(realloc(list->items, (list->count + 2) * sizeof(*list->items)));
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

static uint64_t elapsed_ns(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - since->tv_sec) * 1000000000 + now.tv_nsec -
	       since->tv_nsec;
}

/*
 * That it is the deadline which ends the machine, where the code does not say so: it
 * may have no way to a port, or the port is the command's. In one write and if there
 * is room for it: a host that reads nothing does not hold the deadline up, or by a
 * second where the channel is a serial port. Not in the middle of a frame.
 */
static void report_deadline(struct session *session)
{
	struct {
		struct frame_header header;
		uint32_t method;
	} frame = {
		.header = { .length = sizeof(frame.method), .type = FRAME_DEADLINE },
		.method = session->poweroff.method,
	};

	(void)!write(session->channel.fd, &frame, sizeof(frame));
	if (session->channel.serial)
		channel_drain(session->channel.fd);
}

/* The timeout: what hangs in the kernel is worth more than the host's guess. */
static void deadline_passed(struct session *session)
{
	struct stat st;
	char text[512];

	if (!stat("/proc/sysrq-trigger", &st)) {
		write_text("/proc/sysrq-trigger", "w");
		write_text("/proc/sysrq-trigger", "l");
	}
	if (!disks_settle(session->mounts, SETTLE_LATE_MS, text, sizeof(text)))
		log_line("%s: data may be lost", text);
	poweroff_now(&session->poweroff, 124);
}

/*
 * A host that is gone for a second is gone for good, and QEMU should have gone with
 * it: it does not where a script started it, and the script was killed. A serial
 * port cannot tell.
 */
static void watch_host(struct session *session, short revents)
{
	if (!(revents & POLLHUP)) {
		session->alone = 0;
		return;
	}
	if (++session->alone > 100) {
		log_line("the host has gone");
		poweroff_now(&session->poweroff, 125);
	}
	usleep(10000);
}

/* Writes all, or ends the machine. The host may be slow: the deadline holds. */
static void port_write(struct session *session, const void *data, size_t length)
{
	const char *from = data;

	while (length) {
		ssize_t done = write(session->channel.fd, from, length);

		if (done > 0) {
			from += done;
			length -= done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd events[] = {
				{ .fd = session->channel.fd, .events = POLLOUT },
				{ .fd = session->ended ? -1 : session->deadline, .events = POLLIN },
			};

			poll(events, 2, -1);
			if (events[1].revents)
				deadline_passed(session);
			watch_host(session, events[0].revents);
		} else if (done < 0 && errno == EINTR) {
			continue;
		} else {
			die("port");
		}
	}
}

static void send_frame(struct session *session, uint32_t type, const void *data,
		       uint32_t length)
{
	struct frame_header header = { .length = length, .type = type };

	/* One write, one trip out of the guest. */
	memcpy(session->output, &header, sizeof(header));
	if (length)
		memcpy(session->output + sizeof(header), data, length);
	port_write(session, session->output, sizeof(header) + length);
}

static void say_hello(struct session *session)
{
	struct hello hello = { .version = PROTOCOL_VERSION, .method = session->poweroff.method };

	send_frame(session, FRAME_HELLO, &hello, sizeof(hello));
}

/* Says why there will be no command, and waits for the host to have read it. */
static void refuse(struct session *session, uint32_t status, const char *what,
		   const char *why);

/* Tells the host that there is room again, where it cannot know otherwise. */
static void acknowledge(struct session *session)
{
	struct ack ack = {
		.bytes = session->channel.taken,
		.sum = session->channel.sum,
	};

	session->channel.taken = 0;
	send_frame(session, FRAME_ACK, &ack, sizeof(ack));
}

/*
 * Says what of the host's has come, to the last: where some of it was lost on its way
 * by a serial port, the host knows by the sum.
 */
static void acknowledge_all(struct session *session)
{
	if (!session->channel.serial)
		return;
	acknowledge(session);
	channel_drain(session->channel.fd);
}

/* No host sends that, but it may be what is left of what was sent. */
static void bad_frame(struct session *session)
{
	acknowledge_all(session);
	errno = EPROTO;
	die("frame");
}

/* Reads what has come from the host, and returns whether anything had. */
static bool port_read(struct session *session)
{
	unsigned char *where;
	ssize_t length;
	size_t space;

	where = frame_space(&session->reader, &space);
	length = channel_read(&session->channel, where, space);
	if (length > 0) {
		frame_added(&session->reader, length);
		if (session->channel.taken >= SERIAL_WINDOW / 4)
			acknowledge(session);
		return true;
	}
	/* The host has gone, and QEMU goes with it; or is about to come. */
	if (length == 0)
		usleep(1000);
	else if (errno != EAGAIN && errno != EINTR)
		die("port");
	return false;
}

/*
 * port_patience() - how long to wait for more from the host, in ms
 *
 * Where some of what it sent was lost, the host waits, too: for word of so much
 * that it may send more. What did arrive tells it.
 */
static int port_patience(const struct session *session)
{
	return session->channel.serial && session->channel.taken ? QUIET_MS : -1;
}

/* Waits until something has come from the host, and reads it. */
static void port_fill(struct session *session)
{
	while (!port_read(session)) {
		struct pollfd event = { .fd = session->channel.fd, .events = POLLIN };

		if (!poll(&event, 1, port_patience(session)))
			acknowledge(session);
	}
}

/* The same, of a job that came as a file. */
static void packed_fill(struct session *session)
{
	unsigned char *where;
	ssize_t length;
	size_t space;

	where = frame_space(&session->packed_reader, &space);
	length = read(session->packed, where, space);
	if (length <= 0) {
		if (!length)
			errno = EPROTO;
		die(PACKED_JOB);
	}
	frame_added(&session->packed_reader, length);
}

static void next_frame(struct session *session, struct frame *frame)
{
	bool packed = session->packed >= 0;
	int got;

	while (!(got = frame_next(packed ? &session->packed_reader : &session->reader, frame))) {
		if (packed)
			packed_fill(session);
		else
			port_fill(session);
	}
	if (got < 0)
		bad_frame(session);
}

static void end_machine(struct session *session, uint32_t code)
{
	struct frame frame;

	/* It is for the host to say, wherever the job came from. */
	session->packed = -1;
	do {
		next_frame(session, &frame);
	} while (frame.type != FRAME_BYE);
	/* What was lost before it is known by the sum, though the status is there. */
	acknowledge_all(session);
	poweroff_now(&session->poweroff, code & 0x7f);
}

static void refuse(struct session *session, uint32_t status, const char *what,
		   const char *why)
{
	struct {
		uint32_t status;
		char text[1024];
	} message = { .status = status };
	int length;

	length = snprintf(message.text, sizeof(message.text), "%s: %s", what, why);
	if (length >= (int)sizeof(message.text))
		length = sizeof(message.text) - 1;
	send_frame(session, FRAME_REFUSED, &message, sizeof(message.status) + length);
	end_machine(session, status);
}

/*
 * What the kernel complains of is the job's from here on, or from the first of the
 * modules that a template keeps.
 */
static void watch_kernel(struct session *session)
{
	if (!session->watching)
		lseek(session->complaints, 0, SEEK_END);
	session->watching = true;
}

static void begin_job(struct session *session, const struct frame *frame)
{
	struct {
		int entropy_count;
		int size;
		unsigned char seed[sizeof(session->job.seed)];
	} pool = { .entropy_count = 8 * sizeof(pool.seed), .size = sizeof(pool.seed) };
	struct timespec now;

	memcpy(&session->job, frame->data, sizeof(session->job));

	/* A clone wakes up in its template's past, and with its random numbers. */
	now.tv_sec = session->job.realtime_ns / 1000000000;
	now.tv_nsec = session->job.realtime_ns % 1000000000;
	clock_settime(CLOCK_REALTIME, &now);
	memcpy(pool.seed, session->job.seed, sizeof(pool.seed));
	if (ioctl(session->random, RNDADDENTROPY, &pool) ||
	    ioctl(session->random, RNDRESEEDCRNG, 0))
		log_line("cannot reseed the random pool: %s", strerror(errno));
	explicit_bzero(&pool, sizeof(pool));
	explicit_bzero(session->job.seed, sizeof(session->job.seed));
	watch_kernel(session);
}

static void take_module(struct session *session, const struct frame *first)
{
	char parameters[4096], name[256], reason[300];
	size_t length = 0, capacity = 0;
	unsigned char *image = NULL;
	struct frame frame;
	int err;

	snprintf(parameters, sizeof(parameters), "%.*s", (int)first->length, first->data);
	snprintf(name, sizeof(name), "%.*s",
		 (int)(first->length - strnlen((char *)first->data, first->length) - 1),
		 first->data + strnlen((char *)first->data, first->length) + 1);
	for (;;) {
		next_frame(session, &frame);
		if (frame.type != FRAME_DATA)
			break;
		if (!image || length + frame.length > capacity) {
			capacity = 2 * (length + frame.length);
			image = check(realloc(image, capacity));
		}
		memcpy(image + length, frame.data, frame.length);
		length += frame.length;
	}
	watch_kernel(session);
	err = load_module(image, length, parameters);
	free(image);
	/* Built in after all, or brought by a module before it. */
	if (!err || err == -EEXIST || first->type == FRAME_SOFT_MODULE)
		return;
	snprintf(reason, sizeof(reason), "%s (the guest's console says more: -v)",
		 strerror(-err));
	refuse(session, 125, name, reason);
}

static void bring_network_up(struct session *session, bool required)
{
	/* The addresses of QEMU's user-mode network. */
	static const char *const steps[][8] = {
		{ "/bin/busybox", "ip", "link", "set", "eth0", "up" },
		{ "/bin/busybox", "ip", "addr", "add", "10.0.2.15/24", "dev", "eth0" },
		{ "/bin/busybox", "ip", "route", "add", "default", "via", "10.0.2.2" },
	};
	size_t i;

	/* Or the command loads the card's driver itself, and sets the network up. */
	if (required || !access("/sys/class/net/eth0", F_OK))
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (run_tool(steps[i]))
				refuse(session, 125, "--net",
				       "the guest's network does not come up");
	i = open("/etc/resolv.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if ((int)i >= 0) {
		(void)!write(i, "nameserver 10.0.2.3\n", 20);
		close(i);
	}
}

static void take_job(struct session *session)
{
	struct frame frame;
	int err = 0;

	for (;;) {
		next_frame(session, &frame);
		switch (frame.type) {
		case FRAME_JOB:
			begin_job(session, &frame);
			break;
		case FRAME_ARGUMENT:
			list_add(&session->arguments, frame.data, frame.length);
			break;
		case FRAME_VARIABLE: {
			char *text = strndup((const char *)frame.data, frame.length);

			putenv(check(text));
			break;
		}
		case FRAME_DIRECTORY:
			session->directory =
				check(strndup((const char *)frame.data, frame.length));
			break;
		case FRAME_ENTRY:
		case FRAME_DATA:
			if (!err)
				err = tree_receive(&session->files, &frame);
			break;
		case FRAME_END:
			if (!err)
				err = tree_finish(&session->files);
			if (err)
				refuse(session, 125, "-f", strerror(-err));
			break;
		case FRAME_MODULE:
		case FRAME_SOFT_MODULE:
			take_module(session, &frame);
			break;
		case FRAME_NETWORK:
			bring_network_up(session, frame.length && frame.data[0]);
			break;
		case FRAME_GET:
			list_add(&session->fetches, frame.data, frame.length);
			break;
		case FRAME_PACKED:
			session->packed = open("/" PACKED_JOB, O_RDONLY | O_CLOEXEC);
			if (session->packed < 0)
				die(PACKED_JOB);
			/* Its room is the command's, once it has been read. */
			unlink("/" PACKED_JOB);
			break;
		case FRAME_PACKED_END:
			close(session->packed);
			session->packed = -1;
			break;
		case FRAME_HOLD:
			say_hello(session);
			break;
		case FRAME_START:
			return;
		default:
			errno = EPROTO;
			die("job");
		}
	}
}

static void start_command(struct session *session)
{
	struct itimerspec timer = {
		.it_value = {
			.tv_sec = session->job.timeout_ms / 1000,
			.tv_nsec = session->job.timeout_ms % 1000 * 1000000,
		},
	};
	const char *directory = session->directory ? session->directory : HOME;
	int err;

	session->taint_before = taint(session->tainted);
	clock_gettime(CLOCK_MONOTONIC, &session->started);
	if (session->job.timeout_ms) {
		poweroff_arm(&session->poweroff, 124,
			(session->job.timeout_ms + 999) / 1000 + DRIVER_GRACE_S);
		timerfd_settime(session->deadline, 0, &timer, NULL);
	}
	send_frame(session, FRAME_STARTED, NULL, 0);
	err = child_start(&session->child, session->arguments.items, directory,
			  &session->job);
	if (err) {
		if (session->job.timeout_ms)
			poweroff_arm(&session->poweroff, 0, -1);
		session->ended = true;
		refuse(session, err == ENOENT ? 127 : 126,
		       access(directory, X_OK) ? directory : session->arguments.items[0],
		       strerror(err));
	}
}

static void take_input(struct session *session, const struct frame *frame)
{
	size_t end, part;

	if (!frame->length) {
		session->input_end = true;
		return;
	}
	if (session->input_length + frame->length > sizeof(session->input))
		return;
	end = (session->input_start + session->input_length) % sizeof(session->input);
	part = sizeof(session->input) - end;
	if (part > frame->length)
		part = frame->length;
	memcpy(session->input + end, frame->data, part);
	memcpy(session->input, frame->data + part, frame->length - part);
	session->input_length += frame->length;
}

static void close_stream(int *stream)
{
	if (*stream >= 0)
		close(*stream);
	*stream = -1;
}

/* Hands input on to the command; what nobody will read is dropped. */
static void give_input(struct session *session)
{
	uint32_t gone = 0;
	ssize_t done;
	size_t part;

	while (session->input_length) {
		part = sizeof(session->input) - session->input_start;
		if (part > session->input_length)
			part = session->input_length;
		done = part;
		if (session->child.input >= 0) {
			done = write(session->child.input, session->input + session->input_start,
				     part);
			if (done < 0 && errno == EAGAIN)
				break;
			if (done < 0) {
				close_stream(&session->child.input);
				done = part;
			}
		}
		session->input_start = (session->input_start + done) % sizeof(session->input);
		session->input_length -= done;
		gone += done;
	}
	if (gone)
		send_frame(session, FRAME_CREDIT, &gone, sizeof(gone));
	/* A terminal has no end of input but its own Ctrl-D. */
	if (session->input_end && !session->input_length &&
	    !(session->job.flags & JOB_TERMINAL))
		close_stream(&session->child.input);
}

/* What has arrived already: some of it perhaps with the job. */
static void take_frames(struct session *session)
{
	struct frame frame;
	int got;

	while ((got = frame_next(&session->reader, &frame)) > 0) {
		struct winsize size = { 0 };
		struct window window;
		uint32_t stream;

		switch (frame.type) {
		case FRAME_INPUT:
			take_input(session, &frame);
			break;
		case FRAME_WINDOW:
			memcpy(&window, frame.data, sizeof(window));
			size.ws_row = window.rows;
			size.ws_col = window.columns;
			ioctl(session->child.output, TIOCSWINSZ, &size);
			break;
		case FRAME_SHUT:
			memcpy(&stream, frame.data, sizeof(stream));
			close_stream(stream == 1 ? &session->child.output :
						   &session->child.errors);
			break;
		case FRAME_NUDGE:
			break;
		default:
			bad_frame(session);
		}
	}
	if (got < 0)
		bad_frame(session);
	give_input(session);
}

/* Passes on what a stream holds. Returns false when there is nothing just now. */
static bool pass_output(struct session *session, int *stream, uint32_t type)
{
	struct frame_header header = { .type = type };
	ssize_t length;

	if (*stream < 0)
		return false;
	length = read(*stream, session->output + sizeof(header), FRAME_MAX);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (length <= 0) {
		/* A terminal ends with EIO. */
		close_stream(stream);
		return false;
	}
	header.length = length;
	memcpy(session->output, &header, sizeof(header));
	port_write(session, session->output, sizeof(header) + length);
	return true;
}

static void reap(struct session *session)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(session->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != session->child.pid)
			continue;
		session->ended = true;
		session->wait_status = status;
		if (session->job.timeout_ms)
			poweroff_arm(&session->poweroff, 0, -1);
	}
}

static void run_command(struct session *session)
{
	struct child *child = &session->child;

	take_frames(session);
	while (!session->ended) {
		struct pollfd events[] = {
			{ .fd = session->channel.fd, .events = POLLIN },
			{ .fd = session->signals, .events = POLLIN },
			{ .fd = session->deadline, .events = POLLIN },
			{ .fd = child->output, .events = POLLIN },
			{ .fd = child->errors, .events = POLLIN },
			{ .fd = session->input_length ? child->input : -1, .events = POLLOUT },
		};

		int ready = poll(events, sizeof(events) / sizeof(events[0]),
				 port_patience(session));

		if (!ready)
			acknowledge(session);
		if (ready <= 0)
			continue;
		if (events[2].revents) {
			report_deadline(session);
			deadline_passed(session);
		}
		watch_host(session, events[0].revents);
		/* Of a host that is gone there is an end to be read, for ever. */
		if ((events[0].revents & (POLLIN | POLLHUP)) == POLLIN &&
		    port_read(session))
			take_frames(session);
		if (events[5].revents)
			give_input(session);
		if (events[3].revents)
			pass_output(session, &child->output, FRAME_OUTPUT);
		if (events[4].revents)
			pass_output(session, &child->errors, FRAME_ERRORS);
		if (events[1].revents)
			reap(session);
	}
	/*
	 * What the command wrote before it ended is in the pipes now. What a
	 * daemon of its writes later is not the command's any more.
	 */
	while (pass_output(session, &child->output, FRAME_OUTPUT))
		;
	while (pass_output(session, &child->errors, FRAME_ERRORS))
		;
}

static int emit_frame(void *context, uint32_t type, const void *data, uint32_t length)
{
	send_frame(context, type, data, length);
	return 0;
}

static void send_results(struct session *session)
{
	char path[4096];
	size_t i;

	for (i = 0; i < session->fetches.count; i++) {
		const char *from = session->fetches.items[i];
		int32_t err;

		if (from[0] != '/')
			snprintf(path, sizeof(path), "%s/%s",
				 session->directory ? session->directory : HOME, from);
		else
			snprintf(path, sizeof(path), "%s", from);
		/* Every tree is called so: the host knows what it asked for. */
		err = -tree_send(path, "it", i, emit_frame, session);
		send_frame(session, FRAME_END, &err, sizeof(err));
	}
}

/* How long the host still has patience, as far as it has not more than enough. */
static int settle_limit_ms(const struct session *session)
{
	int64_t left_ms = (int64_t)session->job.timeout_ms -
			  (int64_t)(elapsed_ns(&session->started) / 1000000);

	if (!session->job.timeout_ms || left_ms > SETTLE_MS - SETTLE_GRACE_MS)
		return SETTLE_MS;
	return (left_ms > 0 ? left_ms : 0) + SETTLE_GRACE_MS;
}

static void report(struct session *session)
{
	struct status status = {
		.method = session->poweroff.method,
		.taint_before = session->taint_before,
		.taint_after = taint(session->tainted),
		.run_ns = elapsed_ns(&session->started),
	};
	char line[1024], text[512];
	int lines;

	if (WIFSIGNALED(session->wait_status)) {
		status.signal = WTERMSIG(session->wait_status);
		status.code = 128 + status.signal;
	} else {
		status.code = WEXITSTATUS(session->wait_status);
	}
	send_results(session);
	if (!disks_settle(session->mounts, settle_limit_ms(session), text, sizeof(text))) {
		snprintf(line, sizeof(line), "init: %s: data may be lost", text);
		send_frame(session, FRAME_COMPLAINT, line, strlen(line));
	}
	for (lines = 0; lines < 20 && session->complaints >= 0; lines++) {
		if (!complaints_next(session->complaints, line, sizeof(line)))
			break;
		send_frame(session, FRAME_COMPLAINT, line, strlen(line));
	}
	/* Whether all of it arrived is part of whether the status means anything. */
	if (session->channel.taken)
		acknowledge(session);
	send_frame(session, FRAME_STATUS, &status, sizeof(status));
	end_machine(session, status.code);
}

int main(void)
{
	static struct session session = {
		.files = { .file = -1, .left = UINT64_MAX, .entries = UINT64_MAX },
		.packed = -1,
	};
	int credit = 256, err;
	sigset_t children;

	boot();
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	session.signals = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
	session.deadline = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	session.files.root = open(HOME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	session.complaints = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	session.tainted = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	session.random = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	/*
	 * The job brings the seed before anything can ask for secrets; that the
	 * pool is ready can be said now, rather than by every clone on its console.
	 */
	if (ioctl(session.random, RNDADDTOENTCNT, &credit))
		log_line("cannot credit the random pool: %s", strerror(errno));
	session.mounts = disks_watch();
	poweroff_find(&session.poweroff);
	if (child_prepare(&session.child))
		die("no process for the command");
	err = channel_open(&session.channel, getenv("qemu_run_serial"));
	if (err) {
		errno = -err;
		die("no way to the host");
	}
	unsetenv("qemu_run_driver");
	unsetenv("qemu_run_serial");

	/* The first fault on the clock's page: each clone would take it again. */
	clock_gettime(CLOCK_MONOTONIC, &session.started);

	say_hello(&session);

	/* A template stops in here, and each of its clones wakes up there. */
	take_job(&session);
	start_command(&session);
	run_command(&session);
	report(&session);
}
