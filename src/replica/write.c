// SPDX-License-Identifier: Apache-2.0
#include "replica/server.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "replica/codec.h"

// Whole entities take at most this part of a packet while updates wait as well.
#define ENTER_SHARE 2

// A packet with less room than this is not begun.
#define ROOM_BYTES_MIN 64

// How fast the averages of a client follow: a sixteenth of what is new.
#define AVERAGE_SHIFT 4

#define ENCODING_BYTES_MAX 512

// A packet being written.
struct packet {
    muster_replica *replica;
    struct client *client;
    struct bit_writer writer;
    struct heading_shapes shapes;
    uint32_t journal_begin;
    uint32_t note_next; // one more than the index noted last
    uint32_t next_index;
    uint32_t rice_bits;
    uint32_t enter_count;
    uint32_t leave_count;
    uint32_t update_count;
    uint32_t gap_sum;
    muster_replica_counts *counts;
};

// Appends a section, from the shared encodings if it is there.
static void put_section(struct packet *packet, uint32_t slot, uint32_t section_index, uint32_t base)
{
    muster_replica *replica = packet->replica;
    const struct history *history = &replica->history;
    const uint64_t tag = cache_tag(history->stamp, slot, section_index, base);
    const struct cache_entry *entry = cache_find(&replica->cache, tag);
    packet->counts->sections++;
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
    const uint32_t *values = history_record(history, slot, 0);
    if (base == HEADING_BASE_NONE) {
        codec_put_whole(&replica->layout, section_index, values, &writer);
    } else {
        const uint32_t age_ticks = base == HEADING_BASE_OLD ? HEADING_AGE_MAX : base;
        codec_put_delta(&replica->layout, section_index, values,
            history_record(history, slot, age_ticks), base, &writer);
    }
    const size_t length = bit_writer_finish(&writer);
    MUSTER_ASSERT(!writer.is_overrun);
    packet->counts->encodings++;
    cache_add(&replica->cache, tag, bytes, (uint32_t)writer.bit_count);
    bits_put_run(&packet->writer, bytes, length, 0, writer.bit_count);
}

static uint32_t shape_sections(const muster_replica *replica, uint64_t shape)
{
    uint32_t mask = 0;
    for (uint32_t s = 0; s < replica->layout.section_count; s++) {
        mask |= (heading_base(shape, s) != 0 ? 1u : 0u) << s;
    }
    return mask;
}

