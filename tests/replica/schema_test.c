// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

static muster_replica_schema one_field(muster_field_def field, muster_state_type type)
{
    muster_replica_schema schema = muster_replica_default_schema();
    scene_add_field(&schema, field, type, 1);
    return schema;
}

static void a_schema_reads_back_as_it_was(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t length;
    assert_int_equal(
        muster_replica_schema_encode(&schema, bytes, sizeof bytes, &length), MUSTER_OK);
    muster_replica_schema copy;
    assert_int_equal(muster_replica_schema_decode(bytes, length, &copy), MUSTER_OK);
    assert_int_equal(copy.tick_rate_hz, 60);
    assert_int_equal(copy.known_count_max, 1024);
    assert_int_equal(copy.field_count, SCENE_FIELD_COUNT);
    for (uint32_t f = 0; f < copy.field_count; f++) {
        assert_memory_equal(&copy.fields[f], &schema.fields[f], sizeof copy.fields[f]);
    }
    assert_memory_equal(copy.channels, schema.channels, sizeof copy.channels);
    for (size_t capacity = 0; capacity < length; capacity++) {
        size_t none = 1;
        assert_int_equal(
            muster_replica_schema_encode(&schema, bytes, capacity, &none), MUSTER_ERR_FULL);
        assert_int_equal(none, 0);
    }
}

static void a_schema_cut_anywhere_is_refused(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t length;
    assert_int_equal(
        muster_replica_schema_encode(&schema, bytes, sizeof bytes, &length), MUSTER_OK);
    muster_replica_schema copy;
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact + 1, bytes, cut);
        assert_int_equal(muster_replica_schema_decode(exact + 1, cut, &copy), MUSTER_ERR_MALFORMED);
        assert_int_equal(copy.field_count, 0);
        free(exact);
    }
    assert_int_equal(muster_replica_schema_decode(bytes, length + 1, &copy), MUSTER_ERR_MALFORMED);
    bytes[0] = 2;
    assert_int_equal(muster_replica_schema_decode(bytes, length, &copy), MUSTER_ERR_VERSION);
}

static void add_refuses_names_and_too_many_fields(void **state)
{
    (void)state;
    muster_replica_schema schema = muster_replica_default_schema();
    muster_field_def field = {.name = "", .max = 1.0f, .precision = 1.0f};
    assert_int_equal(
        muster_replica_schema_add(&schema, &field, MUSTER_STATE_U8, 1), MUSTER_ERR_INVALID);
    field.name = "a_name_of_more_than_thirty_one_letters";
    assert_int_equal(
        muster_replica_schema_add(&schema, &field, MUSTER_STATE_U8, 1), MUSTER_ERR_INVALID);
    field.name = "same";
    for (int i = 0; i < MUSTER_FIELD_COUNT_MAX; i++) {
        assert_int_equal(muster_replica_schema_add(&schema, &field, MUSTER_STATE_U8, 1), MUSTER_OK);
    }
    assert_int_equal(
        muster_replica_schema_add(&schema, &field, MUSTER_STATE_U8, 1), MUSTER_ERR_FULL);
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID); // same names
}

static void check_refuses_fields_that_make_no_sense(void **state)
{
    (void)state;
    const muster_field_def good = {
        .name = "f", .encoding = MUSTER_FIELD_FLOAT, .min = -1.0f, .max = 1.0f, .precision = 0.01f};
    muster_replica_schema schema = one_field(good, MUSTER_STATE_F32);
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_OK);
    const float nan = 0.0f / (good.min + 1.0f);
    const muster_field_def bad[] = {
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .min = 1.0f, .max = 1.0f, .precision = 0.1f},
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .max = 1.0f, .precision = 0.0f},
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .max = 1.0f, .precision = nan},
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .max = nan, .precision = 0.1f},
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .max = 1e9f, .precision = 0.1f},
        {.name = "f", .encoding = MUSTER_FIELD_FLOAT, .max = 1.0f, .precision = 5.0f},
        {.name = "f", .encoding = MUSTER_FIELD_ANGLE, .precision = 5.0f},
        {.name = "f", .encoding = MUSTER_FIELD_ANGLE, .precision = 0.00001f},
        {.name = "f", .encoding = (muster_field_encoding)4, .max = 1.0f, .precision = 0.1f},
        {.name = "f",
            .encoding = MUSTER_FIELD_FLOAT,
            .max = 1.0f,
            .precision = 0.1f,
            .channel = (muster_channel)4},
        {.name = "f",
            .encoding = MUSTER_FIELD_FLOAT,
            .max = 1.0f,
            .precision = 0.1f,
            .visibility = (muster_visibility)4},
        {.name = "f", .encoding = MUSTER_FIELD_UINT, .max = 1.0f, .precision = 1.0f},
        {.name = "\x01", .encoding = MUSTER_FIELD_FLOAT, .max = 1.0f, .precision = 0.1f},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        schema = one_field(bad[i], MUSTER_STATE_F32);
        assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID);
        uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
        size_t length;
        assert_int_equal(muster_replica_schema_encode(&schema, bytes, sizeof bytes, &length),
            MUSTER_ERR_INVALID);
    }
    const muster_field_def whole = {.name = "f", .max = 10.0f, .precision = 1.0f};
    schema = one_field(whole, MUSTER_STATE_U64);
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID);
    schema = one_field(whole, MUSTER_STATE_U8);
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_OK);
    schema.fields[0].lane_count = 5;
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID);
    schema.fields[0].lane_count = 0;
    assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID);
}

static void check_refuses_channels_and_sizes_out_of_range(void **state)
{
    (void)state;
    const muster_replica_schema good = scene_schema();
    for (int i = 0; i < 9; i++) {
        muster_replica_schema schema = good;
        switch (i) {
        case 0:
            schema.channels[1].rate_hz = 60 + 60;
            break;
        case 1:
            schema.channels[1].rate_hz = 7; // does not divide 60
            break;
        case 2:
            schema.channels[2].rate_hz = 60; // above the one before
            break;
        case 3:
            schema.channels[2].radius_m = 10.0f; // below the one before
            break;
        case 4:
            schema.channels[0].radius_m = 0.0f;
            break;
        case 5:
            schema.known_count_max = 0;
            break;
        case 6:
            schema.known_count_max = MUSTER_REPLICA_KNOWN_COUNT_MAX + 1;
            break;
        case 7:
            schema.tick_rate_hz = 241;
            break;
        default:
            schema.field_count = 0;
            break;
        }
        assert_int_equal(muster_replica_schema_check(&schema), MUSTER_ERR_INVALID);
    }
    muster_replica_schema many = muster_replica_default_schema();
    char name[] = "a";
    for (int section = 0; section < 11; section++, name[0]++) {
        const muster_field_def field = {.name = name,
            .max = 1.0f,
            .precision = 1.0f,
            .channel = (muster_channel)(section / 4),
            .visibility = (muster_visibility)(section % 4)};
        assert_int_equal(
            muster_replica_schema_check(&many), section == 0 ? MUSTER_ERR_INVALID : MUSTER_OK);
        scene_add_field(&many, field, MUSTER_STATE_U8, 1);
    }
    assert_int_equal(muster_replica_schema_check(&many), MUSTER_ERR_INVALID); // 11 sections
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_reads_back_as_it_was),
        cmocka_unit_test(a_schema_cut_anywhere_is_refused),
        cmocka_unit_test(add_refuses_names_and_too_many_fields),
        cmocka_unit_test(check_refuses_fields_that_make_no_sense),
        cmocka_unit_test(check_refuses_channels_and_sizes_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
