// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/bots.h"

#include "apps/bots/brain.h"
#include "core/assert.h"
#include "drivers/clock.h"
#include "muster/client_driver.h"
#include "muster/histogram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// Time goes in steps of a millisecond. In each, sockets that have something are read, a few at a
// time, and between them the bots whose turn it is act: each has its own phase of a tick, so that
// together they send evenly.

#define STEP_US      1000u
#define TICK_US      16667u
#define EVENT_COUNT  32
#define SEND_TICKS   2u // two ticks of actions share a packet
#define LATE_US_MAX  (10 * TICK_US)
#define HEADER_BYTES 28u // IPv4 and UDP

struct bot {
    muster_client_driver *driver;
    muster_client *client; // the driver's
    struct brain brain;
    uint64_t turn_us;     // when it acts next
    uint32_t acted_ticks; // since it sent last
    uint64_t join_us;     // when it begins to join
    uint64_t figures_us;
    muster_client_stats before; // at the last reset of the figures
    bool has_begun;
    bool has_joined;
    bool has_ended;
    bool has_left;
};

struct bots {
    struct bots_def def;
    struct bot *list;
    int epoll_file;
    uint64_t tick_zero_us; // of the server, by the same clock where it runs on this machine
    uint64_t server_tick_us;
    uint32_t next_index; // whose turn is next
    uint64_t figures_us;
    uint64_t figures_cpu_ns;
    muster_histogram *late_us;
    muster_histogram *age_us;
    muster_client_error refusal; // of the first login that failed
};

// Creation.

static muster_status open_bot(struct bots *bots, uint32_t index, struct driver_error *out_error)
{
    struct bot *bot = &bots->list[index];
    muster_client_driver_def def = muster_client_driver_default_def();
    def.client.keeps_places = false;
    def.client.send_ticks = SEND_TICKS;
    def.via = bots->def.via;
    muster_client_error error;
    const muster_status status = muster_client_driver_create(&def, &bot->driver, &error);
    if (status != MUSTER_OK) {
        driver_error_write(out_error, 0, "bot %u: %s", index, error.text);
        return status;
    }
    bot->client = muster_client_driver_client(bot->driver);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    const int file = muster_client_driver_file(bot->driver);
    if (epoll_ctl(bots->epoll_file, EPOLL_CTL_ADD, file, &event) != 0) {
        driver_error_write(out_error, errno, "epoll");
        return MUSTER_ERR_IO;
    }
    return MUSTER_OK;
}

static muster_status create_parts(struct bots *bots, struct driver_error *out_error)
{
    const muster_allocator heap = muster_heap_allocator();
    muster_status status = muster_histogram_create(&heap, &bots->late_us);
    if (status == MUSTER_OK) {
        status = muster_histogram_create(&heap, &bots->age_us);
    }
    bots->epoll_file = epoll_create1(EPOLL_CLOEXEC);
    if (status == MUSTER_OK && bots->epoll_file < 0) {
        driver_error_write(out_error, errno, "epoll");
        status = MUSTER_ERR_IO;
    }
    for (uint32_t i = 0; i < bots->def.count && status == MUSTER_OK; i++) {
        brain_init(&bots->list[i].brain, bots->def.seed, i);
        status = open_bot(bots, i, out_error);
    }
    return status;
}

muster_status bots_create(
    const struct bots_def *def, struct bots **out_bots, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && out_bots != NULL && out_error != NULL);
    MUSTER_ASSERT(def->join_rate >= 1);
    *out_bots = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct bots *bots = heap.alloc(heap.context, sizeof *bots, _Alignof(struct bots));
    if (bots == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(bots, 0, sizeof *bots);
    bots->def = *def;
    bots->epoll_file = -1;
    const size_t list_bytes = (size_t)def->count * sizeof bots->list[0];
    bots->list = heap.alloc(heap.context, list_bytes, _Alignof(struct bot));
    muster_status status = MUSTER_ERR_NO_MEMORY;
    if (bots->list != NULL) {
        memset(bots->list, 0, list_bytes);
        status = create_parts(bots, out_error);
    }
    if (status != MUSTER_OK) {
        bots_destroy(bots);
        return status;
    }
    const uint64_t now_us = clock_monotonic_us();
    for (uint32_t i = 0; i < def->count; i++) {
        bots->list[i].join_us = now_us + (uint64_t)i * 1000000 / def->join_rate;
        bots->list[i].turn_us = now_us + (uint64_t)i * TICK_US / def->count;
    }
    bots_reset_figures(bots);
    *out_bots = bots;
    return MUSTER_OK;
}

