// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "poweroff.h"

void *must(void *memory)
{
	if (!memory)
		die("memory");
	return memory;
}

void list_add(struct list *list, const void *text, size_t length)
{
	char *item = must(malloc(length + 1));

	memcpy(item, text, length);
	item[length] = '\0';
	list->items = must(realloc(list->items, (list->count + 2) * sizeof(*list->items)));
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}
