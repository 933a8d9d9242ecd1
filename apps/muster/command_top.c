// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/terminal.h"
#include "apps/top/top_view.h"
#include "drivers/clock.h"
#include "drivers/signals.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

// The live view of a server, in a terminal; elsewhere one snapshot of its figures.

#define PERIOD_MS        333
#define SNAPSHOT_WAIT_US 1000000u
#define HISTORY_COUNT    4u // samples over which rates are taken: more than a second
#define DEFAULT_COLUMNS  80u
#define DEFAULT_ROWS     24u
#define PAGE_BYTES       (MUSTER_ADDRESS_TEXT_BYTES + 16u)
#define BEGIN_SCREEN     "\x1b[?1049h\x1b[?25l"
#define END_SCREEN       "\x1b[?25h\x1b[?1049l"
#define BEGIN_PICTURE    "\x1b[H"
#define END_PICTURE      "\x1b[K\x1b[J"

struct top_run {
    const struct invocation *invocation;
    muster_address server;
    char page[PAGE_BYTES];
    const char *key;
    struct signals signals;
    struct top_sample history[HISTORY_COUNT];
    uint32_t sample_count; // taken so far
    struct top_sample next;
    struct driver_error error;
    struct termios before; // of the keyboard
    bool has_keyboard;
    char picture[TOP_VIEW_BYTES];
};

static const struct top_sample *newest(const struct top_run *run)
{
    return &run->history[(run->sample_count - 1) % HISTORY_COUNT];
}

static const struct top_sample *oldest(const struct top_run *run)
{
    return run->sample_count < HISTORY_COUNT ? &run->history[0]
                                             : &run->history[run->sample_count % HISTORY_COUNT];
}

static muster_status take(struct top_run *run)
{
    const muster_status status = top_sample_fetch(&run->server, run->key, &run->next, &run->error);
    if (status == MUSTER_OK) {
        run->history[run->sample_count % HISTORY_COUNT] = run->next;
        run->sample_count++;
    }
    return status;
}

static void draw(struct top_run *run, const struct top_view *view)
{
    struct text text = text_in(run->picture, sizeof run->picture);
    text_append(&text, view->is_lively ? BEGIN_PICTURE : "");
    top_view_draw(view, oldest(run), newest(run), &text);
    text_append(&text, view->is_lively ? END_PICTURE : "");
    (void)fwrite(text.bytes, 1, text.length, run->invocation->out);
    (void)fflush(run->invocation->out);
}

// The terminal.

static void begin_terminal(struct top_run *run)
{
    run->has_keyboard = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &run->before) == 0;
    if (run->has_keyboard) {
        struct termios raw = run->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        // A view that is stopped or killed by a key would leave the terminal as it is.
        raw.c_cc[VSUSP] = _POSIX_VDISABLE;
        raw.c_cc[VQUIT] = _POSIX_VDISABLE;
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs(BEGIN_SCREEN, run->invocation->out);
}

static void end_terminal(struct top_run *run)
{
    fputs(END_SCREEN, run->invocation->out);
    (void)fflush(run->invocation->out);
    if (run->has_keyboard) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &run->before);
    }
}

static struct top_view terminal_view(const struct top_run *run, const char *problem)
{
    struct winsize size = {0};
    (void)ioctl(fileno(run->invocation->out), TIOCGWINSZ, &size);
    return (struct top_view){
        .columns = size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS,
        .rows = size.ws_row > 0 ? size.ws_row : DEFAULT_ROWS,
        .has_colour = terminal_has_colour(run->invocation->out),
        .is_lively = true,
        .problem = problem,
        .page = run->page,
    };
}

// @return true if the person at the keyboard wants to leave
static bool is_quit(const struct top_run *run)
{
    char keys[16];
    const ssize_t count = run->has_keyboard ? read(STDIN_FILENO, keys, sizeof keys) : 0;
    for (ssize_t i = 0; i < count; i++) {
        if (keys[i] == 'q' || keys[i] == 'Q') {
            return true;
        }
    }
    return false;
}

