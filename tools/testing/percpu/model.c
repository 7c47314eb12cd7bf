// SPDX-License-Identifier: GPL-2.0-only
/*
 * model: a simple model of the allocator, to compare it with.
 */
#include <shim.h>

#include <linux/percpu-present.h>

#include "account.h"
#include "cache.h"
#include "chunk.h"
#include "debug/bad_free.h"
#include "layout.h"
#include "model.h"
#include "pages.h"
#include "strict_bed.h"
#include "tests/validate.h"

#define KB		1024UL
#define MODEL_DEPTH	4
#define MODEL_STATIC_TAG	0x5c

/* Of objects up to this size all bytes are checked, of larger ones both ends. */
#define MODEL_WHOLE	(8 * KB)

static const struct strict_layout model_layouts[] = {
	{ "four CPUs", 4, 1, 4096 * KB, 1, 16 * KB + 48, 40 * KB, 0, 4096 * KB },
	{ "one CPU", 1, 1, 4096 * KB, 1, 260 * KB, 276 * KB, 0, 2048 * KB },
	{ "holes among CPUs", 3, 5, 2048 * KB, 1, 16, 12 * KB, 0, 2048 * KB },
	{ "many CPUs", 17, 2, 2048 * KB, 1, 4 * KB, 20 * KB, 0, 2048 * KB, false, 2 },
	{ "little space", 2, 1, 1024 * KB, 1, 8 * KB, 24 * KB, 0, 512 * KB, false, 1 },
	{ "linear, on nodes", 4, 1, 4096 * KB, 8, 8 * KB, 100 * KB, 0, 4096 * KB,
	  true, 0, false, true },
	{ "linear, modules near", 3, 1, 2048 * KB, 4, 8 * KB, 400 * KB, 256 * KB, 512 * KB,
	  true, 2, true },
	{ "no windows but one", 2, 2, 512 * KB, 1, 4 * KB, 508 * KB, 8 * KB, 512 * KB, true },
};

enum model_state { MODEL_EMPTY, MODEL_LIVE, MODEL_BUSY };

static struct model_object {
	enum model_state state;
	char *ptr;
	unsigned long off;
	size_t size, alloc_size;
	unsigned char tag;
	enum model_kind kind;
} model_objects[MODEL_SLOTS];

/* Offsets of the objects that were freed last */
static unsigned long model_freed[16];
static unsigned int model_nr_freed;

/* For each 4 bytes of offsets: the number of the slot plus 1, or MODEL_IS_STATIC */
static u16 model_owner[STRICT_MAX_SIZE / 4];
#define MODEL_IS_STATIC	0xffff

bool model_trace;
struct model_counts model_counts;

/* Number of invalid frees, each of which must be reported */
static unsigned long model_nr_invalid;

/* Calls in progress; numbers of allocations in progress, of all, of nested steps */
static struct model_frame { unsigned int cpu; bool atomic; } model_frames[MODEL_DEPTH];
static unsigned int model_depth;
static unsigned int model_allocating;
static unsigned long model_allocs, model_nested;

/* The free in progress that another free may race with, and whether one did */
static struct model_race {
	char *ptr;
	unsigned long allocs;
	bool done;
} model_race;

/* Invalid frees in progress, also of objects that a second free got */
static unsigned int model_stray;

#define say(fmt, ...)								\
	do {									\
		if (model_trace)						\
			fprintf(stderr, "%*scpu %u: " fmt "\n", 2 * (int)model_depth, "",\
				shim_cpu, ##__VA_ARGS__);			\
	} while (0)

static void __attribute__((noreturn)) fail(const char *what)
{
	strict_fail("%s (layout: %s)", what, pcpu_area.name);
}

/* Of an object of present CPUs, other units have no memory. */
static bool has_copy(const struct model_object *o, unsigned int unit)
{
	return o->kind != MODEL_PRESENT || test_bit(unit, pcpu_present_units);
}

static char *copy_of(const struct model_object *o, unsigned int cpu)
{
	return (char *)pcpu_area_unit_addr(cpu, o->off);
}

static void fill(const struct model_object *o)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		if (has_copy(o, cpu))
			memset(copy_of(o, cpu), o->tag + cpu, o->size);
}

