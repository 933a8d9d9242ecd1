// SPDX-License-Identifier: Apache-2.0

// The live view: what it reads, what it shows, and what it does to a terminal.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/top/top_view.h"
#include "apps/world.h"

#include <poll.h>
#include <pty.h>
#include <termios.h>

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, &outcome)

static struct outcome outcome;
static char folder[64];
static struct top_sample before;
static struct top_sample now;
static char picture[TOP_VIEW_BYTES];

static int enter_folder(void **state)
{
    (void)state;
    world_folder_begin(folder, MUSTER_GAMES);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static void metrics_are_read_by_name_and_label(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    top_sample_read_metrics(&now,
        "# HELP muster_ticks_total Ticks.\n"
        "muster_ticks_total 600\n"
        "muster_ticks_missed_total 3\n"
        "muster_tick_phase_seconds_sum{phase=\"step\"} 1.5\n"
        "muster_tick_phase_seconds_sum{phase=\"other\"} 9\n"
        "muster_gateway_events_total{event=\"refused_full\"} 2\n"
        "muster_gateway_events_total{event=\"refused_draining\"} 0\n"
        "muster_gateway_events_total{event=\"malformed_in\x1bput\"} 7\n"
        "nonsense\n\n"
        "muster_resident_bytes 1.25e6"); // without a line end
    assert_true(now.ticks == 600.0);
    assert_true(now.missed_ticks == 3.0);
    assert_true(now.phase_s[TOP_STEP] == 1.5);
    assert_true(now.resident_bytes == 1.25e6);
    assert_int_equal(now.refusal_count, 2);
    assert_string_equal(now.refusals[0].reason, "refused_full");
    assert_true(now.refusals[0].count == 2.0);
    assert_string_equal(now.refusals[1].reason, "malformed_in?put");
}

static void fill_samples(void)
{
    memset(&before, 0, sizeof before);
    memset(&now, 0, sizeof now);
    now.time_us = 2000000;
    snprintf(now.version, sizeof now.version, "1.2.3");
    snprintf(now.game, sizeof now.game, "hello");
    now.tick_rate_hz = 50;
    now.tick = 3661 * 50;
    now.players = 2;
    now.entities = 3;
    now.tick_ms_p50 = 1.5;
    now.tick_ms_p99 = 10.0;
    now.tick_ms_max = 12.25;
    now.ticks = 100;
    now.phase_s[TOP_STEP] = 0.2;
    now.sent_bytes = 50000;
    now.cpu_s = 1;
    now.point_count = 3;
    now.points[0] = (struct top_point){.x = 0, .y = 0, .is_player = true};
    now.points[1] = (struct top_point){.x = 99, .y = 0, .is_player = true};
    now.points[2] = (struct top_point){.x = 0, .y = 99};
}

static void figures_are_those_of_a_second(void **state)
{
    (void)state;
    fill_samples();
    struct text text = text_in(picture, sizeof picture);
    const struct top_view view = {.columns = 80};
    top_view_draw(&view, &before, &now, &text);
    assert_string_equal(picture,
        "muster 1.2.3  hello  tick 183050  1:01:01\n"
        "tick      [############            ] p50 1.5  p99 10.0  max 12.2 of 20.0 ms\n"
        "phases    input 0.00 ms  step 2.00 ms  replicate 0.00 ms  missed 0 of 100\n"
        "world     2 players  3 entities\n"
        "process   CPU 50 % of a core  memory 0 B\n"
        "network   in 0 B/s 0 packets/s  out 25.0 kB/s 0 packets/s  100 kbit/s a player\n"
        "refused   nothing\n");
}

static void the_map_shows_players_and_keeps_north_up(void **state)
{
    (void)state;
    fill_samples();
    struct text text = text_in(picture, sizeof picture);
    const struct top_view view = {.columns = 40, .rows = 28, .is_lively = true};
    top_view_draw(&view, &before, &now, &text);
    assert_false(text.is_cut);
    const char *other = strchr(strstr(picture, "nothing"), '.');
    const char *player = strchr(strstr(picture, "nothing") + 8, 'o');
    assert_non_null(other);
    assert_non_null(player);
    assert_true(other < player);
    uint32_t line_count = 0;
    for (const char *at = picture; *at != '\0'; at++) {
        line_count += *at == '\n' ? 1 : 0;
    }
    assert_int_equal(line_count, 27); // the last row has no line end, so nothing scrolls
    assert_non_null(strstr(picture, "q ends"));
}

static void a_wide_terminal_names_the_page_for_browsers(void **state)
{
    (void)state;
    fill_samples();
    for (uint32_t columns = 40; columns <= 120; columns += 80) {
        struct text text = text_in(picture, sizeof picture);
        const struct top_view view = {
            .columns = columns, .rows = 28, .is_lively = true, .page = "http://127.0.0.1:7770/"};
        top_view_draw(&view, &before, &now, &text);
        const char *page = strstr(picture, "  browser: http://127.0.0.1:7770/");
        assert_int_equal(page != NULL, columns == 120);
    }
}

static void a_small_terminal_and_a_problem_leave_the_map_out(void **state)
{
    (void)state;
    fill_samples();
    struct text text = text_in(picture, sizeof picture);
    struct top_view view = {.columns = 40, .rows = 9, .is_lively = true};
    top_view_draw(&view, &before, &now, &text);
    assert_null(strstr(picture, "q ends"));
    view.rows = 40;
    view.problem = "nobody answers";
    text = text_in(picture, sizeof picture);
    top_view_draw(&view, &before, &now, &text);
    assert_null(strstr(picture, "q ends"));
    assert_non_null(strstr(picture, "nobody answers"));
}

static void without_a_terminal_it_prints_one_snapshot(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    char server[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.admin_port);
    RUN("top", "--server", server);
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.err, "");
    assert_int_equal(strncmp(outcome.out, "muster 0.1.0  hello  tick ", 26), 0);
    assert_null(strchr(outcome.out, '\x1b'));
    char players_side[64];
    snprintf(players_side, sizeof players_side, "127.0.0.1:%u", world.port);
    RUN("top", "--server", players_side);
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "--server takes its admin side"));
    assert_int_equal(world_end(&world, SIGTERM), 0);
    RUN("top", "--server", server);
    assert_int_equal(outcome.code, 3);
    assert_non_null(strstr(outcome.err, "A world is started by `muster up`."));
    RUN("top", "--server", "here");
    assert_int_equal(outcome.code, 2);
}

