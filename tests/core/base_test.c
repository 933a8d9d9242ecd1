// SPDX-License-Identifier: Apache-2.0
#include "muster/base.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int status = MUSTER_ERR_TIMED_OUT; status <= MUSTER_OK; status++) {
        assert_string_not_equal(muster_status_name((muster_status)status), "MUSTER_UNKNOWN");
    }
    assert_string_equal(
        muster_status_name((muster_status)(MUSTER_ERR_TIMED_OUT - 1)), "MUSTER_UNKNOWN");
    assert_string_equal(muster_status_name((muster_status)1), "MUSTER_UNKNOWN");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
