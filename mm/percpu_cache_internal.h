/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_cache: interface between the files of percpu_cache.
 *
 *	percpu_cache.c		theory, allocation and freeing
 *	percpu_cache_main.c	create, destroy, CPU hotplug, shrinker
 *	percpu_cache_walk.c	enumeration of live objects
 *	percpu_cache_debugfs.c	statistics
 *	percpu_cache_trim.c	slabs without live objects go back
 *	percpu_cache_slab.c	slabs and the depot
 *	percpu_cache_check.c	checks of copies, reports
 *	percpu_cache_present.c	the CPUs of objects, construction of copies
 *	percpu_cache_charge.c	memcg charges
 *
 * A file calls only files below it in this list; percpu_cache.c does not call those
 * between it and percpu_cache_slab.c.
 */
#ifndef _MM_PERCPU_CACHE_INTERNAL_H
#define _MM_PERCPU_CACHE_INTERNAL_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/percpu_cache.h>
#include <linux/spinlock.h>

struct obj_cgroup;
struct work_struct;

#ifdef CONFIG_PERCPU_PRESENT
#include <linux/percpu-present.h>
#else
/* No cache is present, so that these are not called. */
static inline void __percpu *pcpu_alloc_present(size_t size, size_t align, gfp_t gfp)
{
	return NULL;
}

static inline void pcpu_free_present(void __percpu *ptr)
{
}

static inline unsigned int pcpu_present_enter(void)
{
	return 0;
}

static inline void pcpu_present_leave(unsigned int index)
{
}
#endif

/* Objects of a slab: with its head, their descriptors fill 2 KB on 64-bit. */
#define PERCPU_CACHE_SLAB_OBJS	31

/*
 * Larger objects have a slab each: what the percpu allocator places side by side, as the
 * objects of one owner, goes together, and a slab keeps no memory for one object that is
 * left.
 */
#define PERCPU_CACHE_SHARED_MAX	128

/* Objects of a batch, at most; a CPU keeps two batches. */
#define PERCPU_CACHE_BATCH	16

/*
 * Bytes of each CPU that the magazines of all CPUs may take before their batches get
 * short, and larger objects have no magazines
 */
#define PERCPU_CACHE_BUDGET	(256UL << 10)

/*
 * OBJ_FREE: in a batch
 * OBJ_LIVE: allocated
 * OBJ_VISITED: allocated, and a walk has it locked
 */
enum percpu_cache_obj_state { OBJ_FREE, OBJ_LIVE, OBJ_VISITED };

/**
 * struct percpu_cache_obj - descriptor of an object
 * @state: see enum percpu_cache_obj_state
 * @nr: objects of the batch; of the first object of a batch in the depot. Of a live
 *	object with @objcg, the CPUs that are charged
 * @next: next object of the batch; under the lock of the batch
 * @next_batch: next batch of the depot; under cache->lock
 * @ptr: the object; constant
 * @owner: from percpu_cache_alloc_owner(); read while @state is OBJ_VISITED
 * @objcg: the charged cgroup, with a reference, or NULL; only accessed by the
 *	allocation and the free of the object
 * @slab: the slab of the object; constant
 *
 * A cache line of its own, so that CPUs which use adjacent objects share none.
 */
struct percpu_cache_obj {
	atomic_t state;
	unsigned int nr;
	struct percpu_cache_obj *next;
	struct percpu_cache_obj *next_batch;
	void __percpu *ptr;
	void *owner;
	struct obj_cgroup *objcg;
	struct percpu_cache_slab *slab;
} ____cacheline_aligned_in_smp;

/**
 * struct percpu_cache_slab - a percpu allocation that is split into objects
 * @cache: the cache; constant
 * @list: entry of cache->slabs; added under cache->lock, removed under cache->mutex
 *	and cache->lock
 * @mem: the percpu allocation: a head and the objects; the head is behind a single one
 * @nr_gathered: objects that a trim holds; under cache->mutex
 * @release: a trim gives the slab back; under cache->mutex
 * @objs: descriptors of the objects
 */
struct percpu_cache_slab {
	struct percpu_cache *cache;
	struct list_head list;
	void __percpu *mem;
	unsigned int nr_gathered;
	bool release;
	struct percpu_cache_obj objs[];
};

/**
 * struct percpu_cache_head - before the objects in each copy of a slab
 * @slab: the slab
 * @cache: the cache; tells its objects from other percpu memory
 *
 * Where a slab has one object, only @slab is there, behind the object, which then has no
 * padding for its alignment before it.
 *
 * Equal on all CPUs, so that a free reads memory of its own CPU only. Constant.
 */
struct percpu_cache_head {
	struct percpu_cache_slab *slab;
	struct percpu_cache *cache;
};

/**
 * struct percpu_cache_batch - some free objects
 * @first: the object that is allocated first, or NULL
 * @nr: number of objects
 */
