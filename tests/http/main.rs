//! Hostile and broken servers: every row of the table of what HTTP can do to a download is a test of its name.
//!
//! Most are shown on the public API, whose patience is a test's to choose; what a user sees of them, through the
//! binary. After every refusal the same call succeeds once the fault is over.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod answers;
mod floods;
mod lanes;
mod proxies;
mod race;
mod redirects;
mod resume;
#[path = "../support/mod.rs"]
mod support;
mod sweep;
mod tls;
mod together;
mod transfers;

use support::binary::assert_installed;
use support::depot::Depot;
use support::refusal::assert_refused;
use support::sdk::Sdk;
use support::server::Fault;

const ASC_PATH: &str = "/go1.22.5.linux-amd64.tar.gz.asc";
const REFUSED: (i32, &str) = (4, "transport-refused");
const NETWORK: (i32, &str) = (4, "network");

/// What a user asks for in these tests.
fn sdk() -> Sdk {
    Sdk::minimal("go1.22.5", "linux/amd64")
}

/// A case, the path whose next requests meet these faults, and how the binary ends.
type Row = (&'static str, &'static str, Vec<Fault>, (i32, &'static str));

/// Runs `goverify fetch` against each row's server, and once more when its faults are over.
#[track_caller]
fn through_the_binary(rows: impl IntoIterator<Item = Row>) {
    for (case, path, faults, expected) in rows {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        depot.break_path(&server, path, faults);
        assert_refused(&depot.home, depot.fetch(&server.url(), &["--json"]), expected, case);
        depot.fetch(&server.url(), &[]).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
    }
}
