// SPDX-License-Identifier: Apache-2.0

// A world of the game hello in a scene: an object for each entity, and the player walks by the keys
// of Unity's axes.

using System;
using System.Collections.Generic;
using UnityEngine;

namespace Muster
{
    public sealed class MusterWorld : MonoBehaviour
    {
        public string server = "127.0.0.1:7777";
        public string playerName = "ada";
        public GameObject prefab;

        private readonly Dictionary<ulong, GameObject> objects = new Dictionary<ulong, GameObject>();
        private MusterClient client;

        private void OnEnable()
        {
            client = new MusterClient();
            client.Join(server, playerName);
        }

        private void OnDisable()
        {
            client.Leave();
            client.Dispose();
            Forget();
        }

        private void Update()
        {
            try
            {
                client.Update();
            }
            catch (MusterException exception)
            {
                Debug.LogError(exception.Message);
                enabled = false;
                return;
            }
            while (client.PopEvent(out MusterEvent change))
            {
                Follow(change);
            }
            double x = Input.GetAxis("Horizontal");
            double y = Input.GetAxis("Vertical");
            client.Act("walk", Math.Atan2(y, x), 5.0 * Math.Min(1.0, Math.Sqrt(x * x + y * y)));
            foreach (MusterEntity entity in client.Entities)
            {
                if (entity.hasPlace == 1 && objects.TryGetValue(entity.id, out GameObject shown))
                {
                    // Muster's x is east, y north, z up; Unity's y is up.
                    var (east, north, up) = MusterClient.PlaceOf(entity);
                    shown.transform.position = new Vector3(east, up, north);
                }
            }
        }

        private void Follow(MusterEvent change)
        {
            if (change.type == MusterSdk.Reset)
            {
                Forget();
            }
            else if (change.type == MusterSdk.Enter)
            {
                objects[change.entity.id] = Instantiate(prefab);
            }
            else if (objects.TryGetValue(change.entity.id, out GameObject gone))
            {
                Destroy(gone);
                objects.Remove(change.entity.id);
            }
        }

        private void Forget()
        {
            foreach (GameObject shown in objects.Values)
            {
                Destroy(shown);
            }
            objects.Clear();
        }
    }
}