static bool is_all(const char *p, size_t size, char want)
{
	return *p == want && (size == 1 || !memcmp(p, p + 1, size - 1));
}

static bool is_filled(const char *p, size_t size, char want)
{
	if (size <= MODEL_WHOLE)
		return is_all(p, size, want);
	return is_all(p, MODEL_WHOLE / 2, want) &&
	       is_all(p + size - MODEL_WHOLE / 2, MODEL_WHOLE / 2, want);
}

static void check_contents(const struct model_object *o)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		if (has_copy(o, cpu) && !is_filled(copy_of(o, cpu), o->size, o->tag + cpu))
			fail("an object changed");
}

/* Check all bytes, up to the size that the object was rounded up to. */
static void verify_zero(const struct model_object *o)
{
	unsigned int cpu;

	for_each_pcpu_unit(cpu)
		if (!is_all(copy_of(o, cpu), o->alloc_size, 0))
			fail("an object is not zero");
}

static void own(const struct model_object *o, u16 before, u16 after)
{
	unsigned long i;

	for (i = o->off / 4; i < (o->off + o->alloc_size) / 4; i++) {
		if (model_owner[i] != before)
			fail("objects overlap");
		model_owner[i] = after;
	}
}

/* Return the slot of the object that begins at @off, or -1. */
static int beginning_at(unsigned long off)
{
	unsigned int slot = model_owner[off / 4];

	if (off % 4 || !slot || slot == MODEL_IS_STATIC)
		return -1;
	return model_objects[slot - 1].off == off ? (int)slot - 1 : -1;
}

static bool is_valid(size_t size, size_t align)
{
	align = max_t(size_t, align, 4);
	return size && !(align & (align - 1)) && align <= PAGE_SIZE &&
	       size <= pcpu_area.max_object;
}

/* Bytes of each CPU that an object needs */
static size_t alloc_size_of(size_t size, size_t align, gfp_t gfp, enum model_kind kind)
{
	if (kind == MODEL_PLAIN && size <= 8 && align <= 8) {
		if (((gfp & __GFP_ACCOUNT) && memcg_kmem_online()) || mem_alloc_profiling_enabled())
			return 8;
		return size > 4 || align > 4 ? 8 : 4;
	}
	return ALIGN(size, 16UL);
}

/* Check place, alignment, memory and contents of a new object, and enter it. */
static void check_new(unsigned int slot, struct model_object *o, size_t align)
{
	unsigned int cpu;
	bool present;

	o->off = pcpu_area_ptr_to_off(o->ptr);
	if (o->off == PCPU_NO_OFF || o->off + o->alloc_size > pcpu_area.size)
		fail("an object lies outside the area");
	if ((o->off ^ (o->off + o->alloc_size - 1)) >> pcpu_area.window_shift)
		fail("an object crosses the end of a window");
	if (o->kind == MODEL_MODULE && o->off + o->size > pcpu_area.module_limit)
		fail("a module's object is outside of the module range");
	if (o->kind != MODEL_MODULE &&
	    pcpu_chunk_of(o->off)->reserved & BIT_ULL(pcpu_off_to_page(o->off)))
		fail("an object lies in the reserve for modules");
	present = o->kind == MODEL_PRESENT;
	if (pcpu_chunk_of(o->off)->present != present)
		fail("an object lies in a chunk of another kind");
	for_each_pcpu_unit(cpu)
		if (align && (unsigned long)copy_of(o, cpu) & (align - 1))
			fail("an object is not aligned");
	if (!strict_has_memory(o->off, o->alloc_size))
		fail("an object has no memory");
	if (o->kind != MODEL_PRESENT)
		verify_zero(o);
	own(o, 0, slot + 1);
	o->tag = 1 + model_allocs % 64;
	fill(o);
	o->state = MODEL_LIVE;
	model_objects[slot] = *o;
	model_counts.allocated++;
}

/* Return true if a chunk that the worker can give back makes space for a request. */
static bool chunk_may_change(enum model_kind kind)
{
	return pcpu_metadata_allowed(GFP_KERNEL) && !strict_works() && kind != MODEL_MODULE &&
	       (kind == MODEL_PRESENT ? pcpu_counts.empty_chunks :
					pcpu_counts.present_chunks);
}