struct percpu_cache_batch {
	struct percpu_cache_obj *first;
	unsigned int nr;
};

/**
 * struct percpu_cache_cpu - the magazine of one CPU: free objects in two batches
 * @current_batch: where objects are allocated and freed
 * @spare: full, empty or left over; in place of @current_batch when that one is
 *	empty or full
 * @nr_hits: allocations that @current_batch or @spare served
 * @nr_misses: other allocations
 * @seen: what the worker saw last, to tell if the magazine is in use; under cache->mutex
 *
 * Owned by the CPU with IRQs off, but for @seen; steps: one object, or a swap of batches.
 * All of it is in one cache line.
 */
struct percpu_cache_cpu {
	struct percpu_cache_batch current_batch;
	struct percpu_cache_batch spare;
	unsigned long nr_hits;
	unsigned long nr_misses;
	unsigned long seen;
} ____cacheline_aligned_in_smp;

/**
 * struct percpu_cache - a cache of percpu objects
 * @cpus: the magazines
 * @mask: applied to the address of a copy less one, gives a base address
 * @to_head: distance from that base address to the head of the slab
 * @head: offset of the head in a slab
 * @first: offset of the first object from the head, modulo 1 << 32
 * @stride: bytes from an object to the next
 * @reciprocal: of @stride
 * @slab_objs: objects of a slab
 * @batch: objects of a full batch, at least 1
 * @mag_batch: the same in a magazine; 0 if all free objects are in the depot
 * @check_copies: check each object when it is allocated and freed
 * @present: objects have memory only on CPUs that have been online
 * @size: bytes of an object on each CPU
 * @slab_align: alignment of a slab
 * @slab_bytes: bytes of a slab on each CPU
 * @ctor: constructor of a copy, or NULL: copies are zero
 * @check: test of a copy, or NULL
 * @name: for messages and statistics
 * @lock: guards the depot and the writes of @slabs. Taken with IRQs off; steps: one
 *	batch or slab. Nests in @mutex only
 * @depot: batches of free objects
 * @nr_depot: number of batches
 * @low_depot: lowest number of batches since the worker ran
 * @slabs: all slabs; read under @mutex, also while slabs are added
 * @nr_slabs: number of slabs
 * @mutex: serializes trims and walks, which visit all slabs
 * @node: entry in the list of caches
 *
 * Members up to @name are constant once the cache is in use.
 */
struct percpu_cache {
	struct percpu_cache_cpu __percpu *cpus;
	unsigned long mask;
	unsigned long to_head;
	unsigned int first;
	unsigned int stride;
	u32 reciprocal;
	unsigned int slab_objs;
	unsigned int batch;
	unsigned int mag_batch;
	bool check_copies;
	bool present;
	size_t size;
	size_t slab_align;
	size_t slab_bytes;
	size_t head;
	percpu_cache_ctor_t ctor;
	percpu_cache_check_t check;
	const char *name;

	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct percpu_cache_obj *depot;
	unsigned int nr_depot;
	unsigned int low_depot;
	struct list_head slabs;
	unsigned long nr_slabs;

	struct mutex mutex;	/* outside of all locks here but that of the list */
	struct list_head node;
};

static inline struct percpu_cache_obj *percpu_cache_batch_pop(struct percpu_cache_batch *batch)
{
	struct percpu_cache_obj *obj = batch->first;

	batch->first = obj->next;
	batch->nr--;
	return obj;
}

static inline void percpu_cache_batch_push(struct percpu_cache_batch *batch,
					   struct percpu_cache_obj *obj)
{
	obj->next = batch->first;
	batch->first = obj;
	batch->nr++;
}

/* The head of the copy of a slab on @cpu */
static inline struct percpu_cache_head *
percpu_cache_slab_head(const struct percpu_cache *cache, const struct percpu_cache_slab *slab,
		       unsigned int cpu)
{
	return per_cpu_ptr(slab->mem + cache->head, cpu);
}

/* Write the head of the copy of a slab on @cpu, or clear it unless @valid. */
static inline void percpu_cache_write_head(struct percpu_cache *cache,
					   struct percpu_cache_slab *slab, unsigned int cpu,
					   bool valid)
{
	struct percpu_cache_head *head = percpu_cache_slab_head(cache, slab, cpu);

	head->slab = valid ? slab : NULL;
	if (cache->slab_objs > 1)
		head->cache = valid ? cache : NULL;
}

/* The lock of each object that a walk visits, for lockdep */
extern struct lockdep_map percpu_cache_visit_map;

/* percpu_cache_main.c */
extern struct mutex percpu_caches_mutex;
extern struct list_head percpu_caches;

void percpu_cache_dead_cpu(unsigned int cpu);