void bots_destroy(struct bots *bots)
{
    if (bots == NULL) {
        return;
    }
    const muster_allocator heap = muster_heap_allocator();
    for (uint32_t i = 0; bots->list != NULL && i < bots->def.count; i++) {
        muster_client_driver_destroy(bots->list[i].driver);
    }
    if (bots->list != NULL) {
        heap.free(heap.context, bots->list, (size_t)bots->def.count * sizeof bots->list[0]);
    }
    if (bots->epoll_file >= 0) {
        (void)close(bots->epoll_file);
    }
    muster_histogram_destroy(bots->late_us);
    muster_histogram_destroy(bots->age_us);
    heap.free(heap.context, bots, sizeof *bots);
}

// Running.

// @return true if more sockets may have something
static bool receive(struct bots *bots)
{
    struct epoll_event events[EVENT_COUNT];
    const int count = epoll_wait(bots->epoll_file, events, EVENT_COUNT, 0);
    for (int i = 0; i < count; i++) {
        muster_client_driver_receive(bots->list[events[i].data.u32].driver);
    }
    return count == EVENT_COUNT;
}

// Nothing of a bot's chat is read; what came is taken so that it does not pile up.
static void drop_messages(muster_client *client)
{
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
    }
    muster_replica_view *view = muster_client_view(client);
    muster_replica_event event;
    while (view != NULL && muster_replica_view_pop_event(view, &event)) {
    }
}

