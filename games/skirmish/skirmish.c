// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// The game's tables.

static void start(const muster_host *host, muster_world *world)
{
    const struct state state = state_of(host, world);
    state.memory->land = land_of(host, world);
    camp_start(&state);
    pickup_start(&state);
    loose_start(&state);
}

static const muster_option_def options[] = {
    [OPTION_BODIES] = {"bodies", .min = 0, .max = BODIES_COUNT_MAX, .fallback = 1000},
    [OPTION_SCENE] = {"scene", .min = SCENE_MIXED, .max = SCENE_SPREAD, .fallback = SCENE_MIXED},
    [OPTION_CAMPS] = {"camps", .min = 0, .max = CAMP_COUNT_MAX, .fallback = 24},
    [OPTION_TEAMS] = {"teams", .min = 2, .max = TEAM_COUNT_MAX, .fallback = TEAM_COUNT_MAX},
};

#define COLUMN(index, name_, type_, lanes)                                                         \
    [(index)-MUSTER_COLUMN_GAME] = {.name = (name_), .type = (type_), .lane_count = (lanes)}

static const muster_column_def columns[] = {
    COLUMN(COLUMN_HEADING, "heading", MUSTER_STATE_F32, 1),
    COLUMN(COLUMN_PITCH, "pitch", MUSTER_STATE_F32, 1),
    COLUMN(COLUMN_HEALTH, "health", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_ARMOUR, "armour", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_LOOK, "look", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_AMMO, "ammo", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_RESERVE, "reserve", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_GRENADES, "grenades", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_STAMINA, "stamina", MUSTER_STATE_U8, 1),
    COLUMN(COLUMN_NUMBER, "number", MUSTER_STATE_U16, 1),
    COLUMN(COLUMN_SCORE, "score", MUSTER_STATE_U16, 1),
    COLUMN(COLUMN_MARKER, "marker", MUSTER_STATE_F32, 2),
    COLUMN(COLUMN_DUE, "due", MUSTER_STATE_U32, 1),
};
_Static_assert(sizeof columns / sizeof columns[0] == COLUMN_END - MUSTER_COLUMN_GAME,
    "every column has its row");

static const muster_column_def player_columns[PLAYER_COLUMN_COUNT] = {
    [PLAYER_COLUMN_WAY] = {"way", MUSTER_STATE_F32, 2},
    [PLAYER_COLUMN_TIMES] = {"times", MUSTER_STATE_U64, WHEN_COUNT},
    [PLAYER_COLUMN_FLAGS] = {"flags", MUSTER_STATE_U8, 1},
};

