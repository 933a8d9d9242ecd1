// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/settings_yaml.h"

#include "core/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

// libyaml gives events with exact positions, and accepts far more than a configuration should.
// The reader below walks them by the grammar
//
//     file    = [ "{" { section } "}" ]        sections by name
//     section = name ( nothing | "{" { key scalar } "}" )
//
// and refuses everything else where it stands.

struct reader {
    struct configuration *configuration;
    const char *name;
    const char *bytes;
    size_t length;
    struct problem *problem;
    yaml_parser_t parser;
    yaml_event_t event;                      // the current one; of type YAML_NO_EVENT between two
    uint32_t lines[SETTING_COUNT_MAX];       // by row, where the key stands; 0 when it does not
    const char *sections[SETTING_COUNT_MAX]; // found so far
    uint32_t section_lines[SETTING_COUNT_MAX];
    uint32_t section_count;
};

// Begins a problem at a position of the file, both from 1.
static struct text complain_at(struct reader *reader, size_t line, size_t column)
{
    struct text text = text_in(reader->problem->text, sizeof reader->problem->text);
    text_format(&text, "%s:%zu:%zu: ", reader->name, line, column);
    return text;
}

static struct text complain(struct reader *reader)
{
    const yaml_mark_t mark = reader->event.start_mark;
    return complain_at(reader, mark.line + 1, mark.column + 1);
}

static size_t line_of(const struct reader *reader, size_t offset, size_t *out_column)
{
    size_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < offset && i < reader->length; i++) {
        if (reader->bytes[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    *out_column = offset - line_start + 1;
    return line;
}

// Words what libyaml found wrong. Its reader knows a byte offset only.
static void complain_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *words = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR) {
        size_t column = 0;
        const size_t line = line_of(reader, parser->problem_offset, &column);
        struct text text = complain_at(reader, line, column);
        text_format(&text, "%s, expected UTF-8 text", words);
        return;
    }
    const yaml_mark_t mark = parser->problem_mark;
    struct text text = complain_at(reader, mark.line + 1, mark.column + 1);
    if (mark.index < reader->length && reader->bytes[mark.index] == '\t') {
        text_append(&text, "found a tab, expected spaces");
        return;
    }
    text_append(&text, words);
    if (parser->context != NULL && parser->context_mark.line != mark.line) {
        text_format(
            &text, " (%s that begins on line %zu)", parser->context, parser->context_mark.line + 1);
    }
}

static muster_status next_event(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event) == 0) {
        memset(&reader->event, 0, sizeof reader->event);
        complain_syntax(reader);
        return MUSTER_ERR_MALFORMED;
    }
    return MUSTER_OK;
}

static const char *scalar_text(const struct reader *reader)
{
    return (const char *)reader->event.data.scalar.value;
}

static bool has_anchor_or_tag(const yaml_event_t *event, const char **out_what)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    }
    *out_what = anchor != NULL ? "an anchor (&)" : "a tag (!)";
    return anchor != NULL || tag != NULL;
}

static const char *event_words(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return "an alias (*)";
    case YAML_SCALAR_EVENT:
        return "a single value";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a group of keys";
    case YAML_DOCUMENT_START_EVENT:
        return "a second document";
    default:
        return "nothing";
    }
}

// Reads the next event and refuses it unless it has this type.
static muster_status expect(struct reader *reader, yaml_event_type_t type, const char *expected)
{
    if (next_event(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    const char *what = NULL;
    if (has_anchor_or_tag(&reader->event, &what)) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected %s", what, expected);
        return MUSTER_ERR_MALFORMED;
    }
    if (reader->event.type != type) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected %s", event_words(&reader->event), expected);
        return MUSTER_ERR_MALFORMED;
    }
    return MUSTER_OK;
}

