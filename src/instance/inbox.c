// SPDX-License-Identifier: Apache-2.0
#include "muster/inbox.h"

#include "core/assert.h"

#include <string.h>

// Actions wait in one of 64 lists, by the tick they are due in modulo 64: an action is due at most
// 63 ticks after the next frame, so a list never holds two ticks at once. Closing a frame empties
// one list. Nodes come from a free list and go back to it.

#define LIST_COUNT (MUSTER_INBOX_AHEAD_TICKS_MAX + 1u)
#define MARGIN_MAX 127
#define NULL_INDEX UINT32_MAX

_Static_assert((LIST_COUNT & (LIST_COUNT - 1)) == 0, "ticks are mapped to lists by a mask");

enum member_state {
    MEMBER_ABSENT = 0,
    MEMBER_JOINING, // the next frame says so
    MEMBER_PRESENT,
    MEMBER_LEAVING,  // the next frame says so
    MEMBER_REPLACED, // the next frame says that one leaves, the one after it that another joins
};

struct member {
    muster_player player;
    muster_player successor; // while REPLACED
    uint64_t counted_tick;
    uint32_t counted_sequence;
    uint32_t waiting_count;
    uint32_t message_bytes;      // of the messages that wait
    uint32_t generation;         // of the actions: another one after each join, leave and resume
    uint32_t message_generation; // of the messages: another one after each join and leave
    int32_t margin_ticks;
    enum member_state state;
};

struct waiting {
    uint32_t next;
    uint32_t player_index;
    uint32_t generation;
    uint32_t sequence;
    uint32_t action_index;
    uint32_t step_count;
    uint32_t steps[MUSTER_PARAM_COUNT_MAX];
};

struct list {
    uint32_t first;
    uint32_t last;
};

// Heads a message in the message buffer; its bytes follow, padded to 8.
struct message_head {
    uint32_t player_index;
    uint32_t generation;
    uint32_t message_index;
    uint32_t length;
};

#define MESSAGE_RECORD_BYTES_MAX (MUSTER_MESSAGE_BYTES_MAX + sizeof(struct message_head))

struct muster_inbox {
    muster_inbox_def def;
    size_t bytes;
    uint64_t next_tick;
    uint32_t free_first;
    uint32_t message_bytes;
    uint32_t message_sequence;
    struct list lists[LIST_COUNT];
    struct member *members;
    struct waiting *nodes;
    uint8_t *messages;
};

static size_t padded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

muster_inbox_def muster_inbox_default_def(void)
{
    return (muster_inbox_def){
        .player_count_max = 1024,
        .action_count_max = 32768,
        .action_count_per_player_max = 64,
        .message_bytes_max = 256 * 1024,
        .message_bytes_per_player_max = 16 * 1024,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_inbox_def *def)
{
    return def->player_count_max >= 1 && def->player_count_max <= 4096 &&
           def->action_count_max >= 1 && def->action_count_max <= 1048576 &&
           def->action_count_per_player_max >= 1 &&
           def->message_bytes_max >= MESSAGE_RECORD_BYTES_MAX &&
           def->message_bytes_max <= 16u * 1024 * 1024 &&
           def->message_bytes_per_player_max >= MESSAGE_RECORD_BYTES_MAX &&
           def->allocator.alloc != NULL && def->allocator.free != NULL;
}

muster_status muster_inbox_create(const muster_inbox_def *def, muster_inbox **out_inbox)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_inbox != NULL);
    *out_inbox = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const size_t members_offset = padded(sizeof(muster_inbox));
    const size_t nodes_offset =
        members_offset + padded((size_t)def->player_count_max * sizeof(struct member));
    const size_t messages_offset =
        nodes_offset + padded((size_t)def->action_count_max * sizeof(struct waiting));
    const size_t bytes = messages_offset + def->message_bytes_max;
    uint8_t *memory = def->allocator.alloc(def->allocator.context, bytes, 16);
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }

    memset(memory, 0, bytes);
    muster_inbox *inbox = (void *)memory;
    inbox->def = *def;
    inbox->bytes = bytes;
    inbox->next_tick = 1;
    inbox->members = (void *)(memory + members_offset);
    inbox->nodes = (void *)(memory + nodes_offset);
    inbox->messages = memory + messages_offset;
    for (uint32_t i = 0; i < LIST_COUNT; i++) {
        inbox->lists[i] = (struct list){.first = NULL_INDEX, .last = NULL_INDEX};
    }
    for (uint32_t i = 0; i < def->action_count_max; i++) {
        inbox->nodes[i].next = i + 1 < def->action_count_max ? i + 1 : NULL_INDEX;
    }
    *out_inbox = inbox;
    return MUSTER_OK;
}

