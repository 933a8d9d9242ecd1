// SPDX-License-Identifier: Apache-2.0
#include "replica/client.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <string.h>

#define NOTE_BYTES_MAX 5

#define CACHE_LINE_BYTES 64

// Notes that are read before the first of them is applied, while their entries come.
#define NOTE_COUNT 64

// What an update costs, in sixteenths of a bit, before it is known.
#define UPDATE_BITS_GUESS (40 * 16)

// What was sent of one index.
struct note {
    uint32_t index;
    uint32_t section_mask;
};

void client_reset(struct client *client, const struct history *history, float reach_m)
{
    const uint32_t words = client->word_count;
    client->has_viewer = false;
    client->is_open = false;
    client->reach_m = reach_m;
    client->prepared_stamp = 0;
    client->looked_stamp = 0;
    client->known_count = 0;
    client->entering_count = 0;
    client->leaving_count = 0;
    client->cursor = 0;
    client->update_bits = UPDATE_BITS_GUESS;
    client->gap_sixteenths = 0;
    client->credit_bytes = 0;
    client->lost_stamp = 0;
    client->newest_acked_stamp = HISTORY_STAMP_FIRST;
    client->unheard_stamp = 0;
    client->ack_count = 0;
    memset(client->wait_stamps, 0, sizeof client->wait_stamps);
    memset(client->taken, 0, words * sizeof *client->taken);
    memset(client->ring_sets, 0, MUSTER_CHANNEL_COUNT * words * sizeof *client->ring_sets);
    memset(client->pending, 0, words * sizeof *client->pending);
    memset(client->entering, 0, words * sizeof *client->entering);
    memset(client->leaving, 0, words * sizeof *client->leaving);
    memset(client->quiet, 0, words * sizeof *client->quiet);
    memset(client->seen, 0, (history->entity_capacity + 63) / 64 * sizeof *client->seen);
    memset(client->packets, 0, CLIENT_PACKET_COUNT * sizeof *client->packets);
    memset(&client->counts, 0, sizeof client->counts);
}

static void prefetch_bytes(const void *memory, size_t bytes)
{
    for (size_t offset = 0; offset < bytes; offset += CACHE_LINE_BYTES) {
        __builtin_prefetch((const uint8_t *)memory + offset);
    }
}

void client_prefetch(const struct client *client)
{
    const size_t set_bytes = client->word_count * sizeof(uint64_t);
    prefetch_bytes(client->taken, set_bytes);
    prefetch_bytes(client->ring_sets, MUSTER_CHANNEL_COUNT * set_bytes);
    prefetch_bytes(client->pending, set_bytes);
    prefetch_bytes(client->quiet, set_bytes);
    __builtin_prefetch(&client->packets[(client->next_token + 1) % CLIENT_PACKET_COUNT], 1);
    __builtin_prefetch(&client->journal[client->journal_head & client->journal_mask], 1);
    for (uint32_t i = 0; i < client->ack_count; i++) {
        const uint32_t begin = client->acks[i].journal_begin & client->journal_mask;
        prefetch_bytes(
            client->journal + begin, client->acks[i].journal_end - client->acks[i].journal_begin);
    }
}

// The lowest free index, so that indices stay small and gaps between them short.
static bool find_free(const struct client *client, uint32_t *out_index)
{
    for (uint32_t w = 0; w < client->word_count; w++) {
        if (client->taken[w] != UINT64_MAX) {
            *out_index = w * 64 + (uint32_t)__builtin_ctzll(~client->taken[w]);
            return *out_index < client->index_count;
        }
    }
    return false;
}

bool client_enter(
    struct client *client, const struct history *history, uint32_t slot, uint32_t ring)
{
    MUSTER_ASSERT(ring < CLIENT_RING_NONE && !set_has(client->seen, slot));
    uint32_t index;
    if (!find_free(client, &index)) {
        return false;
    }
    struct client_entry *entry = client_entry(client, index);
    memset(entry, 0, client->entry_bytes);
    entry->slot = (uint16_t)slot;
    client->slots[index] = (uint16_t)slot;
    entry->state = CLIENT_STATE_NEW;
    entry->ring = (uint8_t)ring;
    entry->since_stamp = history->stamp;
    entry->sent_stamp = (uint16_t)(history->stamp - CLIENT_REPEAT_TICKS);
    set_remove(client->quiet, index);
    set_add(client->taken, index);
    set_add(client->seen, slot);
    set_add(client->entering, index);
    client->entering_count++;
    client->known_count++;
    return true;
}

