// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Client driver: asks a server's HTTP side for a connect token, and moves the packets of a
/// muster_client over UDP. docs/client.md shows a program on it.
///
///     status = muster_client_login_ask(&login, &ticket, &error); // waits
///     status = muster_client_driver_create(&def, &driver, &error);
///     status = muster_client_driver_connect(driver, ticket.token);
///     client = muster_client_driver_client(driver);
///     each frame:
///         if (muster_client_driver_update(driver) < MUSTER_CLIENT_IDLE) { ... _failure() ... }
///         ... act, and draw what muster_client_view(client) holds ...
///     muster_client_driver_leave(driver);
///     muster_client_driver_destroy(driver);
///
/// - Waiting: only muster_client_login_ask(), muster_client_driver_run() and
///   muster_client_driver_leave() wait, each as long as it says.
/// - Memory: a driver takes about 3 KiB beside its client, at creation, and nothing afterwards. A
///   call takes 6 KiB of stack. A login takes 16 KiB of stack, and of the C library's heap what its
///   answer needs, which it gives back.
/// - Cost: a system call for up to four packets that come, and one for those that go.
/// - Threads: a driver belongs to one thread at a time. A login may be asked for on another.
/// - Socket: one a driver, for IPv6 and IPv4. It is connected to the server that the client talks
///   to, and follows when the client tries the next server of its token. While the client resumes,
///   its packets take whatever way the machine has by then.

#include "muster/client.h"

/// A login asks for at most as many addresses of a name in turn.
#define MUSTER_CLIENT_LOGIN_ADDRESS_COUNT_MAX 8

/// The longest name of a host.
#define MUSTER_CLIENT_HOST_BYTES_MAX 255

/// Why something failed, beside the status.
typedef struct muster_client_error {
    /// The answer's status when a server refused a login, such as 401; else 0.
    uint32_t http_status;

    /// The code in a refusal of a login, as in docs/http.md, such as "unauthorized"; else empty.
    char code[32];

    /// One line for a person. Empty after success.
    char text[256];
} muster_client_error;

/// What a player is let in with. Start from muster_client_login_default_def(). The texts are read
/// during the call only.
typedef struct muster_client_login_def {
    /// The server's public HTTP side: "203.0.113.7:7777", "[2001:db8::7]:7777" or
    /// "play.example.com:7777". Without a port it is 7777. Default "127.0.0.1:7777".
    ///
    /// The login is plain HTTP: whoever sees the wire sees key and token. Over a network that is
    /// not trusted, let a back end ask beside the server, hand the token to the player over TLS,
    /// and begin with muster_client_driver_connect().
    const char *server;

    /// The server's API key, which a player's own machine must never have. NULL: the player comes
    /// as a guest. Default NULL.
    const char *api_key;

    /// What the player is called, 1 to 31 bytes of UTF-8. NULL: the server decides. Default NULL.
    const char *name;

    /// 32 hexadecimal digits; only with an API key. NULL: the server makes one. Default NULL.
    const char *player_id;

    /// The party that the player comes with, at most INT64_MAX; 0 is none. Default 0.
    uint64_t party_id;

    /// The subscription tier, 0 for the lowest. Default 0.
    uint8_t tier;

    /// How long the login may take, at least 1; the look-up of a name comes on top and takes as
    /// long as the system lets it. Default 5,000.
    uint32_t timeout_ms;
} muster_client_login_def;

/// What a login gives.
typedef struct muster_client_ticket {
    /// For muster_client_driver_connect(), once.
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];

    /// Who the player is: 32 hexadecimal digits.
    char player_id[33];

    /// Ticks a second, in [1, 240].
    uint32_t tick_rate_hz;

    /// Seconds in which the token must be used.
    uint32_t token_lifetime_s;

    /// The server's clock when it answered, and when its tick 0 began, by the same clock.
    uint64_t clock_us, tick_zero_us;
} muster_client_ticket;

/// A driver. Created and destroyed by its owner.
typedef struct muster_client_driver muster_client_driver;

