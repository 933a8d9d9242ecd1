// SPDX-License-Identifier: Apache-2.0
#include "net/session_state.h"

#include "core/assert.h"

#include <string.h>

#define SESSION_COUNT_MAX       65535u
#define SEND_FRAGMENT_COUNT_MAX (1u << 20)
#define SESSION_SEND_COUNT_MAX  4096u

// Offsets of the arrays that follow the pool in its one allocation.
struct layout {
    size_t sessions;
    size_t sent;
    size_t fragments;
    size_t slots;
    size_t fates;
    size_t slot_bytes;
    size_t message;
    size_t bytes;
};

muster_session_pool_def muster_session_pool_default_def(void)
{
    return (muster_session_pool_def){
        .session_count = 1,
        .receive_fragment_count = SESSION_WINDOW_MAX,
        .send_fragment_count = 512,
        .session_send_fragment_count_max = 512,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_session_pool_def *def)
{
    const uint32_t window = def->receive_fragment_count;
    return def->session_count >= 1 && def->session_count <= SESSION_COUNT_MAX &&
           window >= SESSION_WINDOW_MIN && window <= SESSION_WINDOW_MAX &&
           (window & (window - 1)) == 0 && def->send_fragment_count >= 1 &&
           def->send_fragment_count <= SEND_FRAGMENT_COUNT_MAX &&
           def->session_send_fragment_count_max >= 1 &&
           def->session_send_fragment_count_max <= SESSION_SEND_COUNT_MAX &&
           def->allocator.alloc != NULL && def->allocator.free != NULL;
}

// Structs come first and bytes last, so that every array is aligned without padding.
static struct layout layout_of(const muster_session_pool_def *def)
{
    const size_t session_count = def->session_count;
    const size_t slot_count = session_count * def->receive_fragment_count;
    struct layout layout;
    layout.sessions = sizeof(muster_session_pool);
    layout.sent = layout.sessions + session_count * sizeof(muster_session);
    layout.fragments =
        layout.sent + session_count * SESSION_SENT_COUNT * sizeof(struct session_sent);
    layout.slots = layout.fragments + def->send_fragment_count * sizeof(struct session_fragment);
    layout.fates = layout.slots + slot_count * sizeof(struct session_slot);
    layout.slot_bytes = layout.fates + session_count * SESSION_SENT_COUNT;
    layout.message = layout.slot_bytes + slot_count * MUSTER_SESSION_FRAGMENT_BYTES;
    layout.bytes =
        layout.message + (size_t)def->receive_fragment_count * MUSTER_SESSION_FRAGMENT_BYTES;
    return layout;
}

muster_status muster_session_pool_create(
    const muster_session_pool_def *def, muster_session_pool **out_pool)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_pool != NULL);
    *out_pool = NULL;

    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    const struct layout layout = layout_of(def);
    char *memory =
        def->allocator.alloc(def->allocator.context, layout.bytes, _Alignof(max_align_t));
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    // Not the bytes of fragments, which come last: few sessions ever hold many, and memory that is
    // not touched is not used up.
    memset(memory, 0, layout.slot_bytes);

    muster_session_pool *pool = (void *)memory;
    pool->allocator = def->allocator;
    pool->bytes = layout.bytes;
    pool->session_count = def->session_count;
    pool->receive_fragment_count = def->receive_fragment_count;
    pool->session_send_fragment_count_max = def->session_send_fragment_count_max;
    pool->sessions = (void *)(memory + layout.sessions);
    pool->fragments = (void *)(memory + layout.fragments);
    pool->message = (uint8_t *)memory + layout.message;

    struct session_sent *sent = (void *)(memory + layout.sent);
    struct session_slot *slots = (void *)(memory + layout.slots);
    for (uint32_t i = pool->session_count; i-- > 0;) {
        const size_t slot = (size_t)i * pool->receive_fragment_count;
        muster_session *session = &pool->sessions[i];
        session->pool = pool;
        session->sent = sent + (size_t)i * SESSION_SENT_COUNT;
        session->fates = (uint8_t *)memory + layout.fates + (size_t)i * SESSION_SENT_COUNT;
        session->slots = slots + slot;
        session->slot_bytes =
            (uint8_t *)memory + layout.slot_bytes + slot * MUSTER_SESSION_FRAGMENT_BYTES;
        session->next_free1 = pool->free_session1;
        pool->free_session1 = i + 1;
    }
    for (uint32_t i = def->send_fragment_count; i-- > 0;) {
        session_fragment_release(pool, i + 1);
    }
    *out_pool = pool;
    return MUSTER_OK;
}

void muster_session_pool_destroy(muster_session_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    const muster_allocator allocator = pool->allocator;
    allocator.free(allocator.context, pool, pool->bytes);
}

void session_fragment_release(muster_session_pool *pool, uint32_t index1)
{
    MUSTER_ASSERT(index1 != 0);
    pool->fragments[index1 - 1].next1 = pool->free_fragment1;
    pool->free_fragment1 = index1;
    pool->free_fragment_count++;
}

muster_status muster_session_pool_acquire(muster_session_pool *pool, muster_session **out_session)
{
    MUSTER_ASSERT(pool != NULL);
    MUSTER_ASSERT(out_session != NULL);
    *out_session = NULL;

    if (pool->free_session1 == 0) {
        return MUSTER_ERR_FULL;
    }
    muster_session *session = &pool->sessions[pool->free_session1 - 1];
    pool->free_session1 = session->next_free1;
    *session = (muster_session){
        .pool = pool,
        .sent = session->sent,
        .fates = session->fates,
        .slots = session->slots,
        .slot_bytes = session->slot_bytes,
        .is_acquired = true,
    };
    memset(session->sent, 0, SESSION_SENT_COUNT * sizeof session->sent[0]);
    memset(session->slots, 0, pool->receive_fragment_count * sizeof session->slots[0]);
    *out_session = session;
    return MUSTER_OK;
}

void muster_session_pool_release(muster_session_pool *pool, muster_session *session)
{
    MUSTER_ASSERT(pool != NULL);
    MUSTER_ASSERT(session != NULL && session->pool == pool && session->is_acquired);

    while (session->send_first1 != 0) {
        const uint32_t index1 = session->send_first1;
        session->send_first1 = pool->fragments[index1 - 1].next1;
        session_fragment_release(pool, index1);
    }
    session->is_acquired = false;
    session->next_free1 = pool->free_session1;
    pool->free_session1 = (uint32_t)(session - pool->sessions) + 1;
}

muster_session_stats muster_session_get_stats(const muster_session *session)
{
    MUSTER_ASSERT(session != NULL);
    muster_session_stats stats = session->stats;
    stats.send_fragment_count = session->send_count;
    return stats;
}
