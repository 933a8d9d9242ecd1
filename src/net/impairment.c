// SPDX-License-Identifier: Apache-2.0
#include "muster/impairment.h"

#include "muster/random.h"

#include "core/assert.h"

#include <string.h>

// Packets under way lie in slots; a binary heap of slot numbers keeps them by the time they are
// due, and for equal times by the order of pushing.

#define LINK_COUNT_MAX   (1u << 20)
#define PACKET_COUNT_MAX (1u << 20)
#define DELAY_US_MAX     60000000u
#define RATE_BITS_MIN    1000u
#define RATE_BITS_MAX    UINT64_C(100000000000)
#define QUEUE_BYTES_MIN  1500u
#define MTU_BYTES_MIN    68u // what every IPv4 hop carries
#define MTU_BYTES_MAX    65535u
#define QUEUE_BYTES_MAX  (1u << 30)
#define PURPOSE          UINT64_C(0x696D70616972) // sets these draws apart from all others

// What is drawn for one packet: indices into its stream of numbers.
enum draw {
    DRAW_LOSS,
    DRAW_BURST_MOVE,
    DRAW_BURST_LOSS,
    DRAW_DUPLICATE,
    DRAW_REORDER,
    DRAW_JITTER,
    DRAW_COPY_JITTER,
};

struct slot {
    uint64_t due_us;
    uint64_t serial;
    uint32_t link;
    uint32_t length;
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
};

struct link {
    muster_impairment_rules rules;
    muster_impairment_stats stats;
    uint64_t last_due_us; // of the ordered packet before
    uint64_t free_ns;     // when the rate lets the next packet begin
    bool is_bad;          // in a burst
};

struct muster_impairment {
    muster_allocator allocator;
    size_t bytes;
    uint64_t seed;
    uint64_t serial_next;
    uint64_t trace_start_us;
    uint32_t link_count;
    uint32_t packet_count;
    uint32_t heap_count; // heap[0 .. heap_count) are under way, the rest is free
    bool has_started;
    struct link *links;
    struct slot *slots;
    uint32_t *heap; // packet_count slot numbers
};

// One packet on its way through the rules.
struct passage {
    struct link *link;
    muster_random_key key;
    uint64_t now_us;
    uint64_t leave_us; // when it has left the queue
    uint32_t trace_delay_us;
    uint32_t length;
};

// The heap.

static bool is_before(const muster_impairment *model, uint32_t a, uint32_t b)
{
    const struct slot *left = &model->slots[a];
    const struct slot *right = &model->slots[b];
    return left->due_us != right->due_us ? left->due_us < right->due_us
                                         : left->serial < right->serial;
}

static void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static void heap_add(muster_impairment *model)
{
    uint32_t *heap = model->heap;
    uint32_t child = model->heap_count++;
    while (child > 0 && is_before(model, heap[child], heap[(child - 1) / 2])) {
        swap(&heap[child], &heap[(child - 1) / 2]);
        child = (child - 1) / 2;
    }
}

// Takes the first slot off; its number moves right behind the heap, where it is free.
static uint32_t heap_remove_first(muster_impairment *model)
{
    uint32_t *heap = model->heap;
    const uint32_t count = --model->heap_count;
    swap(&heap[0], &heap[count]);
    uint32_t parent = 0;
    while (2 * parent + 1 < count) {
        uint32_t child = 2 * parent + 1;
        child += child + 1 < count && is_before(model, heap[child + 1], heap[child]);
        if (!is_before(model, heap[child], heap[parent])) {
            break;
        }
        swap(&heap[child], &heap[parent]);
        parent = child;
    }
    return heap[count];
}

// Definitions.

static bool trace_is_valid(const muster_impairment_rules *rules)
{
    if (rules->trace == NULL) {
        return rules->trace_count == 0;
    }
    if (rules->trace_count == 0 || rules->trace[0].time_us != 0) {
        return false;
    }
    for (uint32_t i = 0; i < rules->trace_count; i++) {
        const muster_impairment_trace_point point = rules->trace[i];
        if ((i > 0 && point.time_us <= rules->trace[i - 1].time_us) ||
            (point.delay_us > DELAY_US_MAX && point.delay_us != MUSTER_IMPAIRMENT_LOST)) {
            return false;
        }
    }
    return rules->trace_period_us > rules->trace[rules->trace_count - 1].time_us;
}

static bool rate_is_valid(const muster_impairment_rules *rules)
{
    return rules->rate_bits == 0 ||
           (rules->rate_bits >= RATE_BITS_MIN && rules->rate_bits <= RATE_BITS_MAX &&
               rules->queue_bytes >= QUEUE_BYTES_MIN && rules->queue_bytes <= QUEUE_BYTES_MAX);
}

static bool mtu_is_valid(const muster_impairment_rules *rules)
{
    return rules->mtu_bytes == 0 ||
           (rules->mtu_bytes >= MTU_BYTES_MIN && rules->mtu_bytes <= MTU_BYTES_MAX);
}

