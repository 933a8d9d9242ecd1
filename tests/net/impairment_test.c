// SPDX-License-Identifier: Apache-2.0
#include "muster/impairment.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SEND_COUNT 100000u
#define STEP_US    1000u
#define LOG_MAX    (3 * SEND_COUNT)

static uint64_t seed = 1;

// Every packet that came out, in order.
struct arrival {
    uint64_t due_us;
    uint32_t number; // the packet's content
    uint32_t link;
};

static struct arrival arrivals[2][LOG_MAX];

static muster_impairment *model_with(muster_impairment_rules rules, uint64_t model_seed)
{
    muster_impairment_def def = muster_impairment_default_def();
    def.seed = model_seed;
    def.rules = rules;
    muster_impairment *model;
    assert_int_equal(muster_impairment_create(&def, &model), MUSTER_OK);
    return model;
}

static muster_impairment_rules rules_of(const char *text)
{
    muster_impairment_rules rules;
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    assert_int_equal(muster_impairment_parse(text, &rules, error), MUSTER_OK);
    return rules;
}

static uint32_t pop_all(muster_impairment *model, uint64_t now_us, struct arrival *log)
{
    uint32_t count = 0;
    for (muster_impairment_packet packet; muster_impairment_pop(model, now_us, &packet); count++) {
        log[count].due_us = packet.due_us;
        log[count].link = packet.link;
        assert_int_equal(packet.length, 100);
        memcpy(&log[count].number, packet.bytes, sizeof log[count].number);
        assert_true(packet.due_us <= now_us);
    }
    return count;
}

// Sends a numbered packet of 100 bytes every millisecond, on one link or on both.
static uint32_t run(muster_impairment *model, uint32_t link_count, struct arrival *log)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SEND_COUNT; i++) {
        uint8_t bytes[100] = {0};
        memcpy(bytes, &i, sizeof i);
        for (uint32_t link = 0; link < link_count; link++) {
            assert_int_equal(
                muster_impairment_push(model, (uint64_t)i * STEP_US, link, bytes, sizeof bytes),
                MUSTER_OK);
        }
        count += pop_all(model, (uint64_t)i * STEP_US, log + count);
    }
    count += pop_all(model, UINT64_MAX, log + count);
    assert_int_equal(muster_impairment_next_us(model), UINT64_MAX);
    return count;
}

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    static const muster_impairment_trace_point late[] = {{.time_us = 1}};
    static const muster_impairment_trace_point falling[] = {{0}, {.time_us = 5}, {.time_us = 5}};
    static const muster_impairment_trace_point slow[] = {{.delay_us = 60000001}};
    const muster_impairment_rules bad_rules[] = {
        {.delay_us = 60000001},
        {.delay_us = 5, .jitter_us = 6},
        {.reorder_us = 60000001},
        {.loss_ppm = MUSTER_PPM + 1},
        {.duplicate_ppm = MUSTER_PPM + 1},
        {.reorder_ppm = MUSTER_PPM + 1},
        {.burst_enter_ppm = MUSTER_PPM + 1, .burst_leave_ppm = 1},
        {.burst_leave_ppm = MUSTER_PPM + 1},
        {.burst_loss_ppm = MUSTER_PPM + 1},
        {.burst_enter_ppm = 1},
        {.mtu_bytes = 67},
        {.mtu_bytes = 65536},
        {.rate_bits = 999, .queue_bytes = 1500},
        {.rate_bits = UINT64_C(100000000001), .queue_bytes = 1500},
        {.rate_bits = 1000, .queue_bytes = 1499},
        {.rate_bits = 1000, .queue_bytes = (1u << 30) + 1},
        {.trace_count = 1},
        {.trace = late, .trace_count = 0, .trace_period_us = 9},
        {.trace = late, .trace_count = 1, .trace_period_us = 9},
        {.trace = falling, .trace_count = 3, .trace_period_us = 9},
        {.trace = falling, .trace_count = 2, .trace_period_us = 5},
        {.trace = slow, .trace_count = 1, .trace_period_us = 5},
    };
    muster_impairment *model;
    muster_impairment_def def = muster_impairment_default_def();
    for (size_t i = 0; i < sizeof bad_rules / sizeof bad_rules[0]; i++) {
        def.rules = bad_rules[i];
        assert_int_equal(muster_impairment_create(&def, &model), MUSTER_ERR_INVALID);
        assert_null(model);
    }
    muster_impairment_def defs[6];
    for (int i = 0; i < 6; i++) {
        defs[i] = muster_impairment_default_def();
    }
    defs[0].link_count = 0;
    defs[1].link_count = (1 << 20) + 1;
    defs[2].packet_count = 0;
    defs[3].packet_count = (1 << 20) + 1;
    defs[4].allocator.alloc = NULL;
    defs[5].allocator.free = NULL;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(muster_impairment_create(&defs[i], &model), MUSTER_ERR_INVALID);
    }
}

