/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's machine protocol: JSON objects, a line each. */
#ifndef QEMU_RUN_QMP_H
#define QEMU_RUN_QMP_H

#include <jansson.h>
#include "util.h"

/* What QEMU wants to hear before all else. */
#define QMP_BEGIN "{\"execute\":\"qmp_capabilities\"}"
/* A saved state is without memory that is in a file. */
#define QMP_IGNORE_SHARED \
	"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":" \
	"[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}"

/**
 * qmp_next() - removes the next reply or event from what QEMU has sent
 * @replies: what it has sent; its greeting is dropped
 *
 * Return: an object with the member "return", "error" or "event", for json_decref(); NULL
 * where there is none yet.
 */
json_t *qmp_next(struct text *replies);

/**
 * qmp_refusal() - why QEMU refuses
 * @reply: a reply
 *
 * Return: the text, valid as long as @reply, or NULL if QEMU does not refuse.
 */
const char *qmp_refusal(const json_t *reply);

#endif
