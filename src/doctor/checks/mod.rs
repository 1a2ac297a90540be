//! What may be unsound in a chain, one file a link of it.

mod access;
mod gobin;
mod goroot;
mod release;
mod settings;
mod tools;

use super::{AccessFault, Chain, Finding, Surroundings};
use crate::release::ReleaseIndex;

/// All that is to be said of a chain, and who may change what runs without being allowed to.
pub(super) fn check(
    surroundings: &Surroundings,
    chain: &Chain,
    index: Option<&ReleaseIndex>,
) -> (Vec<Finding>, Vec<AccessFault>) {
    let mut findings = goroot::check(surroundings, chain);
    findings.extend(tools::check(surroundings, chain));
    findings.extend(gobin::check(surroundings, chain));
    let (access, faults) = access::check(surroundings, chain);
    findings.extend(access);
    findings.extend(settings::check(chain));
    findings.extend(index.and_then(|index| release::check(chain, index)));
    (findings, faults)
}
