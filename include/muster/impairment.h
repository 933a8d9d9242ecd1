// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A bad network, on demand: packets go in, come out late, twice, out of order or not at all.
///
///     muster_impairment_push(model, now_us, link, bytes, length);
///     while (muster_impairment_pop(model, now_us, &packet)) {
///         deliver(packet.link, packet.bytes, packet.length);
///     }
///     sleep_until(muster_impairment_next_us(model));
///
/// A link is one direction between two ends and has its own rules, queue and numbers. A packet
/// meets the rules in this order: trace, random loss, burst loss, length, rate with queue, delay
/// with jitter, order, duplication.
///
/// - Order: what happens to a packet is a function of seed, link and the packet's number on its
///   link; the rate and a trace also look at the time. The same calls give the same result.
/// - Memory: one allocation at creation; packets are copied into fixed slots.
/// - Cost: push and pop are O(log n) in packets under way.
/// - Threads: a model belongs to one thread at a time. It reads no clock.

#include "muster/base.h"
#include "muster/packet.h"

/// The share that means always, in the fields that count millionths.
#define MUSTER_PPM 1000000

/// Added to each packet where its length counts, for a rate and an MTU: IPv4 and UDP headers.
#define MUSTER_IMPAIRMENT_HEADER_BYTES 28

/// A trace point's delay that means the packet is lost.
#define MUSTER_IMPAIRMENT_LOST UINT32_MAX

/// Room for an error text with its closing zero.
#define MUSTER_IMPAIRMENT_ERROR_BYTES 160

/// A model. Created and destroyed by its owner, who passes it to every call.
typedef struct muster_impairment muster_impairment;

/// A recorded network: from `time_us` until the next point, packets take `delay_us`.
typedef struct muster_impairment_trace_point {
    uint64_t time_us;  ///< Since the trace began. Points ascend, the first is 0.
    uint32_t delay_us; ///< At most 60 s, or MUSTER_IMPAIRMENT_LOST.
} muster_impairment_trace_point;

/// What happens on a link. All zero is a perfect one. Shares are in millionths.
typedef struct muster_impairment_rules {
    uint32_t delay_us;  ///< One way, at most 60 s.
    uint32_t jitter_us; ///< Evenly up to this much more or less; at most `delay_us`.

    uint32_t loss_ppm;        ///< Lost at random.
    uint32_t burst_enter_ppm; ///< Gilbert-Elliott: from good to bad, drawn once a packet.
    uint32_t burst_leave_ppm; ///< From bad to good; at least 1 if bad can be entered.
    uint32_t burst_loss_ppm;  ///< Lost while bad.

    uint32_t duplicate_ppm; ///< Delivered twice, each with its own jitter.
    uint32_t reorder_ppm;   ///< Held back by `reorder_us`, so that later packets overtake.
    uint32_t reorder_us;    ///< At most 60 s.

    /// Bits a second, in [1000, 10^11], or 0 for no limit.
    uint64_t rate_bits;

    /// With a rate, bytes that may wait, headers included, in [1500, 2^30]; beyond it packets are
    /// dropped at the tail.
    uint32_t queue_bytes;

    /// Packets of more bytes than this, headers included, are lost without a word: a narrow path.
    /// In [68, 65535], or 0 for no limit.
    uint32_t mtu_bytes;

    /// True lets jitter reorder packets; otherwise a packet waits for those before it.
    bool is_unordered;

    /// Added to `delay_us`; starts with the model's first packet and repeats after
    /// `trace_period_us`. Not copied: it must outlive the model. NULL for none.
    const muster_impairment_trace_point *trace;
    uint32_t trace_count;     ///< Points of `trace`.
    uint64_t trace_period_us; ///< Greater than the last point's time.
} muster_impairment_rules;

/// What a model is made from. Start from muster_impairment_default_def().
typedef struct muster_impairment_def {
    uint64_t seed;                 ///< Any value. Default 0.
    uint32_t link_count;           ///< In [1, 2^20]. Default 2.
    uint32_t packet_count;         ///< Packets under way at once, in [1, 2^20]. Default 4096.
    muster_impairment_rules rules; ///< Of every link at first. Default perfect.
    muster_allocator allocator;    ///< Default muster_heap_allocator().
} muster_impairment_def;

/// A packet at the far end of its link.
typedef struct muster_impairment_packet {
    const uint8_t *bytes; ///< Owned by the model, valid until the next push.
    uint32_t length;      ///< As pushed.
    uint32_t link;        ///< As pushed.
    uint64_t due_us;      ///< When it arrived, at or before the time of the pop.
} muster_impairment_packet;

