// SPDX-License-Identifier: Apache-2.0
#include "replica/server.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "replica/codec.h"

// Whole entities take at most this part of a packet while updates wait as well.
#define ENTER_SHARE 2

// Whole entities that a client is told of in one tick, at most: a world of a thousand takes a
// quarter of a second and about 1 Mbit/s.
#define ENTER_TICK_MAX 64

// Fewer updates than this do not get one more packet in a tick, but go first in the next tick.
#define REST_COUNT 16

// A packet with less room than this is not begun.
#define ROOM_BYTES_MIN 64

// How fast the averages of a client follow: a sixteenth of what is new.
#define AVERAGE_SHIFT 4

#define ENCODING_BYTES_MAX 512

// Updates prepared together.
#define BATCH_COUNT 16

// A packet being written.
struct packet {
    muster_replica *replica;
    struct client *client;
    struct bit_writer writer;
    struct heading_shapes shapes;
    uint32_t journal_begin;
    uint32_t note_next; // one more than the index noted last
    uint32_t first_index;
    uint32_t next_index;
    uint32_t rice_bits;
    uint32_t enter_count;
    uint32_t leave_count;
    uint32_t update_count;
    uint64_t section_lanes;                       // sections, as layout_lanes() counts them
    uint32_t encodings[MUSTER_CHANNEL_COUNT];     // sections that nobody had encoded
    uint32_t encoding_bits[MUSTER_CHANNEL_COUNT]; // of these
};

// An update that is about to be written.
struct update {
    uint32_t index;
    uint32_t slot;
    uint32_t sections;
    struct cache_key key;
};

// Encodes all sections of a shape.
static void encode_shape(
    struct packet *packet, uint32_t slot, uint64_t shape, struct bit_writer *writer)
{
    const muster_replica *replica = packet->replica;
    const struct history *history = &replica->history;
    const uint32_t *values = history_record(history, slot, 0);
    for (uint32_t s = 0; s < replica->layout.section_count; s++) {
        const uint32_t base = heading_base(shape, s);
        const size_t begin_bits = writer->bit_count;
        if (base == HEADING_BASE_NONE) {
            codec_put_whole(&replica->layout, s, values, writer);
        } else if (base != 0) {
            const uint32_t age_ticks = base == HEADING_BASE_OLD ? HEADING_AGE_MAX : base;
            codec_put_delta(&replica->layout, s, values, history_record(history, slot, age_ticks),
                base, writer);
        }
        const muster_channel channel = replica->layout.sections[s].channel;
        packet->encodings[channel] += base != 0 ? 1 : 0;
        packet->encoding_bits[channel] += (uint32_t)(writer->bit_count - begin_bits);
    }
    MUSTER_ASSERT(!writer->is_overrun);
}

// Appends all sections of a shape, from the shared encodings if they are there.
static void put_sections(struct packet *packet, uint32_t slot, const struct cache_key *key)
{
    muster_replica *replica = packet->replica;
    const struct cache_entry *entry = cache_find(&replica->cache, key);
    if (entry != NULL && entry->bit_count <= 64) {
        const uint64_t bits = bytes_load_u64(entry->bytes) & bits_mask(entry->bit_count);
        bits_put(&packet->writer, bits, entry->bit_count);
        return;
    }
    if (entry != NULL) {
        bits_put_run(&packet->writer, entry->bytes, sizeof entry->bytes, 0, entry->bit_count);
        return;
    }
    uint8_t bytes[ENCODING_BYTES_MAX];
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    encode_shape(packet, slot, key->shape, &writer);
    const size_t length = bit_writer_finish(&writer);
    cache_add(&replica->cache, key, bytes, (uint32_t)writer.bit_count);
    bits_put_run(&packet->writer, bytes, length, 0, writer.bit_count);
}

static inline void note(struct packet *packet, uint32_t index, uint32_t section_mask)
{
    client_note(packet->client, packet->note_next, index, section_mask);
    packet->note_next = index + 1;
    client_entry(packet->client, index)->sent_stamp = (uint16_t)packet->replica->history.stamp;
}

