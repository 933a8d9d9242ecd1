// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a client must know to read replicated entities: the fields with their types, channels and
/// visibilities. The server makes a schema from the game's declarations, sends it once at join as
/// bytes, and both ends derive everything else from it.
///
///     muster_replica_schema schema = muster_replica_default_schema();
///     status = muster_replica_schema_add(&schema, &field_def, MUSTER_STATE_F32, 3);
///
/// - Memory: a plain struct of about 2 KiB; copied by value.
/// - Threads: pure functions.
/// - Format: `docs/protocol/replication.md`.

#include "muster/base.h"
#include "muster/schema.h"
#include "muster/state.h"

/// Room for a field's name with its closing zero.
#define MUSTER_REPLICA_NAME_BYTES 32

/// The most numbers in one element of a field.
#define MUSTER_REPLICA_LANE_COUNT_MAX 4

/// The most integers that stand for one entity: one a lane, two a lane of a POSITION.
#define MUSTER_REPLICA_VALUE_COUNT_MAX 64

/// The most different pairs of channel and visibility in one schema; each makes a section, which
/// is encoded by itself.
#define MUSTER_REPLICA_SECTION_COUNT_MAX 10

/// The most entities that one client can know at once.
#define MUSTER_REPLICA_KNOWN_COUNT_MAX 4096

/// Bytes that hold every encoded schema.
#define MUSTER_REPLICA_SCHEMA_BYTES_MAX 2048

/// One replicated field, as both ends see it.
typedef struct muster_replica_field {
    /// Unique within the schema, not empty.
    char name[MUSTER_REPLICA_NAME_BYTES];

    /// What the column holds: U8, U16 or U32 for UINT, F32 for the others.
    muster_state_type type;

    /// Numbers in an element, in [1, MUSTER_REPLICA_LANE_COUNT_MAX].
    uint32_t lane_count;

    /// How numbers become integers.
    muster_field_encoding encoding;

    /// As in muster_field_def. At most 2^24 steps of `precision` lie between them, for UINT 2^32.
    float min, max;

    /// As in muster_field_def. An ANGLE has between 2 and 65,536 steps in a full turn.
    float precision;

    /// Which channel carries it.
    muster_channel channel;

    /// Who may see it.
    muster_visibility visibility;
} muster_replica_field;

/// All fields, and what else the format depends on.
typedef struct muster_replica_schema {
    /// Ticks a second, in [1, 240]. Default 60.
    uint32_t tick_rate_hz;

    /// Entities that one client knows at most, in [1, MUSTER_REPLICA_KNOWN_COUNT_MAX]; when more
    /// are near, the nearest are known. Default 1024.
    uint32_t known_count_max;

    /// Rates do not rise from one channel to the next, and radii do not fall. Defaults as
    /// muster_channel_defaults().
    muster_channel_def channels[MUSTER_CHANNEL_COUNT];

    /// Fields in use, at least 1 for a valid schema. Default 0.
    uint32_t field_count;

    /// The fields.
    muster_replica_field fields[MUSTER_FIELD_COUNT_MAX];
} muster_replica_schema;

/// A schema without fields and everything else at its default.
MUSTER_API muster_replica_schema muster_replica_default_schema(void);

/// Appends a game's field.
/// @param type        the type of the column that the field reads
/// @param lane_count  the numbers in an element of that column
/// @return MUSTER_ERR_FULL if there are MUSTER_FIELD_COUNT_MAX fields, MUSTER_ERR_INVALID if the
///         name is empty or too long; ranges are looked at by muster_replica_schema_check()
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_schema_add(muster_replica_schema *schema,
    const muster_field_def *field,
    muster_state_type type,
    uint32_t lane_count);

/// Whether both ends can work with a schema.
/// @return MUSTER_ERR_INVALID if a value is out of its documented range
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_schema_check(
    const muster_replica_schema *schema);

/// Writes a valid schema as bytes.
/// @param out_length  set to the bytes written, 0 on failure
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_FULL if `capacity` is too small;
///         MUSTER_REPLICA_SCHEMA_BYTES_MAX always suffices
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_schema_encode(
    const muster_replica_schema *schema, uint8_t *bytes, size_t capacity, size_t *out_length);

/// Reads a schema from bytes, which may come from anybody.
/// @param out_schema  set to the schema, or to one without fields on failure
/// @return MUSTER_ERR_MALFORMED, MUSTER_ERR_VERSION for another version of the format
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_schema_decode(
    const uint8_t *bytes, size_t length, muster_replica_schema *out_schema);
