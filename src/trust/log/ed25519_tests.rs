//! Vectors of others, found through `GOVERIFY_CORPORA`, and what strictness means among them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::*;

/// A file of the corpora, or `None` and a word about it.
fn corpus(name: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("GOVERIFY_CORPORA").map(PathBuf::from) else {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_CORPORA is not set\n").unwrap();
        return None;
    };
    Some(serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|key| PublicKey::parse(key).ok());
    key.is_some_and(|key| key.verify(message, signature).is_some())
}

#[test]
fn l05_wycheproof_agrees_in_every_case() {
    let Some(corpus) = corpus("wycheproof/ed25519_test.json") else { return };
    let mut counts = BTreeMap::new();
    for group in corpus["testGroups"].as_array().unwrap() {
        let key = bytes(&group["publicKey"]["pk"]);
        for case in group["tests"].as_array().unwrap() {
            let accepted = accepts(&key, &bytes(&case["msg"]), &bytes(&case["sig"]));
            assert_eq!(accepted, case["result"] == "valid", "{case}");
            *counts.entry(accepted).or_insert(0) += 1;
        }
    }
    assert_eq!(counts, BTreeMap::from([(true, 88), (false, 63)]));
}

/// The CCTV vectors are cases over which implementations disagree, each with flags for what is odd about it. Strict
/// verification refuses exactly those with one of five flags: A or R is of small order or in another encoding than the
/// canonical one, or the equation holds only with the cofactor (`low_order_residue`). RFC 8032 lets an implementation
/// accept small orders and residues. What is accepted has at most components of small order that cancel out.
#[test]
fn l05_cctv_edge_cases_are_accepted_only_where_nothing_is_small_or_in_another_encoding() {
    let Some(corpus) = corpus("cctv/ed25519vectors.json") else { return };
    let refused =
        BTreeSet::from(["low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"]);
    let mut accepted = BTreeMap::new();
    for case in corpus.as_array().unwrap() {
        let flags: BTreeSet<&str> =
            case["flags"].as_array().into_iter().flatten().map(|f| f.as_str().unwrap()).collect();
        let good = accepts(&bytes(&case["key"]), case["msg"].as_str().unwrap().as_bytes(), &bytes(&case["sig"]));
        assert_eq!(good, flags.is_disjoint(&refused), "{case}");
        if good {
            *accepted.entry(flags.into_iter().collect::<Vec<_>>().join(" ")).or_insert(0) += 1;
        }
    }
    assert_eq!(corpus.as_array().unwrap().len(), 914);
    let expected = [("", 1), ("low_order_component_A", 7), ("low_order_component_A low_order_component_R", 35)];
    assert_eq!(accepted, expected.map(|(flags, count)| (flags.to_owned(), count)).into());
}

#[test]
fn l05_weak_keys_and_other_encodings_of_a_key() {
    let key = |text: &str| PublicKey::parse(&hex::decode(text).unwrap().try_into().unwrap());
    let p_minus = |last: &str| format!("{last}{}7f", "ff".repeat(30));
    for (text, fault) in [
        // Of order 1, 2, 4 and 8, and the first in its other encodings.
        (format!("01{}", "00".repeat(31)), PublicKeyFault::Weak),
        (p_minus("ec"), PublicKeyFault::Weak),
        ("00".repeat(32), PublicKeyFault::Weak),
        ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(), PublicKeyFault::Weak),
        (p_minus("ee"), PublicKeyFault::Weak),
        // y = p + 3, the other encoding of 3, which is a point of large order.
        (p_minus("f0"), PublicKeyFault::NotAPoint),
        // No point has this y.
        (format!("02{}", "00".repeat(31)), PublicKeyFault::NotAPoint),
    ] {
        assert_eq!(key(&text), Err(fault), "{text}");
    }
    // RFC 8032 §7.1, and the honest encoding of y = 3.
    for text in ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", &format!("03{}", "00".repeat(31))]
    {
        assert_eq!(key(text).map(|key| hex::encode(key.as_bytes())), Ok(text.to_owned()));
    }
}