/* Return true if a valid request must not be refused. */
static bool must_succeed(size_t size, gfp_t gfp, unsigned long limit, enum model_kind kind)
{
	return pcpu_populate_allowed(gfp) &&
	       gfpflags_allow_blocking(gfp) && size <= PCPU_CHUNK_SIZE &&
	       (!pcpu_chunk_creatable(limit >> PCPU_CHUNK_SHIFT) || chunk_may_change(kind));
}

static struct pcpu_owner *owner_of(const struct model_object *o)
{
	return pcpu_owner_at(pcpu_chunk_of(o->off), o->off);
}

static void alloc(unsigned int slot, size_t size, size_t align, gfp_t gfp,
		  enum model_kind kind)
{
	static const char * const names[] = { "object", "module", "present object" };
	struct model_object *o = &model_objects[slot], new = {
		.size = size,
		.alloc_size = alloc_size_of(size, align, gfp, kind),
		.kind = kind,
	};
	unsigned long limit = kind == MODEL_MODULE ? pcpu_area.module_limit : pcpu_area.size;
	/* Nested steps may run during must_succeed(). */
	unsigned long nested = model_nested, failures = strict_failures();
	bool must = must_succeed(size, gfp, limit, kind), atomic = strict_atomic;
	const char *why = NULL;

	/* The invalid free in progress could free the new object. */
	if (o->state != MODEL_EMPTY || model_stray)
		return;
	say("slot %u: %s of %zu, align %zu, gfp %#x", slot, names[kind],
	    size, align, gfp);
	o->state = MODEL_BUSY;
	strict_atomic = !gfpflags_allow_blocking(gfp);
	model_allocs++;
	model_allocating++;
	if (kind == MODEL_MODULE)
		new.ptr = pcpu_alloc_module_noprof(size, align, &why);
	else if (kind == MODEL_PRESENT)
		new.ptr = pcpu_alloc_present(size, align, gfp);
	else
		new.ptr = pcpu_alloc_noprof(size, align, false, gfp);
	model_allocating--;
	strict_atomic = atomic;
	o->state = MODEL_EMPTY;
	if (kind == MODEL_MODULE && !new.ptr == !why)
		fail("a failure without a reason, or a reason without a failure");
	if (!new.ptr) {
		say("slot %u: refused%s%s", slot, why ? ": " : "", why ?: "");
		model_counts.refused++;
		if (must && is_valid(size, align) && nested == model_nested &&
		    failures == strict_failures())
			fail("a valid request is refused");
		return;
	}
	if (!is_valid(size, align))
		fail("an invalid request succeeds");
	check_new(slot, &new, align);
	/* Nested steps may change what is charged. */
	if (kind == MODEL_PLAIN && (gfp & __GFP_ACCOUNT) && memcg_kmem_online() &&
	    !strict_cgroup.root &&
	    nested == model_nested &&
	    !(owner_of(&new) && owner_of(&new)->objcg))
		fail("an object is not charged");
	say("slot %u: offset %#lx", slot, new.off);
}

void model_alloc(unsigned int slot, size_t size, size_t align, gfp_t gfp)
{
	alloc(slot, size, align, gfp, MODEL_PLAIN);
}

void model_alloc_module(unsigned int slot, size_t size, size_t align)
{
	/* There are no modules in early boot. */
	if (pcpu_metadata_allowed(GFP_KERNEL))
		alloc(slot, size, align, GFP_KERNEL, MODEL_MODULE);
}

void model_alloc_present(unsigned int slot, size_t size, size_t align, gfp_t gfp)
{
	/* Callers begin when hotplug works. */
	if (pcpu_metadata_allowed(GFP_KERNEL))
		alloc(slot, min(size, (size_t)PCPU_PRESENT_MAX), align, gfp, MODEL_PRESENT);
}

void model_free(unsigned int slot)
{
	struct model_object *o = &model_objects[slot];
	struct model_race outer = model_race;
	bool atomic = strict_atomic;

	if (o->state != MODEL_LIVE)
		return;
	say("slot %u: free of %#lx", slot, o->off);
	check_contents(o);
	own(o, slot + 1, 0);
	o->state = MODEL_BUSY;
	model_race = (struct model_race) {
		/* An allocation in progress may get the object between two frees. */
		.ptr = model_allocating ? NULL : o->ptr,
		.allocs = model_allocs,
	};
	/* A free must work in any context. */
	strict_atomic = true;
	if (o->kind != MODEL_PLAIN)
		pcpu_free_module(o->ptr);
	else
		free_percpu(o->ptr);
	strict_atomic = atomic;
	model_stray -= model_race.done;
	model_race = outer;
	model_freed[model_nr_freed++ % ARRAY_SIZE(model_freed)] = o->off;
	o->state = MODEL_EMPTY;
}

