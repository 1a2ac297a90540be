//! A transparency log of some hundred records that all targets of the log ask.

use std::sync::LazyLock;

use goverify::trust::{LogKey, ToolchainModule};

use crate::support::log::{TestLog, toolchain};

/// More than two tiles of Go's height, and of every lower height many.
pub(crate) const RECORDS: u64 = 700;
/// The record of the release that is asked for.
pub(crate) const RECORD: u64 = 300;
/// The hash that the log has for the release.
pub(crate) const H1: &str = "h1:2y3mYVmhXmbrvYbFbBMIuTmxMJHyCLBn/Pp7mKrMA4s=";

pub(crate) static LOG: LazyLock<TestLog> =
    LazyLock::new(|| TestLog::with(RECORDS, &[(RECORD, &toolchain(MODULE.module_version(), H1))]));

/// The release.
pub(crate) static MODULE: LazyLock<ToolchainModule> =
    LazyLock::new(|| ToolchainModule::new("go1.22.5".parse().unwrap(), &"linux/amd64".parse().unwrap()));

/// The log's key as goverify has it.
pub(crate) static KEY: LazyLock<LogKey> = LazyLock::new(|| LOG.key().text().parse().unwrap());
