// SPDX-License-Identifier: Apache-2.0
#include "apps/top/top_sample.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/http_client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES (512u * 1024)
#define KEY_BYTES  160u
#define TIMEOUT_MS 2000u

static void copy_word(char out_word[TOP_WORD_BYTES], const char *text, size_t length)
{
    const size_t count = length < TOP_WORD_BYTES - 1 ? length : TOP_WORD_BYTES - 1;
    for (size_t i = 0; i < count; i++) {
        const bool is_plain = text[i] >= ' ' && text[i] <= '~';
        out_word[i] = is_plain ? text[i] : '?'; // nothing from outside reaches a terminal raw
    }
    out_word[count] = '\0';
}

// Metrics.

struct metric {
    const char *line; // its beginning: name and labels, up to the blank before the value
    size_t offset;    // of the double in a sample
};

#define METRIC(line, field)                                                                        \
    {                                                                                              \
        line, offsetof(struct top_sample, field)                                                   \
    }

static const struct metric metrics[] = {
    METRIC("muster_ticks_total", ticks),
    METRIC("muster_ticks_missed_total", missed_ticks),
    METRIC("muster_cpu_seconds_total", cpu_s),
    METRIC("muster_resident_bytes", resident_bytes),
    METRIC("muster_received_bytes_total", received_bytes),
    METRIC("muster_sent_bytes_total", sent_bytes),
    METRIC("muster_packets_received_total", received_packets),
    METRIC("muster_packets_sent_total", sent_packets),
    METRIC("muster_record_failed", record_failed),
    METRIC("muster_tick_phase_seconds_sum{phase=\"input\"}", phase_s[TOP_INPUT]),
    METRIC("muster_tick_phase_seconds_sum{phase=\"step\"}", phase_s[TOP_STEP]),
    METRIC("muster_tick_phase_seconds_sum{phase=\"replicate\"}", phase_s[TOP_REPLICATE]),
};

static void read_refusal(struct top_sample *sample, const char *line, double value)
{
    static const char *const words[] = {"=\"refused_", "=\"malformed_"};
    const char *reason = NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0] && reason == NULL; i++) {
        reason = strstr(line, words[i]);
    }
    if (reason == NULL || value <= 0.0 || sample->refusal_count == TOP_REFUSAL_COUNT_MAX) {
        return;
    }
    struct top_refusal *refusal = &sample->refusals[sample->refusal_count];
    copy_word(refusal->reason, reason + 2, strcspn(reason + 2, "\""));
    refusal->count = value;
    sample->refusal_count++;
}

static void read_line(struct top_sample *sample, const char *line, size_t length)
{
    char text[256];
    if (line[0] == '#' || length >= sizeof text) {
        return;
    }
    memcpy(text, line, length);
    text[length] = '\0';
    char *blank = strrchr(text, ' ');
    if (blank == NULL) {
        return;
    }
    const double value = strtod(blank + 1, NULL);
    *blank = '\0';
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        if (strcmp(text, metrics[i].line) == 0) {
            memcpy((char *)sample + metrics[i].offset, &value, sizeof value);
            return;
        }
    }
    read_refusal(sample, text, value);
}

