// SPDX-License-Identifier: Apache-2.0

// Carries out docs/protocol/vectors/session.txt; the commands are described there.

#include "muster/session.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 8192
#define WORD_COUNT_MAX 4
#define BLOB_BYTES_MAX 64

struct pending_blob {
    uint8_t kind;
    bool is_last;
    uint32_t length;
    uint8_t bytes[BLOB_BYTES_MAX];
};

struct script {
    muster_session_pool *pool;
    muster_session *session;
    uint64_t now_us;
    struct pending_blob blobs[MUSTER_SESSION_BLOBS_MAX];
    uint32_t blob_count;
    uint32_t got_count;
    muster_session_received received;
    uint8_t packet[MUSTER_SESSION_PACKET_BYTES_MAX];
    uint32_t case_count;
};

static uint32_t hex_read(const char *text, uint8_t *bytes, uint32_t capacity)
{
    if (strcmp(text, "-") == 0) {
        return 0;
    }
    const size_t digits = strlen(text);
    assert_int_equal(digits % 2, 0);
    assert_true(digits / 2 <= capacity);
    for (size_t i = 0; i < digits / 2; i++) {
        unsigned value;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
    return (uint32_t)(digits / 2);
}

static uint64_t number_of(const char *text)
{
    char *end;
    const uint64_t number = strtoull(text, &end, 10);
    assert_true(end != text && *end == '\0');
    return number;
}

static void run_case(struct script *script, const char *line)
{
    print_message("%s", line);
    muster_session_pool_destroy(script->pool);
    const uint32_t case_count = script->case_count + 1;
    memset(script, 0, sizeof *script);
    script->case_count = case_count;
    const muster_session_pool_def def = muster_session_pool_default_def();
    assert_int_equal(muster_session_pool_create(&def, &script->pool), MUSTER_OK);
    assert_int_equal(muster_session_pool_acquire(script->pool, &script->session), MUSTER_OK);
}

static void run_push(struct script *script, const char *kind, const char *hex)
{
    uint8_t bytes[LINE_BYTES_MAX];
    const uint32_t length = hex_read(hex, bytes, sizeof bytes);
    assert_int_equal(
        muster_session_push(script->session, (uint16_t)number_of(kind), bytes, length), MUSTER_OK);
}

static void run_blob(struct script *script, bool is_last, const char *kind, const char *hex)
{
    struct pending_blob *blob = &script->blobs[script->blob_count++];
    blob->kind = (uint8_t)number_of(kind);
    blob->is_last = is_last;
    blob->length = hex_read(hex, blob->bytes, sizeof blob->bytes);
}

static void run_write(struct script *script, const char *token, const char *hex)
{
    uint8_t packet[MUSTER_SESSION_PACKET_BYTES_MAX];
    muster_session *session = script->session;
    assert_int_equal(
        muster_session_begin_packet(session, script->now_us, packet, sizeof packet, sizeof packet),
        MUSTER_OK);
    for (uint32_t i = 0; i < script->blob_count; i++) {
        const struct pending_blob *blob = &script->blobs[i];
        uint8_t *bytes;
        uint32_t capacity;
        assert_int_equal(
            muster_session_begin_blob(session, blob->kind, blob->is_last, &bytes, &capacity),
            MUSTER_OK);
        memcpy(bytes, blob->bytes, blob->length);
        muster_session_end_blob(session, blob->length);
    }
    script->blob_count = 0;
    const uint32_t length = muster_session_end_packet(session, number_of(token));
    uint8_t expected[MUSTER_SESSION_PACKET_BYTES_MAX];
    assert_int_equal(length, hex_read(hex, expected, sizeof expected));
    assert_memory_equal(packet, expected, length);
}

static void run_read(struct script *script, const char *result, const char *hex)
{
    const uint32_t length = hex_read(hex, script->packet, sizeof script->packet);
    const muster_status status = muster_session_read(
        script->session, script->now_us, script->packet, length, &script->received);
    script->got_count = 0;
    if (strcmp(result, "OK") == 0 || strcmp(result, "STALE") == 0) {
        assert_int_equal(status, MUSTER_OK);
        assert_int_equal(script->received.is_fresh, strcmp(result, "OK") == 0);
    } else {
        assert_string_equal(muster_status_name(status), result);
    }
}

static void run_got(struct script *script, const char *kind, const char *hex)
{
    if (strcmp(kind, "none") == 0) {
        assert_int_equal(script->got_count, script->received.blob_count);
        return;
    }
    assert_true(script->got_count < script->received.blob_count);
    const muster_session_blob *blob = &script->received.blobs[script->got_count++];
    uint8_t expected[BLOB_BYTES_MAX];
    assert_int_equal(blob->kind, number_of(kind));
    assert_int_equal(blob->length, hex_read(hex, expected, sizeof expected));
    assert_memory_equal(blob->bytes, expected, blob->length);
}

static void run_message(struct script *script, const char *kind, const char *hex)
{
    muster_session_message message;
    const bool is_popped = muster_session_pop(script->session, &message);
    assert_int_equal(is_popped, strcmp(kind, "none") != 0);
    if (is_popped) {
        uint8_t expected[LINE_BYTES_MAX];
        assert_int_equal(message.kind, number_of(kind));
        assert_int_equal(message.length, hex_read(hex, expected, sizeof expected));
        assert_memory_equal(message.bytes, expected, message.length);
    }
}

static void run_fate(struct script *script, const char *token, const char *what)
{
    muster_session_fate fate;
    const bool is_popped = muster_session_pop_fate(script->session, &fate);
    assert_int_equal(is_popped, strcmp(token, "none") != 0);
    if (is_popped) {
        assert_int_equal(fate.token, number_of(token));
        assert_string_equal(fate.is_acked ? "acked" : "lost", what);
    }
}

static void run_close(const char *reason, const char *text, const char *hex)
{
    uint8_t packet[MUSTER_SESSION_PACKET_BYTES_MAX];
    uint8_t expected[MUSTER_SESSION_PACKET_BYTES_MAX];
    const uint32_t length = muster_session_write_close(
        (muster_close_reason)number_of(reason), text, packet, sizeof packet);
    assert_int_equal(length, hex_read(hex, expected, sizeof expected));
    assert_memory_equal(packet, expected, length);
}

static void run_closed(const struct script *script, const char *reason, const char *text)
{
    text = strcmp(text, "-") == 0 ? "" : text;
    assert_int_equal(script->received.close_reason, number_of(reason));
    assert_int_equal(script->received.close_text_length, strlen(text));
    assert_memory_equal(script->received.close_text, text, strlen(text));
}

static void run_line(struct script *script, char *line)
{
    const char *words[WORD_COUNT_MAX] = {"", "", "", ""};
    uint32_t word_count = 0;
    if (strncmp(line, "case ", 5) == 0) {
        run_case(script, line);
        return;
    }
    for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        assert_true(word_count < WORD_COUNT_MAX);
        words[word_count++] = word;
    }
    const char *command = words[0];
    if (strcmp(command, "at") == 0) {
        script->now_us = number_of(words[1]);
    } else if (strcmp(command, "push") == 0) {
        run_push(script, words[1], words[2]);
    } else if (strcmp(command, "blob") == 0 || strcmp(command, "last") == 0) {
        run_blob(script, strcmp(command, "last") == 0, words[1], words[2]);
    } else if (strcmp(command, "write") == 0) {
        run_write(script, words[1], words[2]);
    } else if (strcmp(command, "read") == 0) {
        run_read(script, words[1], words[2]);
    } else if (strcmp(command, "got") == 0) {
        run_got(script, words[1], words[2]);
    } else if (strcmp(command, "message") == 0) {
        run_message(script, words[1], words[2]);
    } else if (strcmp(command, "fate") == 0) {
        run_fate(script, words[1], words[2]);
    } else if (strcmp(command, "close") == 0) {
        run_close(words[1], words[2], words[3]);
    } else if (strcmp(command, "closed") == 0) {
        run_closed(script, words[1], words[2]);
    } else {
        fail_msg("unknown command \"%s\"", command);
    }
}

static void the_documents_vectors_hold(void **state)
{
    (void)state;
    FILE *file = fopen(MUSTER_SOURCE_DIR "/docs/protocol/vectors/session.txt", "r");
    assert_non_null(file);
    static struct script script;
    static char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] != '#' && line[0] != '\n') {
            run_line(&script, line);
        }
    }
    fclose(file);
    muster_session_pool_destroy(script.pool);
    assert_true(script.case_count >= 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documents_vectors_hold),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