// Leaves that were not told, or not lately.
static void write_leaves(struct packet *packet)
{
    struct client *client = packet->client;
    const uint32_t stamp = packet->replica->history.stamp;
    for (uint32_t w = 0; client->leaving_count > 0 && w < client->word_count; w++) {
        for (uint64_t left = client->leaving[w]; left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (client_idle_ticks(client, stamp, index) < CLIENT_REPEAT_TICKS) {
                continue;
            }
            if (bit_writer_space(&packet->writer) < 3 + HEADING_INDEX_BITS) {
                return; // two bits are kept for the ends of both lists
            }
            bits_put(&packet->writer, 1 | (uint64_t)index << 1, 1 + HEADING_INDEX_BITS);
            note(packet, index, 0);
            packet->leave_count++;
        }
    }
}

// Appends all that a client may see of an entity. On trial: false if it does not fit.
static bool write_enter(struct packet *packet, uint32_t index, size_t spare_bits)
{
    muster_replica *replica = packet->replica;
    struct client *client = packet->client;
    const struct history *history = &replica->history;
    const uint32_t slot = client_entry(client, index)->slot;
    const uint32_t sections = server_visible_sections(replica, client, slot);
    if (history->slots[slot].born_stamp > client_entry(client, index)->since_stamp ||
        sections == 0) {
        return true; // gone, or hidden: the next look takes it away
    }
    const struct bit_writer bookmark = packet->writer;
    const bool is_mine = history->slots[slot].owner == client->viewer.player_index + 1;
    bits_put_bool(&packet->writer, true);
    bits_put(&packet->writer, index, HEADING_INDEX_BITS);
    bits_put(&packet->writer, history->ids[slot], 64);
    bits_put(&packet->writer, history->slots[slot].kind, 16);
    bits_put_bool(&packet->writer, is_mine);
    bits_put(&packet->writer, sections, replica->layout.section_count);
    uint64_t shape = 0;
    for (uint32_t mask = sections; mask != 0; mask &= mask - 1) {
        shape |= heading_shape_part((uint32_t)__builtin_ctz(mask), HEADING_BASE_NONE);
    }
    const struct cache_key key = cache_key_of(&replica->cache, history->stamp, slot, shape);
    put_sections(packet, slot, &key);
    if (packet->writer.is_overrun || bit_writer_space(&packet->writer) < spare_bits) {
        packet->writer = bookmark;
        return false;
    }
    client_entry(client, index)->state = CLIENT_STATE_TOLD;
    note(packet, index, sections);
    packet->section_lanes += layout_lanes(&replica->layout, sections);
    packet->enter_count++;
    client->tick_enter_count++;
    return true;
}

// Entities that the client does not know for sure, nearest ring first. The first may take all the
// space. Returns false if not even that is enough.
static bool write_enters(struct packet *packet, size_t spare_bits)
{
    struct client *client = packet->client;
    const uint32_t stamp = packet->replica->history.stamp;
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        for (uint32_t w = 0; client->entering_count > 0 && w < client->word_count; w++) {
            for (uint64_t left = client->entering[w]; left != 0; left &= left - 1) {
                const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
                if (client->tick_enter_count >= ENTER_TICK_MAX) {
                    return true;
                }
                if (client_entry(client, index)->ring != ring ||
                    client_idle_ticks(client, stamp, index) < CLIENT_REPEAT_TICKS) {
                    continue;
                }
                if (!write_enter(packet, index, packet->enter_count == 0 ? 1 : spare_bits)) {
                    return packet->enter_count > 0;
                }
            }
        }
    }
    return true;
}

// Books an update that was written.
static inline void close_update(struct packet *packet, const struct update *update)
{
    note(packet, update->index, update->sections);
    packet->section_lanes += layout_lanes(&packet->replica->layout, update->sections);
    packet->next_index = update->index + 1;
    packet->update_count++;
}

// Appends an update of any kind. On trial: false if it does not fit.
static bool write_any_update(struct packet *packet, const struct update *update)
{
    const uint32_t section_count = packet->replica->layout.section_count;
    const struct bit_writer bookmark = packet->writer;
    heading_put_index(&packet->writer, packet->rice_bits, packet->next_index, update->index);
    heading_put_shape(&packet->writer, &packet->shapes, section_count, update->key.shape);
    put_sections(packet, update->slot, &update->key);
    if (packet->writer.is_overrun) {
        packet->writer = bookmark; // nothing follows, so the shapes do not matter any more
        return false;
    }
    close_update(packet, update);
    return true;
}

