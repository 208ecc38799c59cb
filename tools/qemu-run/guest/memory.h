/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is there, or the machine ends. */
#ifndef QEMU_RUN_GUEST_MEMORY_H
#define QEMU_RUN_GUEST_MEMORY_H

#include <stddef.h>

/**
 * must() - ends the machine if there was no memory
 * @memory: from malloc(3) and the like
 *
 * Return: @memory, never NULL.
 */
void *must(void *memory);

/**
 * struct list - texts, in order
 * @items: the texts, and NULL behind the last; NULL while the list is empty
 * @count: how many
 */
struct list {
	char **items;
	size_t count;
};

/**
 * list_add() - appends a copy of a text
 * @list: the list; all zeroes when empty
 * @text: the text, which need not end with NUL
 * @length: of @text
 */
void list_add(struct list *list, const void *text, size_t length);

#endif
