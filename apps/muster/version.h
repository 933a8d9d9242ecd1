// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Which program this is.

/// "0.1.0".
const char *muster_version(void);

/// The commit it was built from, with "-dirty" when the sources differ from it; "unknown" when it
/// was built outside a repository. Set anew by every build.
const char *muster_commit(void);
