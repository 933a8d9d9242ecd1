// SPDX-License-Identifier: Apache-2.0
#include "muster_world.h"

#include <cstring>
#include <godot_cpp/core/class_db.hpp>
#include <vector>

using namespace godot;

namespace
{

const uint32_t LOGIN_MS = 5000;

// Muster's x is east, y north, z up; Godot's y is up, and its z comes towards the viewer.
Vector3 place_of(const muster_sdk_entity &entity)
{
    return Vector3(entity.place[0], entity.place[2], -entity.place[1]);
}

} // namespace

MusterWorld::MusterWorld()
{
    muster_sdk_def def;
    muster_sdk_default_def(&def);
    const int32_t status = muster_sdk_create(MUSTER_SDK_ABI, &def, &client);
    ERR_FAIL_COND_MSG(status != MUSTER_SDK_OK, "cannot create a client");
}

MusterWorld::~MusterWorld()
{
    muster_sdk_destroy(client);
}

void MusterWorld::join(const String &server, const String &player_name)
{
    const CharString server_text = server.utf8();
    const CharString name_text = player_name.utf8();
    const char *name = name_text.length() > 0 ? name_text.get_data() : nullptr;
    has_failed = false;
    if (muster_sdk_join(client, server_text.get_data(), nullptr, name, LOGIN_MS) != MUSTER_SDK_OK) {
        fail();
    }
}

void MusterWorld::leave()
{
    has_failed = true;
    muster_sdk_leave(client);
}

bool MusterWorld::act(const String &action, const PackedFloat64Array &values)
{
    uint32_t sequence;
    return muster_sdk_act_by_name(client, action.utf8().get_data(), values.ptr(),
               (uint32_t)values.size(), &sequence) == MUSTER_SDK_OK;
}

bool MusterWorld::send(const String &message, const PackedByteArray &bytes)
{
    uint32_t index;
    return muster_sdk_find_message(client, message.utf8().get_data(), &index) == MUSTER_SDK_OK &&
           muster_sdk_send(client, index, bytes.ptr(), (uint32_t)bytes.size()) == MUSTER_SDK_OK;
}

TypedArray<Dictionary> MusterWorld::entities() const
{
    std::vector<muster_sdk_entity> room(MUSTER_SDK_ENTITY_COUNT_MAX);
    uint32_t count = 0;
    muster_sdk_get_entities(client, room.data(), (uint32_t)room.size(), &count);
    TypedArray<Dictionary> result;
    for (uint32_t i = 0; i < count; i++) {
        Dictionary entity;
        entity["id"] = (int64_t)room[i].id;
        entity["index"] = room[i].index;
        entity["kind"] = room[i].kind;
        entity["is_mine"] = room[i].is_mine != 0;
        if (room[i].has_place != 0) {
            entity["position"] = place_of(room[i]);
        }
        result.push_back(entity);
    }
    return result;
}

PackedFloat64Array MusterWorld::numbers(int64_t entity_index, const String &field) const
{
    PackedFloat64Array result;
    uint32_t field_index;
    muster_sdk_field def;
    double values[MUSTER_SDK_LANE_COUNT_MAX];
    if (muster_sdk_find_field(client, field.utf8().get_data(), &field_index) == MUSTER_SDK_OK &&
        muster_sdk_get_field(client, field_index, &def) == MUSTER_SDK_OK &&
        muster_sdk_get_numbers(client, (uint32_t)entity_index, field_index, values) ==
            MUSTER_SDK_OK) {
        for (uint32_t i = 0; i < def.lane_count; i++) {
            result.push_back(values[i]);
        }
    }
    return result;
}

bool MusterWorld::is_playing() const
{
    muster_sdk_info info;
    return muster_sdk_get_info(client, &info) == MUSTER_SDK_OK && info.state == MUSTER_SDK_PLAYING;
}

void MusterWorld::_process(double)
{
    if (has_failed) {
        return;
    }
    if (muster_sdk_update(client) != MUSTER_SDK_OK) {
        fail();
        return;
    }
    pop_events();
    pop_messages();
}

void MusterWorld::fail()
{
    muster_sdk_error error;
    muster_sdk_last_error(client, &error);
    has_failed = true;
    emit_signal("failed", String::utf8(error.text));
}

void MusterWorld::pop_events()
{
    muster_sdk_event event;
    while (muster_sdk_pop_event(client, &event) == MUSTER_SDK_OK) {
        const int64_t id = (int64_t)event.entity.id;
        if (event.type == MUSTER_SDK_RESET) {
            emit_signal("entities_forgotten");
        } else if (event.type == MUSTER_SDK_ENTER) {
            emit_signal("entity_entered", id, event.entity.kind, event.entity.is_mine != 0);
        } else {
            emit_signal("entity_left", id);
        }
    }
}

void MusterWorld::pop_messages()
{
    uint8_t bytes[MUSTER_SDK_MESSAGE_BYTES_MAX];
    uint32_t index;
    uint32_t length;
    while (muster_sdk_pop_message(client, &index, bytes, sizeof bytes, &length) == MUSTER_SDK_OK) {
        muster_sdk_message def;
        muster_sdk_get_message(client, index, &def);
        PackedByteArray array;
        array.resize(length);
        std::memcpy(array.ptrw(), bytes, length);
        emit_signal("message_received", String::utf8(def.name), array);
    }
}

void MusterWorld::_bind_methods()
{
    ClassDB::bind_method(D_METHOD("join", "server", "player_name"), &MusterWorld::join);
    ClassDB::bind_method(D_METHOD("leave"), &MusterWorld::leave);
    ClassDB::bind_method(D_METHOD("act", "action", "values"), &MusterWorld::act);
    ClassDB::bind_method(D_METHOD("send", "message", "bytes"), &MusterWorld::send);
    ClassDB::bind_method(D_METHOD("entities"), &MusterWorld::entities);
    ClassDB::bind_method(D_METHOD("numbers", "entity_index", "field"), &MusterWorld::numbers);
    ClassDB::bind_method(D_METHOD("is_playing"), &MusterWorld::is_playing);
    ADD_SIGNAL(MethodInfo("failed", PropertyInfo(Variant::STRING, "text")));
    ADD_SIGNAL(MethodInfo("entities_forgotten"));
    ADD_SIGNAL(MethodInfo("entity_entered", PropertyInfo(Variant::INT, "id"),
        PropertyInfo(Variant::INT, "kind"), PropertyInfo(Variant::BOOL, "is_mine")));
    ADD_SIGNAL(MethodInfo("entity_left", PropertyInfo(Variant::INT, "id")));
    ADD_SIGNAL(MethodInfo("message_received", PropertyInfo(Variant::STRING, "name"),
        PropertyInfo(Variant::PACKED_BYTE_ARRAY, "bytes")));
}
