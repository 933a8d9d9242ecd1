// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/document.h"
#include "apps/muster/machine.h"
#include "apps/muster/terminal.h"
#include "apps/server/server_tls.h"
#include "core/assert.h"
#include "drivers/clock.h"

#define DAY_S 86400u

static const char *state_word(enum check_state state)
{
    switch (state) {
    case CHECK_OK:
        return "ok";
    case CHECK_WARN:
        return "warn";
    case CHECK_FAIL:
        return "fail";
    }
    return "fail";
}

static enum terminal_colour state_colour(enum check_state state)
{
    const enum terminal_colour colours[] = {TERMINAL_GREEN, TERMINAL_YELLOW, TERMINAL_RED};
    return colours[state];
}

static void print_check(const struct check *check, bool has_colour, FILE *file)
{
    fprintf(file, "%s%-4s%s  %-18s %s\n", terminal_colour(has_colour, state_colour(check->state)),
        state_word(check->state), terminal_colour(has_colour, TERMINAL_PLAIN), check->name,
        check->found);
    if (check->wanted[0] != '\0') {
        fprintf(file, "      %-18s wanted: %s\n", "", check->wanted);
    }
    if (check->fix[0] != '\0') {
        fprintf(file, "      %-18s fix: %s\n", "", check->fix);
    }
}

static json_t *check_as_json(const struct check *check)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", document_text(check->name));
    json_object_set_new(object, "state", document_text(state_word(check->state)));
    json_object_set_new(object, "found", document_text(check->found));
    if (check->wanted[0] != '\0') {
        json_object_set_new(object, "wanted", document_text(check->wanted));
    }
    if (check->fix[0] != '\0') {
        json_object_set_new(object, "fix", document_text(check->fix));
    }
    return object;
}

static bool print_json(const struct check *checks, uint32_t count, FILE *file)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, check_as_json(&checks[i]));
    }
    json_t *document = json_object();
    json_object_set_new(document, "state", document_text(state_word(machine_worst(checks, count))));
    json_object_set_new(document, "checks", list);
    return document_write(document, file);
}

static void check_certificate(const struct settings *settings, struct check *out_check)
{
    struct http_certificate_facts facts;
    struct driver_error error = {0};
    const uint64_t now_unix_s = clock_unix_seconds();
    *out_check = (struct check){.name = "certificate"};
    if (server_tls_check(settings, now_unix_s, &facts, &error) != MUSTER_OK) {
        out_check->state = CHECK_FAIL;
        (void)snprintf(out_check->found, sizeof out_check->found, "%.127s", error.text);
        (void)snprintf(out_check->wanted, sizeof out_check->wanted,
            "a certificate in its time, with its key, in PEM files that can be read");
        (void)snprintf(out_check->fix, sizeof out_check->fix,
            "put it at tls.certificate and tls.key; for development --set tls.self_signed=true");
        return;
    }
    const uint64_t left_s = facts.expires_unix_s - now_unix_s;
    (void)snprintf(out_check->found, sizeof out_check->found, "good for %llu days",
        (unsigned long long)(left_s / DAY_S));
    if (left_s < SERVER_TLS_WARN_S) {
        out_check->state = CHECK_WARN;
        (void)snprintf(out_check->wanted, sizeof out_check->wanted, "at least 14 days");
        (void)snprintf(out_check->fix, sizeof out_check->fix,
            "renew it; a running server takes the new files by itself");
    }
}

static enum exit_code run(const struct invocation *invocation)
{
    struct check checks[MACHINE_CHECK_COUNT_MAX];
    const struct machine_def def = {
        .root = "",
        .settings = &invocation->configuration.settings,
    };
    uint32_t count = machine_check(&def, checks);
    if (server_tls_is_wanted(def.settings)) {
        MUSTER_ASSERT(count < MACHINE_CHECK_COUNT_MAX);
        check_certificate(def.settings, &checks[count++]);
    }
    if (flag_is_true(invocation, "json")) {
        if (!print_json(checks, count, invocation->out)) {
            return EXIT_CODE_FAILED;
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            print_check(&checks[i], terminal_has_colour(invocation->out), invocation->out);
        }
    }
    return machine_worst(checks, count) == CHECK_FAIL ? EXIT_CODE_MISSING : EXIT_CODE_DONE;
}

static const struct example examples[] = {
    {"muster doctor", "Check this machine and print the lines that repair it."},
    {"muster doctor --config arena.yaml", "Check for that configuration's ports and sizes."},
    {"muster doctor --json", "One JSON document."},
    {0},
};

static const struct flag flags[] = {
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Check this machine and say how to repair it.",
    .examples = examples,
    .flags = flags,
    .uses_settings = true,
    .run = run,
};
