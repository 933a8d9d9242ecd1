// SPDX-License-Identifier: Apache-2.0
#pragma once

/// MusterWorld: a node that joins a world. It updates itself each frame and tells the scene by
/// signals; what is in the world stands in entities().

#include "muster_client.h"

#include <godot_cpp/classes/node.hpp>
#include <godot_cpp/variant/packed_byte_array.hpp>
#include <godot_cpp/variant/packed_float64_array.hpp>
#include <godot_cpp/variant/string.hpp>
#include <godot_cpp/variant/typed_array.hpp>
#include <godot_cpp/variant/vector3.hpp>

class MusterWorld : public godot::Node
{
    GDCLASS(MusterWorld, godot::Node)

  public:
    MusterWorld();
    ~MusterWorld() override;

    /// Begins to join. The signal `failed` says if that, or anything later, cannot be.
    void join(const godot::String &server, const godot::String &player_name);

    /// Says goodbye, which takes 100 ms.
    void leave();

    /// Acts; false while the client does not play, or if it cannot.
    bool act(const godot::String &action, const godot::PackedFloat64Array &values);

    /// Sends a custom message; false if it cannot.
    bool send(const godot::String &message, const godot::PackedByteArray &bytes);

    /// A dictionary for each entity: id, index, kind, is_mine, position.
    godot::TypedArray<godot::Dictionary> entities() const;

    /// The numbers of a field; empty if they are not known.
    godot::PackedFloat64Array numbers(int64_t entity_index, const godot::String &field) const;

    bool is_playing() const;

    void _process(double delta) override;

  protected:
    static void _bind_methods();

  private:
    void fail();
    void pop_events();
    void pop_messages();

    muster_sdk_client *client = nullptr;
    bool has_failed = true; // nothing to update before the first join
};