/* Return an address at which no object begins, or NULL. */
static char *invalid_address(enum model_invalid how, unsigned int slot, unsigned int arg)
{
	struct model_object *o = &model_objects[slot];
	unsigned long off = PCPU_NO_OFF;

	switch (how) {
	case MODEL_INTERIOR:
		if (o->state != MODEL_LIVE)
			return NULL;
		return o->ptr + 1 + arg / 2 % (clamp(o->size, 4UL, arg & 1 ? 16UL : -1UL) - 1);
	case MODEL_STATIC:
		return pcpu_area_off_to_ptr(arg * 64UL % pcpu_area.static_size);
	case MODEL_OUTSIDE:
		return arg & 1 ? (char *)pcpu_area_off_to_ptr(0) - 1 - arg * 99UL :
		       arg & 2 ? (char *)pcpu_area_off_to_ptr(pcpu_area.size - 1) + 1 + arg * 16UL :
				 (char *)((unsigned long)arg << (slot % 56));
	case MODEL_COPY:
		return o->state == MODEL_LIVE ? copy_of(o, arg % shim_nr_cpus) : NULL;
	case MODEL_TWICE:
		off = model_freed[arg % ARRAY_SIZE(model_freed)];
		break;
	case MODEL_ANYWHERE:
		off = (arg << 16 | slot << 2 | arg >> 6) % pcpu_area.size;
		break;
	default:
		break;
	}
	/* An allocation in progress may have an object there that is not entered yet. */
	if (off == PCPU_NO_OFF || model_allocating)
		return NULL;
	return pcpu_area_off_to_ptr(off);
}

/* Free an object that another call is freeing: one of both frees is invalid. */
static void free_in_a_race(void)
{
	if (!model_race.ptr || model_race.done || model_race.allocs != model_allocs)
		return;
	model_race.done = true;
	model_stray++;
	model_nr_invalid++;
	say("free in a race");
	free_percpu(model_race.ptr);
	model_counts.invalid++;
}

/* Check the reason that is reported for an invalid free. */
static void diagnose(enum model_invalid how, char *ptr, const struct model_object *o)
{
	void (*hook)(void) = strict_hook;
	struct pcpu_bad_free w;

	strict_hook = NULL;
	pcpu_bad_free_diagnose(ptr, &w);
	strict_hook = hook;
	if (how == MODEL_STATIC && w.why != PCPU_BAD_FREE_STATIC)
		fail("static data is not reported as such");
	if (how == MODEL_INTERIOR && o->kind == MODEL_PLAIN &&
	    (w.why != PCPU_BAD_FREE_INTERIOR || w.begin != o->off))
		fail("an interior pointer is not reported with its object");
	if (how == MODEL_COPY && (w.why != PCPU_BAD_FREE_COPY || w.off != o->off))
		fail("the copy of a CPU is not reported as such");
}

void model_free_invalid(enum model_invalid how, unsigned int slot, unsigned int arg)
{
	struct pcpu_counts counts = pcpu_counts;
	unsigned long nested = model_nested, off;
	char *ptr;

	if (how == MODEL_RACE) {
		free_in_a_race();
		return;
	}
	ptr = invalid_address(how, slot, arg);
	off = pcpu_area_ptr_to_off(ptr);
	if (off != PCPU_NO_OFF && beginning_at(off) >= 0)
		return;
	/* A free in progress may own the offset. */
	if (off != PCPU_NO_OFF && !model_owner[off / 4] && model_race.ptr)
		return;
	say("invalid free %u of %p, offset %#lx", how, ptr, off);
	model_nr_invalid += !!ptr;
	model_stray++;
	free_percpu(ptr);
	model_stray--;
	if (nested == model_nested && memcmp(&counts, &pcpu_counts, sizeof(counts)))
		fail("an invalid free changes something");
	if (nested == model_nested && ptr)
		diagnose(how, ptr, &model_objects[slot]);
	model_counts.invalid++;
}