static void the_admin_key_is_asked_for_and_taken_from_the_environment(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world,
        (const char *const[]){"--game", "hello", "--set", "gateway.admin_authentication=true",
            "--set", "gateway.secrets=development", NULL});
    char server[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.admin_port);
    RUN("top", "--server", server);
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "MUSTER_ADMIN_KEY"));
    setenv(
        "MUSTER_ADMIN_KEY", "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", 1);
    RUN("top", "--server", server);
    unsetenv("MUSTER_ADMIN_KEY");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

// Runs the program on a terminal, presses a key or sends a signal once it draws, and reads on to
// its end.
static int run_on_terminal(const char *const *arguments, const char *sign, int signal_number)
{
    const char *list[RUN_ARGUMENT_MAX] = {"muster"};
    for (uint32_t i = 0; arguments[i] != NULL; i++) {
        list[i + 1] = arguments[i];
    }
    const struct winsize size = {.ws_row = 30, .ws_col = 100};
    int file;
    const pid_t child = forkpty(&file, NULL, NULL, &size);
    assert_true(child >= 0);
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        execv(MUSTER_PROGRAM, (char *const *)(uintptr_t)list);
        _exit(127);
    }
    struct termios at_first;
    assert_int_equal(tcgetattr(file, &at_first), 0);
    size_t length = 0;
    bool is_told = false;
    for (;;) {
        struct pollfd poll_file = {.fd = file, .events = POLLIN};
        assert_int_equal(poll(&poll_file, 1, 30000), 1);
        if (length > sizeof picture / 2) {
            length = 0;
        }
        const ssize_t count = read(file, picture + length, sizeof picture / 2);
        if (count <= 0) {
            break;
        }
        length += (size_t)count;
        picture[length] = '\0';
        if (!is_told && strstr(picture, sign) != NULL) {
            is_told = true;
            if (signal_number != 0) {
                assert_int_equal(kill(child, signal_number), 0);
            } else {
                assert_int_equal(write(file, "q", 1), 1);
            }
        }
    }
    picture[length] = '\0';
    struct termios at_last;
    if (tcgetattr(file, &at_last) == 0) {
        assert_int_equal(at_last.c_lflag & (ICANON | ECHO), at_first.c_lflag & (ICANON | ECHO));
    }
    close(file);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void it_gives_the_terminal_back(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    char server[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.admin_port);
    const char *const arguments[] = {"top", "--server", server, NULL};
    assert_int_equal(run_on_terminal(arguments, "refused", 0), 0);
    assert_non_null(strstr(picture, "\x1b[?25h\x1b[?1049l"));
    assert_int_equal(run_on_terminal(arguments, "refused", SIGTERM), 0);
    assert_non_null(strstr(picture, "\x1b[?25h\x1b[?1049l"));
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void up_shows_the_view_and_its_log_afterwards(void **state)
{
    (void)state;
    char ports[3][64];
    snprintf(ports[0], 64, "network.udp_port=%u", world_free_port());
    snprintf(ports[1], 64, "network.http_port=%u", world_free_port());
    snprintf(ports[2], 64, "network.admin_port=%u", world_free_port());
    const char *const arguments[] = {"up", "--game", "hello", "--bots", "2", "--top", "--set",
        ports[0], "--set", ports[1], "--set", ports[2], NULL};
    assert_int_equal(run_on_terminal(arguments, "2 players", 0), 0);
    const char *end = strstr(picture, "\x1b[?25h\x1b[?1049l");
    assert_non_null(end);
    assert_non_null(strstr(end, "msg=listening"));
    assert_non_null(strstr(end, "msg=stopped"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_read_by_name_and_label),
        cmocka_unit_test(figures_are_those_of_a_second),
        cmocka_unit_test(the_map_shows_players_and_keeps_north_up),
        cmocka_unit_test(a_wide_terminal_names_the_page_for_browsers),
        cmocka_unit_test(a_small_terminal_and_a_problem_leave_the_map_out),
        cmocka_unit_test(without_a_terminal_it_prints_one_snapshot),
        cmocka_unit_test(the_admin_key_is_asked_for_and_taken_from_the_environment),
        cmocka_unit_test(it_gives_the_terminal_back),
        cmocka_unit_test(up_shows_the_view_and_its_log_afterwards),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
