// SPDX-License-Identifier: Apache-2.0
#include "MusterClient.h"

namespace
{
constexpr uint32 LoginMs = 5000;
constexpr double CentimetresPerMetre = 100.0;

FMusterEntity EntityFrom(const muster_sdk_entity &Entity)
{
    FMusterEntity Result;
    Result.Id = Entity.id;
    Result.Index = Entity.index;
    Result.Kind = Entity.kind;
    Result.bIsMine = Entity.is_mine != 0;
    Result.bHasPlace = Entity.has_place != 0;
    // Muster's y is north; Unreal's axes are left-handed.
    Result.Place =
        FVector(Entity.place[0], -Entity.place[1], Entity.place[2]) * CentimetresPerMetre;
    return Result;
}
} // namespace

FMusterClient::FMusterClient()
{
    muster_sdk_def Def;
    muster_sdk_default_def(&Def);
    const int32 Status = muster_sdk_create(MUSTER_SDK_ABI, &Def, &Client);
    UE_CLOG(Status != MUSTER_SDK_OK, LogTemp, Error, TEXT("No Muster client: %d"), Status);
    Room.SetNumZeroed(MUSTER_SDK_ENTITY_COUNT_MAX);
}

FMusterClient::~FMusterClient()
{
    muster_sdk_destroy(Client);
}

bool FMusterClient::Join(const FString &Server, const FString &PlayerName)
{
    const FTCHARToUTF8 ServerText(*Server);
    const FTCHARToUTF8 NameText(*PlayerName);
    return muster_sdk_join(Client, ServerText.Get(), nullptr,
               PlayerName.IsEmpty() ? nullptr : NameText.Get(), LoginMs) == MUSTER_SDK_OK;
}

bool FMusterClient::Tick()
{
    return muster_sdk_update(Client) == MUSTER_SDK_OK;
}

void FMusterClient::Leave()
{
    muster_sdk_leave(Client);
}

bool FMusterClient::IsPlaying() const
{
    muster_sdk_info Info;
    return muster_sdk_get_info(Client, &Info) == MUSTER_SDK_OK && Info.state == MUSTER_SDK_PLAYING;
}

FString FMusterClient::GetError() const
{
    muster_sdk_error Error;
    muster_sdk_last_error(Client, &Error);
    return FString(UTF8_TO_TCHAR(Error.text));
}

bool FMusterClient::Act(const FString &Action, const TArray<double> &Values)
{
    uint32 Sequence;
    return muster_sdk_act_by_name(Client, FTCHARToUTF8(*Action).Get(), Values.GetData(),
               (uint32)Values.Num(), &Sequence) == MUSTER_SDK_OK;
}

bool FMusterClient::Send(const FString &Message, const TArray<uint8> &Bytes)
{
    uint32 Index;
    return muster_sdk_find_message(Client, FTCHARToUTF8(*Message).Get(), &Index) == MUSTER_SDK_OK &&
           muster_sdk_send(Client, Index, Bytes.GetData(), (uint32)Bytes.Num()) == MUSTER_SDK_OK;
}

bool FMusterClient::PopChange(EMusterChange &OutChange, FMusterEntity &OutEntity)
{
    muster_sdk_event Event;
    if (muster_sdk_pop_event(Client, &Event) != MUSTER_SDK_OK) {
        return false;
    }
    OutChange = Event.type == MUSTER_SDK_ENTER   ? EMusterChange::Entered
                : Event.type == MUSTER_SDK_LEAVE ? EMusterChange::Left
                                                 : EMusterChange::Forgotten;
    OutEntity = EntityFrom(Event.entity);
    return true;
}

bool FMusterClient::PopMessage(FString &OutMessage, TArray<uint8> &OutBytes)
{
    uint32 Index;
    uint32 Length;
    OutBytes.SetNumUninitialized(MUSTER_SDK_MESSAGE_BYTES_MAX);
    const bool bIsThere = muster_sdk_pop_message(Client, &Index, OutBytes.GetData(),
                              (uint32)OutBytes.Num(), &Length) == MUSTER_SDK_OK;
    OutBytes.SetNumUninitialized(bIsThere ? (int32)Length : 0);
    muster_sdk_message Def;
    if (bIsThere && muster_sdk_get_message(Client, Index, &Def) == MUSTER_SDK_OK) {
        OutMessage = FString(UTF8_TO_TCHAR(Def.name));
    }
    return bIsThere;
}

void FMusterClient::GetEntities(TArray<FMusterEntity> &OutEntities)
{
    uint32 Count;
    muster_sdk_get_entities(Client, Room.GetData(), (uint32)Room.Num(), &Count);
    OutEntities.Reset();
    for (uint32 Index = 0; Index < Count; Index++) {
        OutEntities.Add(EntityFrom(Room[(int32)Index]));
    }
}

bool FMusterClient::GetNumbers(
    uint32 EntityIndex, const FString &Field, TArray<double> &OutNumbers) const
{
    uint32 FieldIndex;
    OutNumbers.SetNumZeroed(MUSTER_SDK_LANE_COUNT_MAX);
    return muster_sdk_find_field(Client, FTCHARToUTF8(*Field).Get(), &FieldIndex) ==
               MUSTER_SDK_OK &&
           muster_sdk_get_numbers(Client, EntityIndex, FieldIndex, OutNumbers.GetData()) ==
               MUSTER_SDK_OK;
}
