// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Skirmish: teams, camps and loose things in an open world of 4 km x 4 km. docs/games/skirmish.md
/// has the rules in words.
///
/// Everything a function needs to know of the world is in struct state: made anew for each call
/// into the game, with every column at hand. All of it belongs to the host.

#include "muster/game.h"
#include "muster/space_api.h"

#define TICK_RATE_HZ 60u

/// Teams 1 to 4 are of players; the camps are a team of their own.
#define TEAM_COUNT_MAX 4u
#define TEAM_CAMP      5u

#define PLAYER_COUNT_MAX   2048u
#define CAMP_COUNT_MAX     64u
#define CAMP_SIZE          6u
#define CAMP_GUEST_COUNT   8u
#define PICKUP_COUNT       120u
#define BODIES_COUNT_MAX   12000u
#define BULLET_COUNT_MAX   2048u
#define GRENADE_COUNT_MAX  256u
#define CHAT_BYTES_MAX     200u
#define LAND_BYTES         5u
#define WORLD_HALF_SIDE_M  2000.0f
#define BATTLE_HALF_SIDE_M 100.0f
#define FIGHTER_RADIUS_M   0.5f
#define FIGHTER_MASS_KG    80.0f
#define LOOSE_MASS_KG      12.0f
#define HEALTH_MAX         100u
#define AMMO_MAX           30u
#define RESERVE_MAX        120u
#define GRENADES_MAX       3u
#define STAMINA_MAX        100u

/// Options, in the order of the game's table.
enum option { OPTION_BODIES, OPTION_SCENE, OPTION_CAMPS, OPTION_TEAMS };

/// Where players and loose bodies begin.
enum scene_kind {
    SCENE_MIXED,  // one in five in the battle square, the others all over the world
    SCENE_BATTLE, // all in the battle square
    SCENE_SPREAD, // all over the world
};

/// Kinds of entities.
enum kind {
    KIND_FIGHTER = 1, // a player's
    KIND_GUARD = 2,   // of a camp, nobody's
    KIND_BULLET = 3,
    KIND_GRENADE = 4,
    KIND_BLAST = 5, // an explosion, for a moment
    KIND_PICKUP = 6,
    KIND_LOOSE = 7, // a ball or a crate that whoever walks into it pushes along
};

/// Categories of bodies and boxes.
enum category {
    CATEGORY_STATIC = 1,
    CATEGORY_FIGHTER = 2, // guards too
    CATEGORY_LOOSE = 4,
    CATEGORY_BULLET = 8,
    CATEGORY_GRENADE = 16,
    CATEGORY_BLAST = 32,
};

/// The game's columns by entity.
enum column {
    COLUMN_HEADING = MUSTER_COLUMN_GAME,
    COLUMN_PITCH,
    COLUMN_HEALTH,
    COLUMN_ARMOUR,
    COLUMN_LOOK, // enum look
    COLUMN_AMMO,
    COLUMN_RESERVE,
    COLUMN_GRENADES,
    COLUMN_STAMINA,
    COLUMN_NUMBER, // player index + 1; of a guard its number + 1; of a pick-up its number
    COLUMN_SCORE,
    COLUMN_MARKER, // where this fighter has hit an enemy last
    COLUMN_DUE, // the low 32 bits of the tick at which a bullet, grenade, blast or pick-up is due
    COLUMN_END,
};

/// What an entity looks like: of fighters what they do, of pick-ups what they give.
enum look {
    LOOK_STANDING = 0,
    LOOK_WALKING = 1,
    LOOK_SPRINTING = 2,
    LOOK_RELOADING = 3,
    LOOK_DEAD = 4,
    LOOK_HEALTH = 5,
    LOOK_AMMO = 6,
    LOOK_ARMOUR = 7,
    LOOK_TAKEN = 8,
    LOOK_MAX = 8,
};

