// SPDX-License-Identifier: Apache-2.0
#pragma once

/// As much of godot-cpp as the extension of sdk/c/godot uses, with the same names and types, so that
/// a compiler looks at it where there is no engine. Nothing of it does anything but hold values.

#include "gdextension_interface.h"

#include <cstdint>
#include <string>
#include <vector>

#define GDE_EXPORT __attribute__((visibility("default")))
#define GDCLASS(name, base)
#define GDREGISTER_CLASS(name) godot::ClassDB::register_class<name>()
#define D_METHOD(...)                                                                              \
    godot::MethodNames                                                                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ADD_SIGNAL(signal) godot::ClassDB::add_signal(signal)
#define ERR_FAIL_COND_MSG(condition, text)                                                         \
    do {                                                                                           \
        if (condition) {                                                                           \
            return;                                                                                \
        }                                                                                          \
    } while (false)

namespace godot
{
enum ModuleInitializationLevel { MODULE_INITIALIZATION_LEVEL_SCENE = 2 };

class CharString
{
  public:
    const char *get_data() const
    {
        return bytes.c_str();
    }
    int64_t length() const
    {
        return (int64_t)bytes.size();
    }
    std::string bytes;
};

class String
{
  public:
    String() = default;
    String(const char *text) : bytes(text)
    {
    }
    CharString utf8() const
    {
        return CharString{bytes};
    }
    static String utf8(const char *text)
    {
        return String(text);
    }

  private:
    std::string bytes;
};

template <typename Element> class PackedArray
{
  public:
    int64_t size() const
    {
        return (int64_t)elements.size();
    }
    const Element *ptr() const
    {
        return elements.data();
    }
    Element *ptrw()
    {
        return elements.data();
    }
    void push_back(Element element)
    {
        elements.push_back(element);
    }
    int64_t resize(int64_t count)
    {
        elements.resize((std::size_t)count);
        return 0;
    }

  private:
    std::vector<Element> elements;
};
using PackedByteArray = PackedArray<uint8_t>;
using PackedFloat64Array = PackedArray<double>;

struct Vector3 {
    Vector3(float in_x, float in_y, float in_z) : x(in_x), y(in_y), z(in_z)
    {
    }
    float x, y, z;
};

class Variant
{
  public:
    enum Type { BOOL, INT, STRING, PACKED_BYTE_ARRAY };
    Variant() = default;
    Variant(bool)
    {
    }
    Variant(int64_t)
    {
    }
    Variant(uint32_t)
    {
    }
    Variant(const String &)
    {
    }
    Variant(const PackedByteArray &)
    {
    }
    Variant(const Vector3 &)
    {
    }
};

class Dictionary
{
  public:
    Variant &operator[](const char *)
    {
        return last;
    }

  private:
    Variant last;
};

template <typename Element> class TypedArray
{
  public:
    void push_back(const Element &element)
    {
        elements.push_back(element);
    }

  private:
    std::vector<Element> elements;
};

class Node
{
  public:
    virtual ~Node() = default;
    virtual void _process(double)
    {
    }
    template <typename... Arguments> int emit_signal(const char *, const Arguments &...arguments)
    {
        const Variant values[] = {Variant(), Variant(arguments)...};
        return sizeof values > 0 ? 0 : 1;
    }
};

struct PropertyInfo {
    PropertyInfo(Variant::Type, const char *)
    {
    }
};

struct MethodInfo {
    template <typename... Properties> MethodInfo(const char *, const Properties &...)
    {
    }
};

struct MethodNames {
    template <typename... Names> MethodNames(const Names *...)
    {
    }
};

class ClassDB
{
  public:
    template <typename Method> static void bind_method(const MethodNames &, Method)
    {
    }
    static void add_signal(const MethodInfo &)
    {
    }
    template <typename Class> static void register_class()
    {
    }
};

class GDExtensionBinding
{
  public:
    class InitObject
    {
      public:
        InitObject(GDExtensionInterfaceGetProcAddress,
            GDExtensionClassLibraryPtr,
            GDExtensionInitialization *)
        {
        }
        void register_initializer(void (*)(ModuleInitializationLevel))
        {
        }
        void register_terminator(void (*)(ModuleInitializationLevel))
        {
        }
        void set_minimum_library_initialization_level(ModuleInitializationLevel)
        {
        }
        GDExtensionBool init()
        {
            return 1;
        }
    };
};
} // namespace godot