/// What a driver is made from. Start from muster_client_driver_default_def().
typedef struct muster_client_driver_def {
    /// The client that it drives. Default muster_client_default_def().
    muster_client_def client;

    /// Where packets go instead of to the server, such as a relay. Default none.
    muster_address via;
} muster_client_driver_def;

/// A definition with every field at its default.
MUSTER_API muster_client_login_def muster_client_login_default_def(void);

/// Asks a server to let a player in, and waits for the answer.
/// @param out_ticket  set to the ticket, or to zeros on failure
/// @param out_error   told why, or set to zeros
/// @return MUSTER_ERR_INVALID for a definition that cannot be asked for; MUSTER_ERR_NOT_FOUND if
///         there is no host of that name; MUSTER_ERR_IO if nobody listens there, or the connection
///         broke; MUSTER_ERR_TIMED_OUT if nobody answered; MUSTER_ERR_DENIED if the server refuses,
///         and `out_error` says why; MUSTER_ERR_MALFORMED if what answers is no Muster server
MUSTER_API MUSTER_NODISCARD muster_status muster_client_login_ask(
    const muster_client_login_def *def,
    muster_client_ticket *out_ticket,
    muster_client_error *out_error);

/// A definition with every field at its default.
MUSTER_API muster_client_driver_def muster_client_driver_default_def(void);

/// Creates a driver with a client at rest and a socket.
/// @param out_driver  set to the driver, or to NULL on failure
/// @param out_error   told why, or set to zeros
/// @return as muster_client_create(), MUSTER_ERR_IO if the system gives no socket
MUSTER_API MUSTER_NODISCARD muster_status muster_client_driver_create(
    const muster_client_driver_def *def,
    muster_client_driver **out_driver,
    muster_client_error *out_error);

/// Destroys a driver and its client; the server is told nothing. Does nothing for NULL.
MUSTER_API void muster_client_driver_destroy(muster_client_driver *driver);

/// The client, as long as the driver is: to act, to look, to send messages. What it receives and
/// sends is the driver's.
MUSTER_API muster_client *muster_client_driver_client(muster_client_driver *driver);

/// Begins to join with a token from a login; what was open before is given up.
/// @return as muster_connect_token_read()
MUSTER_API MUSTER_NODISCARD muster_status muster_client_driver_connect(
    muster_client_driver *driver, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES]);

/// Receives what has come, does what is due and sends. Call it every frame, at least 10 times a
/// second. Never waits.
/// @return where the client stands; a negative state is final until the next connect
MUSTER_API muster_client_state muster_client_driver_update(muster_client_driver *driver);

/// Updates for a while, sleeping in between: for a program without frames of its own.
/// @param duration_us  how long
/// @return as muster_client_driver_update(), early if the client fails
MUSTER_API muster_client_state muster_client_driver_run(
    muster_client_driver *driver, uint32_t duration_us);

/// Leaves the world and says so, ten times within 100 ms against loss: waits that long. A program
/// that cannot wait calls muster_client_leave() and goes on with its frames.
MUSTER_API void muster_client_driver_leave(muster_client_driver *driver);

/// Why the client has failed.
/// @param out_error  told why, or set to zeros
/// @return MUSTER_ERR_DENIED if the server has closed the connection, for a reason that stands in
///         the text; MUSTER_ERR_FULL if the server has no room; MUSTER_ERR_IO if the network said
///         that nobody listens there; MUSTER_ERR_TIMED_OUT if nobody answered; MUSTER_OK if it has
///         not failed
MUSTER_API muster_status muster_client_driver_failure(
    const muster_client_driver *driver, muster_client_error *out_error);

/// The socket's file descriptor, for a program that drives many clients and waits for all of them
/// at once. Stays the same; not to be closed, read or written.
MUSTER_API int muster_client_driver_file(const muster_client_driver *driver);

/// The halves of muster_client_driver_update(), for such a program: receives when the file is
/// readable, and sends when the client's frame has come.
MUSTER_API void muster_client_driver_receive(muster_client_driver *driver);

/// As above.
/// @return where the client stands
MUSTER_API muster_client_state muster_client_driver_send(muster_client_driver *driver);
