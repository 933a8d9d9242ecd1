// SPDX-License-Identifier: Apache-2.0

// Restores a state of physics that somebody has changed. Either the space takes it and goes on as
// one does, with every number finite and within its bounds, and a second space that takes the same
// state goes on equally; or it refuses it and is empty. Every four bytes of the input change one
// number of a good state: which block, where in it (two bytes), and what is put there.

#include "muster/space.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <math.h>
#include <string.h>

#define BODY_COUNT     24u
#define STEP_COUNT     6u
#define SETTLE_COUNT   40u
#define TERRAIN_SIDE   8u
#define STATE_BYTES    16384u
#define BOX_COUNT      2u
#define MATERIAL_COUNT 2u

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static muster_space *create(void)
{
    static const muster_space_material materials[MATERIAL_COUNT] = {
        {.friction = 0.5f, .gravity_scale = 1.0f},
        {.friction = 0.1f, .restitution = 0.8f, .gravity_scale = 1.0f, .damping_per_s = 1.0f}};
    static const muster_space_box boxes[BOX_COUNT] = {
        {.centre = {2.0f, 2.0f, 1.0f}, .half_size = {1.0f, 2.0f, 1.0f}, .heading = 0.4f},
        {.centre = {-3.0f, 0.0f, 1.0f}, .half_size = {0.5f, 5.0f, 2.0f}, .material = 1}};
    float heights[TERRAIN_SIDE * TERRAIN_SIDE];
    for (uint32_t i = 0; i < TERRAIN_SIDE * TERRAIN_SIDE; i++) {
        heights[i] = (float)(i * 7 % 5) * 0.2f;
    }
    muster_space_def def = muster_space_default_def();
    def.body_capacity = BODY_COUNT;
    def.contact_capacity_per_body = 4;
    def.sleep_ticks = 10;
    def.materials = materials;
    def.material_count = MATERIAL_COUNT;
    def.boxes = boxes;
    def.box_count = BOX_COUNT;
    def.terrain = (muster_space_terrain){.heights_m = heights,
        .column_count = TERRAIN_SIDE,
        .row_count = TERRAIN_SIDE,
        .sample_m = 4.0f,
        .min_x = -14.0f,
        .min_y = -14.0f};
    muster_space *space;
    const muster_status status = muster_space_create(&def, &space);
    MUSTER_ASSERT(status == MUSTER_OK);
    return space;
}

// A heap that has come to rest, with one of each kind of body, and slots without one.
static void fill(muster_space *space)
{
    static const uint8_t flags[] = {
        0, 0, 0, MUSTER_BODY_KINEMATIC, MUSTER_BODY_SENSOR, MUSTER_BODY_PLAYER};
    for (uint32_t i = 0; i < BODY_COUNT - 4; i++) {
        muster_body_def body = muster_body_default_def();
        body.position =
            (muster_vec3){(float)(i % 3) * 0.7f, (float)(i % 4) * 0.6f, 1.0f + (float)i};
        body.radius_m = 0.4f + (float)(i % 3) * 0.1f;
        body.flags = flags[i % sizeof flags];
        body.material = (uint8_t)(i % MATERIAL_COUNT);
        const muster_status status = muster_space_body_add(space, i, &body);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    const muster_parallel serial = muster_parallel_serial();
    for (uint32_t i = 0; i < SETTLE_COUNT; i++) {
        muster_space_step(space, &serial);
    }
    muster_body_def bullet = muster_body_default_def();
    bullet.position = (muster_vec3){-10.0f, 0.3f, 2.0f};
    bullet.velocity = (muster_vec3){300.0f, 0.0f, 0.0f};
    bullet.radius_m = 0.05f;
    bullet.flags = MUSTER_BODY_BULLET;
    const muster_status status = muster_space_body_add(space, BODY_COUNT - 2, &bullet);
    MUSTER_ASSERT(status == MUSTER_OK);
}

static size_t block_bytes(const muster_state_block *block)
{
    return (size_t)block->element_capacity * muster_state_element_bytes(block);
}

// The state, block after block.
static size_t copy_out(muster_space *space, uint8_t out_bytes[STATE_BYTES])
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t block_count;
    size_t length = 0;
    muster_space_state_blocks(space, blocks, &block_count);
    for (uint32_t i = 0; i < block_count; i++) {
        const size_t bytes = block_bytes(&blocks[i]);
        MUSTER_ASSERT(length + bytes <= STATE_BYTES);
        memcpy(out_bytes + length, blocks[i].data, bytes);
        length += bytes;
    }
    return length;
}

static void copy_in(muster_space *space, const uint8_t *bytes)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t block_count;
    muster_space_state_blocks(space, blocks, &block_count);
    for (uint32_t i = 0; i < block_count; i++) {
        const size_t length = block_bytes(&blocks[i]);
        memcpy(blocks[i].data, bytes, length);
        bytes += length;
    }
}

