//! The record of a release in the log: what its archive must hash to, in two lines.
//!
//! - the release of a version for a platform is the version `v0.0.1-goX.GOOS-GOARCH` of the module
//!   `golang.org/toolchain` (`cmd/go/internal/gover`, `cmd/distpack`); linux/arm is `linux-arm` here;
//! - its record is `MODULE VERSION H1` and `MODULE VERSION/go.mod H1`, each line ended by a newline;
//! - the second hash is that of the one `go.mod` that all of them have.
//!
//! So the record of a release follows from its version, its platform and the `h1` of its files: it never has to be
//! taken from the log.

use std::fmt;

use crate::release::{Platform, Version};
use crate::trust::H1;

const MODULE: &str = "golang.org/toolchain";
/// The hash of `module golang.org/toolchain` alone.
const GO_MOD_H1: &str = "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=";

/// A release as the log names it; its text is `golang.org/toolchain@v0.0.1-go1.27.1.linux-amd64`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolchainModule {
    version: String,
}

impl ToolchainModule {
    /// The release of `version` for `platform`.
    #[must_use]
    pub fn new(version: Version, platform: &Platform) -> Self {
        Self { version: format!("v0.0.1-{version}.{}-{}", platform.os(), platform.arch()) }
    }

    /// The module's version: `v0.0.1-go1.27.1.linux-amd64`.
    #[must_use]
    pub fn module_version(&self) -> &str {
        &self.version
    }

    /// Where the log answers for it, relative to the log's URL. Nothing in it needs escaping.
    #[must_use]
    pub fn lookup_path(&self) -> String {
        format!("lookup/{self}")
    }

    /// The record of the release if this is the `h1` of its files.
    #[must_use]
    pub fn record(&self, h1: H1) -> ToolchainRecord {
        ToolchainRecord { module: self.clone(), h1 }
    }

    /// The `h1` in the text of a record, if it is one of this release and of nothing else.
    pub(super) fn h1_in(&self, text: &str) -> Option<H1> {
        let (first_line, _) = text.split_once('\n')?;
        let h1 = first_line.strip_prefix(MODULE)?.strip_prefix(' ')?.strip_prefix(&self.version)?.strip_prefix(' ')?;
        // One record has one text, so that only the hash has to be read.
        h1.parse().ok().filter(|h1| self.record(*h1).text() == text)
    }
}

impl fmt::Display for ToolchainModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MODULE}@{}", self.version)
    }
}

/// What the log must hold for a release.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolchainRecord {
    module: ToolchainModule,
    h1: H1,
}

impl ToolchainRecord {
    /// The release.
    #[must_use]
    pub fn module(&self) -> &ToolchainModule {
        &self.module
    }

    /// The `h1` of its files.
    #[must_use]
    pub fn h1(&self) -> &H1 {
        &self.h1
    }

    /// The record as the log hashes it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { module: ToolchainModule { version }, h1 } = self;
        format!("{MODULE} {version} {h1}\n{MODULE} {version}/go.mod {GO_MOD_H1}\n")
    }
}
