// SPDX-License-Identifier: Apache-2.0
#include "muster/schema.h"

void muster_channel_defaults(muster_channel_def out_channels[MUSTER_CHANNEL_COUNT])
{
    out_channels[MUSTER_CHANNEL_CRITICAL] = (muster_channel_def){.rate_hz = 60, .radius_m = 50.0f};
    out_channels[MUSTER_CHANNEL_DETAILED] = (muster_channel_def){.rate_hz = 30, .radius_m = 150.0f};
    out_channels[MUSTER_CHANNEL_COSMETIC] = (muster_channel_def){.rate_hz = 15, .radius_m = 300.0f};
    out_channels[MUSTER_CHANNEL_METADATA] = (muster_channel_def){.rate_hz = 5, .radius_m = 1000.0f};
}
