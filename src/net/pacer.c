// SPDX-License-Identifier: Apache-2.0
#include "muster/pacer.h"

#include "core/assert.h"

#define TICK_US_MIN      1000u
#define TICK_US_MAX      10000000u
#define WINDOW_US        1000u
#define WINDOW_SHARE_PCT 15u

_Static_assert(MUSTER_PACER_WINDOW_MAX == MUSTER_PACER_SLOT_COUNT_MAX * WINDOW_SHARE_PCT / 100,
    "the ring holds the widest window");

muster_status muster_pacer_init(muster_pacer *pacer, uint32_t tick_us, uint32_t slot_count)
{
    MUSTER_ASSERT(pacer != NULL);
    *pacer = (muster_pacer){0};
    if (tick_us < TICK_US_MIN || tick_us > TICK_US_MAX ||
        slot_count < MUSTER_PACER_SLOT_COUNT_MIN || slot_count > MUSTER_PACER_SLOT_COUNT_MAX) {
        return MUSTER_ERR_INVALID;
    }
    pacer->tick_us = tick_us;
    pacer->slot_count = slot_count;
    pacer->slot_next = slot_count;
    // So many whole shares stay within 15 % of the tick's packets. A tick too short for that is
    // at least kept even.
    pacer->window_count = slot_count * WINDOW_SHARE_PCT / 100;
    const uint32_t even_us = tick_us / slot_count * pacer->window_count;
    pacer->window_us = WINDOW_US < even_us ? WINDOW_US : even_us;
    return MUSTER_OK;
}

void muster_pacer_begin_tick(muster_pacer *pacer, uint64_t tick_start_us, uint32_t client_count)
{
    MUSTER_ASSERT(pacer != NULL && pacer->slot_count > 0);

    pacer->skipped_count += pacer->slot_count - pacer->slot_next;
    pacer->share_first = (pacer->share_first + pacer->slot_next) % pacer->slot_count;
    pacer->slot_next = 0;
    pacer->tick_start_us = tick_start_us;
    pacer->client_count = client_count;
}

uint64_t muster_pacer_next_us(const muster_pacer *pacer)
{
    MUSTER_ASSERT(pacer != NULL && pacer->slot_count > 0);

    if (pacer->slot_next == pacer->slot_count) {
        return UINT64_MAX;
    }
    const uint64_t planned_us =
        pacer->tick_start_us + (uint64_t)pacer->slot_next * pacer->tick_us / pacer->slot_count;
    const uint64_t allowed_us = pacer->allowed_us[pacer->sent_index];
    return planned_us > allowed_us ? planned_us : allowed_us;
}

bool muster_pacer_pop(muster_pacer *pacer, uint64_t now_us, muster_pacer_share *out_share)
{
    MUSTER_ASSERT(pacer != NULL);
    MUSTER_ASSERT(out_share != NULL);

    if (pacer->slot_next == pacer->slot_count || muster_pacer_next_us(pacer) > now_us) {
        return false;
    }
    const uint64_t share = (pacer->share_first + pacer->slot_next) % pacer->slot_count;
    out_share->client_first = (uint32_t)(share * pacer->client_count / pacer->slot_count);
    out_share->client_end = (uint32_t)((share + 1) * pacer->client_count / pacer->slot_count);
    pacer->slot_next++;
    pacer->allowed_us[pacer->sent_index] = now_us + pacer->window_us;
    pacer->sent_index = (pacer->sent_index + 1) % pacer->window_count;
    return true;
}
