// SPDX-License-Identifier: Apache-2.0

// A module for the test of module_open().

__attribute__((visibility("default"))) int module_sample_answer(void);

int module_sample_answer(void)
{
    return 42;
}
