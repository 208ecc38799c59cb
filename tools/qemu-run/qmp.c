// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <string.h>
#include "qmp.h"

json_t *qmp_next(struct text *replies)
{
	const char *newline;
	json_t *reply;

	while (replies->length && (newline = memchr(replies->data, '\n', replies->length))) {
		reply = json_loadb(replies->data, newline - replies->data, 0, NULL);
		text_drop(replies, newline + 1 - replies->data);
		if (json_object_get(reply, "return") || json_object_get(reply, "error") ||
		    json_object_get(reply, "event"))
			return reply;
		json_decref(reply);
	}
	return NULL;
}

const char *qmp_refusal(const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	const char *text = json_string_value(json_object_get(error, "desc"));

	return text ? text : error ? "QEMU does not say why" : NULL;
}
