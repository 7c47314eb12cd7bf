// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz: translate bytes to calls of the allocator, for libFuzzer or fuzz_main.c.
 *
 * Two bytes choose the layout and the rules. Then each four bytes are a step: an
 * operation and three arguments. A FUZZ_WITHIN step makes the next steps run within
 * a later one, at the n-th point where that holds no lock.
 */
#include <shim.h>

#include "chunk.h"
#include "fuzz.h"
#include "layout.h"
#include "model.h"
#include "pages.h"
#include "strict_bed.h"

enum fuzz_op {
	FUZZ_ALLOC,
	FUZZ_FREE,
	FUZZ_ALLOC_MANY,
	FUZZ_FREE_MANY,
	FUZZ_MODULE,
	FUZZ_INVALID,
	FUZZ_CPU,
	FUZZ_WORK,
	FUZZ_FAIL,
	FUZZ_WITHIN,
	FUZZ_RULES,
	FUZZ_CHECK,
	FUZZ_NR
};

static struct fuzz_input {
	const u8 *data;
	size_t size;
} fuzz_input;

/* Run fuzz_steps steps at the fuzz_points-th point from now. */
static unsigned int fuzz_points, fuzz_steps, fuzz_depth;

static const gfp_t fuzz_gfps[] = {
	GFP_KERNEL,
	GFP_ATOMIC,
	GFP_KERNEL | __GFP_ACCOUNT,
	GFP_NOWAIT,
	GFP_ATOMIC | __GFP_ACCOUNT,
	GFP_KERNEL | __GFP_NOFAIL,
	GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
	GFP_KERNEL,
};

/* Sizes around the limits of the allocator; the last ones are invalid. */
static const size_t fuzz_edges[] = {
	1, 4, 5, 8, 9, 16, 17, 1008, 1023, 1024, 1025, 1040, 1041, 4080, 4095, 4096, 4097,
	8192, 16384, 32768, 65536, 131072, 262128, 262144, 262145, 262160, 524288, 524289,
	600000, 1048576, 2097152, 0, 1UL << 23, SIZE_MAX,
};

static size_t fuzz_size(u8 kind, u8 arg)
{
	switch (kind % 8) {
	case 0:
		return 1 + arg % 8;
	case 1:
		return 1 + arg % 64;
	case 2:
		return 16 * (1 + arg % 64);
	case 3:
		return 1 + arg * 4;
	case 4:
		return 1 + arg * 24;
	case 5:
		return 1 + arg * 300;
	default:
		return fuzz_edges[arg % ARRAY_SIZE(fuzz_edges)];
	}
}

static size_t fuzz_align(u8 arg, u8 other)
{
	static const size_t invalid[] = { 0, 3, 8192, 48 };

	return arg < 20 ? 1UL << (arg % 13) : invalid[other % ARRAY_SIZE(invalid)];
}

/* Allocate enough objects to fill a magazine. */
static void fuzz_alloc_many(u8 slot, u8 kind, u8 arg)
{
	size_t size = fuzz_size(kind, arg);
	unsigned int i, nr = size > 4096 ? 4 : 8 << (kind >> 5) % 6;

	for (i = 0; i < nr; i++)
		model_alloc((slot * 4 + i) % MODEL_SLOTS, size, 1,
			    kind & 8 ? GFP_KERNEL : fuzz_gfps[i % ARRAY_SIZE(fuzz_gfps)]);
}

static void fuzz_free_many(u8 slot, u8 nr, u8 step)
{
	unsigned int i;

	for (i = 0; i <= nr * 2U; i++)
		model_free((slot * 4 + i * (1 + step % 16)) % MODEL_SLOTS);
}

static void fuzz_work(u8 what)
{
	/* In early boot there is no worker. */
	if (!pcpu_metadata_allowed(GFP_KERNEL))
		return;
	switch (what % 4) {
	case 0:
		pcpu_balance_now();
		break;
	case 1:
		/* A grace period can end at any point. */
		shim_quiesce();
		break;
	default:
		if (shim_work_due || what & 4)
			strict_work();
	}
}

static void fuzz_section(unsigned int slot, size_t size, size_t align, u8 kind)
{
	if (kind & 1)
		model_alloc_present(slot, size, align, kind & 2 ? GFP_KERNEL : GFP_ATOMIC);
	else
		model_alloc_module(slot, size, align);
}