static void memory_is_taken_once_and_given_back(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    muster_impairment_def def = muster_impairment_default_def();
    def.allocator = failing_heap_allocator(&heap);
    muster_impairment *model;
    assert_int_equal(muster_impairment_create(&def, &model), MUSTER_ERR_NO_MEMORY);
    assert_null(model);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_impairment_create(&def, &model), MUSTER_OK);
    muster_impairment_destroy(model);
    muster_impairment_destroy(NULL);
    assert_int_equal(heap.bytes_live, 0);
}

static void a_perfect_link_delivers_at_once_and_in_order(void **state)
{
    (void)state;
    muster_impairment *model = model_with((muster_impairment_rules){0}, seed);
    assert_int_equal(run(model, 1, arrivals[0]), SEND_COUNT);
    for (uint32_t i = 0; i < SEND_COUNT; i++) {
        assert_int_equal(arrivals[0][i].number, i);
        assert_int_equal(arrivals[0][i].due_us, (uint64_t)i * STEP_US);
    }
    muster_impairment_destroy(model);
}

static void delays_lie_within_the_jitter_and_keep_the_order(void **state)
{
    (void)state;
    muster_impairment *model = model_with(rules_of("delay=100ms,jitter=30ms"), seed);
    assert_int_equal(run(model, 1, arrivals[0]), SEND_COUNT);
    for (uint32_t i = 0; i < SEND_COUNT; i++) {
        assert_int_equal(arrivals[0][i].number, i);
        const uint64_t delay_us = arrivals[0][i].due_us - (uint64_t)i * STEP_US;
        assert_in_range(delay_us, 70000, 130000);
    }
    muster_impairment_destroy(model);
}

static void free_order_shows_the_jitter_whole_and_even(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    muster_impairment *model = model_with(rules_of("delay=100ms,jitter=30ms,order=free"), seed);
    assert_int_equal(run(model, 1, arrivals[0]), SEND_COUNT);
    uint32_t late_count = 0;
    uint64_t sum_us = 0;
    uint32_t overtaken_count = 0;
    for (uint32_t i = 0; i < SEND_COUNT; i++) {
        const struct arrival *arrival = &arrivals[0][i];
        const uint64_t delay_us = arrival->due_us - (uint64_t)arrival->number * STEP_US;
        assert_in_range(delay_us, 70000, 130000);
        sum_us += delay_us;
        late_count += delay_us > 115000;
        overtaken_count += i > 0 && arrival->number < arrivals[0][i - 1].number;
    }
    assert_in_range(sum_us / SEND_COUNT, 99500, 100500);
    assert_in_range(late_count, SEND_COUNT / 4 - 1000, SEND_COUNT / 4 + 1000);
    assert_true(overtaken_count > SEND_COUNT / 4);
    muster_impairment_destroy(model);
}

static void shares_come_out_as_asked(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    muster_impairment *model =
        model_with(rules_of("delay=50ms,loss=20%,dup=1%,reorder=2%,reorder_by=10500us"), seed);
    const uint32_t count = run(model, 1, arrivals[0]);
    const muster_impairment_stats stats = muster_impairment_get_stats(model, 0);
    assert_int_equal(stats.packets_pushed, SEND_COUNT);
    assert_int_equal(stats.packets_popped, count);
    assert_int_equal(stats.bytes_popped, 100ull * count);
    assert_int_equal(
        stats.packets_popped, stats.packets_pushed - stats.packets_lost + stats.packets_duplicated);
    assert_in_range(stats.packets_lost, 19400, 20600);
    assert_in_range(stats.packets_duplicated, 680, 930);
    assert_in_range(stats.packets_reordered, 1450, 1800);
    assert_int_equal(stats.packets_burst_lost + stats.packets_dropped, 0);

    // What is held back is overtaken by the ten packets of that time, and by nothing else.
    uint32_t held_count = 0;
    uint32_t newest = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct arrival *arrival = &arrivals[0][i];
        const uint64_t delay_us = arrival->due_us - (uint64_t)arrival->number * STEP_US;
        assert_true(delay_us == 50000 || delay_us == 60500);
        held_count += delay_us == 60500;
        if (arrival->number < newest) {
            assert_int_equal(delay_us, 60500);
            assert_in_range(newest - arrival->number, 1, 10);
        } else {
            newest = arrival->number;
        }
    }
    assert_int_equal(held_count, stats.packets_reordered);
    muster_impairment_destroy(model);
}

