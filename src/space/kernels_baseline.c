// SPDX-License-Identifier: Apache-2.0
#include "space/lanes.h"

const struct kernels kernels_baseline = LANES_KERNELS;