/// The game's columns by player.
enum player_column {
    PLAYER_COLUMN_WAY,   // F32 x 2: heading, and speed in [0, 1] of full walking speed
    PLAYER_COLUMN_TIMES, // U64 by enum when
    PLAYER_COLUMN_FLAGS, // U8, bits of enum flag
    PLAYER_COLUMN_COUNT,
};

/// Ticks that are remembered for each player.
enum when {
    WHEN_MOVED,    // last on the way somewhere
    WHEN_AIMED,    // last aimed: heading and pitch are then not those of the way
    WHEN_FOUGHT,   // last fired, hit or was hit
    WHEN_TRADED,   // last traded
    WHEN_READY,    // may fire again
    WHEN_RELOADED, // the magazine will be full, 0 if it is not being filled
    WHEN_RESPAWN,  // comes back, 0 while alive
    WHEN_STEADY,   // can walk again after being thrown over
    WHEN_COUNT = 8,
};

/// Bits of a player's flags.
enum flag {
    FLAG_SPRINT = 1,       // wants to sprint
    FLAG_BESIDE_PARTY = 2, // wants to come back near its party
    FLAG_TIRED = 4,        // has no breath left, and must get some back first
    FLAG_RUNNING = 8,      // sprints in this tick
};

/// What a guard is at.
enum mood {
    MOOD_PATROL,
    MOOD_CHASE,
    MOOD_SHOOT,
    MOOD_FLEE,
    MOOD_DEAD,
    MOOD_COUNT,
};

/// What a guard has in mind.
struct guard {
    uint64_t mood_tick;  // in which the mood began
    uint64_t seen_tick;  // in which the target was seen last
    uint64_t hurt_tick;  // in which it was hit last
    uint64_t ready_tick; // may fire again
    uint64_t steady_tick;
    uint64_t pause_tick; // stands until then
    uint64_t check_tick; // looks then whether it has come anywhere
    uint64_t detour_tick;
    uint64_t leg_tick; // in which it set out for the goal
    float goal[2];     // where it is going
    float check_at[2]; // where it was when it looked last
    float detour_heading;
    float speed_mps;
    uint32_t slot;         // its entity, MUSTER_NONE while dead
    uint32_t target;       // player index, MUSTER_NONE for nobody
    uint16_t mood;         // enum mood
    uint16_t detour_count; // in a row
    uint32_t unused;
};

/// A place with guards.
struct camp {
    uint64_t awake_tick; // players were near at that tick
    float at[2];
    uint32_t guest_count;
    uint32_t guests[CAMP_GUEST_COUNT]; // player indices that were near then
    uint32_t unused;
};

/// The blob.
struct memory {
    uint32_t team_sizes[TEAM_COUNT_MAX + 1];
    uint32_t camp_count;
    uint32_t bullet_count;
    uint32_t grenade_count;
    uint32_t land; // land_of()
    uint32_t unused;
    struct camp camps[CAMP_COUNT_MAX];
    struct guard guards[CAMP_COUNT_MAX * CAMP_SIZE];
};

/// The world as the game sees it during one call.
struct state {
    const muster_host *host;
    muster_world *world;
    uint64_t tick;
    struct memory *memory;

    // By slot.
    const uint16_t *kind;
    uint16_t *team;
    uint32_t *owner;
    muster_vec3 *position;
    muster_vec3 *velocity;
    float *heading, *pitch;
    uint8_t *health, *armour, *look, *ammo, *reserve, *grenades, *stamina;
    uint16_t *number, *score;
    float (*marker)[2];
    uint32_t *due;

    // By player.
    float (*way)[2];
    uint64_t (*times)[WHEN_COUNT];
    uint8_t *flags;
};

/// Purposes of random numbers.
enum purpose {
    PURPOSE_GROUND = 1,
    PURPOSE_BOX,
    PURPOSE_PLACE,
    PURPOSE_CAMP,
    PURPOSE_PICKUP,
    PURPOSE_LOOSE,
    PURPOSE_PATROL,
    PURPOSE_DETOUR,
    PURPOSE_AIM,
    PURPOSE_STRAFE,
    PURPOSE_LAND,
};