// What no call would let in beside what is nearly right.
static uint32_t number_of(uint8_t choice, uint32_t before)
{
    static const uint32_t numbers[] = {0, 1, 0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff,
        0x80000000, 0x7f7fffff, 0x00000001, 0x47000000, 0xc7000000, 0x3f800000, 0xbf800000,
        BODY_COUNT - 1, BODY_COUNT, 0x80000000 | BODY_COUNT, 0xfffffffe, 0x7fffffff};
    const uint32_t count = sizeof numbers / sizeof numbers[0];
    return choice < 2 * count ? numbers[choice / 2] : before ^ (1u << (choice % 32));
}

static void change(muster_space *space, const uint8_t *bytes, size_t length)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t block_count;
    muster_space_state_blocks(space, blocks, &block_count);
    for (; length >= 4; bytes += 4, length -= 4) {
        const muster_state_block *block = &blocks[bytes[0] % block_count];
        const uint32_t number_bytes = muster_state_type_bytes(block->type);
        const size_t number_count = block_bytes(block) / number_bytes;
        uint8_t *place =
            (uint8_t *)block->data + bytes_load_u16(bytes + 1) % number_count * number_bytes;
        uint32_t number = 0;
        memcpy(&number, place, number_bytes);
        number = number_of(bytes[3], number);
        memcpy(place, &number, number_bytes);
    }
}

static void check_bodies(const muster_space *space)
{
    const muster_space_columns columns = muster_space_columns_read(space);
    MUSTER_ASSERT(columns.slot_count <= BODY_COUNT);
    for (uint32_t i = 0; i < columns.slot_count; i++) {
        if ((columns.flags[i] & MUSTER_BODY_EXISTS) == 0) {
            continue;
        }
        const muster_vec3 position = columns.position[i];
        const muster_vec3 velocity = columns.velocity[i];
        MUSTER_ASSERT(fabsf(position.x) <= MUSTER_SPACE_COORDINATE_MAX);
        MUSTER_ASSERT(fabsf(position.y) <= MUSTER_SPACE_COORDINATE_MAX);
        MUSTER_ASSERT(fabsf(position.z) <= MUSTER_SPACE_COORDINATE_MAX);
        MUSTER_ASSERT(fabsf(velocity.x) <= MUSTER_SPACE_SPEED_MAX);
        MUSTER_ASSERT(fabsf(velocity.y) <= MUSTER_SPACE_SPEED_MAX);
        MUSTER_ASSERT(fabsf(velocity.z) <= MUSTER_SPACE_SPEED_MAX);
    }
}

// Everything that a game may ask and do.
static void play(muster_space *space)
{
    const muster_space_ray ray = {.from = {-20.0f, 0.0f, 5.0f},
        .to = {20.0f, 1.0f, 0.5f},
        .mask = 0xffff,
        .ignore_slot = UINT32_MAX};
    muster_space_hit hit;
    muster_space_partition partitions[64];
    uint32_t slots[BODY_COUNT];
    uint32_t count;
    (void)muster_space_ray_cast(space, &ray, &hit);
    const muster_vec3 centre = {0.0f, 0.0f, 2.0f};
    (void)!muster_space_overlap(space, centre, 5.0f, 0xffff, slots, BODY_COUNT, &count);
    muster_space_partitions(space, partitions);
    (void)muster_space_body_remove(space, 3);
    (void)!muster_space_body_push(space, 4, (muster_vec3){5.0f, 0.0f, 5.0f});
    (void)!muster_space_body_set_position(space, 5, (muster_vec3){0.0f, 0.0f, 9.0f});
    const muster_body_def body = muster_body_default_def();
    (void)!muster_space_body_add(space, 3, &body);
    const muster_parallel serial = muster_parallel_serial();
    for (uint32_t i = 0; i < STEP_COUNT; i++) {
        muster_space_step(space, &serial);
        (void)muster_space_contacts(space, &count);
        (void)muster_space_hits(space, &count);
        check_bodies(space);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static uint8_t good[STATE_BYTES];
    static uint8_t states[2][STATE_BYTES];
    static size_t good_length;
    muster_space *space = create();
    if (good_length == 0) {
        fill(space);
        good_length = copy_out(space, good);
    }
    copy_in(space, good);
    change(space, bytes, length);
    (void)copy_out(space, states[0]);
    muster_space *other = create();
    copy_in(other, states[0]);

    const muster_status status = muster_space_restored(space);
    const muster_status other_status = muster_space_restored(other);
    MUSTER_ASSERT(status == other_status);
    MUSTER_ASSERT(status == MUSTER_OK || muster_space_columns_read(space).slot_count == 0);
    play(space);
    play(other);
    (void)copy_out(space, states[0]);
    (void)copy_out(other, states[1]);
    MUSTER_ASSERT(memcmp(states[0], states[1], good_length) == 0);
    muster_space_destroy(other);
    muster_space_destroy(space);
    return 0;
}