// Appends an update: most have a short heading and an encoding that is there, and take one or two
// puts.
static inline bool write_update(struct packet *packet, const struct update *update)
{
    const struct cache_entry *entry = cache_find(&packet->replica->cache, &update->key);
    const uint32_t gap = update->index - packet->next_index;
    const uint32_t ones = gap >> packet->rice_bits;
    if (entry == NULL || entry->bit_count > 64 || ones >= HEADING_ONES_MAX ||
        bit_writer_space(&packet->writer) < HEADING_BITS_MAX + 64) {
        return write_any_update(packet, update);
    }
    const uint32_t place = heading_place(&packet->shapes, update->key.shape);
    uint32_t head_bits = ones + 1 + packet->rice_bits;
    uint64_t head = bits_mask(ones) | (gap & bits_mask(packet->rice_bits)) << (ones + 1);
    if (place < HEADING_SHAPE_COUNT) {
        head |= bits_mask(place) << head_bits;
        head_bits += place + 1;
        heading_rise(&packet->shapes, place);
    } else {
        bits_put(&packet->writer, head, head_bits);
        head_bits = 0;
        head = heading_new_shape(&packet->writer, &packet->shapes,
            packet->replica->layout.section_count, update->key.shape, &head_bits);
    }
    const uint64_t body = bytes_load_u64(entry->bytes) & bits_mask(entry->bit_count);
    if (head_bits + entry->bit_count <= 64) {
        bits_put(&packet->writer, head | body << head_bits, head_bits + entry->bit_count);
    } else {
        bits_put(&packet->writer, head, head_bits);
        bits_put(&packet->writer, body, entry->bit_count);
    }
    close_update(packet, update);
    return true;
}

// Looks what there is to tell of an index that is due. False if there is nothing.
static inline bool prepare_update(
    const struct packet *packet, uint32_t index, struct update *out_update)
{
    const muster_replica *replica = packet->replica;
    const struct history *history = &replica->history;
    struct client *client = packet->client;
    struct client_entry *entry = client_entry(client, index);
    const uint32_t slot = entry->slot;
    const bool is_quiet = server_is_quiet(replica, client, index);
    const bool is_dead = history->slots[slot].born_stamp > entry->since_stamp;
    const uint64_t shape =
        is_quiet || is_dead ? 0 : server_shape(replica, client, index, &out_update->sections);
    if (shape == 0) {
        if (!is_quiet) {
            server_note_quiet(replica, client, index);
        }
        entry->sent_stamp = (uint16_t)history->stamp;
        return false;
    }
    out_update->index = index;
    out_update->slot = slot;
    out_update->key = cache_key_of(&replica->cache, history->stamp, slot, shape);
    cache_prefetch(&replica->cache, &out_update->key);
    return true;
}

// Updates of a word that may be written in this tick.
static uint64_t sendable(const struct client *client, uint32_t w)
{
    return client->pending[w] & (client->is_limited ? client->chosen[w] : UINT64_MAX);
}

// Asks for what the history has of the first of some indices of a word.
static void prefetch_slots(const struct packet *packet, uint32_t w, uint64_t set)
{
    const struct client *client = packet->client;
    const struct history *history = &packet->replica->history;
    uint64_t left = set;
    for (uint32_t i = 0; left != 0 && i < BATCH_COUNT; left &= left - 1, i++) {
        const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
        __builtin_prefetch(&history->slots[client_entry(client, index)->slot]);
    }
}

