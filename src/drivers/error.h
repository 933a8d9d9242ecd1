// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Why the operating system or a foreign library refused: a status says that it did, this says
/// what it said. Every driver that opens something fills one in when it fails.

/// What was refused and why.
struct driver_error {
    /// The errno value, so that a caller may tell a port in use (EADDRINUSE) from a name that
    /// does not exist (ENOENT). 0 where there is none.
    int code;

    /// One line for a person: what was tried, on what, and the reason.
    char text[1024];
};

/// Writes an error: the formatted text, followed by the system's words for `code` if that is not
/// 0. Text that does not fit is cut.
/// @param error  may be NULL, for a caller that does not want to know
__attribute__((format(printf, 3, 4))) void driver_error_write(
    struct driver_error *error, int code, const char *format, ...);
