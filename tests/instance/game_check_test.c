// SPDX-License-Identifier: Apache-2.0
#include "muster/instance.h"

#include "instance/probe_game.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// The probe game with tables of its own, each row of which a test may spoil.
struct fixture {
    muster_game game;
    muster_column_def columns[4];
    muster_column_def player_columns[1];
    muster_field_def fields[3];
    muster_param_def params[2];
    muster_action_def actions[3];
    muster_message_def messages[2];
    muster_task_def tasks[4];
};

static void set_up(struct fixture *fixture)
{
    fixture->game = probe_game();
    muster_game *game = &fixture->game;
    memcpy(fixture->columns, game->columns, sizeof fixture->columns);
    memcpy(fixture->player_columns, game->player_columns, sizeof fixture->player_columns);
    memcpy(fixture->fields, game->fields, sizeof fixture->fields);
    memcpy(fixture->params, game->actions[0].params, sizeof fixture->params);
    memcpy(fixture->actions, game->actions, sizeof fixture->actions);
    memcpy(fixture->messages, game->messages, sizeof fixture->messages);
    memcpy(fixture->tasks, game->tasks, sizeof fixture->tasks);
    fixture->actions[0].params = fixture->params;
    game->columns = fixture->columns;
    game->player_columns = fixture->player_columns;
    game->fields = fixture->fields;
    game->actions = fixture->actions;
    game->messages = fixture->messages;
    game->tasks = fixture->tasks;
}

static void expect(const struct fixture *fixture, const char *reason)
{
    char text[MUSTER_REASON_BYTES];
    assert_int_equal(muster_game_check(&fixture->game, text), MUSTER_ERR_INVALID);
    assert_string_equal(text, reason);
}

#define EXPECT(change, reason)                                                                     \
    do {                                                                                           \
        struct fixture fixture;                                                                    \
        set_up(&fixture);                                                                          \
        muster_game *game = &fixture.game;                                                         \
        (void)game;                                                                                \
        change;                                                                                    \
        expect(&fixture, reason);                                                                  \
    } while (0)

static void a_good_game_passes(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    char reason[MUSTER_REASON_BYTES];
    assert_int_equal(muster_game_check(&fixture.game, reason), MUSTER_OK);
    assert_string_equal(reason, "");
}

static void another_interface_names_both_numbers(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.game.abi = 77;
    char reason[MUSTER_REASON_BYTES];
    assert_int_equal(muster_game_check(&fixture.game, reason), MUSTER_ERR_VERSION);
    assert_string_equal(reason, "the module was built for game interface 77, this program has 1");
}

static void heads_and_limits_are_checked(void **state)
{
    (void)state;
    const char *name =
        "the game needs a name of lower case letters, digits and underscores, at most 31 long";
    EXPECT(game->name = NULL, name);
    EXPECT(game->name = "", name);
    EXPECT(game->name = "9lives", name);
    EXPECT(game->name = "Probe", name);
    EXPECT(game->name = "a23456789012345678901234567890123", name);
    EXPECT(game->name = "a2345678901234567890123456789012", name);
    EXPECT(game->tick_rate_hz = 0, "the tick rate is 0, between 1 and 240 may be");
    EXPECT(game->tick_rate_hz = 241, "the tick rate is 241, between 1 and 240 may be");
    EXPECT(game->join = NULL, "there is no function join()");
    EXPECT(game->limits.player_count_max = 0,
        "the limit player_count_max is 0, between 1 and 4096 may be");
    EXPECT(game->limits.player_count_max = 4097,
        "the limit player_count_max is 4097, between 1 and 4096 may be");
    EXPECT(game->limits.entity_count_max = 0,
        "the limit entity_count_max is 0, between 1 and 65536 may be");
    EXPECT(game->limits.entity_count_max = 65537,
        "the limit entity_count_max is 65537, between 1 and 65536 may be");
    EXPECT(game->limits.box_count_max = 65537,
        "the limit box_count_max is 65537, between 0 and 65536 may be");
    EXPECT(game->limits.blob_bytes = 1048577,
        "the limit blob_bytes is 1048577, between 0 and 1048576 may be");
}

static void columns_are_checked(void **state)
{
    (void)state;
    EXPECT(game->column_count = 65, "there are 65 rows of column, at most 64 may be");
    EXPECT(game->columns = NULL, "there are 4 rows of column and no pointer to them");
    EXPECT(fixture.columns[1].name = "",
        "column 1 needs a name of lower case letters, digits and underscores, at most 31 long");
    EXPECT(fixture.columns[2].name = "health", "column 0 and 2 are both named 'health'");
    EXPECT(fixture.columns[2].name = "position",
        "column 'position' has a name that every world uses itself");
    EXPECT(fixture.columns[2].name = "player_x",
        "column 'player_x' has a name that every world uses itself");
    EXPECT(fixture.columns[0].type = (muster_state_type)9,
        "column 'health' has a type that does not exist");
    EXPECT(
        fixture.columns[0].lane_count = 0, "column 'health' has 0 lanes, between 1 and 16 may be");
    EXPECT(fixture.columns[0].lane_count = 17,
        "column 'health' has 17 lanes, between 1 and 16 may be");
    EXPECT(fixture.player_columns[0].lane_count = 17,
        "player column 'score' has 17 lanes, between 1 and 16 may be");
    EXPECT(fixture.player_columns[0].name = "activity",
        "player column 'activity' has a name that every world uses itself");
}