/* Compare charges, tags and trace events with the live objects. */
static void check_accounts(void)
{
	long charged = 0, tagged = 0, live = 0;
	struct pcpu_owner *owner;
	unsigned int i;

	for (i = 0; i < MODEL_SLOTS; i++) {
		struct model_object *o = &model_objects[i];

		if (o->state != MODEL_LIVE)
			continue;
		live++;
		owner = owner_of(o);
		if (owner && owner->objcg)
			charged += pcpu_account_bytes(o->alloc_size);
		if (owner && owner->tag.ct)
			tagged += o->alloc_size * num_possible_cpus();
	}
	if (strict_cgroup.charged != charged || strict_cgroup.stat != charged)
		strict_fail("charged %ld, in the statistics %ld, expected %ld",
			    strict_cgroup.charged, strict_cgroup.stat, charged);
	if (strict_tag.bytes != tagged)
		fail("the bytes of the allocation tag are wrong");
	if (strict_hooks && strict_traced != live)
		fail("not all allocations and frees were traced");
}

static void check(void)
{
	const char *bad;

	shim_quiesce();
	if (pcpu_bad_free_count() != model_nr_invalid)
		strict_fail("%lu invalid frees, %lu refused, last report: %s", model_nr_invalid,
			    pcpu_bad_free_count(), strict_message);
	bad = pcpu_validate_area() ?: pcpu_validate_conservation();
	if (bad)
		fail(bad);
	if (strict_nr_pages() != pcpu_nr_populated + pcpu_nr_present)
		fail("the number of populated pages is wrong");
	if (strict_allocated != strict_held_by_chunks())
		strict_fail("chunks have %ld slab allocations, %ld are live",
			    strict_held_by_chunks(), strict_allocated);
	check_accounts();
}

/* Check all invariants, if no call is in progress. */
void model_check(void)
{
	void (*hook)(void) = strict_hook;

	if (model_depth)
		return;
	strict_hook = NULL;
	check();
	strict_hook = hook;
}

/* Begin a nested step on another CPU. */
void model_enter(unsigned int cpu)
{
	assert(model_depth < MODEL_DEPTH);
	model_frames[model_depth++] = (struct model_frame) { shim_cpu, strict_atomic };
	/* If that CPU is offline, the step is an interrupt on this CPU. */
	cpu = cpu % shim_nr_cpus * shim_cpu_step;
	if (cpu != strict_dead)
		shim_cpu = cpu;
	strict_atomic = false;
	model_nested++;
	model_counts.nested++;
}

/* Return true if a step is in progress on @cpu. */
static bool is_busy(unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < model_depth; i++)
		if (model_frames[i].cpu == cpu)
			return true;
	return cpu == shim_cpu;
}

void model_kill_cpu(unsigned int cpu)
{
	cpu = cpu % shim_nr_cpus * shim_cpu_step;
	if (is_busy(cpu))
		return;
	say("CPU %u goes offline and online", cpu);
	strict_kill_cpu(cpu);
}

/* Migrate to another CPU; in a nested step, migrate the outer step. */
void model_migrate(unsigned int cpu)
{
	cpu = cpu % shim_nr_cpus * shim_cpu_step;
	if (cpu == strict_dead)
		return;
	if (model_depth)
		model_frames[model_depth - 1].cpu = cpu;
	else
		shim_cpu = cpu;
}

void model_leave(void)
{
	shim_cpu = model_frames[--model_depth].cpu;
	strict_atomic = model_frames[model_depth].atomic;
}

/* Set the rules, but not those that hold for the life of the area. */
void model_rules(unsigned int bits)
{
	struct strict_rules rules = {
		.no_atomic_populate = bits & 1,
		.early = bits & 2,
		.charge = bits & 4,
		.root = bits & 8,
		.inject = bits & 16,
		.profile = strict_profiles,
		.hooks = strict_hooks,
	};

	/* Rules do not change during a call. */
	if (!model_depth)
		strict_set_rules(&rules);
}

