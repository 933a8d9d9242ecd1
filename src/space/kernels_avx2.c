// SPDX-License-Identifier: Apache-2.0
#include "space/lanes.h"

#if defined(__AVX2__)

static const struct kernels kernels = LANES_KERNELS;

const struct kernels *kernels_avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &kernels : NULL;
}

#else

const struct kernels *kernels_avx2(void)
{
    return NULL;
}

#endif