void client_leave(
    struct client *client, const struct history *history, uint32_t index, bool is_dead)
{
    struct client_entry *entry = client_entry(client, index);
    MUSTER_ASSERT(set_has(client->taken, index) && entry->state != CLIENT_STATE_LEAVING);
    if (entry->state == CLIENT_STATE_LIVE) {
        set_remove(client->ring_sets + entry->ring * client->word_count, index);
        set_remove(client->pending, index);
        set_remove(client->chosen, index);
    } else {
        set_remove(client->entering, index);
        client->entering_count--;
    }
    client->known_count--;
    if (is_dead || entry->state == CLIENT_STATE_NEW) {
        set_remove(client->seen, entry->slot);
    }
    if (entry->state == CLIENT_STATE_NEW) {
        set_remove(client->taken, index);
        return;
    }
    // A ring says whether the slot is still marked as seen.
    entry->ring = is_dead ? CLIENT_RING_NONE : 0;
    entry->state = CLIENT_STATE_LEAVING;
    entry->since_stamp = history->stamp;
    entry->sent_stamp = (uint16_t)(history->stamp - CLIENT_REPEAT_TICKS);
    set_add(client->leaving, index);
    client->leaving_count++;
}

uint32_t client_find(const struct client *client, uint32_t slot)
{
    for (uint32_t w = 0; w < client->word_count; w++) {
        uint64_t same = 0;
        for (uint32_t bit = 0; bit < 64; bit++) { // without branches
            same |= (uint64_t)(client->slots[w * 64 + bit] == slot) << bit;
        }
        same &= client->taken[w] & ~client->leaving[w];
        if (same != 0) {
            return w * 64 + (uint32_t)__builtin_ctzll(same);
        }
    }
    return client->index_count;
}

void client_move(struct client *client, uint32_t index, uint32_t ring)
{
    MUSTER_ASSERT(ring < CLIENT_RING_NONE);
    struct client_entry *entry = client_entry(client, index);
    if (entry->state == CLIENT_STATE_LIVE && entry->ring != ring) {
        set_remove(client->ring_sets + entry->ring * client->word_count, index);
        set_add(client->ring_sets + ring * client->word_count, index);
    }
    entry->ring = (uint8_t)ring;
}

static void journal_put(struct client *client, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        client->journal[client->journal_head++ & client->journal_mask] = bytes[i];
    }
}

void client_note_at_length(
    struct client *client, uint32_t next_index, uint32_t index, uint32_t section_mask)
{
    const bool is_near = index >= next_index && index - next_index < CLIENT_NOTE_ESCAPE;
    const uint32_t gap = is_near ? index - next_index : CLIENT_NOTE_ESCAPE;
    const uint32_t mask = section_mask < CLIENT_NOTE_ESCAPE ? section_mask : CLIENT_NOTE_ESCAPE;
    uint8_t bytes[NOTE_BYTES_MAX] = {(uint8_t)(gap | mask << 4)};
    uint32_t length = 1;
    if (!is_near) {
        bytes_store_u16(bytes + length, (uint16_t)index);
        length += 2;
    }
    if (mask == CLIENT_NOTE_ESCAPE) {
        bytes_store_u16(bytes + length, (uint16_t)section_mask);
        length += 2;
    }
    journal_put(client, bytes, length);
}

static uint32_t journal_get_u16(const struct client *client, uint32_t *position)
{
    const uint32_t low = client->journal[(*position)++ & client->journal_mask];
    const uint32_t high = client->journal[(*position)++ & client->journal_mask];
    return low | high << 8;
}

// Reads the note at `position`, which moves on.
static struct note journal_get(const struct client *client, uint32_t *position, uint32_t next_index)
{
    const uint8_t byte = client->journal[(*position)++ & client->journal_mask];
    const uint32_t gap = byte & CLIENT_NOTE_ESCAPE;
    const uint32_t mask = byte >> 4;
    struct note note = {.index = next_index + gap, .section_mask = mask};
    if (gap == CLIENT_NOTE_ESCAPE) {
        note.index = journal_get_u16(client, position);
    }
    if (mask == CLIENT_NOTE_ESCAPE) {
        note.section_mask = journal_get_u16(client, position);
    }
    return note;
}

uint32_t client_sent(struct client *client, uint32_t stamp, uint32_t journal_begin)
{
    client->next_token += client->next_token == UINT32_MAX ? 2 : 1; // 0 is no token
    client->unheard_stamp = client->unheard_stamp == 0 ? stamp : client->unheard_stamp;
    client->packets[client->next_token % CLIENT_PACKET_COUNT] = (struct client_packet){
        .token = client->next_token,
        .stamp = stamp,
        .journal_begin = journal_begin,
        .journal_end = client->journal_head,
    };
    return client->next_token;
}

