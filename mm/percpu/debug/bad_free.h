/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bad_free: why a free is invalid.
 */
#ifndef _MM_PERCPU_DEBUG_BAD_FREE_H
#define _MM_PERCPU_DEBUG_BAD_FREE_H

#include <linux/types.h>

/* What an invalid free was passed; pcpu_bad_free_names has more words for it. */
enum pcpu_bad_free_kind {
	PCPU_BAD_FREE_FOREIGN,
	PCPU_BAD_FREE_COPY,
	PCPU_BAD_FREE_STATIC,
	PCPU_BAD_FREE_MODULE,
	PCPU_BAD_FREE_CACHE,		/* memory of one with PERCPU_CACHE_PRESENT */
	PCPU_BAD_FREE_NO_MEMORY,	/* an offset that is not populated */
	PCPU_BAD_FREE_UNUSED,		/* an offset that is free in its chunk */
	PCPU_BAD_FREE_DOUBLE,		/* an object that is cached or in quarantine */
	PCPU_BAD_FREE_INTERIOR,
	PCPU_BAD_FREE_REALLOCATED,	/* it was not live when the free was refused */
};

/**
 * struct pcpu_bad_free - an invalid free
 * @why: its kind
 * @off: offset of the pointer, or %PCPU_NO_OFF
 * @begin: offset of the object that contains @off, or %PCPU_NO_OFF
 * @size: bytes of that object on each CPU
 * @cpu: CPU of the copy, for %PCPU_BAD_FREE_COPY
 */
struct pcpu_bad_free {
	enum pcpu_bad_free_kind why;
	unsigned long off;
	unsigned long begin;
	size_t size;
	unsigned int cpu;
};

const char *pcpu_bad_free_name(const struct pcpu_bad_free *w);
void pcpu_bad_free_diagnose(const void __percpu *ptr, struct pcpu_bad_free *w);
unsigned long pcpu_bad_free_count(void);

#endif /* _MM_PERCPU_DEBUG_BAD_FREE_H */