static void note(struct packet *packet, uint32_t index, uint32_t section_mask)
{
    client_note(packet->client, packet->note_next, index, section_mask);
    packet->note_next = index + 1;
    packet->client->sent_stamps[index] = (uint16_t)packet->replica->history.stamp;
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
    const uint32_t slot = client->slots[index];
    const uint32_t sections = server_visible_sections(replica, client, slot);
    if (history->slots[slot].born_stamp > client->since_stamps[index] || sections == 0) {
        return true; // gone, or hidden: the next look takes it away
    }
    const struct bit_writer bookmark = packet->writer;
    const muster_replica_counts counts = *packet->counts;
    const bool is_mine = history->slots[slot].owner == client->viewer.player_index + 1;
    bits_put_bool(&packet->writer, true);
    bits_put(&packet->writer, index, HEADING_INDEX_BITS);
    bits_put(&packet->writer, history->ids[slot], 64);
    bits_put(&packet->writer, history->slots[slot].kind, 16);
    bits_put_bool(&packet->writer, is_mine);
    bits_put(&packet->writer, sections, replica->layout.section_count);
    for (uint32_t mask = sections; mask != 0; mask &= mask - 1) {
        put_section(packet, slot, (uint32_t)__builtin_ctz(mask), HEADING_BASE_NONE);
    }
    if (packet->writer.is_overrun || bit_writer_space(&packet->writer) < spare_bits) {
        packet->writer = bookmark;
        *packet->counts = counts;
        return false;
    }
    client->states[index] = CLIENT_STATE_TOLD;
    note(packet, index, sections);
    packet->enter_count++;
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
                if (client->rings[index] != ring ||
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

// Appends what an update holds. On trial: false if it does not fit.
static bool write_update(struct packet *packet, uint32_t index)
{
    muster_replica *replica = packet->replica;
    struct client *client = packet->client;
    const uint32_t slot = client->slots[index];
    const bool is_dead = replica->history.slots[slot].born_stamp > client->since_stamps[index];
    const uint64_t shape = is_dead ? 0 : server_shape(replica, client, index);
    set_remove(client->pending, index);
    if (shape == 0) {
        client->sent_stamps[index] = (uint16_t)replica->history.stamp;
        return true;
    }
    const struct bit_writer bookmark = packet->writer;
    const struct heading_shapes shapes = packet->shapes;
    const muster_replica_counts counts = *packet->counts;
    heading_put_index(&packet->writer, packet->rice_bits, packet->next_index, index);
    heading_put_shape(&packet->writer, &packet->shapes, replica->layout.section_count, shape);
    for (uint32_t s = 0; s < replica->layout.section_count; s++) {
        const uint32_t base = heading_base(shape, s);
        if (base != 0) {
            put_section(packet, slot, s, base);
        }
    }
    if (packet->writer.is_overrun) {
        packet->writer = bookmark;
        packet->shapes = shapes;
        *packet->counts = counts;
        set_add(client->pending, index);
        return false;
    }
    note(packet, index, shape_sections(replica, shape));
    packet->gap_sum += index - packet->next_index;
    packet->next_index = index + 1;
    packet->update_count++;
    return true;
}

// Writes pending updates from the cursor on. A packet goes up to the end of the table; those before
// the cursor come in the next one, so that the end gets its turn too.
static void write_updates(struct packet *packet)
{
    struct client *client = packet->client;
    for (uint32_t w = client->cursor / 64; w < client->word_count; w++) {
        uint64_t left = client->pending[w];
        left &= client->is_limited ? client->chosen[w] : UINT64_MAX;
        for (; left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (!write_update(packet, index)) {
                client->cursor = index;
                return;
            }
        }
    }
    client->cursor = 0;
}

// Whether any update may be written. Begins at the front if there is none behind the cursor.
static bool has_updates(struct client *client)
{
    uint64_t before = 0;
    uint64_t behind = 0;
    for (uint32_t w = 0; w < client->word_count; w++) {
        const uint64_t any =
            client->pending[w] & (client->is_limited ? client->chosen[w] : UINT64_MAX);
        before |= w < client->cursor / 64 ? any : 0;
        behind |= w >= client->cursor / 64 ? any : 0;
    }
    client->cursor = behind == 0 ? 0 : client->cursor / 64 * 64;
    return (before | behind) != 0;
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
        client->update_bits = follow(client->update_bits, (uint32_t)update_bits * 16 / count);
        client->update_bits = client->update_bits < 16 ? 16 : client->update_bits;
        client->gap_sixteenths = follow(client->gap_sixteenths, packet->gap_sum * 16 / count);
    }
    client->credit_bytes -= client->viewer.bytes_per_s == 0
                                ? 0
                                : (int32_t)length + client->viewer.packet_overhead_bytes;
    packet->counts->packets++;
    packet->counts->bytes += length;
    packet->counts->enters += packet->enter_count;
    packet->counts->leaves += packet->leave_count;
    packet->counts->updates += packet->update_count;
}

// Writes everything behind the count of updates. Returns the packet's length, 0 if it is empty.
static size_t write_packet(struct packet *packet, bool has_update_waiting, uint8_t *bytes)
{
    struct bit_writer *writer = &packet->writer;
    bits_put(writer, 0, 8 * HEADING_COUNT_BYTES);
    bits_put_varint(writer, packet->replica->history.tick);
    bits_put(writer, packet->rice_bits, HEADING_RICE_BITS);
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
    if (!client->is_open || room < ROOM_BYTES_MIN) {
        client->is_open = false;
        return;
    }
    struct packet packet = {
        .replica = replica,
        .client = client,
        .journal_begin = client->journal_head,
        .rice_bits = choose_rice_bits(client->gap_sixteenths),
        .counts = &client->counts,
    };
    bit_writer_init(&packet.writer, bytes, room);
    *out_length = write_packet(&packet, has_updates(client), bytes);
    if (*out_length == 0) {
        client->is_open = false;
        return;
    }
    *out_token = client_sent(client, replica->history.stamp, packet.journal_begin);
}