static const muster_field_def fields[] = {
    {"position", MUSTER_COLUMN_POSITION, MUSTER_FIELD_POSITION, -2048.0f, 2048.0f, 0.01f,
        MUSTER_CHANNEL_CRITICAL, MUSTER_VISIBLE_EVERYONE},
    {"health", COLUMN_HEALTH, MUSTER_FIELD_UINT, 0.0f, HEALTH_MAX, 1.0f, MUSTER_CHANNEL_CRITICAL,
        MUSTER_VISIBLE_EVERYONE},
    {"velocity", MUSTER_COLUMN_VELOCITY, MUSTER_FIELD_FLOAT, -128.0f, 128.0f, 0.25f,
        MUSTER_CHANNEL_DETAILED, MUSTER_VISIBLE_EVERYONE},
    {"heading", COLUMN_HEADING, MUSTER_FIELD_ANGLE, 0.0f, 0.0f, 0.025f, MUSTER_CHANNEL_DETAILED,
        MUSTER_VISIBLE_EVERYONE},
    {"pitch", COLUMN_PITCH, MUSTER_FIELD_ANGLE, 0.0f, 0.0f, 0.05f, MUSTER_CHANNEL_DETAILED,
        MUSTER_VISIBLE_EVERYONE},
    {"look", COLUMN_LOOK, MUSTER_FIELD_UINT, 0.0f, LOOK_MAX, 1.0f, MUSTER_CHANNEL_COSMETIC,
        MUSTER_VISIBLE_EVERYONE},
    {"armour", COLUMN_ARMOUR, MUSTER_FIELD_UINT, 0.0f, 100.0f, 1.0f, MUSTER_CHANNEL_COSMETIC,
        MUSTER_VISIBLE_EVERYONE},
    {"team", MUSTER_COLUMN_TEAM, MUSTER_FIELD_UINT, 0.0f, TEAM_CAMP, 1.0f, MUSTER_CHANNEL_COSMETIC,
        MUSTER_VISIBLE_EVERYONE},
    {"number", COLUMN_NUMBER, MUSTER_FIELD_UINT, 0.0f, 4095.0f, 1.0f, MUSTER_CHANNEL_METADATA,
        MUSTER_VISIBLE_EVERYONE},
    {"score", COLUMN_SCORE, MUSTER_FIELD_UINT, 0.0f, 65535.0f, 1.0f, MUSTER_CHANNEL_METADATA,
        MUSTER_VISIBLE_EVERYONE},
    {"ammo", COLUMN_AMMO, MUSTER_FIELD_UINT, 0.0f, AMMO_MAX, 1.0f, MUSTER_CHANNEL_DETAILED,
        MUSTER_VISIBLE_OWNER},
    {"reserve", COLUMN_RESERVE, MUSTER_FIELD_UINT, 0.0f, RESERVE_MAX, 1.0f, MUSTER_CHANNEL_COSMETIC,
        MUSTER_VISIBLE_OWNER},
    {"grenades", COLUMN_GRENADES, MUSTER_FIELD_UINT, 0.0f, GRENADES_MAX, 1.0f,
        MUSTER_CHANNEL_COSMETIC, MUSTER_VISIBLE_OWNER},
    {"stamina", COLUMN_STAMINA, MUSTER_FIELD_UINT, 0.0f, STAMINA_MAX, 1.0f, MUSTER_CHANNEL_COSMETIC,
        MUSTER_VISIBLE_OWNER},
    {"marker", COLUMN_MARKER, MUSTER_FIELD_FLOAT, -2048.0f, 2048.0f, 1.0f, MUSTER_CHANNEL_METADATA,
        MUSTER_VISIBLE_TEAM},
};

static const muster_param_def move_params[] = {
    {"heading", .is_real = true, .min = -3.15f, .max = 3.15f, .precision = 0.01f},
    {"speed", .is_real = false, .min = 0.0f, .max = 4.0f, .precision = 1.0f},
    {"sprint", .is_real = false, .min = 0.0f, .max = 1.0f, .precision = 1.0f},
};
static const muster_param_def aim_params[] = {
    {"heading", .is_real = true, .min = -3.15f, .max = 3.15f, .precision = 0.002f},
    {"pitch", .is_real = true, .min = -1.5f, .max = 1.5f, .precision = 0.002f},
};
static const muster_param_def trade_params[] = {
    {"what", .is_real = false, .min = 0.0f, .max = 2.0f, .precision = 1.0f},
};
static const muster_param_def respawn_params[] = {
    {"beside_party", .is_real = false, .min = 0.0f, .max = 1.0f, .precision = 1.0f},
};

// Rates leave room for what a bad network bunches together.
static const muster_action_def actions[] = {
    [ACTION_MOVE] = {"move", move_params, 3, .rate_hz_max = 75},
    [ACTION_AIM] = {"aim", aim_params, 2, .rate_hz_max = 75},
    [ACTION_FIRE] = {"fire", .rate_hz_max = 20},
    [ACTION_THROW] = {"throw", .rate_hz_max = 5},
    [ACTION_RELOAD] = {"reload", .rate_hz_max = 5},
    [ACTION_TRADE] = {"trade", trade_params, 1, .rate_hz_max = 5},
    [ACTION_RESPAWN] = {"respawn", respawn_params, 1, .rate_hz_max = 5},
};

static const muster_message_def messages[] = {
    [MESSAGE_SAY] = {"say", CHAT_BYTES_MAX, true, .is_from_players = true, .rate_hz_max = 2},
    [MESSAGE_SAY_TEAM] = {"say_team", CHAT_BYTES_MAX, true, .is_from_players = true,
        .rate_hz_max = 2},
    [MESSAGE_HEARD] = {"heard", CHAT_BYTES_MAX + 3, true, .is_from_players = false},
    [MESSAGE_BEATEN] = {"beaten", 4, true, .is_from_players = false},
    [MESSAGE_LAND] = {"land", LAND_BYTES, true, .is_from_players = false},
    [MESSAGE_NOTICE] = {"notice", CHAT_BYTES_MAX, true, .is_from_players = false},
    [MESSAGE_WHO] = {"who", 2, true, .is_from_players = true, .rate_hz_max = 20},
    [MESSAGE_NAMED] = {"named", 2 + MUSTER_PLAYER_NAME_BYTES, true, .is_from_players = false},
};

