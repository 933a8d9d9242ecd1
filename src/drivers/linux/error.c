// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // strerrordesc_np()

#include "drivers/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void driver_error_write(struct driver_error *error, int code, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);

    if (code != 0 && length >= 0 && (size_t)length < sizeof error->text) {
        // Not strerror(), whose text is shared between threads.
        const char *reason = strerrordesc_np(code);
        const size_t room = sizeof error->text - (size_t)length;
        if (reason != NULL) {
            (void)snprintf(error->text + length, room, ": %s", reason);
        } else {
            (void)snprintf(error->text + length, room, ": error %d", code);
        }
    }
}