void muster_inbox_destroy(muster_inbox *inbox)
{
    if (inbox == NULL) {
        return;
    }
    const muster_allocator allocator = inbox->def.allocator;
    allocator.free(allocator.context, inbox, inbox->bytes);
}

void muster_inbox_set_next_tick(muster_inbox *inbox, uint64_t tick)
{
    MUSTER_ASSERT(inbox != NULL);
    MUSTER_ASSERT(tick >= 1 && tick <= MUSTER_TICK_MAX);
    for (uint32_t i = 0; i < LIST_COUNT; i++) {
        MUSTER_ASSERT(inbox->lists[i].first == NULL_INDEX);
    }
    inbox->next_tick = tick;
}

static struct member *member_at(muster_inbox *inbox, uint32_t player_index)
{
    MUSTER_ASSERT(inbox != NULL);
    MUSTER_ASSERT(player_index < inbox->def.player_count_max);
    return &inbox->members[player_index];
}

static bool may_act(const struct member *member)
{
    return member->state == MEMBER_JOINING || member->state == MEMBER_PRESENT ||
           member->state == MEMBER_REPLACED;
}

// What waits under an older generation is dropped when its turn comes.
static void forget_inputs(struct member *member)
{
    member->generation++;
    member->waiting_count = 0;
    member->counted_sequence = 0;
    member->counted_tick = 0;
    member->margin_ticks = 0;
}

static void forget_messages(struct member *member)
{
    member->message_generation++;
    member->message_bytes = 0;
}

void muster_inbox_push_join(
    muster_inbox *inbox, uint32_t player_index, const muster_player *player, bool is_present)
{
    struct member *member = member_at(inbox, player_index);
    MUSTER_ASSERT(player != NULL);
    MUSTER_ASSERT(member->state == MEMBER_ABSENT || member->state == MEMBER_LEAVING);
    forget_inputs(member);
    forget_messages(member);
    if (member->state == MEMBER_LEAVING) {
        MUSTER_ASSERT(!is_present);
        member->successor = *player;
        member->state = MEMBER_REPLACED;
        return;
    }
    member->player = *player;
    member->state = is_present ? MEMBER_PRESENT : MEMBER_JOINING;
}

void muster_inbox_push_leave(muster_inbox *inbox, uint32_t player_index)
{
    struct member *member = member_at(inbox, player_index);
    if (!may_act(member)) {
        return;
    }
    forget_inputs(member);
    forget_messages(member);
    member->state = member->state == MEMBER_JOINING ? MEMBER_ABSENT : MEMBER_LEAVING;
}

void muster_inbox_push_resume(muster_inbox *inbox, uint32_t player_index)
{
    struct member *member = member_at(inbox, player_index);
    if (may_act(member)) {
        forget_inputs(member);
    }
}

static int32_t margin_of(uint64_t tick, uint64_t next_tick)
{
    if (tick >= next_tick) {
        const uint64_t early_ticks = tick - next_tick;
        return early_ticks < MARGIN_MAX ? (int32_t)early_ticks : MARGIN_MAX;
    }
    const uint64_t late_ticks = next_tick - tick;
    return late_ticks < MARGIN_MAX ? -(int32_t)late_ticks : -MARGIN_MAX;
}