// True for `key:` with nothing behind it, and for `~` and `null`.
static bool is_null(const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    const char *text = (const char *)event->data.scalar.value;
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static bool is_number_or_word(enum value_kind kind)
{
    return kind != VALUE_TEXT && kind != VALUE_PATH && kind != VALUE_ADDRESS;
}

static muster_status complain_value(struct reader *reader, const struct setting *setting)
{
    struct text text = complain(reader);
    text_format(&text, "%s.%s is ", setting->section, setting->key);
    const yaml_event_t *event = &reader->event;
    if (event->type != YAML_SCALAR_EVENT || is_null(event)) {
        const char *found = event->type == YAML_SCALAR_EVENT ? "empty" : event_words(event);
        text_format(&text, "%s, expected ", found);
        value_describe(&setting->rule, &text);
        return MUSTER_ERR_MALFORMED;
    }
    if (is_number_or_word(setting->rule.kind) &&
        event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        text_append(&text, "the text ");
    }
    value_complain(&setting->rule, scalar_text(reader), &text);
    return MUSTER_ERR_MALFORMED;
}

static muster_status read_value(struct reader *reader, uint32_t index)
{
    const struct setting *setting = setting_at(index);
    if (next_event(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    const yaml_event_t *event = &reader->event;
    const char *what = NULL;
    if (has_anchor_or_tag(event, &what)) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected the plain value of %s.%s", what, setting->section,
            setting->key);
        return MUSTER_ERR_MALFORMED;
    }
    if (event->type != YAML_SCALAR_EVENT || is_null(event)) {
        return complain_value(reader, setting);
    }
    // A quoted number is a text, and a zero byte inside a text would hide what follows it.
    const bool is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if ((is_quoted && is_number_or_word(setting->rule.kind)) ||
        strlen(scalar_text(reader)) != event->data.scalar.length) {
        return complain_value(reader, setting);
    }
    const struct setting_origin origin = {
        .source = SETTING_FROM_FILE,
        .line = (uint32_t)event->start_mark.line + 1,
    };
    if (configuration_set(reader->configuration, index, scalar_text(reader), origin) != MUSTER_OK) {
        return complain_value(reader, setting);
    }
    return MUSTER_OK;
}

static muster_status complain_key(struct reader *reader, const char *section)
{
    struct nearest nearest = nearest_begin(scalar_text(reader));
    const struct setting *setting = NULL;
    for (uint32_t i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (section == NULL) {
            nearest_offer(&nearest, setting->section);
        } else if (strcmp(setting->section, section) == 0) {
            nearest_offer(&nearest, setting->key);
        }
    }
    struct text text = complain(reader);
    text_append(&text, section == NULL ? "unknown section " : "unknown key ");
    text_quote(&text, scalar_text(reader), reader->event.data.scalar.length);
    if (section != NULL) {
        text_format(&text, " in %s", section);
    }
    nearest_append(&nearest, &text);
    return MUSTER_ERR_MALFORMED;
}

// Reads `key: value` pairs until the section's mapping ends.
static muster_status read_section(struct reader *reader, const char *section)
{
    for (;;) {
        if (next_event(reader) != MUSTER_OK) {
            return MUSTER_ERR_MALFORMED;
        }
        const yaml_event_t *event = &reader->event;
        if (event->type == YAML_MAPPING_END_EVENT) {
            return MUSTER_OK;
        }
        const char *what = NULL;
        const bool is_dressed = has_anchor_or_tag(event, &what);
        if (event->type != YAML_SCALAR_EVENT || is_dressed) {
            struct text text = complain(reader);
            text_format(&text, "found %s, expected a key of %s",
                is_dressed ? what : event_words(event), section);
            return MUSTER_ERR_MALFORMED;
        }
        uint32_t index = 0;
        if (!setting_find(section, scalar_text(reader), &index)) {
            return complain_key(reader, section);
        }
        if (reader->lines[index] != 0) {
            struct text text = complain(reader);
            text_format(&text, "%s.%s stands twice, first on line %u", section,
                setting_at(index)->key, reader->lines[index]);
            return MUSTER_ERR_MALFORMED;
        }
        reader->lines[index] = (uint32_t)event->start_mark.line + 1;
        if (read_value(reader, index) != MUSTER_OK) {
            return MUSTER_ERR_MALFORMED;
        }
    }
}

// Finds the table's own spelling of the section that the current event names.
static const char *known_section(const struct reader *reader)
{
    const struct setting *setting = NULL;
    for (uint32_t i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (strcmp(setting->section, scalar_text(reader)) == 0) {
            return setting->section;
        }
    }
    return NULL;
}

static muster_status note_section(struct reader *reader, const char *section)
{
    for (uint32_t i = 0; i < reader->section_count; i++) {
        if (strcmp(reader->sections[i], section) == 0) {
            struct text text = complain(reader);
            text_format(&text, "section %s stands twice, first on line %u", section,
                reader->section_lines[i]);
            return MUSTER_ERR_MALFORMED;
        }
    }
    MUSTER_ASSERT(reader->section_count < SETTING_COUNT_MAX);
    reader->sections[reader->section_count] = section;
    reader->section_lines[reader->section_count] = (uint32_t)reader->event.start_mark.line + 1;
    reader->section_count++;
    return MUSTER_OK;
}

// Reads one section whose name is the current event.
static muster_status read_named_section(struct reader *reader)
{
    const char *what = NULL;
    const bool is_dressed = has_anchor_or_tag(&reader->event, &what);
    if (reader->event.type != YAML_SCALAR_EVENT || is_dressed) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected the name of a section",
            is_dressed ? what : event_words(&reader->event));
        return MUSTER_ERR_MALFORMED;
    }
    const char *section = known_section(reader);
    if (section == NULL) {
        return complain_key(reader, NULL);
    }
    if (note_section(reader, section) != MUSTER_OK || next_event(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    if (is_null(&reader->event) && !has_anchor_or_tag(&reader->event, &what)) {
        return MUSTER_OK;
    }
    if (reader->event.type != YAML_MAPPING_START_EVENT ||
        has_anchor_or_tag(&reader->event, &what)) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected the keys of %s, indented under it",
            has_anchor_or_tag(&reader->event, &what) ? what : event_words(&reader->event), section);
        return MUSTER_ERR_MALFORMED;
    }
    return read_section(reader, section);
}