// What is small or short-lived is not seen from far away.
static const muster_kind_def kinds[] = {
    [0] = {.name = "nothing"},
    [KIND_FIGHTER] = {.name = "fighter"},
    [KIND_GUARD] = {.name = "guard"},
    [KIND_BULLET] = {.name = "bullet", .reach_m = 150.0f},
    [KIND_GRENADE] = {.name = "grenade", .reach_m = 100.0f},
    [KIND_BLAST] = {.name = "blast", .reach_m = 300.0f},
    [KIND_PICKUP] = {.name = "pickup", .reach_m = 150.0f},
    [KIND_LOOSE] = {.name = "loose", .reach_m = 100.0f},
};

#define EACH_PLAYER MUSTER_TASK_EACH_PLAYER, 0
#define EACH(kind_) MUSTER_TASK_EACH_ENTITY, (kind_)
#define ONCE        MUSTER_TASK_ONCE, 0

// Name, class, over what, period in ticks, estimate in ns, deadline in ticks, function.
static const muster_task_def tasks[] = {
    {"walk", MUSTER_TASK_CRITICAL, EACH_PLAYER, 1, 200, 1, fighter_walk},
    {"stride", MUSTER_TASK_CRITICAL, EACH(KIND_GUARD), 1, 200, 1, stride_walk},
    {"respawn", MUSTER_TASK_PLAYER, EACH_PLAYER, 6, 200, 6, harm_respawn},
    {"breathe", MUSTER_TASK_PLAYER, EACH_PLAYER, 6, 150, 6, fighter_breathe},
    {"impacts", MUSTER_TASK_WORLD, ONCE, 1, 20000, 1, weapon_impacts},
    {"fuse", MUSTER_TASK_WORLD, EACH(KIND_GRENADE), 1, 500, 2, blast_fuse},
    {"think_near", MUSTER_TASK_WORLD, EACH(KIND_GUARD), 6, 1500, 12, guard_think_near},
    {"pickups", MUSTER_TASK_WORLD, EACH(KIND_PICKUP), 10, 800, 10, pickup_offer},
    {"expire", MUSTER_TASK_WORLD, EACH(KIND_BULLET), 6, 150, 6, weapon_expire},
    {"fade", MUSTER_TASK_WORLD, EACH(KIND_BLAST), 5, 150, 10, blast_fade},
    {"notice", MUSTER_TASK_AMBIENT, EACH_PLAYER, 30, 400, 30, camp_notice},
    {"think_far", MUSTER_TASK_AMBIENT, EACH(KIND_GUARD), 60, 1500, 120, guard_think_far},
    {"camps", MUSTER_TASK_AMBIENT, ONCE, 30, 10000, 60, camp_keep},
    {"activity", MUSTER_TASK_BACKGROUND, EACH_PLAYER, 30, 150, 120, activity_follow},
};

const muster_game *muster_game_module(void)
{
    static const muster_game game = {
        .abi = MUSTER_GAME_ABI,
        .rules_version = 2,
        .name = "skirmish",
        .tick_rate_hz = TICK_RATE_HZ,
        .has_physics = true,
        .limits =
            {
                .player_count_max = PLAYER_COUNT_MAX,
                .entity_count_max = 16384,
                .box_count_max = 1024,
                .blob_bytes = sizeof(struct memory),
            },
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .player_columns = player_columns,
        .player_column_count = PLAYER_COLUMN_COUNT,
        .kinds = kinds,
        .kind_count = sizeof kinds / sizeof kinds[0],
        .fields = fields,
        .field_count = sizeof fields / sizeof fields[0],
        .actions = actions,
        .action_count = sizeof actions / sizeof actions[0],
        .messages = messages,
        .message_count = sizeof messages / sizeof messages[0],
        .tasks = tasks,
        .task_count = sizeof tasks / sizeof tasks[0],
        .build = ground_build,
        .start = start,
        .join = fighter_join,
        .leave = fighter_leave,
        .act = fighter_act,
        .receive = chat_receive,
    };
    return &game;
}