static bool rules_are_valid(const muster_impairment_rules *rules)
{
    const bool burst_is_valid = rules->burst_enter_ppm <= MUSTER_PPM &&
                                rules->burst_leave_ppm <= MUSTER_PPM &&
                                rules->burst_loss_ppm <= MUSTER_PPM &&
                                (rules->burst_enter_ppm == 0 || rules->burst_leave_ppm > 0);
    return rules->delay_us <= DELAY_US_MAX && rules->jitter_us <= rules->delay_us &&
           rules->reorder_us <= DELAY_US_MAX && rules->loss_ppm <= MUSTER_PPM &&
           rules->duplicate_ppm <= MUSTER_PPM && rules->reorder_ppm <= MUSTER_PPM &&
           burst_is_valid && mtu_is_valid(rules) && rate_is_valid(rules) && trace_is_valid(rules);
}

muster_impairment_def muster_impairment_default_def(void)
{
    return (muster_impairment_def){
        .link_count = 2,
        .packet_count = 4096,
        .allocator = muster_heap_allocator(),
    };
}

muster_status muster_impairment_create(
    const muster_impairment_def *def, muster_impairment **out_model)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_model != NULL);
    *out_model = NULL;

    if (def->link_count < 1 || def->link_count > LINK_COUNT_MAX || def->packet_count < 1 ||
        def->packet_count > PACKET_COUNT_MAX || !rules_are_valid(&def->rules) ||
        def->allocator.alloc == NULL || def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }
    const size_t links_offset = sizeof(muster_impairment);
    const size_t slots_offset = links_offset + def->link_count * sizeof(struct link);
    const size_t heap_offset = slots_offset + def->packet_count * sizeof(struct slot);
    const size_t bytes = heap_offset + def->packet_count * sizeof(uint32_t);
    char *memory = def->allocator.alloc(def->allocator.context, bytes, _Alignof(max_align_t));
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(memory, 0, slots_offset);
    muster_impairment *model = (void *)memory;
    model->allocator = def->allocator;
    model->bytes = bytes;
    model->seed = def->seed;
    model->link_count = def->link_count;
    model->packet_count = def->packet_count;
    model->links = (void *)(memory + links_offset);
    model->slots = (void *)(memory + slots_offset);
    model->heap = (void *)(memory + heap_offset);
    for (uint32_t i = 0; i < model->link_count; i++) {
        model->links[i].rules = def->rules;
    }
    for (uint32_t i = 0; i < model->packet_count; i++) {
        model->heap[i] = i;
    }
    *out_model = model;
    return MUSTER_OK;
}

void muster_impairment_destroy(muster_impairment *model)
{
    if (model == NULL) {
        return;
    }
    const muster_allocator allocator = model->allocator;
    allocator.free(allocator.context, model, model->bytes);
}

muster_status muster_impairment_set_rules(
    muster_impairment *model, uint32_t link, const muster_impairment_rules *rules)
{
    MUSTER_ASSERT(model != NULL);
    MUSTER_ASSERT(link < model->link_count);
    MUSTER_ASSERT(rules != NULL);

    if (!rules_are_valid(rules)) {
        return MUSTER_ERR_INVALID;
    }
    model->links[link].rules = *rules;
    return MUSTER_OK;
}

// The rules.

static bool draw(const struct passage *passage, enum draw draw, uint32_t share_ppm)
{
    return share_ppm > 0 &&
           muster_random_below(muster_random(passage->key, draw), MUSTER_PPM) < share_ppm;
}

// The delay of the last point at or before this moment of the trace.
static uint32_t trace_delay_us(const muster_impairment_rules *rules, uint64_t since_us)
{
    if (rules->trace == NULL) {
        return 0;
    }
    const uint64_t time_us = since_us % rules->trace_period_us;
    uint32_t first = 0;
    uint32_t end = rules->trace_count;
    while (end - first > 1) {
        const uint32_t middle = first + (end - first) / 2;
        if (rules->trace[middle].time_us <= time_us) {
            first = middle;
        } else {
            end = middle;
        }
    }
    return rules->trace[first].delay_us;
}

// Random and burst loss, and packets that are too long. The chain moves with every packet, also
// with one that is lost anyway, so that a rule does not change what another one draws.
static bool is_lost(struct passage *passage)
{
    struct link *link = passage->link;
    const muster_impairment_rules *rules = &link->rules;
    link->is_bad = link->is_bad ? !draw(passage, DRAW_BURST_MOVE, rules->burst_leave_ppm)
                                : draw(passage, DRAW_BURST_MOVE, rules->burst_enter_ppm);
    if (passage->trace_delay_us == MUSTER_IMPAIRMENT_LOST ||
        draw(passage, DRAW_LOSS, rules->loss_ppm)) {
        link->stats.packets_lost++;
        return true;
    }
    if (link->is_bad && draw(passage, DRAW_BURST_LOSS, rules->burst_loss_ppm)) {
        link->stats.packets_burst_lost++;
        return true;
    }
    if (rules->mtu_bytes > 0 &&
        passage->length + MUSTER_IMPAIRMENT_HEADER_BYTES > rules->mtu_bytes) {
        link->stats.packets_too_long++;
        return true;
    }
    return false;
}

