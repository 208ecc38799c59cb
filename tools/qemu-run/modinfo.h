/* SPDX-License-Identifier: GPL-2.0 */
/* What a module says of itself. */
#ifndef QEMU_RUN_MODINFO_H
#define QEMU_RUN_MODINFO_H

#include <stddef.h>

/**
 * modinfo() - a field of a module's .modinfo section
 * @image: the module
 * @length: its size
 * @field: the field's name
 *
 * Return: its value, inside @image and NUL-terminated there, or NULL when this
 * is no module or has no such field.
 */
const char *modinfo(const void *image, size_t length, const char *field);

#endif
