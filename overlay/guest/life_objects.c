// SPDX-License-Identifier: GPL-2.0-only
/*
 * life_objects: percpu data of each kind that lives while the machine changes.
 *
 * Variables of the module, dynamic objects from 8 to 30,000 bytes, and objects of percpu
 * caches have a pattern in each copy. "echo 1 >/sys/module/life_objects/parameters/check"
 * compares the patterns, from one CPU and from each CPU through its own copy, and writes
 * others; it fails with EIO if a byte is wrong.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/percpu_cache.h>
#include <linux/slab.h>
#include <linux/string.h>

#define complain(fmt, ...) pr_err(KBUILD_MODNAME ": FAIL: " fmt "\n", ##__VA_ARGS__)

/* Few enough for the module reserve of mm/percpu.c */
#define NR_VARIABLES	400

static DEFINE_PER_CPU(u64, first) = 2004;
static DEFINE_PER_CPU_ALIGNED(u64, variables[NR_VARIABLES]);

static const struct {
	unsigned int size;
	unsigned int nr;
} kinds[] = {
	{ 8, 500 }, { 64, 500 }, { 1000, 200 }, { 3000, 100 }, { 30000, 100 },
};

struct object {
	void __percpu *ptr;
	unsigned int size;
};

static struct object *objects;
static unsigned int nr_objects;
/* Added to each pattern; another one after each check */
static u8 generation;
static atomic_t wrong;

static u8 pattern(unsigned int i, unsigned int cpu)
{
	return generation + i * 3 + cpu * 31;
}

static bool copy_is(const void *copy, size_t size, unsigned int i, unsigned int cpu)
{
	if (!memchr_inv(copy, pattern(i, cpu), size))
		return true;
	complain("CPU %u, object %u of %zu bytes: wrong contents", cpu, i, size);
	return false;
}

static void fill_objects(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		memset(per_cpu_ptr(variables, cpu), pattern(0, cpu), sizeof(variables));
		for (i = 0; i < nr_objects; i++)
			memset(per_cpu_ptr(objects[i].ptr, cpu), pattern(i, cpu),
			       objects[i].size);
		cond_resched();
	}
}

static bool objects_are_right(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		if (per_cpu(first, cpu) != 2004 ||
		    !copy_is(per_cpu_ptr(variables, cpu), sizeof(variables), 0, cpu))
			return false;
		for (i = 0; i < nr_objects; i++)
			if (!copy_is(per_cpu_ptr(objects[i].ptr, cpu), objects[i].size, i, cpu))
				return false;
		cond_resched();
	}
	return true;
}

/* On each online CPU: the same bytes through its own offset */
static void look_at_own(void *unused)
{
	unsigned int cpu = smp_processor_id(), i;

	if (this_cpu_read(first) != 2004 || (u8)this_cpu_read(variables[7]) != pattern(0, cpu))
		atomic_inc(&wrong);
	for (i = 0; i < nr_objects; i++)
		if (*(u8 *)this_cpu_ptr(objects[i].ptr) != pattern(i, cpu))
			atomic_inc(&wrong);
}

static bool own_are_right(void)
{
	atomic_set(&wrong, 0);
	on_each_cpu(look_at_own, NULL, 1);
	if (!atomic_read(&wrong))
		return true;
	complain("%d of a CPU's own copies are wrong", atomic_read(&wrong));
	return false;
}

#ifdef CONFIG_PERCPU_CACHE
#define NR_ITEMS	2000

struct item {
	unsigned long magic;
	u8 bytes[88];
};

/* An ordinary cache, and one with PERCPU_CACHE_PRESENT */
static struct {
	struct percpu_cache *cache;
	struct item __percpu *items[NR_ITEMS];
	struct cpumask filled;
} caches[2];

static unsigned long magic_of(unsigned int cpu)
{
	return 0x70637075UL + cpu;
}

static void item_ctor(void *copy, unsigned int cpu)
{
	((struct item *)copy)->magic = magic_of(cpu);
}

static bool item_is_right(unsigned int c, unsigned int i, unsigned int cpu)
{
	const struct item *item = per_cpu_ptr(caches[c].items[i], cpu);
	bool present = cpumask_test_cpu(cpu, percpu_cache_cpus(caches[c].cache));

	if (item->magic != (present ? magic_of(cpu) : 0)) {
		complain("cache %u, CPU %u, object %u: not constructed", c, cpu, i);
		return false;
	}
	/* A CPU that is there since the last fill has zeroes behind its constructed part. */
	if (!cpumask_test_cpu(cpu, &caches[c].filled))
		return !memchr_inv(item->bytes, 0, sizeof(item->bytes));
	return copy_is(item->bytes, sizeof(item->bytes), i, cpu);
}