static muster_status read_sections(struct reader *reader)
{
    for (;;) {
        if (next_event(reader) != MUSTER_OK) {
            return MUSTER_ERR_MALFORMED;
        }
        if (reader->event.type == YAML_MAPPING_END_EVENT) {
            return MUSTER_OK;
        }
        if (read_named_section(reader) != MUSTER_OK) {
            return MUSTER_ERR_MALFORMED;
        }
    }
}

static muster_status read_stream(struct reader *reader)
{
    if (expect(reader, YAML_STREAM_START_EVENT, "a stream") != MUSTER_OK ||
        next_event(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        return MUSTER_OK; // empty, or nothing but comments
    }
    if (next_event(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    const char *what = NULL;
    const bool is_dressed = has_anchor_or_tag(&reader->event, &what);
    if (is_dressed ||
        (reader->event.type != YAML_MAPPING_START_EVENT && !is_null(&reader->event))) {
        struct text text = complain(reader);
        text_format(&text, "found %s, expected sections such as \"game:\"",
            is_dressed ? what : event_words(&reader->event));
        return MUSTER_ERR_MALFORMED;
    }
    if (reader->event.type == YAML_MAPPING_START_EVENT && read_sections(reader) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    if (expect(reader, YAML_DOCUMENT_END_EVENT, "the end of the document") != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    return expect(reader, YAML_STREAM_END_EVENT, "the end of the file");
}

muster_status settings_read_yaml(struct configuration *configuration,
    const char *name,
    const void *bytes,
    size_t length,
    struct problem *problem)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    struct reader reader = {
        .configuration = configuration,
        .name = name,
        .bytes = bytes,
        .length = length,
        .problem = problem,
    };
    struct text path = text_in(configuration->path, sizeof configuration->path);
    text_append(&path, name);
    if (yaml_parser_initialize(&reader.parser) == 0) {
        problem_set(problem, "%s: no memory to read it", name);
        return MUSTER_ERR_NO_MEMORY;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, length);
    const muster_status status = read_stream(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return status;
}

static muster_status read_open_file(struct configuration *configuration,
    const char *path,
    FILE *file,
    char *bytes,
    struct problem *problem)
{
    const size_t length = fread(bytes, 1, SETTINGS_FILE_BYTES_MAX + 1, file);
    if (ferror(file) != 0) {
        problem_set(problem, "%s: %s", path, strerror(errno));
        return MUSTER_ERR_IO;
    }
    if (length > SETTINGS_FILE_BYTES_MAX) {
        problem_set(problem, "%s: longer than %u bytes, expected a configuration file", path,
            SETTINGS_FILE_BYTES_MAX);
        return MUSTER_ERR_FULL;
    }
    return settings_read_yaml(configuration, path, bytes, length, problem);
}

muster_status settings_read_file(
    struct configuration *configuration, const char *path, struct problem *problem)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        problem_set(problem, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? MUSTER_ERR_NOT_FOUND : MUSTER_ERR_IO;
    }
    const muster_allocator heap = muster_heap_allocator();
    char *bytes = heap.alloc(heap.context, SETTINGS_FILE_BYTES_MAX + 1, 16);
    muster_status status = MUSTER_ERR_NO_MEMORY;
    if (bytes == NULL) {
        problem_set(problem, "%s: no memory to read it", path);
    } else {
        status = read_open_file(configuration, path, file, bytes, problem);
        heap.free(heap.context, bytes, SETTINGS_FILE_BYTES_MAX + 1);
    }
    fclose(file);
    return status;
}

// Texts are written in double quotes, in which only quotes and backslashes are special: the rules
// of texts and paths admit no control characters.
static void write_value(const struct setting *setting, const char *value, FILE *file)
{
    if (is_number_or_word(setting->rule.kind)) {
        fputs(value, file);
        return;
    }
    fputc('"', file);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            fputc('\\', file);
        }
        fputc(*at, file);
    }
    fputc('"', file);
}

static void write_help(const struct setting *setting, FILE *file)
{
    char buffer[256];
    struct text text = text_in(buffer, sizeof buffer);
    value_describe(&setting->rule, &text);
    fprintf(file, "  # %s\n  # (%s)\n", setting->help, buffer);
}

void settings_write_yaml(
    const struct configuration *configuration, enum settings_remark remark, FILE *file)
{
    const char *section = "";
    const struct setting *setting = NULL;
    for (uint32_t i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (strcmp(setting->section, section) != 0) {
            section = setting->section;
            fprintf(file, "%s", i == 0 ? "" : "\n");
            if (remark == SETTINGS_REMARK_HELP) {
                fprintf(file, "# %s\n", setting_section_help(section));
            }
            fprintf(file, "%s:\n", section);
        }
        if (remark == SETTINGS_REMARK_HELP) {
            write_help(setting, file);
        }
        char buffer[SETTING_TEXT_CAPACITY];
        struct text text = text_in(buffer, sizeof buffer);
        configuration_print_value(configuration, i, &text);
        fprintf(file, "  %s: ", setting->key);
        write_value(setting, buffer, file);
        if (remark == SETTINGS_REMARK_ORIGIN) {
            char origin[SETTING_TEXT_CAPACITY + 16];
            struct text origin_text = text_in(origin, sizeof origin);
            configuration_print_origin(configuration, i, &origin_text);
            fprintf(file, "  # %s", origin);
        }
        fputc('\n', file);
    }
}