static muster_status begin_to_join(
    struct bots *bots, struct bot *bot, muster_client_error *out_error)
{
    char server[MUSTER_ADDRESS_TEXT_BYTES];
    char name[32];
    muster_address_print(&bots->def.server, server);
    (void)snprintf(name, sizeof name, "bot %u", (unsigned)(bot - bots->list));
    muster_client_login_def login = muster_client_login_default_def();
    login.server = server;
    login.api_key = bots->def.api_key;
    login.name = name;
    muster_client_ticket ticket;
    const muster_status status = muster_client_login_ask(&login, &ticket, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    bots->tick_zero_us = ticket.tick_zero_us;
    bots->server_tick_us = 1000000 / ticket.tick_rate_hz;
    return muster_client_driver_connect(bot->driver, ticket.token);
}

static void begin(struct bots *bots, struct bot *bot)
{
    muster_client_error error;
    bot->has_begun = true;
    bot->has_ended = begin_to_join(bots, bot, &error) != MUSTER_OK;
    if (bot->has_ended && bots->refusal.text[0] == '\0') {
        bots->refusal = error;
    }
}

static void play(struct bots *bots, struct bot *bot, uint64_t now_us)
{
    if (!bot->has_joined) {
        bot->has_joined = true;
        bot->figures_us = now_us;
        bot->before = muster_client_stats_of(bot->client);
    }
    const uint64_t known_us =
        bots->tick_zero_us + muster_client_newest_tick(bot->client) * bots->server_tick_us;
    muster_histogram_record(bots->age_us, now_us > known_us ? now_us - known_us : 0);
    brain_think(&bot->brain, bot->client);
}

static void take_turn(struct bots *bots, struct bot *bot, uint64_t now_us)
{
    if (!bot->has_begun && now_us >= bot->join_us) {
        begin(bots, bot);
    }
    if (!bot->has_begun) {
        return;
    }
    const muster_client_state state = muster_client_state_of(bot->client);
    if (state == MUSTER_CLIENT_PLAYING) {
        muster_histogram_record(bots->late_us, now_us - bot->turn_us);
        play(bots, bot, now_us);
        if (++bot->acted_ticks < SEND_TICKS) {
            return; // there is nothing to send yet
        }
        bot->acted_ticks = 0;
    }
    bot->has_ended = bot->has_ended || (state < MUSTER_CLIENT_IDLE && !bot->has_left);
    (void)muster_client_driver_send(bot->driver);
    drop_messages(bot->client);
}

// Bots stand in the order of their phases, so whose turn is next follows from who was last. Turns
// that are long past are given up, as a player's would be.
static void take_turns(struct bots *bots)
{
    for (;;) {
        struct bot *bot = &bots->list[bots->next_index];
        const uint64_t now_us = clock_monotonic_us();
        if (bot->turn_us > now_us) {
            return;
        }
        take_turn(bots, bot, now_us);
        const uint64_t turn_count =
            (now_us - bot->turn_us) / LATE_US_MAX > 0 ? (now_us - bot->turn_us) / TICK_US : 1;
        bot->turn_us += turn_count * TICK_US;
        bots->next_index = bots->next_index + 1 < bots->def.count ? bots->next_index + 1 : 0;
    }
}

void bots_run_until(struct bots *bots, uint64_t until_us)
{
    MUSTER_ASSERT(bots != NULL);
    clock_prefer_punctual();
    while (clock_monotonic_us() < until_us) {
        const bool has_more = receive(bots);
        take_turns(bots);
        if (!has_more) {
            clock_sleep_until_us(clock_monotonic_us() / STEP_US * STEP_US + STEP_US);
        }
    }
}

void bots_leave(struct bots *bots)
{
    MUSTER_ASSERT(bots != NULL);
    for (uint32_t i = 0; i < bots->def.count; i++) {
        struct bot *bot = &bots->list[i];
        bot->has_left = true;
        muster_client_leave(bot->client);
    }
}

// Figures.

void bots_reset_figures(struct bots *bots)
{
    MUSTER_ASSERT(bots != NULL);
    bots->figures_us = clock_monotonic_us();
    bots->figures_cpu_ns = clock_process_cpu_ns();
    muster_histogram_reset(bots->late_us);
    muster_histogram_reset(bots->age_us);
    for (uint32_t i = 0; i < bots->def.count; i++) {
        struct bot *bot = &bots->list[i];
        bot->figures_us = bots->figures_us;
        bot->before = muster_client_stats_of(bot->client);
    }
}

static double quantile_ms(const muster_histogram *histogram, uint32_t per_million)
{
    return (double)muster_histogram_quantile(histogram, per_million) / 1000.0;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double kbit_s(uint64_t bytes, uint64_t packets, uint64_t time_us)
{
    return time_us > 0 ? (double)(bytes + packets * HEADER_BYTES) * 8000.0 / (double)time_us : 0.0;
}

static void add_bot(struct bots_summary *summary, const struct bot *bot, double *out_kbit_s)
{
    const muster_client_stats stats = muster_client_stats_of(bot->client);
    const uint64_t time_us = clock_monotonic_us() - bot->figures_us;
    *out_kbit_s = kbit_s(stats.bytes_received - bot->before.bytes_received,
        stats.packets_received - bot->before.packets_received, time_us);
    summary->client_kbit_s_mean += *out_kbit_s;
    summary->client_kbit_s_up_mean += kbit_s(stats.bytes_sent - bot->before.bytes_sent,
        stats.packets_sent - bot->before.packets_sent, time_us);
    summary->rtt_ms_mean += (double)stats.rtt_us / 1000.0;
    summary->resumes += stats.resumes;
    summary->refreshes += stats.refreshes;
}

static void finish_means(struct bots_summary *summary, double *rates, uint32_t count)
{
    if (count == 0) {
        return;
    }
    qsort(rates, count, sizeof rates[0], compare_doubles);
    summary->client_kbit_s_p99 = rates[(count - 1) * 99 / 100];
    summary->client_kbit_s_mean /= count;
    summary->client_kbit_s_up_mean /= count;
    summary->rtt_ms_mean /= count;
}

struct bots_summary bots_read_summary(const struct bots *bots)
{
    MUSTER_ASSERT(bots != NULL);
    struct bots_summary summary = {.count = bots->def.count};
    const muster_allocator heap = muster_heap_allocator();
    const size_t rates_bytes = (bots->def.count + 1u) * sizeof(double);
    double *rates = heap.alloc(heap.context, rates_bytes, _Alignof(double));
    uint32_t rate_count = 0;
    for (uint32_t i = 0; rates != NULL && i < bots->def.count; i++) {
        const struct bot *bot = &bots->list[i];
        summary.joined += bot->has_joined ? 1 : 0;
        summary.refused += bot->has_ended && !bot->has_joined ? 1 : 0;
        summary.disconnected += bot->has_ended && bot->has_joined ? 1 : 0;
        summary.playing += muster_client_state_of(bot->client) == MUSTER_CLIENT_PLAYING ? 1 : 0;
        if (bot->has_joined) {
            add_bot(&summary, bot, &rates[rate_count++]);
        }
    }
    if (rates != NULL) {
        finish_means(&summary, rates, rate_count);
        heap.free(heap.context, rates, rates_bytes);
    }
    const uint64_t time_us = clock_monotonic_us() - bots->figures_us;
    const uint64_t cpu_ns = clock_process_cpu_ns() - bots->figures_cpu_ns;
    summary.cpu_percent = time_us > 0 ? (double)cpu_ns / (double)time_us / 10.0 : 0.0;
    summary.late_ms_p99 = quantile_ms(bots->late_us, 990000);
    summary.update_age_ms_p50 = quantile_ms(bots->age_us, 500000);
    summary.update_age_ms_p99 = quantile_ms(bots->age_us, 990000);
    return summary;
}

const char *bots_refusal(const struct bots *bots)
{
    MUSTER_ASSERT(bots != NULL);
    return bots->refusal.text;
}
