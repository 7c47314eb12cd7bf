// SPDX-License-Identifier: GPL-2.0-only
// Places that may take the address of percpu data for a linear one: a physical
// address or a page of it is asked for by a macro that is right for the linear map
// only.  Percpu memory may be mapped: per_cpu_ptr_to_phys() is right everywhere.
//
// The pattern cannot see whether v->member is an array, whose address is percpu
// memory, or a pointer to other memory.  overlay/lint/exceptions has a verdict for
// each place that is found.

virtual report

@direct@
identifier lin =~ "^(__pa|__pa_nodebug|__sme_pa|virt_to_phys|slow_virt_to_phys|virt_to_page|virt_to_head_page|virt_to_folio|virt_to_pfn|virt_to_bus|virt_to_mfn|virt_to_gfn|virt_to_machine|virt_to_maddr|sg_set_buf|sg_init_one|dma_map_single|dma_map_single_attrs|__psp_pa|iov_to_bus|virt_to_dma32|virt_to_dma64)$";
identifier cpu =~ "^(this_cpu_ptr|per_cpu_ptr|raw_cpu_ptr|get_cpu_ptr|per_cpu|get_cpu_var|__this_cpu_read|this_cpu_read|raw_cpu_read)$";
position p;
@@
lin@p(..., <+... cpu(...) ...+>, ...)

@script:python depends on report@
p << direct.p;
lin << direct.lin;
@@
print("%s:%s: LINEAR: %s() of a percpu expression" % (p[0].file, p[0].line, lin))

@assigned exists@
identifier lin =~ "^(__pa|__pa_nodebug|__sme_pa|virt_to_phys|slow_virt_to_phys|virt_to_page|virt_to_head_page|virt_to_folio|virt_to_pfn|virt_to_bus|virt_to_mfn|virt_to_gfn|virt_to_machine|virt_to_maddr|sg_set_buf|sg_init_one|dma_map_single|dma_map_single_attrs|__psp_pa|iov_to_bus|virt_to_dma32|virt_to_dma64)$";
identifier cpu =~ "^(this_cpu_ptr|per_cpu_ptr|raw_cpu_ptr|get_cpu_ptr|per_cpu|get_cpu_var)$";
local idexpression v;
position p != direct.p;
@@
v = <+... cpu(...) ...+>;
...
lin@p(..., <+... v ...+>, ...)

@script:python depends on report@
p << assigned.p;
lin << assigned.lin;
v << assigned.v;
@@
print("%s:%s: LINEAR: %s() of %s" % (p[0].file, p[0].line, lin, v))

@declared exists@
identifier lin =~ "^(__pa|__pa_nodebug|__sme_pa|virt_to_phys|slow_virt_to_phys|virt_to_page|virt_to_head_page|virt_to_folio|virt_to_pfn|virt_to_bus|virt_to_mfn|virt_to_gfn|virt_to_machine|virt_to_maddr|sg_set_buf|sg_init_one|dma_map_single|dma_map_single_attrs|__psp_pa|iov_to_bus|virt_to_dma32|virt_to_dma64)$";
identifier cpu =~ "^(this_cpu_ptr|per_cpu_ptr|raw_cpu_ptr|get_cpu_ptr|per_cpu|get_cpu_var)$";
type T;
identifier v;
position p != direct.p;
@@
T v = <+... cpu(...) ...+>;
...
lin@p(..., <+... v ...+>, ...)

@script:python depends on report@
p << declared.p;
lin << declared.lin;
v << declared.v;
@@
print("%s:%s: LINEAR: %s() of %s" % (p[0].file, p[0].line, lin, v))
