// SPDX-License-Identifier: Apache-2.0
#include "net/used_tokens.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "core/map.h"

#include <string.h>

// An entry is forgotten once its token has expired, because an expired token is refused anyway. A
// clock that is set back would make such a token good again, so the table also keeps the latest
// expiry it has forgotten and refuses every token that expires no later. While the clock goes
// forward that refuses nothing that is not refused already.

// Entries looked at in one sweep: at 60 sweeps a second, 8,192 entries in about two seconds.
#define SWEEP_COUNT 64

struct entry {
    uint8_t mac[USED_TOKEN_MAC_BYTES];
    muster_address address;
    bool is_live;
    bool is_spent;
    uint64_t expire_unix_s;
};

struct used_tokens {
    muster_allocator allocator;
    size_t bytes;
    struct map *index_by_mac; // by the first eight bytes of it
    uint64_t forgotten_unix_s;
    uint32_t capacity;
    uint32_t free_count;
    uint32_t sweep_index;
    uint32_t *free; // a stack of free entries
    struct entry entries[];
};

muster_status used_tokens_create(const muster_allocator *allocator,
    uint32_t capacity,
    uint64_t seed,
    struct used_tokens **out_tokens)
{
    MUSTER_ASSERT(allocator != NULL);
    MUSTER_ASSERT(out_tokens != NULL);
    *out_tokens = NULL;

    if (capacity < 1 || capacity > USED_TOKENS_CAPACITY_MAX) {
        return MUSTER_ERR_INVALID;
    }
    const size_t free_offset = sizeof(struct used_tokens) + (size_t)capacity * sizeof(struct entry);
    const size_t bytes = free_offset + (size_t)capacity * sizeof(uint32_t);
    struct used_tokens *tokens =
        allocator->alloc(allocator->context, bytes, _Alignof(struct used_tokens));
    if (tokens == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(tokens, 0, bytes);
    tokens->allocator = *allocator;
    tokens->bytes = bytes;
    tokens->capacity = capacity;
    tokens->free = (void *)((char *)tokens + free_offset);
    for (uint32_t i = 0; i < capacity; i++) {
        tokens->free[tokens->free_count++] = capacity - 1 - i;
    }
    const muster_status status = map_create(allocator, capacity, seed, &tokens->index_by_mac);
    if (status != MUSTER_OK) {
        used_tokens_destroy(tokens);
        return status;
    }
    *out_tokens = tokens;
    return MUSTER_OK;
}

void used_tokens_destroy(struct used_tokens *tokens)
{
    if (tokens == NULL) {
        return;
    }
    map_destroy(tokens->index_by_mac);
    const muster_allocator allocator = tokens->allocator;
    allocator.free(allocator.context, tokens, tokens->bytes);
}

// The entry of a seal, or NULL. Two seals that agree in the first half only are a forgery by the
// login itself; the later one is then treated as the earlier one's second use.
static struct entry *find(struct used_tokens *tokens, const uint8_t mac[USED_TOKEN_MAC_BYTES])
{
    uint32_t index;
    if (!map_find(tokens->index_by_mac, bytes_load_u64(mac), &index)) {
        return NULL;
    }
    return &tokens->entries[index];
}

muster_status used_tokens_claim(struct used_tokens *tokens,
    const uint8_t mac[USED_TOKEN_MAC_BYTES],
    const muster_address *address,
    uint64_t expire_unix_s)
{
    MUSTER_ASSERT(tokens != NULL);
    MUSTER_ASSERT(address != NULL);

    const struct entry *known = find(tokens, mac);
    if (known != NULL) {
        const bool is_same = memcmp(known->mac, mac, USED_TOKEN_MAC_BYTES) == 0 &&
                             muster_address_is_equal(&known->address, address);
        return is_same && !known->is_spent ? MUSTER_OK : MUSTER_ERR_DENIED;
    }
    if (expire_unix_s <= tokens->forgotten_unix_s) {
        return MUSTER_ERR_DENIED;
    }
    if (tokens->free_count == 0) {
        return MUSTER_ERR_FULL;
    }
    const uint32_t index = tokens->free[--tokens->free_count];
    const muster_status status = map_put(tokens->index_by_mac, bytes_load_u64(mac), index);
    MUSTER_ASSERT(status == MUSTER_OK);
    struct entry *entry = &tokens->entries[index];
    *entry = (struct entry){.address = *address, .is_live = true, .expire_unix_s = expire_unix_s};
    memcpy(entry->mac, mac, USED_TOKEN_MAC_BYTES);
    return MUSTER_OK;
}

void used_tokens_spend(struct used_tokens *tokens, const uint8_t mac[USED_TOKEN_MAC_BYTES])
{
    MUSTER_ASSERT(tokens != NULL);
    struct entry *entry = find(tokens, mac);
    if (entry != NULL) {
        entry->is_spent = true;
    }
}

static void forget(struct used_tokens *tokens, uint32_t index)
{
    struct entry *entry = &tokens->entries[index];
    const bool is_removed = map_remove(tokens->index_by_mac, bytes_load_u64(entry->mac));
    MUSTER_ASSERT(is_removed);
    if (entry->expire_unix_s > tokens->forgotten_unix_s) {
        tokens->forgotten_unix_s = entry->expire_unix_s;
    }
    entry->is_live = false;
    tokens->free[tokens->free_count++] = index;
}

void used_tokens_sweep(struct used_tokens *tokens, uint64_t unix_s)
{
    MUSTER_ASSERT(tokens != NULL);
    const uint32_t count = tokens->capacity < SWEEP_COUNT ? tokens->capacity : SWEEP_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = &tokens->entries[tokens->sweep_index];
        if (entry->is_live && entry->expire_unix_s <= unix_s) {
            forget(tokens, tokens->sweep_index);
        }
        tokens->sweep_index = (tokens->sweep_index + 1) % tokens->capacity;
    }
}
