/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * validate: check the invariants of each level, for tests and the fuzzer.
 */
#ifndef _MM_PERCPU_TESTS_VALIDATE_H
#define _MM_PERCPU_TESTS_VALIDATE_H

#include "../chunk.h"
#include "../objmap.h"

/* Return true if a live object begins at @off; its owner alone can rely on it. */
static inline bool pcpu_objmap_is_live(const struct pcpu_chunk *chunk,
				       unsigned long off)
{
	u8 entry = pcpu_objmap_read(chunk, pcpu_off_to_granule(off));
	unsigned int class;

	if (pcpu_objmap_is_wide(entry))
		return !(off & (PCPU_GRANULE - 1));
	return pcpu_objmap_live_bits(entry, off, &class);
}

const char *pcpu_validate_chunk(struct pcpu_chunk *chunk);
const char *pcpu_validate_area(void);
const char *pcpu_validate_conservation(void);

#endif /* _MM_PERCPU_TESTS_VALIDATE_H */