static bool items_are_right(void)
{
	unsigned int c, cpu, i;

	for (c = 0; c < ARRAY_SIZE(caches); c++)
		for_each_possible_cpu(cpu)
			for (i = 0; i < NR_ITEMS; i++)
				if (!item_is_right(c, i, cpu))
					return false;
	return true;
}

static void fill_items(void)
{
	unsigned int c, cpu, i;

	for (c = 0; c < ARRAY_SIZE(caches); c++) {
		cpumask_copy(&caches[c].filled, percpu_cache_cpus(caches[c].cache));
		for_each_cpu(cpu, &caches[c].filled)
			for (i = 0; i < NR_ITEMS; i++)
				memset(per_cpu_ptr(caches[c].items[i], cpu)->bytes,
				       pattern(i, cpu), sizeof_field(struct item, bytes));
	}
}

static void free_items(void)
{
	struct item clean = {};
	unsigned int c, cpu, i;

	for (c = 0; c < ARRAY_SIZE(caches) && caches[c].cache; c++) {
		for (i = 0; i < NR_ITEMS && caches[c].items[i]; i++) {
			/* Back to the constructed state */
			for_each_cpu(cpu, &caches[c].filled)
				memcpy(per_cpu_ptr(caches[c].items[i], cpu)->bytes,
				       clean.bytes, sizeof(clean.bytes));
			percpu_cache_free(caches[c].cache, caches[c].items[i]);
		}
		if (percpu_cache_destroy(caches[c].cache))
			complain("objects of cache %u are left", c);
	}
}

static int alloc_items(void)
{
	struct percpu_cache *cache;
	unsigned int c, i;

	for (c = 0; c < ARRAY_SIZE(caches); c++) {
		cache = percpu_cache_create(c ? "life_present" : "life_all", sizeof(struct item),
					    __alignof__(struct item), item_ctor,
					    c ? PERCPU_CACHE_PRESENT : 0);
		if (IS_ERR(cache))
			return PTR_ERR(cache);
		caches[c].cache = cache;
		for (i = 0; i < NR_ITEMS; i++) {
			caches[c].items[i] = percpu_cache_alloc(cache, GFP_KERNEL);
			if (!caches[c].items[i])
				return -ENOMEM;
		}
	}
	return 0;
}
#else
static bool items_are_right(void)
{
	return true;
}

static void fill_items(void)
{
}

static void free_items(void)
{
}

static int alloc_items(void)
{
	return 0;
}
#endif

static int check_set(const char *value, const struct kernel_param *param)
{
	bool right;

	cpus_read_lock();
	right = objects_are_right() && own_are_right() && items_are_right();
	generation += 101;
	fill_objects();
	fill_items();
	cpus_read_unlock();
	return right ? 0 : -EIO;
}

static const struct kernel_param_ops check_ops = { .set = check_set };
module_param_cb(check, &check_ops, NULL, 0200);
MODULE_PARM_DESC(check, "write: compare all patterns, and write others");

static int spoil_set(const char *value, const struct kernel_param *param)
{
	u8 *copy = per_cpu_ptr(objects[nr_objects / 2].ptr, num_online_cpus() - 1);

	copy[0]++;
	return 0;
}

static const struct kernel_param_ops spoil_ops = { .set = spoil_set };
module_param_cb(spoil, &spoil_ops, NULL, 0200);
MODULE_PARM_DESC(spoil, "write: make a byte wrong, which the next check must find");

static void free_objects(void)
{
	while (nr_objects)
		free_percpu(objects[--nr_objects].ptr);
	kvfree(objects);
}

static int alloc_objects(void)
{
	unsigned int kind, i, total = 0;

	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		total += kinds[kind].nr;
	objects = kvcalloc(total, sizeof(*objects), GFP_KERNEL);
	if (!objects)
		return -ENOMEM;
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (i = 0; i < kinds[kind].nr; i++) {
			struct object *object = &objects[nr_objects];

			object->size = kinds[kind].size;
			object->ptr = __alloc_percpu(object->size, 8);
			if (!object->ptr)
				return -ENOMEM;
			nr_objects++;
		}
	}
	return 0;
}

static int __init life_objects_init(void)
{
	int err = alloc_objects() ?: alloc_items();

	if (err) {
		free_items();
		free_objects();
		return err;
	}
	cpus_read_lock();
	fill_objects();
	fill_items();
	cpus_read_unlock();
	return 0;
}
module_init(life_objects_init);

static void __exit life_objects_exit(void)
{
	free_items();
	free_objects();
}
module_exit(life_objects_exit);

MODULE_DESCRIPTION("Percpu data that lives while the machine changes");
MODULE_LICENSE("GPL");
