// SPDX-License-Identifier: Apache-2.0
#include "apps/server/journal.h"

#include "apps/server/login_request.h"
#include "apps/server/server_live.h"
#include "apps/server/server_player.h"
#include "core/assert.h"
#include "muster/world_def.h"

#include <pthread.h>
#include <string.h>

struct present {
    bool is_here;
    bool is_lost; // without a connection, within the resume window
    uint64_t id[2];
    uint64_t joined_ms;
    muster_address address;
    bool is_link; // over which the player came
    char name[MUSTER_NAME_BYTES];
    uint64_t activity; // a muster_activity
};

struct journal {
    pthread_mutex_t lock; // of everything below
    muster_event_log *events;
    struct audit audit;
    struct server_map map;
    uint32_t live_bytes; // 0 before the first live map
    _Alignas(8) uint8_t live[SERVER_LIVE_BYTES_MAX];
    struct present players[MUSTER_PLAYER_COUNT_MAX];
};

muster_status journal_create(
    const struct settings *settings, struct journal **out_journal, struct driver_error *out_error)
{
    MUSTER_ASSERT(settings != NULL && out_journal != NULL && out_error != NULL);
    *out_journal = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct journal *journal = heap.alloc(heap.context, sizeof *journal, _Alignof(struct journal));
    if (journal == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(journal, 0, sizeof *journal);
    (void)pthread_mutex_init(&journal->lock, NULL);
    muster_status status = audit_open(&journal->audit, settings->audit.file,
        settings->audit.rotate_bytes, settings->audit.keep, out_error);
    if (status == MUSTER_OK) {
        status = muster_event_log_create(&heap, JOURNAL_EVENT_COUNT, &journal->events);
    }
    if (status != MUSTER_OK) {
        journal_destroy(journal);
        return status;
    }
    *out_journal = journal;
    return MUSTER_OK;
}

void journal_destroy(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    audit_close(&journal->audit);
    muster_event_log_destroy(journal->events);
    (void)pthread_mutex_destroy(&journal->lock);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, journal, sizeof *journal);
}

// Taking.

static void note_player(struct journal *journal, const struct server_event *event)
{
    if (event->player_index >= MUSTER_PLAYER_COUNT_MAX) {
        return;
    }
    struct present *present = &journal->players[event->player_index];
    switch (event->event.type) {
    case MUSTER_EVENT_PLAYER_JOINED:
        present->is_here = true;
        present->is_lost = false;
        present->activity = 0;
        present->joined_ms = event->event.time_ms;
        present->address = event->address;
        present->is_link = event->is_link;
        memcpy(present->id, event->event.player_id, sizeof present->id);
        memcpy(present->name, event->name, sizeof present->name);
        break;
    case MUSTER_EVENT_PLAYER_RESUMED:
        present->is_lost = false;
        present->address = event->address;
        present->is_link = event->is_link;
        break;
    case MUSTER_EVENT_PLAYER_LOST:
        present->is_lost = true;
        break;
    case MUSTER_EVENT_PLAYER_ACTIVITY:
        present->activity = event->event.detail;
        break;
    case MUSTER_EVENT_PLAYER_LEFT:
        present->is_here = false;
        break;
    default:
        break;
    }
}

bool journal_collect(struct journal *journal, struct server *server, uint64_t time_ms)
{
    MUSTER_ASSERT(journal != NULL && server != NULL);
    bool has_events = false;
    struct server_event event;
    (void)pthread_mutex_lock(&journal->lock);
    while (server_pop_event(server, &event)) {
        event.event.time_ms = time_ms;
        (void)muster_event_log_push(journal->events, &event.event);
        note_player(journal, &event);
        audit_event(&journal->audit, &event);
        has_events = true;
    }
    (void)server_pop_map(server, &journal->map);
    has_events |= server_pop_live(server, journal->live, &journal->live_bytes);
    (void)pthread_mutex_unlock(&journal->lock);
    return has_events;
}

void journal_note_login(struct journal *journal,
    uint64_t time_ms,
    const muster_player *player,
    const muster_address *address,
    const char *refusal)
{
    MUSTER_ASSERT(journal != NULL && address != NULL);
    (void)pthread_mutex_lock(&journal->lock);
    audit_login(&journal->audit, time_ms, player, address, refusal);
    (void)pthread_mutex_unlock(&journal->lock);
}

void journal_note_ban(
    struct journal *journal, uint64_t time_ms, const struct ban *ban, bool is_in_force)
{
    MUSTER_ASSERT(journal != NULL && ban != NULL);
    (void)pthread_mutex_lock(&journal->lock);
    audit_ban(&journal->audit, time_ms, ban, is_in_force);
    (void)pthread_mutex_unlock(&journal->lock);
}

// Answering.

static json_t *event_json(const muster_event *event)
{
    json_t *document = json_pack("{s:I, s:I, s:I, s:s}", "sequence", (json_int_t)event->sequence,
        "time_ms", (json_int_t)event->time_ms, "tick", (json_int_t)event->tick, "type",
        muster_event_type_name(event->type));
    if (event->player_id[0] != 0 || event->player_id[1] != 0) {
        char id[LOGIN_ID_TEXT_BYTES];
        login_id_print(event->player_id, id);
        json_object_set_new(document, "player_id", json_string(id));
    }
    if (event->detail != 0) {
        json_object_set_new(document, "detail", json_integer((json_int_t)event->detail));
    }
    if (event->text[0] != '\0') {
        json_object_set_new(document, "text", json_string(event->text));
    }
    return document;
}

