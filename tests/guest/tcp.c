// SPDX-License-Identifier: GPL-2.0
/*
 * How fast bytes go through a network card, one way at a time, over one TCP connection.
 *
 * tcp serve                            on the host: prints the port of its loopback
 * tcp send|receive ADDRESS PORT MB     in the guest: prints MB/s by the guest's clock
 *
 * The last byte counts when the other end has it: it answers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	(64 * 1024)

/* What the client asks for; both ends are of one machine, and of one byte order. */
struct request {
	uint64_t bytes;
	char way;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void take(int fd, void *data, uint64_t length)
{
	static char waste[CHUNK];
	ssize_t got;

	for (; length; length -= got) {
		got = read(fd, data ? data : waste,
			   data || length < CHUNK ? length : CHUNK);
		if (got <= 0)
			die("read");
		if (data)
			data = (char *)data + got;
	}
}

static void give(int fd, uint64_t length)
{
	static char bytes[CHUNK];
	ssize_t done;

	for (; length; length -= done) {
		done = write(fd, bytes, length < CHUNK ? length : CHUNK);
		if (done <= 0)
			die("write");
	}
}

static void serve(void)
{
	struct sockaddr_in place = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	socklen_t length = sizeof(place);
	struct request request;

	place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&place, sizeof(place)) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&place, &length))
		die("serve");
	printf("%d\n", ntohs(place.sin_port));
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		take(fd, &request, sizeof(request));
		if (request.way == 's') {
			take(fd, NULL, request.bytes);
			give(fd, 1);
		} else {
			give(fd, request.bytes);
			take(fd, NULL, 1);
		}
		close(fd);
	}
	die("accept");
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct sockaddr_in place = { .sin_family = AF_INET };
	struct request request = { 0 };
	double begin;
	int fd;

	if (argc == 2 && !strcmp(argv[1], "serve"))
		serve();
	if (argc != 5 || inet_pton(AF_INET, argv[2], &place.sin_addr) != 1) {
		fprintf(stderr, "usage: tcp serve | tcp send|receive ADDRESS PORT MB\n");
		return 2;
	}
	place.sin_port = htons(atoi(argv[3]));
	request.bytes = strtoull(argv[4], NULL, 10) * 1000000;
	request.way = argv[1][0];
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&place, sizeof(place)))
		die(argv[2]);
	begin = now();
	if (write(fd, &request, sizeof(request)) != sizeof(request))
		die("write");
	if (request.way == 's') {
		give(fd, request.bytes);
		take(fd, NULL, 1);
	} else {
		take(fd, NULL, request.bytes);
		give(fd, 1);
	}
	printf("%.2f\n", request.bytes / 1e6 / (now() - begin));
	return 0;
}
