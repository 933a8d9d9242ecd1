// SPDX-License-Identifier: Apache-2.0
#include "muster/state.h"

#include "core/assert.h"

uint32_t muster_state_type_bytes(muster_state_type type)
{
    switch (type) {
    case MUSTER_STATE_U8:
        return 1;
    case MUSTER_STATE_U16:
        return 2;
    case MUSTER_STATE_U32:
    case MUSTER_STATE_I32:
    case MUSTER_STATE_F32:
        return 4;
    case MUSTER_STATE_U64:
        return 8;
    }
    return 0;
}

uint32_t muster_state_element_bytes(const muster_state_block *block)
{
    MUSTER_ASSERT(block != NULL);
    return muster_state_type_bytes(block->type) * block->lane_count;
}
