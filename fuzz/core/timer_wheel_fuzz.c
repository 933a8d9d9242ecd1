// SPDX-License-Identifier: Apache-2.0

// Drives a wheel and the simplest possible model side by side with the same random calls, and
// stops at the first difference. The model is an array searched from end to end.

#include "muster/timer_wheel.h"

#include "core/assert.h"
#include <stddef.h>
#include <stdint.h>

#define CAPACITY        24
#define INPUT_BYTES_MAX 4096

struct model_timer {
    bool is_live;
    muster_timer_id id;
    uint64_t deadline_tick;
    uint64_t sequence; // breaks ties: the order of scheduling
};

struct model {
    struct model_timer timers[CAPACITY];
    uint64_t now_tick;
    uint64_t next_sequence;
    uint32_t count;
};

struct input {
    const uint8_t *bytes;
    size_t length;
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t take_byte(struct input *input)
{
    if (input->length == 0) {
        return 0;
    }
    input->length--;
    return *input->bytes++;
}

// A distance in ticks that favours the edges between levels, near and far.
static uint64_t take_distance(struct input *input)
{
    const uint32_t bits = take_byte(input) % 48;
    const uint64_t edge = UINT64_C(1) << bits;
    return edge - 1 + take_byte(input) % 4;
}

static struct model_timer *model_earliest(struct model *model)
{
    struct model_timer *earliest = NULL;
    for (size_t i = 0; i < CAPACITY; i++) {
        struct model_timer *timer = &model->timers[i];
        if (!timer->is_live) {
            continue;
        }
        if (earliest == NULL || timer->deadline_tick < earliest->deadline_tick ||
            (timer->deadline_tick == earliest->deadline_tick &&
                timer->sequence < earliest->sequence)) {
            earliest = timer;
        }
    }
    return earliest;
}

static void step_schedule(struct model *model, muster_timer_wheel *wheel, struct input *input)
{
    const uint64_t deadline_tick = model->now_tick + take_distance(input);
    muster_timer_id id;
    const muster_status status = muster_timer_wheel_schedule(wheel, deadline_tick, NULL, &id);
    if (model->count == CAPACITY) {
        MUSTER_ASSERT(status == MUSTER_ERR_FULL);
        return;
    }
    MUSTER_ASSERT(status == MUSTER_OK);

    size_t slot = 0;
    while (model->timers[slot].is_live) {
        slot++;
    }
    const bool is_late = deadline_tick <= model->now_tick;
    model->timers[slot] = (struct model_timer){
        .is_live = true,
        .id = id,
        .deadline_tick = is_late ? model->now_tick + 1 : deadline_tick,
        .sequence = model->next_sequence++,
    };
    model->count++;
}

// Cancels any timer the model has ever held in a slot, so that live and stale ids both occur.
static void step_cancel(struct model *model, muster_timer_wheel *wheel, struct input *input)
{
    struct model_timer *timer = &model->timers[take_byte(input) % CAPACITY];
    const bool is_cancelled = muster_timer_wheel_cancel(wheel, timer->id);
    MUSTER_ASSERT(is_cancelled == timer->is_live);
    if (timer->is_live) {
        timer->is_live = false;
        model->count--;
    }
}

static void check_next_tick(struct model *model, const muster_timer_wheel *wheel)
{
    const uint64_t next_tick = muster_timer_wheel_next_tick(wheel);
    const struct model_timer *first = model_earliest(model);
    if (first == NULL) {
        MUSTER_ASSERT(next_tick == MUSTER_TICK_NEVER);
    } else if (first->deadline_tick <= model->now_tick) {
        MUSTER_ASSERT(next_tick == model->now_tick);
    } else {
        MUSTER_ASSERT(next_tick > model->now_tick);
        MUSTER_ASSERT(next_tick <= first->deadline_tick);
    }
}

static void step_advance(struct model *model, muster_timer_wheel *wheel, struct input *input)
{
    model->now_tick += take_distance(input);
    muster_timer_wheel_advance(wheel, model->now_tick);
}

// Pops a few due timers, not always all of them.
static void step_pop(struct model *model, muster_timer_wheel *wheel, struct input *input)
{
    for (uint32_t left = take_byte(input) % CAPACITY; left > 0; left--) {
        struct model_timer *expected = model_earliest(model);
        const bool is_due = expected != NULL && expected->deadline_tick <= model->now_tick;

        muster_timer_due due;
        const bool is_popped = muster_timer_wheel_pop_due(wheel, &due);
        MUSTER_ASSERT(is_popped == is_due);
        if (!is_due) {
            return;
        }
        MUSTER_ASSERT(due.deadline_tick == expected->deadline_tick);
        MUSTER_ASSERT(due.id.index1 == expected->id.index1);
        MUSTER_ASSERT(due.id.generation == expected->id.generation);
        expected->is_live = false;
        model->count--;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct input input = {
        .bytes = bytes,
        .length = length < INPUT_BYTES_MAX ? length : INPUT_BYTES_MAX,
    };
    struct model model = {0};

    muster_timer_wheel_def def = muster_timer_wheel_default_def();
    def.capacity = CAPACITY;
    muster_timer_wheel *wheel;
    const muster_status status = muster_timer_wheel_create(&def, &wheel);
    MUSTER_ASSERT(status == MUSTER_OK);

    while (input.length > 0) {
        switch (take_byte(&input) % 4) {
        case 0:
            step_schedule(&model, wheel, &input);
            break;
        case 1:
            step_cancel(&model, wheel, &input);
            break;
        case 2:
            step_advance(&model, wheel, &input);
            break;
        default:
            step_pop(&model, wheel, &input);
            break;
        }
        MUSTER_ASSERT(muster_timer_wheel_count(wheel) == model.count);
        MUSTER_ASSERT(muster_timer_wheel_now(wheel) == model.now_tick);
        check_next_tick(&model, wheel);
    }
    muster_timer_wheel_destroy(wheel);
    return 0;
}
