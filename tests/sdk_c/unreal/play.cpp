// SPDX-License-Identifier: Apache-2.0

// The wrapper of sdk/c/unreal plays the game hello: joins, walks north, chats and leaves; prints
// what an engine would see.

#include "MusterClient.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

namespace
{
constexpr int FramesMax = 3600;

struct FSeen {
    bool bHasForgotten = false;
    bool bIsSelfSeen = false;
    bool bHasHeard = false;
    bool bIsSaid = false;
    double North = 0.0;
};

void PlayFrame(FMusterClient &Client, FSeen &Seen)
{
    TArray<double> Walk;
    Walk.Add(1.57);
    Walk.Add(5.0);
    Client.Act(u"walk", Walk);
    TArray<uint8> Bytes;
    Bytes.Add('h');
    Bytes.Add('i');
    Seen.bIsSaid = Seen.bIsSaid || Client.Send(u"chat", Bytes);
    EMusterChange Change;
    FMusterEntity Entity;
    while (Client.PopChange(Change, Entity)) {
        Seen.bHasForgotten = Seen.bHasForgotten || Change == EMusterChange::Forgotten;
        Seen.bIsSelfSeen = Seen.bIsSelfSeen || (Change == EMusterChange::Entered && Entity.bIsMine);
    }
    FString Name;
    while (Client.PopMessage(Name, Bytes)) {
        Seen.bHasHeard = Bytes.Num() == 2 && std::u16string(*Name) == u"chat";
    }
    TArray<FMusterEntity> Entities;
    Client.GetEntities(Entities);
    TArray<double> Numbers;
    if (Entities.Num() == 1 && Client.GetNumbers(Entities[0].Index, u"position", Numbers)) {
        Seen.North = Entities[0].bHasPlace ? -Entities[0].Place.Y : 0.0;
    }
}
} // namespace

int main(int argc, char **argv)
{
    const FUTF8ToTCHAR Server(argc > 1 ? argv[1] : "");
    FMusterClient Client;
    FSeen Seen;
    bool bIsGood = Client.Join(Server.Get(), u"ada");
    for (int Frame = 0; bIsGood && Frame < FramesMax && !(Seen.North > 100.0 && Seen.bHasHeard);
         Frame++) {
        bIsGood = Client.Tick();
        if (Client.IsPlaying()) {
            PlayFrame(Client, Seen);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
    }
    Client.Leave();
    std::printf("%s\n",
        bIsGood && Seen.bHasForgotten && Seen.bIsSelfSeen && Seen.bHasHeard && Seen.North > 100.0
            ? "saw itself walk north"
            : FTCHARToUTF8(*Client.GetError()).Get());
    return 0;
}
