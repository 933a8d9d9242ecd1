// SPDX-License-Identifier: Apache-2.0

// The C interface of sdk/c/muster_client.h as C# sees it: the same functions, structs and numbers,
// checked against the header by tests/sdk_c/bindings_test.py. What they mean stands there. Every
// struct is blittable, so nothing is copied on the way. MusterClient.cs has them in comfort.

using System;
using System.Runtime.InteropServices;

namespace Muster
{
    [StructLayout(LayoutKind.Sequential)]
    public struct MusterDef
    {
        public uint resumeAfterMs;
        public uint resumeWindowMs;
        public uint marginTicks;
        public uint sendTicks;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterError
    {
        public int status;
        public uint httpStatus;
        public fixed byte code[32];
        public fixed byte text[256];
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MusterInfo
    {
        public ulong tick;
        public ulong newestTick;
        public double renderTick;
        public int state;
        public uint closeReason;
        public uint playerIndex;
        public uint tickRateHz;
        public uint actionCount;
        public uint messageCount;
        public uint fieldCount;
        public uint entityCount;
        public uint countedSequence;
        public uint pendingCount;
        public uint isLeaving;
        public uint unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterAction
    {
        public fixed byte name[32];
        public uint paramCount;
        public uint rateHzMax;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterParam
    {
        public fixed byte name[32];
        public double min;
        public double max;
        public double precision;
        public uint isReal;
        public uint unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterMessage
    {
        public fixed byte name[32];
        public uint bytesMax;
        public uint isReliable;
        public uint isFromPlayers;
        public uint unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterField
    {
        public fixed byte name[32];
        public double min;
        public double max;
        public double precision;
        public uint laneCount;
        public uint encoding;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterEntity
    {
        public ulong id;
        public ulong tick;
        public uint index;
        public uint kind;
        public uint isMine;
        public uint hasPlace;
        public fixed float place[4];
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MusterEvent
    {
        public uint type;
        public uint unused;
        public MusterEntity entity;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct MusterPending
    {
        public ulong tick;
        public uint sequence;
        public uint actionIndex;
        public uint valueCount;
        public uint unused;
        public fixed double values[16];
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MusterStats
    {
        public ulong updates;
        public ulong updatesRefused;
        public ulong refreshes;
        public ulong resumes;
        public ulong packetsSent;
        public ulong packetsReceived;
        public ulong bytesSent;
        public ulong bytesReceived;
        public ulong messagesDropped;
        public uint rttUs;
        public uint lossPpm;
        public uint interpolationUs;
        public int marginTicks;
    }

    public static class MusterSdk
    {
        public const int Abi = 1;
        public const int NameBytes = 32;
        public const int TokenBytes = 2048;
        public const int ErrorCodeBytes = 32;
        public const int ErrorTextBytes = 256;
        public const int MessageBytesMax = 1024;
        public const int ParamCountMax = 16;
        public const int PendingCountMax = 64;
        public const int LaneCountMax = 4;
        public const int EntityCountMax = 4096;

        public const int Ok = 0;
        public const int ErrInvalid = -1;
        public const int ErrNoMemory = -2;
        public const int ErrFull = -3;
        public const int ErrMalformed = -4;
        public const int ErrNotFound = -5;
        public const int ErrIo = -6;
        public const int ErrDenied = -7;
        public const int ErrVersion = -8;
        public const int ErrTimedOut = -9;

        public const int Refused = -3;
        public const int Unreachable = -2;
        public const int Closed = -1;
        public const int Idle = 0;
        public const int Connecting = 1;
        public const int Joining = 2;
        public const int Playing = 3;
        public const int Resuming = 4;
        public const int LoggingIn = 5;

        public const int Enter = 1;
        public const int Leave = 2;
        public const int Reset = 3;

        public const int Uint = 0;
        public const int Float = 1;
        public const int Position = 2;
        public const int Angle = 3;

        private const string Library = "muster_client";

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern uint muster_sdk_abi();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_default_def(out MusterDef def);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern void muster_sdk_destroy(IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_create(uint abi, ref MusterDef def, out IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_join(
            IntPtr client, byte[] server, byte[] apiKey, byte[] name, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_connect(IntPtr client, byte[] token, uint tokenBytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_update(IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_wait(IntPtr client, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_leave(IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_begin_leave(IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_last_error(IntPtr client, out MusterError error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_info(IntPtr client, out MusterInfo info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_stats(IntPtr client, out MusterStats stats);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_find_action(
            IntPtr client, byte[] name, out uint index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_find_message(
            IntPtr client, byte[] name, out uint index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_find_field(
            IntPtr client, byte[] name, out uint index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_action(
            IntPtr client, uint actionIndex, out MusterAction action);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_param(
            IntPtr client, uint actionIndex, uint paramIndex, out MusterParam param);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_message(
            IntPtr client, uint messageIndex, out MusterMessage message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_field(
            IntPtr client, uint fieldIndex, out MusterField field);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_act(
            IntPtr client, uint actionIndex, double[] values, uint valueCount, out uint sequence);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_act_by_name(
            IntPtr client, byte[] name, double[] values, uint valueCount, out uint sequence);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_pending(
            IntPtr client, [Out] MusterPending[] actions, uint capacity, out uint count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_entities(
            IntPtr client, [Out] MusterEntity[] entities, uint capacity, out uint count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_entity(
            IntPtr client, uint entityIndex, out MusterEntity entity);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_own(IntPtr client, out MusterEntity entity);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_numbers(
            IntPtr client, uint entityIndex, uint fieldIndex, [Out] double[] numbers);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_get_place(
            IntPtr client, uint entityIndex, double tick, [Out] float[] place);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_pop_event(IntPtr client, out MusterEvent @event);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_send(
            IntPtr client, uint messageIndex, byte[] bytes, uint length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern int muster_sdk_pop_message(
            IntPtr client, out uint messageIndex, [Out] byte[] bytes, uint capacity,
            out uint length);
    }
}
