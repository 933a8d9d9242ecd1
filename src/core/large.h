// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Tables that are large and in use throughout ask for the alignment of huge pages, on which
/// muster_heap_allocator() then puts them where the kernel has such: the processor finds an address
/// with fewer looks. For what is touched here and there it would be a waste.

#include <stddef.h>

/// The least memory that is large, and the alignment that asks for huge pages, in bytes.
#define LARGE_BYTES     ((size_t)8 << 20)
#define LARGE_ALIGNMENT ((size_t)2 << 20)

/// The alignment to ask for, at least `alignment`.
static inline size_t large_alignment(size_t bytes, size_t alignment)
{
    return bytes >= LARGE_BYTES && alignment < LARGE_ALIGNMENT ? LARGE_ALIGNMENT : alignment;
}