static void bursts_lose_runs_of_packets(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    muster_impairment *model = model_with(rules_of("burst=1%/25%/100%"), seed);
    const uint32_t count = run(model, 1, arrivals[0]);
    const uint64_t lost = muster_impairment_get_stats(model, 0).packets_burst_lost;
    assert_int_equal(count + lost, SEND_COUNT);
    // In the long run enter / (enter + leave) of the packets meet the bad state: 3.85 %.
    assert_in_range(lost, 3300, 4400);
    uint32_t run_count = 0;
    for (uint32_t i = 1; i < count; i++) {
        run_count += arrivals[0][i].number != arrivals[0][i - 1].number + 1;
    }
    assert_in_range(100 * lost / run_count, 340, 460); // a mean of 1 / leave = 4
    muster_impairment_destroy(model);
}

static void a_rate_spaces_packets_and_drops_what_the_queue_cannot_hold(void **state)
{
    (void)state;
    // 128 bytes on the wire every millisecond are 1,024 kbit/s, twice the rate.
    muster_impairment *model = model_with(rules_of("rate=512kbit,queue=12800B"), seed);
    const uint32_t count = run(model, 1, arrivals[0]);
    const muster_impairment_stats stats = muster_impairment_get_stats(model, 0);
    assert_int_equal(stats.packets_dropped + count, SEND_COUNT);
    assert_in_range(count, SEND_COUNT / 2, SEND_COUNT / 2 + 101);
    for (uint32_t i = 1; i < count; i++) {
        assert_int_equal(arrivals[0][i].due_us - arrivals[0][i - 1].due_us, 2000);
    }
    // A queue of 100 packets of 2 ms each.
    const struct arrival *last = &arrivals[0][count - 1];
    assert_in_range(last->due_us - (uint64_t)last->number * STEP_US, 198000, 200000);
    muster_impairment_destroy(model);
}

static void a_narrow_path_loses_what_is_longer_and_nothing_else(void **state)
{
    (void)state;
    muster_impairment *model = model_with(rules_of("mtu=600B,dup=100%"), seed);
    static const uint8_t bytes[MUSTER_PACKET_BYTES_MAX] = {0};
    static const uint32_t lengths[] = {1200, 572, 573, 0, 574, 100};
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(muster_impairment_push(model, i, 0, bytes, lengths[i]), MUSTER_OK);
    }
    const uint32_t wanted[] = {572, 572, 0, 0, 100, 100};
    muster_impairment_packet packet;
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(muster_impairment_pop(model, UINT64_MAX, &packet));
        assert_int_equal(packet.length, wanted[i]);
    }
    assert_false(muster_impairment_pop(model, UINT64_MAX, &packet));
    const muster_impairment_stats stats = muster_impairment_get_stats(model, 0);
    assert_int_equal(stats.packets_pushed, 6);
    assert_int_equal(stats.packets_too_long, 3);
    assert_int_equal(stats.packets_lost + stats.packets_burst_lost + stats.packets_dropped, 0);
    muster_impairment_destroy(model);
}

static void a_trace_is_followed_and_repeats(void **state)
{
    (void)state;
    static const char text[] = "# two bad seconds\n"
                               "0ms 10ms\n"
                               "\n"
                               "  500ms 20.5ms\r\n"
                               "1s lost\n"
                               "1500ms 1ms\n"
                               "2s end";
    muster_impairment_trace_point points[4];
    muster_impairment_rules rules = rules_of("delay=1ms,order=free");
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    assert_int_equal(
        muster_impairment_parse_trace(text, sizeof text - 1, points, 4, &rules, error), MUSTER_OK);
    assert_string_equal(error, "");
    assert_int_equal(rules.trace_count, 4);
    assert_int_equal(rules.trace_period_us, 2000000);
    muster_impairment *model = model_with(rules, seed);
    const uint32_t count = run(model, 1, arrivals[0]);
    assert_int_equal(count, SEND_COUNT / 4 * 3);
    static const uint64_t delays_us[4] = {11000, 21500, 0, 2000};
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t sent_us = (uint64_t)arrivals[0][i].number * STEP_US;
        const uint32_t part = (uint32_t)(sent_us / 500000 % 4);
        assert_int_not_equal(part, 2);
        assert_int_equal(arrivals[0][i].due_us - sent_us, delays_us[part]);
    }
    muster_impairment_destroy(model);
}

