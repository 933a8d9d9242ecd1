// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A player in a world of Muster, for the game thread: an actor or a subsystem has one and calls
/// Tick() each frame. Places are Unreal's: centimetres, x east, y south, z up.

#include "CoreMinimal.h"
#include "muster_client.h"

/// An entity that the player may see.
struct FMusterEntity {
    uint64 Id = 0;
    uint32 Index = 0;
    uint32 Kind = 0;
    bool bIsMine = false;
    bool bHasPlace = false;
    FVector Place = FVector::ZeroVector;
};

/// What became of entities.
enum class EMusterChange : uint8 { Entered, Left, Forgotten };

class FMusterClient
{
  public:
    FMusterClient();
    ~FMusterClient();
    FMusterClient(const FMusterClient &) = delete;
    FMusterClient &operator=(const FMusterClient &) = delete;

    /// Begins to join; Tick() goes on with it.
    bool Join(const FString &Server, const FString &PlayerName);

    /// Once a frame. False when the login or the connection has failed: GetError() says why.
    bool Tick();

    /// Says goodbye, which takes 100 ms.
    void Leave();

    bool IsPlaying() const;

    /// One line for a person.
    FString GetError() const;

    /// Acts; false while the client does not play, or if it cannot.
    bool Act(const FString &Action, const TArray<double> &Values);

    /// Sends a custom message; false if it cannot.
    bool Send(const FString &Message, const TArray<uint8> &Bytes);

    /// Takes the next change, or the next message; false when there is none.
    bool PopChange(EMusterChange &OutChange, FMusterEntity &OutEntity);
    bool PopMessage(FString &OutMessage, TArray<uint8> &OutBytes);

    /// All entities; and the numbers of a field, false if they are not known.
    void GetEntities(TArray<FMusterEntity> &OutEntities);
    bool GetNumbers(uint32 EntityIndex, const FString &Field, TArray<double> &OutNumbers) const;

  private:
    muster_sdk_client *Client = nullptr;
    TArray<muster_sdk_entity> Room;
};