static void fill_static(void)
{
	struct model_object o = {
		.size = pcpu_area.static_size,
		.alloc_size = pcpu_area.static_size,
		.tag = MODEL_STATIC_TAG,
	};

	own(&o, 0, MODEL_IS_STATIC);
	fill(&o);
}

static void check_static(void)
{
	struct model_object o = {
		.size = pcpu_area.static_size,
		.alloc_size = pcpu_area.static_size,
		.tag = MODEL_STATIC_TAG,
	};

	own(&o, MODEL_IS_STATIC, 0);
	check_contents(&o);
}

/**
 * model_begin - set up an area with static data only
 * @layout: chooses the layout
 * @rules: bits of the rules
 */
void model_begin(unsigned int layout, unsigned int rules)
{
	const struct strict_rules fixed = {
		.profile = rules & 64,
		.hooks = rules & 128,
	};
	unsigned int i;

	strict_boot(&model_layouts[layout % ARRAY_SIZE(model_layouts)], &fixed);
	fill_static();
	model_allocs = 0;
	model_nr_freed = 0;
	for (i = 0; i < ARRAY_SIZE(model_freed); i++)
		model_freed[i] = PCPU_NO_OFF;
	model_rules(rules);
	say("layout: %s, rules %#x", pcpu_area.name, rules);
}

/* All of a chunk is free but static data and withheld pages. */
static void check_nothing_used(struct pcpu_chunk *chunk)
{
	unsigned long off = pcpu_chunk_off(chunk);
	u64 withheld = off < pcpu_area.linear_size ? ~chunk->populated : 0;
	unsigned int used = hweight64(withheld) * PCPU_PAGE_GRANULES;

	if (chunk->withheld != withheld)
		fail("pages are withheld, although no call is in progress");

	if (off < pcpu_area.static_size)
		used += min(pcpu_area.static_size - off, PCPU_CHUNK_SIZE) >> PCPU_GRANULE_SHIFT;
	if (chunk->nr_free + used != PCPU_CHUNK_GRANULES)
		fail("not all is free, although nothing is allocated");
}

/* Return the highest number of a chunk, or of one that cannot be created, plus 1. */
static unsigned int top_of_chunks(void)
{
	unsigned int i, top = 0;

	if (pcpu_area.linear_size)
		top = pcpu_area_window_size() >> PCPU_CHUNK_SHIFT;
	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			top = max(top, i + 1);
	return top;
}

static void check_end(void)
{
	unsigned long bytes = 0;
	unsigned int i;

	for_each_pcpu_unit(i)
		if (pcpu_cache_count(pcpu_caches[i], &bytes) || bytes)
			fail("the worker did not empty a cache");
	if (atomic_read(&pcpu_caches_left) != PCPU_CACHES_BYTES)
		fail("empty caches keep a share of the budget");
	for (i = 0; i < pcpu_area_nr_chunks(); i++)
		if (pcpu_chunk_table[i])
			check_nothing_used(pcpu_chunk_table[i]);
	if (pcpu_chunk_creatable(0) != -ENOSPC)
		fail("a claim is not given back");
	if (pcpu_chunk_top() != top_of_chunks())
		fail("a chunk's number is lost");
	if (pcpu_counts_excess(PCPU_RESERVE_KEEP) > 0)
		fail("memory is not returned");
	if (pcpu_counts.empty < PCPU_RESERVE_KEEP &&
	    !pcpu_chunk_creatable(pcpu_area_nr_chunks()))
		fail("the reserve is not refilled");
	if (pcpu_counts.empty_chunks > PCPU_EMPTY_CHUNKS_KEEP)
		fail("empty chunks are not released");
	if (pcpu_nr_present || pcpu_counts.present_chunks)
		fail("present chunks are not released");
	if (strict_cgroup.charged || strict_cgroup.stat || strict_cgroup.refs ||
	    strict_tag.bytes || strict_traced)
		fail("objects are charged or traced, although nothing is allocated");
}

/**
 * model_end - free all objects, and check that nothing is left
 */
void model_end(void)
{
	unsigned int i;

	strict_fail_after(0);
	for (i = 0; i < MODEL_SLOTS; i++)
		model_free(i);
	model_rules(0);
	pcpu_balance_now();
	shim_quiesce();
	model_check();
	check_end();
	check_static();
	strict_shutdown();
	strict_allocated = 0;
}