/// What happened on one link.
typedef struct muster_impairment_stats {
    uint64_t packets_pushed;     ///< Accepted, whatever became of them.
    uint64_t packets_popped;     ///< Delivered, copies included.
    uint64_t packets_lost;       ///< By random loss or a trace.
    uint64_t packets_burst_lost; ///< Lost in a bad spell.
    uint64_t packets_too_long;   ///< Longer than the path carries.
    uint64_t packets_dropped;    ///< For want of room in the queue.
    uint64_t packets_duplicated; ///< Copies made.
    uint64_t packets_reordered;  ///< Held back.
    uint64_t bytes_popped;       ///< Payload delivered.
} muster_impairment_stats;

/// A definition with every field at its default.
MUSTER_API muster_impairment_def muster_impairment_default_def(void);

/// Creates a model with nothing under way.
/// @param out_model  set to the model, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_impairment_create(
    const muster_impairment_def *def, muster_impairment **out_model);

/// Destroys a model with every packet under way. Does nothing for NULL.
MUSTER_API void muster_impairment_destroy(muster_impairment *model);

/// Changes a link's rules for packets pushed from now on.
/// @return MUSTER_ERR_INVALID if a rule is out of range; nothing is changed
MUSTER_API MUSTER_NODISCARD muster_status muster_impairment_set_rules(
    muster_impairment *model, uint32_t link, const muster_impairment_rules *rules);

/// Sends a packet into a link. Its bytes are copied.
/// @param now_us  at least that of the call before
/// @param length  at most MUSTER_PACKET_BYTES_MAX
/// @return MUSTER_ERR_FULL if `packet_count` are under way; nothing is changed
MUSTER_API MUSTER_NODISCARD muster_status muster_impairment_push(muster_impairment *model,
    uint64_t now_us,
    uint32_t link,
    const uint8_t *bytes,
    uint32_t length);

/// Takes the next packet that arrives by `now_us`, over all links in the order of arrival.
/// @return false, leaving `out_packet` alone, when none does
MUSTER_API bool muster_impairment_pop(
    muster_impairment *model, uint64_t now_us, muster_impairment_packet *out_packet);

/// When the next packet arrives; UINT64_MAX if none is under way.
MUSTER_API uint64_t muster_impairment_next_us(const muster_impairment *model);

/// What happened on a link so far.
MUSTER_API muster_impairment_stats muster_impairment_get_stats(
    const muster_impairment *model, uint32_t link);

/// Reads rules from text: a preset's name, or KEY=VALUE items, or both, separated by commas.
///
///     wifi
///     delay=100ms,jitter=30ms,loss=20%,dup=1%,reorder=1%,rate=5Mbit,queue=64KB
///     mobile,loss=3%,burst=1%/25%/80%,order=free
///     wifi,mtu=1200B
///
/// Keys: delay, jitter, reorder_by (us, ms, s); loss, dup, reorder (%); burst (three shares:
/// entering and leaving a bad spell, loss in it); rate (bit, kbit, Mbit, Gbit a second); queue
/// and mtu (B, KB, MB, of 1,000); order (fifo or free). A rate without a queue gets 64 KB, reorder
/// without reorder_by 20 ms. Later items win.
///
/// Presets, one way: "lan" 0.3 +- 0.2 ms; "wifi" 8 +- 6 ms, 0.2 % loss and short bursts of half
/// the packets; "mobile" 45 +- 20 ms, 0.5 % loss, longer bursts, 12 Mbit/s with a deep queue; "bad"
/// 100 +- 30 ms, 20 % loss, 1 % duplicates, 1 % reordered. They are for comparing, not predicting.
/// @param out_rules  set to the rules, or to perfect ones on failure
/// @param out_error  a sentence with the position from 1, or an empty text
/// @return MUSTER_ERR_MALFORMED
MUSTER_API MUSTER_NODISCARD muster_status muster_impairment_parse(const char *text,
    muster_impairment_rules *out_rules,
    char out_error[MUSTER_IMPAIRMENT_ERROR_BYTES]);

/// Reads a recorded trace: lines of time and delay ("1500ms 20ms", "2s lost"), times ascending
/// from 0, and at last a line with "end" for the delay, whose time is the period. Empty lines and
/// lines that begin with # are skipped.
/// @param length     bytes of `text`, which needs no closing zero
/// @param points     room for `capacity` points, which the caller owns
/// @param out_rules  only its trace is changed, and only on success
/// @param out_error  a sentence with the line, or an empty text
/// @return MUSTER_ERR_MALFORMED, MUSTER_ERR_FULL if there are more than `capacity` points
MUSTER_API MUSTER_NODISCARD muster_status muster_impairment_parse_trace(const char *text,
    size_t length,
    muster_impairment_trace_point *points,
    uint32_t capacity,
    muster_impairment_rules *out_rules,
    char out_error[MUSTER_IMPAIRMENT_ERROR_BYTES]);

/// The presets, for help texts: name and rules of preset `index`, from 0.
/// @param out_rules_text  set to what muster_impairment_parse() reads, or to NULL
/// @return NULL beyond the last
MUSTER_API const char *muster_impairment_preset(uint32_t index, const char **out_rules_text);
