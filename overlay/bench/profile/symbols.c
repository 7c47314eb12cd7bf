// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbols: the symbols of a kernel, and the arguments of a plugin.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols.h"

/* Read those of some types, from what nm -n prints. Return false if there are none. */
bool symbols_read(struct symbols *symbols, const char *path, const char *types)
{
	FILE *file = fopen(path, "r");
	char name[256], type;
	int max = 0;
	uint64_t addr;

	if (!file)
		return false;
	while (fscanf(file, "%" SCNx64 " %c %255s", &addr, &type, name) == 3) {
		if (!strchr(types, type) || addr < KERNEL_BEGIN ||
		    !strncmp(name, "__pfx_", 6))
			continue;
		if (symbols->nr == max) {
			max = max ? 2 * max : 4096;
			symbols->at = realloc(symbols->at, max * sizeof(*symbols->at));
			if (!symbols->at)
				abort();
		}
		symbols->at[symbols->nr].addr = addr;
		symbols->at[symbols->nr++].name = strdup(name);
	}
	fclose(file);
	return symbols->nr;
}

/* The last symbol that is not behind an address */
int symbols_find(const struct symbols *symbols, uint64_t addr)
{
	int low = 0, high = symbols->nr - 1;

	while (low < high) {
		int middle = (low + high + 1) / 2;

		if (symbols->at[middle].addr <= addr)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* The symbol of that name, or -1 */
int symbols_named(const struct symbols *symbols, const char *name)
{
	int i;

	for (i = 0; i < symbols->nr; i++)
		if (!strcmp(symbols->at[i].name, name))
			return i;
	return -1;
}

/* The value of WORD=value, or NULL. */
const char *value_of(const char *arg, const char *word)
{
	size_t length = strlen(word);

	return !strncmp(arg, word, length) && arg[length] == '=' ?
	       arg + length + 1 : NULL;
}