/* percpu_cache_walk.c */
unsigned long percpu_cache_count_live(struct percpu_cache *cache);

/* percpu_cache_trim.c */
unsigned long percpu_cache_trim(struct percpu_cache *cache, unsigned long most);
void percpu_cache_trim_unused(struct percpu_cache *cache);
bool percpu_cache_trim_idle(struct percpu_cache *cache);
bool percpu_cache_flush_idle(struct percpu_cache *cache);
void percpu_cache_flush_cpu(struct percpu_cache *cache, unsigned int cpu);
void percpu_cache_flush(struct percpu_cache *cache);

/*
 * On PREEMPT_RT kmalloc() and memcg charges take sleeping locks even if @gfp does not allow
 * to block.
 */
static inline bool percpu_cache_may_lock(gfp_t gfp)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || gfpflags_allow_blocking(gfp) || preemptible();
}

/* percpu_cache_slab.c */
void *percpu_cache_alloc_meta(size_t size, gfp_t gfp);
void __percpu *percpu_cache_alloc_mem(size_t size, size_t align, gfp_t gfp);
bool percpu_cache_slab_create(struct percpu_cache *cache, gfp_t gfp,
			      struct percpu_cache_batch *batch);
void percpu_cache_slab_release(struct percpu_cache *cache,
			       struct percpu_cache_slab *slab);
bool percpu_cache_depot_get(struct percpu_cache *cache, struct percpu_cache_batch *batch);
void percpu_cache_depot_push(struct percpu_cache *cache, struct percpu_cache_batch *batch);
void percpu_cache_depot_put(struct percpu_cache *cache, struct percpu_cache_batch *batch);
void percpu_cache_worker_enable(void (*run)(struct work_struct *work));
void percpu_cache_kick(void);

/* percpu_cache_check.c */
extern bool percpu_cache_check_all;

void percpu_cache_check_obj(struct percpu_cache *cache, struct percpu_cache_obj *obj,
			    bool free, unsigned long caller);
void percpu_cache_report_copy(struct percpu_cache *cache, const void __percpu *ptr,
			      unsigned int cpu, bool free, unsigned long caller);
void percpu_cache_report_free(struct percpu_cache *cache, const void __percpu *ptr,
			      bool is_object, unsigned long caller);

/* Return true if objects of the cache are checked when they are allocated and freed. */
static inline bool percpu_cache_is_checked(const struct percpu_cache *cache)
{
	return cache->check_copies;
}

/* percpu_cache_present.c */
void percpu_cache_construct_slab(struct percpu_cache *cache, struct percpu_cache_slab *slab,
				 gfp_t gfp);
void percpu_cache_clear_heads(struct percpu_cache *cache, struct percpu_cache_slab *slab);

/* The number of CPUs that have copies of present caches */
extern unsigned int percpu_cache_nr_ready;

/* The number of CPUs that objects have copies on */
static inline unsigned int percpu_cache_nr_cpus(const struct percpu_cache *cache)
{
	return unlikely(cache->present) ? READ_ONCE(percpu_cache_nr_ready) :
					  num_possible_cpus();
}

#ifdef CONFIG_PERCPU_PRESENT
bool percpu_cache_present_possible(size_t slab_bytes);
int percpu_cache_present_prepare(unsigned int cpu);
void percpu_cache_present_remove(unsigned int cpu);
#else
static inline bool percpu_cache_present_possible(size_t slab_bytes)
{
	return false;
}
#endif

/* percpu_cache_charge.c; @nr: CPUs for which an object is charged */
#ifdef CONFIG_PERCPU_CACHE_CHARGE
bool percpu_cache_charge(struct percpu_cache *cache, gfp_t gfp, unsigned int nr,
			 struct obj_cgroup **objcg);
void percpu_cache_cancel_charge(struct percpu_cache *cache, unsigned int nr,
				struct obj_cgroup *objcg);
void percpu_cache_record_charge(struct percpu_cache *cache, unsigned int nr,
				struct obj_cgroup *objcg);
void percpu_cache_uncharge(struct percpu_cache *cache, unsigned int nr,
			   struct obj_cgroup *objcg);
#else
static inline bool percpu_cache_charge(struct percpu_cache *cache, gfp_t gfp,
				       unsigned int nr, struct obj_cgroup **objcg)
{
	return true;
}

static inline void percpu_cache_cancel_charge(struct percpu_cache *cache, unsigned int nr,
					      struct obj_cgroup *objcg)
{
}

static inline void percpu_cache_record_charge(struct percpu_cache *cache, unsigned int nr,
					      struct obj_cgroup *objcg)
{
}

static inline void percpu_cache_uncharge(struct percpu_cache *cache, unsigned int nr,
					 struct obj_cgroup *objcg)
{
}
#endif

#endif /* _MM_PERCPU_CACHE_INTERNAL_H */