static void the_same_seed_gives_the_same_run_and_another_one_another(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    const muster_impairment_rules rules = rules_of("bad,burst=1%/20%/90%,rate=2Mbit,order=free");
    uint32_t counts[3];
    for (int i = 0; i < 2; i++) {
        muster_impairment *model = model_with(rules, seed);
        counts[i] = run(model, 2, arrivals[i]);
        muster_impairment_destroy(model);
    }
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(arrivals[0], arrivals[1], counts[0] * sizeof arrivals[0][0]);
    muster_impairment *model = model_with(rules, seed + 1);
    counts[2] = run(model, 2, arrivals[1]);
    assert_memory_not_equal(arrivals[0], arrivals[1], 1000 * sizeof arrivals[0][0]);
    muster_impairment_destroy(model);
}

static void links_are_independent(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    const muster_impairment_rules rules = rules_of("delay=50ms,jitter=20ms,loss=10%,rate=2Mbit");
    muster_impairment *alone = model_with(rules, seed);
    const uint32_t alone_count = run(alone, 1, arrivals[0]);
    muster_impairment *both = model_with(rules, seed);
    const uint32_t both_count = run(both, 2, arrivals[1]);

    // Link 0 does as if link 1 were not there, and link 1 does something else.
    uint32_t match_count = 0;
    uint32_t next = 0;
    uint32_t both_lost_count = 0;
    static bool is_there[2][SEND_COUNT];
    memset(is_there, 0, sizeof is_there);
    for (uint32_t i = 0; i < both_count; i++) {
        const struct arrival *arrival = &arrivals[1][i];
        is_there[arrival->link][arrival->number] = true;
        if (arrival->link == 0) {
            match_count += arrival->number == arrivals[0][next].number &&
                           arrival->due_us == arrivals[0][next].due_us;
            next++;
        }
    }
    assert_int_equal(next, alone_count);
    assert_int_equal(match_count, alone_count);
    for (uint32_t i = 0; i < SEND_COUNT; i++) {
        both_lost_count += !is_there[0][i] && !is_there[1][i];
    }
    assert_in_range(both_lost_count, 850, 1150); // a tenth of a tenth
    muster_impairment_destroy(alone);
    muster_impairment_destroy(both);
}

static void rules_change_for_one_link_from_then_on(void **state)
{
    (void)state;
    muster_impairment *model = model_with((muster_impairment_rules){0}, seed);
    const muster_impairment_rules broken = {.loss_ppm = MUSTER_PPM + 1};
    const muster_impairment_rules dead = {.loss_ppm = MUSTER_PPM};
    assert_int_equal(muster_impairment_set_rules(model, 1, &broken), MUSTER_ERR_INVALID);
    assert_int_equal(muster_impairment_set_rules(model, 1, &dead), MUSTER_OK);
    assert_int_equal(run(model, 2, arrivals[0]), SEND_COUNT);
    assert_int_equal(muster_impairment_get_stats(model, 1).packets_lost, SEND_COUNT);
    muster_impairment_destroy(model);
}

static void a_model_takes_so_many_packets_and_copies(void **state)
{
    (void)state;
    muster_impairment_def def = muster_impairment_default_def();
    def.packet_count = 3;
    def.rules = rules_of("delay=1s,dup=100%");
    muster_impairment *model;
    assert_int_equal(muster_impairment_create(&def, &model), MUSTER_OK);
    assert_int_equal(muster_impairment_push(model, 0, 0, NULL, 0), MUSTER_OK);
    assert_int_equal(muster_impairment_push(model, 0, 0, NULL, 0), MUSTER_OK); // without its copy
    assert_int_equal(muster_impairment_push(model, 0, 0, NULL, 0), MUSTER_ERR_FULL);
    muster_impairment_packet packet;
    assert_false(muster_impairment_pop(model, 999999, &packet));
    assert_int_equal(muster_impairment_next_us(model), 1000000);
    for (int i = 0; i < 3; i++) {
        assert_true(muster_impairment_pop(model, 1000000, &packet));
        assert_int_equal(packet.length, 0);
    }
    assert_false(muster_impairment_pop(model, UINT64_MAX, &packet));
    assert_int_equal(muster_impairment_get_stats(model, 0).packets_pushed, 2);
    muster_impairment_destroy(model);
}

