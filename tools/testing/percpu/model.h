/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model: what the allocator should be, as simply as it can be said.
 *
 * Objects are in slots. Each step may be done while another one is under way,
 * where that one holds no lock (see strict.h): then the object of the other is
 * in nobody's slot. What does not hold ends the program, with the reason.
 */
#ifndef _PERCPU_MODEL_H
#define _PERCPU_MODEL_H

#include <shim.h>

#define MODEL_SLOTS	1024

/**
 * enum model_wrong - frees that must change nothing but be reported
 * @MODEL_INTERIOR: of the middle of an object
 * @MODEL_TWICE: of what was freed lately
 * @MODEL_RACE: of what is being freed just now: one of the two is wrong
 * @MODEL_STATIC: of static data
 * @MODEL_ANYWHERE: of what is no object, within the area
 * @MODEL_OUTSIDE: of what is not even in the area
 * @MODEL_COPY: of the address of one CPU's copy
 * @MODEL_NULL: which is fine
 */
enum model_wrong {
	MODEL_INTERIOR,
	MODEL_TWICE,
	MODEL_RACE,
	MODEL_STATIC,
	MODEL_ANYWHERE,
	MODEL_OUTSIDE,
	MODEL_COPY,
	MODEL_NULL,
	MODEL_NR_WRONG
};

/* Say what is done. */
extern bool model_trace;

/* Objects that were had, and refused; wrong frees; steps within others */
extern struct model_counts {
	unsigned long allocated, refused, wrong, nested;
} model_counts;

void model_begin(unsigned int layout, unsigned int rules);
void model_end(void);
void model_rules(unsigned int rules);

void model_alloc(unsigned int slot, size_t size, size_t align, gfp_t gfp);
void model_alloc_module(unsigned int slot, size_t size, size_t align);
void model_free(unsigned int slot);
void model_free_wrong(enum model_wrong how, unsigned int slot, unsigned int arg);
void model_look(unsigned int arg);
void model_check(void);
void model_migrate(unsigned int cpu);
void model_kill_cpu(unsigned int cpu);

/* Bracket what is done while something else is under way. */
void model_enter(unsigned int cpu);
void model_leave(void);

#endif /* _PERCPU_MODEL_H */
