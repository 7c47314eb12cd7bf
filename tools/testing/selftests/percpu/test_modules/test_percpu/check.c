// SPDX-License-Identifier: GPL-2.0
/*
 * check: alignment and contents of objects.
 *
 * Each copy of an object is filled with the tag of the object plus the number of
 * the CPU, so that a wrong byte tells which object and CPU it belongs to.
 */
#include <linux/percpu.h>
#include <linux/string.h>

#include "test.h"

static int check_byte(void __percpu *ptr, size_t size, int cpu, u8 byte)
{
	u8 *copy = per_cpu_ptr(ptr, cpu);
	u8 *bad = memchr_inv(copy, byte, size);

	if (!bad)
		return 0;
	complain("cpu %d: byte %zu of an object of %zu is %#x, not %#x",
		 cpu, (size_t)(bad - copy), size, *bad, byte);
	return -EIO;
}

static int check_zero(void __percpu *ptr, size_t size)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_byte(ptr, size, cpu, 0);
		if (err)
			return err;
	}
	return 0;
}

int check_tag(void __percpu *ptr, size_t size, u8 tag)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = check_byte(ptr, size, cpu, tag + cpu);
		if (err)
			return err;
	}
	return 0;
}

static void fill(void __percpu *ptr, size_t size, u8 tag)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ptr, cpu), (u8)(tag + cpu), size);
}

static int check_align(void __percpu *ptr, size_t align)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (IS_ALIGNED((unsigned long)per_cpu_ptr(ptr, cpu), align))
			continue;
		complain("cpu %d: %#lx is not aligned to %zu", cpu,
			 (unsigned long)per_cpu_ptr(ptr, cpu), align);
		return -EINVAL;
	}
	return 0;
}

/* Check that a new object is aligned and zero, and fill it with @tag. */
int check_fresh(void __percpu *ptr, size_t size, size_t align, u8 tag)
{
	int err;

	err = check_align(ptr, align);
	if (!err)
		err = check_zero(ptr, size);
	fill(ptr, size, tag);
	return err;
}

int alloc_fresh(void __percpu **ptr, size_t size, size_t align, u8 tag)
{
	*ptr = __alloc_percpu_gfp(size, align, GFP_KERNEL | __GFP_NOWARN);
	if (!*ptr) {
		complain("no memory for size %zu, align %zu", size, align);
		return -ENOMEM;
	}
	return check_fresh(*ptr, size, align, tag);
}

int free_live(struct live_object *obj)
{
	int err = 0;

	if (obj->ptr)
		err = check_tag(obj->ptr, obj->size, obj->tag);
	free_percpu(obj->ptr);
	obj->ptr = NULL;
	return err;
}
