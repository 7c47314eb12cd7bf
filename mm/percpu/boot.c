// SPDX-License-Identifier: GPL-2.0-only
/*
 * boot: which layout, how large, and the area setup of architectures that have
 * none of their own.  Runs once.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/cc_platform.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "arena.h"
#include "first_chunk.h"

/* Names as percpu_alloc= takes them. */
const char * const pcpu_fc_names[PCPU_FC_NR] __initconst = {
	[PCPU_FC_AUTO] = "auto",
	[PCPU_FC_EMBED] = "embed",
	[PCPU_FC_PAGE] = "page",
};

enum pcpu_fc pcpu_chosen_fc __initdata = PCPU_FC_AUTO;

/* percpu_area=, bytes of offset space; 0 means choose. */
static unsigned long pcpu_wanted_size __initdata;

/* percpu_reserve=, bytes held back for modules in a linear first chunk. */
static long pcpu_wanted_reserve __initdata = -1;

/* Some architectures look at the command line when all is set up already. */
static bool __init pcpu_too_late(const char *what)
{
	if (pcpu_area.size)
		pr_warn("%s= comes too late on this architecture\n", what);
	return pcpu_area.size;
}

static int __init pcpu_alloc_setup(char *str)
{
	int i;

	if (!str)
		return -EINVAL;
	if (pcpu_too_late("percpu_alloc"))
		return 0;
	for (i = 0; i < PCPU_FC_NR; i++) {
		if (strcmp(str, pcpu_fc_names[i]))
			continue;
		pcpu_chosen_fc = i;
		return 0;
	}
	pr_warn("percpu_alloc=%s is unknown\n", str);
	return 0;
}
early_param("percpu_alloc", pcpu_alloc_setup);

/* Bytes that @str says, or -1, after a message. */
static long __init pcpu_parse_size(const char *what, const char *str)
{
	char *end;
	u64 size = memparse(str, &end);

	if (pcpu_too_late(what))
		return -1;
	if (end != str && !*end && size <= LONG_MAX)
		return size;
	pr_warn("%s=%s is no size\n", what, str);
	return -1;
}

static int __init pcpu_area_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_wanted_size = max(pcpu_parse_size("percpu_area", str), 0L);
	return 0;
}
early_param("percpu_area", pcpu_area_setup);

static int __init pcpu_reserve_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_wanted_reserve = pcpu_parse_size("percpu_reserve", str);
	return 0;
}
early_param("percpu_reserve", pcpu_reserve_setup);

static int __init pcpu_arenas_setup(char *str)
{
	unsigned int most;

	if (pcpu_too_late("percpu_arenas"))
		return 0;
	if (!str || kstrtouint(str, 0, &most) || !most ||
	    most > PCPU_MAX_ARENAS)
		pr_warn("percpu_arenas= is 1 to %u\n", PCPU_MAX_ARENAS);
	else
		pcpu_arenas_most = most;
	return 0;
}
early_param("percpu_arenas", pcpu_arenas_setup);

/**
 * pcpu_boot_area_size - how much offset space is wanted
 * @choice: what the layout would choose
 *
 * Return: @choice, or what percpu_area= says within bounds.
 */
unsigned long __init pcpu_boot_area_size(unsigned long choice)
{
	if (!pcpu_wanted_size)
		return choice;
	return clamp(pcpu_wanted_size, 4 * PCPU_CHUNK_SIZE,
		     PCPU_AREA_MAX_SIZE);
}

/**
 * pcpu_boot_report_area - say it if percpu_area= asks for more than there is
 */
void __init pcpu_boot_report_area(void)
{
	if (pcpu_wanted_size > pcpu_area.size)
		pr_warn("percpu_area= asks for %lu KB, more than the %lu KB that there can be\n",
			pcpu_wanted_size >> 10, pcpu_area.size >> 10);
}

/**
 * pcpu_boot_reserve - bytes to hold back for modules
 * @choice: what the architecture asks for
 *
 * Return: @choice, or what percpu_reserve= says, as far as static data beside
 * it leaves all of it in reach of modules.
 */
unsigned long __init pcpu_boot_reserve(unsigned long choice)
{
	if (pcpu_wanted_reserve < 0)
		return choice;
	return min_t(unsigned long, pcpu_wanted_reserve,
		     PCPU_AREA_MAX_SIZE / 2);
}

