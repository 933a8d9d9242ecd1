// SPDX-License-Identifier: Apache-2.0
#include "apps/server/audit.h"

#include "apps/server/login_request.h"
#include "core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048u
#define TIME_BYTES     32u

static muster_status open_file(struct audit *audit, struct driver_error *out_error)
{
    struct stat about;
    audit->file = open(audit->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (audit->file < 0 || fstat(audit->file, &about) != 0) {
        driver_error_write(out_error, errno, "%s", audit->path);
        return MUSTER_ERR_IO;
    }
    audit->bytes = (uint64_t)about.st_size;
    return MUSTER_OK;
}

muster_status audit_open(struct audit *out_audit,
    const char *path,
    uint64_t rotate_bytes,
    uint64_t keep_count,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(out_audit != NULL && path != NULL && keep_count >= 1);
    *out_audit = (struct audit){.rotate_bytes = rotate_bytes, .keep_count = keep_count, .file = -1};
    if (path[0] == '\0') {
        return MUSTER_OK;
    }
    (void)snprintf(out_audit->path, sizeof out_audit->path, "%s", path);
    return open_file(out_audit, out_error);
}

void audit_close(struct audit *audit)
{
    MUSTER_ASSERT(audit != NULL);
    if (audit->file >= 0) {
        close(audit->file);
        audit->file = -1;
    }
}

static void numbered_path(
    const struct audit *audit, uint64_t number, char out_path[AUDIT_PATH_BYTES + 24])
{
    if (number == 0) {
        (void)snprintf(out_path, AUDIT_PATH_BYTES + 24, "%s", audit->path);
    } else {
        (void)snprintf(out_path, AUDIT_PATH_BYTES + 24, "%s.%" PRIu64, audit->path, number);
    }
}

static void rotate(struct audit *audit)
{
    char from[AUDIT_PATH_BYTES + 24];
    char to[AUDIT_PATH_BYTES + 24];
    audit_close(audit);
    numbered_path(audit, audit->keep_count - 1, from);
    (void)unlink(from);
    for (uint64_t i = audit->keep_count - 1; i > 0; i--) {
        numbered_path(audit, i - 1, from);
        numbered_path(audit, i, to);
        (void)rename(from, to);
    }
    audit->has_failed = open_file(audit, NULL) != MUSTER_OK;
}

static void write_line(struct audit *audit, json_t *document)
{
    char line[LINE_BYTES_MAX];
    const size_t length = json_dumpb(document, line, sizeof line - 1, JSON_COMPACT);
    json_decref(document);
    if (length == 0 || length > sizeof line - 1) {
        audit->has_failed = true;
        return;
    }
    line[length] = '\n';
    if (audit->bytes > 0 && audit->bytes + length + 1 > audit->rotate_bytes) {
        rotate(audit);
    }
    const ssize_t written = audit->file >= 0 ? write(audit->file, line, length + 1) : -1;
    audit->has_failed = written != (ssize_t)length + 1;
    audit->bytes += written > 0 ? (uint64_t)written : 0;
}

static json_t *begin_line(uint64_t time_ms, const char *event)
{
    const time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    char date[TIME_BYTES] = "";
    char time_text[TIME_BYTES + 8];
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)snprintf(time_text, sizeof time_text, "%s.%03uZ", date, (unsigned)(time_ms % 1000));
    return json_pack("{s:s, s:s}", "ts", time_text, "event", event);
}

static void add_who(
    json_t *document, const uint64_t player_id[2], const char *name, const muster_address *address)
{
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    char id[LOGIN_ID_TEXT_BYTES];
    if (player_id != NULL && (player_id[0] != 0 || player_id[1] != 0)) {
        login_id_print(player_id, id);
        json_object_set_new(document, "player_id", json_string(id));
    }
    if (name != NULL && name[0] != '\0') {
        json_object_set_new(document, "name", json_string(name));
    }
    if (address->family != MUSTER_ADDRESS_NONE) {
        muster_address_print(address, text);
        json_object_set_new(document, "address", json_string(text));
    }
}

static bool is_audited(muster_event_type type)
{
    return type == MUSTER_EVENT_PLAYER_JOINED || type == MUSTER_EVENT_PLAYER_LEFT ||
           type == MUSTER_EVENT_PLAYER_LOST || type == MUSTER_EVENT_PLAYER_RESUMED ||
           type == MUSTER_EVENT_PLAYER_REFUSED || type == MUSTER_EVENT_PLAYER_KICKED;
}

void audit_event(struct audit *audit, const struct server_event *event)
{
    MUSTER_ASSERT(audit != NULL && event != NULL);
    if (audit->path[0] == '\0' || !is_audited(event->event.type)) {
        return;
    }
    json_t *document = begin_line(event->event.time_ms, muster_event_type_name(event->event.type));
    json_object_set_new(document, "tick", json_integer((json_int_t)event->event.tick));
    add_who(document, event->event.player_id, event->name, &event->address);
    if (event->address.family != MUSTER_ADDRESS_NONE) {
        json_object_set_new(
            document, "transport", json_string(server_transport_name(event->is_link)));
    }
    if (event->reason != MUSTER_CLOSE_NONE) {
        json_object_set_new(document, "reason", json_string(server_reason_name(event->reason)));
    }
    write_line(audit, document);
}

void audit_login(struct audit *audit,
    uint64_t time_ms,
    const muster_player *player,
    const muster_address *address,
    const char *refusal)
{
    MUSTER_ASSERT(audit != NULL && address != NULL);
    if (audit->path[0] == '\0') {
        return;
    }
    json_t *document = begin_line(time_ms, refusal == NULL ? "login" : "login_refused");
    add_who(document, player != NULL ? player->id : NULL, player != NULL ? player->name : NULL,
        address);
    if (refusal != NULL) {
        json_object_set_new(document, "reason", json_string(refusal));
    }
    write_line(audit, document);
}

void audit_ban(struct audit *audit, uint64_t time_ms, const struct ban *ban, bool is_in_force)
{
    MUSTER_ASSERT(audit != NULL && ban != NULL);
    if (audit->path[0] == '\0') {
        return;
    }
    json_t *document = begin_line(time_ms, is_in_force ? "player_banned" : "ban_lifted");
    json_object_set_new(document, "ban", json_integer((json_int_t)ban->number));
    if (is_in_force) {
        add_who(document, ban->player_id, ban->name, &ban->address);
        json_object_set_new(document, "until_ms", json_integer((json_int_t)ban->until_ms));
        json_object_set_new(document, "text", json_string(ban->reason));
    }
    write_line(audit, document);
}
