// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Every rule that game.h states in words, once, in the order of the tables. The first one that is
// broken ends the check with a sentence that the game's author can act on.

#define STEP_COUNT_MAX 2147483648.0 // 2^31
#define WHOLE_MAX      16777216.0f  // 2^24: up to here a float holds every whole number

// Names that columns by entity may not take: those of blocks that every world has.
static const char *const taken_names[] = {
    "tick",
    "time_scale_permille",
    "player_slot_count",
    "slot_count",
    "generation",
    "alive",
    "kind",
    "team",
    "owner",
    "position",
    "velocity",
    "player",
    "blob",
};

struct check {
    const muster_game *game;
    char *reason;
};

__attribute__((format(printf, 2, 3))) static bool refuse(
    const struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->reason, MUSTER_REASON_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

// Names.

static bool is_name(const char *name)
{
    if (name == NULL || name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    size_t length = 0;
    for (; name[length] != '\0'; length++) {
        const char letter = name[length];
        const bool is_allowed =
            (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_';
        if (!is_allowed || length + 1 == MUSTER_NAME_BYTES) {
            return false;
        }
    }
    return true;
}

// Checks the name of row `index` of a table whose rows are `stride` bytes long and begin with it.
static bool check_name(
    const struct check *check, const char *table, const void *rows, size_t stride, uint32_t index)
{
    const char *name = *(const char *const *)(const void *)((const char *)rows + index * stride);
    if (!is_name(name)) {
        return refuse(check,
            "%s %u needs a name of lower case letters, digits and underscores, at most %d long",
            table, index, MUSTER_NAME_BYTES - 1);
    }
    for (uint32_t i = 0; i < index; i++) {
        const char *other = *(const char *const *)(const void *)((const char *)rows + i * stride);
        if (strcmp(name, other) == 0) {
            return refuse(check, "%s %u and %u are both named '%s'", table, i, index, name);
        }
    }
    return true;
}

static bool check_table(const struct check *check,
    const char *table,
    const void *rows,
    uint32_t count,
    uint32_t count_max)
{
    if (count > count_max) {
        return refuse(check, "there are %u rows of %s, at most %u may be", count, table, count_max);
    }
    if (count > 0 && rows == NULL) {
        return refuse(check, "there are %u rows of %s and no pointer to them", count, table);
    }
    return true;
}

// Tables.

static bool check_column(
    const struct check *check, const char *table, const muster_column_def *column)
{
    if (muster_state_type_bytes(column->type) == 0) {
        return refuse(check, "%s '%s' has a type that does not exist", table, column->name);
    }
    if (column->lane_count < 1 || column->lane_count > 16) {
        return refuse(check, "%s '%s' has %u lanes, between 1 and 16 may be", table, column->name,
            column->lane_count);
    }
    return true;
}

static bool check_columns(
    const struct check *check, const char *table, const muster_column_def *columns, uint32_t count)
{
    if (!check_table(check, table, columns, count, MUSTER_COLUMN_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!check_name(check, table, columns, sizeof *columns, i) ||
            !check_column(check, table, &columns[i])) {
            return false;
        }
    }
    return true;
}

static bool check_names_are_free(const struct check *check)
{
    const muster_game *game = check->game;
    for (uint32_t i = 0; i < game->column_count; i++) {
        const char *name = game->columns[i].name;
        bool is_taken = strncmp(name, "player_", 7) == 0 || strncmp(name, "body_", 5) == 0;
        for (size_t k = 0; k < sizeof taken_names / sizeof taken_names[0]; k++) {
            is_taken = is_taken || strcmp(name, taken_names[k]) == 0;
        }
        if (is_taken) {
            return refuse(check, "column '%s' has a name that every world uses itself", name);
        }
    }
    for (uint32_t i = 0; i < game->player_column_count; i++) {
        const char *name = game->player_columns[i].name;
        if (strcmp(name, "activity") == 0 || strcmp(name, "slot_count") == 0) {
            return refuse(
                check, "player column '%s' has a name that every world uses itself", name);
        }
    }
    return true;
}

// The type of a column by its index in host calls.
static bool find_column_type(
    const muster_game *game, uint32_t column_index, muster_state_type *out_type)
{
    switch (column_index) {
    case MUSTER_COLUMN_KIND:
    case MUSTER_COLUMN_TEAM:
        *out_type = MUSTER_STATE_U16;
        return true;
    case MUSTER_COLUMN_OWNER:
        *out_type = MUSTER_STATE_U32;
        return true;
    case MUSTER_COLUMN_POSITION:
    case MUSTER_COLUMN_VELOCITY:
        *out_type = MUSTER_STATE_F32;
        return true;
    default:
        break;
    }
    const bool is_of_game = column_index >= MUSTER_COLUMN_GAME &&
                            column_index - MUSTER_COLUMN_GAME < game->column_count;
    if (is_of_game) {
        *out_type = game->columns[column_index - MUSTER_COLUMN_GAME].type;
    }
    return is_of_game;
}

static bool is_range(float min, float max, float precision)
{
    return min >= -3.4e38f && max <= 3.4e38f && min < max && precision > 0.0f &&
           ((double)max - (double)min) / (double)precision <= STEP_COUNT_MAX;
}

static bool check_field_range(const struct check *check, const muster_field_def *field)
{
    if (field->encoding == MUSTER_FIELD_ANGLE) {
        const bool is_good = field->precision > 0.0f && field->precision <= 1.0f;
        return is_good ||
               refuse(check, "field '%s' needs a precision within 1 radian", field->name);
    }
    if (field->encoding == MUSTER_FIELD_UINT) {
        const bool is_good = field->min >= 0.0f && field->min < field->max;
        return is_good || refuse(check, "field '%s' needs 0 <= min < max", field->name);
    }
    return is_range(field->min, field->max, field->precision) ||
           refuse(check, "field '%s' needs min < max and at most 2^31 steps of its precision",
               field->name);
}

static bool check_field(const struct check *check, const muster_field_def *field)
{
    muster_state_type type;
    if (!find_column_type(check->game, field->column_index, &type)) {
        return refuse(check, "field '%s' reads column %u, which does not exist", field->name,
            field->column_index);
    }
    if ((uint32_t)field->encoding > MUSTER_FIELD_ANGLE) {
        return refuse(check, "field '%s' has an encoding that does not exist", field->name);
    }
    const bool is_whole =
        type == MUSTER_STATE_U8 || type == MUSTER_STATE_U16 || type == MUSTER_STATE_U32;
    const bool has_type =
        field->encoding == MUSTER_FIELD_UINT ? is_whole : type == MUSTER_STATE_F32;
    if (!has_type) {
        return refuse(
            check, "field '%s' has an encoding that its column's type does not allow", field->name);
    }
    if ((uint32_t)field->channel >= MUSTER_CHANNEL_COUNT) {
        return refuse(check, "field '%s' has a channel that does not exist", field->name);
    }
    if ((uint32_t)field->visibility > MUSTER_VISIBLE_RULE) {
        return refuse(check, "field '%s' has a visibility that does not exist", field->name);
    }
    return check_field_range(check, field);
}

static bool check_fields(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(check, "field", game->fields, game->field_count, MUSTER_FIELD_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->field_count; i++) {
        if (!check_name(check, "field", game->fields, sizeof game->fields[0], i) ||
            !check_field(check, &game->fields[i])) {
            return false;
        }
    }
    return true;
}

static bool is_whole(float value)
{
    return value >= -WHOLE_MAX && value <= WHOLE_MAX && value == (float)(int32_t)value;
}

static bool check_param(
    const struct check *check, const muster_action_def *action, const muster_param_def *param)
{
    if (!is_range(param->min, param->max, param->precision)) {
        return refuse(check, "parameter '%s' of action '%s' needs min < max and at most 2^31 steps",
            param->name, action->name);
    }
    const bool is_good = param->is_real ||
                         (is_whole(param->min) && is_whole(param->max) && param->precision == 1.0f);
    return is_good ||
           refuse(check, "parameter '%s' of action '%s' needs whole bounds and a precision of 1",
               param->name, action->name);
}

static bool check_action(const struct check *check, const muster_action_def *action)
{
    if (action->rate_hz_max < 1) {
        return refuse(check, "action '%s' needs a rate of at least 1 a second", action->name);
    }
    if (!check_table(
            check, "parameter", action->params, action->param_count, MUSTER_PARAM_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < action->param_count; i++) {
        if (!check_name(check, "parameter", action->params, sizeof action->params[0], i) ||
            !check_param(check, action, &action->params[i])) {
            return false;
        }
    }
    return true;
}

static bool check_actions(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(check, "action", game->actions, game->action_count, MUSTER_ACTION_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->action_count; i++) {
        if (!check_name(check, "action", game->actions, sizeof game->actions[0], i) ||
            !check_action(check, &game->actions[i])) {
            return false;
        }
    }
    return game->action_count == 0 || game->act != NULL ||
           refuse(check, "there are actions and no function act() for them");
}

static bool check_message(const struct check *check, const muster_message_def *message)
{
    if (message->bytes_max < 1 || message->bytes_max > MUSTER_MESSAGE_BYTES_MAX) {
        return refuse(check, "message '%s' may be between 1 and %d bytes long, not %u",
            message->name, MUSTER_MESSAGE_BYTES_MAX, message->bytes_max);
    }
    if (!message->is_from_players) {
        return true;
    }
    if (message->rate_hz_max < 1) {
        return refuse(check, "message '%s' needs a rate of at least 1 a second", message->name);
    }
    return check->game->receive != NULL ||
           refuse(check, "message '%s' comes from players and there is no function receive()",
               message->name);
}

static bool check_messages(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(
            check, "message", game->messages, game->message_count, MUSTER_MESSAGE_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->message_count; i++) {
        if (!check_name(check, "message", game->messages, sizeof game->messages[0], i) ||
            !check_message(check, &game->messages[i])) {
            return false;
        }
    }
    return true;
}

static bool check_task(const struct check *check, const muster_task_def *task)
{
    if ((uint32_t)task->task_class > MUSTER_TASK_BACKGROUND) {
        return refuse(check, "task '%s' has a class that does not exist", task->name);
    }
    if ((uint32_t)task->scope > MUSTER_TASK_EACH_ENTITY) {
        return refuse(check, "task '%s' has a scope that does not exist", task->name);
    }
    if (task->scope == MUSTER_TASK_EACH_ENTITY && task->kind >= MUSTER_KIND_COUNT_MAX) {
        return refuse(
            check, "task '%s' has a kind that is not below %d", task->name, MUSTER_KIND_COUNT_MAX);
    }
    if (task->period_ticks < 1 || task->deadline_ticks < 1) {
        return refuse(
            check, "task '%s' needs a period and a deadline of at least 1 tick", task->name);
    }
    return task->run != NULL || refuse(check, "task '%s' has no function run()", task->name);
}

static bool check_tasks(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(check, "task", game->tasks, game->task_count, MUSTER_TASK_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->task_count; i++) {
        if (!check_name(check, "task", game->tasks, sizeof game->tasks[0], i) ||
            !check_task(check, &game->tasks[i])) {
            return false;
        }
    }
    return true;
}

// The whole.

static bool check_limit(
    const struct check *check, const char *what, uint32_t value, uint32_t min, uint32_t max)
{
    return (value >= min && value <= max) ||
           refuse(check, "the limit %s is %u, between %u and %u may be", what, value, min, max);
}

static bool check_limits(const struct check *check)
{
    const muster_game_limits *limits = &check->game->limits;
    return check_limit(
               check, "player_count_max", limits->player_count_max, 1, MUSTER_PLAYER_COUNT_MAX) &&
           check_limit(
               check, "entity_count_max", limits->entity_count_max, 1, MUSTER_ENTITY_COUNT_MAX) &&
           check_limit(check, "box_count_max", limits->box_count_max, 0, MUSTER_BOX_COUNT_MAX) &&
           check_limit(check, "blob_bytes", limits->blob_bytes, 0, MUSTER_BLOB_BYTES_MAX);
}

static bool check_options(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(
            check, "options", game->options, game->option_count, MUSTER_OPTION_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->option_count; i++) {
        const muster_option_def *option = &game->options[i];
        if (!check_name(check, "option", game->options, sizeof game->options[0], i)) {
            return false;
        }
        if (option->min > option->fallback || option->fallback > option->max) {
            return refuse(check, "option '%s' needs min <= fallback <= max", option->name);
        }
    }
    return true;
}

static bool check_kinds(const struct check *check)
{
    const muster_game *game = check->game;
    if (!check_table(check, "kinds", game->kinds, game->kind_count, MUSTER_KIND_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < game->kind_count; i++) {
        if (!check_name(check, "kind", game->kinds, sizeof game->kinds[0], i)) {
            return false;
        }
        if (!(game->kinds[i].reach_m >= 0.0f)) {
            return refuse(check, "kind '%s' needs a reach of 0 or more", game->kinds[i].name);
        }
    }
    return true;
}

static bool check_head(const struct check *check)
{
    const muster_game *game = check->game;
    if (!is_name(game->name)) {
        return refuse(check,
            "the game needs a name of lower case letters, digits and underscores, at most %d long",
            MUSTER_NAME_BYTES - 1);
    }
    if (game->tick_rate_hz < 1 || game->tick_rate_hz > 240) {
        return refuse(check, "the tick rate is %u, between 1 and 240 may be", game->tick_rate_hz);
    }
    return game->join != NULL || refuse(check, "there is no function join()");
}

static bool check_all(const struct check *check)
{
    const muster_game *game = check->game;
    return check_head(check) && check_limits(check) && check_options(check) && check_kinds(check) &&
           check_columns(check, "column", game->columns, game->column_count) &&
           check_names_are_free(check) &&
           check_columns(check, "player column", game->player_columns, game->player_column_count) &&
           check_fields(check) && check_actions(check) && check_messages(check) &&
           check_tasks(check);
}

muster_status muster_game_check(const muster_game *game, char out_reason[MUSTER_REASON_BYTES])
{
    MUSTER_ASSERT(game != NULL);
    MUSTER_ASSERT(out_reason != NULL);
    out_reason[0] = '\0';
    const struct check check = {.game = game, .reason = out_reason};
    if (game->abi != MUSTER_GAME_ABI) {
        (void)refuse(&check, "the module was built for game interface %u, this program has %u",
            game->abi, MUSTER_GAME_ABI);
        return MUSTER_ERR_VERSION;
    }
    return check_all(&check) ? MUSTER_OK : MUSTER_ERR_INVALID;
}
