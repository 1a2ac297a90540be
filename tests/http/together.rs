//! What needs nothing of each other is asked for at the same time: a server that answers one only after the other was
//! asked for would else be waited for in vain.

use super::support::binary::{INDEX_QUERY, assert_installed};
use super::support::depot::Depot;
use super::support::server::Fault;
use super::support::world::PATH;
use super::{ASC_PATH, sdk};

/// Fetches `version` from a mirror whose `first` waits for a request of `second`.
fn fetch(version: &str, first: &str, second: &str) {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    depot.break_path(&server, first, [Fault::After(second.to_owned())]);
    let to = depot.destination();
    depot.run(&server.url(), &[version, "linux/amd64", "--to", to.to_str().unwrap()]).exits(0);
    assert_installed(&to, &sdk(), true);
}

#[test]
fn both_places_of_an_index_are_asked_at_once() {
    fetch("1.22.5", INDEX_QUERY, "/index.json");
}

#[test]
fn the_signature_of_an_exact_version_is_asked_for_together_with_the_index() {
    fetch("1.22.5", INDEX_QUERY, ASC_PATH);
}

#[test]
fn the_signature_of_what_the_index_selects_is_asked_for_together_with_the_archive() {
    fetch("1.22", ASC_PATH, PATH);
}
