/* SPDX-License-Identifier: GPL-2.0 */
/* What a hung guest can still be made to say, before it is killed. */
#ifndef QEMU_RUN_LAST_WORDS_H
#define QEMU_RUN_LAST_WORDS_H

#include "session.h"

/**
 * last_words() - has a hung guest say on its console what it hangs in
 * @session: its session
 *
 * Its blocked tasks and what its processors do, by sysrq. A guest that takes no
 * interrupts cannot be asked: a non-maskable one makes it panic, and the trace of
 * that names what it was doing. Takes 36 seconds at most.
 */
void last_words(struct session *session);

#endif