muster_status muster_inbox_push_action(muster_inbox *inbox,
    uint32_t player_index,
    uint32_t sequence,
    uint64_t tick,
    uint32_t action_index,
    const uint32_t *steps,
    uint32_t step_count)
{
    struct member *member = member_at(inbox, player_index);
    MUSTER_ASSERT(step_count <= MUSTER_PARAM_COUNT_MAX);
    MUSTER_ASSERT(step_count == 0 || steps != NULL);
    if (!may_act(member)) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const uint32_t node = inbox->free_first;
    if (node == NULL_INDEX || member->waiting_count == inbox->def.action_count_per_player_max) {
        return MUSTER_ERR_FULL;
    }

    member->margin_ticks = margin_of(tick, inbox->next_tick);
    uint64_t due_tick = tick < inbox->next_tick ? inbox->next_tick : tick;
    if (due_tick > inbox->next_tick + MUSTER_INBOX_AHEAD_TICKS_MAX) {
        due_tick = inbox->next_tick + MUSTER_INBOX_AHEAD_TICKS_MAX;
    }

    struct waiting *waiting = &inbox->nodes[node];
    inbox->free_first = waiting->next;
    *waiting = (struct waiting){
        .next = NULL_INDEX,
        .player_index = player_index,
        .generation = member->generation,
        .sequence = sequence,
        .action_index = action_index,
        .step_count = step_count,
    };
    if (step_count > 0) {
        memcpy(waiting->steps, steps, step_count * sizeof steps[0]);
    }
    struct list *list = &inbox->lists[due_tick % LIST_COUNT];
    if (list->first == NULL_INDEX) {
        list->first = node;
    } else {
        inbox->nodes[list->last].next = node;
    }
    list->last = node;
    member->waiting_count++;
    return MUSTER_OK;
}

muster_status muster_inbox_push_message(muster_inbox *inbox,
    uint32_t player_index,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length)
{
    struct member *member = member_at(inbox, player_index);
    MUSTER_ASSERT(length <= MUSTER_MESSAGE_BYTES_MAX);
    MUSTER_ASSERT(length == 0 || bytes != NULL);
    if (!may_act(member)) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const struct message_head head = {
        .player_index = player_index,
        .generation = member->message_generation,
        .message_index = message_index,
        .length = length,
    };
    const uint32_t record_bytes = (uint32_t)padded(sizeof head + length);
    if (record_bytes > inbox->def.message_bytes_max - inbox->message_bytes ||
        record_bytes > inbox->def.message_bytes_per_player_max - member->message_bytes) {
        return MUSTER_ERR_FULL;
    }
    uint8_t *record = inbox->messages + inbox->message_bytes;
    memcpy(record, &head, sizeof head);
    if (length > 0) {
        memcpy(record + sizeof head, bytes, length);
    }
    inbox->message_bytes += record_bytes;
    member->message_bytes += record_bytes;
    return MUSTER_OK;
}

static void close_leave(muster_frame_builder *builder, uint32_t player_index, struct member *member)
{
    if (muster_frame_add_leave(builder, player_index, member->player.id) != MUSTER_OK) {
        return;
    }
    const bool is_replaced = member->state == MEMBER_REPLACED;
    member->state = is_replaced ? MEMBER_JOINING : MEMBER_ABSENT;
    if (is_replaced) {
        member->player = member->successor;
    }
}

// Joins and leaves that the frame has no room for wait for the next.
static void close_members(muster_inbox *inbox, muster_frame_builder *builder, uint64_t tick)
{
    for (uint32_t i = 0; i < inbox->def.player_count_max; i++) {
        struct member *member = &inbox->members[i];
        if (member->state == MEMBER_JOINING) {
            member->player.joined_tick = tick;
            if (muster_frame_add_join(builder, i, &member->player) == MUSTER_OK) {
                member->state = MEMBER_PRESENT;
            }
        } else if (member->state == MEMBER_LEAVING || member->state == MEMBER_REPLACED) {
            close_leave(builder, i, member);
        }
    }
}

