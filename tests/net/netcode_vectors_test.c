// SPDX-License-Identifier: Apache-2.0

// The committed vectors, which the protocol's reference implementation made: what we write equals
// them byte for byte, and what they hold is what we read.

#include "muster/netcode.h"

#include "core/bytes.h"
#include "net/connect_token.h"
#include "net/netcode_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VECTORS_PATH MUSTER_SOURCE_DIR "/docs/protocol/vectors/netcode.txt"

struct blob {
    uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
    uint32_t length;
};

// The file's position and the name and value of the last entry read.
struct vectors {
    FILE *file;
    char name[64];
    char text[2 * MUSTER_CONNECT_TOKEN_BYTES + 1];
};

static struct vectors vectors;

static int open_vectors(void **state)
{
    (void)state;
    vectors.file = fopen(VECTORS_PATH, "r");
    return vectors.file == NULL ? -1 : 0;
}

static int close_vectors(void **state)
{
    (void)state;
    return fclose(vectors.file);
}

static void append_text(const char *line)
{
    const size_t length = strcspn(line, "\n");
    const size_t used = strlen(vectors.text);
    assert_true(used + length < sizeof vectors.text);
    memcpy(vectors.text + used, line, length);
    vectors.text[used + length] = '\0';
}

// Reads the next entry: a line "name value", continued by lines that begin with four spaces.
static bool next_entry(void)
{
    char line[128];
    do {
        if (fgets(line, sizeof line, vectors.file) == NULL) {
            return false;
        }
    } while (line[0] == '#' || line[0] == '\n');
    const size_t name_length = strcspn(line, " ");
    assert_true(name_length < sizeof vectors.name);
    memcpy(vectors.name, line, name_length);
    vectors.name[name_length] = '\0';
    vectors.text[0] = '\0';
    append_text(line + name_length + 1);

    for (int next = fgetc(vectors.file); next == ' '; next = fgetc(vectors.file)) {
        assert_non_null(fgets(line, sizeof line, vectors.file));
        append_text(line + 3);
    }
    // What ended the value is an empty line or the first letter of the next name.
    assert_int_equal(fseek(vectors.file, feof(vectors.file) ? 0 : -1, SEEK_CUR), 0);
    return true;
}

static void expect_entry(const char *name)
{
    assert_true(next_entry());
    assert_string_equal(vectors.name, name);
}

static uint64_t number(const char *name)
{
    expect_entry(name);
    return strtoull(vectors.text, NULL, 10);
}

static struct blob blob_of_text(void)
{
    struct blob blob = {.length = (uint32_t)strlen(vectors.text) / 2};
    assert_true(blob.length <= sizeof blob.bytes);
    for (uint32_t i = 0; i < blob.length; i++) {
        const char digits[3] = {vectors.text[2 * i], vectors.text[2 * i + 1], '\0'};
        blob.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return blob;
}

static struct blob blob(const char *name, uint32_t length)
{
    expect_entry(name);
    const struct blob result = blob_of_text();
    assert_int_equal(result.length, length);
    return result;
}

static void read_bytes(const char *name, uint8_t *out_bytes, uint32_t length)
{
    const struct blob bytes = blob(name, length);
    memcpy(out_bytes, bytes.bytes, length);
}

static muster_connect_token_def read_token_def(void)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = number("protocol_id");
    def.client_id = number("client_id");
    def.create_unix_s = number("create_unix_s");
    def.expire_unix_s = number("expire_unix_s");
    def.timeout_s = (int32_t)number("timeout_s");
    for (def.address_count = 0; def.address_count < 3; def.address_count++) {
        expect_entry("address");
        assert_int_equal(
            muster_address_parse(vectors.text, &def.addresses[def.address_count]), MUSTER_OK);
    }
    read_bytes("private_key", def.private_key, sizeof def.private_key);
    read_bytes("nonce", def.nonce, sizeof def.nonce);
    read_bytes("client_to_server_key", def.client_to_server_key, sizeof def.client_to_server_key);
    read_bytes("server_to_client_key", def.server_to_client_key, sizeof def.server_to_client_key);
    read_bytes("user_data", def.user_data, sizeof def.user_data);
    return def;
}