#ifdef CONFIG_SMP

/*
 * A linear first chunk is for machines that cannot have it mapped: encrypted
 * guests flip pages of the linear map only, KMSAN needs metadata for it early,
 * sparc64 and powerpc touch percpu data where only linear memory is mapped,
 * riscv gives the hypervisor __pa() of some, and its modules lie just in reach
 * of the kernel's image.
 */
static bool __init pcpu_want_mapped(void)
{
	if (!IS_ENABLED(CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK) ||
	    !(IS_ENABLED(CONFIG_X86_64) || IS_ENABLED(CONFIG_ARM64)) ||
	    IS_ENABLED(CONFIG_KMSAN))
		return false;
	if (pcpu_chosen_fc != PCPU_FC_AUTO)
		return false;
	return !cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

/**
 * pcpu_embed_first_chunk - set up the area as suits the machine best
 * @reserved_size: bytes to hold back for modules if the first chunk is linear
 * @dyn_size: bytes for dynamic objects to have populated from the start
 * @atom_size: alignment of a linear first chunk
 * @cpu_distance_fn: unused, the stride is constant
 * @cpu_to_nd_fn: the node of a CPU, or %NULL
 *
 * The first chunk is mapped, each CPU's part from its node, where the machine
 * can do that; else, or with percpu_alloc=embed, it lies in linear memory.
 *
 * Return: 0 or a negative error.
 */
int __init pcpu_embed_first_chunk(size_t reserved_size, size_t dyn_size,
				  size_t atom_size,
				  pcpu_fc_cpu_distance_fn_t cpu_distance_fn,
				  pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn)
{
	dyn_size = max_t(size_t, dyn_size, PERCPU_DYNAMIC_EARLY_SIZE);
	if (pcpu_want_mapped() && !pcpu_first_chunk_mapped(true, cpu_to_nd_fn))
		return 0;
	return pcpu_first_chunk_linear(pcpu_boot_reserve(reserved_size),
				       dyn_size, atom_size);
}

#ifdef CONFIG_NEED_PER_CPU_PAGE_FIRST_CHUNK
/**
 * pcpu_page_first_chunk - set up the area with a first chunk mapped by pages
 * @reserved_size: bytes to hold back for modules should it end up linear
 * @cpu_to_nd_fn: the node of a CPU, or %NULL
 *
 * Return: 0 or a negative error.
 */
int __init pcpu_page_first_chunk(size_t reserved_size,
				 pcpu_fc_cpu_to_node_fn_t cpu_to_nd_fn)
{
	int ret = pcpu_first_chunk_mapped(false, cpu_to_nd_fn);

	if (ret != -ENOSPC)
		return ret;

	/* Rather linear than not at all. */
	pr_info("a mapped area would be too small, trying linear memory\n");
	return pcpu_first_chunk_linear(pcpu_boot_reserve(reserved_size),
				       PERCPU_DYNAMIC_RESERVE, PAGE_SIZE);
}
#endif

#ifndef CONFIG_HAVE_SETUP_PER_CPU_AREA
unsigned long __per_cpu_offset[NR_CPUS] __read_mostly;
EXPORT_SYMBOL(__per_cpu_offset);

/* For architectures that need nothing special: linear, no NUMA. */
void __init setup_per_cpu_areas(void)
{
	unsigned int cpu;

	if (pcpu_embed_first_chunk(PERCPU_MODULE_RESERVE,
				   PERCPU_DYNAMIC_RESERVE, PAGE_SIZE, NULL,
				   NULL))
		panic("percpu: no memory for the first chunk");

	for_each_possible_cpu(cpu)
		__per_cpu_offset[cpu] = pcpu_area.base + pcpu_unit_offsets[cpu] -
					(unsigned long)__per_cpu_start;
}
#endif

#else /* !CONFIG_SMP */

/* One unit without static data: that is ordinary data here. */
void __init setup_per_cpu_areas(void)
{
	if (pcpu_first_chunk_linear(0, PERCPU_DYNAMIC_RESERVE, PAGE_SIZE))
		panic("percpu: no memory for the first chunk");
}

#endif /* CONFIG_SMP */
