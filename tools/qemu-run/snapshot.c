// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor.h"
#include "snapshot.h"

/* QEMU answers at once, but may be busy with a slow disk. */
#define SAVE_NS (60 * 1000000000ULL)

#define CHUNK (64 * 1024)

/* So much growth, in blocks of 512 bytes, is not worth a look at all of the file. */
#define GROWTH_MAX ((32 << 20) / 512)

/* order() - has QEMU do what it has no answer to. */
static int order(struct session *session, const char *command, int fd)
{
	json_t *reply = monitor_do(session, command, fd);

	json_decref(reply);
	return reply ? 0 : -1;
}

/*
 * start_saving() - tells QEMU where to write the devices' state
 *
 * By file:, which QEMU 8.2 learned, or else by fd:, which must be no file from 11.1 on:
 * QEMU refuses what it does not know.
 *
 * Return: 1 by file:, 0 by fd:, -1 on an error.
 */
static int start_saving(struct session *session, int state)
{
	json_t *reply;
	bool refused;

	if (order(session, "{\"execute\":\"add-fd\",\"arguments\":{\"fdset-id\":1}}", state))
		return -1;
	reply = monitor_try(session, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"" FILE_URI "\"}}",
			    -1, now_ns() + SAVE_NS);
	if (!reply)
		return error_add(session->error, "QEMU's monitor does not answer");
	refused = json_object_get(reply, "error");
	json_decref(reply);
	if (!refused)
		return 1;
	if (order(session, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}", state))
		return -1;
	return order(session, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}",
		     -1);
}

/* wait_saved() - waits until QEMU has written the devices' state. */
static int wait_saved(struct session *session)
{
	uint64_t end = now_ns() + SAVE_NS;

	for (;;) {
		json_t *reply = monitor_do(session, "{\"execute\":\"query-migrate\"}", -1);
		const char *status;
		int done = 0;

		if (!reply)
			return -1;
		status = json_string_value(json_object_get(json_object_get(reply, "return"),
							   "status"));
		if (status && !strcmp(status, "completed"))
			done = 1;
		else if (status && (!strcmp(status, "failed") || !strcmp(status, "cancelled")))
			done = error_add(session->error, "QEMU cannot save the guest: %s", status);
		else if (now_ns() >= end)
			done = error_add(session->error, "QEMU does not come to save the guest");
		json_decref(reply);
		if (done)
			return done < 0 ? -1 : 0;
		poll(NULL, 0, 2);
	}
}

int snapshot_save(struct session *session, int state)
{
	int by_file;

	if (order(session, QMP_IGNORE_SHARED, -1))
		return -1;
	by_file = start_saving(session, state);
	return by_file < 0 || wait_saved(session) ? -1 : by_file;
}

int snapshot_punch(int file)
{
	static const char zeroes[CHUNK];
	static char part[CHUNK];
	struct stat st;
	off_t at, data;

	if (fstat(file, &st))
		return -errno;
	for (at = 0; at < st.st_size; at += CHUNK) {
		data = lseek(file, at, SEEK_DATA);
		if (data < 0)
			break;
		at = data / CHUNK * CHUNK;
		if (pread(file, part, CHUNK, at) != CHUNK)
			return -errno;
		if (!memcmp(part, zeroes, CHUNK) &&
		    fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, CHUNK))
			return errno == EOPNOTSUPP ? 0 : -errno;
	}
	return 0;
}

void snapshot_shrink(int file, long long blocks)
{
	struct stat st;

	if (blocks && !fstat(file, &st) && st.st_blocks > blocks + GROWTH_MAX)
		(void)snapshot_punch(file);
}
