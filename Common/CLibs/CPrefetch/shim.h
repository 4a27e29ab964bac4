// One instruction that Swift has no word for.
#ifndef ASSAY_CPREFETCH_H
#define ASSAY_CPREFETCH_H

/// Has the processor fetch the cache line of an address, which needn't be one that can be read.
static inline void assay_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