/// Sees the world.
struct state state_of(const muster_host *host, muster_world *world);

/// A random number in [min, max) for a use.
float state_random(const struct state *state,
    uint64_t who,
    enum purpose purpose,
    uint32_t index,
    float min,
    float max);

/// Whether an entity is a fighter or guard that lives and stands in the world.
bool state_is_fighting(const struct state *state, uint32_t slot);

/// Whether nothing solid is between two points.
bool state_is_clear(const struct state *state, muster_vec3 from, muster_vec3 to);

/// Whether what an entity waits for has come.
static inline bool state_is_due(const struct state *state, uint32_t slot)
{
    return (int32_t)((uint32_t)state->tick - state->due[slot]) >= 0;
}

static inline float distance_flat(muster_vec3 a, muster_vec3 b)
{
    const muster_vec3 way = {a.x - b.x, a.y - b.y, 0.0f};
    return muster_vec3_length(way);
}

// land.c: what relief and boxes follow from.

/// What a number is drawn for.
struct land_use {
    enum purpose purpose;
    uint32_t x, y;
    uint32_t index;
};

/// The number of a world's land; when the world is built and started alone.
uint32_t land_of(const muster_host *host, const muster_world *world);

/// A number in [min, max) of a land.
float land_draw(uint32_t land, struct land_use use, float min, float max);

/// Tells a player what its page needs to make the same land.
void land_tell(const struct state *state, uint32_t player_index);

// ground.c: the relief.

/// Builds terrain and boxes.
void ground_build(const muster_host *host, muster_world *world);

/// The height of a land's relief, in metres.
float ground_height_m(uint32_t land, float x, float y);

// town.c: houses, walls and crates.

void town_build(const muster_host *host, muster_world *world);

// place.c: where things begin.

/// The middle of the battle square.
muster_vec3 place_battle(void);

/// The base or outpost of a team that is nearer to a point.
muster_vec3 place_base(uint32_t team, muster_vec3 near);

/// Where the number-th of many begins in a scene.
muster_vec3 place_start(const struct state *state, uint64_t who, uint32_t number, float radius_m);

/// A place around a point, free of boxes if possible, as high as something of that radius lies.
muster_vec3 place_near(
    const struct state *state, uint64_t who, muster_vec3 centre, float spread_m, float radius_m);

// fighter.c: players and what they do.

void fighter_join(const muster_host *host, muster_world *world, uint32_t player_index);
void fighter_leave(const muster_host *host, muster_world *world, uint32_t player_index);
void fighter_act(const muster_host *host, muster_world *world, const muster_action *action);
void fighter_walk(const muster_host *host, muster_world *world, uint32_t player_index);
void fighter_breathe(const muster_host *host, muster_world *world, uint32_t player_index);

/// Puts a player's fighter into the world, or tries again later.
/// @return false if the world is full
bool fighter_spawn(const struct state *state, uint32_t player_index);

/// Gives a fighter all that it begins with.
void fighter_equip(const struct state *state, uint32_t slot);

/// The entity of somebody else of a player's party, one that lives if there is one, MUSTER_NONE if
/// there is nobody.
uint32_t fighter_party_mate(const struct state *state, uint32_t player_index);

/// Gives a fighter or guard a body where it is.
void fighter_add_body(const struct state *state, uint32_t slot);

/// Makes a body walk: sets its velocity along the ground and leaves falling alone.
void fighter_set_pace(const struct state *state, uint32_t slot, float heading, float speed_mps);

// weapon.c: shots and what they hit.

void weapon_fire(const struct state *state, uint32_t player_index);
void weapon_reload(const struct state *state, uint32_t player_index);
void weapon_finish_reload(const struct state *state, uint32_t player_index);

/// Sends a bullet from a slot's middle along a heading and pitch.
/// @return false if there are too many
bool weapon_shoot(const struct state *state, uint32_t slot, float heading, float pitch);