static void check_public_part(const muster_connect_token_def *def, const struct blob *expected)
{
    muster_connect_token token;
    assert_int_equal(muster_connect_token_read(expected->bytes, &token), MUSTER_OK);
    assert_true(token.protocol_id == def->protocol_id);
    assert_true(token.create_unix_s == def->create_unix_s);
    assert_true(token.expire_unix_s == def->expire_unix_s);
    assert_int_equal(token.timeout_s, def->timeout_s);
    assert_int_equal(token.address_count, def->address_count);
    assert_memory_equal(token.addresses, def->addresses, sizeof def->addresses);
    assert_memory_equal(token.nonce, def->nonce, sizeof def->nonce);
    assert_memory_equal(
        token.client_to_server_key, def->client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    assert_memory_equal(
        token.server_to_client_key, def->server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
}

static void check_request(const muster_connect_token_def *def)
{
    struct blob request = blob("request", NETCODE_REQUEST_BYTES);
    assert_int_equal(request.bytes[0], NETCODE_PACKET_REQUEST);
    assert_memory_equal(request.bytes + 1, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    const uint8_t *protocol = request.bytes + NETCODE_REQUEST_PROTOCOL_OFFSET;
    assert_true(bytes_load_u64(protocol) == def->protocol_id);

    const struct private_token_seal seal = {
        .protocol_id = def->protocol_id,
        .expire_unix_s = bytes_load_u64(request.bytes + NETCODE_REQUEST_EXPIRE_OFFSET),
        .key = def->private_key,
        .nonce = request.bytes + NETCODE_REQUEST_NONCE_OFFSET,
    };
    uint8_t *private_bytes = request.bytes + NETCODE_REQUEST_PRIVATE_OFFSET;
    assert_true(private_token_open(&seal, private_bytes));
    struct private_token token;
    assert_int_equal(private_token_read(private_bytes, &token), MUSTER_OK);
    assert_true(token.client_id == def->client_id);
    assert_int_equal(token.timeout_s, def->timeout_s);
    assert_int_equal(token.address_count, def->address_count);
    assert_memory_equal(token.addresses, def->addresses, sizeof def->addresses);
    assert_memory_equal(token.user_data, def->user_data, sizeof def->user_data);
    assert_memory_equal(
        token.client_to_server_key, def->client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    assert_memory_equal(
        token.server_to_client_key, def->server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
}

static void check_challenge(const muster_connect_token_def *def)
{
    const struct blob key = blob("challenge_key", MUSTER_NETCODE_KEY_BYTES);
    const uint64_t sequence = number("challenge_sequence");
    struct blob expected = blob("challenge", NETCODE_CHALLENGE_BYTES);
    uint8_t written[NETCODE_CHALLENGE_BYTES];
    netcode_challenge_seal(key.bytes, sequence, def->client_id, def->user_data, written);
    assert_memory_equal(written, expected.bytes, sizeof written);
    assert_true(netcode_challenge_open(key.bytes, sequence, expected.bytes));
    assert_true(bytes_load_u64(expected.bytes) == def->client_id);
    assert_memory_equal(expected.bytes + 8, def->user_data, sizeof def->user_data);
}

static enum netcode_packet_type type_of_text(void)
{
    static const char *const names[NETCODE_PACKET_TYPE_COUNT] = {
        "request", "denied", "challenge", "response", "keep_alive", "payload", "disconnect"};
    for (uint32_t type = 0; type < NETCODE_PACKET_TYPE_COUNT; type++) {
        if (strcmp(names[type], vectors.text) == 0) {
            return (enum netcode_packet_type)type;
        }
    }
    fail_msg("no packet type is called \"%s\"", vectors.text);
    return NETCODE_PACKET_REQUEST;
}

// Seals the body and compares, then opens what the reference sealed and compares.
static void check_packet(const struct netcode_associated *associated,
    const struct blob *key,
    const struct netcode_header *header,
    const struct blob *body,
    struct blob *expected)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX];
    memcpy(slot + MUSTER_NETCODE_PAYLOAD_OFFSET, body->bytes, body->length);
    const uint32_t length = netcode_packet_seal(associated, key->bytes, header, slot);
    assert_int_equal(length, expected->length);
    assert_memory_equal(slot, expected->bytes, length);

    struct netcode_header read;
    muster_netcode_counter refusal;
    assert_true(netcode_header_read(expected->bytes, expected->length, &read, &refusal));
    assert_int_equal(read.type, header->type);
    assert_true(read.sequence == header->sequence);
    assert_int_equal(read.body_bytes, body->length);
    assert_true(netcode_packet_open(associated, key->bytes, &read, expected->bytes));
    assert_true(netcode_body_is_valid(&read));
    assert_memory_equal(expected->bytes + read.body_offset, body->bytes, body->length);
}

static uint32_t check_packets(uint64_t protocol_id)
{
    const struct netcode_associated associated = netcode_associated_of(protocol_id);
    const struct blob key = blob("packet_key", MUSTER_NETCODE_KEY_BYTES);
    uint32_t count = 0;
    while (next_entry()) {
        assert_string_equal(vectors.name, "packet");
        struct netcode_header header = {.type = type_of_text()};
        header.sequence = number("sequence");
        struct blob body = {0};
        assert_true(next_entry());
        if (strcmp(vectors.name, "body") == 0) {
            body = blob_of_text();
            assert_true(next_entry());
        }
        header.body_bytes = body.length;
        assert_string_equal(vectors.name, "bytes");
        struct blob expected = blob_of_text();
        check_packet(&associated, &key, &header, &body, &expected);
        count++;
    }
    return count;
}

static void the_vectors_of_the_reference_hold_both_ways(void **state)
{
    (void)state;
    const muster_connect_token_def def = read_token_def();
    const struct blob expected = blob("token", MUSTER_CONNECT_TOKEN_BYTES);
    uint8_t written[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&def, written), MUSTER_OK);
    assert_memory_equal(written, expected.bytes, sizeof written);
    check_public_part(&def, &expected);
    check_request(&def);
    check_challenge(&def);
    assert_int_equal(check_packets(def.protocol_id), 30);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_vectors_of_the_reference_hold_both_ways, open_vectors, close_vectors),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
