// SPDX-License-Identifier: Apache-2.0
#include "replica/server.h"

#include "core/assert.h"

#include <string.h>

// Updates that are due may wait for company, so that a client with little to learn gets few
// packets: half of their ring's interval, and no longer than this.
#define PATIENCE_TICKS_MAX 6

// So few updates of a ring wait at least so long, for the same reason: a packet of a few updates is
// mostly its own heads, and costs both ends and what lies between them more than the updates do. A
// client that is alone need not hear of its own entity in every tick, nor one with some company of
// theirs. On a line that has lost a packet in the last second each packet counts, and nobody waits
// for this.
#define LONELY_COUNT  4
#define LONELY_TICKS  2
#define COMPANY_COUNT 16
#define COMPANY_TICKS 1
#define LOSSY_TICKS   60

// What a client has not acknowledged is older than the history: it, or what lies between, cannot
// keep up, and would get whole states in every tick and keep up even less. It gets packets this
// seldom until it is heard again.
#define STALLED_TICKS 4

// With so many updates due nobody waits.
#define CROWD_COUNT 48

// Ring 0 goes first up to this part of a limited client's bytes; beyond it lateness decides.
#define URGENT_SHARE 3

// Lateness is counted in quarters of a ring's interval.
#define LATENESS_STEPS 64
#define LATENESS_UNIT  4

// A packet with less room than this is not begun.
#define ROOM_BYTES_MIN 64

// Adds to `pending` what is due in this tick. Returns how many updates are due.
static uint32_t gather_due(
    const muster_replica *replica, struct client *client, uint32_t out_counts[MUSTER_CHANNEL_COUNT])
{
    const uint32_t turn = client->number % SERVER_PHASE_COUNT;
    uint64_t patterns[MUSTER_CHANNEL_COUNT];
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        // Bit i of a client's pattern is the phase (i + number) % 64.
        const uint64_t pattern = replica->due_patterns[ring];
        patterns[ring] = turn == 0 ? pattern : pattern >> turn | pattern << (64 - turn);
        out_counts[ring] = 0;
    }
    uint32_t count = 0;
    for (uint32_t w = 0; w < client->word_count; w++) {
        uint64_t pending = client->pending[w];
        for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
            const uint64_t members = client->ring_sets[ring * client->word_count + w];
            pending |= members & patterns[ring];
            out_counts[ring] += (uint32_t)__builtin_popcountll(members & pending);
        }
        client->pending[w] = pending;
    }
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        count += out_counts[ring];
    }
    return count;
}

// Whether a client that is not heard must wait for its turn.
static bool is_held_back(const struct client *client, uint32_t stamp)
{
    return client->unheard_stamp != 0 && stamp - client->unheard_stamp > HEADING_AGE_MAX &&
           (stamp + client->number) % STALLED_TICKS != 0;
}

// Ticks that so many updates of a ring wait at least.
static uint32_t least_patience(const struct client *client, uint32_t stamp, uint32_t count)
{
    if (client->lost_stamp + LOSSY_TICKS > stamp) {
        return 0;
    }
    return count < LONELY_COUNT ? LONELY_TICKS : (count < COMPANY_COUNT ? COMPANY_TICKS : 0);
}

// Whether updates of some ring have waited for company long enough.
static bool is_patience_over(const muster_replica *replica,
    struct client *client,
    const uint32_t counts[MUSTER_CHANNEL_COUNT])
{
    const uint32_t stamp = replica->history.stamp;
    bool is_over = false;
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        if (counts[ring] == 0) {
            client->wait_stamps[ring] = 0;
            continue;
        }
        if (client->wait_stamps[ring] == 0) {
            client->wait_stamps[ring] = stamp;
        }
        const uint32_t half = replica->layout.interval_ticks[ring] / 2;
        const uint32_t least = least_patience(client, stamp, counts[ring]);
        const uint32_t wanted = half > least ? half : least;
        const uint32_t patience_ticks = wanted < PATIENCE_TICKS_MAX ? wanted : PATIENCE_TICKS_MAX;
        is_over = is_over || stamp - client->wait_stamps[ring] >= patience_ticks;
    }
    return is_over;
}

// Whether one of a set is due to be sent again.
static bool is_any_due(
    const muster_replica *replica, const struct client *client, const uint64_t *set)
{
    for (uint32_t w = 0; w < client->word_count; w++) {
        for (uint64_t left = set[w]; left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (client_idle_ticks(client, replica->history.stamp, index) >= CLIENT_REPEAT_TICKS) {
                return true;
            }
        }
    }
    return false;
}

// A limited client's bytes for this tick. What it may save up is small, so that no second has
// more than its share: refills of a second and the full purse together are the limit.
static void refill(const muster_replica *replica, struct client *client)
{
    const uint32_t limit = client->viewer.bytes_per_s;
    if (limit == 0) {
        return;
    }
    const uint32_t packet = MUSTER_REPLICA_PACKET_BYTES_MIN + client->viewer.packet_overhead_bytes;
    const uint32_t two_ticks = 2 * (limit / replica->tick_rate_hz);
    const uint32_t purse = two_ticks > packet ? two_ticks : packet;
    const uint32_t per_second = limit > 2 * purse ? limit - purse : limit;
    const uint32_t per_tick = per_second / replica->tick_rate_hz;
    const int64_t credit = (int64_t)client->credit_bytes + (per_tick == 0 ? 1 : per_tick);
    client->credit_bytes = credit > (int64_t)purse ? (int32_t)purse : (int32_t)credit;
}

static uint32_t lateness_of(
    const muster_replica *replica, const struct client *client, uint32_t index)
{
    const uint32_t interval_ticks =
        replica->layout.interval_ticks[client_entry(client, index)->ring];
    const uint32_t idle_ticks = client_idle_ticks(client, replica->history.stamp, index);
    const uint32_t lateness = idle_ticks * LATENESS_UNIT / interval_ticks;
    return lateness < LATENESS_STEPS ? lateness : LATENESS_STEPS - 1;
}

