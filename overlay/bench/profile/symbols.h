/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbols of a kernel that was booted with nokaslr, for the plugins.
 */
#ifndef _PROFILE_SYMBOLS_H
#define _PROFILE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_BEGIN	0xffffffff80000000ULL
#define MODULES_BEGIN	0xffffffffa0000000ULL

struct symbol {
	uint64_t addr;
	char *name;
};

/* By address */
struct symbols {
	struct symbol *at;
	int nr;
};

bool symbols_read(struct symbols *symbols, const char *path, const char *types);
int symbols_find(const struct symbols *symbols, uint64_t addr);
int symbols_named(const struct symbols *symbols, const char *name);
const char *value_of(const char *arg, const char *word);

#endif /* _PROFILE_SYMBOLS_H */
