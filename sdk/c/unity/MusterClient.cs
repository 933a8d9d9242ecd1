// SPDX-License-Identifier: Apache-2.0

// A player in a world, on MusterSdk.cs. Belongs to one thread at a time. Calls that fail throw a
// MusterException with the library's words; questions that have no answer return false or null.

using System;
using System.Text;

namespace Muster
{
    public sealed class MusterException : Exception
    {
        public readonly int Status;
        public readonly uint HttpStatus;

        public MusterException(int status, uint httpStatus, string text) : base(text)
        {
            Status = status;
            HttpStatus = httpStatus;
        }
    }

    public sealed unsafe class MusterClient : IDisposable
    {
        private IntPtr handle;
        private readonly MusterEntity[] entities = new MusterEntity[MusterSdk.EntityCountMax];
        private readonly byte[] message = new byte[MusterSdk.MessageBytesMax];
        private readonly double[] numbers = new double[MusterSdk.LaneCountMax];

        public MusterClient()
        {
            MusterSdk.muster_sdk_default_def(out MusterDef def);
            int status = MusterSdk.muster_sdk_create(MusterSdk.Abi, ref def, out handle);
            if (status != MusterSdk.Ok)
            {
                throw new MusterException(status, 0, "cannot create a client: " + status);
            }
        }

        ~MusterClient()
        {
            Dispose();
        }

        /// Leaves without a goodbye; call Leave() before.
        public void Dispose()
        {
            MusterSdk.muster_sdk_destroy(handle);
            handle = IntPtr.Zero;
            GC.SuppressFinalize(this);
        }

        /// Begins to join; Update() goes on with it.
        public void Join(string server, string name, uint timeoutMs = 5000)
        {
            Check(MusterSdk.muster_sdk_join(handle, Utf8(server), null, Utf8(name), timeoutMs));
        }

        /// Begins to join with a token that a back end has asked for.
        public void Connect(byte[] token)
        {
            Check(MusterSdk.muster_sdk_connect(handle, token, (uint)token.Length));
        }

        /// Once a frame. Throws when the login or the connection has failed.
        public void Update()
        {
            Check(MusterSdk.muster_sdk_update(handle));
        }

        /// Says goodbye, which takes 100 ms.
        public void Leave()
        {
            Check(MusterSdk.muster_sdk_leave(handle));
        }

        public MusterInfo Info
        {
            get
            {
                MusterSdk.muster_sdk_get_info(handle, out MusterInfo info);
                return info;
            }
        }

        public MusterStats Stats
        {
            get
            {
                MusterSdk.muster_sdk_get_stats(handle, out MusterStats stats);
                return stats;
            }
        }

        public bool IsPlaying
        {
            get { return Info.state == MusterSdk.Playing; }
        }

        /// Acts; false while the client does not play, or when too many actions wait to be counted.
        public bool Act(string action, params double[] values)
        {
            int status = MusterSdk.muster_sdk_act_by_name(
                handle, Utf8(action), values, (uint)values.Length, out uint sequence);
            if (status == MusterSdk.ErrNotFound || status == MusterSdk.ErrFull)
            {
                return false;
            }
            Check(status);
            return true;
        }

        /// The entities that the player may see; valid until the next call.
        public ReadOnlySpan<MusterEntity> Entities
        {
            get
            {
                MusterSdk.muster_sdk_get_entities(
                    handle, entities, (uint)entities.Length, out uint count);
                return new ReadOnlySpan<MusterEntity>(entities, 0, (int)count);
            }
        }

        /// Where an entity is: x east, y north, z up, in the game's units.
        public static (float x, float y, float z) PlaceOf(MusterEntity entity)
        {
            return (entity.place[0], entity.place[1], entity.place[2]);
        }

        public bool TryGetOwn(out MusterEntity entity)
        {
            return MusterSdk.muster_sdk_get_own(handle, out entity) == MusterSdk.Ok;
        }

        /// The numbers of a field; null if they are not known. Valid until the next call.
        public double[] Numbers(uint entityIndex, string field)
        {
            bool isKnown =
                MusterSdk.muster_sdk_find_field(handle, Utf8(field), out uint fieldIndex) ==
                    MusterSdk.Ok &&
                MusterSdk.muster_sdk_get_numbers(handle, entityIndex, fieldIndex, numbers) ==
                    MusterSdk.Ok;
            return isKnown ? numbers : null;
        }

        public bool PopEvent(out MusterEvent @event)
        {
            return MusterSdk.muster_sdk_pop_event(handle, out @event) == MusterSdk.Ok;
        }

        public void Send(string name, byte[] bytes)
        {
            Check(MusterSdk.muster_sdk_find_message(handle, Utf8(name), out uint index));
            Check(MusterSdk.muster_sdk_send(handle, index, bytes, (uint)bytes.Length));
        }

        public bool PopMessage(out string name, out byte[] bytes)
        {
            name = null;
            bytes = null;
            if (MusterSdk.muster_sdk_pop_message(handle, out uint index, message,
                    (uint)message.Length, out uint length) != MusterSdk.Ok)
            {
                return false;
            }
            MusterSdk.muster_sdk_get_message(handle, index, out MusterMessage def);
            name = Text(def.name, MusterSdk.NameBytes);
            bytes = new byte[length];
            Array.Copy(message, bytes, (int)length);
            return true;
        }

        private void Check(int status)
        {
            if (status == MusterSdk.Ok)
            {
                return;
            }
            MusterSdk.muster_sdk_last_error(handle, out MusterError error);
            string text = error.status == status ? Text(error.text, MusterSdk.ErrorTextBytes)
                                                 : "status " + status;
            throw new MusterException(status, error.httpStatus, text);
        }

        private static byte[] Utf8(string text)
        {
            return text == null ? null : Encoding.UTF8.GetBytes(text + "\0");
        }

        private static string Text(byte* bytes, int room)
        {
            int length = 0;
            while (length < room && bytes[length] != 0)
            {
                length++;
            }
            return Encoding.UTF8.GetString(bytes, length);
        }
    }
}