void top_sample_read_metrics(struct top_sample *sample, const char *text)
{
    MUSTER_ASSERT(sample != NULL && text != NULL);
    sample->refusal_count = 0;
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        read_line(sample, line, length);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

// Documents.

static void read_word(const json_t *document, const char *key, char out_word[TOP_WORD_BYTES])
{
    const char *text = json_string_value(json_object_get(document, key));
    copy_word(out_word, text != NULL ? text : "?", text != NULL ? strlen(text) : 1);
}

static double read_number(const json_t *document, const char *key)
{
    return json_number_value(json_object_get(document, key));
}

static bool read_status(struct top_sample *sample, const json_t *document)
{
    const json_t *times = json_object_get(document, "tick_ms");
    read_word(document, "version", sample->version);
    read_word(document, "game", sample->game);
    sample->tick = read_number(document, "tick");
    sample->players = read_number(document, "players");
    sample->entities = read_number(document, "entities");
    sample->tick_ms_p50 = read_number(times, "p50");
    sample->tick_ms_p99 = read_number(times, "p99");
    sample->tick_ms_max = read_number(times, "max");
    const double rate = read_number(document, "tick_rate_hz");
    sample->tick_rate_hz = rate >= 1.0 && rate <= 1000.0 ? (uint32_t)rate : 0;
    return sample->tick_rate_hz != 0;
}

static int32_t read_item(const json_t *point, size_t index)
{
    const json_int_t number = json_integer_value(json_array_get(point, index));
    return number >= -1000000 && number <= 1000000 ? (int32_t)number : 0;
}

static bool read_map(struct top_sample *sample, const json_t *document)
{
    const json_t *points = json_object_get(document, "points");
    const size_t count = json_array_size(points);
    sample->point_count =
        count < TOP_POINT_COUNT_MAX ? (uint32_t)count : (uint32_t)TOP_POINT_COUNT_MAX;
    for (uint32_t i = 0; i < sample->point_count; i++) {
        const json_t *point = json_array_get(points, i);
        sample->points[i] = (struct top_point){
            .x = read_item(point, 0),
            .y = read_item(point, 1),
            .kind = (uint32_t)read_item(point, 2),
            .team = (uint32_t)read_item(point, 3),
            .is_player = read_item(point, 4) == 1,
        };
    }
    return json_is_array(points);
}

// Asking.

struct asker {
    const muster_address *server;
    char authorization[KEY_BYTES];
    char *room;
};

static muster_status ask(const struct asker *asker,
    const char *path,
    const char **out_body,
    struct driver_error *out_error)
{
    const struct http_client_request request = {
        .server = *asker->server,
        .method = "GET",
        .path = path,
        .authorization = asker->authorization[0] != '\0' ? asker->authorization : NULL,
        .timeout_ms = TIMEOUT_MS,
    };
    struct http_client_response response;
    const muster_status status =
        http_client_send(&request, asker->room, ROOM_BYTES, &response, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    if (response.status == 401) {
        driver_error_write(
            out_error, 0, "the server wants its admin key in the variable MUSTER_ADMIN_KEY");
        return MUSTER_ERR_DENIED;
    }
    if (response.status == 404) {
        driver_error_write(out_error, 0,
            "the server has no %s; --server takes its admin side, port 7770 by default", path);
        return MUSTER_ERR_NOT_FOUND;
    }
    if (response.status == 400 && strstr(response.body, "\"tls_required\"") != NULL) {
        driver_error_write(out_error, 0,
            "this port of the server speaks HTTPS alone; --server takes its tls.plain_port");
        return MUSTER_ERR_DENIED;
    }
    if (response.status != 200) {
        driver_error_write(out_error, 0, "%s answers with %u", path, response.status);
        return MUSTER_ERR_MALFORMED;
    }
    *out_body = response.body;
    return MUSTER_OK;
}

static muster_status ask_json(const struct asker *asker,
    const char *path,
    bool (*read)(struct top_sample *sample, const json_t *document),
    struct top_sample *sample,
    struct driver_error *out_error)
{
    const char *body;
    const muster_status status = ask(asker, path, &body, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    json_t *document = json_loads(body, 0, NULL);
    const bool is_read = document != NULL && read(sample, document);
    json_decref(document);
    if (!is_read) {
        driver_error_write(out_error, 0, "the answer to %s makes no sense", path);
        return MUSTER_ERR_MALFORMED;
    }
    return MUSTER_OK;
}

static muster_status fetch(
    const struct asker *asker, struct top_sample *sample, struct driver_error *out_error)
{
    const char *body;
    muster_status status = ask_json(asker, "/v1/status", read_status, sample, out_error);
    if (status == MUSTER_OK) {
        status = ask_json(asker, "/v1/map", read_map, sample, out_error);
    }
    if (status == MUSTER_OK) {
        status = ask(asker, "/metrics", &body, out_error);
    }
    if (status == MUSTER_OK) {
        top_sample_read_metrics(sample, body);
    }
    return status;
}

muster_status top_sample_fetch(const muster_address *server,
    const char *key,
    struct top_sample *out_sample,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(server != NULL && out_sample != NULL && out_error != NULL);
    struct asker asker = {.server = server};
    const muster_allocator heap = muster_heap_allocator();
    asker.room = heap.alloc(heap.context, ROOM_BYTES, 8);
    if (asker.room == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    if (key != NULL) {
        (void)snprintf(asker.authorization, sizeof asker.authorization, "Bearer %s", key);
    }
    memset(out_sample, 0, sizeof *out_sample);
    const muster_status status = fetch(&asker, out_sample, out_error);
    out_sample->time_us = clock_monotonic_us();
    heap.free(heap.context, asker.room, ROOM_BYTES);
    return status;
}