void weapon_impacts(const muster_host *host, muster_world *world, uint32_t index);
void weapon_expire(const muster_host *host, muster_world *world, uint32_t slot);

// blast.c: grenades and explosions.

void blast_throw(const struct state *state, uint32_t player_index);
void blast_fuse(const muster_host *host, muster_world *world, uint32_t slot);
void blast_fade(const muster_host *host, muster_world *world, uint32_t slot);

/// Damages and pushes what is near and not behind cover.
/// @param owner  player index + 1 of who did it, or 0
void blast_at(const struct state *state, muster_vec3 centre, uint32_t owner, uint32_t team);

// harm.c: damage, death and coming back.

/// Hurts a fighter or guard of another team.
/// @param owner  player index + 1 of who did it, or 0
/// @return false if it took no harm
bool harm(const struct state *state, uint32_t slot, uint32_t damage, uint32_t owner, uint32_t team);

void harm_respawn(const muster_host *host, muster_world *world, uint32_t player_index);

/// Adds to a fighter's score.
void harm_reward(const struct state *state, uint32_t player_index, uint32_t points);

// pickup.c: things to take, and trade.

void pickup_start(const struct state *state);
void pickup_offer(const muster_host *host, muster_world *world, uint32_t slot);

/// Buys something at a base.
void pickup_trade(const struct state *state, uint32_t player_index, enum look what);

// loose.c: things that lie about.

void loose_start(const struct state *state);

// camp.c: camps and who is near them.

/// Where a camp of a land lies; the height is that of the relief.
muster_vec3 camp_centre(uint32_t land, uint32_t camp);

void camp_start(const struct state *state);
void camp_notice(const muster_host *host, muster_world *world, uint32_t player_index);
void camp_keep(const muster_host *host, muster_world *world, uint32_t index);
/// Nobody has a player in mind any more.
void camp_forget(const struct state *state, uint32_t player_index);

bool camp_is_awake(const struct state *state, uint32_t camp);

/// Puts a guard into the world at its camp.
void camp_place_guard(const struct state *state, uint32_t guard);

// guard.c: what guards decide.

void guard_think_near(const muster_host *host, muster_world *world, uint32_t slot);
void guard_think_far(const muster_host *host, muster_world *world, uint32_t slot);

/// A guard was hit.
/// @param owner  player index + 1 of who did it, or 0
void guard_hurt(const struct state *state, uint32_t slot, uint32_t owner);

/// Chooses a goal near the camp.
void guard_wander(const struct state *state, struct guard *guard);

/// Changes the mood.
void guard_set_mood(const struct state *state, struct guard *guard, enum mood mood);

// stride.c: how guards get where they want.

void stride_walk(const muster_host *host, muster_world *world, uint32_t slot);

// chat.c: what players say.

void chat_receive(const muster_host *host, muster_world *world, const muster_message *message);

/// Tells two players that one has beaten the other.
void chat_tell_kill(const struct state *state, uint32_t killer_owner, uint32_t victim_owner);

// activity.c: what players are at.

void activity_follow(const muster_host *host, muster_world *world, uint32_t player_index);

/// Actions and messages, in the order of the game's tables.
enum action {
    ACTION_MOVE,
    ACTION_AIM,
    ACTION_FIRE,
    ACTION_THROW,
    ACTION_RELOAD,
    ACTION_TRADE,
    ACTION_RESPAWN,
};

enum message {
    MESSAGE_SAY,
    MESSAGE_SAY_TEAM,
    MESSAGE_HEARD,
    MESSAGE_BEATEN,
    MESSAGE_LAND,
    MESSAGE_NOTICE,
    MESSAGE_WHO,
    MESSAGE_NAMED,
};

/// Materials of the space.
enum material { MATERIAL_GROUND, MATERIAL_FIGHTER, MATERIAL_LOOSE, MATERIAL_BULLET };
