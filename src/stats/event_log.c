// SPDX-License-Identifier: Apache-2.0
#include "muster/event_log.h"

#include "core/assert.h"

#include <string.h>

// A ring: event number n lies in place (n - 1) % capacity until n + capacity replaces it.

#define CAPACITY_MAX 1048576u

struct muster_event_log {
    muster_allocator allocator;
    size_t bytes;
    uint64_t newest;
    uint32_t capacity;
    muster_event events[];
};

const char *muster_event_type_name(muster_event_type type)
{
    // No default: the compiler reports an enumerator that is missing here.
    switch (type) {
    case MUSTER_EVENT_INSTANCE_STARTED:
        return "instance_started";
    case MUSTER_EVENT_INSTANCE_ENDED:
        return "instance_ended";
    case MUSTER_EVENT_PLAYER_JOINED:
        return "player_joined";
    case MUSTER_EVENT_PLAYER_LEFT:
        return "player_left";
    case MUSTER_EVENT_PLAYER_ACTIVITY:
        return "player_activity";
    case MUSTER_EVENT_PLAYER_LOST:
        return "player_lost";
    case MUSTER_EVENT_PLAYER_RESUMED:
        return "player_resumed";
    case MUSTER_EVENT_PLAYER_REFUSED:
        return "player_refused";
    case MUSTER_EVENT_PLAYER_KICKED:
        return "player_kicked";
    case MUSTER_EVENT_TICK_MISSED:
        return "tick_missed";
    case MUSTER_EVENT_CLIENT:
        return "client";
    }
    return "unknown";
}

muster_status muster_event_log_create(
    const muster_allocator *allocator, uint32_t capacity, muster_event_log **out_log)
{
    MUSTER_ASSERT(allocator != NULL);
    MUSTER_ASSERT(out_log != NULL);
    *out_log = NULL;
    if (capacity < 1 || capacity > CAPACITY_MAX) {
        return MUSTER_ERR_INVALID;
    }
    const size_t bytes = sizeof(muster_event_log) + (size_t)capacity * sizeof(muster_event);
    muster_event_log *log = allocator->alloc(allocator->context, bytes, _Alignof(muster_event_log));
    if (log == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(log, 0, bytes);
    log->allocator = *allocator;
    log->bytes = bytes;
    log->capacity = capacity;
    *out_log = log;
    return MUSTER_OK;
}

void muster_event_log_destroy(muster_event_log *log)
{
    if (log == NULL) {
        return;
    }
    const muster_allocator allocator = log->allocator;
    allocator.free(allocator.context, log, log->bytes);
}

// Cuts a text that has no end, but never in the middle of a character.
static void end_text(char text[MUSTER_EVENT_TEXT_BYTES])
{
    if (memchr(text, '\0', MUSTER_EVENT_TEXT_BYTES) != NULL) {
        return;
    }
    size_t end = MUSTER_EVENT_TEXT_BYTES - 1;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memset(text + end, 0, MUSTER_EVENT_TEXT_BYTES - end);
}

uint64_t muster_event_log_push(muster_event_log *log, const muster_event *event)
{
    MUSTER_ASSERT(log != NULL);
    MUSTER_ASSERT(event != NULL);
    muster_event *place = &log->events[log->newest % log->capacity];
    *place = *event;
    end_text(place->text);
    log->newest++;
    place->sequence = log->newest;
    return log->newest;
}

uint64_t muster_event_log_newest(const muster_event_log *log)
{
    MUSTER_ASSERT(log != NULL);
    return log->newest;
}

bool muster_event_log_read(
    const muster_event_log *log, muster_event_cursor *cursor, muster_event *out_event)
{
    MUSTER_ASSERT(log != NULL);
    MUSTER_ASSERT(cursor != NULL);
    MUSTER_ASSERT(out_event != NULL);
    if (cursor->sequence >= log->newest) {
        return false;
    }
    const uint64_t gone_count = log->newest > log->capacity ? log->newest - log->capacity : 0;
    if (cursor->sequence < gone_count) {
        cursor->missed_count += gone_count - cursor->sequence;
        cursor->sequence = gone_count;
    }
    *out_event = log->events[cursor->sequence % log->capacity];
    cursor->sequence++;
    MUSTER_ASSERT(out_event->sequence == cursor->sequence);
    return true;
}