// Adds one action, unless its player has gone.
// @return false if the frame is full
static bool close_action(muster_inbox *inbox,
    muster_frame_builder *builder,
    const struct waiting *waiting,
    uint64_t tick)
{
    struct member *member = &inbox->members[waiting->player_index];
    if (member->generation != waiting->generation) {
        return true;
    }
    if (member->state != MEMBER_PRESENT) {
        return false; // its join waits for room, and so does it
    }
    const muster_status status =
        muster_frame_add_action(builder, waiting->player_index, member->player.id,
            waiting->sequence, waiting->action_index, waiting->steps, waiting->step_count);
    if (status != MUSTER_OK) {
        return false;
    }
    member->waiting_count--;
    if (waiting->sequence > member->counted_sequence) {
        member->counted_sequence = waiting->sequence;
        member->counted_tick = tick;
    }
    return true;
}

static void close_actions(muster_inbox *inbox, muster_frame_builder *builder, uint64_t tick)
{
    struct list *list = &inbox->lists[tick % LIST_COUNT];
    struct list *later = &inbox->lists[(tick + 1) % LIST_COUNT];
    struct list kept = {.first = NULL_INDEX, .last = NULL_INDEX};
    for (uint32_t node = list->first, next; node != NULL_INDEX; node = next) {
        struct waiting *waiting = &inbox->nodes[node];
        next = waiting->next;
        if (close_action(inbox, builder, waiting, tick)) {
            waiting->next = inbox->free_first;
            inbox->free_first = node;
            continue;
        }
        waiting->next = NULL_INDEX;
        if (kept.first == NULL_INDEX) {
            kept.first = node;
        } else {
            inbox->nodes[kept.last].next = node;
        }
        kept.last = node;
    }
    *list = (struct list){.first = NULL_INDEX, .last = NULL_INDEX};

    // What is kept goes before what is due in the next tick.
    if (kept.first != NULL_INDEX) {
        inbox->nodes[kept.last].next = later->first;
        later->first = kept.first;
        later->last = later->last == NULL_INDEX ? kept.last : later->last;
    }
}

// Messages that the frame has no room for stay, moved to the front.
static void close_messages(muster_inbox *inbox, muster_frame_builder *builder)
{
    uint32_t kept_bytes = 0;
    for (uint32_t offset = 0; offset < inbox->message_bytes;) {
        struct message_head head;
        uint8_t *record = inbox->messages + offset;
        memcpy(&head, record, sizeof head);
        const uint32_t record_bytes = (uint32_t)padded(sizeof head + head.length);
        struct member *member = &inbox->members[head.player_index];
        offset += record_bytes;
        if (member->message_generation != head.generation) {
            continue;
        }
        const bool is_added = member->state == MEMBER_PRESENT &&
                              muster_frame_add_message(builder, head.player_index,
                                  member->player.id, inbox->message_sequence, head.message_index,
                                  record + sizeof head, head.length) == MUSTER_OK;
        if (is_added) {
            inbox->message_sequence++;
            member->message_bytes -= record_bytes;
        } else {
            memmove(inbox->messages + kept_bytes, record, record_bytes);
            kept_bytes += record_bytes;
        }
    }
    inbox->message_bytes = kept_bytes;
}

void muster_inbox_close(muster_inbox *inbox, muster_frame_builder *builder, uint64_t tick)
{
    MUSTER_ASSERT(inbox != NULL);
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(tick == inbox->next_tick);
    close_members(inbox, builder, tick);
    close_actions(inbox, builder, tick);
    close_messages(inbox, builder);
    inbox->next_tick = tick + 1;
}

muster_inbox_receipt muster_inbox_player_receipt(const muster_inbox *inbox, uint32_t player_index)
{
    MUSTER_ASSERT(inbox != NULL);
    MUSTER_ASSERT(player_index < inbox->def.player_count_max);
    const struct member *member = &inbox->members[player_index];
    return (muster_inbox_receipt){
        .sequence = member->counted_sequence,
        .counted_tick = member->counted_tick,
        .margin_ticks = member->margin_ticks,
    };
}
