// SPDX-License-Identifier: Apache-2.0
#pragma once

/// As much of Unreal's core as the wrapper of sdk/c/unreal uses, with the same names and types, so
/// that a compiler looks at it where there is no engine. TCHAR is char16_t on Linux, as there.

#include <cstdint>
#include <string>
#include <vector>

using uint8 = std::uint8_t;
using int32 = std::int32_t;
using uint32 = std::uint32_t;
using uint64 = unsigned long long;
using TCHAR = char16_t;

#define TEXT(text)          u##text
#define UTF8_TO_TCHAR(text) FUTF8ToTCHAR(text).Get()
#define UE_CLOG(condition, category, verbosity, ...)                                               \
    do {                                                                                           \
        if (condition) {                                                                           \
            Log(__VA_ARGS__);                                                                      \
        }                                                                                          \
    } while (false)

template <typename... Arguments> void Log(const TCHAR *, Arguments...)
{
}

class FString
{
  public:
    FString() = default;
    FString(const TCHAR *Text) : Characters(Text)
    {
    }
    const TCHAR *operator*() const
    {
        return Characters.c_str();
    }
    bool IsEmpty() const
    {
        return Characters.empty();
    }

  private:
    std::u16string Characters;
};

class FTCHARToUTF8
{
  public:
    explicit FTCHARToUTF8(const TCHAR *Text)
    {
        for (; *Text != 0; Text++) {
            Bytes.push_back((char)*Text);
        }
    }
    const char *Get() const
    {
        return Bytes.c_str();
    }

  private:
    std::string Bytes;
};

class FUTF8ToTCHAR
{
  public:
    explicit FUTF8ToTCHAR(const char *Text)
    {
        for (; *Text != 0; Text++) {
            Characters.push_back((TCHAR)(unsigned char)*Text);
        }
    }
    const TCHAR *Get() const
    {
        return Characters.c_str();
    }

  private:
    std::u16string Characters;
};

template <typename Element> class TArray
{
  public:
    int32 Num() const
    {
        return (int32)Elements.size();
    }
    Element *GetData()
    {
        return Elements.data();
    }
    const Element *GetData() const
    {
        return Elements.data();
    }
    Element &operator[](int32 Index)
    {
        return Elements[(std::size_t)Index];
    }
    void Add(const Element &Value)
    {
        Elements.push_back(Value);
    }
    void Reset()
    {
        Elements.clear();
    }
    void SetNumZeroed(int32 Count)
    {
        Elements.assign((std::size_t)Count, Element{});
    }
    void SetNumUninitialized(int32 Count)
    {
        Elements.resize((std::size_t)Count);
    }

  private:
    std::vector<Element> Elements;
};

struct FVector {
    FVector(double InX, double InY, double InZ) : X(InX), Y(InY), Z(InZ)
    {
    }
    FVector operator*(double Scale) const
    {
        return FVector(X * Scale, Y * Scale, Z * Scale);
    }
    static const FVector ZeroVector;
    double X, Y, Z;
};
inline const FVector FVector::ZeroVector(0.0, 0.0, 0.0);