static void fields_are_checked(void **state)
{
    (void)state;
    EXPECT(game->field_count = 33, "there are 33 rows of field, at most 32 may be");
    EXPECT(fixture.fields[1].name = "position", "field 0 and 1 are both named 'position'");
    EXPECT(
        fixture.fields[1].column_index = 5, "field 'health' reads column 5, which does not exist");
    EXPECT(fixture.fields[1].column_index = 12,
        "field 'health' reads column 12, which does not exist");
    EXPECT(fixture.fields[1].encoding = (muster_field_encoding)4,
        "field 'health' has an encoding that does not exist");
    EXPECT(fixture.fields[1].encoding = MUSTER_FIELD_FLOAT,
        "field 'health' has an encoding that its column's type does not allow");
    EXPECT(fixture.fields[0].encoding = MUSTER_FIELD_UINT,
        "field 'position' has an encoding that its column's type does not allow");
    EXPECT(fixture.fields[1].channel = (muster_channel)4,
        "field 'health' has a channel that does not exist");
    EXPECT(fixture.fields[1].visibility = (muster_visibility)4,
        "field 'health' has a visibility that does not exist");
    EXPECT(fixture.fields[1].min = 100.0f, "field 'health' needs 0 <= min < max");
    EXPECT(fixture.fields[1].min = -1.0f, "field 'health' needs 0 <= min < max");
    EXPECT(fixture.fields[2].precision = 0.0f, "field 'heading' needs a precision within 1 radian");
    EXPECT(fixture.fields[0].precision = 1e-9f,
        "field 'position' needs min < max and at most 2^31 steps of its precision");
}

static void actions_are_checked(void **state)
{
    (void)state;
    EXPECT(game->action_count = 65, "there are 65 rows of action, at most 64 may be");
    EXPECT(fixture.actions[2].name = "walk", "action 0 and 2 are both named 'walk'");
    EXPECT(fixture.actions[0].rate_hz_max = 0, "action 'walk' needs a rate of at least 1 a second");
    EXPECT(
        fixture.actions[0].param_count = 17, "there are 17 rows of parameter, at most 16 may be");
    EXPECT(fixture.params[1].name = "heading", "parameter 0 and 1 are both named 'heading'");
    EXPECT(fixture.params[1].max = fixture.params[1].min,
        "parameter 'speed' of action 'walk' needs min < max and at most 2^31 steps");
    EXPECT(fixture.params[1].is_real = false,
        "parameter 'speed' of action 'walk' needs whole bounds and a precision of 1");
    EXPECT(game->act = NULL, "there are actions and no function act() for them");
}

static void messages_and_tasks_are_checked(void **state)
{
    (void)state;
    EXPECT(game->message_count = 65, "there are 65 rows of message, at most 64 may be");
    EXPECT(fixture.messages[1].name = "chat", "message 0 and 1 are both named 'chat'");
    EXPECT(fixture.messages[0].bytes_max = 0,
        "message 'chat' may be between 1 and 1024 bytes long, not 0");
    EXPECT(fixture.messages[0].bytes_max = 1025,
        "message 'chat' may be between 1 and 1024 bytes long, not 1025");
    EXPECT(
        fixture.messages[0].rate_hz_max = 0, "message 'chat' needs a rate of at least 1 a second");
    EXPECT(game->receive = NULL,
        "message 'chat' comes from players and there is no function receive()");
    EXPECT(game->task_count = 65, "there are 65 rows of task, at most 64 may be");
    EXPECT(fixture.tasks[1].name = "heal", "task 0 and 1 are both named 'heal'");
    EXPECT(fixture.tasks[0].task_class = (muster_task_class)5,
        "task 'heal' has a class that does not exist");
    EXPECT(fixture.tasks[0].scope = (muster_task_scope)3,
        "task 'heal' has a scope that does not exist");
    EXPECT(fixture.tasks[0].kind = 64, "task 'heal' has a kind that is not below 64");
    EXPECT(fixture.tasks[0].period_ticks = 0,
        "task 'heal' needs a period and a deadline of at least 1 tick");
    EXPECT(fixture.tasks[0].deadline_ticks = 0,
        "task 'heal' needs a period and a deadline of at least 1 tick");
    EXPECT(fixture.tasks[0].run = NULL, "task 'heal' has no function run()");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_game_passes),
        cmocka_unit_test(another_interface_names_both_numbers),
        cmocka_unit_test(heads_and_limits_are_checked),
        cmocka_unit_test(columns_are_checked),
        cmocka_unit_test(fields_are_checked),
        cmocka_unit_test(actions_are_checked),
        cmocka_unit_test(messages_and_tasks_are_checked),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
