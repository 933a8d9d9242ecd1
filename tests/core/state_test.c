// SPDX-License-Identifier: Apache-2.0
#include "muster/state.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_element_is_its_lanes_times_their_type(void **state)
{
    (void)state;
    const muster_state_block vector = {.lane_count = 3, .type = MUSTER_STATE_F32};
    const muster_state_block id = {.lane_count = 1, .type = MUSTER_STATE_U64};
    assert_int_equal(muster_state_element_bytes(&vector), 12);
    assert_int_equal(muster_state_element_bytes(&id), 8);
    assert_int_equal(muster_state_type_bytes(MUSTER_STATE_U8), 1);
    assert_int_equal(muster_state_type_bytes(MUSTER_STATE_U16), 2);
    assert_int_equal(muster_state_type_bytes(MUSTER_STATE_I32), 4);
    assert_int_equal(muster_state_type_bytes((muster_state_type)99), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_is_its_lanes_times_their_type),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
