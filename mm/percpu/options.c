// SPDX-License-Identifier: GPL-2.0-only
/*
 * options: percpu_alloc=, percpu_area= and percpu_reserve= of the kernel command
 * line.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "first_chunk.h"
#include "layout.h"

const char * const pcpu_fc_names[PCPU_FC_NR] __initconst = {
	[PCPU_FC_AUTO] = "auto",
	[PCPU_FC_EMBED] = "embed",
	[PCPU_FC_PAGE] = "page",
};

enum pcpu_fc pcpu_chosen_fc __initdata = PCPU_FC_AUTO;

/* percpu_alloc=large: for architectures it is auto. */
static bool pcpu_large __initdata;

/* percpu_area=, bytes of offset space; 0 if not given. */
static unsigned long pcpu_area_bytes __initdata;

/* percpu_reserve=, bytes of each unit withheld for modules; -1 if not given. */
static long pcpu_reserve_bytes __initdata = -1;

/*
 * Return true, after a warning, if the area is set up already: some
 * architectures parse the command line later.
 */
static bool __init pcpu_option_is_late(const char *name)
{
	if (pcpu_area.size)
		pr_warn("%s= ignored: parsed too late on this architecture\n",
			name);
	return pcpu_area.size;
}

static int __init pcpu_alloc_setup(char *str)
{
	int fc;

	if (!str)
		return -EINVAL;
	if (pcpu_option_is_late("percpu_alloc"))
		return 0;
	pcpu_large = !strcmp(str, "large");
	fc = match_string(pcpu_fc_names, PCPU_FC_NR, pcpu_large ? "auto" : str);
	if (fc < 0)
		pr_warn("percpu_alloc=%s: must be auto, embed, large or page\n",
			str);
	else
		pcpu_chosen_fc = fc;
	return 0;
}
early_param("percpu_alloc", pcpu_alloc_setup);

/* The bytes that @str gives, or -1 after a warning. */
static long __init pcpu_parse_size(const char *name, const char *str)
{
	char *end;
	u64 size = memparse(str, &end);

	if (pcpu_option_is_late(name))
		return -1;
	if (end != str && !*end && size <= LONG_MAX)
		return size;
	pr_warn("%s=%s: invalid size\n", name, str);
	return -1;
}

static int __init pcpu_area_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_area_bytes = max(pcpu_parse_size("percpu_area", str), 0L);
	return 0;
}
early_param("percpu_area", pcpu_area_setup);

static int __init pcpu_reserve_setup(char *str)
{
	if (!str)
		return -EINVAL;
	pcpu_reserve_bytes = pcpu_parse_size("percpu_reserve", str);
	return 0;
}
early_param("percpu_reserve", pcpu_reserve_setup);

/**
 * pcpu_option_large - whether percpu_alloc= asks for large page table entries
 *
 * Return: true if it does.
 */
bool __init pcpu_option_large(void)
{
	return pcpu_large;
}

/**
 * pcpu_option_area_size - apply percpu_area= to the size of the area
 * @choice: bytes of offset space without the option
 *
 * Return: the bytes that percpu_area= asks for, within bounds; else @choice.
 */
unsigned long __init pcpu_option_area_size(unsigned long choice)
{
	if (!pcpu_area_bytes)
		return choice;
	return clamp(pcpu_area_bytes, 4 * PCPU_CHUNK_SIZE, PCPU_AREA_MAX_SIZE);
}

/**
 * pcpu_option_report_area - warn if the area is smaller than percpu_area=
 */
void __init pcpu_option_report_area(void)
{
	if (pcpu_area_bytes > pcpu_area.size)
		pr_warn("percpu_area= limited to %lu KB, %lu KB requested\n",
			pcpu_area.size >> 10, pcpu_area_bytes >> 10);
}

/**
 * pcpu_option_reserve - apply percpu_reserve= to the reserve for modules
 * @choice: bytes that the architecture asks for
 *
 * Modules reach %PCPU_AREA_MAX_SIZE bytes: half of them are left to static data.
 *
 * Return: the bytes that percpu_reserve= asks for, within bounds; else @choice.
 */
unsigned long __init pcpu_option_reserve(unsigned long choice)
{
	if (pcpu_reserve_bytes < 0)
		return choice;
	return min_t(unsigned long, pcpu_reserve_bytes, PCPU_AREA_MAX_SIZE / 2);
}

/**
 * pcpu_options_forget - drop the sizes of the command line, with a warning
 *
 * Return: true if there was one.
 */
bool __init pcpu_options_forget(void)
{
	if (!pcpu_area_bytes && pcpu_reserve_bytes < 0)
		return false;
	pr_warn("percpu_area= and percpu_reserve= ignored: no memory for the first chunk\n");
	pcpu_area_bytes = 0;
	pcpu_reserve_bytes = -1;
	return true;
}
