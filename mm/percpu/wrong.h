/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wrong: what is wrong with a free, found out when it was refused.
 */
#ifndef _MM_PERCPU_WRONG_H
#define _MM_PERCPU_WRONG_H

#include <linux/types.h>

/**
 * enum pcpu_wrong - what is wrong with a free
 * @PCPU_WRONG_FOREIGN: the pointer is none of the area's
 * @PCPU_WRONG_COPY: it is the address of one CPU's copy
 * @PCPU_WRONG_STATIC: it names one of the kernel's static percpu variables
 * @PCPU_WRONG_MODULE: it names percpu data of a module
 * @PCPU_WRONG_GONE: there is no memory, perhaps not any more
 * @PCPU_WRONG_UNUSED: nothing is allocated there, perhaps not any more
 * @PCPU_WRONG_TWICE: an object that is free already
 * @PCPU_WRONG_INTERIOR: an object is there, but it begins before
 * @PCPU_WRONG_LIVE: nothing any more: somebody allocated it meanwhile
 */
enum pcpu_wrong {
	PCPU_WRONG_FOREIGN,
	PCPU_WRONG_COPY,
	PCPU_WRONG_STATIC,
	PCPU_WRONG_MODULE,
	PCPU_WRONG_GONE,
	PCPU_WRONG_UNUSED,
	PCPU_WRONG_TWICE,
	PCPU_WRONG_INTERIOR,
	PCPU_WRONG_LIVE,
};

/**
 * struct pcpu_wrong_free - what is known of a wrong free
 * @why: what is wrong
 * @off: the offset that the pointer names, or %PCPU_NO_OFF
 * @begin: where the object that is meant begins, or %PCPU_NO_OFF
 * @size: bytes that it has on each CPU
 * @cpu: the CPU of %PCPU_WRONG_COPY
 */
struct pcpu_wrong_free {
	enum pcpu_wrong why;
	unsigned long off;
	unsigned long begin;
	size_t size;
	unsigned int cpu;
};

void pcpu_wrong_diagnose(const void __percpu *ptr, struct pcpu_wrong_free *w);
void pcpu_wrong_report(const void __percpu *ptr, unsigned long caller);
unsigned long pcpu_wrong_count(void);

#endif /* _MM_PERCPU_WRONG_H */
