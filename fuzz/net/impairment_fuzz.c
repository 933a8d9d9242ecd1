// SPDX-License-Identifier: Apache-2.0

// Reads the input as rules and as a trace. What is accepted must make a model; what is refused
// must say why, in one line.

#include "muster/impairment.h"

#include "core/assert.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TEXT_BYTES_MAX  4096u
#define POINT_COUNT_MAX 64u

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_error(muster_status status, const char *error)
{
    MUSTER_ASSERT(memchr(error, '\0', MUSTER_IMPAIRMENT_ERROR_BYTES) != NULL);
    MUSTER_ASSERT((status == MUSTER_OK) == (error[0] == '\0'));
    MUSTER_ASSERT(strchr(error, '\n') == NULL);
}

static void try_model(const muster_impairment_rules *rules)
{
    muster_impairment_def def = muster_impairment_default_def();
    def.packet_count = 4;
    def.rules = *rules;
    muster_impairment *model;
    const muster_status status = muster_impairment_create(&def, &model);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint64_t i = 0; i < 8; i++) {
        const muster_status pushed = muster_impairment_push(model, i * 1000000, 0, NULL, 0);
        MUSTER_ASSERT(pushed == MUSTER_OK || pushed == MUSTER_ERR_FULL);
    }
    for (muster_impairment_packet packet; muster_impairment_pop(model, UINT64_MAX, &packet);) {
        MUSTER_ASSERT(packet.link == 0 && packet.length == 0);
    }
    muster_impairment_destroy(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static char text[TEXT_BYTES_MAX + 1];
    length = length < TEXT_BYTES_MAX ? length : TEXT_BYTES_MAX;
    memcpy(text, bytes, length);
    text[length] = '\0';

    muster_impairment_rules rules;
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    muster_status status = muster_impairment_parse(text, &rules, error);
    check_error(status, error);
    try_model(&rules);

    muster_impairment_trace_point points[POINT_COUNT_MAX];
    rules = (muster_impairment_rules){0};
    status = muster_impairment_parse_trace(
        (const char *)bytes, length, points, POINT_COUNT_MAX, &rules, error);
    check_error(status, error);
    MUSTER_ASSERT(status == MUSTER_OK || rules.trace == NULL);
    try_model(&rules);
    return 0;
}