// Writes updates of a word, as many as are prepared together; the shared encodings are on their way
// from memory while others are prepared. Returns those of `left` that are still to be written, and
// says in `out_is_full` whether one of them did not fit.
static uint64_t write_batch(struct packet *packet, uint32_t w, uint64_t left, bool *out_is_full)
{
    struct client *client = packet->client;
    struct update updates[BATCH_COUNT];
    uint32_t count = 0;
    uint64_t told = 0;
    uint64_t prepared = 0;
    prefetch_slots(packet, w, left);
    for (; left != 0 && count < BATCH_COUNT; left &= left - 1) {
        const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
        const bool is_told = prepare_update(packet, index, &updates[count]);
        prepared |= left & (0 - left);
        told |= is_told ? left & (0 - left) : 0;
        count += is_told ? 1 : 0;
    }
    uint32_t written = 0;
    while (written < count && write_update(packet, &updates[written])) {
        written++;
    }
    client->quiet[w] &= ~told;
    client->pending[w] &= ~(prepared & ~told);
    *out_is_full = written < count;
    if (*out_is_full) {
        client->cursor = updates[written].index;
        told &= bits_mask(updates[written].index % 64);
    }
    client->pending[w] &= ~told;
    return left;
}

// Writes pending updates from the cursor on. A packet goes up to the end of the table; those before
// the cursor come in the next one, so that the end gets its turn too.
static void write_updates(struct packet *packet)
{
    struct client *client = packet->client;
    uint64_t before = bits_mask(client->cursor % 64);
    client_prefetch_entries(client, client->cursor / 64, sendable(client, client->cursor / 64));
    for (uint32_t w = client->cursor / 64; w < client->word_count; w++) {
        bool is_full = false;
        uint64_t left = sendable(client, w) & ~before;
        before = 0;
        if (w + 1 < client->word_count) {
            client_prefetch_entries(client, w + 1, sendable(client, w + 1));
        }
        while (left != 0 && !is_full) {
            left = write_batch(packet, w, left, &is_full);
        }
        if (is_full) {
            return;
        }
    }
    client->cursor = 0;
}

// Moves the cursor to the first index at or behind it that is to be updated; to the first of all
// if those are done. False if there is none.
static bool find_first(struct client *client)
{
    for (uint32_t w = client->cursor / 64; w < client->word_count; w++) {
        const bool is_first = w == client->cursor / 64;
        const uint64_t before = is_first ? bits_mask(client->cursor % 64) : 0;
        const uint64_t any = sendable(client, w) & ~before;
        if (any != 0) {
            client->cursor = w * 64 + (uint32_t)__builtin_ctzll(any);
            return true;
        }
    }
    client->cursor = 0;
    for (uint32_t w = 0; w < client->word_count; w++) {
        const uint64_t any = sendable(client, w);
        if (any != 0) {
            client->cursor = w * 64 + (uint32_t)__builtin_ctzll(any);
            return true;
        }
    }
    return false;
}

// Whether what is left after a tick's first packets is too little for one more.
static bool is_rest_small(const struct client *client)
{
    uint32_t count = client->entering_count + client->leaving_count == 0 ? 0 : REST_COUNT;
    for (uint32_t w = 0; w < client->word_count && count < REST_COUNT; w++) {
        count += (uint32_t)__builtin_popcountll(sendable(client, w));
    }
    return client->tick_packet_count > 0 && count < REST_COUNT;
}

// The parameter that suits the gaps between updates of late.
static uint32_t choose_rice_bits(uint32_t gap_sixteenths)
{
    uint32_t rice_bits = 0;
    while (rice_bits < 7 && (24u << rice_bits) < gap_sixteenths) {
        rice_bits++;
    }
    return rice_bits;
}

static uint32_t follow(uint32_t average, uint32_t sample)
{
    return average - (average >> AVERAGE_SHIFT) + (sample >> AVERAGE_SHIFT);
}

// Books a finished packet.
static void close_packet(struct packet *packet, size_t length, size_t update_bits)
{
    struct client *client = packet->client;
    if (packet->update_count > 0) {
        const uint32_t count = packet->update_count;
        const uint32_t gaps = packet->next_index - packet->first_index - count;
        client->update_bits = follow(client->update_bits, (uint32_t)update_bits * 16 / count);
        client->update_bits = client->update_bits < 16 ? 16 : client->update_bits;
        client->gap_sixteenths = follow(client->gap_sixteenths, gaps * 16 / count);
    }
    client->credit_bytes -= client->viewer.bytes_per_s == 0
                                ? 0
                                : (int32_t)length + client->viewer.packet_overhead_bytes;
    client->tick_packet_count++;
    client->counts.packets++;
    client->counts.bytes += length;
    client->counts.enters += packet->enter_count;
    client->counts.leaves += packet->leave_count;
    client->counts.updates += packet->update_count;
    for (uint32_t c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        const uint64_t section_count = packet->section_lanes >> (c * LAYOUT_LANE_BITS) & 0xFFFF;
        client->counts.sections += section_count;
        client->counts.encodings += packet->encodings[c];
        client->counts.channel_sections[c] += section_count;
        client->counts.channel_encodings[c] += packet->encodings[c];
        client->counts.channel_encoding_bits[c] += packet->encoding_bits[c];
    }
}