static void text_says_every_rule(void **state)
{
    (void)state;
    const muster_impairment_rules rules =
        rules_of("delay=100ms,jitter=30ms,loss=20%,burst=1.5%/25%/80%,dup=1%,reorder=0.0001%,"
                 "reorder_by=2s,rate=5.5Mbit,queue=64.5KB,order=free");
    assert_int_equal(rules.delay_us, 100000);
    assert_int_equal(rules.jitter_us, 30000);
    assert_int_equal(rules.loss_ppm, 200000);
    assert_int_equal(rules.burst_enter_ppm, 15000);
    assert_int_equal(rules.burst_leave_ppm, 250000);
    assert_int_equal(rules.burst_loss_ppm, 800000);
    assert_int_equal(rules.duplicate_ppm, 10000);
    assert_int_equal(rules.reorder_ppm, 1);
    assert_int_equal(rules.reorder_us, 2000000);
    assert_int_equal(rules.rate_bits, 5500000);
    assert_int_equal(rules.queue_bytes, 64500);
    assert_true(rules.is_unordered);
    assert_int_equal(rules_of("rate=1Gbit").queue_bytes, 64000);
    assert_int_equal(rules_of("rate=1Gbit").rate_bits, 1000000000);
    assert_int_equal(rules_of("reorder=1%").reorder_us, 20000);
    assert_int_equal(rules_of("loss=1%,loss=2%").loss_ppm, 20000);
    assert_false(rules_of("order=fifo").is_unordered);
    assert_int_equal(rules_of("bad,loss=3%").loss_ppm, 30000);
    assert_int_equal(rules_of("bad,loss=3%").delay_us, 100000);
}

static void every_preset_is_valid(void **state)
{
    (void)state;
    uint32_t count = 0;
    const char *text;
    for (const char *name; (name = muster_impairment_preset(count, &text)) != NULL; count++) {
        const muster_impairment_rules by_name = rules_of(name);
        const muster_impairment_rules by_text = rules_of(text);
        assert_memory_equal(&by_name, &by_text, sizeof by_name);
        muster_impairment_destroy(model_with(by_name, seed));
    }
    assert_int_equal(count, 4);
    assert_null(text);
}

static void errors_name_the_place_and_what_was_expected(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "at 1: expected a preset or KEY=VALUE"},
        {"wlan", "at 1: unknown preset \"wlan\"; expected lan, wifi, mobile, bad or KEY=VALUE"},
        {"lan,", "at 5: expected a preset or KEY=VALUE"},
        {"lan,wifi", "at 5: expected KEY=VALUE; a preset comes first"},
        {"lan;loss=1%", "at 4: expected a comma or the end"},
        {"loss=1%,jiter=3ms", "at 9: unknown key \"jiter\"; did you mean \"jitter\"?"},
        {"dely=3ms", "at 1: unknown key \"dely\"; did you mean \"delay\"?"},
        {"foo=3ms", "at 1: unknown key \"foo\"; expected delay, jitter, loss, burst, dup, reorder, "
                    "reorder_by, rate, queue, mtu or order"},
        {"averyverylongkey=3", "at 1: unknown key \"averyverylon\"; expected delay, jitter, loss, "
                               "burst, dup, reorder, reorder_by, rate, queue, mtu or order"},
        {"delay=", "at 7: expected a time such as 20ms"},
        {"delay=.5s", "at 7: expected a time such as 20ms"},
        {"delay=100", "at 7: the number has no unit; expected a time such as 20ms"},
        {"delay=100min", "at 7: unknown unit \"min\"; expected a time such as 20ms"},
        {"delay=1.1234567ms", "at 7: the number has no unit; expected a time such as 20ms"},
        {"delay=61s", "at 7: a time of at most 60s is expected"},
        {"delay=99999999999s", "at 7: expected a time such as 20ms"},
        {"delay=60.000001s", "at 7: a time of at most 60s is expected"},
        {"loss=100.1%", "at 6: a share of at most 100% is expected"},
        {"loss=-1%", "at 6: expected a share such as 1.5%"},
        {"burst=1%", "at 7: expected three shares such as burst=1%/25%/80%"},
        {"burst=1%/x", "at 10: expected a share such as 1.5%"},
        {"burst=1%/0%/50%", "at 7: a burst that is entered must be left at more than 0%"},
        {"rate=999bit", "at 6: a rate of at least 1kbit is expected"},
        {"rate=101Gbit", "at 6: a rate of at most 100Gbit is expected"},
        {"rate=5MB", "at 6: unknown unit \"MB\"; expected a rate such as 5Mbit"},
        {"queue=1KB", "at 7: a queue of at least 1500B is expected"},
        {"queue=2000MB", "at 7: a size of at most 1073MB is expected"},
        {"mtu=67B", "at 5: an mtu of at least 68B is expected"},
        {"mtu=66KB", "at 5: a size of at most 65535B is expected"},
        {"mtu=1200", "at 5: the number has no unit; expected a size such as 1200B"},
        {"order=lifo", "at 7: unknown order \"lifo\"; expected fifo or free"},
        {"delay=20ms,jitter=30ms", "at 1: jitter of 30000 us exceeds the delay of 20000 us"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        muster_impairment_rules rules = {.loss_ppm = 1};
        char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
        assert_int_equal(muster_impairment_parse(cases[i][0], &rules, error), MUSTER_ERR_MALFORMED);
        assert_string_equal(error, cases[i][1]);
        assert_int_equal(rules.loss_ppm, 0);
    }
}