// Waits for the next picture. @return false when it is time to leave
static bool wait_for_next(struct top_run *run)
{
    struct pollfd files[2] = {
        {.fd = run->signals.file, .events = POLLIN},
        {.fd = run->has_keyboard ? STDIN_FILENO : -1, .events = POLLIN},
    };
    (void)poll(files, 2, PERIOD_MS);
    return signals_read(&run->signals) == 0 && !is_quit(run);
}

static void watch(struct top_run *run)
{
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&run->server, address);
    (void)snprintf(run->page, sizeof run->page, "http://%s/", address);
    begin_terminal(run);
    do {
        const bool is_taken = take(run) == MUSTER_OK;
        const struct top_view view = terminal_view(run, is_taken ? NULL : run->error.text);
        draw(run, &view);
    } while (wait_for_next(run));
    end_terminal(run);
}

static enum exit_code print_snapshot(struct top_run *run)
{
    clock_sleep_until_us(clock_monotonic_us() + SNAPSHOT_WAIT_US);
    if (take(run) != MUSTER_OK) {
        fprintf(run->invocation->err, "muster: %s\n", run->error.text);
        return EXIT_CODE_FAILED;
    }
    const struct top_view view = {.columns = DEFAULT_COLUMNS};
    draw(run, &view);
    return EXIT_CODE_DONE;
}

static enum exit_code begin(struct top_run *run)
{
    const muster_status status = take(run);
    if (status == MUSTER_OK) {
        return EXIT_CODE_DONE;
    }
    fprintf(run->invocation->err, "muster: %s\n", run->error.text);
    if (status == MUSTER_ERR_IO) {
        fprintf(run->invocation->err, "A world is started by `muster up`.\n");
        return EXIT_CODE_MISSING;
    }
    return EXIT_CODE_FAILED;
}

static enum exit_code watch_or_print(struct top_run *run)
{
    enum exit_code code = begin(run);
    if (code != EXIT_CODE_DONE) {
        return code;
    }
    if (!terminal_is_lively(run->invocation->out)) {
        return print_snapshot(run);
    }
    watch(run);
    return EXIT_CODE_DONE;
}

static enum exit_code run(const struct invocation *invocation)
{
    const char *server = flag_text(invocation, "server");
    const muster_allocator heap = muster_heap_allocator();
    struct top_run *top = heap.alloc(heap.context, sizeof *top, _Alignof(struct top_run));
    if (top == NULL) {
        fprintf(invocation->err, "muster: no memory\n");
        return EXIT_CODE_FAILED;
    }
    memset(top, 0, sizeof *top);
    top->invocation = invocation;
    top->key = getenv("MUSTER_ADMIN_KEY");
    enum exit_code code = EXIT_CODE_DONE;
    if (muster_address_parse(server, &top->server) != MUSTER_OK || top->server.port == 0) {
        fprintf(invocation->err,
            "muster: --server is \"%s\", expected ADDRESS:PORT, such as 127.0.0.1:7770\n", server);
        code = EXIT_CODE_USAGE;
    } else if (signals_open(&top->signals, &top->error) != MUSTER_OK) {
        fprintf(invocation->err, "muster: %s\n", top->error.text);
        code = EXIT_CODE_FAILED;
    } else {
        code = watch_or_print(top);
        signals_close(&top->signals);
    }
    heap.free(heap.context, top, sizeof *top);
    return code;
}

static const struct example examples[] = {
    {"muster top", "Watch the world on this machine; q ends."},
    {"muster top --server 127.0.0.1:7780", "One with another admin port."},
    {"muster top | cat", "One snapshot of its figures."},
    {0},
};

static const struct flag flags[] = {
    {.name = "server",
        .placeholder = "ADDRESS:PORT",
        .rule = {.kind = VALUE_TEXT},
        .fallback = "127.0.0.1:7770",
        .help = "The admin side; its key, if any, in MUSTER_ADMIN_KEY."},
    {0},
};

const struct command command_top = {
    .name = "top",
    .summary = "Watch a world in the terminal.",
    .examples = examples,
    .flags = flags,
    .run = run,
};