json_t *journal_events(struct journal *journal, uint64_t after, bool can_be_empty)
{
    MUSTER_ASSERT(journal != NULL);
    muster_event_cursor cursor = {.sequence = after};
    muster_event event;
    json_t *list = json_array();
    (void)pthread_mutex_lock(&journal->lock);
    while (json_array_size(list) < JOURNAL_PAGE_COUNT &&
           muster_event_log_read(journal->events, &cursor, &event)) {
        json_array_append_new(list, event_json(&event));
    }
    (void)pthread_mutex_unlock(&journal->lock);
    if (json_array_size(list) == 0 && !can_be_empty) {
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:o, s:I, s:I}", "events", list, "next", (json_int_t)cursor.sequence,
        "missed", (json_int_t)cursor.missed_count);
}

static const char *activity_name(uint64_t activity)
{
    static const char *const names[] = {"idle", "travel", "trade", "combat"};
    return activity < sizeof names / sizeof names[0] ? names[activity] : "unknown";
}

static json_t *present_json(
    const struct present *present, const struct server *server, uint32_t player_index)
{
    char id[LOGIN_ID_TEXT_BYTES];
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    const struct server_player_figures figures = server_read_player(server, player_index);
    login_id_print(present->id, id);
    muster_address_print(&present->address, address);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:b, s:I, s:s, s:f, s:f, s:I, s:I}", "player_id",
        id, "index", (json_int_t)player_index, "name", present->name, "address", address,
        "transport", server_transport_name(present->is_link), "connected", !present->is_lost,
        "joined_ms", (json_int_t)present->joined_ms, "activity", activity_name(present->activity),
        "latency_ms", figures.rtt_us / 1000.0, "loss", figures.loss_ppm / 1e6, "bytes_sent",
        (json_int_t)figures.bytes_sent, "bytes_received", (json_int_t)figures.bytes_received);
}

json_t *journal_players(struct journal *journal, const struct server *server)
{
    MUSTER_ASSERT(journal != NULL && server != NULL);
    json_t *list = json_array();
    (void)pthread_mutex_lock(&journal->lock);
    for (uint32_t i = 0; i < MUSTER_PLAYER_COUNT_MAX; i++) {
        if (journal->players[i].is_here) {
            json_array_append_new(list, present_json(&journal->players[i], server, i));
        }
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return json_pack("{s:o}", "players", list);
}

void journal_describe_player(struct journal *journal,
    uint32_t player_index,
    char out_name[MUSTER_NAME_BYTES],
    muster_address *out_address)
{
    MUSTER_ASSERT(journal != NULL && player_index < MUSTER_PLAYER_COUNT_MAX);
    MUSTER_ASSERT(out_name != NULL && out_address != NULL);
    (void)pthread_mutex_lock(&journal->lock);
    memcpy(out_name, journal->players[player_index].name, MUSTER_NAME_BYTES);
    *out_address = journal->players[player_index].address;
    (void)pthread_mutex_unlock(&journal->lock);
}

uint32_t journal_find_player(struct journal *journal, const uint64_t player_id[2])
{
    MUSTER_ASSERT(journal != NULL && player_id != NULL);
    uint32_t found = MUSTER_NONE;
    (void)pthread_mutex_lock(&journal->lock);
    for (uint32_t i = 0; i < MUSTER_PLAYER_COUNT_MAX && found == MUSTER_NONE; i++) {
        const struct present *present = &journal->players[i];
        if (present->is_here && present->id[0] == player_id[0] && present->id[1] == player_id[1]) {
            found = i;
        }
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return found;
}

json_t *journal_map(struct journal *journal)
{
    MUSTER_ASSERT(journal != NULL);
    json_t *points = json_array();
    (void)pthread_mutex_lock(&journal->lock);
    const uint64_t tick = journal->map.tick;
    const uint32_t entity_count = journal->map.entity_count;
    for (uint32_t i = 0; i < journal->map.point_count; i++) {
        const struct server_map_point *point = &journal->map.points[i];
        json_array_append_new(
            points, json_pack("[i, i, i, i, i]", (int)point->x, (int)point->y, (int)point->kind,
                        (int)point->team, (int)point->is_player));
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return json_pack("{s:I, s:I, s:o}", "tick", (json_int_t)tick, "entities",
        (json_int_t)entity_count, "points", points);
}

uint32_t journal_live(struct journal *journal, uint64_t after_tick, void *bytes)
{
    MUSTER_ASSERT(journal != NULL && bytes != NULL);
    uint32_t length = 0;
    (void)pthread_mutex_lock(&journal->lock);
    if (journal->live_bytes > 0 && server_live_tick(journal->live) > after_tick) {
        length = journal->live_bytes;
        memcpy(bytes, journal->live, length);
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return length;
}

bool journal_has_failed(struct journal *journal)
{
    MUSTER_ASSERT(journal != NULL);
    (void)pthread_mutex_lock(&journal->lock);
    const bool has_failed = journal->audit.has_failed;
    (void)pthread_mutex_unlock(&journal->lock);
    return has_failed;
}
