// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "modinfo.h"

static bool inside(size_t length, uint64_t offset, uint64_t size)
{
	return offset <= length && size <= length - offset;
}

/* section() - the section called @name, copied out: files need not be aligned. */
static bool section(const unsigned char *image, size_t length, const char *name, Elf64_Shdr *found)
{
	Elf64_Shdr names;
	Elf64_Ehdr header;
	unsigned int i;

	if (length < sizeof(header))
		return false;
	memcpy(&header, image, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_type != ET_REL || header.e_shentsize != sizeof(Elf64_Shdr) ||
	    header.e_shstrndx >= header.e_shnum ||
	    !inside(length, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr)))
		return false;
	memcpy(&names, image + header.e_shoff + header.e_shstrndx * sizeof(names), sizeof(names));
	if (names.sh_type == SHT_NOBITS || !inside(length, names.sh_offset, names.sh_size))
		return false;
	for (i = 0; i < header.e_shnum; i++) {
		memcpy(found, image + header.e_shoff + i * sizeof(*found), sizeof(*found));
		if (!inside(names.sh_size, found->sh_name, strlen(name) + 1) ||
		    strcmp((const char *)image + names.sh_offset + found->sh_name, name))
			continue;
		return found->sh_type != SHT_NOBITS &&
		       inside(length, found->sh_offset, found->sh_size);
	}
	return false;
}

const char *modinfo(const void *image, size_t length, const char *field)
{
	const char *text, *end;
	size_t name = strlen(field);
	Elf64_Shdr info;

	if (!section(image, length, ".modinfo", &info) || !info.sh_size)
		return NULL;
	text = (const char *)image + info.sh_offset;
	end = text + info.sh_size;
	if (end[-1])
		return NULL;
	for (; text < end; text += strlen(text) + 1)
		if (!strncmp(text, field, name) && text[name] == '=')
			return text + name + 1;
	return NULL;
}