// Pending updates of a word that are in the rings asked for and not chosen yet.
static uint64_t candidates(const struct client *client, uint32_t w, uint32_t ring_count)
{
    uint64_t members = 0;
    for (uint32_t ring = 0; ring < ring_count; ring++) {
        members |= client->ring_sets[ring * client->word_count + w];
    }
    return client->pending[w] & members & ~client->chosen[w];
}

// Chooses up to `quota` pending updates of the first rings, the latest first. Returns how many.
static uint32_t choose_latest(
    const muster_replica *replica, struct client *client, uint32_t ring_count, uint32_t quota)
{
    uint32_t counts[LATENESS_STEPS] = {0};
    for (uint32_t w = 0; w < client->word_count; w++) {
        for (uint64_t left = candidates(client, w, ring_count); left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            counts[lateness_of(replica, client, index)]++;
        }
    }
    uint32_t threshold = LATENESS_STEPS; // everything at or above it is chosen
    uint32_t count = 0;
    while (threshold > 0 && count + counts[threshold - 1] <= quota) {
        count += counts[--threshold];
    }
    uint32_t partly = quota - count; // and so many of those just below
    for (uint32_t w = 0; w < client->word_count; w++) {
        for (uint64_t left = candidates(client, w, ring_count); left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            const uint32_t lateness = lateness_of(replica, client, index);
            if (lateness >= threshold) {
                set_add(client->chosen, index);
            } else if (lateness + 1 == threshold && partly > 0) {
                set_add(client->chosen, index);
                partly--;
                count++;
            }
        }
    }
    return count;
}

uint64_t server_old_shape(
    const muster_replica *replica, const struct client *client, uint32_t index, uint32_t sections)
{
    const struct history *history = &replica->history;
    const uint32_t *base_stamps = client_entry(client, index)->base_stamps;
    uint64_t shape = 0;
    for (uint32_t mask = sections; mask != 0; mask &= mask - 1) {
        const uint32_t s = (uint32_t)__builtin_ctz(mask);
        const uint32_t age_ticks = history->stamp - base_stamps[s];
        const bool is_old = age_ticks > HEADING_AGE_MAX;
        shape |= heading_shape_part(s,
            is_old ? history_old_base(history, client_entry(client, index)->slot, s, base_stamps[s])
                   : age_ticks);
    }
    return shape;
}

void server_note_quiet(const muster_replica *replica, struct client *client, uint32_t index)
{
    const uint32_t slot = client_entry(client, index)->slot;
    uint32_t mask = replica->has_rules ? 0 : server_visible_sections(replica, client, slot);
    bool is_quiet = mask != 0;
    for (; mask != 0 && is_quiet; mask &= mask - 1) {
        const uint32_t s = (uint32_t)__builtin_ctz(mask);
        const uint32_t base_stamp = client_entry(client, index)->base_stamps[s];
        is_quiet = !history_is_changed(&replica->history, slot, s, base_stamp);
    }
    if (is_quiet) {
        set_add(client->quiet, index);
    } else {
        set_remove(client->quiet, index);
    }
}

// Takes from `pending` what has nothing to tell, so that it takes nobody's place.
static void drop_unchanged(const muster_replica *replica, struct client *client)
{
    for (uint32_t w = 0; w < client->word_count; w++) {
        for (uint64_t left = client->pending[w]; left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            uint32_t sections;
            if (server_is_quiet(replica, client, index) ||
                server_shape(replica, client, index, &sections) == 0) {
                set_remove(client->pending, index);
                client_entry(client, index)->sent_stamp = (uint16_t)replica->history.stamp;
            }
        }
    }
}

static void choose(const muster_replica *replica, struct client *client, uint32_t due_count)
{
    const int32_t overhead_bytes = client->viewer.packet_overhead_bytes;
    const int32_t room_bytes = client->credit_bytes - overhead_bytes;
    client->is_limited = false;
    if (client->viewer.bytes_per_s == 0) {
        return;
    }
    if (room_bytes < ROOM_BYTES_MIN) {
        client->is_open = false;
        return;
    }
    const uint32_t fit_count = (uint32_t)room_bytes * 8 * 16 / client->update_bits;
    if (due_count <= fit_count) {
        return;
    }
    client->is_limited = true;
    drop_unchanged(replica, client);
    for (uint32_t w = 0; w < client->word_count; w++) {
        client->chosen[w] = 0;
    }
    const uint32_t urgent = choose_latest(replica, client, 1, fit_count / URGENT_SHARE);
    (void)choose_latest(replica, client, MUSTER_CHANNEL_COUNT, fit_count - urgent);
}

void server_plan(const muster_replica *replica, struct client *client)
{
    client->prepared_stamp = replica->history.stamp;
    client->tick_enter_count = 0;
    client->tick_packet_count = 0;
    client->is_limited = false;
    client->is_open = false;
    if (!client->has_viewer) {
        return;
    }
    client_apply_acks(client);
    server_look(replica, client);
    refill(replica, client);
    uint32_t counts[MUSTER_CHANNEL_COUNT];
    const uint32_t due_count = gather_due(replica, client, counts);
    client->is_open = is_patience_over(replica, client, counts) || due_count >= CROWD_COUNT ||
                      is_any_due(replica, client, client->leaving) ||
                      is_any_due(replica, client, client->entering);
    client->is_open = client->is_open && !is_held_back(client, replica->history.stamp);
    if (client->is_open) {
        memset(client->wait_stamps, 0, sizeof client->wait_stamps);
        choose(replica, client, due_count);
    }
}