// Sends the packet at the link's rate, after those that wait. False if the queue has no room.
static bool pass_queue(struct passage *passage)
{
    struct link *link = passage->link;
    const muster_impairment_rules *rules = &link->rules;
    passage->leave_us = passage->now_us;
    if (rules->rate_bits == 0) {
        return true;
    }
    const uint64_t bit_ns = UINT64_C(8000000000); // of one byte at one bit a second
    const uint64_t wire_bytes = passage->length + MUSTER_IMPAIRMENT_HEADER_BYTES;
    const uint64_t now_ns = passage->now_us * 1000;
    const uint64_t begin_ns = link->free_ns > now_ns ? link->free_ns : now_ns;
    // The wait in units of the whole queue's, which keeps the product within 64 bits.
    const uint64_t queue_ns = rules->queue_bytes * bit_ns / rules->rate_bits;
    const uint64_t send_ns = wire_bytes * bit_ns / rules->rate_bits;
    if (begin_ns - now_ns + send_ns > queue_ns) {
        link->stats.packets_dropped++;
        return false;
    }
    link->free_ns = begin_ns + send_ns;
    passage->leave_us = (link->free_ns + 999) / 1000;
    return true;
}

static void deliver(
    muster_impairment *model, struct passage *passage, const uint8_t *bytes, enum draw jitter)
{
    struct link *link = passage->link;
    const muster_impairment_rules *rules = &link->rules;
    uint64_t due_us = passage->leave_us + passage->trace_delay_us + rules->delay_us;
    if (rules->jitter_us > 0) {
        const uint64_t bits = muster_random(passage->key, jitter);
        due_us = due_us - rules->jitter_us + muster_random_below(bits, 2 * rules->jitter_us + 1);
    }
    if (draw(passage, DRAW_REORDER, rules->reorder_ppm)) {
        due_us += rules->reorder_us;
        link->stats.packets_reordered++;
    } else if (!rules->is_unordered) {
        due_us = due_us > link->last_due_us ? due_us : link->last_due_us;
        link->last_due_us = due_us;
    }
    struct slot *slot = &model->slots[model->heap[model->heap_count]];
    slot->due_us = due_us;
    slot->serial = model->serial_next++;
    slot->link = (uint32_t)passage->key.entity;
    slot->length = passage->length;
    if (passage->length > 0) {
        memcpy(slot->bytes, bytes, passage->length);
    }
    heap_add(model);
}

muster_status muster_impairment_push(muster_impairment *model,
    uint64_t now_us,
    uint32_t link_index,
    const uint8_t *bytes,
    uint32_t length)
{
    MUSTER_ASSERT(model != NULL);
    MUSTER_ASSERT(link_index < model->link_count);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(length <= MUSTER_PACKET_BYTES_MAX);

    if (model->heap_count == model->packet_count) {
        return MUSTER_ERR_FULL;
    }
    if (!model->has_started) {
        model->has_started = true;
        model->trace_start_us = now_us;
    }
    struct link *link = &model->links[link_index];
    struct passage passage = {
        .link = link,
        .key =
            {
                .seed = model->seed,
                .entity = link_index,
                .tick = link->stats.packets_pushed++,
                .purpose = PURPOSE,
            },
        .now_us = now_us,
        .trace_delay_us = trace_delay_us(&link->rules, now_us - model->trace_start_us),
        .length = length,
    };
    if (is_lost(&passage) || !pass_queue(&passage)) {
        return MUSTER_OK;
    }
    deliver(model, &passage, bytes, DRAW_JITTER);
    if (draw(&passage, DRAW_DUPLICATE, link->rules.duplicate_ppm) &&
        model->heap_count < model->packet_count) {
        deliver(model, &passage, bytes, DRAW_COPY_JITTER);
        link->stats.packets_duplicated++;
    }
    return MUSTER_OK;
}

bool muster_impairment_pop(
    muster_impairment *model, uint64_t now_us, muster_impairment_packet *out_packet)
{
    MUSTER_ASSERT(model != NULL);
    MUSTER_ASSERT(out_packet != NULL);

    if (muster_impairment_next_us(model) > now_us || model->heap_count == 0) {
        return false;
    }
    const struct slot *slot = &model->slots[heap_remove_first(model)];
    muster_impairment_stats *stats = &model->links[slot->link].stats;
    stats->packets_popped++;
    stats->bytes_popped += slot->length;
    *out_packet = (muster_impairment_packet){
        .bytes = slot->bytes,
        .length = slot->length,
        .link = slot->link,
        .due_us = slot->due_us,
    };
    return true;
}

uint64_t muster_impairment_next_us(const muster_impairment *model)
{
    MUSTER_ASSERT(model != NULL);
    return model->heap_count == 0 ? UINT64_MAX : model->slots[model->heap[0]].due_us;
}

muster_impairment_stats muster_impairment_get_stats(const muster_impairment *model, uint32_t link)
{
    MUSTER_ASSERT(model != NULL);
    MUSTER_ASSERT(link < model->link_count);
    return model->links[link].stats;
}
