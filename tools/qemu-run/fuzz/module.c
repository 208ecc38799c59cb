// SPDX-License-Identifier: GPL-2.0
/* A module file is the user's, and still may be anything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../modinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *value = modinfo(data, size, "vermagic");

	/* Inside, and terminated there: reading it must not leave the buffer. */
	if (value && strlen(value) > size)
		abort();
	return 0;
}