/* Check the functions that do not depend on objects. */
static void fuzz_look(unsigned int arg)
{
	unsigned long off = arg * 1021UL % pcpu_area.size, addr, back, can = 0;
	unsigned int unit, cpu = arg % shim_nr_cpus;
	bool is_static = off < pcpu_area.static_size;

	addr = pcpu_area_unit_addr(cpu, off);
	if (!pcpu_area_addr_to_off(addr, &back, &unit) || back != off || unit != cpu)
		strict_fail("an address and its offset disagree");
	if (pcpu_area_ptr_to_off(pcpu_area_off_to_ptr(off)) != off)
		strict_fail("a pointer and its offset disagree");
	if (pcpu_area_addr_to_off(pcpu_area_unit_addr(cpu, 0) + pcpu_area_window_size(),
				  &back, &unit))
		strict_fail("an address between units is in a unit");
	if (__is_kernel_percpu_address(addr, &can) != is_static ||
	    is_kernel_percpu_address(addr) != is_static)
		strict_fail("static data is not known as such");
	if (is_static && can != pcpu_area_unit_addr(0, off))
		strict_fail("static data has no canonical address");
	if (per_cpu_ptr_to_phys((void *)addr) != addr)
		strict_fail("a physical address is wrong");
	if (pcpu_nr_pages() != pcpu_nr_populated * shim_nr_cpus +
	    pcpu_nr_present * pcpu_nr_present_units)
		strict_fail("the number of pages is wrong");
}

static void fuzz_step(const u8 *b)
{
	switch (b[0] % FUZZ_NR) {
	case FUZZ_ALLOC:
		model_alloc(b[1] * 4, fuzz_size(b[2], b[3]), fuzz_align(b[0] / FUZZ_NR, b[1]),
			    fuzz_gfps[b[2] >> 5]);
		break;
	case FUZZ_FREE:
		model_free(b[1] * 4 + b[2] % 4);
		break;
	case FUZZ_ALLOC_MANY:
		fuzz_alloc_many(b[1], b[2], b[3]);
		break;
	case FUZZ_FREE_MANY:
		fuzz_free_many(b[1], b[2], b[3]);
		break;
	case FUZZ_MODULE:
		fuzz_section(b[1] * 4, fuzz_size(b[2], b[3]),
			     fuzz_align(b[0] / FUZZ_NR, b[1]), b[2] >> 4);
		break;
	case FUZZ_INVALID:
		model_free_invalid(b[1] % MODEL_NR_INVALID, b[2] * 4,
				   b[1] / MODEL_NR_INVALID << 8 | b[3]);
		break;
	case FUZZ_CPU:
		if (b[2] % 4)
			model_migrate(b[1]);
		else
			model_kill_cpu(b[1]);
		break;
	case FUZZ_WORK:
		fuzz_work(b[1]);
		break;
	case FUZZ_FAIL:
		strict_fail_after(b[1] % 32);
		break;
	case FUZZ_WITHIN:
		fuzz_points = 1 + b[1] % 64;
		fuzz_steps = 1 + b[2] % 4;
		break;
	case FUZZ_RULES:
		model_rules(b[1]);
		break;
	default:
		fuzz_look(b[1] << 8 | b[2]);
		model_check();
	}
}

static bool fuzz_next(void)
{
	const u8 *step = fuzz_input.data;

	if (fuzz_input.size < 4)
		return false;
	fuzz_input.data += 4;
	fuzz_input.size -= 4;
	fuzz_step(step);
	return true;
}

/* A call is in progress and holds no lock: run steps within it. */
static void fuzz_point(void)
{
	unsigned int nr;

	if (!fuzz_points || --fuzz_points || fuzz_depth == FUZZ_DEPTH)
		return;
	fuzz_depth++;
	model_enter(fuzz_input.size ? *fuzz_input.data >> 4 : 0);
	for (nr = fuzz_steps; nr && fuzz_next(); nr--)
		;
	model_leave();
	fuzz_depth--;
}

/* libFuzzer calls this function, too. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < 2)
		return 0;
	fuzz_input = (struct fuzz_input) { data + 2, size - 2 };
	fuzz_points = 0;
	model_begin(data[0], data[1]);
	strict_hook = fuzz_point;
	while (fuzz_next())
		;
	strict_hook = NULL;
	model_end();
	return 0;
}
