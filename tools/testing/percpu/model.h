/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model: a simple model of the allocator, to compare it with.
 *
 * Objects are in slots. A step may run within another one, at a point where that
 * holds no lock (see strict.h); the slot of the outer step is busy then. A difference
 * between the allocator and the model ends the program, with a message.
 */
#ifndef _PERCPU_MODEL_H
#define _PERCPU_MODEL_H

#include <shim.h>

#define MODEL_SLOTS	1024

/**
 * enum model_invalid - invalid frees, which are reported and change nothing
 * @MODEL_INTERIOR: pointer into an object
 * @MODEL_TWICE: pointer to an object that was freed
 * @MODEL_RACE: pointer that another call is freeing: one of both frees is invalid
 * @MODEL_STATIC: pointer to static data
 * @MODEL_ANYWHERE: any offset in the area at which no object begins
 * @MODEL_OUTSIDE: pointer outside of the area
 * @MODEL_COPY: address of the copy of a CPU
 * @MODEL_NULL: %NULL, which is valid
 */
enum model_invalid {
	MODEL_INTERIOR,
	MODEL_TWICE,
	MODEL_RACE,
	MODEL_STATIC,
	MODEL_ANYWHERE,
	MODEL_OUTSIDE,
	MODEL_COPY,
	MODEL_NULL,
	MODEL_NR_INVALID
};

/**
 * enum model_kind - kinds of objects
 * @MODEL_PLAIN: of alloc_percpu()
 * @MODEL_MODULE: of pcpu_alloc_module()
 * @MODEL_PRESENT: of pcpu_alloc_present()
 */
enum model_kind {
	MODEL_PLAIN,
	MODEL_MODULE,
	MODEL_PRESENT,
};

/* Print each step. */
extern bool model_trace;

/* Numbers of objects, refused requests, invalid frees and nested steps */
extern struct model_counts {
	unsigned long allocated, refused, invalid, nested;
} model_counts;

void model_begin(unsigned int layout, unsigned int rules);
void model_end(void);
void model_rules(unsigned int rules);

void model_alloc(unsigned int slot, size_t size, size_t align, gfp_t gfp);
void model_alloc_module(unsigned int slot, size_t size, size_t align);
void model_alloc_present(unsigned int slot, size_t size, size_t align, gfp_t gfp);
void model_free(unsigned int slot);
void model_free_invalid(enum model_invalid how, unsigned int slot, unsigned int arg);
void model_check(void);
void model_migrate(unsigned int cpu);
void model_kill_cpu(unsigned int cpu);

/* Call these around a nested step. */
void model_enter(unsigned int cpu);
void model_leave(void);

#endif /* _PERCPU_MODEL_H */
