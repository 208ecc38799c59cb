/* SPDX-License-Identifier: GPL-2.0 */
/* The values of the options: each text is read once, into its record. */
#ifndef QEMU_RUN_OPTION_VALUES_H
#define QEMU_RUN_OPTION_VALUES_H

#include "options.h"

/*
 * Each adds what @text says to @options. @text is the option's value, and stays as long as
 * the options; NULL if there is none. What is wrong with it is said on stderr.
 *
 * Return: -1 to go on, or the exit status to end with.
 */
int parse_module(struct options *options, const char *text);
int parse_file(struct options *options, const char *text);
int parse_get(struct options *options, const char *text);
int parse_root(struct options *options, const char *text);
int parse_init(struct options *options, const char *text);
int parse_ready(struct options *options, const char *text);
int parse_rw(struct options *options, const char *text);
int parse_splat(struct options *options, const char *text);
int parse_splat_file(struct options *options, const char *path);
int parse_disk(struct options *options, const char *text);
int parse_machine(struct options *options, const char *text);
int parse_variable(struct options *options, const char *text);
int parse_net(struct options *options, const char *text);
int parse_nic(struct options *options, const char *text);
int parse_forward(struct options *options, const char *text);
int parse_memory(struct options *options, const char *text);
int parse_cpus(struct options *options, const char *text);
int parse_append(struct options *options, const char *text);
int parse_accel(struct options *options, const char *text);
int parse_qemu(struct options *options, const char *text);

/**
 * parse_seconds() - reads a number of seconds
 * @ms: receives it, in milliseconds
 * @option: the option's long name
 * @text: its value
 *
 * Return: as above.
 */
int parse_seconds(uint64_t *ms, const char *option, const char *text);

/**
 * parse_environment() - reads QEMU_RUN_MACHINE
 * @options: receives it, as if by --machine
 *
 * Return: as above.
 */
int parse_environment(struct options *options);

/**
 * check_length() - whether a frame can hold a word of the command line
 * @text: the word
 *
 * Return: as above.
 */
int check_length(const char *text);

#endif