static void errors_of_a_trace_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
        muster_status status;
    } cases[] = {
        {"", "line 1: the trace has no end", MUSTER_ERR_MALFORMED},
        {"0s 1ms\n", "line 1: the trace has no end", MUSTER_ERR_MALFORMED},
        {"1s 1ms\n", "line 1: the first point is at 0", MUSTER_ERR_MALFORMED},
        {"0s end\n", "line 1: the first point is at 0", MUSTER_ERR_MALFORMED},
        {"0s 1ms\n0s 2ms\n", "line 2: times must ascend", MUSTER_ERR_MALFORMED},
        {"0s 1ms\n\n1s\n", "line 3: expected a delay such as 20ms, lost or end",
            MUSTER_ERR_MALFORMED},
        {"0s 1ms 2ms\n", "line 1: expected the end of the line", MUSTER_ERR_MALFORMED},
        {"0s 1ms\n1s end\n2s lost", "line 3: a line follows the end", MUSTER_ERR_MALFORMED},
        {"x 1ms\n", "line 1: expected a time such as 1500ms", MUSTER_ERR_MALFORMED},
        {"0s 61s\n", "line 1: a time of at most 60s is expected", MUSTER_ERR_MALFORMED},
        {"0s 1ms\n1s 1ms\n2s 1ms\n", "line 3: more than 2 points", MUSTER_ERR_FULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        muster_impairment_rules rules = {0};
        muster_impairment_trace_point points[2];
        char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
        assert_int_equal(muster_impairment_parse_trace(
                             cases[i].text, strlen(cases[i].text), points, 2, &rules, error),
            cases[i].status);
        assert_string_equal(error, cases[i].error);
        assert_null(rules.trace);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(memory_is_taken_once_and_given_back),
        cmocka_unit_test(a_perfect_link_delivers_at_once_and_in_order),
        cmocka_unit_test(delays_lie_within_the_jitter_and_keep_the_order),
        cmocka_unit_test(free_order_shows_the_jitter_whole_and_even),
        cmocka_unit_test(shares_come_out_as_asked),
        cmocka_unit_test(bursts_lose_runs_of_packets),
        cmocka_unit_test(a_rate_spaces_packets_and_drops_what_the_queue_cannot_hold),
        cmocka_unit_test(a_narrow_path_loses_what_is_longer_and_nothing_else),
        cmocka_unit_test(a_trace_is_followed_and_repeats),
        cmocka_unit_test(the_same_seed_gives_the_same_run_and_another_one_another),
        cmocka_unit_test(links_are_independent),
        cmocka_unit_test(rules_change_for_one_link_from_then_on),
        cmocka_unit_test(a_model_takes_so_many_packets_and_copies),
        cmocka_unit_test(text_says_every_rule),
        cmocka_unit_test(every_preset_is_valid),
        cmocka_unit_test(errors_name_the_place_and_what_was_expected),
        cmocka_unit_test(errors_of_a_trace_name_the_line),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