// Writes everything behind the count of updates. Returns the packet's length, 0 if it is empty.
static size_t write_packet(struct packet *packet, bool has_update_waiting, uint8_t *bytes)
{
    struct bit_writer *writer = &packet->writer;
    bits_put(writer, 0, 8 * HEADING_COUNT_BYTES);
    bits_put_varint(writer, packet->replica->history.tick);
    bits_put(writer, packet->rice_bits, HEADING_RICE_BITS);
    bits_put(writer, packet->first_index, HEADING_INDEX_BITS);
    bits_put(writer, packet->shapes.newest_age, HEADING_BASE_BITS);
    write_leaves(packet);
    bits_put_bool(writer, false);
    const size_t spare_bits = has_update_waiting ? writer->capacity_bits / ENTER_SHARE : 1;
    const bool has_room = write_enters(packet, spare_bits);
    bits_put_bool(writer, false);
    const size_t head_bits = writer->bit_count;
    if (has_room) { // otherwise a limited client saves its bytes for the entity that did not fit
        write_updates(packet);
    }
    if (packet->enter_count + packet->leave_count + packet->update_count == 0) {
        return 0;
    }
    MUSTER_ASSERT(!writer->is_overrun);
    const size_t length = bit_writer_finish(writer);
    bytes_store_u16(bytes, (uint16_t)packet->update_count);
    close_packet(packet, length, writer->bit_count - head_bits);
    return length;
}

void muster_replica_write(muster_replica *replica,
    uint32_t number,
    uint8_t *bytes,
    size_t capacity,
    size_t *out_length,
    muster_replica_token *out_token)
{
    MUSTER_ASSERT(replica != NULL && bytes != NULL && out_length != NULL && out_token != NULL);
    MUSTER_ASSERT(number < replica->client_capacity && replica->clients[number].is_added);
    MUSTER_ASSERT(capacity >= MUSTER_REPLICA_PACKET_BYTES_MIN);
    struct client *client = &replica->clients[number];
    *out_length = 0;
    *out_token = 0;
    if (client->prepared_stamp != replica->history.stamp) {
        server_plan(replica, client);
    }
    size_t room =
        capacity < MUSTER_REPLICA_PACKET_BYTES_MAX ? capacity : MUSTER_REPLICA_PACKET_BYTES_MAX;
    if (client->viewer.bytes_per_s != 0) {
        const int32_t credit = client->credit_bytes - client->viewer.packet_overhead_bytes;
        const size_t paid = credit > 0 ? (size_t)credit : 0;
        room = room < paid ? room : paid;
    }
    if (!client->is_open || room < ROOM_BYTES_MIN || is_rest_small(client)) {
        client->is_open = false;
        return;
    }
    struct packet packet = {
        .replica = replica,
        .client = client,
        .journal_begin = client->journal_head,
        .rice_bits = choose_rice_bits(client->gap_sixteenths),
    };
    const bool has_updates = find_first(client);
    const uint32_t newest_age = replica->history.stamp - client->newest_acked_stamp;
    packet.first_index = client->cursor;
    packet.next_index = client->cursor;
    packet.shapes.newest_age = newest_age < HEADING_BASE_NONE ? newest_age : HEADING_BASE_NONE;
    bit_writer_init(&packet.writer, bytes, room);
    *out_length = write_packet(&packet, has_updates, bytes);
    if (*out_length == 0) {
        client->is_open = false;
        return;
    }
    *out_token = client_sent(client, replica->history.stamp, packet.journal_begin);
}