// The packet under way with this token, NULL if there is none.
static struct client_packet *find_packet(struct client *client, uint32_t token)
{
    struct client_packet *packet = &client->packets[token % CLIENT_PACKET_COUNT];
    return token != 0 && packet->token == token ? packet : NULL;
}

// Whether the notes of a packet are still there.
static bool is_intact(const struct client *client, const struct client_packet *packet)
{
    return client->journal_head - packet->journal_begin <= client->journal_mask + 1;
}

// The client has the state of `stamp` of these sections.
static void apply_ack(struct client *client, struct note note, uint32_t stamp)
{
    const uint32_t index = note.index;
    struct client_entry *entry = client_entry(client, index);
    // What was sent before the index got its present meaning says nothing about it.
    if (!set_has(client->taken, index) || stamp < entry->since_stamp) {
        return;
    }
    if (entry->state == CLIENT_STATE_LEAVING) {
        MUSTER_ASSERT(note.section_mask == 0); // a tick's leaves come before what it writes
        if (entry->ring != CLIENT_RING_NONE) {
            set_remove(client->seen, entry->slot);
        }
        set_remove(client->leaving, index);
        client->leaving_count--;
        set_remove(client->taken, index);
        return;
    }
    if (entry->state == CLIENT_STATE_TOLD) {
        entry->state = CLIENT_STATE_LIVE;
        client->entering_count--;
        set_remove(client->entering, index);
        set_add(client->ring_sets + entry->ring * client->word_count, index);
    }
    for (uint32_t s = 0; s < client->lane_count; s++) { // without branches
        const uint32_t acked = (note.section_mask >> s & 1) != 0 ? stamp : 0;
        const uint32_t base_stamp = entry->base_stamps[s];
        entry->base_stamps[s] = base_stamp < acked ? acked : base_stamp;
    }
}

// Takes some of a packet's notes from `position` on, and asks for the entries that they are about.
static uint32_t read_notes(const struct client *client,
    const struct client_packet *packet,
    uint32_t *position,
    uint32_t *next_index,
    struct note notes[NOTE_COUNT])
{
    uint32_t count = 0;
    while (*position != packet->journal_end && count < NOTE_COUNT) {
        const struct note note = journal_get(client, position, *next_index);
        MUSTER_ASSERT(note.index < client->index_count);
        __builtin_prefetch(client_entry(client, note.index), 1);
        *next_index = note.index + 1;
        notes[count++] = note;
    }
    return count;
}

void client_apply_acks(struct client *client)
{
    for (uint32_t i = 0; i < client->ack_count; i++) {
        const struct client_packet *packet = &client->acks[i];
        uint32_t next_index = 0;
        for (uint32_t position = packet->journal_begin; position != packet->journal_end;) {
            struct note notes[NOTE_COUNT];
            const uint32_t count = read_notes(client, packet, &position, &next_index, notes);
            for (uint32_t k = 0; k < count; k++) {
                apply_ack(client, notes[k], packet->stamp);
            }
        }
        if (client->newest_acked_stamp < packet->stamp) {
            client->newest_acked_stamp = packet->stamp;
            client->unheard_stamp = packet->token == client->next_token ? 0 : packet->stamp;
        }
    }
    client->ack_count = 0;
}

bool client_acked(struct client *client, uint32_t token)
{
    struct client_packet *packet = find_packet(client, token);
    if (packet == NULL) {
        return false;
    }
    const struct client_packet acked = *packet;
    packet->token = 0;
    if (!is_intact(client, &acked)) {
        return false;
    }
    if (client->ack_count == CLIENT_ACK_COUNT) {
        client_apply_acks(client);
    }
    client->acks[client->ack_count++] = acked;
    return true;
}

bool client_lost(struct client *client, const struct history *history, uint32_t token)
{
    const struct client_packet *packet = find_packet(client, token);
    if (packet == NULL || !is_intact(client, packet)) {
        return false;
    }
    client->lost_stamp = history->stamp;
    uint32_t next_index = 0;
    for (uint32_t position = packet->journal_begin; position != packet->journal_end;) {
        const struct note note = journal_get(client, &position, next_index);
        next_index = note.index + 1;
        struct client_entry *entry = client_entry(client, note.index);
        if (!set_has(client->taken, note.index) || packet->stamp < entry->since_stamp) {
            continue;
        }
        if (entry->state == CLIENT_STATE_LIVE) {
            set_add(client->pending, note.index);
        } else {
            entry->sent_stamp = (uint16_t)(history->stamp - CLIENT_REPEAT_TICKS);
        }
    }
    return true;
}
