// SPDX-License-Identifier: Apache-2.0

// The library as a third-party module: beside this file stand include/muster_client.h and, in
// lib/Linux/, libmuster_client.so.1 with what it needs.

using System.IO;
using UnrealBuildTool;

public class MusterSdk : ModuleRules
{
    public MusterSdk(ReadOnlyTargetRules Target) : base(Target)
    {
        Type = ModuleType.External;
        PublicSystemIncludePaths.Add(Path.Combine(ModuleDirectory, "include"));
        if (Target.Platform != UnrealTargetPlatform.Linux)
        {
            throw new BuildException("libmuster_client.so is built for Linux alone");
        }
        string Folder = Path.Combine(ModuleDirectory, "lib", "Linux");
        PublicAdditionalLibraries.Add(Path.Combine(Folder, "libmuster_client.so"));
        PublicRuntimeLibraryPaths.Add("$(BinaryOutputDir)");
        foreach (string Name in new[] {
            "libmuster_client.so.1", "libsodium.so.23", "libjansson.so.4" })
        {
            RuntimeDependencies.Add("$(BinaryOutputDir)/" + Name, Path.Combine(Folder, Name));
        }
    }
}
